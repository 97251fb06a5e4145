#include "server/run.h"

#include "model/json.h"
#include "server/change.h"
#include "server/columns.h"
#include "server/fleet.h"
#include "server/hire.h"
#include "server/hook.h"
#include "server/record.h"
#include "server/reply.h"
#include "server/tally.h"
#include "store/store.h"

#include <string.h>

/* Ended runs kept in memory before the idle ones go. */
#define ENDED_KEPT 64
/* Tasks that one group cancels, or puts into debug and out of it. */
#define CANCELLED_AT_ONCE 2000
#define SWEPT_AT_ONCE 2000

static const char *const kind_words[] = {"failed", "retry", "lost", "dependency", "told"};

static timer_function sweep_more;

struct run_node *run_find(const struct state *state, uint32_t id)
{
	/* The live runs are few and the newest are asked for most. */
	for (size_t i = state->runs.n; i-- > 0;) {
		if (state->runs.v[i]->id == id)
			return state->runs.v[i];
	}
	return NULL;
}

/* Tasks from that one on are still to follow `debug`; 0: none. */
static void sweep_from(struct state *state, struct run_node *run, uint32_t id)
{
	state->sweeps += (id > 0) - (run->sweeping > 0);
	run->sweeping = id;
}

struct run_node *run_add(struct state *state, const struct run *row)
{
	struct run_node *run = xcalloc(1, sizeof(*run));

	run->id = (uint32_t)row->run_id;
	run->name = xstrdup(row->name);
	run->digest = xstrdup(row->digest);
	run->status = (uint8_t)row->status;
	run->detached = row->detached == 1;
	run->debug = row->debug == 1;
	/* What a crash cut short. */
	if (run->debug && row->debug_from > 0) {
		sweep_from(state, run, (uint32_t)row->debug_from);
		timer_set(state->timers, &run->sweep, 0, sweep_more);
	}
	/* Later than every number that a follower may know from before. */
	run->event = clock_date_us() / 1000;
	vec_push(&state->runs, run);
	return run;
}

static void run_free(struct state *state, struct run_node *run)
{
	timer_cancel(state->timers, &run->follow);
	timer_cancel(state->timers, &run->cancel);
	timer_cancel(state->timers, &run->sweep);
	sweep_from(state, run, 0);
	for (size_t i = 0; i < run->incidents.n; i++)
		json_decref(run->incidents.v[i]);
	vec_release(&run->incidents);
	vec_release(&run->followers);
	company_release(&run->company);
	vec_release(&run->steps);
	free(run->name);
	free(run->digest);
	free(run);
}

bool run_drop(struct state *state, uint32_t id)
{
	for (size_t i = 0; i < state->runs.n; i++) {
		struct run_node *run = state->runs.v[i];

		if (run->id != id)
			continue;
		if (run->followers.n > 0 || run->looked)
			return false;
		run_free(state, run);
		state->runs.v[i] = state->runs.v[--state->runs.n];
		break;
	}
	return true;
}

void runs_release(struct state *state)
{
	for (size_t i = 0; i < state->runs.n; i++)
		run_free(state, state->runs.v[i]);
	vec_release(&state->runs);
	vec_release(&state->changed_runs);
}

static struct run_step *step_of(struct state *state, struct run_node *run, uint32_t index)
{
	struct batch_node *batch = state->batches.v[index];
	struct run_step step = {.batch = index};

	if (batch->step_run == run->id && batch->step < run->steps.n &&
	    run->steps.v[batch->step].batch == index)
		return &run->steps.v[batch->step];
	batch->step_run = run->id;
	for (size_t i = 0; i < run->steps.n; i++) {
		if (run->steps.v[i].batch == index) {
			batch->step = (uint32_t)i;
			return &run->steps.v[i];
		}
	}
	batch->step = (uint32_t)run->steps.n;
	vec_push(&run->steps, step);
	return &run->steps.v[batch->step];
}

static void count(const struct state *state, struct run_node *run, struct run_step *step,
                  int status)
{
	bool hook = state->batches.v[step->batch]->hook;

	step->counts[status]++;
	if (!task_is_done((enum task_status)status)) {
		run->undone += hook ? 0 : 1;
		run->hooks += hook ? 1 : 0;
	} else if (status == TASK_FAILED) {
		run->failed += hook ? 0 : 1;
	}
}

