#include "server/tally.h"

#include "server/columns.h"
#include "server/record.h"
#include "server/run.h"
#include "store/store.h"

#include <string.h>

/* After the start: work is handed out first. */
#define BEGIN_NS INT64_C(1000000000)
/* Between two parts, while nobody waits for them. */
#define PAUSE_NS INT64_C(4000000)
/* Rows of a part: about two milliseconds. */
#define ROWS 2000
#define COUNTED UINT32_MAX

struct part {
	struct core *core;
	struct run_node *run; /* NULL: all of them */
	uint32_t n, last;
};

static bool count_task(void *context, const void *row_p)
{
	struct part *part = context;
	const struct task *row = row_p;

	part->n++;
	part->last = (uint32_t)row->task_id;
	if (task_is_done((enum task_status)row->status)) {
		struct state *state = &part->core->state;
		struct batch_node *batch = state_batch(state, row->batch ? row->batch : "Default");

		batch->counts[row->status]++;
		state_batch_moved(state, batch);
	}
	return true;
}

static bool count_of_run(void *context, const void *row_p)
{
	struct part *part = context;
	const struct task *row = row_p;
	struct state *state = &part->core->state;

	part->n++;
	part->last = (uint32_t)row->task_id;
	/* The others are in memory and were counted there. */
	if (task_is_done((enum task_status)row->status))
		run_add_done(state, part->run,
		             state_batch(state, row->batch ? row->batch : "Default")->index,
		             (enum task_status)row->status);
	/* The last attempt of a failed task was not followed by another. */
	if (row->attempts != INT_NULL)
		part->run->retried += (uint64_t)(row->attempts -
		                                 (row->status == TASK_FAILED && row->attempts > 0));
	return true;
}

static bool count_execution(void *context, const void *row_p)
{
	struct part *part = context;
	const struct execution *row = row_p;
	struct worker_node *worker = state_worker(&part->core->state, row->worker_id);

	part->n++;
	part->last = (uint32_t)row->execution_id;
	if (worker != NULL && row->latest == 1 &&
	    execution_is_done((enum execution_status)row->status)) {
		worker->ended[row->status]++;
		state_worker_changed(&part->core->state, worker);
	}
	return true;
}

/* Rows behind the cursor, which moves on; of a run, where there is one. */
static void count(struct core *core, enum table_id table, uint64_t mask, struct run_node *run,
                  store_row *row, uint32_t *cursor)
{
	const struct store_filter of_run = {
	        .field = TASK_COL_run_id, .op = STORE_EQ, .number = run != NULL ? run->id : 0};
	const struct store_query query = {.table = table,
	                                  .filters = &of_run,
	                                  .nfilters = run != NULL,
	                                  .mask = mask,
	                                  .after = *cursor,
	                                  .limit = ROWS};
	struct part part = {.core = core, .run = run};

	if (!record_flush(core))
		return;
	if (store_select(store_own(core->store), &query, row, &part) != STORE_OK)
		core_failed(core, "what is done cannot be counted");
	else
		*cursor = part.n < ROWS ? COUNTED : part.last;
}

bool tally_part(struct core *core)
{
	struct state *state = &core->state;

	if (state->tasks_to != COUNTED)
		count(core, TABLE_TASK,
		      BIT(TASK_COL_task_id) | BIT(TASK_COL_batch) | BIT(TASK_COL_status), NULL,
		      count_task, &state->tasks_to);
	else if (state->executions_to != COUNTED)
		count(core, TABLE_EXECUTION,
		      BIT(EXECUTION_COL_execution_id) | BIT(EXECUTION_COL_worker_id) |
		              BIT(EXECUTION_COL_status) | BIT(EXECUTION_COL_latest),
		      NULL, count_execution, &state->executions_to);
	return state->tasks_to == COUNTED && state->executions_to == COUNTED;
}

bool tally_run_part(struct core *core, struct run_node *run)
{
	if (run->counted_to != COUNTED)
		count(core, TABLE_TASK,
		      BIT(TASK_COL_task_id) | BIT(TASK_COL_batch) | BIT(TASK_COL_status) |
		              BIT(TASK_COL_attempts),
		      run, count_of_run, &run->counted_to);
	return run->counted_to == COUNTED;
}

/* A part of each run that is being counted. *left: there is more; true where one was ended. */
static bool runs_part(struct core *core, bool *left)
{
	bool ended = false;

	*left = false;
	for (size_t i = 0; i < core->state.runs.n && !core->group_failed; i++) {
		struct run_node *run = core->state.runs.v[i];

		if (!run->counting)
			continue;
		run->counting = !tally_run_part(core, run);
		*left |= run->counting;
		ended |= !run->counting;
		if (!run->counting)
			run_look(&core->state, run);
	}
	return ended;
}

