/* Rows of any table to parameters and from columns. Private to store/. */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "store/driver.h"

/* True for fields that have a column. */
static inline bool has_column(const struct field *f)
{
	return !(f->flags & FIELD_VIRTUAL);
}

/* Is the key a single integer, the row's own number? */
static inline bool table_has_number(const struct table *t)
{
	unsigned keys = 0;

	for (unsigned i = 0; i < t->nfields; i++)
		keys += (t->fields[i].flags & FIELD_KEY) != 0;
	return keys == 1 && (t->fields[0].flags & FIELD_KEY) && t->fields[0].kind == KIND_INT;
}

void row_bind(const struct driver *d, struct statement *st, int i, const struct field *f,
              const void *row);
/*
 * The column into the row, whose field is absent so far. A text is copied into the arena; without
 * one (NULL) it lives until the statement's next step. A word that is no status counts as absent.
 */
void row_read(const struct driver *d, struct statement *st, int column, const struct field *f,
              void *row, struct arena *arena);
/* "SELECT a, b FROM t" for the fields in the mask and the keys. */
void row_add_select(const struct table *t, uint64_t mask, struct str *sql);
/* Read what row_add_select named into a row whose fields are all absent. */
void row_read_columns(const struct driver *d, struct statement *st, const struct table *t,
                      uint64_t mask, void *row, struct arena *arena);

#endif
