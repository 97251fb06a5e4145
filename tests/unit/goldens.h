/* What tests with FILE.scitq beside FILE.out share. UPDATE=1 in the environment writes the latter.
 */
#ifndef TESTS_GOLDENS_H
#define TESTS_GOLDENS_H

#include "base/str.h"

#include <stdbool.h>

/*
 * Calls `look` for each FILE.scitq of the directory, in the order of their names. Returns how
 * many there are and adds those for which it is false to *failed; -1, counted as a failure and
 * said, where there are none.
 */
int goldens_each(const char *dir, bool (*look)(const char *dir, const char *name, void *context),
                 void *context, int *failed);

/* Whether `got` is what FILE.out of `dir`/`name` holds; what differs is said. */
bool goldens_equal(const char *dir, const char *name, const struct str *got);

#endif