static void uncount(const struct state *state, struct run_node *run, struct run_step *step,
                    int status)
{
	bool hook = state->batches.v[step->batch]->hook;

	step->counts[status]--;
	if (!task_is_done((enum task_status)status)) {
		run->undone -= hook ? 0 : 1;
		run->hooks -= hook ? 1 : 0;
	} else if (status == TASK_FAILED) {
		run->failed -= hook ? 0 : 1;
	}
}

uint64_t run_outcome(const struct state *state, const struct run_node *run, enum task_status status)
{
	uint64_t n = 0;

	for (size_t i = 0; i < run->steps.n; i++) {
		if (!state->batches.v[run->steps.v[i].batch]->hook)
			n += run->steps.v[i].counts[status];
	}
	return n;
}

void run_add_step(struct state *state, struct run_node *run, uint32_t batch)
{
	(void)step_of(state, run, batch);
}

void run_add_done(struct state *state, struct run_node *run, uint32_t batch,
                  enum task_status status)
{
	count(state, run, step_of(state, run, batch), (int)status);
}

/* Whether that it has this status is among the counts. */
static bool holds(const struct run_node *run, uint32_t id, int status)
{
	return status != TASK_ABSENT &&
	       (!task_is_done((enum task_status)status) || id <= run->counted_to);
}

void run_count(struct state *state, uint32_t id, const struct task_node *task, int from, int to)
{
	const struct task_class *class = class_of(state, task);
	struct run_node *run = run_find(state, class->run);
	struct run_step *step = step_of(state, run, class->batch);

	if (holds(run, id, from))
		uncount(state, run, step, from);
	if (holds(run, id, to))
		count(state, run, step, to);
	run_touch(state, run);
}

void run_touch(struct state *state, struct run_node *run)
{
	if (run->changed)
		return;
	run->changed = true;
	run->event++;
	run_look(state, run);
}

void run_look(struct state *state, struct run_node *run)
{
	if (run->looked)
		return;
	run->looked = true;
	vec_push(&state->changed_runs, run);
}

void run_attached(struct core *core, struct run_node *run)
{
	run->attached_until = core->now_ns + core->options.grace_seconds * INT64_C(1000000000);
}

struct run_node *run_get(struct core *core, int64_t id)
{
	struct run_node *run =
	        id > 0 && id <= UINT32_MAX ? run_find(&core->state, (uint32_t)id) : NULL;
	struct run row = {.run_id = id};

	if (run != NULL || id <= 0 || id > UINT32_MAX || !record_find(core, TABLE_RUN, &row))
		return run;
	return run_add(&core->state, &row);
}

bool run_need(struct core *core, uint32_t id)
{
	return id == 0 || run_find(&core->state, id) != NULL || run_get(core, id) != NULL ||
	       core_failed(core, "a task's run is not there");
}

void run_incident(struct core *core, uint32_t id, const struct task_node *node,
                  const struct run_incident *incident)
{
	uint32_t run_id = class_of(&core->state, node)->run;
	struct run_node *run = run_id ? run_find(&core->state, run_id) : NULL;
	struct task task;
	json_t *entry;

	if (run == NULL || core->group_failed)
		return;
	if (incident->kind == INCIDENT_RETRY && id <= run->counted_to)
		run->retried++;
	if (!record_task(core, id, STORE_ALL, &task))
		return;
	run_touch(&core->state, run);
	entry = json_object();
#define SET(name, value) json_object_set_new_nocheck(entry, name, value)
	SET("event", json_integer(run->event));
	SET("task_id", json_integer(id));
	SET("execution_id", incident->execution ? json_integer(incident->execution) : json_null());
	SET("name", json_text(task.name));
	SET("batch", json_text(task.batch));
	SET("kind", json_string(kind_words[incident->kind]));
	SET("return_code",
	    incident->return_code == INT_NULL ? json_null() : json_integer(incident->return_code));
	SET("reason", json_text(reason_words[incident->reason]));
	SET("message", json_text(incident->message));
	SET("failed_line",
	    incident->failed_line == INT_NULL ? json_null() : json_integer(incident->failed_line));
	SET("source", json_text(task.source));
	SET("attempts", json_integer(node->attempts));
	SET("retry", json_integer(task.retry));
	SET("worker", json_text(incident->worker));
#undef SET
	if (run->incidents.n < RUN_INCIDENTS) {
		vec_push(&run->incidents, entry);
		return;
	}
	json_decref(run->incidents.v[run->oldest]);
	run->incidents.v[run->oldest] = entry;
	run->oldest = (run->oldest + 1) % RUN_INCIDENTS;
}

