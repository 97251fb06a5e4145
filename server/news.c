#include "server/news.h"

#include "server/columns.h"
#include "server/log_board.h"
#include "server/recruit/decision.h"
#include "store/store.h"

/* Counters of a batch are told at most so often. */
#define COUNTERS_NS (INT64_C(1000000000) / 5)

static void tell(struct core *core, const struct feed_event *event)
{
	vec_push(&core->news, *event);
	core->news.v[core->news.n - 1].date_us = core->now_us;
}

static uint32_t batch_number(struct core *core, const struct batch_node *batch)
{
	return feed_batch(core->options.feed, batch->name);
}

void news_task(struct core *core, uint32_t id, const struct task_node *task,
               enum feed_change change)
{
	struct feed_event event = {.id = id, .other = id, .kind = FEED_TASK};
	struct feed_event *last = core->news.n > 0 ? &core->news.v[core->news.n - 1] : NULL;

	if (core->options.feed == NULL)
		return;
	event.change = (uint8_t)change;
	event.status = task->status;
	event.reason = task->reason;
	event.batch = batch_number(core, batch_of(&core->state, task));
	event.run = class_of(&core->state, task)->run;
	if (change == FEED_CREATED && last != NULL && last->kind == FEED_TASK &&
	    last->change == FEED_CREATED && last->other + 1 == id && last->batch == event.batch &&
	    last->run == event.run && last->status == event.status)
		last->other = id;
	else
		tell(core, &event);
}

void news_execution(struct core *core, uint32_t id, uint32_t task_id, uint32_t worker,
                    enum execution_status status, enum feed_change change)
{
	const struct task_node *task = state_task(&core->state, task_id);
	struct feed_event event = {.id = id,
	                           .other = task_id,
	                           .worker = worker,
	                           .kind = FEED_EXECUTION,
	                           .change = (uint8_t)change,
	                           .status = (uint8_t)status};

	if (core->options.feed == NULL)
		return;
	if (task != NULL) {
		event.batch = batch_number(core, batch_of(&core->state, task));
		event.run = class_of(&core->state, task)->run;
	}
	tell(core, &event);
}

static uint8_t status_in(uint64_t mask, unsigned column, int8_t status)
{
	return mask & BIT(column) && status >= 0 ? (uint8_t)status : FEED_NO_STATUS;
}

static void tell_worker(struct core *core, const struct worker *row, uint64_t mask,
                        struct feed_event *event)
{
	/* What it says of itself all the time is no news. */
	const uint64_t pulse = BIT(WORKER_COL_load) | BIT(WORKER_COL_memory) |
	                       BIT(WORKER_COL_stats) | BIT(WORKER_COL_last_contact_date);

	if ((mask & ~pulse) == 0)
		return;
	event->kind = FEED_WORKER;
	event->id = (uint32_t)row->worker_id;
	event->status = status_in(mask, WORKER_COL_status, row->status);
	tell(core, event);
}

void news_row(struct core *core, enum table_id table, const void *row_p, uint64_t mask,
              enum feed_change change)
{
	struct feed_event event = {.change = (uint8_t)change, .status = FEED_NO_STATUS};

	if (core->options.feed == NULL)
		return;
	if (table == TABLE_WORKER) {
		tell_worker(core, row_p, mask, &event);
	} else if (table == TABLE_JOB) {
		const struct job *row = row_p;

		event.kind = FEED_JOB;
		event.id = (uint32_t)row->job_id;
		event.status = status_in(mask, JOB_COL_status, row->status);
		tell(core, &event);
	} else if (table == TABLE_RECRUITER) {
		const struct recruiter *row = row_p;

		event.kind = FEED_RECRUITER;
		event.id = (uint32_t)row->rank;
		event.batch = feed_batch(core->options.feed, row->batch);
		tell(core, &event);
	} else if (table == TABLE_RUN) {
		const struct run *row = row_p;

		event.kind = FEED_RUN;
		event.id = event.run = (uint32_t)row->run_id;
		event.status = status_in(mask, RUN_COL_status, row->status);
		tell(core, &event);
	} else if (table == TABLE_BATCH) {
		const struct batch *row = row_p;

		state_batch_moved(&core->state, state_batch(&core->state, row->batch));
	}
}

