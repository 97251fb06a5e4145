/* Deletions that take other rows with them, and other statements that change many rows. */
#include "store/inside.h"

struct key {
	const char *text; /* NULL: the number */
	int64_t number;
};

static enum store_result run_all(struct store *s, const char *const *list, size_t n, struct key key,
                                 int64_t *changed)
{
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < n && result == STORE_OK; i++) {
		struct statement *st = store_ready(s, list[i], &result);

		if (st == NULL)
			break;
		if (key.text != NULL)
			s->driver->bind_text(st, 1, key.text);
		else
			s->driver->bind_integer(st, 1, key.number);
		result = store_run(s, st, changed);
	}
	return result;
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* The last statement deletes the row itself: none there is STORE_NONE. */
static enum store_result delete_one(struct store *s, const char *const *list, size_t n, int64_t id)
{
	int64_t changed = 0;
	enum store_result result = run_all(s, list, n, (struct key){NULL, id}, &changed);

	s->orphans = true;
	return result == STORE_OK && changed == 0 ? STORE_NONE : result;
}

enum store_result store_supersede(struct store *s, int64_t task_id, int64_t execution_id)
{
	enum store_result result;
	struct statement *st = store_ready(s,
	                                   "UPDATE execution SET latest = 0 WHERE task_id = ? AND "
	                                   "execution_id < ? AND latest = 1",
	                                   &result);

	if (st == NULL)
		return result;
	s->driver->bind_integer(st, 1, task_id);
	s->driver->bind_integer(st, 2, execution_id);
	return store_run(s, st, NULL);
}

enum store_result store_delete_task(struct store *s, int64_t task_id)
{
	static const char *const list[] = {
	        "DELETE FROM signal WHERE execution_id IN"
	        " (SELECT execution_id FROM execution WHERE task_id = ?)",
	        "INSERT INTO log_orphan (execution_id) SELECT execution_id FROM execution WHERE "
	        "task_id = ?",
	        "DELETE FROM execution WHERE task_id = ?",
	        "DELETE FROM requirement WHERE task_id = ?",
	        "DELETE FROM requirement WHERE other_task_id = ?",
	        "DELETE FROM task WHERE task_id = ?",
	};

	return delete_one(s, list, COUNT(list), task_id);
}

enum store_result store_delete_execution(struct store *s, int64_t execution_id)
{
	static const char *const list[] = {
	        "DELETE FROM signal WHERE execution_id = ?",
	        "INSERT INTO log_orphan (execution_id) SELECT execution_id FROM execution"
	        " WHERE execution_id = ?",
	        "DELETE FROM execution WHERE execution_id = ?",
	};

	return delete_one(s, list, COUNT(list), execution_id);
}

enum store_result store_log_orphan(struct store *s, int64_t execution_id)
{
	static const char *const list[] = {
	        "INSERT INTO log_orphan (execution_id) VALUES (?) ON CONFLICT DO NOTHING",
	};

	s->orphans = true;
	return run_all(s, list, COUNT(list), (struct key){NULL, execution_id}, NULL);
}

enum store_result store_delete_worker(struct store *s, int64_t worker_id)
{
	static const char *const list[] = {
	        "UPDATE execution SET worker_id = NULL WHERE worker_id = ?",
	        "DELETE FROM signal WHERE worker_id = ?",
	        "DELETE FROM worker WHERE worker_id = ?",
	};

	return delete_one(s, list, COUNT(list), worker_id);
}

#define TASKS_OF_BATCH "(SELECT task_id FROM task WHERE batch = ?)"

enum store_result store_delete_batch(struct store *s, const char *batch)
{
	static const char *const list[] = {
	        "DELETE FROM signal WHERE execution_id IN"
	        " (SELECT execution_id FROM execution WHERE task_id IN " TASKS_OF_BATCH ")",
	        "INSERT INTO log_orphan (execution_id) SELECT execution_id FROM execution"
	        " WHERE task_id IN " TASKS_OF_BATCH,
	        "DELETE FROM execution WHERE task_id IN " TASKS_OF_BATCH,
	        "DELETE FROM requirement WHERE task_id IN " TASKS_OF_BATCH,
	        "DELETE FROM requirement WHERE other_task_id IN " TASKS_OF_BATCH,
	        "DELETE FROM task WHERE batch = ?",
	        "DELETE FROM recruiter WHERE batch = ?",
	        "DELETE FROM batch WHERE batch = ?",
	};

	s->orphans = true;
	return run_all(s, list, COUNT(list), (struct key){batch, 0}, NULL);
}

/* The key that stands `limit` keys behind *after, or nothing where there are fewer. */
static enum store_result find_last(struct store *s, const char *after, int64_t limit,
                                   struct str *last)
{
	enum store_result result;
	struct statement *st = store_ready(
	        s, "SELECT key FROM idempotency WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?",
	        &result);
	const char *key;
	size_t len;

	if (st == NULL)
		return result;
	s->driver->bind_text(st, 1, after);
	s->driver->bind_integer(st, 2, limit - 1);
	result = s->driver->step(st);
	if (result == STORE_OK) {
		key = s->driver->bytes(st, 0, &len);
		str_add(last, key, len);
	}
	return reader_done(&s->own, st, result);
}

enum store_result store_prune_keys(struct store *s, int64_t before_us, int64_t limit,
                                   struct str *after)
{
	struct str last = STR_INIT;
	enum store_result result = find_last(s, after->p, limit, &last);
	struct statement *st = NULL;

	if (result == STORE_OK)
		st = store_ready(s,
		                 last.len > 0 ? "DELETE FROM idempotency WHERE creation_date < ?"
		                                " AND key > ? AND key <= ?"
		                              : "DELETE FROM idempotency WHERE creation_date < ?"
		                                " AND key > ?",
		                 &result);
	if (st != NULL) {
		s->driver->bind_integer(st, 1, before_us);
		s->driver->bind_text(st, 2, after->p);
		if (last.len > 0)
			s->driver->bind_text(st, 3, last.p);
		result = store_run(s, st, NULL);
	}
	str_release(after);
	*after = last;
	return result;
}
