/*
 * The difference of two texts, line by line, in the unified form that diff -u and
 * git print. Source: E. Myers, An O(ND) Difference Algorithm, 1986.
 */
#ifndef BASE_LINEDIFF_H
#define BASE_LINEDIFF_H

#include "base/str.h"

/*
 * Append hunks with three lines of context under the names `old_name` and `new_name`;
 * nothing where the texts are equal. A last line without its line end is marked as
 * diff does. Texts that have more than a few thousand differences are shown as one
 * replaced by the other.
 */
void linediff(const struct str *old_text, const struct str *new_text, const char *old_name,
              const char *new_name, struct str *out);

#endif