static uint32_t clamp(int64_t n)
{
	return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

void news_decision(struct core *core, const struct recruiter *row, const struct decision *decision)
{
	struct feed_event event = {.id = (uint32_t)row->rank,
	                           .other = clamp(decision->recycled),
	                           .worker = clamp(decision->deployed),
	                           .kind = FEED_RECRUITER,
	                           .change = FEED_DECIDED,
	                           .status = (uint8_t)decision->reason};

	if (core->options.feed == NULL)
		return;
	event.batch = feed_batch(core->options.feed, row->batch);
	tell(core, &event);
}

void news_batch_deleted(struct core *core, const char *name)
{
	struct feed_event event = {
	        .kind = FEED_BATCH, .change = FEED_DELETED, .status = FEED_NO_STATUS};

	if (core->options.feed == NULL)
		return;
	event.batch = feed_batch(core->options.feed, name);
	tell(core, &event);
}

void news_log(struct core *core, uint32_t execution, bool is_error, int64_t length)
{
	struct log_growth grown = {execution, is_error, length};

	/* Whoever begins to follow before COMMIT does not see it yet. */
	if (core->options.board != NULL)
		vec_push(&core->grown, grown);
}

/* To those who follow logs. False: nobody follows one of these. */
static bool note_logs(struct core *core)
{
	struct log_board *board = core->options.board;
	bool followed = false;

	if (board == NULL || !log_board_used(board))
		return false;
	for (size_t i = 0; i < core->grown.n; i++) {
		const struct log_growth *g = &core->grown.v[i];

		followed |= log_board_grown(board, g->execution,
		                            g->is_error ? STORE_STDERR : STORE_STDOUT, g->length);
	}
	for (size_t i = 0; i < core->news.n; i++) {
		const struct feed_event *e = &core->news.v[i];

		if (e->kind == FEED_EXECUTION &&
		    (e->change == FEED_DELETED ||
		     execution_is_done((enum execution_status)e->status)))
			followed |= log_board_ended(board, e->id);
	}
	return followed;
}

/* For metrics.c. */
static void count(struct core *core)
{
	for (size_t i = 0; i < core->news.n; i++) {
		const struct feed_event *e = &core->news.v[i];

		if (e->kind == FEED_EXECUTION && e->change == FEED_CHANGED &&
		    e->status < EXECUTION_STATUS_COUNT)
			core->counts.executions[e->status]++;
		else if (e->kind == FEED_JOB && e->status < JOB_STATUS_COUNT)
			core->counts.jobs[e->status]++;
	}
}

static void wake_readers(struct core *core)
{
	if (core->options.published != NULL)
		core->options.published(core->options.context);
}

static void tell_counters(void *context, struct timer *timer)
{
	struct core *core = context;
	struct state *state = &core->state;

	(void)timer;
	for (size_t i = 0; i < state->moved.n; i++) {
		struct batch_node *batch = state->moved.v[i];
		struct feed_batch counters = {.run = batch->run,
		                              .stopped = batch->paused,
		                              .counted = state->tasks_to == UINT32_MAX};

		for (int s = 0; s < TASK_STATUS_COUNT; s++)
			counters.counts[s] = batch->counts[s];
		feed_publish_batch(core->options.feed, core->now_us, batch_number(core, batch),
		                   &counters);
		batch->moved = false;
	}
	state->moved.n = 0;
	wake_readers(core);
}

void news_commit(struct core *core)
{
	struct state *state = &core->state;

	if (core->options.feed == NULL)
		return;
	count(core);
	if (note_logs(core) || core->news.n > 0) {
		feed_publish(core->options.feed, core->news.v, core->news.n);
		wake_readers(core);
	}
	core->news.n = core->grown.n = 0;
	if (state->moved.n > 0 && !timer_is_set(&core->counters))
		timer_set(&core->timers, &core->counters, core->now_ns + COUNTERS_NS,
		          tell_counters);
}

void news_drop(struct core *core)
{
	core->news.n = core->grown.n = 0;
}
