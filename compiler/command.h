/*
 * The command of one task: the shell with its options, the values bound to the
 * text, the text itself, as one column that is split by POSIX quoting. A text
 * that is too long, or for another interpreter, travels as a script.
 */
#ifndef COMPILER_COMMAND_H
#define COMPILER_COMMAND_H

#include "compiler/compilation.h"

/* A longer text becomes a script: one argument of a process ends at 128 KiB. */
#define TEXT_LIMIT (96u * 1024)

struct command {
	const char *line;     /* the column `command` */
	const char *script;   /* the column `script`, or NULL */
	const char *identity; /* what decides the result: shell, bound values, text */
	const char *source;   /* "qc.scitq:47" */
};

/* env stands at the task. False after an error. Texts are in env->arena. */
bool command_make(struct env *env, const struct step *step, struct command *cmd);

#endif
