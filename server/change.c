#include "server/change.h"

#include "server/attempt.h"
#include "server/columns.h"
#include "server/record.h"
#include "server/run.h"
#include "server/signals.h"

#include <assert.h>
#include <signal.h>

bool requirement_met(const struct task_node *other, bool accepts_failure, struct edge_rule rule)
{
	return other->status == TASK_SUCCEEDED ||
	       (other->status == TASK_FAILED && accepts_failure && rule.gather == 0);
}

bool gives_part(const struct task_node *other)
{
	return other->status == TASK_SUCCEEDED && (other->flags & TASK_PARTIAL);
}

static void set_reason(struct core *core, uint32_t id, struct task_node *task, enum reason reason)
{
	if (task->reason == reason)
		return;
	state_task_dirty(&core->state, id, task);
	task->flags |= TASK_TOLD;
	task->reason = (uint8_t)reason;
}

void change_partial(struct core *core, uint32_t id, struct task_node *task, bool partial)
{
	if (((task->flags & TASK_PARTIAL) != 0) == partial)
		return;
	state_task_dirty(&core->state, id, task);
	task->flags ^= TASK_PARTIAL;
	task->flags |= TASK_TOLD;
}

/* What a task that waits for a person would be without one. */
static void set_resume(struct core *core, uint32_t id, struct task_node *task,
                       enum task_status resume)
{
	if (task->resume == resume)
		return;
	state_task_dirty(&core->state, id, task);
	task->flags |= TASK_TOLD;
	task->resume = (uint8_t)resume;
}

/* In a run that is debugged nothing is granted by itself. */
static void hold(struct core *core, uint32_t id, struct task_node *task)
{
	const struct state *state = &core->state;

	if ((task->status == TASK_WAITING || task->status == TASK_PENDING) &&
	    run_holds(state, class_of(state, task)->run, batch_of(state, task)))
		change_task(core, id, task, TASK_EVENT_DEBUG, REASON_NONE);
}

/*
 * The edges of a waiting or pending task have changed; `lost` where it waits for something that
 * failed. Tasks that came in a run fail with what they require; others stay waiting and say why.
 * True where it failed.
 */
static bool settle(struct core *core, uint32_t id, struct task_node *task, bool lost)
{
	struct state *state = &core->state;

	if (task->status == TASK_DEBUG)
		set_resume(core, id, task,
		           state_edges_over(state, task) ? TASK_PENDING : TASK_WAITING);
	if (task->status == TASK_PENDING && task->requires != 0)
		state_task_status(state, id, task,
		                  task_transition(TASK_PENDING, TASK_EVENT_BLOCK)->to);
	if (task->status != TASK_WAITING)
		return false;
	if (state_edges_over(state, task)) {
		if (task->requires != 0)
			change_partial(core, id, task, true);
		state_edges_drop(state, id);
		set_reason(core, id, task, REASON_NONE);
		state_task_status(state, id, task,
		                  task_transition(TASK_WAITING, TASK_EVENT_READY)->to);
		return false;
	}
	if (lost && class_of(state, task)->run != 0) {
		state_task_status(state, id, task,
		                  task_transition(TASK_WAITING, TASK_EVENT_DEPENDENCY_FAILED)->to);
		set_reason(core, id, task, REASON_DEPENDENCY);
		state_edges_drop(state, id);
		run_incident(core, id, task,
		             &(struct run_incident){.kind = INCIDENT_DEPENDENCY,
		                                    .return_code = INT_NULL,
		                                    .failed_line = INT_NULL,
		                                    .reason = REASON_DEPENDENCY});
		return true;
	}
	set_reason(core, id, task, lost ? REASON_DEPENDENCY : REASON_NONE);
	return false;
}

/* The task is done: those that wait for it go on, or fail with it. */
static void done(struct core *core, uint32_t first)
{
	struct state *state = &core->state;
	VEC(uint32_t) work = {0};

	vec_push(&work, first);
	while (work.n > 0) {
		const struct task_node *other = state_task(state, work.v[--work.n]);
		uint32_t next;

		for (uint32_t e = other->dependents; e != 0; e = next) {
			uint32_t id = state->edges.v[e].task;
			struct task_node *task = state_task(state, id);
			bool lost = false;

			next = state->edges.v[e].next_dependent;
			if (requirement_met(other, class_of(state, task)->accepts_failure,
			                    state_edge_rule(state, e))) {
				if (gives_part(other))
					change_partial(core, id, task, true);
				state_edge_remove(state, e);
			} else {
				struct edge_rule rule;

				state_edge_settle(state, e);
				rule = state_edge_rule(state, e);
				lost = rule.gather == 0 || rule.failed > rule.may_fail;
			}
			/* One that was lost before stays so while that has failed. */
			if (!lost && task->reason == REASON_DEPENDENCY)
				lost = state_edges_hopeless(state, task);
			if (settle(core, id, task, lost))
				vec_push(&work, id);
		}
	}
	vec_release(&work);
}

