#include "cli/run_options.h"

#include "base/columns.h"
#include "base/str.h"
#include "cli/io.h"
#include "dsl/keywords.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* To add a command: its constant, a row here, and what it does in run_main.c. */
static const struct command_row {
	const char *word, *arguments, *help;
} commands[COMMANDS] = {
        [COMMAND_RUN] = {"run", "FILE", "compile FILE, run it, follow it"},
        [COMMAND_CHECK] = {"check", "FILE", "only look for mistakes"},
        [COMMAND_PLAN] = {"plan", "FILE", "every task; nothing is submitted"},
        [COMMAND_TEST] = {"test", "FILE", "look whether what its tests say of the plan holds"},
        [COMMAND_GRAPH] = {"graph", "FILE", "the steps as a graph"},
        [COMMAND_FMT] = {"fmt", "FILE...", "put files into their canonical layout"},
        [COMMAND_DOC] = {"doc", "FILE", "what FILE says about itself: purpose, params, steps"},
        [COMMAND_EXPLAIN] = {"explain", "CODE", "what a diagnostic means"},
};

/* To add an option: a row here and its case in read_option. */
enum {
	OPT_STATE = 256,
	OPT_CA,
	OPT_WORKERS,
	OPT_RECRUIT,
	OPT_ADVERTISE,
	OPT_SHARED,
	OPT_FRESH,
	OPT_DETACH,
	OPT_DEBUG,
	OPT_AS,
	OPT_DUMP,
	OPT_FORMAT,
	OPT_TASKS,
	OPT_CHECK,
	OPT_DIFF,
	OPT_JSON,
	OPT_SET,
	OPT_ORIGIN,
	OPT_SIMULATE,
	OPT_SECONDS,
	OPT_OFFERS,
	OPT_PRICE,
	OPT_BOOT,
	OPT_LOCKED,
	OPT_UPDATE_LOCK,
	OPT_PROBE,
	OPT_PROFILE
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
        {{"set", required_argument, NULL, OPT_SET},
         "[STEP.]KEY=VALUE",
         "a setting that wins over the file's",
         NULL},
        {{"as", required_argument, NULL, OPT_AS}, "NAME", "another name for the workflow", NULL},
        {{"profile", required_argument, NULL, OPT_PROFILE},
         "NAME",
         "with the settings and params of this profile of the file",
         NULL},
        {{"locked", no_argument, NULL, OPT_LOCKED},
         NULL,
         "refuse modules, sheets, listings and images that are not as the lock file says",
         "run, check, plan"},
        {{"update-lock", no_argument, NULL, OPT_UPDATE_LOCK},
         NULL,
         "write the lock file, FILE.lock for FILE.scitq, and show the difference",
         "run, check, plan"},
        {{"probe", no_argument, NULL, OPT_PROBE},
         NULL,
         "ask whether the addresses and images that it takes are there",
         "plan"},
        {{"server", required_argument, NULL, 's'},
         "SERVER",
         "a team's server, HOST, HOST:PORT or URL (SCITQ_SERVER); token in SCITQ_TOKEN",
         "run, plan"},
        {{"ca", required_argument, NULL, OPT_CA},
         "FILE",
         "who vouches for a server of https (SCITQ_CA; the system's)",
         "run, plan"},
        {{"state", required_argument, NULL, OPT_STATE},
         "DIR",
         "state directory of the private server",
         "run, plan"},
        {{"workers", required_argument, NULL, OPT_WORKERS},
         "N",
         "local workers of the private server, sharing this machine's cpus (1)",
         "run"},
        {{"recruit", required_argument, NULL, OPT_RECRUIT},
         "PROVIDER[:REGION]",
         "who makes workers for a file that names nobody: local, slurm...",
         "run, check, plan"},
        {{"advertise", required_argument, NULL, OPT_ADVERTISE},
         "ADDR[:PORT]",
         "where those on other machines find the private server, which speaks TLS there",
         "run"},
        {{"shared", required_argument, NULL, OPT_SHARED},
         "DIR[:DIR]...",
         "directories that those see too (network filesystems are known)",
         "run, check, plan"},
        {{"fresh", no_argument, NULL, OPT_FRESH}, NULL, "run everything, reuse nothing", "run"},
        {{"detach", no_argument, NULL, OPT_DETACH}, NULL, "submit and leave", "run"},
        {{"debug", no_argument, NULL, OPT_DEBUG},
         NULL,
         "run task by task: pick one, see all of it, retry, go on; `help` in it tells how",
         "run"},
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
         "of graph: dot, mermaid or svg (dot); of doc: text, man or markdown (text)",
         "graph, doc"},
        {{"origin", no_argument, NULL, OPT_ORIGIN}, NULL, "show who set what instead", "plan"},
        {{"simulate", no_argument, NULL, OPT_SIMULATE},
         NULL,
         "play it in virtual time instead: workers, makespan and cost; takes --workers, --server",
         "plan"},
        {{"seconds", required_argument, NULL, OPT_SECONDS},
         "[STEP=]N",
         "how long a task takes (as it took on the server; else run_timeout, 60 to --simulate)",
         "plan"},
        {{"offers", required_argument, NULL, OPT_OFFERS},
         "FILE",
         "what providers offer (what the server knows, else --simulate makes it up to fit)",
         "plan"},
        {{"price", required_argument, NULL, OPT_PRICE},
         "[FLAVOR=]N",
         "of an hour of such a machine; else of a cpu of those whose price nobody tells",
         "plan"},
        {{"boot", required_argument, NULL, OPT_BOOT},
         "SECONDS",
         "of --simulate: until a machine that is made works (120)",
         "plan"},
        {{"json", no_argument, NULL, OPT_JSON},
         NULL,
         "one JSON object per line instead of text",
         "run, check, plan"},
        {{"check", no_argument, NULL, OPT_CHECK},
         NULL,
         "change nothing, name the files that would change, exit 1 if there are any",
         "fmt"},
        {{"diff", no_argument, NULL, OPT_DIFF},
         NULL,
         "fmt: change nothing, print what would; plan --diff RUN FILE: in what it differs from "
         "that run",
         "fmt, plan"},
        {{"help", no_argument, NULL, 'h'},
         NULL,
         "this text; with a file its purpose and params",
         NULL},
        {{"version", no_argument, NULL, 'V'}, NULL, "the version", NULL},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

