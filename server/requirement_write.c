#include "model/json.h"
#include "server/change.h"
#include "server/handlers.h"
#include "server/record.h"
#include "server/reply.h"
#include "server/requirement.h"
#include "server/task_new.h"
#include "store/store.h"

/*
 * Does `other` wait for `id`, directly or through others? The rows are walked,
 * since memory has only what is not met yet.
 */
static bool waits_for(struct core *core, uint32_t id, int64_t other)
{
	VEC(uint32_t) work = {0};
	struct intern seen;
	bool found = false;

	intern_init(&seen);
	vec_push(&work, (uint32_t)other);
	while (work.n > 0 && !found) {
		uint32_t at = work.v[--work.n];
		uint32_t known = seen.n;
		struct requirement *next;
		size_t count;

		found = at == id;
		if (found || intern_add(&seen, (const char *)&at, sizeof(at)) < known)
			continue;
		if (!record_required(core, at, &next, &count))
			break;
		for (size_t i = 0; i < count; i++)
			vec_push(&work, (uint32_t)next[i].other_task_id);
	}
	vec_release(&work);
	intern_release(&seen);
	return found;
}

bool requirement_allowed(struct core *core, struct call *call, uint32_t id,
                         const struct requirement *rows, size_t n)
{
	struct requirement *dependents;
	size_t ndependents;

	for (size_t i = 0; i < n; i++) {
		if (rows[i].other_task_id == id)
			return problem_set(&call->problem, PROBLEM_BAD_VALUE,
			                   "task %u cannot wait for itself", id);
	}
	/* Where nobody waits for it there is no circle. */
	if (n == 0 || !record_dependents(core, id, &dependents, &ndependents) || ndependents == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		if (waits_for(core, id, rows[i].other_task_id))
			return problem_set(&call->problem, PROBLEM_BAD_VALUE,
			                   "task %lld waits for task %u already: a circle",
			                   (long long)rows[i].other_task_id, id);
	}
	return true;
}

bool requirement_replace(struct core *core, uint32_t id, struct task_node *task,
                         struct requirement *rows, size_t n)
{
	struct requirement *old;
	size_t nold;
	bool ok = record_requirements(core, id, &old, &nold);

	for (size_t i = 0; ok && i < nold; i++)
		ok = record_delete(core, TABLE_REQUIREMENT, &old[i]);
	if (ok && task_require(core, id, rows, n))
		change_required(core, id, task);
	return !core->group_failed;
}

/* The row of these two that is there already; false where there is none, or the group failed. */
static bool existing(struct core *core, struct requirement *row)
{
	struct requirement *rows;
	size_t n;

	if (!record_requirements(core, (uint32_t)row->task_id, &rows, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].other_task_id != row->other_task_id)
			continue;
		*row = rows[i];
		return true;
	}
	return false;
}

void handle_requirement_create(struct core *core, struct call *call)
{
	struct requirement row;
	struct task_node *task;
	uint64_t set;

	if (!row_from_json(table_get(TABLE_REQUIREMENT), call->body, ROW_CREATE, &row, &set,
	                   &call->arena, &call->problem) ||
	    !task_requirement_check(call, &row)) {
		core_problem(core, call);
		return;
	}
	task = core_task(core, row.task_id);
	if (task == NULL || core_task(core, row.other_task_id) == NULL) {
		reply_missing(core, call, "task", task ? row.other_task_id : row.task_id);
		return;
	}
	if (!requirement_allowed(core, call, (uint32_t)row.task_id, &row, 1)) {
		core_problem(core, call);
		return;
	}
	if (!existing(core, &row) && !core->group_failed &&
	    task_require(core, (uint32_t)row.task_id, &row, 1))
		change_required(core, (uint32_t)row.task_id, task);
	if (!core->group_failed)
		reply_row(core, call, 201, TABLE_REQUIREMENT, &row);
}

void handle_requirement_delete(struct core *core, struct call *call)
{
	struct requirement row = {.requirement_id = call->ids[0]};
	struct task_node *task;

	if (!record_find(core, TABLE_REQUIREMENT, &row)) {
		reply_missing(core, call, "requirement", call->ids[0]);
		return;
	}
	task = core_task(core, row.task_id);
	if (!record_delete(core, TABLE_REQUIREMENT, &row))
		return;
	if (task != NULL)
		change_required(core, (uint32_t)row.task_id, task);
	if (!core->group_failed)
		reply_row(core, call, 200, TABLE_REQUIREMENT, &row);
}
