/* Finding single rows by something else than their key. */
#include "store/indexed.h"
#include "store/inside.h"
#include "store/row.h"

#include <string.h>

/* Read the named fields of a task, or another table, from the first columns of a statement. */
static void read_columns(struct store_reader *r, struct statement *st, enum table_id table,
                         const char *const *names, void *row, struct arena *arena)
{
	const struct table *t = table_get(table);

	row_clear(t, row);
	for (int i = 0; names[i] != NULL; i++)
		row_read(r->driver, st, i, &t->fields[table_field(t, names[i])], row, arena);
}

#define FOUND_COLUMNS                                                                              \
	"t.task_id, t.name, t.batch, t.output, t.identity, t.identity_parts, t.run_id, t.status, " \
	"t.partial"

static const char *const found_names[] = {
        "task_id",        "name",   "batch",  "output",  "identity",
        "identity_parts", "run_id", "status", "partial", NULL};
enum { FOUND_OUTPUTS = 9 };

/* What is looked for: the first parameter of the query, and the second. */
struct sought {
	const char *const *texts;
	const char *const *places; /* of each text, NULL: `second` for all */
	const char *second;        /* NULL: there is no second one */
	size_t n;
	bool outputs; /* the query has them as its last column */
};

/* One prepared query per text; what it finds is handed on. */
static enum store_result find_each(struct store_reader *r, const char *sql,
                                   const struct sought *sought, store_found *found, void *context)
{
	enum store_result result = STORE_OK;
	struct arena arena;
	bool more = true;

	arena_init(&arena);
	for (size_t i = 0; i < sought->n && more && result == STORE_OK; i++) {
		const char *second = sought->places != NULL ? sought->places[i] : sought->second;
		struct statement *st = reader_ready(r, sql, &result);
		const char *outputs = NULL;
		struct task task;
		size_t len;

		if (st == NULL)
			break;
		arena_clear(&arena);
		r->driver->bind_text(st, 1, sought->texts[i]);
		if (sought->places != NULL || second != NULL)
			r->driver->bind_text(st, 2, second != NULL ? second : "");
		result = r->driver->step(st);
		if (result == STORE_OK) {
			read_columns(r, st, TABLE_TASK, found_names, &task, &arena);
			if (sought->outputs && !r->driver->is_null(st, FOUND_OUTPUTS)) {
				outputs = r->driver->bytes(st, FOUND_OUTPUTS, &len);
				outputs = arena_strndup(&arena, outputs, len);
			}
		}
		more = result != STORE_OK;
		result = reader_done(r, st, result);
		/* `more` so far says that nothing was found. */
		if (result == STORE_OK)
			more = more || found(context, i, &task, outputs);
	}
	arena_release(&arena);
	return result;
}

/* || and + : the index of identities is to be searched, not the rows in their order. */
#define FIND_IDENTITY(place)                                                                       \
	"SELECT " FOUND_COLUMNS ", (SELECT e.outputs FROM execution e WHERE e.task_id = t.task_id" \
	"  ORDER BY e.execution_id DESC LIMIT 1) FROM task t"                                      \
	" WHERE " IDENTITY_START("t.identity") " = " IDENTITY_START(                               \
	        "?1") " AND t.identity || '' = ?1 AND t.identity IS NOT NULL" place                \
	              " AND t.status = 'succeeded' AND coalesce(t.partial, 0) = 0 "                \
	              "ORDER BY t.task_id + 0 DESC LIMIT 1"

enum store_result store_find_identities(struct store_reader *r, const char *const *identities,
                                        const char *const *places, size_t n, store_found *found,
                                        void *context)
{
	static const char anywhere[] = FIND_IDENTITY("");
	static const char there[] = FIND_IDENTITY(" AND " PLACE_END("t.output") " = " PLACE_END(
	        "?2") " AND coalesce(t.output, '') = ?2");
	struct sought sought = {identities, places, NULL, n, true};

	return find_each(r, places != NULL ? there : anywhere, &sought, found, context);
}

enum store_result store_find_names(struct store_reader *r, const char *workflow,
                                   const char *const *names, size_t n, store_found *found,
                                   void *context)
{
	struct sought sought = {names, NULL, workflow, n, false};

	return find_each(r,
	                 "SELECT " FOUND_COLUMNS " FROM task t JOIN run ON run.run_id = t.run_id"
	                 " WHERE t.name = ? AND run.name = ? ORDER BY t.task_id DESC LIMIT 1",
	                 &sought, found, context);
}

enum store_result store_made(struct store_reader *r, int64_t *date)
{
	enum store_result result;
	struct statement *st = reader_ready(r, "SELECT min(date) FROM schema_version", &result);

	if (st == NULL)
		return result;
	result = r->driver->step(st);
	if (result == STORE_OK)
		*date = r->driver->integer(st, 0);
	return reader_done(r, st, result);
}