int run_options_usage(void)
{
	struct str out = STR_INIT, help = STR_INIT;

	str_adds(&out, "usage: scitq-run [COMMAND] [OPTION]... FILE\n\ncommands:\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command_row *row = &commands[i];
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s", i > 0 ? row->word : "", i > 0 ? " " : "",
		         row->arguments);
		columns_row(&out, left, row->help);
	}
	str_adds(&out, "\nFILE may be - for standard input.\n\n"
	               "options, and the commands that they are for:\n");
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *r = &rows[i];
		char left[64];

		snprintf(left, sizeof(left), "%s%c%s--%s%s%s", r->option.val < 256 ? "-" : "",
		         r->option.val < 256 ? r->option.val : ' ',
		         r->option.val < 256 ? ", " : "   ", r->option.name, r->value ? " " : "",
		         r->value ? r->value : "");
		str_reset(&help);
		str_adds(&help, r->help);
		if (r->commands != NULL)
			str_addf(&help, " [%s]", r->commands);
		columns_row(&out, left, help.p);
	}
	str_adds(&out, "\n");
	columns_text(&out, 0,
	             "Ctrl-C on a terminal asks whether to detach or to cancel. Without one, "
	             "and for SIGTERM, the run is cancelled, but goes on where others follow "
	             "it too. SIGHUP detaches.");
	str_adds(&out, "\n");
	columns_text(&out, 0,
	             "exit codes: 0 ok, 1 tasks failed, 2 usage, 3 the file has errors, 4 "
	             "server, 5 infrastructure, 130 interrupted");
	str_release(&help);
	return io_print(&out);
}

int usage_error(const char *fmt, ...)
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

/* NAME=VALUE cut in place; false where it is none. */
static bool split_pair(char *text, struct compile_param *pair)
{
	char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		return false;
	*equals = '\0';
	*pair = (struct compile_param){text, equals + 1};
	return true;
}

static int add_param(struct run_options *o, char *text)
{
	struct compile_param param;

	if (!split_pair(text, &param))
		return usage_error("--param takes NAME=VALUE, not '%s'", text);
	vec_push(&o->params, param);
	return 0;
}

