#include "store/row.h"

#include "base/alloc.h"
#include "store/inside.h"

#include <string.h>

void row_bind(const struct driver *d, struct statement *st, int i, const struct field *f,
              const void *row)
{
	const void *p = field_in(f, row);
	size_t n;

	if (row_is_null(f, row)) {
		d->bind_null(st, i);
		return;
	}
	switch (f->kind) {
	case KIND_INT:
	case KIND_DATE:
		d->bind_integer(st, i, *(const int64_t *)p);
		break;
	case KIND_REAL:
		d->bind_real(st, i, *(const double *)p);
		break;
	case KIND_BOOL:
		d->bind_integer(st, i, *(const int8_t *)p);
		break;
	case KIND_TEXT:
		d->bind_text(st, i, *(const char *const *)p);
		break;
	case KIND_TASK_STATUS:
	case KIND_EXECUTION_STATUS:
	case KIND_WORKER_STATUS:
	case KIND_JOB_STATUS:
	case KIND_RUN_STATUS:
		d->bind_text(st, i, field_words(f->kind, &n)[*(const int8_t *)p]);
		break;
	case KIND_INTS:
		d->bind_null(st, i);
		break;
	}
}

void row_read(const struct driver *d, struct statement *st, int column, const struct field *f,
              void *row, struct arena *arena)
{
	void *p = field_at(f, row);
	const char *const *words;
	const char *text;
	size_t n, len;

	if (d->is_null(st, column))
		return;
	switch (f->kind) {
	case KIND_INT:
	case KIND_DATE:
		*(int64_t *)p = d->integer(st, column);
		break;
	case KIND_REAL:
		*(double *)p = d->real(st, column);
		break;
	case KIND_BOOL:
		*(int8_t *)p = d->integer(st, column) != 0;
		break;
	case KIND_TEXT:
		text = d->bytes(st, column, &len);
		*(const char **)p = arena_strndup(arena, text, len);
		break;
	case KIND_TASK_STATUS:
	case KIND_EXECUTION_STATUS:
	case KIND_WORKER_STATUS:
	case KIND_JOB_STATUS:
	case KIND_RUN_STATUS:
		text = d->bytes(st, column, &len);
		words = field_words(f->kind, &n);
		for (size_t i = 0; i < n; i++) {
			if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0)
				*(int8_t *)p = (int8_t)i;
		}
		break;
	case KIND_INTS:
		break;
	}
}

static bool is_read(const struct table *t, unsigned i, uint64_t mask)
{
	const struct field *f = &t->fields[i];

	return has_column(f) && (mask == 0 || (mask >> i & 1) || (f->flags & FIELD_KEY));
}

void row_add_select(const struct table *t, uint64_t mask, struct str *sql)
{
	const char *comma = "SELECT ";

	for (unsigned i = 0; i < t->nfields; i++) {
		if (!is_read(t, i, mask))
			continue;
		str_addf(sql, "%s\"%s\"", comma, t->fields[i].name);
		comma = ", ";
	}
	str_addf(sql, " FROM \"%s\"", t->name);
}

void row_read_all(const struct driver *d, struct statement *st, const struct table *t,
                  uint64_t mask, void *row, struct arena *arena)
{
	int column = 0;

	row_clear(t, row);
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_read(t, i, mask))
			row_read(d, st, column++, &t->fields[i], row, arena);
	}
}

/* " WHERE a = ? AND b = ?" for the keys. */
static void add_key_condition(const struct table *t, struct str *sql)
{
	const char *word = " WHERE ";

	for (unsigned i = 0; i < t->nfields; i++) {
		if (t->fields[i].flags & FIELD_KEY) {
			str_addf(sql, "%s\"%s\" = ?", word, t->fields[i].name);
			word = " AND ";
		}
	}
}

static int bind_keys(const struct driver *d, struct statement *st, int at, const struct table *t,
                     const void *row)
{
	for (unsigned i = 0; i < t->nfields; i++) {
		if (t->fields[i].flags & FIELD_KEY)
			row_bind(d, st, at++, &t->fields[i], row);
	}
	return at;
}

static void add_insert(const struct table *t, struct str *sql)
{
	struct str marks = STR_INIT;

	str_addf(sql, "INSERT INTO \"%s\" (", t->name);
	for (unsigned i = 0; i < t->nfields; i++) {
		if (!has_column(&t->fields[i]))
			continue;
		str_addf(sql, "%s\"%s\"", i ? ", " : "", t->fields[i].name);
		str_adds(&marks, i ? ", ?" : "?");
	}
	str_addf(sql, ") VALUES (%s)", marks.p);
	str_release(&marks);
}

