/* Commands that providers run, and text for the shells that they start. */
#ifndef PROVIDERS_COMMAND_H
#define PROVIDERS_COMMAND_H

#include "base/str.h"

#include <stdbool.h>

struct command_output {
	struct str out, err;
};

/*
 * Run a program of PATH, `argv` ends with NULL and has at most 31 words; `input` may be NULL. False
 * where it fails: o->err says why. Both outputs are there in any case, without newlines at the end
 * of `err`, to be released.
 */
bool command_run(const char *const *argv, const struct str *input, struct command_output *o);
void command_release(struct command_output *o);

/* The text as one word of a shell. */
void shell_quote(struct str *script, const char *text);
/* NAME='value' as a line; NULL is the empty text. */
void shell_variable(struct str *script, const char *name, const char *value);

#endif
