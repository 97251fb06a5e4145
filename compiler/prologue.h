/*
 * What command.c writes before the text of a step, read back from the command of a task: so that
 * a person sees the text as it stands in the file, and the values that it was given by name.
 */
#ifndef COMPILER_PROLOGUE_H
#define COMPILER_PROLOGUE_H

#include "base/arena.h"

#include <stddef.h>

struct prologue_value {
	const char *name;
	const char *text;       /* NULL: a list, which only the assignment can tell */
	const char *assignment; /* shell text, "export NAME='VALUE'" */
};

struct prologue {
	struct prologue_value *values;
	size_t nvalues;
	const char *text; /* what follows; points into what was read */
};

/* Everything else in the arena. A text without a prologue is all text. */
void prologue_read(const char *command, struct arena *arena, struct prologue *p);

#endif
