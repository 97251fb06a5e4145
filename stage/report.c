#include "stage/report.h"

#include "base/csv.h"
#include "base/vec.h"

#include <stdint.h>
#include <string.h>

#define MISSING SIZE_MAX

char **report_cut(char *text, char separator, struct arena *arena, size_t *n)
{
	char **parts;

	*n = 1;
	for (const char *p = text; *p != '\0'; p++)
		*n += *p == separator;
	parts = arena_array(arena, char *, *n);
	for (size_t i = 0; i < *n; i++) {
		parts[i] = text;
		text += strcspn(text, (char[]){separator, '\0'});
		if (*text != '\0')
			*text++ = '\0';
	}
	return parts;
}

/* The cells of a line; NULL where its quotes are wrong. */
static char **cells_of(char *line, char separator, struct arena *arena, size_t *n)
{
	size_t most = 1;
	bool more = true;
	char **cells;

	if (separator != ',')
		return report_cut(line, separator, arena, n);
	for (const char *p = line; *p != '\0'; p++)
		most += *p == ',';
	cells = arena_array(arena, char *, most);
	for (*n = 0; more; ++*n) {
		cells[*n] = csv_cell(&line, &more);
		if (cells[*n] == NULL)
			return NULL;
	}
	return cells;
}

/* Where the wanted columns stand; false where a required one does not. */
static bool find_columns(const struct report_form *form, char *const *names, size_t n, size_t *at)
{
	for (size_t c = 0; c < form->ncolumns; c++) {
		at[c] = MISSING;
		for (size_t i = 0; i < n && at[c] == MISSING; i++) {
			if (strcmp(names[i], form->columns[c]) == 0)
				at[c] = i;
		}
		if (at[c] == MISSING && c < form->required)
			return false;
	}
	return true;
}

/* Names and rows are told apart by the first wanted column, which holds its own name in the former.
 */
static bool is_header(const struct report_form *form, char *const *cells, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(cells[i], form->columns[0]) == 0)
			return true;
	}
	return false;
}

static char **pick(const struct report_form *form, char **cells, size_t n, const size_t *at,
                   struct arena *arena)
{
	char **row = arena_array(arena, char *, form->ncolumns);

	for (size_t c = 0; c < form->ncolumns; c++)
		row[c] = at[c] < n ? cells[at[c]] : arena_strdup(arena, "");
	return row;
}

bool report_parse(char *text, const struct report_form *form, struct arena *arena,
                  struct report *report)
{
	size_t nlines, n, named = 0, *at = arena_array(arena, size_t, form->ncolumns);
	char **lines = report_cut(text, '\n', arena, &nlines), **cells;

	report->n = 0;
	report->rows = arena_array(arena, char **, nlines);
	if (form->usual != NULL) {
		cells = cells_of(arena_strdup(arena, form->usual), form->separator, arena, &n);
		named = find_columns(form, cells, n, at) ? n : 0;
	}
	for (size_t i = 0; i < nlines; i++) {
		lines[i][strcspn(lines[i], "\r")] = '\0';
		if (*lines[i] == '\0')
			continue;
		cells = cells_of(lines[i], form->separator, arena, &n);
		if (cells == NULL)
			return false;
		if (is_header(form, cells, n)) {
			named = find_columns(form, cells, n, at) ? n : 0;
			if (named == 0)
				return false;
		} else if (named == 0 || (form->separator == ',' && n != named)) {
			return false;
		} else {
			report->rows[report->n++] = pick(form, cells, n, at, arena);
		}
	}
	return true;
}
