/*
 * The command of a task as it was written: which shell reads it, the text of the step, and the
 * values that were bound to it.
 */
#ifndef CLI_WRITTEN_H
#define CLI_WRITTEN_H

#include "base/arena.h"
#include "base/str.h"
#include "compiler/prologue.h"

#include <stdbool.h>

struct written {
	char **words; /* of the command */
	size_t nwords;
	const char *shell; /* that reads the text, as it is called; NULL: the words are executed */
	const char *flags; /* of the shell, such as "-euo pipefail"; "": none */
	struct prologue prologue; /* with a shell: the text behind it; values of other interpreters
	                             too */
};

/* In the arena. False with a sentence in `error` where the command cannot be split. */
bool written_read(const char *command, const char *script, struct arena *arena, struct written *w,
                  struct str *error);
/* Whether a program of this name reads text as POSIX says, and whether it is bash. */
bool written_is_shell(const char *program);
bool written_is_bash(const char *program);
/*
 * A script that does what the command does, for a person to read and run: `script` is where that
 * of the task lies, NULL: it has none.
 */
void written_script(const struct written *w, const char *script, struct str *out);

#endif
