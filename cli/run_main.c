/*
 * scitq-run: compile a file and run it, or only check, plan, graph or explain.
 * Called as scitq-server or scitq-worker it is that program: the private server
 * and workers are processes of this very binary.
 */
#include "base/alloc.h"
#include "base/fd.h"
#include "base/vec.h"
#include "compiler/compile.h"
#include "dsl/keywords.h"
#include "runtime/launch.h"
#include "server/server_main.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum command { COMMAND_RUN, COMMAND_CHECK, COMMAND_PLAN, COMMAND_GRAPH, COMMAND_EXPLAIN, COMMANDS };

static const char *const command_words[COMMANDS] = {"run", "check", "plan", "graph", "explain"};

struct run_options {
	enum command command;
	const char *file; /* or the code to explain */
	VEC(struct compile_param) params;
	const char *name, *dump, *format;
	size_t tasks;
	struct launch_options launch;
	bool help;
};

/* To add an option: a row here and its case in read_option. */
enum {
	OPT_STATE = 256,
	OPT_WORKERS,
	OPT_FRESH,
	OPT_DETACH,
	OPT_AS,
	OPT_DUMP,
	OPT_FORMAT,
	OPT_TASKS
};

static const struct option_row {
	struct option option;
	const char *value, *help;
	const char *commands; /* for which it has a meaning; NULL: all that take a file */
} rows[] = {
        {{"param", required_argument, NULL, 'p'},
         "NAME=VALUE",
         "set a param of the file; @PATH as value reads a file",
         NULL},
        {{"as", required_argument, NULL, OPT_AS}, "NAME", "another name for the workflow", NULL},
        {{"server", required_argument, NULL, 's'},
         "SERVER",
         "a team's server, HOST or HOST:PORT (SCITQ_SERVER); token in SCITQ_TOKEN",
         "run"},
        {{"state", required_argument, NULL, OPT_STATE},
         "DIR",
         "state directory of the private server",
         "run"},
        {{"workers", required_argument, NULL, OPT_WORKERS},
         "N",
         "local workers of the private server, sharing this machine's cpus (1)",
         "run"},
        {{"fresh", no_argument, NULL, OPT_FRESH}, NULL, "run everything, reuse nothing", "run"},
        {{"detach", no_argument, NULL, OPT_DETACH}, NULL, "submit and leave", "run"},
        {{"dump", required_argument, NULL, OPT_DUMP},
         "STAGE",
         "print what parse, resolve, check, expand, plan or emit made",
         "check"},
        {{"tasks", required_argument, NULL, OPT_TASKS},
         "N",
         "show at most N tasks of each step (all)",
         "plan"},
        {{"format", required_argument, NULL, OPT_FORMAT},
         "FORMAT",
         "dot or mermaid (dot)",
         "graph"},
        {{"help", no_argument, NULL, 'h'}, NULL, "this text; with a file also its params", NULL},
        {{"version", no_argument, NULL, 'V'}, NULL, "the version", NULL},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void print_usage(FILE *to)
{
	fputs("usage: scitq-run [OPTION]... FILE            compile FILE, run it, follow it\n"
	      "       scitq-run check [OPTION]... FILE      only look for mistakes\n"
	      "       scitq-run plan [OPTION]... FILE       every task; nothing is submitted\n"
	      "       scitq-run graph [OPTION]... FILE      the steps as a graph\n"
	      "       scitq-run explain CODE                what a diagnostic means\n"
	      "FILE may be - for standard input.\n\n",
	      to);
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *r = &rows[i];
		char left[64];

		snprintf(left, sizeof(left), "%s%c%s--%s%s%s", r->option.val < 256 ? "-" : "",
		         r->option.val < 256 ? r->option.val : ' ',
		         r->option.val < 256 ? ", " : "   ", r->option.name, r->value ? " " : "",
		         r->value ? r->value : "");
		fprintf(to, "  %-26s %s%s%s%s\n", left, r->help, r->commands ? " [" : "",
		        r->commands ? r->commands : "", r->commands ? "]" : "");
	}
	fputs("\nexit codes: 0 ok, 1 tasks failed, 2 usage, 3 the file has errors, 4 server,\n"
	      "            5 infrastructure, 130 interrupted\n",
	      to);
}

