/* What somebody meant who wrote a word that is none. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The candidate nearest to text by edit distance (a swap of neighbours counts one),
 * where it is near enough to be what was meant; else NULL.
 */
const char *word_nearest(const char *text, const char *const *candidates, size_t n);
/* One edit makes the word of it. */
bool word_is_slip(const char *text, const char *word);

#endif
