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

static int8_t word_number(enum field_kind kind, const char *text)
{
	size_t n;
	const char *const *words = field_words(kind, &n);

	for (size_t i = 0; i < n; i++) {
		if (words[i][0] == text[0] && strcmp(words[i], text) == 0)
			return (int8_t)i;
	}
	return STATUS_NULL;
}

void row_read(const struct driver *d, struct statement *st, int column, const struct field *f,
              void *row, struct arena *arena)
{
	void *p = field_at(f, row);
	const char *text;
	int64_t number;
	double real;

	/* Asking whether a value is null costs as much as the value: only a 0 may be one. */
	switch (f->kind) {
	case KIND_INT:
	case KIND_DATE:
		number = d->integer(st, column);
		if (number != 0 || !d->is_null(st, column))
			*(int64_t *)p = number;
		break;
	case KIND_BOOL:
		number = d->integer(st, column);
		if (number != 0 || !d->is_null(st, column))
			*(int8_t *)p = number != 0;
		break;
	case KIND_REAL:
		real = d->real(st, column);
		if (real != 0 || !d->is_null(st, column))
			*(double *)p = real;
		break;
	case KIND_TEXT:
		text = d->text(st, column);
		if (text != NULL && arena != NULL)
			text = arena_strdup(arena, text);
		*(const char **)p = text;
		break;
	case KIND_TASK_STATUS:
	case KIND_EXECUTION_STATUS:
	case KIND_WORKER_STATUS:
	case KIND_JOB_STATUS:
	case KIND_RUN_STATUS:
		text = d->text(st, column);
		if (text != NULL)
			*(int8_t *)p = word_number(f->kind, text);
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

void row_read_columns(const struct driver *d, struct statement *st, const struct table *t,
                      uint64_t mask, void *row, struct arena *arena)
{
	int column = 0;

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

/* "t" (a, b): the table with all its columns; how many. */
static int add_target(const struct table *t, struct str *sql)
{
	int n = 0;

	str_addf(sql, "\"%s\" (", t->name);
	for (unsigned i = 0; i < t->nfields; i++) {
		if (has_column(&t->fields[i]))
			str_addf(sql, "%s\"%s\"", n++ ? ", " : "", t->fields[i].name);
	}
	str_addc(sql, ')');
	return n;
}

static void add_insert(const struct table *t, struct str *sql)
{
	int n;

	str_adds(sql, "INSERT INTO ");
	n = add_target(t, sql);
	str_adds(sql, " VALUES (");
	for (int i = 0; i < n; i++)
		str_adds(sql, i ? ", ?" : "?");
	str_addc(sql, ')');
}

static void bind_all(struct store *s, struct statement *st, const struct table *t, const void *row)
{
	int at = 1;

	for (unsigned i = 0; i < t->nfields; i++) {
		if (has_column(&t->fields[i]))
			row_bind(s->driver, st, at++, &t->fields[i], row);
	}
}

static bool is_set(const struct table *t, unsigned i, uint64_t mask)
{
	return (mask >> i & 1) && has_column(&t->fields[i]) && !(t->fields[i].flags & FIELD_KEY);
}

static void add_upsert(const struct table *t, uint64_t mask, struct str *sql)
{
	const char *word = " ON CONFLICT (";

	add_insert(t, sql);
	for (unsigned i = 0; i < t->nfields; i++) {
		if (t->fields[i].flags & FIELD_KEY) {
			str_addf(sql, "%s\"%s\"", word, t->fields[i].name);
			word = ", ";
		}
	}
	word = ") DO UPDATE SET ";
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_set(t, i, mask)) {
			str_addf(sql, "%s\"%s\" = excluded.\"%s\"", word, t->fields[i].name,
			         t->fields[i].name);
			word = ", ";
		}
	}
	if (strcmp(word, ", ") != 0)
		str_adds(sql, ") DO NOTHING");
}

static void add_update(const struct table *t, uint64_t mask, int expect_status, struct str *sql)
{
	const char *word = "";
	size_t n;

	str_addf(sql, "UPDATE \"%s\" SET ", t->name);
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_set(t, i, mask)) {
			str_addf(sql, "%s\"%s\" = ?", word, t->fields[i].name);
			word = ", ";
		}
	}
	add_key_condition(t, sql);
	if (expect_status != STORE_ANY_STATUS)
		str_addf(sql, " AND status = '%s'",
		         field_words(t->fields[table_field(t, "status")].kind, &n)[expect_status]);
}

enum verb { VERB_INSERT, VERB_UPSERT, VERB_UPDATE, VERB_DELETE, VERB_GET };

