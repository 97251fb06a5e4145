/*
 * Splitting a command into words as a POSIX shell would quote them: blanks,
 * backslash, single and double quotes. Nothing is expanded.
 * Source: POSIX.1-2017, Shell Command Language, 2.2 Quoting.
 */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/arena.h"

#include <stddef.h>

enum words_error { WORDS_OK, WORDS_OPEN_SINGLE, WORDS_OPEN_DOUBLE, WORDS_TRAILING_BACKSLASH };

/* A NULL-terminated array in the arena; *n does not count the NULL. */
enum words_error words_split(const char *text, struct arena *arena, char ***words, size_t *n);
/* "unterminated single quote" and the like. */
const char *words_error_text(enum words_error e);

#endif