/* Workers that are there and serve a batch of it. */
static uint32_t workers_of(const struct state *state, const struct run_node *run)
{
	uint32_t n = 0;

	for (size_t s = 0; s < state->serves.n; s++) {
		const struct serve *serve = state->serves.v[s];

		for (size_t i = 0; i < run->steps.n; i++) {
			if (pattern_matches(serve->pattern,
			                    state->batches.v[run->steps.v[i].batch]->name)) {
				n += serve->present;
				break;
			}
		}
	}
	return n;
}

json_t *run_json(struct core *core, struct run_node *run)
{
	const struct state *state = &core->state;
	struct run row = {.run_id = run->id};
	json_t *value, *steps;

	if (!record_find(core, TABLE_RUN, &row)) {
		core_failed(core, "a run in memory has no row");
		return NULL;
	}
	value = row_to_json(table_get(TABLE_RUN), &row, VIEW_FULL);
	steps = json_array();
	for (size_t i = 0; i < run->steps.n; i++) {
		const struct run_step *step = &run->steps.v[i];
		const uint32_t *n = step->counts;

		json_array_append_new(
		        steps,
		        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "batch",
		                  state->batches.v[step->batch]->name, "waiting",
		                  (json_int_t)n[TASK_WAITING], "pending",
		                  (json_int_t)n[TASK_PENDING], "running",
		                  (json_int_t)n[TASK_ASSIGNED] + n[TASK_ACCEPTED] + n[TASK_RUNNING],
		                  "succeeded", (json_int_t)n[TASK_SUCCEEDED], "failed",
		                  (json_int_t)n[TASK_FAILED], "paused", (json_int_t)n[TASK_PAUSED],
		                  "debug", (json_int_t)n[TASK_DEBUG]));
	}
	json_object_set_new(value, "steps", steps);
	json_object_set_new(value, "workers", json_integer(workers_of(state, run)));
	json_object_set_new(value, "followers",
	                    json_integer((json_int_t)company_count(&run->company, core->now_ns)));
	json_object_set_new(value, "hooks", json_integer((json_int_t)run->hooks));
	json_object_set_new(value, "retried", json_integer((json_int_t)run->retried));
	return value;
}

void run_set_status(struct core *core, struct run_node *run, enum run_status status)
{
	struct run row = {.run_id = run->id,
	                  .status = (int8_t)status,
	                  .end_date = status == RUN_RUNNING ? DATE_NULL : core->now_us};

	run->status = (uint8_t)status;
	run_touch(&core->state, run);
	record_update(core, TABLE_RUN, &row, BIT(RUN_COL_status) | BIT(RUN_COL_end_date));
	if (status != RUN_RUNNING)
		hire_charge_run(core, run->id);
}

static void cancel_more(void *context, struct timer *timer)
{
	struct core *core = context;
	struct run_node *run = timer_owner(timer, struct run_node, cancel);
	uint32_t n = 0;

	/* The newest first, so that no task fails of a requirement that was cancelled a moment
	   before. */
	while (run->cancelling > 0 && run->undone + run->hooks > 0 && n < CANCELLED_AT_ONCE &&
	       !core->group_failed) {
		uint32_t id = run->cancelling--;
		struct task_node *task = state_task(&core->state, id);

		if (task != NULL && class_of(&core->state, task)->run == run->id)
			n += change_cancel(core, id, task);
	}
	if (run->undone + run->hooks == 0)
		run->cancelling = 0;
	if (run->cancelling > 0)
		timer_set(&core->timers, &run->cancel, core->now_ns + 1, cancel_more);
}

void run_cancel(struct core *core, struct run_node *run)
{
	run->cancelling = core->state.last_task;
	cancel_more(core, &run->cancel);
}

/* False: this one stays as it is. */
static bool sweep_task(struct core *core, const struct run_node *run, uint32_t id,
                       struct task_node *task)
{
	if (class_of(&core->state, task)->run != run->id || batch_of(&core->state, task)->hook)
		return false;
	if (!run->debug)
		return task->status == TASK_DEBUG &&
		       change_task(core, id, task, TASK_EVENT_RESUME, REASON_NONE);
	return (task->status == TASK_WAITING || task->status == TASK_PENDING) &&
	       change_task(core, id, task, TASK_EVENT_DEBUG, REASON_NONE);
}

