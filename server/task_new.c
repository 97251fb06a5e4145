#include "server/task_new.h"

#include "model/attempt.h"
#include "model/json.h"
#include "server/change.h"
#include "server/news.h"
#include "server/record.h"
#include "server/recruiter.h"
#include "server/run.h"
#include "server/state_load.h"

#include <string.h>

bool task_new_read(struct call *call, json_t *object, struct task *row)
{
	uint64_t set;

	if (!row_from_json(table_get(TABLE_TASK), object, ROW_CREATE, row, &set, &call->arena,
	                   &call->problem) ||
	    !batch_name_read(call, row->batch) ||
	    !attempt_settings_check(row->attempt_settings, &call->problem))
		return false;
	if (task_is_out((enum task_status)row->status))
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   "a new task cannot be %s: no execution of it is live",
		                   task_status_words[row->status]);
	if (row->run_id != INT_NULL && (row->run_id <= 0 || row->run_id > UINT32_MAX))
		return problem_set(&call->problem, PROBLEM_BAD_VALUE, "run_id is %lld",
		                   (long long)row->run_id);
	return true;
}

bool task_new_run(struct core *core, struct call *call, int64_t run_id)
{
	struct run_node *run;

	if (run_id == INT_NULL || run_id == 0)
		return true;
	run = run_get(core, run_id);
	if (run == NULL)
		return problem_set(&call->problem, PROBLEM_NOT_FOUND, "there is no run %lld",
		                   (long long)run_id);
	if (run_ended(run))
		return problem_set(&call->problem, PROBLEM_CONFLICT,
		                   "run %u is %s: it takes no more tasks", run->id,
		                   run_status_words[run->status]);
	run_attached(core, run);
	return true;
}

bool task_requirement_check(struct call *call, const struct requirement *row)
{
	if ((row->gather == INT_NULL) == (row->may_fail == INT_NULL))
		return true;
	return problem_set(&call->problem, PROBLEM_MISSING_FIELD,
	                   "a requirement with %s needs %s too",
	                   row->gather == INT_NULL ? "may_fail" : "gather",
	                   row->gather == INT_NULL ? "gather" : "may_fail");
}

static int by_task(const void *a, const void *b)
{
	const struct requirement *x = a, *y = b;

	if (x->other_task_id != y->other_task_id)
		return x->other_task_id < y->other_task_id ? -1 : 1;
	/* INT_NULL is the smallest: what must succeed comes first. */
	return x->may_fail < y->may_fail ? -1 : x->may_fail > y->may_fail;
}

size_t task_requirements_unique(struct requirement *rows, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		qsort(rows, n, sizeof(*rows), by_task);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || rows[i].other_task_id != rows[kept - 1].other_task_id)
			rows[kept++] = rows[i];
	}
	return kept;
}

bool task_require(struct core *core, uint32_t id, struct requirement *required, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		required[i].requirement_id = ++core->state.last_requirement;
		required[i].task_id = id;
		if (!record_insert(core, TABLE_REQUIREMENT, &required[i]))
			return false;
	}
	return true;
}

bool task_new_place(struct core *core, struct task *row, struct requirement *required, size_t n)
{
	struct state *state = &core->state;
	struct task_node *task;
	size_t unmet = 0;
	uint32_t id;

	for (size_t i = 0; i < n; i++) {
		const struct task_node *other = core_task(core, required[i].other_task_id);

		if (other == NULL)
			return core_failed(core, "a requirement is gone");
		unmet += !requirement_met(other, row->accept_failure == 1,
		                          edge_rule_of(&required[i]));
		if (gives_part(other))
			row->partial = true;
	}
	if (row->status == TASK_PENDING || row->status == TASK_WAITING)
		row->status = unmet > 0 ? TASK_WAITING : TASK_PENDING;
	else if (row->status == TASK_PAUSED || row->status == TASK_DEBUG)
		row->resume_status = unmet > 0 ? TASK_WAITING : TASK_PENDING;
	if ((row->status == TASK_PENDING || row->status == TASK_WAITING) &&
	    row->run_id != INT_NULL &&
	    run_holds(state, (uint32_t)row->run_id, state_batch(state, row->batch))) {
		row->resume_status = row->status;
		row->status = TASK_DEBUG;
	}
	id = ++state->last_task;
	row->task_id = id;
	row->creation_date = row->modification_date = row->status_date = core->now_us;
	for (size_t i = 0; i < n; i++) {
		required[i].requirement_id = ++state->last_requirement;
		required[i].task_id = id;
	}
	task = state_task_place(state, id);
	state_task_read(state, task, row);
	state_task_enter(state, id, task);
	for (size_t i = 0; i < n && unmet > 0 && !task_is_done((enum task_status)row->status);
	     i++) {
		uint32_t other = (uint32_t)required[i].other_task_id;

		if (!requirement_met(state_task(state, other), row->accept_failure == 1,
		                     edge_rule_of(&required[i])))
			state_edge_add(state, id, other, edge_rule_of(&required[i]));
	}
	return true;
}

bool task_new_settle(struct core *core, uint32_t id)
{
	struct task_node *task = state_task(&core->state, id);

	news_task(core, id, task, FEED_CREATED);
	if (task->requires > 0 && !task_is_done((enum task_status)task->status))
		change_check(core, id, task);
	return !core->group_failed;
}

bool task_new_enter(struct core *core, struct task *row, struct requirement *required, size_t n)
{
	return task_new_place(core, row, required, n) &&
	       record_insert_rows(core, TABLE_TASK, row, 1) &&
	       record_insert_rows(core, TABLE_REQUIREMENT, required, n) &&
	       task_new_settle(core, (uint32_t)row->task_id);
}
