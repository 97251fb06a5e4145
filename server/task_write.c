/* Creating, changing, freezing and deleting single tasks. */
#include "model/attempt.h"
#include "model/json.h"
#include "server/attempt.h"
#include "server/change.h"
#include "server/columns.h"
#include "server/contact.h"
#include "server/grant.h"
#include "server/handlers.h"
#include "server/lease.h"
#include "server/news.h"
#include "server/record.h"
#include "server/recruiter.h"
#include "server/reply.h"
#include "server/requirement.h"
#include "server/run.h"
#include "server/task_drop.h"
#include "server/task_new.h"
#include "store/store.h"

#include <string.h>

/* Of what a task requires that are named where it cannot run. */
#define UNMET_NAMED 4

/* The required tasks as sent, checked and each once; an empty list where none was sent. */
static bool read_required(struct core *core, struct call *call, const struct ints *sent,
                          struct requirement **rows, size_t *n)
{
	*rows = arena_array(&call->arena, struct requirement, sent->n + 1);
	for (size_t i = 0; i < sent->n; i++) {
		row_default(table_get(TABLE_REQUIREMENT), &(*rows)[i]);
		(*rows)[i].other_task_id = sent->v[i];
	}
	*n = task_requirements_unique(*rows, sent->n);
	for (size_t i = 0; i < *n; i++) {
		if (core_task(core, (*rows)[i].other_task_id) == NULL)
			return problem_set(&call->problem, PROBLEM_NOT_FOUND,
			                   "required_task_ids: there is no task %lld",
			                   (long long)(*rows)[i].other_task_id);
	}
	return true;
}

void handle_task_create(struct core *core, struct call *call)
{
	struct task row;
	struct requirement *required;
	size_t n;

	if (!task_new_read(call, call->body, &row) ||
	    !read_required(core, call, &row.required_task_ids, &required, &n) ||
	    !task_new_run(core, call, row.run_id)) {
		core_problem(core, call);
		return;
	}
	if (!task_new_enter(core, &row, required, n))
		return;
	call->made_task = row.task_id;
	if (core_task(core, row.task_id)->flags & TASK_DIRTY) {
		reply_task(core, call, 201, (uint32_t)row.task_id);
		return;
	}
	/* Its requirements are no column. */
	row.required_task_ids = (struct ints){0};
	reply_row(core, call, 201, TABLE_TASK, &row);
}

/* How a person's wish for a status is fulfilled: the events, in order. */
struct plan {
	enum task_event events[3];
	unsigned n;
	bool abandon; /* its execution is told to stop first */
	bool attempt; /* an attempt is used up */
};

static void add(struct plan *plan, enum task_event event)
{
	plan->events[plan->n++] = event;
}

/* To where it can be granted, or waits for that. */
static bool plan_back(struct plan *plan, const struct task_node *task)
{
	switch ((enum task_status)task->status) {
	case TASK_WAITING:
	case TASK_PENDING:
		return true;
	case TASK_PAUSED:
	case TASK_DEBUG:
		add(plan, TASK_EVENT_RESUME);
		return true;
	case TASK_FAILED:
	case TASK_SUCCEEDED:
		add(plan, TASK_EVENT_RELAUNCH);
		return true;
	case TASK_ASSIGNED:
		plan->abandon = true;
		add(plan, TASK_EVENT_WITHDRAW);
		return true;
	case TASK_ACCEPTED:
	case TASK_RUNNING:
		plan->abandon = true;
		add(plan, TASK_EVENT_LOST);
		return true;
	case TASK_STATUS_COUNT:
		break;
	}
	return false;
}

/* What v1 does with failed: while attempts are left the task is pending again. */
static bool plan_failed(struct plan *plan, const struct task_node *task, uint16_t retry)
{
	plan->attempt = task->attempts < retry && (task->status == TASK_PENDING ||
	                                           task_is_out((enum task_status)task->status));
	if (task_is_out((enum task_status)task->status)) {
		plan->abandon = true;
		add(plan, plan->attempt ? TASK_EVENT_RETRY : TASK_EVENT_FAIL);
		plan->attempt = true;
		return true;
	}
	if (!plan->attempt)
		add(plan, TASK_EVENT_CANCEL);
	return task->status != TASK_SUCCEEDED;
}

