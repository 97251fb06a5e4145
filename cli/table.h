/*
 * Rows of JSON as a table: a line per row, as wide as the terminal where there is one, with short
 * titles and dates, and what matters least left out where it does not fit; else whole. Rows may
 * come in portions; the first decides how wide the columns are.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/clock.h"
#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS 40

struct table_print {
	const char *columns; /* members of the rows, with blanks between them */
	const char *least;   /* those that are left out first where they do not fit */
	bool header;
	unsigned width; /* columns of the terminal; 0: cells are not cut, and names and dates whole
	                 */
	bool ascii;     /* a terminal that knows no more: other characters are ? */
	char today[DATE_TEXT_SIZE];
	/* Of the first portion: */
	size_t n;
	char names[TABLE_COLUMNS][32];
	size_t widths[TABLE_COLUMNS];
	bool numbers[TABLE_COLUMNS]; /* set to the right */
};

/* The columns, and the least of them, must outlive it. The width is that of standard output. */
void table_init(struct table_print *t, const char *columns, const char *least, bool header);
/* Append the lines of an array of objects. */
void table_add(struct table_print *t, const json_t *rows, struct str *out);
/* Bytes of the first n characters of a text. */
size_t table_bytes_of(const char *text, size_t len, size_t n);
/* One object, a line "member  value" for each of its members. */
void table_add_object(const json_t *object, struct str *out);

#endif