/* What stood behind tasks that were to be swept is looked at again. */
static void let_go(struct state *state, const struct run_node *run)
{
	for (size_t i = 0; i < run->steps.n; i++)
		fleet_batch_ready(state, state->batches.v[run->steps.v[i].batch]);
}

/* In the order of their numbers, in which they are granted. */
static void sweep_more(void *context, struct timer *timer)
{
	struct core *core = context;
	struct run_node *run = timer_owner(timer, struct run_node, sweep);
	struct run row = {.run_id = run->id, .debug = run->debug, .debug_from = INT_NULL};
	uint64_t mask = BIT(RUN_COL_debug_from);
	uint32_t n = 0;

	while (run->sweeping > 0 && run->undone > 0 && n < SWEPT_AT_ONCE && !core->group_failed) {
		uint32_t id = run->sweeping;
		struct task_node *task = state_task(&core->state, id);

		sweep_from(&core->state, run, id < core->state.last_task ? id + 1 : 0);
		if (task != NULL)
			n += sweep_task(core, run, id, task);
	}
	if (run->undone == 0)
		sweep_from(&core->state, run, 0);
	if (run->sweeping > 0)
		timer_set(&core->timers, &run->sweep, core->now_ns + 1, sweep_more);
	else
		let_go(&core->state, run);
	/* Into debug it is from the first group on, out of it with the last. */
	if (run->debug || run->sweeping == 0)
		mask |= BIT(RUN_COL_debug);
	if (run->debug && run->sweeping > 0)
		row.debug_from = run->sweeping;
	if (record_update(core, TABLE_RUN, &row, mask))
		run_touch(&core->state, run);
}

void run_set_debug(struct core *core, struct run_node *run, bool debug)
{
	run->debug = debug;
	sweep_from(&core->state, run, 1);
	run_touch(&core->state, run);
	sweep_more(core, &run->sweep);
}

bool run_sweeps(const struct state *state, uint32_t id)
{
	const struct run_node *run =
	        state->sweeps > 0 ? run_find(state, class_of(state, state_task(state, id))->run)
	                          : NULL;

	return run != NULL && run->debug && run->sweeping > 0 && id >= run->sweeping;
}

bool run_holds(const struct state *state, uint32_t id, const struct batch_node *batch)
{
	const struct run_node *run = id != 0 && !batch->hook ? run_find(state, id) : NULL;

	return run != NULL && run->debug;
}

bool run_moves(const struct state *state, const struct run_node *run)
{
	return !run_ended(run) && (!run->debug || run->status == RUN_SUBMITTING ||
	                           run_outcome(state, run, TASK_DEBUG) < run->undone);
}

void runs_forget(struct core *core)
{
	struct state *state = &core->state;
	size_t kept = 0;

	if (state->runs.n <= ENDED_KEPT)
		return;
	for (size_t i = 0; i < state->runs.n; i++) {
		struct run_node *run = state->runs.v[i];

		if (run_ended(run) && run->undone + run->hooks == 0 && run->followers.n == 0 &&
		    !run->changed && !run->counting && run->attached_until < core->now_ns)
			run_free(state, run);
		else
			state->runs.v[kept++] = run;
	}
	state->runs.n = kept;
}

void run_settle(struct core *core, struct run_node *run)
{
	/* What failed may be tried again by whoever debugs it. */
	bool open = run->undone > 0 || (run->debug && run->failed > 0);

	if (run->status == RUN_RUNNING && !open && tally_run_now(core, run)) {
		run_set_status(core, run, run->failed > 0 ? RUN_FAILED : RUN_SUCCEEDED);
		hook_start(core, run, (enum run_status)run->status);
	} else if (run_ended(run) && run->undone > 0 && run->cancelling == 0)
		run_set_status(core, run, RUN_RUNNING);
}

void runs_settle(struct core *core)
{
	struct state *state = &core->state;

	for (size_t i = 0; i < state->changed_runs.n && !core->group_failed; i++)
		run_settle(core, state->changed_runs.v[i]);
}

void run_forget_batch(struct state *state, struct run_node *run, uint32_t batch)
{
	for (size_t i = 0; i < run->steps.n; i++) {
		struct run_step *step = &run->steps.v[i];

		if (step->batch != batch)
			continue;
		/* Those that were not done have left one by one. */
		if (!state->batches.v[batch]->hook)
			run->failed -= step->counts[TASK_FAILED];
		memset(step->counts, 0, sizeof(step->counts));
		run_touch(state, run);
	}
}
