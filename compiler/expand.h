/*
 * Instances of levels and their keys: `cell:1,2,3` in names, cell/1/2/3/ in
 * paths. The pass that makes them is compile_expand.
 */
#ifndef COMPILER_EXPAND_H
#define COMPILER_EXPAND_H

#include "compiler/program.h"

/* Instances of one loop, tasks of one file. */
#define TASK_LIMIT 50000000u

/*
 * What a value is called in names and paths: the key of a record, the last part of
 * a path, else its text. Borrowed from the value, or in *scratch.
 */
const char *element_key(const struct value *v, size_t *len, struct str *scratch);

/* The keys of all loops around a tuple, outermost first; nothing at the root. Appends. */
void level_key(const struct level *l, uint32_t tuple, const char *separator, struct str *out);
const char *level_key_text(const struct level *l, uint32_t tuple, const char *separator,
                           struct arena *arena);

#endif