/* Edges to everything that it requires and that is not met, from the database. */
static bool load_edges(struct core *core, uint32_t id, struct task_node *task)
{
	struct state *state = &core->state;
	struct requirement *rows;
	bool partial = false;
	size_t n;

	state_edges_drop(state, id);
	if (!record_required(core, id, &rows, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct task_node *other = core_task(core, rows[i].other_task_id);

		if (other == NULL)
			continue;
		partial |= gives_part(other);
		if (!requirement_met(other, class_of(state, task)->accepts_failure,
		                     edge_rule_of(&rows[i])))
			state_edge_add(state, id, (uint32_t)rows[i].other_task_id,
			               edge_rule_of(&rows[i]));
	}
	change_partial(core, id, task, partial);
	return !core->group_failed;
}

/* What is remembered of a task that failed with what it requires; of another one perhaps. */
static struct lost *lost_of(struct state *state, uint32_t id)
{
	return &state->lost[id % STATE_LOST];
}

void change_required(struct core *core, uint32_t id, struct task_node *task)
{
	lost_of(&core->state, id)->task = 0;
	/* One that has started, or is done, waits for nothing. */
	if (task_is_done((enum task_status)task->status) ||
	    task_is_out((enum task_status)task->status))
		return;
	if (load_edges(core, id, task) &&
	    settle(core, id, task, state_edges_hopeless(&core->state, task)))
		done(core, id);
}

void change_check(struct core *core, uint32_t id, struct task_node *task)
{
	if (settle(core, id, task, state_edges_hopeless(&core->state, task)))
		done(core, id);
}

/*
 * It stays failed with one of those that it still waits for without hope. That is remembered, as
 * far as there is room: of a gather thousands may be relaunched one by one, and each time all of
 * them would be read. The last by number, since they are relaunched in that order.
 */
static void stay_lost(struct state *state, uint32_t id, struct task_node *task)
{
	struct lost *lost = lost_of(state, id);

	*lost = (struct lost){.task = id};
	for (uint32_t e = task->requires; e != 0; e = state->edges.v[e].next_required) {
		struct edge_rule rule = state_edge_rule(state, e);
		uint32_t other = state->edges.v[e].other;

		if ((rule.gather == 0 || rule.may_fail == 0) && other > lost->other &&
		    state_task(state, other)->status == TASK_FAILED)
			lost->other = other;
	}
	state_edges_drop(state, id);
}

/* The one that is remembered has failed still. */
static bool is_lost(struct core *core, uint32_t id)
{
	const struct lost *lost = lost_of(&core->state, id);
	const struct task_node *other = lost->task == id ? core_task(core, lost->other) : NULL;

	return other != NULL && other->status == TASK_FAILED;
}

/* A dependent of a task that is no longer done. True where it came back from a failure itself. */
static bool undone_dependent(struct core *core, const struct requirement *row,
                             struct task_node *task)
{
	struct state *state = &core->state;
	uint32_t id = (uint32_t)row->task_id, other = (uint32_t)row->other_task_id, edge;

	if (task->status == TASK_FAILED && task->reason == REASON_DEPENDENCY) {
		if (is_lost(core, id) || !run_need(core, class_of(state, task)->run) ||
		    !load_edges(core, id, task))
			return false;
		if (state_edges_hopeless(state, task)) {
			stay_lost(state, id, task);
			return false;
		}
		state_task_status(state, id, task,
		                  task_transition(TASK_FAILED, TASK_EVENT_DEPENDENCY_UNDONE)->to);
		set_reason(core, id, task, REASON_NONE);
		settle(core, id, task, false);
		hold(core, id, task);
		return true;
	}
	if (task_is_done(task->status) || task_is_out(task->status))
		return false;
	/* One that was ready has forgotten which failures it did not mind. */
	if (task->status == TASK_PENDING || (task->flags & TASK_PARTIAL)) {
		if (!load_edges(core, id, task))
			return false;
	} else if (state_edge_find(state, id, other, &edge)) {
		state_edge_settle(state, edge);
	} else {
		state_edge_add(state, id, other, edge_rule_of(row));
	}
	settle(core, id, task,
	       task->reason == REASON_DEPENDENCY && state_edges_hopeless(state, task));
	return false;
}

/* The task was done and is not any more. */
static void undone(struct core *core, uint32_t first)
{
	VEC(uint32_t) work = {0};

	vec_push(&work, first);
	while (work.n > 0 && !core->group_failed) {
		uint32_t other = work.v[--work.n];
		struct requirement *rows;
		size_t n;

		if (!record_dependents(core, other, &rows, &n))
			break;
		for (size_t i = 0; i < n; i++) {
			struct task_node *task = core_task(core, rows[i].task_id);

			if (task != NULL && undone_dependent(core, &rows[i], task))
				vec_push(&work, (uint32_t)rows[i].task_id);
		}
	}
	vec_release(&work);
}

bool change_task(struct core *core, uint32_t id, struct task_node *task, enum task_event event,
                 enum reason reason)
{
	struct state *state = &core->state;
	enum task_status from = (enum task_status)task->status;
	const struct transition *row = task_transition(from, event);
	uint8_t resume = event == TASK_EVENT_PAUSE || event == TASK_EVENT_DEBUG ? (uint8_t)from
	                                                                        : TASK_ABSENT;

	if (row == NULL || (event == TASK_EVENT_READY && task->requires != 0))
		return false;
	if (!run_need(core, class_of(state, task)->run))
		return true;
	state_task_dirty(state, id, task);
	if (task->reason != reason || task->resume != resume || event == TASK_EVENT_RELAUNCH)
		task->flags |= TASK_TOLD;
	task->reason = (uint8_t)reason;
	task->resume = resume;
	if (event == TASK_EVENT_RELAUNCH) {
		task->losses = task->evictions = 0;
		attempt_set(core, id, task, 0);
	}
	state_task_status(state, id, task, (enum task_status)row->to);
	switch (event) {
	case TASK_EVENT_RELAUNCH:
		change_required(core, id, task);
		undone(core, id);
		break;
	case TASK_EVENT_RESUME:
		if (settle(core, id, task, state_edges_hopeless(state, task)))
			done(core, id);
		break;
	case TASK_EVENT_CANCEL:
		state_edges_drop(state, id);
		done(core, id);
		break;
	case TASK_EVENT_RETRY:
		hold(core, id, task);
		break;
	default:
		if (task_is_done((enum task_status)row->to))
			done(core, id);
	}
	return true;
}

void change_release(struct core *core, struct task_node *task)
{
	struct state *state = &core->state;

	while (task->dependents != 0) {
		uint32_t dependent = state->edges.v[task->dependents].task;

		struct task_node *node = state_task(state, dependent);

		state_edge_remove(state, task->dependents);
		settle(core, dependent, node,
		       node->reason == REASON_DEPENDENCY && state_edges_hopeless(state, node));
	}
}

bool change_execution(struct core *core, struct execution_node *execution,
                      enum execution_event event)
{
	const struct transition *row =
	        execution_transition((enum execution_status)execution->status, event);
	struct execution *write;

	assert(event == EXECUTION_EVENT_ACCEPT || event == EXECUTION_EVENT_START);
	if (row == NULL)
		return false;
	write = record_execution_row(core, execution);
	execution->status = (uint8_t)row->to;
	write->status = (int8_t)row->to;
	execution->mask |= BIT(EXECUTION_COL_status);
	if (event == EXECUTION_EVENT_START) {
		write->start_date = core->now_us;
		execution->mask |= BIT(EXECUTION_COL_start_date);
	}
	if (execution->current)
		change_task(core, execution->task, state_task(&core->state, execution->task),
		            event == EXECUTION_EVENT_ACCEPT ? TASK_EVENT_GRANT : TASK_EVENT_START,
		            REASON_NONE);
	return true;
}

/* Its worker, or the worker's disk, failed it. */
static void task_lost(struct core *core, uint32_t id, struct task_node *task,
                      const struct outcome *outcome, const struct run_incident *incident)
{
	struct run_incident what = *incident;
	bool evicted = outcome->reason == REASON_EVICTED;
	bool counts = !outcome->forgiven && !evicted;

	task->flags |= TASK_TOLD;
	if (counts && task->losses < LOSS_LIMIT)
		task->losses++;
	if (evicted && task->evictions < EVICTION_LIMIT)
		task->evictions++;
	if ((counts && task->losses >= LOSS_LIMIT) ||
	    (evicted && task->evictions >= EVICTION_LIMIT)) {
		change_task(core, id, task, TASK_EVENT_FAIL, outcome->reason);
		what.kind = INCIDENT_FAILED;
	} else {
		change_task(core, id, task, TASK_EVENT_LOST, REASON_NONE);
		what.kind = INCIDENT_LOST;
	}
	run_incident(core, id, task, &what);
}

static void task_failed(struct core *core, uint32_t id, struct task_node *task,
                        const struct outcome *outcome, const struct run_incident *incident)
{
	struct run_incident what = *incident;
	bool again = task->attempts < class_of(&core->state, task)->retry;

	attempt_set(core, id, task, task->attempts + 1u);
	if (again) {
		change_task(core, id, task, TASK_EVENT_RETRY, REASON_NONE);
		what.kind = INCIDENT_RETRY;
	} else {
		change_task(core, id, task, TASK_EVENT_FAIL, outcome->reason);
		what.kind = INCIDENT_FAILED;
	}
	run_incident(core, id, task, &what);
}

bool change_end(struct core *core, struct execution_node *execution, const struct outcome *outcome)
{
	const struct transition *row =
	        execution_transition((enum execution_status)execution->status, outcome->event);
	struct run_incident incident = {
	        .execution = execution->id,
	        .return_code = outcome->return_code,
	        .failed_line = outcome->failed_line,
	        .reason = outcome->reason,
	        .message = outcome->message,
	        .worker = execution->worker->name,
	};
	struct task_node *task = state_task(&core->state, execution->task);
	uint32_t id = execution->task;
	bool current = execution->current;
	struct execution *write;

	if (row == NULL)
		return false;
	write = record_execution_row(core, execution);
	write->status = (int8_t)row->to;
	write->end_date = core->now_us;
	write->reason = reason_words[outcome->reason];
	execution->mask |=
	        BIT(EXECUTION_COL_status) | BIT(EXECUTION_COL_end_date) | BIT(EXECUTION_COL_reason);
	if (outcome->message != NULL) {
		write->message = outcome->message;
		execution->mask |= BIT(EXECUTION_COL_message);
	}
	execution->status = (uint8_t)row->to;
	record_execution_ended(core, execution);
	if (!signals_ended(core, execution))
		return true;
	/* The name must outlive the worker's node only for this call. */
	state_execution_remove(&core->state, execution);
	if (!current)
		return true;
	if (outcome->event == EXECUTION_EVENT_SUCCEED) {
		incident.kind = INCIDENT_TOLD;
		if (outcome->reason != REASON_NONE)
			run_incident(core, id, task, &incident);
		change_task(core, id, task, TASK_EVENT_SUCCEED, REASON_NONE);
	} else if (outcome->event == EXECUTION_EVENT_REFUSE)
		change_task(core, id, task,
		            task->status == TASK_ASSIGNED ? TASK_EVENT_WITHDRAW : TASK_EVENT_LOST,
		            REASON_NONE);
	else if (outcome->reason == REASON_LOST || outcome->reason == REASON_DISK ||
	         outcome->reason == REASON_CONTAINER || outcome->reason == REASON_EVICTED)
		task_lost(core, id, task, outcome, &incident);
	else
		task_failed(core, id, task, outcome, &incident);
	return true;
}

void change_lost(struct core *core, struct execution_node *execution, enum loss loss)
{
	struct outcome lost = {EXECUTION_EVENT_FAIL,
	                       loss == LOSS_EVICTED ? REASON_EVICTED : REASON_LOST,
	                       loss != LOSS_COUNTS,
	                       INT_NULL,
	                       INT_NULL,
	                       NULL};

	if (execution->status == EXECUTION_PENDING) {
		lost.event = EXECUTION_EVENT_REFUSE;
		lost.reason = REASON_NONE;
	}
	change_end(core, execution, &lost);
}

void change_abandon(struct core *core, struct execution_node *execution)
{
	execution->current = false;
	if (execution->status == EXECUTION_PENDING)
		change_lost(core, execution, LOSS_FORGIVEN);
	else
		signal_add(core, execution->worker, execution->id, SIGKILL);
}

bool change_cancel(struct core *core, uint32_t id, struct task_node *task)
{
	struct execution_node *execution = state_execution(&core->state, task_execution(task));

	if (task_transition((enum task_status)task->status, TASK_EVENT_CANCEL) == NULL)
		return false;
	if (execution != NULL && execution->current)
		change_abandon(core, execution);
	return change_task(core, id, task, TASK_EVENT_CANCEL, REASON_CANCELLED);
}