static bool plan_status(struct plan *plan, const struct state *state, const struct task_node *task,
                        enum task_status to)
{
	enum task_status from = (enum task_status)task->status;

	memset(plan, 0, sizeof(*plan));
	if (from == to)
		return true;
	switch (to) {
	case TASK_PENDING:
		/* Of one that waits for a person that would be waiting for something else. */
		return (from != TASK_WAITING || task->requires == 0) &&
		       (from != TASK_DEBUG || state_edges_over(state, task)) &&
		       plan_back(plan, task);
	case TASK_WAITING:
		return plan_back(plan, task);
	case TASK_PAUSED:
	case TASK_DEBUG:
		if (!plan_back(plan, task))
			return false;
		add(plan, to == TASK_PAUSED ? TASK_EVENT_PAUSE : TASK_EVENT_DEBUG);
		return true;
	case TASK_FAILED:
		return plan_failed(plan, task, class_of(state, task)->retry);
	case TASK_SUCCEEDED:
		plan->abandon = true;
		add(plan, TASK_EVENT_SUCCEED);
		return from == TASK_ACCEPTED || from == TASK_RUNNING;
	case TASK_ASSIGNED:
	case TASK_ACCEPTED:
	case TASK_RUNNING:
	case TASK_STATUS_COUNT:
		break;
	}
	return false;
}

static void carry_out(struct core *core, uint32_t id, struct task_node *task,
                      const struct plan *plan)
{
	struct execution_node *execution = state_execution(&core->state, task_execution(task));

	if (plan->abandon && execution != NULL && execution->current)
		change_abandon(core, execution);
	if (plan->attempt)
		attempt_set(core, id, task, task->attempts + 1u);
	for (unsigned i = 0; i < plan->n; i++) {
		enum task_event event = plan->events[i];

		change_task(core, id, task, event,
		            event == TASK_EVENT_CANCEL || event == TASK_EVENT_FAIL
		                    ? REASON_CANCELLED
		                    : REASON_NONE);
	}
}

static const uint64_t identity_columns = BIT(TASK_COL_command) | BIT(TASK_COL_script) |
                                         BIT(TASK_COL_container) | BIT(TASK_COL_container_options) |
                                         BIT(TASK_COL_input) | BIT(TASK_COL_resource) |
                                         BIT(TASK_COL_attempt_settings);

/* Those of the changed fields that memory knows. */
static void follow_fields(struct core *core, uint32_t id, struct task_node *task,
                          const struct task *row, uint64_t set)
{
	struct state *state = &core->state;
	struct execution_node *execution = state_execution(state, task_execution(task));
	struct task_class class = *class_of(state, task);

	if (set & BIT(TASK_COL_retry))
		class.retry = row->retry > UINT16_MAX ? UINT16_MAX : (uint16_t)row->retry;
	if (set & BIT(TASK_COL_accept_failure))
		class.accepts_failure = row->accept_failure == 1;
	if (set & BIT(TASK_COL_batch))
		class.batch = state_batch(state, row->batch)->index;
	if (set & BIT(TASK_COL_priority))
		class.priority = (int32_t)row->priority;
	state_task_reclass(state, id, task, &class);
	if (set & attempt_columns)
		attempt_changed(core, id, task);
	if (execution == NULL)
		return;
	state_worker_weigh(state, execution->worker);
	/* An offer to a worker of the old batch is none any more. */
	if (set & BIT(TASK_COL_batch))
		contact_withdraw(core, execution->worker);
}