static void add_text(const struct table *t, enum verb verb, uint64_t mask, int expect_status,
                     struct str *sql)
{
	switch (verb) {
	case VERB_INSERT:
		add_insert(t, sql);
		break;
	case VERB_UPSERT:
		add_upsert(t, mask, sql);
		break;
	case VERB_UPDATE:
		add_update(t, mask, expect_status, sql);
		break;
	case VERB_DELETE:
		str_addf(sql, "DELETE FROM \"%s\"", t->name);
		add_key_condition(t, sql);
		break;
	case VERB_GET:
		row_add_select(t, mask, sql);
		add_key_condition(t, sql);
		break;
	}
}

/* So many are found without their text; rarer ones by it. */
#define PREPARED_MAX 32

/* The statement, ready for parameters, or NULL with *result set. */
static struct statement *row_statement(struct store_reader *r, enum table_id table, enum verb verb,
                                       uint64_t mask, int expect_status, enum store_result *result)
{
	struct prepared p = {.verb = (int)verb, .expect_status = expect_status, .mask = mask};
	struct str sql = STR_INIT;

	*result = store_ask(r, verb == VERB_GET ? STORE_STEP_READ : STORE_STEP_WRITE);
	if (*result != STORE_OK)
		return NULL;
	for (size_t i = 0; i < r->prepared[table].n; i++) {
		const struct prepared *known = &r->prepared[table].v[i];

		if (known->mask == mask && known->verb == p.verb &&
		    known->expect_status == expect_status)
			return known->st;
	}
	add_text(table_get(table), verb, mask, expect_status, &sql);
	p.st = r->driver->prepare(r->main, sql.p);
	str_release(&sql);
	if (p.st == NULL) {
		*result = reader_failed(r, r->main, STORE_IO);
	} else if (r->prepared[table].n < PREPARED_MAX) {
		r->driver->keep(p.st);
		vec_push(&r->prepared[table], p);
	}
	return p.st;
}

/* Fewer are not worth the beginning and end of a bulk. */
#define BULK_ROWS 8

static enum store_result insert_bulk(struct store *s, const struct table *t, const void *rows,
                                     size_t n)
{
	enum store_result result = store_ask(&s->own, STORE_STEP_WRITE);
	struct str target = STR_INIT;
	struct statement *st;
	int columns;

	if (result != STORE_OK)
		return result;
	columns = add_target(t, &target);
	st = s->driver->bulk(s->main, target.p, columns);
	for (size_t i = 0; i < n && result == STORE_OK; i++) {
		bind_all(s, st, t, (const char *)rows + i * t->row_size);
		result = s->driver->bulk_row(st);
	}
	result = store_failed(s, s->main, s->driver->bulk_end(st));
	str_release(&target);
	return result;
}

enum store_result store_insert_rows(struct store *s, enum table_id table, const void *rows,
                                    size_t n)
{
	const struct table *t = table_get(table);
	enum store_result result = STORE_OK;

	if (s->driver->bulk != NULL && n >= BULK_ROWS)
		return insert_bulk(s, t, rows, n);

	for (size_t i = 0; i < n && result == STORE_OK; i++) {
		struct statement *st =
		        row_statement(&s->own, table, VERB_INSERT, 0, STORE_ANY_STATUS, &result);

		if (st == NULL)
			break;
		bind_all(s, st, t, (const char *)rows + i * t->row_size);
		result = store_run(s, st, NULL);
	}
	return result;
}

enum store_result store_insert(struct store *s, enum table_id table, const void *row)
{
	return store_insert_rows(s, table, row, 1);
}

enum store_result store_upsert(struct store *s, enum table_id table, const void *row, uint64_t mask)
{
	enum store_result result;
	struct statement *st =
	        row_statement(&s->own, table, VERB_UPSERT, mask, STORE_ANY_STATUS, &result);

	if (st == NULL)
		return result;
	bind_all(s, st, table_get(table), row);
	return store_run(s, st, NULL);
}

enum store_result store_update(struct store *s, enum table_id table, const void *row, uint64_t mask,
                               int expect_status)
{
	const struct table *t = table_get(table);
	enum store_result result;
	struct statement *st =
	        row_statement(&s->own, table, VERB_UPDATE, mask, expect_status, &result);
	int64_t changed = 0;
	int at = 1;

	if (st == NULL)
		return result;
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_set(t, i, mask))
			row_bind(s->driver, st, at++, &t->fields[i], row);
	}
	bind_keys(s->driver, st, at, t, row);
	result = store_run(s, st, &changed);
	return result == STORE_OK && changed == 0 ? STORE_NONE : result;
}

/* Fewer are as fast one by one. */
#define ARRAY_ROWS 3

static const char *array_of(const struct dialect *d, enum field_kind kind)
{
	switch (kind) {
	case KIND_INT:
	case KIND_DATE:
		return d->integers;
	case KIND_REAL:
		return d->reals;
	case KIND_BOOL:
		return d->booleans;
	default:
		return d->texts;
	}
}

/* Is it a column of the arrays: the key, or one that is set? */
static bool is_given(const struct table *t, unsigned i, uint64_t mask)
{
	return i == 0 || is_set(t, i, mask);
}

