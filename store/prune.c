/* What may go because it ended long ago. Deleting a task with all that hangs on it is delete.c's.
 */
#include "store/inside.h"

#define IS_DONE "IN ('succeeded', 'failed')"

static enum store_result give_ids(struct store *s, struct statement *st, store_id *id,
                                  void *context)
{
	enum store_result result;

	while ((result = s->driver->step(st)) == STORE_OK) {
		if (!id(context, s->driver->integer(st, 0)))
			break;
	}
	return reader_done(&s->own, st, result);
}

enum store_result store_prunable_tasks(struct store *s, int64_t after, int64_t upto,
                                       int64_t before_us, store_id *id, void *context)
{
	enum store_result result;
	struct statement *st = store_ready(
	        s,
	        "SELECT task_id FROM task WHERE task_id > ? AND task_id <= ? AND status " IS_DONE
	        " AND status_date < ?"
	        " AND NOT EXISTS (SELECT 1 FROM requirement r JOIN task d ON d.task_id = r.task_id"
	        " WHERE r.other_task_id = task.task_id AND d.status NOT " IS_DONE ")"
	        " AND NOT EXISTS (SELECT 1 FROM run WHERE run.run_id = task.run_id"
	        " AND (run.end_date IS NULL OR run.end_date >= ?)) ORDER BY task_id",
	        &result);

	if (st == NULL)
		return result;
	s->driver->bind_integer(st, 1, after);
	s->driver->bind_integer(st, 2, upto);
	s->driver->bind_integer(st, 3, before_us);
	s->driver->bind_integer(st, 4, before_us);
	return give_ids(s, st, id, context);
}

enum store_result store_prunable_runs(struct store *s, int64_t after, int64_t before_us,
                                      int64_t limit, store_id *id, void *context)
{
	enum store_result result;
	struct statement *st = store_ready(
	        s,
	        "SELECT run_id FROM run WHERE run_id > ? AND end_date < ? AND NOT EXISTS"
	        " (SELECT 1 FROM task WHERE task.run_id = run.run_id) ORDER BY run_id LIMIT ?",
	        &result);

	if (st == NULL)
		return result;
	s->driver->bind_integer(st, 1, after);
	s->driver->bind_integer(st, 2, before_us);
	s->driver->bind_integer(st, 3, limit);
	return give_ids(s, st, id, context);
}

static enum store_result delete_old(struct store *s, const char *sql, int64_t before_us,
                                    int64_t limit, int64_t *n)
{
	enum store_result result;
	struct statement *st = store_ready(s, sql, &result);

	*n = 0;
	if (st == NULL)
		return result;
	s->driver->bind_integer(st, 1, before_us);
	s->driver->bind_integer(st, 2, limit);
	return store_run(s, st, n);
}

enum store_result store_prune_audit(struct store *s, int64_t before_us, int64_t limit, int64_t *n)
{
	return delete_old(s,
	                  "DELETE FROM audit WHERE audit_id IN (SELECT audit_id FROM audit WHERE"
	                  " date < ? ORDER BY date LIMIT ?)",
	                  before_us, limit, n);
}

enum store_result store_prune_jobs(struct store *s, int64_t before_us, int64_t limit, int64_t *n)
{
	return delete_old(
	        s,
	        "DELETE FROM job WHERE job_id IN (SELECT job_id FROM job WHERE status " IS_DONE
	        " AND modification_date < ? ORDER BY job_id LIMIT ?)",
	        before_us, limit, n);
}
