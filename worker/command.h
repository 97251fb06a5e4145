/* What is executed for a task: the words of its command and the variables that it is given. */
#ifndef WORKER_COMMAND_H
#define WORKER_COMMAND_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* What $SCITQ_LINE is in a container, and where a script lies. */
#define COMMAND_LINE_FILE "/scitq/line"
#define COMMAND_SCRIPT_FILE "/scitq/script"

/* What a command depends on. */
struct command_input {
	const char *command;   /* of the task */
	const char *script;    /* NULL: none */
	const char *directory; /* of the task */
	int64_t task_id, execution_id;
	const char *name;  /* of the task, NULL: none */
	const char *batch; /* NULL: none */
	double cpu;        /* of the task; NaN: its share of the worker's */
	double weight;
	double worker_cpus;
	bool plain_shell; /* of command_shell_is_plain() */
	bool contained;   /* it is to run in a container: container_wrap() goes on with it */
};

/* Everything in the arena that command_build() was given. */
struct command {
	char **words; /* NULL-ended, at least one */
	size_t nwords;
	char **fallback; /* where words were taken out of a shell's text: the shell */
	size_t nfallback;
	char **variables; /* "NAME=value" */
	size_t nvariables;
	const char *directory; /* to run in: $TEMP */
	const char *script;    /* file that is to hold the script, NULL: none */
	bool contained;        /* the words are those of worker/runner.h */
};

/*
 * False with a sentence in `error` where the command cannot be split.
 *
 * `sh -c` with nothing in its text that needs a shell, neither character nor builtin,
 * becomes the words of the text: they mean the same and cost one program less. The shell
 * is the fallback where they cannot be executed, so that it says what it would have said.
 */
bool command_build(const struct command_input *in, struct arena *arena, struct command *command,
                   struct str *error);
/*
 * Whether a shell adds nothing to what a simple command means: no exported
 * function, no file that it reads first.
 */
bool command_shell_is_plain(char *const *environment);
/* The cpus that a task may count on: at least 1, and no more than the worker has. */
int64_t command_cpus(double cpu, double weight, double worker_cpus);

#endif
