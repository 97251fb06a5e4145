/*
 * The command line of scitq-run: which command, which options, which files. The
 * tables in run_options.c are what --help prints.
 */
#ifndef CLI_RUN_OPTIONS_H
#define CLI_RUN_OPTIONS_H

#include "base/vec.h"
#include "cli/recruit.h"
#include "cli/simulate.h"
#include "compiler/compile.h"
#include "dsl/document.h"
#include "runtime/launch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum command {
	COMMAND_RUN,
	COMMAND_CHECK,
	COMMAND_PLAN,
	COMMAND_TEST,
	COMMAND_GRAPH,
	COMMAND_FMT,
	COMMAND_DOC,
	COMMAND_EXPLAIN,
	COMMANDS
};

struct run_options {
	enum command command;
	VEC(const char *) files; /* one, but for fmt; or the code to explain */
	VEC(struct compile_param) params, sets;
	const char *name, *profile, *dump, *format;
	/* What --format says to graph; NULL: dot. */
	void (*graph)(const struct compilation *c, struct str *out);
	enum document_form form; /* and to doc */
	size_t tasks;
	struct launch_options launch;
	struct recruit_wish recruit;
	bool check, diff; /* fmt; diff also of plan, with the run */
	long run;
	bool json, origin;
	bool simulated; /* plan */
	struct simulate_options simulate;
	bool locked, update_lock, probe;
	bool help;
};

/*
 * 0; an exit code, where what is wrong has been said; -1 to end well. Texts are those
 * of argv, which is permuted and cut.
 */
int run_options_read(struct run_options *o, int argc, char **argv);
void run_options_release(struct run_options *o);
/* To standard output; an exit code. */
int run_options_usage(void);
/* The file, and what the command line gives it. */
struct compile_options run_options_compile(const struct run_options *o);

/* Says it, with a hint at --help; EXIT_CODE_USAGE. */
int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