static void bind_all(struct store *s, struct statement *st, const struct table *t, const void *row)
{
	int at = 1;

	for (unsigned i = 0; i < t->nfields; i++) {
		if (has_column(&t->fields[i]))
			row_bind(s->driver, st, at++, &t->fields[i], row);
	}
}

enum store_result store_insert_rows(struct store *s, enum table_id table, const void *rows,
                                    size_t n)
{
	const struct table *t = table_get(table);
	enum store_result result = STORE_OK;
	struct str sql = STR_INIT;

	add_insert(t, &sql);
	for (size_t i = 0; i < n && result == STORE_OK; i++) {
		struct statement *st = store_ready(s, sql.p, &result);

		if (st == NULL)
			break;
		bind_all(s, st, t, (const char *)rows + i * t->row_size);
		result = store_run(s, st, NULL);
	}
	str_release(&sql);
	return result;
}

enum store_result store_insert(struct store *s, enum table_id table, const void *row)
{
	return store_insert_rows(s, table, row, 1);
}

static bool is_set(const struct table *t, unsigned i, uint64_t mask)
{
	return (mask >> i & 1) && has_column(&t->fields[i]) && !(t->fields[i].flags & FIELD_KEY);
}

enum store_result store_upsert(struct store *s, enum table_id table, const void *row, uint64_t mask)
{
	const struct table *t = table_get(table);
	const char *word = " ON CONFLICT (";
	struct str sql = STR_INIT;
	enum store_result result;
	struct statement *st;

	add_insert(t, &sql);
	for (unsigned i = 0; i < t->nfields; i++) {
		if (t->fields[i].flags & FIELD_KEY) {
			str_addf(&sql, "%s\"%s\"", word, t->fields[i].name);
			word = ", ";
		}
	}
	word = ") DO UPDATE SET ";
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_set(t, i, mask)) {
			str_addf(&sql, "%s\"%s\" = excluded.\"%s\"", word, t->fields[i].name,
			         t->fields[i].name);
			word = ", ";
		}
	}
	if (strcmp(word, ", ") != 0)
		str_adds(&sql, ") DO NOTHING");
	st = store_ready(s, sql.p, &result);
	str_release(&sql);
	if (st == NULL)
		return result;
	bind_all(s, st, t, row);
	return store_run(s, st, NULL);
}

enum store_result store_update(struct store *s, enum table_id table, const void *row, uint64_t mask,
                               int expect_status)
{
	const struct table *t = table_get(table);
	struct str sql = STR_INIT;
	enum store_result result;
	struct statement *st;
	int64_t changed = 0;
	int at = 1;
	size_t n;

	str_addf(&sql, "UPDATE \"%s\" SET ", t->name);
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_set(t, i, mask))
			str_addf(&sql, "%s\"%s\" = ?", at++ > 1 ? ", " : "", t->fields[i].name);
	}
	add_key_condition(t, &sql);
	if (expect_status != STORE_ANY_STATUS)
		str_addf(&sql, " AND status = '%s'",
		         field_words(t->fields[table_field(t, "status")].kind, &n)[expect_status]);
	st = store_ready(s, sql.p, &result);
	str_release(&sql);
	if (st == NULL)
		return result;
	at = 1;
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_set(t, i, mask))
			row_bind(s->driver, st, at++, &t->fields[i], row);
	}
	bind_keys(s->driver, st, at, t, row);
	result = store_run(s, st, &changed);
	return result == STORE_OK && changed == 0 ? STORE_NONE : result;
}

enum store_result store_delete(struct store *s, enum table_id table, const void *row)
{
	const struct table *t = table_get(table);
	struct str sql = STR_INIT;
	enum store_result result;
	struct statement *st;
	int64_t changed = 0;

	str_addf(&sql, "DELETE FROM \"%s\"", t->name);
	add_key_condition(t, &sql);
	st = store_ready(s, sql.p, &result);
	str_release(&sql);
	if (st == NULL)
		return result;
	bind_keys(s->driver, st, 1, t, row);
	result = store_run(s, st, &changed);
	return result == STORE_OK && changed == 0 ? STORE_NONE : result;
}

enum store_result store_get(struct store_reader *r, enum table_id table, void *row, uint64_t mask,
                            struct arena *arena)
{
	const struct table *t = table_get(table);
	struct str sql = STR_INIT;
	enum store_result result;
	struct statement *st;

	row_add_select(t, mask, &sql);
	add_key_condition(t, &sql);
	st = reader_ready(r, sql.p, &result);
	str_release(&sql);
	if (st == NULL)
		return result;
	bind_keys(r->driver, st, 1, t, row);
	result = reader_failed(r, r->main, r->driver->step(st));
	if (result == STORE_OK)
		row_read_all(r->driver, st, t, mask, row, arena);
	r->driver->reset(st);
	return result;
}