static void add_update_rows(const struct dialect *d, const struct table *t, uint64_t mask,
                            int expect_status, struct str *sql)
{
	const char *comma = "";
	size_t n;

	str_addf(sql, "UPDATE \"%s\" AS t SET ", t->name);
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_set(t, i, mask)) {
			str_addf(sql, "%s\"%s\" = u.c%u", comma, t->fields[i].name, i);
			comma = ", ";
		}
	}
	comma = " FROM unnest(";
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_given(t, i, mask)) {
			str_addf(sql, "%s?::%s", comma, array_of(d, t->fields[i].kind));
			comma = ", ";
		}
	}
	comma = ") AS u(";
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_given(t, i, mask)) {
			str_addf(sql, "%sc%u", comma, i);
			comma = ", ";
		}
	}
	str_addf(sql, ") WHERE t.\"%s\" = u.c0", t->fields[0].name);
	if (expect_status != STORE_ANY_STATUS)
		str_addf(sql, " AND t.status = '%s'",
		         field_words(t->fields[table_field(t, "status")].kind, &n)[expect_status]);
}

/* One value in the text of an array; texts between quotes. */
static void add_element(const struct field *f, const void *row, struct str *out)
{
	const void *p = field_in(f, row);
	const char *text;
	size_t n;

	if (row_is_null(f, row)) {
		str_adds(out, "NULL");
		return;
	}
	switch (f->kind) {
	case KIND_INT:
	case KIND_DATE:
		str_addf(out, "%lld", (long long)*(const int64_t *)p);
		return;
	case KIND_REAL:
		str_addf(out, "%.17g", *(const double *)p);
		return;
	case KIND_BOOL:
		str_addf(out, "%d", *(const int8_t *)p);
		return;
	case KIND_TEXT:
		text = *(const char *const *)p;
		break;
	default:
		text = field_words(f->kind, &n)[*(const int8_t *)p];
		break;
	}
	str_addc(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			str_addc(out, '\\');
		str_addc(out, *text);
	}
	str_addc(out, '"');
}

static enum store_result update_array(struct store *s, const struct table *t,
                                      const void *const *rows, size_t n, uint64_t mask,
                                      int expect_status)
{
	enum store_result result;
	struct str sql = STR_INIT, array = STR_INIT;
	struct statement *st;
	struct arena arena;
	int64_t changed = 0;
	int at = 1;

	add_update_rows(s->driver->dialect, t, mask, expect_status, &sql);
	st = store_ready(s, sql.p, &result);
	str_release(&sql);
	if (st == NULL)
		return result;
	arena_init(&arena);
	for (unsigned i = 0; i < t->nfields; i++) {
		if (!is_given(t, i, mask))
			continue;
		str_reset(&array);
		for (size_t k = 0; k < n; k++) {
			str_addc(&array, k ? ',' : '{');
			add_element(&t->fields[i], rows[k], &array);
		}
		str_addc(&array, '}');
		s->driver->bind_text(st, at++, arena_strndup(&arena, array.p, array.len));
	}
	result = store_run(s, st, &changed);
	str_release(&array);
	arena_release(&arena);
	return result == STORE_OK && changed != (int64_t)n ? STORE_NONE : result;
}

enum store_result store_update_rows(struct store *s, enum table_id table, const void *const *rows,
                                    size_t n, uint64_t mask, int expect_status)
{
	enum store_result result = STORE_OK;

	if (s->driver->dialect->integers != NULL && n >= ARRAY_ROWS)
		return update_array(s, table_get(table), rows, n, mask, expect_status);
	for (size_t i = 0; i < n && result == STORE_OK; i++)
		result = store_update(s, table, rows[i], mask, expect_status);
	return result;
}

enum store_result store_delete(struct store *s, enum table_id table, const void *row)
{
	enum store_result result;
	struct statement *st =
	        row_statement(&s->own, table, VERB_DELETE, 0, STORE_ANY_STATUS, &result);
	int64_t changed = 0;

	if (st == NULL)
		return result;
	bind_keys(s->driver, st, 1, table_get(table), row);
	result = store_run(s, st, &changed);
	return result == STORE_OK && changed == 0 ? STORE_NONE : result;
}

enum store_result store_get(struct store_reader *r, enum table_id table, void *row, uint64_t mask,
                            struct arena *arena)
{
	const struct table *t = table_get(table);
	enum store_result result;
	struct statement *st = row_statement(r, table, VERB_GET, mask, STORE_ANY_STATUS, &result);

	if (st == NULL)
		return result;
	bind_keys(r->driver, st, 1, t, row);
	result = reader_failed(r, r->main, r->driver->step(st));
	if (result == STORE_OK) {
		row_clear(t, row);
		row_read_columns(r->driver, st, t, mask, row, arena);
	}
	r->driver->reset(st);
	return result;
}
