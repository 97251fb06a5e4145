/*
 * scitq-run: compile a file and run it, or do one of the other commands of run_options.h.
 * Called as scitq-server or scitq-worker it is that program: the private server
 * and workers are processes of this very binary.
 */
#include "cli/arguments.h"
#include "cli/doc.h"
#include "cli/edit_dialog.h"
#include "cli/fmt.h"
#include "cli/io.h"
#include "cli/lock.h"
#include "cli/ndjson.h"
#include "cli/operate.h"
#include "cli/plan.h"
#include "cli/run_options.h"
#include "cli/shellcheck.h"
#include "cli/team.h"
#include "cli/test.h"
#include "cli/then.h"
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int explain(const char *code)
{
	struct str out = STR_INIT;

	if (compile_explain(code, &out))
		return io_print(&out);
	str_release(&out);
	return usage_error("there is no diagnostic '%s'", code);
}

static int compile_and_use(struct run_options *o);

/* One file that follows, with the params that this one gives it. */
static int launch_next(const struct run_options *o, const struct submission_next *next)
{
	struct run_options other = {.launch = o->launch, .recruit = o->recruit, .json = o->json};
	struct arena arena;
	struct compile_param *params;
	int code = EXIT_CODE_INFRASTRUCTURE;

	arena_init(&arena);
	params = arena_array(&arena, struct compile_param, next->nparams);
	fprintf(stderr, "then %s\n", next->path);
	if (then_params(next, &arena, params)) {
		for (size_t i = 0; i < next->nparams; i++)
			vec_push(&other.params, params[i]);
		vec_push(&other.files, next->path);
		code = compile_and_use(&other);
	}
	run_options_release(&other);
	arena_release(&arena);
	return code;
}

/* A line of --json; `context` is where the exit code stands. */
static void tell_line(void *context, const char *type, json_t *object)
{
	struct str line = STR_INIT;
	int *told = context, code;

	ndjson_line(&line, type, object);
	code = io_print(&line);
	*told = *told == EXIT_CODE_OK ? code : *told;
}

static int launch_compiled(struct run_options *o, struct compilation *c)
{
	int told = EXIT_CODE_OK;
	const struct telling telling = {.line = tell_line, .context = &told};
	const struct submission *s = compile_submission(c);
	struct submission recruiting;
	struct edit_dialog *dialog;
	struct debug_editor editor;
	struct arena arena;
	const char *file = o->files.v[0];
	char *path = realpath(file, NULL);
	const struct compile_options options = run_options_compile(o);
	enum launch_end end = LAUNCH_ENDED;
	struct str arguments = STR_INIT;
	int code;

	o->launch.path = path ? path : file;
	/* Where nobody knows the directory, the run goes without. */
	o->launch.arguments = arguments_print(&options, &arguments) == 0 ? arguments.p : NULL;
	arena_init(&arena);
	if (o->recruit.provider != NULL) {
		recruiting = recruit_apply(&o->recruit, s, &arena);
		s = &recruiting;
	}
	dialog = edit_dialog_new(&o->launch.team, o->launch.path);
	editor = edit_dialog_editor(dialog);
	o->launch.editor = &editor;
	o->launch.telling = o->json ? &telling : NULL;
	code = (int)launch(&o->launch, s, &end);
	code = code == EXIT_CODE_OK ? told : code;
	o->launch.editor = NULL;
	edit_dialog_free(dialog);
	arena_release(&arena);
	str_release(&arguments);
	o->launch.arguments = NULL;
	o->launch.telling = NULL;
	free(path);
	if (end == LAUNCH_DETACHED && s->next_count > 0 && then_detached(o) != 0)
		code = EXIT_CODE_INFRASTRUCTURE;
	for (size_t i = 0; end == LAUNCH_ENDED && code == EXIT_CODE_OK && i < s->next_count; i++)
		code = launch_next(o, &s->nexts[i]);
	return code;
}

static int use(struct run_options *o, struct compilation *c)
{
	struct str out = STR_INIT;

	switch (o->command) {
	case COMMAND_RUN:
		return launch_compiled(o, c);
	case COMMAND_CHECK:
		if (o->dump != NULL)
			compile_dump(c, (enum compile_stage)compile_stage_find(o->dump), &out);
		break;
	case COMMAND_PLAN:
		return plan(o, c);
	case COMMAND_GRAPH:
		(o->graph != NULL ? o->graph : compile_graph_dot)(c, &out);
		break;
	case COMMAND_TEST:
	case COMMAND_FMT:
	case COMMAND_DOC:
	case COMMAND_EXPLAIN:
	case COMMANDS:
		break;
	}
	return io_print(&out);
}

static int tell_json(struct compilation *c)
{
	struct str out = STR_INIT;

	ndjson_begin(&out);
	ndjson_diagnostics(compile_diagnostics(c), compile_sources(c), &out);
	return io_print(&out);
}