static int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int usage_error(const char *fmt, ...)
{
	va_list ap;

	fputs("scitq-run: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("; see scitq-run --help\n", stderr);
	return EXIT_CODE_USAGE;
}

static bool read_count(const char *text, long most, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *value >= 0 && *value <= most;
}

static int add_param(struct run_options *o, char *text)
{
	char *equals = strchr(text, '=');
	struct compile_param param;

	if (equals == NULL || equals == text)
		return usage_error("--param takes NAME=VALUE, not '%s'", text);
	*equals = '\0';
	param = (struct compile_param){text, equals + 1};
	vec_push(&o->params, param);
	return 0;
}

/* 0, or an exit code; -1 to end well. */
static int read_option(struct run_options *o, int option)
{
	long n;

	switch (option) {
	case 'p':
		return add_param(o, optarg);
	case 's':
		o->launch.server = optarg;
		return 0;
	case OPT_AS:
		o->name = optarg;
		return 0;
	case OPT_STATE:
		o->launch.state = optarg;
		return 0;
	case OPT_WORKERS:
		if (!read_count(optarg, LOCAL_WORKERS, &n))
			return usage_error("--workers takes a number from 0 to 16, not '%s'",
			                   optarg);
		o->launch.workers = (int)n;
		return 0;
	case OPT_FRESH:
		o->launch.fresh = true;
		return 0;
	case OPT_DETACH:
		o->launch.detach = true;
		return 0;
	case OPT_DUMP:
		if (compile_stage_find(optarg) < 0)
			return usage_error("--dump knows no stage '%s'", optarg);
		o->dump = optarg;
		return 0;
	case OPT_TASKS:
		if (!read_count(optarg, LONG_MAX, &n))
			return usage_error("--tasks takes a number, not '%s'", optarg);
		o->tasks = (size_t)n;
		return 0;
	case OPT_FORMAT:
		if (strcmp(optarg, "dot") != 0 && strcmp(optarg, "mermaid") != 0)
			return usage_error("--format is dot or mermaid, not '%s'", optarg);
		o->format = optarg;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case 'V':
		puts("scitq-run " SCITQ_VERSION);
		return -1;
	default:
		return EXIT_CODE_USAGE; /* getopt has said what is wrong */
	}
}

static enum command command_of(const char *word)
{
	for (int i = COMMAND_CHECK; i < COMMANDS; i++) {
		if (strcmp(word, command_words[i]) == 0)
			return (enum command)i;
	}
	return COMMAND_RUN;
}

/*
 * `word` was meant as a command where it is no file and reads like none. Says so and
 * is true.
 */
static bool unknown_command(const char *word, bool more)
{
	const char *nearest =
	        word_nearest(word, command_words + COMMAND_CHECK, COMMANDS - COMMAND_CHECK);
	struct str list = STR_INIT;

	if (access(word, F_OK) == 0 || strpbrk(word, "./") != NULL || (nearest == NULL && !more))
		return false;
	for (int i = COMMAND_CHECK; i < COMMANDS; i++)
		str_addf(&list, "%s%s", i == COMMAND_CHECK ? "" : ", ", command_words[i]);
	if (nearest != NULL)
		usage_error("'%s' is neither a file nor a command (%s); did you mean '%s'?", word,
		            list.p, nearest);
	else
		usage_error("'%s' is neither a file nor a command (%s)", word, list.p);
	str_release(&list);
	return true;
}

static int read_arguments(struct run_options *o, int argc, char **argv)
{
	struct option options[ROWS + 1] = {{0}};
	int c, code;

	for (size_t i = 0; i < ROWS; i++)
		options[i] = rows[i].option;
	while ((c = getopt_long(argc, argv, "p:s:hV", options, NULL)) != -1) {
		code = read_option(o, c);
		if (code != 0)
			return code;
	}
	if (optind < argc)
		o->command = command_of(argv[optind]);
	if (o->command != COMMAND_RUN)
		optind++;
	else if (optind < argc && unknown_command(argv[optind], optind + 1 < argc))
		return EXIT_CODE_USAGE;
	if (optind < argc)
		o->file = argv[optind++];
	if (o->file != NULL && strcmp(o->file, "-") == 0)
		o->file = "/dev/stdin";
	if (optind < argc)
		return usage_error("one file at a time, '%s' is too many", argv[optind]);
	if (o->file == NULL && !o->help)
		return usage_error("%s",
		                   o->command == COMMAND_EXPLAIN ? "which code?" : "which file?");
	return 0;
}

static bool wants_color(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDERR_FILENO) && (no_color == NULL || *no_color == '\0');
}

static void print_diagnostics(struct compilation *c)
{
	const struct diag_sink *sink = compile_diagnostics(c);
	struct str out = STR_INIT;

	for (size_t i = 0; i < sink->n; i++) {
		diag_render(&sink->list[i], compile_sources(c), wants_color(), &out);
		str_addc(&out, '\n');
	}
	if (sink->errors > 0)
		str_addf(&out, "%zu error%s", sink->errors, sink->errors == 1 ? "" : "s");
	if (sink->errors > 0 && sink->warnings > 0)
		str_adds(&out, ", ");
	if (sink->warnings > 0)
		str_addf(&out, "%zu warning%s", sink->warnings, sink->warnings == 1 ? "" : "s");
	if (sink->errors + sink->warnings > 0)
		str_addc(&out, '\n');
	fputs(out.p, stderr);
	str_release(&out);
}