static bool read_update(struct core *core, struct call *call, uint32_t id, struct task *row,
                        uint64_t *set, struct requirement **required, size_t *n)
{
	struct problem *problem = &call->problem;

	row_clear(table_get(TABLE_TASK), row);
	if (!row_from_json(table_get(TABLE_TASK), call->body, ROW_UPDATE, row, set, &call->arena,
	                   problem))
		return false;
	if (((*set & BIT(TASK_COL_batch)) && !batch_name_read(call, row->batch)) ||
	    !attempt_settings_check(row->attempt_settings, problem))
		return false;
	if (*set & BIT(TASK_COL_run_id))
		return problem_set(problem, PROBLEM_READ_ONLY,
		                   "run_id of a task cannot be changed");
	if ((*set & BIT(TASK_COL_priority)) &&
	    (row->priority < INT32_MIN || row->priority > INT32_MAX))
		return problem_set(problem, PROBLEM_BAD_VALUE, "priority is %lld, out of range",
		                   (long long)row->priority);
	if (!read_required(core, call, &row->required_task_ids, required, n))
		return false;
	return requirement_allowed(core, call, id, *required, *n);
}

/* Whether the task is in the status that the body wants it to be in, as it may. Answered where not.
 */
static bool meets_condition(struct core *core, struct call *call, uint32_t id,
                            const struct task_node *task)
{
	const char *word = NULL;
	int status;

	if (!json_member_text(call->body, "if_status", &word, &call->problem)) {
		core_problem(core, call);
		return false;
	}
	status = word != NULL ? status_parse(task_status_words, TASK_STATUS_COUNT, word)
	                      : (int)task->status;
	if (status < 0) {
		problem_set(&call->problem, PROBLEM_BAD_VALUE, "if_status is \"%.40s\", no status",
		            word);
		core_problem(core, call);
		return false;
	}
	if (status != (int)task->status) {
		core_refuse(core, call, PROBLEM_CONFLICT, "task %u is %s, not %s", id,
		            task_status_words[task->status], task_status_words[status]);
		return false;
	}
	/* What remains are fields of the row. */
	json_object_del(call->body, "if_status");
	return true;
}

/* "task 3 a:1 (debug), task 4 a:2 (running), and 5 more" */
static bool add_unmet(struct core *core, const struct task_node *task, struct str *out)
{
	const struct state *state = &core->state;
	uint32_t n = 0;

	for (uint32_t e = task->requires; e != 0; e = state->edges.v[e].next_required) {
		uint32_t id = state->edges.v[e].other;

		if (n++ >= UNMET_NAMED)
			continue;
		str_adds(out, n > 1 ? ", " : "");
		if (!record_add_task(core, id, out))
			return false;
		str_addf(out, " (%s)", task_status_words[state_task(state, id)->status]);
	}
	if (n > UNMET_NAMED)
		str_addf(out, ", and %u more", n - UNMET_NAMED);
	return true;
}

/* 409: what the wish fails of. */
static void refuse_status(struct core *core, struct call *call, uint32_t id,
                          const struct task_node *task, enum task_status to)
{
	struct str name = STR_INIT, unmet = STR_INIT;

	if (!record_flush(core) || !record_add_task(core, id, &name))
		;
	else if (to != TASK_PENDING || task->requires == 0)
		core_refuse(core, call, PROBLEM_CONFLICT, "%s is %s: it cannot become %s", name.p,
		            task_status_words[task->status], task_status_words[to]);
	else if (add_unmet(core, task, &unmet))
		core_refuse(core, call, PROBLEM_CONFLICT,
		            "%s is %s: it cannot become pending before what it requires: %s",
		            name.p, task_status_words[task->status], unmet.p);
	str_release(&name);
	str_release(&unmet);
}

