/* Requirements between tasks, and numbers about many tasks. */
#include "base/map.h"
#include "store/inside.h"
#include "store/row.h"

#include <stdlib.h>
#include <string.h>

#define REQUIREMENTS "SELECT task_id, other_task_id, gather, may_fail FROM requirement"

static enum store_result edges(struct store_reader *r, const char *sql, int64_t parameter,
                               store_edge *edge, void *context)
{
	enum store_result result;
	struct statement *st = reader_ready(r, sql, &result);

	if (st == NULL)
		return result;
	r->driver->bind_integer(st, 1, parameter);
	while ((result = r->driver->step(st)) == STORE_OK) {
		struct requirement row = {.task_id = r->driver->integer(st, 0),
		                          .other_task_id = r->driver->integer(st, 1),
		                          .gather = INT_NULL,
		                          .may_fail = INT_NULL};

		if (!r->driver->is_null(st, 2))
			row.gather = r->driver->integer(st, 2);
		if (!r->driver->is_null(st, 3))
			row.may_fail = r->driver->integer(st, 3);
		if (!edge(context, &row))
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
		               REQUIREMENTS " WHERE task_id = ?"
		                            " ORDER BY requirement_id",
		               task_ids[i], edge, context);
	return result;
}

enum store_result store_dependents(struct store_reader *r, int64_t task_id, store_edge *edge,
                                   void *context)
{
	return edges(r,
	             REQUIREMENTS " WHERE other_task_id = ?"
	                          " ORDER BY requirement_id",
	             task_id, edge, context);
}

enum store_result store_load_requirements(struct store_reader *r, int64_t from_task_id,
                                          store_edge *edge, void *context)
{
	return edges(r,
	             REQUIREMENTS " WHERE task_id >= ?"
	                          " ORDER BY requirement_id",
	             from_task_id, edge, context);
}

struct tally {
	struct intern batches;
	VEC(int64_t) counts; /* TASK_STATUS_COUNT for each batch */
};

/* Rows of batch and status. Counted here: a database would sort all tasks to group them.
 */
static enum store_result add_up(struct store_reader *r, struct statement *st, struct tally *tally)
{
	enum store_result result;

	while ((result = r->driver->step(st)) == STORE_OK) {
		const char *name = r->driver->text(st, 0), *word = r->driver->text(st, 1);
		int status = word ? status_parse(task_status_words, TASK_STATUS_COUNT, word) : -1;
		uint32_t batch;

		/* Never so but by hand. */
		if (status < 0 || name == NULL)
			continue;
		batch = intern_add(&tally->batches, name, strlen(name));
		while (tally->counts.n < ((size_t)batch + 1) * TASK_STATUS_COUNT)
			vec_push(&tally->counts, 0);
		tally->counts.v[batch * TASK_STATUS_COUNT + (unsigned)status]++;
	}
	return reader_done(r, st, result);
}

enum store_result store_counts(struct store_reader *r, store_count *count, void *context)
{
	enum store_result result;
	struct statement *st = reader_ready(r, "SELECT batch, status FROM task", &result);
	struct tally tally = {0};
	bool more = true;

	if (st == NULL)
		return result;
	intern_init(&tally.batches);
	result = add_up(r, st, &tally);
	for (size_t i = 0; i < tally.counts.n && more && result == STORE_OK; i++) {
		if (tally.counts.v[i] > 0)
			more = count(context,
			             intern_text(&tally.batches, (uint32_t)(i / TASK_STATUS_COUNT)),
			             (enum task_status)(i % TASK_STATUS_COUNT), tally.counts.v[i]);
	}
	vec_release(&tally.counts);
	intern_release(&tally.batches);
	return result;
}

/* 0 where there is no row. */
static enum store_result read_number(struct store *s, const char *sql, const char *parameter,
                                     int64_t *number)
{
	enum store_result result;
	struct statement *st = reader_ready(&s->own, sql, &result);

	if (st == NULL)
		return result;
	if (parameter != NULL)
		s->driver->bind_text(st, 1, parameter);
	result = s->driver->step(st);
	if (result == STORE_OK)
		*number = s->driver->integer(st, 0);
	return reader_done(&s->own, st, result);
}

enum store_result store_max_ids(struct store *s, int64_t ids[TABLE_COUNT])
{
	enum store_result result = STORE_OK;
	struct str sql = STR_INIT;

	for (int id = 0; id < TABLE_COUNT && result == STORE_OK; id++) {
		const struct table *t = table_get((enum table_id)id);
		int64_t last = 0, here = 0;

		if (table_has_number(t)) {
			result = read_number(s, s->driver->dialect->last_number, t->name, &last);
			str_reset(&sql);
			str_addf(&sql, "SELECT max(\"%s\") FROM \"%s\"", t->fields[0].name,
			         t->name);
			if (result == STORE_OK)
				result = read_number(s, sql.p, NULL, &here);
		}
		ids[id] = last > here ? last : here;
	}
	str_release(&sql);
	return result;
}