static int print_text(struct str *out)
{
	int err = fd_write_all(STDOUT_FILENO, out->p, out->len);

	str_release(out);
	if (err == 0 || err == -EPIPE)
		return EXIT_CODE_OK;
	fprintf(stderr, "scitq-run: cannot write: %s\n", strerror(-err));
	return EXIT_CODE_INFRASTRUCTURE;
}

static int explain(const char *code)
{
	struct str out = STR_INIT;

	if (compile_explain(code, &out))
		return print_text(&out);
	str_release(&out);
	return usage_error("there is no diagnostic '%s'", code);
}

static int launch_compiled(struct run_options *o, struct compilation *c)
{
	char *path = realpath(o->file, NULL);
	enum exit_code code;

	o->launch.path = path ? path : o->file;
	code = launch(&o->launch, compile_submission(c));
	free(path);
	return (int)code;
}

static int use(struct run_options *o, struct compilation *c)
{
	struct str out = STR_INIT;

	if (o->help) {
		print_usage(stdout);
		fflush(stdout);
		compile_param_listing(c, &out);
		return print_text(&out);
	}
	switch (o->command) {
	case COMMAND_RUN:
		return launch_compiled(o, c);
	case COMMAND_CHECK:
		if (o->dump != NULL)
			compile_dump(c, (enum compile_stage)compile_stage_find(o->dump), &out);
		break;
	case COMMAND_PLAN:
		compile_listing(c, o->tasks, &out);
		break;
	case COMMAND_GRAPH:
		if (o->format != NULL && strcmp(o->format, "mermaid") == 0)
			compile_graph_mermaid(c, &out);
		else
			compile_graph_dot(c, &out);
		break;
	case COMMAND_EXPLAIN:
	case COMMANDS:
		break;
	}
	return print_text(&out);
}

/* Which server, and whether the rest goes with it. 0 or an exit code. */
static int choose_server(struct run_options *o)
{
	const char *variable = getenv("SCITQ_SERVER");

	if (o->launch.server == NULL && variable != NULL && *variable != '\0')
		o->launch.server = variable;
	if (o->launch.server != NULL && *o->launch.server == '\0')
		return usage_error("--server takes HOST or HOST:PORT, not nothing");
	if (o->launch.server != NULL && o->launch.workers >= 0)
		return usage_error("--workers is for a private server; start scitq-worker %s %d "
		                   "beside this one",
		                   o->launch.server, o->launch.workers);
	return 0;
}

static int compile_and_use(struct run_options *o)
{
	struct compile_options options = {
	        .path = o->file,
	        .params = o->params.v,
	        .nparams = o->params.n,
	        .name = o->name,
	};
	struct compilation *c;
	int code;

	if (o->help)
		options.stop_after = COMPILE_CHECK;
	else if (o->dump != NULL)
		options.stop_after = (enum compile_stage)compile_stage_find(o->dump);
	c = compile_file(&options);
	if (compile_read_error(c) != 0) {
		fprintf(stderr, "scitq-run: %s: %s\n", o->file, strerror(-compile_read_error(c)));
		compile_release(c);
		return EXIT_CODE_USAGE;
	}
	print_diagnostics(c);
	code = compile_ok(c) ? use(o, c) : EXIT_CODE_COMPILE;
	compile_release(c);
	return code;
}

static int run_main(int argc, char **argv)
{
	struct run_options o = {.launch = {.workers = -1}};
	int code = read_arguments(&o, argc, argv);

	if (code == 0 && o.help && o.file == NULL)
		print_usage(stdout);
	else if (code == 0 && o.command == COMMAND_RUN && !o.help)
		code = choose_server(&o);
	if (code == 0 && o.file != NULL)
		code = o.command == COMMAND_EXPLAIN ? explain(o.file) : compile_and_use(&o);
	vec_release(&o.params);
	return code < 0 ? EXIT_CODE_OK : code;
}

/*
 * A standard descriptor that the caller closed would be given to the next file
 * opened, which then receives what is meant for a person. Reading from it finds
 * the end, writing to it fails, as on a closed one.
 */
static bool fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && close(fd) == 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;

	if (!fill_standard_descriptors())
		return EXIT_CODE_INFRASTRUCTURE;

	name = name != NULL ? name + 1 : argc > 0 ? argv[0] : "";
	if (strcmp(name, "scitq-server") == 0)
		return server_main(argc, argv);
	if (strcmp(name, "scitq-worker") == 0)
		return worker_main(argc, argv);
	return run_main(argc, argv);
}