void handle_task_update(struct core *core, struct call *call)
{
	struct task_node *task = core_task(core, call->ids[0]);
	uint32_t id = (uint32_t)call->ids[0];
	uint64_t set, columns;
	struct plan plan = {.n = 0};
	struct task row;
	struct requirement *required;
	size_t n;

	if (task == NULL) {
		reply_missing(core, call, "task", call->ids[0]);
		return;
	}
	if (!meets_condition(core, call, id, task))
		return;
	if (!read_update(core, call, id, &row, &set, &required, &n)) {
		core_problem(core, call);
		return;
	}
	if ((set & BIT(TASK_COL_status)) &&
	    !plan_status(&plan, &core->state, task, (enum task_status)row.status)) {
		refuse_status(core, call, id, task, (enum task_status)row.status);
		return;
	}
	if (!run_need(core, class_of(&core->state, task)->run))
		return;
	/* What decides the result is another now: what was computed of it does not hold. */
	if ((set & identity_columns) && !(set & BIT(TASK_COL_identity)))
		set |= BIT(TASK_COL_identity) | BIT(TASK_COL_identity_parts);
	columns = set & ~(BIT(TASK_COL_status) | BIT(TASK_COL_required_task_ids));
	if (columns != 0) {
		row.task_id = id;
		row.modification_date = core->now_us;
		if (!record_update(core, TABLE_TASK, &row,
		                   columns | BIT(TASK_COL_modification_date)))
			return;
		follow_fields(core, id, task, &row, columns);
		news_task(core, id, task, FEED_CHANGED);
	}
	if ((set & BIT(TASK_COL_required_task_ids)) &&
	    !requirement_replace(core, id, task, required, n))
		return;
	if (columns & BIT(TASK_COL_accept_failure))
		change_required(core, id, task);
	if (set & BIT(TASK_COL_status))
		carry_out(core, id, task, &plan);
	reply_task(core, call, 200, id);
}

void handle_task_delete(struct core *core, struct call *call)
{
	struct task_node *task = core_task(core, call->ids[0]);
	uint32_t id = (uint32_t)call->ids[0];
	struct task row;

	if (task == NULL) {
		reply_missing(core, call, "task", call->ids[0]);
		return;
	}
	if (!record_flush(core) || !record_task(core, id, STORE_ALL, &row) || !core_write(core))
		return;
	news_task(core, id, task, FEED_DELETED);
	task_drop(core, id, task);
	if (!core->group_failed && store_delete_task(core->store, id) != STORE_OK)
		core_failed(core, "a task cannot be deleted");
	if (!core->group_failed)
		reply_row(core, call, 200, TABLE_TASK, &row);
}

/* The execution in the path, which is one of the task there. */
static bool find_frozen(struct core *core, struct call *call, struct execution *row)
{
	int64_t id = call->ids[0], execution_id = call->ids[1];

	if (core_task(core, id) == NULL || !record_find_execution(core, execution_id, row))
		core_refuse(core, call, PROBLEM_NOT_FOUND,
		            "there is no task %lld or no execution %lld", (long long)id,
		            (long long)execution_id);
	else if (row->task_id != id)
		core_refuse(core, call, PROBLEM_NOT_FOUND, "execution %lld is not one of task %lld",
		            (long long)execution_id, (long long)id);
	else
		return true;
	return false;
}

/* v1 describes these two, and fails on them. */
void handle_task_frozen_update(struct core *core, struct call *call)
{
	struct execution row;

	if (find_frozen(core, call, &row))
		handle_task_update(core, call);
}

void handle_task_frozen_delete(struct core *core, struct call *call)
{
	struct execution row;

	if (find_frozen(core, call, &row))
		handle_task_delete(core, call);
}

void handle_task_freeze(struct core *core, struct call *call)
{
	int64_t id = call->ids[0];
	struct execution_node *execution = state_execution(&core->state, call->ids[1]);
	struct execution row;
	struct task task;
	uint32_t left;

	if (!find_frozen(core, call, &row))
		return;
	if (!record_flush(core) || !record_task(core, (uint32_t)id, STORE_ALL, &task) ||
	    !grant_settle(core, (uint32_t)id, state_task(&core->state, (uint32_t)id), &task, &left))
		return;
	row.command = task.command;
	row.container = task.container;
	row.container_options = task.container_options;
	row.input = task.input;
	row.output_uri = task.output;
	row.resource = task.resource;
	/* A repeated call of a worker that was not answered changes nothing. */
	if (execution != NULL)
		record_update(core, TABLE_EXECUTION, &row,
		              BIT(EXECUTION_COL_command) | BIT(EXECUTION_COL_container) |
		                      BIT(EXECUTION_COL_container_options) |
		                      BIT(EXECUTION_COL_input) | BIT(EXECUTION_COL_output_uri) |
		                      BIT(EXECUTION_COL_resource));
	if (!core->group_failed)
		reply_row(core, call, 200, TABLE_TASK, &task);
}
