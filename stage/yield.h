/*
 * What a task promised to write, and whether a file that it wrote keeps the
 * promise: the same names that a URI made of its output folder and the pattern
 * would find.
 */
#ifndef STAGE_YIELD_H
#define STAGE_YIELD_H

#include "base/arena.h"

#include <stdbool.h>

/* The pattern of the output folder itself: kept in any case, but the folder is published even if
   nothing is in it, since somebody takes the whole of it. */
#define YIELD_WHOLE "./"

struct yield {
	const char *place; /* the path below the output folder, or its pattern, after a '/' */
	bool glob;
	bool folder; /* kept by any file below it */
};

/* `pattern` is a name, a glob, or either with a '/' at its end; owned by the arena. */
void yield_parse(struct arena *arena, const char *pattern, struct yield *yield);
/* `name` is the path of a file relative to the output folder, without "." and "..". */
bool yield_matches(const struct yield *yield, const char *name);

#endif