static int add_set(struct run_options *o, char *text)
{
	struct compile_param set;

	if (!split_pair(text, &set))
		return usage_error("--set takes KEY=VALUE or STEP.KEY=VALUE, not '%s'", text);
	vec_push(&o->sets, set);
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
		o->launch.team.server = optarg;
		return 0;
	case OPT_CA:
		o->launch.team.ca = optarg;
		return 0;
	case OPT_AS:
		o->name = optarg;
		return 0;
	case OPT_STATE:
		o->launch.own.state = optarg;
		return 0;
	case OPT_WORKERS:
		if (!read_count(optarg, LOCAL_WORKERS, &n))
			return usage_error("--workers takes a number from 0 to 16, not '%s'",
			                   optarg);
		o->launch.own.workers = (int)n;
		return 0;
	case OPT_RECRUIT:
		if (!recruit_wish_read(&o->recruit, optarg))
			return usage_error("--recruit takes PROVIDER or PROVIDER:REGION");
		return 0;
	case OPT_ADVERTISE:
		o->launch.own.advertise = optarg;
		return 0;
	case OPT_SHARED:
		o->recruit.shared = optarg;
		return 0;
	case OPT_FRESH:
		o->launch.fresh = true;
		return 0;
	case OPT_DETACH:
		o->launch.detach = true;
		return 0;
	case OPT_DEBUG:
		o->launch.debug = true;
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
		o->format = optarg;
		return 0;
	case OPT_SET:
		return add_set(o, optarg);
	case OPT_LOCKED:
		o->locked = true;
		return 0;
	case OPT_PROFILE:
		o->profile = optarg;
		return 0;
	case OPT_PROBE:
		o->probe = true;
		return 0;
	case OPT_UPDATE_LOCK:
		o->update_lock = true;
		return 0;
	case OPT_ORIGIN:
		o->origin = true;
		return 0;
	case OPT_SIMULATE:
		o->simulated = true;
		return 0;
	case OPT_SECONDS:
		vec_push(&o->simulate.forecast.seconds, optarg);
		return 0;
	case OPT_OFFERS:
		o->simulate.forecast.offers = optarg;
		return 0;
	case OPT_PRICE:
		vec_push(&o->simulate.forecast.prices, optarg);
		return 0;
	case OPT_BOOT:
		if (!read_count(optarg, 86400, &n))
			return usage_error("--boot takes seconds, not '%s'", optarg);
		o->simulate.boot_seconds = (double)n;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_CHECK:
		o->check = true;
		return 0;
	case OPT_DIFF:
		o->diff = true;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case 'V':
		puts("scitq-run " SCITQ_VERSION);
		return -1;
	default:
		/* getopt has said what is wrong. */
		return usage_error("params of the file are given by --param NAME=VALUE");
	}
}