static void step(void *context, struct timer *timer)
{
	struct core *core = context;
	const uint32_t tasks = core->state.tasks_to, executions = core->state.executions_to;
	bool all, left, ended;

	if (core->broken || core->group_failed)
		return;
	all = tally_part(core);
	ended = runs_part(core, &left);
	if (core->group_failed)
		return;
	if (!all || left)
		timer_set(&core->timers, timer, core->now_ns + (core->tallied.n > 0 ? 1 : PAUSE_NS),
		          step);
	ended |= tasks != COUNTED && core->state.tasks_to == COUNTED;
	ended |= executions != COUNTED && core->state.executions_to == COUNTED;
	if (!ended)
		return;
	/* Served in the next group; who waits for more waits again. */
	for (size_t i = 0; i < core->tallied.n; i++)
		core_submit(core, core->tallied.v[i].call, core->tallied.v[i].handler);
	core->tallied.n = 0;
}

void tally_begin(struct core *core)
{
	timer_set(&core->timers, &core->tally, core->now_ns + BEGIN_NS, step);
}

/* The call waits until more is counted. */
static void wait(struct core *core, struct call *call, call_handler *handler)
{
	struct core_item item = {call, handler};

	vec_push(&core->tallied, item);
	core_park(core);
	timer_set(&core->timers, &core->tally, core->now_ns + 1, step);
}

static bool counted(struct core *core, const uint32_t *cursor, struct call *call,
                    call_handler *handler)
{
	if (*cursor == COUNTED)
		return true;
	/* A part or two are often all. */
	for (int i = 0; i < 2 && *cursor != COUNTED && !core->group_failed; i++)
		tally_part(core);
	if (core->group_failed)
		return false;
	if (*cursor == COUNTED)
		return true;
	wait(core, call, handler);
	return false;
}

bool tally_tasks(struct core *core, struct call *call, call_handler *handler)
{
	return counted(core, &core->state.tasks_to, call, handler);
}

bool tally_executions(struct core *core, struct call *call, call_handler *handler)
{
	return counted(core, &core->state.executions_to, call, handler);
}

bool tally_run_now(struct core *core, struct run_node *run)
{
	/* A part or two are often all. */
	for (int i = 0; i < 2 && !run->counting && !core->group_failed; i++) {
		if (tally_run_part(core, run))
			return true;
	}
	if (!run->counting && !core->group_failed) {
		run->counting = true;
		timer_set(&core->timers, &core->tally, core->now_ns + 1, step);
	}
	return false;
}

bool tally_run(struct core *core, struct run_node *run, struct call *call, call_handler *handler)
{
	if (tally_run_now(core, run))
		return true;
	if (!core->group_failed)
		wait(core, call, handler);
	return false;
}

void tally_take_all(struct core *core)
{
	for (size_t i = 0; i < core->tallied.n; i++)
		core_problem(core, core->tallied.v[i].call);
	core->tallied.n = 0;
}

void tally_ended(struct core *core, const struct execution_node *execution)
{
	if (execution->id <= core->state.executions_to) {
		execution->worker->ended[execution->status]++;
		state_worker_changed(&core->state, execution->worker);
	}
}

static bool take_away(void *context, const void *row_p)
{
	struct core *core = context;
	const struct execution *row = row_p;
	struct worker_node *worker = state_worker(&core->state, row->worker_id);

	if (worker != NULL && row->execution_id <= core->state.executions_to &&
	    execution_is_done((enum execution_status)row->status)) {
		worker->ended[row->status]--;
		state_worker_changed(&core->state, worker);
	}
	return true;
}

bool tally_superseded(struct core *core, uint32_t task)
{
	const struct store_filter filters[] = {
	        {.field = EXECUTION_COL_task_id, .op = STORE_EQ, .number = task},
	        {.field = EXECUTION_COL_latest, .op = STORE_EQ, .number = 1}};
	const struct store_query query = {.table = TABLE_EXECUTION,
	                                  .filters = filters,
	                                  .nfilters = 2,
	                                  .mask = BIT(EXECUTION_COL_execution_id) |
	                                          BIT(EXECUTION_COL_worker_id) |
	                                          BIT(EXECUTION_COL_status)};

	if (core->group_failed || core->state.executions_to == 0)
		return !core->group_failed;
	return store_select(store_own(core->store), &query, take_away, core) == STORE_OK ||
	       core_failed(core, "the executions of a task cannot be read");
}

void tally_again(struct core *core)
{
	struct state *state = &core->state;

	for (size_t i = 0; i < state->workers.n; i++) {
		struct worker_node *worker = state->workers.v[i];

		if (worker == NULL)
			continue;
		memset(worker->ended, 0, sizeof(worker->ended));
		state_worker_changed(state, worker);
	}
	state->executions_to = 0;
	tally_begin(core);
}
