/*
 * Tables of text that public archives answer with: a line of column names, then a line for each
 * row. Private to stage/.
 */
#ifndef STAGE_REPORT_H
#define STAGE_REPORT_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

struct report_form {
	char separator;             /* '\t' or ',', the latter with quotes */
	const char *const *columns; /* that are wanted */
	size_t ncolumns;
	size_t required; /* so many of the first must be there; others count as empty */
	/* The line of names, where an answer may come without; NULL: it has one. */
	const char *usual;
};

struct report {
	char ***rows; /* the cells of the wanted columns, "" where a row has none */
	size_t n;
};

/*
 * Cut in place; what is made lives in the arena. False where the text is no such table. The line of
 * names may be there again; no line at all is a table without rows.
 */
bool report_parse(char *text, const struct report_form *form, struct arena *arena,
                  struct report *report);

/* The parts of a cell, cut in place at the separator; there is always one. */
char **report_cut(char *text, char separator, struct arena *arena, size_t *n);

#endif