static enum command command_of(const char *word)
{
	for (int i = COMMAND_CHECK; i < COMMANDS; i++) {
		if (strcmp(word, commands[i].word) == 0)
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
	const char *known[COMMANDS], *nearest;
	struct str list = STR_INIT;

	for (int i = 0; i < COMMANDS; i++)
		known[i] = commands[i].word;
	nearest = word_nearest(word, known + COMMAND_CHECK, COMMANDS - COMMAND_CHECK);
	if (access(word, F_OK) == 0 || strpbrk(word, "./") != NULL || (nearest == NULL && !more))
		return false;
	for (int i = COMMAND_CHECK; i < COMMANDS; i++)
		str_addf(&list, "%s%s", i == COMMAND_CHECK ? "" : ", ", known[i]);
	if (nearest != NULL)
		usage_error("'%s' is neither a file nor a command (%s); did you mean '%s'?", word,
		            list.p, nearest);
	else
		usage_error("'%s' is neither a file nor a command (%s)", word, list.p);
	str_release(&list);
	return true;
}

/* --format, whose words are those of the command. */
static int read_format(struct run_options *o)
{
	static const struct {
		const char *word;
		void (*print)(const struct compilation *c, struct str *out);
	} graphs[] = {{"dot", compile_graph_dot},
	              {"mermaid", compile_graph_mermaid},
	              {"svg", compile_graph_svg}};
	int form = document_form_find(o->format);

	if (o->command == COMMAND_DOC) {
		if (form < 0)
			return usage_error("--format is text, man or markdown, not '%s'",
			                   o->format);
		o->form = (enum document_form)form;
		return 0;
	}
	for (size_t i = 0; i < sizeof(graphs) / sizeof(*graphs); i++) {
		if (strcmp(graphs[i].word, o->format) == 0)
			o->graph = graphs[i].print;
	}
	if (o->graph == NULL)
		return usage_error("--format is dot, mermaid or svg, not '%s'", o->format);
	return 0;
}

/* What is left of the command line: a command or none, and files. */
static int read_words(struct run_options *o, char **left, int n)
{
	int first = 0;

	if (n > 0)
		o->command = command_of(left[0]);
	if (o->command != COMMAND_RUN)
		first = 1;
	else if (n > 0 && strcmp(left[0], "-") != 0 && unknown_command(left[0], n > 1))
		return EXIT_CODE_USAGE;
	if (o->command == COMMAND_PLAN && o->diff) {
		if (n <= first || !read_count(left[first], LONG_MAX, &o->run))
			return usage_error(
			        "plan --diff wants the number of a run: plan --diff 3 FILE");
		first++;
	}
	for (int i = first; i < n; i++)
		vec_push(&o->files, strcmp(left[i], "-") == 0 ? "/dev/stdin" : left[i]);
	if (o->files.n > 1 && o->command != COMMAND_FMT) {
		if (strchr(o->files.v[1], '=') != NULL)
			return usage_error("a param is given by --param %s", o->files.v[1]);
		return usage_error("one file at a time, '%s' is too many", o->files.v[1]);
	}
	if (o->locked && o->update_lock)
		return usage_error("--locked refuses what --update-lock would accept");
	if ((o->locked || o->update_lock) && o->command > COMMAND_PLAN)
		return usage_error("a lock goes with run, check and plan");
	if (o->launch.debug && (o->launch.detach || o->command != COMMAND_RUN))
		return usage_error(o->launch.detach ? "--debug is a dialog, and --detach leaves it"
		                                    : "--debug goes with running a file");
	if (o->json && (o->command > COMMAND_PLAN || o->launch.debug))
		return usage_error(o->launch.debug ? "--debug is a dialog, and goes without --json"
		                                   : "--json goes with run, check and plan");
	if (o->diff && o->command == COMMAND_PLAN && (o->json || o->origin))
		return usage_error("--diff is text, and goes without --json and --origin");
	if (o->probe && o->command != COMMAND_PLAN)
		return usage_error("--probe goes with plan");
	if (o->origin && (o->command != COMMAND_PLAN || o->json))
		return usage_error("--origin goes with plan, and is text");
	if (o->simulated && (o->command != COMMAND_PLAN || o->origin))
		return usage_error("--simulate goes with plan");
	if ((o->simulate.forecast.seconds.n > 0 || o->simulate.forecast.offers ||
	     o->simulate.forecast.prices.n > 0) &&
	    (o->command != COMMAND_PLAN || o->origin || o->diff))
		return usage_error("--seconds, --offers and --price go with plan");
	if (o->files.n == 0 && !o->help)
		return usage_error("%s",
		                   o->command == COMMAND_EXPLAIN ? "which code?" : "which file?");
	return 0;
}

int run_options_read(struct run_options *o, int argc, char **argv)
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
	code = read_words(o, argv + optind, argc - optind);
	return code == 0 && o->format != NULL ? read_format(o) : code;
}

void run_options_release(struct run_options *o)
{
	vec_release(&o->files);
	vec_release(&o->params);
	vec_release(&o->sets);
	vec_release(&o->simulate.forecast.seconds);
	vec_release(&o->simulate.forecast.prices);
}

struct compile_options run_options_compile(const struct run_options *o)
{
	return (struct compile_options){
	        .path = o->files.v[0],
	        .params = o->params.v,
	        .nparams = o->params.n,
	        .sets = o->sets.v,
	        .nsets = o->sets.n,
	        .name = o->name,
	        .profile = o->profile,
	        /* What a team's workers see is the team's business. */
	        .recruit = o->launch.team.server == NULL ? o->recruit.provider : NULL,
	        .shared = o->recruit.shared,
	};
}
