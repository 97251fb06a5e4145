/* Requirements between tasks, and numbers about many tasks. */
#include "store/inside.h"

#include <stdlib.h>
#include <string.h>

static enum store_result edges(struct store_reader *r, const char *sql, int64_t parameter,
                               store_edge *edge, void *context)
{
	enum store_result result;
	struct statement *st = reader_ready(r, sql, &result);

	if (st == NULL)
		return result;
	r->driver->bind_integer(st, 1, parameter);
	while ((result = r->driver->step(st)) == STORE_OK) {
		if (!edge(context, r->driver->integer(st, 0), r->driver->integer(st, 1)))
			break;
	}
	return reader_done(r, st, result);
}

enum store_result store_required(struct store_reader *r, const int64_t *task_ids, size_t n,
                                 store_edge *edge, void *context)
{
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < n && result == STORE_OK; i++)
		result = edges(r,
		               "SELECT task_id, other_task_id FROM requirement WHERE task_id = ?"
		               " ORDER BY requirement_id",
		               task_ids[i], edge, context);
	return result;
}

enum store_result store_dependents(struct store_reader *r, int64_t task_id, store_edge *edge,
                                   void *context)
{
	return edges(r,
	             "SELECT task_id, other_task_id FROM requirement WHERE other_task_id = ?"
	             " ORDER BY requirement_id",
	             task_id, edge, context);
}

enum store_result store_load_requirements(struct store_reader *r, int64_t from_task_id,
                                          store_edge *edge, void *context)
{
	return edges(r,
	             "SELECT task_id, other_task_id FROM requirement WHERE task_id >= ?"
	             " ORDER BY requirement_id",
	             from_task_id, edge, context);
}

/* Rows of batch, status, number. */
static enum store_result counts(struct store_reader *r, struct statement *st, store_count *count,
                                void *context)
{
	enum store_result result;

	while ((result = r->driver->step(st)) == STORE_OK) {
		const char *batch = r->driver->text(st, 0);
		int status =
		        status_parse(task_status_words, TASK_STATUS_COUNT, r->driver->text(st, 1));

		if (status >= 0 &&
		    !count(context, batch, (enum task_status)status, r->driver->integer(st, 2)))
			break;
	}
	return reader_done(r, st, result);
}

enum store_result store_counts(struct store_reader *r, store_count *count, void *context)
{
	enum store_result result;
	struct statement *st = reader_ready(
	        r, "SELECT batch, status, count(*) FROM task GROUP BY batch, status", &result);

	return st == NULL ? result : counts(r, st, count, context);
}

enum store_result store_run_counts(struct store_reader *r, int64_t run_id, store_count *count,
                                   void *context, int64_t *retried)
{
	enum store_result result;
	struct statement *st = reader_ready(
	        r,
	        "SELECT coalesce(sum(attempts - (status = 'failed' AND attempts > 0)), 0) FROM task"
	        " WHERE run_id = ?",
	        &result);

	if (st == NULL)
		return result;
	r->driver->bind_integer(st, 1, run_id);
	result = r->driver->step(st);
	if (result == STORE_OK)
		*retried = r->driver->integer(st, 0);
	result = reader_done(r, st, result);
	if (result != STORE_OK)
		return result;
	st = reader_ready(
	        r,
	        "SELECT batch, status, count(*) FROM task WHERE run_id = ? GROUP BY batch, status",
	        &result);
	if (st == NULL)
		return result;
	r->driver->bind_integer(st, 1, run_id);
	return counts(r, st, count, context);
}

enum store_result store_max_ids(struct store *s, int64_t ids[TABLE_COUNT])
{
	enum store_result result = STORE_OK;

	for (int id = 0; id < TABLE_COUNT && result == STORE_OK; id++) {
		const struct table *t = table_get((enum table_id)id);
		struct statement *st;

		ids[id] = 0;
		/* SQLite keeps the largest number ever given beside the table. */
		st = reader_ready(&s->own, "SELECT seq FROM sqlite_sequence WHERE name = ?",
		                  &result);
		if (st == NULL)
			break;
		s->driver->bind_text(st, 1, t->name);
		result = s->driver->step(st);
		if (result == STORE_OK)
			ids[id] = s->driver->integer(st, 0);
		result = reader_done(&s->own, st, result);
	}
	return result;
}
