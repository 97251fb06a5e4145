#include "model/json.h"
#include "server/change.h"
#include "server/handlers.h"
#include "server/record.h"
#include "server/reply.h"
#include "server/requirement.h"
#include "server/task_new.h"
#include "store/store.h"

/*
 * Does others[..] wait for `id`, directly or through others? The rows are
 * walked, since memory has only what is not met yet.
 */
static bool waits_for(struct core *core, uint32_t id, const int64_t *others, size_t n)
{
	VEC(uint32_t) work = {0};
	struct intern seen;
	bool found = false;

	intern_init(&seen);
	for (size_t i = 0; i < n; i++)
		vec_push(&work, (uint32_t)others[i]);
	while (work.n > 0 && !found) {
		uint32_t at = work.v[--work.n];
		uint32_t known = seen.n;
		int64_t *next;
		size_t count;

		found = at == id;
		if (found || intern_add(&seen, (const char *)&at, sizeof(at)) < known)
			continue;
		if (!record_required(core, at, &next, &count))
			break;
		for (size_t i = 0; i < count; i++)
			vec_push(&work, (uint32_t)next[i]);
	}
	vec_release(&work);
	intern_release(&seen);
	return found;
}

bool requirement_allowed(struct core *core, struct call *call, uint32_t id, const int64_t *others,
                         size_t n)
{
	int64_t *dependents;
	size_t ndependents;

	for (size_t i = 0; i < n; i++) {
		if (others[i] == id)
			return problem_set(&call->problem, PROBLEM_BAD_VALUE,
			                   "task %u cannot wait for itself", id);
	}
	/* Where nobody waits for it there is no circle. */
	if (n == 0 || !record_dependents(core, id, &dependents, &ndependents) || ndependents == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		if (waits_for(core, id, &others[i], 1))
			return problem_set(&call->problem, PROBLEM_BAD_VALUE,
			                   "task %lld waits for task %u already: a circle",
			                   (long long)others[i], id);
	}
	return true;
}

struct row_list {
	VEC(struct requirement) rows;
};

static bool add_row(void *context, const void *row)
{
	struct row_list *list = context;

	vec_push(&list->rows, *(const struct requirement *)row);
	return true;
}

/* The rows of one task, for one other where that is not 0. */
static bool rows_of(struct core *core, int64_t task, int64_t other, struct row_list *list)
{
	const struct table *table = table_get(TABLE_REQUIREMENT);
	struct store_filter filters[2] = {
	        {.field = table_field(table, "task_id"), .op = STORE_EQ, .number = task},
	        {.field = table_field(table, "other_task_id"), .op = STORE_EQ, .number = other}};
	struct store_query query = {
	        .table = TABLE_REQUIREMENT, .filters = filters, .nfilters = other != 0 ? 2 : 1};

	return store_select(store_own(core->store), &query, add_row, list) == STORE_OK ||
	       core_failed(core, "requirements cannot be read");
}

bool requirement_replace(struct core *core, uint32_t id, struct task_node *task,
                         const int64_t *others, size_t n)
{
	struct row_list old = {0};
	bool ok = rows_of(core, id, 0, &old);

	for (size_t i = 0; ok && i < old.rows.n; i++)
		ok = record_delete(core, TABLE_REQUIREMENT, &old.rows.v[i]);
	vec_release(&old.rows);
	if (ok && task_require(core, id, others, n))
		change_required(core, id, task);
	return !core->group_failed;
}

void handle_requirement_create(struct core *core, struct call *call)
{
	struct row_list old = {0};
	struct requirement row;
	struct task_node *task;
	int64_t other;
	uint64_t set;

	if (!row_from_json(table_get(TABLE_REQUIREMENT), call->body, ROW_CREATE, &row, &set,
	                   &call->arena, &call->problem)) {
		core_problem(core, call);
		return;
	}
	other = row.other_task_id;
	task = core_task(core, row.task_id);
	if (task == NULL || core_task(core, other) == NULL) {
		reply_missing(core, call, "task", task ? other : row.task_id);
		return;
	}
	if (!requirement_allowed(core, call, (uint32_t)row.task_id, &other, 1)) {
		core_problem(core, call);
		return;
	}
	if (!rows_of(core, row.task_id, other, &old))
		return;
	if (old.rows.n > 0) {
		row = old.rows.v[0];
	} else {
		row.requirement_id = ++core->state.last_requirement;
		if (record_insert(core, TABLE_REQUIREMENT, &row))
			change_required(core, (uint32_t)row.task_id, task);
	}
	vec_release(&old.rows);
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
