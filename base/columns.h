/* Help as every program prints it: what is typed in one column, what it means in another, and no
   line longer than a terminal has columns, unless a word is. */
#ifndef BASE_COLUMNS_H
#define BASE_COLUMNS_H

#include "base/str.h"

/* A line, or several, from that column on, at which the text that is there already stands. */
void columns_text(struct str *out, size_t from, const char *text);
/* The same for lines of at most `line` columns. */
void columns_fit(struct str *out, size_t from, size_t line, const char *text);
/* A row of both; what is typed has a line of its own where it is longer than its column. */
void columns_row(struct str *out, const char *left, const char *help);

#endif