/* Of a private server: who is asked for workers, and whether they find it. 0 or an exit code. */
static int check_reach(struct run_options *o)
{
	struct session_private *own = &o->launch.own;
	const char *provider = o->recruit.provider;

	if (o->launch.team.server != NULL && own->advertise != NULL)
		return usage_error("--advertise is for a private server");
	if (o->launch.team.server != NULL)
		return 0;
	if (provider == NULL && own->advertise != NULL)
		return usage_error("--advertise goes with --recruit");
	if (provider != NULL && strcmp(provider, "local") != 0 && own->advertise == NULL)
		return usage_error("workers of %s find the server only with --advertise ADDR, an "
		                   "address of this machine that theirs can reach",
		                   provider);
	own->recruit = provider;
	return 0;
}

/* Which server, and whether the rest goes with it. 0 or an exit code. */
static int choose_server(struct run_options *o, struct config *config)
{
	struct server_access *team = &o->launch.team;
	struct str error = STR_INIT;
	int code = 0;

	/* Who names a state directory, or workers, wants the private server. */
	if (!config_read(config, &error) ||
	    !team_choose(team, config, o->launch.own.state != NULL || o->launch.own.workers >= 0,
	                 &error))
		code = usage_error("%s", error.p);
	else if (team->server != NULL && o->launch.own.workers >= 0)
		code = usage_error("--workers is for a private server; start scitq-worker %s %d "
		                   "beside this one",
		                   team->server, o->launch.own.workers);
	else
		code = check_reach(o);
	str_release(&error);
	return code;
}

/* What was compiled is told, and used where it is right. */
static int tell_and_use(struct run_options *o, struct lock *lock, struct compilation *c)
{
	int code;

	if (compile_read_error(c) != 0) {
		fprintf(stderr, "scitq-run: %s: %s\n", o->files.v[0],
		        strerror(-compile_read_error(c)));
		return EXIT_CODE_USAGE;
	}
	if (o->command == COMMAND_CHECK && compile_ok(c) && !shellcheck_run(c))
		return EXIT_CODE_INFRASTRUCTURE;
	code = compile_ok(c) ? lock_use(lock, o, c) : EXIT_CODE_OK;
	if (code == EXIT_CODE_OK && o->json)
		code = tell_json(c);
	if (!o->json)
		io_diagnostics(compile_diagnostics(c), compile_sources(c));
	if (code == EXIT_CODE_OK)
		code = compile_ok(c) ? use(o, c) : EXIT_CODE_COMPILE;
	return code;
}

static int compile_and_use(struct run_options *o)
{
	struct compile_options options = run_options_compile(o);
	struct compilation *c;
	struct lock lock;
	int code = lock_open(&lock, o);

	options.module = o->command == COMMAND_CHECK;
	options.files = &lock.frozen.files;
	if (o->dump != NULL)
		options.stop_after = (enum compile_stage)compile_stage_find(o->dump);
	if (code == EXIT_CODE_OK) {
		c = compile_file(&options);
		code = tell_and_use(o, &lock, c);
		compile_release(c);
	}
	lock_close(&lock);
	return code;
}

/* Every file, even after one that has mistakes; the worst of their exit codes. */
static int format_files(const struct run_options *o)
{
	struct fmt_options options = {
	        .check = o->check,
	        .diff = o->diff,
	        .report = io_diagnostics,
	};
	int worst = EXIT_CODE_OK;

	for (size_t i = 0; i < o->files.n; i++) {
		int code = fmt_file(&options, o->files.v[i]);

		worst = code > worst ? code : worst;
	}
	return worst;
}

static int do_command(struct run_options *o)
{
	if (o->help &&
	    (o->files.n == 0 || o->command == COMMAND_FMT || o->command == COMMAND_EXPLAIN))
		return run_options_usage();
	if (o->help)
		return doc_file(o, io_diagnostics);
	switch (o->command) {
	case COMMAND_EXPLAIN:
		return explain(o->files.v[0]);
	case COMMAND_FMT:
		return format_files(o);
	case COMMAND_DOC:
		return doc_file(o, io_diagnostics);
	case COMMAND_TEST:
		return test_file(o, io_diagnostics);
	default:
		return compile_and_use(o);
	}
}

static int run_main(int argc, char **argv)
{
	struct run_options o = {.launch = {.own = {.workers = -1}},
	                        .simulate = {.boot_seconds = 120}};
	struct config config;
	int code = run_options_read(&o, argc, argv);

	config_init(&config);
	if (code == 0 && !o.help &&
	    (o.command == COMMAND_RUN || (o.command == COMMAND_PLAN && o.diff)))
		code = choose_server(&o, &config);
	if (code == 0)
		code = do_command(&o);
	run_options_release(&o);
	config_release(&config);
	return code < 0 ? EXIT_CODE_OK : code;
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;

	if (!io_fill_descriptors())
		return EXIT_CODE_INFRASTRUCTURE;

	name = name != NULL ? name + 1 : argc > 0 ? argv[0] : "";
	if (strcmp(name, "scitq-server") == 0)
		return operate_main(argc, argv);
	if (strcmp(name, "scitq-worker") == 0)
		return worker_main(argc, argv);
	return run_main(argc, argv);
}
