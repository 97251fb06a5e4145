#include "server/state_load.h"

#include "server/attempt.h"
#include "server/change.h"
#include "server/columns.h"
#include "server/contact.h"
#include "server/deadline.h"
#include "server/job.h"
#include "server/record.h"
#include "server/run.h"
#include "server/tally.h"
#include "store/store.h"

#include <string.h>

#define TASK_HOT                                                                                   \
	(BIT(TASK_COL_task_id) | BIT(TASK_COL_batch) | BIT(TASK_COL_status) |                      \
	 BIT(TASK_COL_priority) | BIT(TASK_COL_run_id) | BIT(TASK_COL_retry) |                     \
	 BIT(TASK_COL_attempts) | BIT(TASK_COL_losses) | BIT(TASK_COL_epoch) |                     \
	 BIT(TASK_COL_accept_failure) | BIT(TASK_COL_cpu) | BIT(TASK_COL_memory) |                 \
	 BIT(TASK_COL_evictions) | BIT(TASK_COL_gpu) | BIT(TASK_COL_resume_status) |               \
	 BIT(TASK_COL_reason) | BIT(TASK_COL_attempt_settings) | BIT(TASK_COL_partial) |           \
	 BIT(TASK_COL_run_timeout) | BIT(TASK_COL_download_timeout) |                              \
	 BIT(TASK_COL_upload_timeout))

static uint16_t small(int64_t n)
{
	return n < 0 ? 0 : n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

/* No more than that; null is none. */
static unsigned below(int64_t n, unsigned limit)
{
	return n < 0 ? 0 : n < limit ? (unsigned)n : limit;
}

static int32_t clamp_priority(int64_t n)
{
	return n < INT32_MIN ? INT32_MIN : n > INT32_MAX ? INT32_MAX : (int32_t)n;
}

void state_task_read(struct state *state, struct task_node *node, const struct task *row)
{
	enum reason reason = reason_parse(row->reason);
	struct task_class class = {
	        .batch = state_batch(state, row->batch ? row->batch : "Default")->index,
	        .run = row->run_id == INT_NULL ? 0 : (uint32_t)row->run_id,
	        .priority = clamp_priority(row->priority),
	        .retry = small(row->retry),
	        .accepts_failure = row->accept_failure == 1,
	};

	attempt_weigh(&class, row, small(row->attempts));
	node->epoch = (uint32_t)row->epoch;
	node->class = task_class_take(&state->classes, &class);
	node->attempts = small(row->attempts);
	node->losses = below(row->losses, LOSS_LIMIT) & 15;
	node->evictions = below(row->evictions, EVICTION_LIMIT) & 15;
	node->before = (uint8_t)row->status;
	node->resume = row->resume_status < 0 ? TASK_ABSENT : (uint8_t)row->resume_status;
	node->reason = (uint8_t)(reason == REASON_COUNT ? REASON_NONE : reason);
	node->flags = row->partial == 1 ? TASK_PARTIAL : 0;
}

struct task_node *core_task(struct core *core, int64_t id)
{
	struct task_node *node;
	struct task row = {.task_id = id};
	enum store_result result;

	if (id <= 0 || id > UINT32_MAX || core->group_failed)
		return NULL;
	node = state_task(&core->state, (uint32_t)id);
	if (node != NULL || id > core->state.last_task)
		return node;
	result = store_get(store_own(core->store), TABLE_TASK, &row, TASK_HOT, &core->arena);
	if (result != STORE_OK) {
		if (result != STORE_NONE)
			core_failed(core, "a task cannot be read");
		return NULL;
	}
	/* A deleted batch or a statement by hand may have left memory behind. */
	if (!task_is_done((enum task_status)row.status)) {
		core_failed(core, "a task that is not done is missing in memory");
		return NULL;
	}
	node = state_task_place(&core->state, (uint32_t)id);
	state_task_read(&core->state, node, &row);
	state_task_fetched(&core->state, (uint32_t)id, node);
	return node;
}

struct load {
	struct core *core;
	int64_t first_undone;
	VEC(uint32_t) waiting, out;
	bool wait; /* some task may wait for others */
	bool failed;
};

static bool load_batch(void *context, const void *row_p)
{
	struct load *load = context;
	const struct batch *row = row_p;
	struct batch_node *batch = state_batch(&load->core->state, row->batch);

	batch->stored = true;
	batch->paused = row->paused == 1;
	batch->run = row->run_id == INT_NULL ? 0 : (uint32_t)row->run_id;
	batch->concurrency = row->concurrency;
	batch->lease_seconds = row->lease_seconds;
	batch->depth = row->depth;
	batch->hook = row->hook == 1;
	return true;
}

static char *text_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

void state_worker_read(struct state *state, struct worker_node *node, const struct worker *row)
{
	free(node->boot_id);
	free(node->instance);
	node->boot_id = text_or_null(row->boot_id);
	node->instance = text_or_null(row->instance);
	node->concurrency = row->concurrency;
	node->prefetch = row->prefetch;
	node->cpus = row->cpus;
	node->ram = row->ram;
	node->gpus = row->gpus;
	node->epoch = (uint32_t)row->epoch;
	node->leases = row->leases == 1;
	node->admin_paused = row->admin_paused == 1;
	node->alive = row->life == NULL || strcmp(row->life, "alive") == 0;
	node->evicted = row->life != NULL && strcmp(row->life, "evicted") == 0;
	node->offline = row->status == WORKER_OFFLINE;
	node->since_us = row->creation_date;
	fleet_shares_read(node, row->task_properties);
	state_worker_serve(state, node, row->batch);
}

static bool load_worker(void *context, const void *row_p)
{
	struct load *load = context;
	struct core *core = load->core;
	const struct worker *row = row_p;
	struct worker_node *node;

	node = state_worker_add(&core->state, (uint32_t)row->worker_id, row->name);
	state_worker_read(&core->state, node, row);
	deadline_set(core, node, row->end_date);
	return true;
}

static bool load_run(void *context, const void *row)
{
	struct load *load = context;

	run_attached(load->core, run_add(&load->core->state, row));
	return true;
}

static bool load_task(void *context, const void *row_p)
{
	struct load *load = context;
	struct state *state = &load->core->state;
	const struct task *row = row_p;
	uint32_t id = (uint32_t)row->task_id;
	struct task_node *node = state_task_place(state, id);

	state_task_read(state, node, row);
	if (row->run_id != INT_NULL && run_find(state, (uint32_t)row->run_id) == NULL) {
		struct run run = {.run_id = row->run_id};

		if (!record_find(load->core, TABLE_RUN, &run)) {
			load->failed = true;
			return false;
		}
		run_add(state, &run);
	}
	state_task_enter(state, id, node);
	if (load->first_undone == 0)
		load->first_undone = id;
	load->wait |= node->status == TASK_WAITING || node->status == TASK_PAUSED ||
	              node->status == TASK_DEBUG;
	if (node->status == TASK_WAITING)
		vec_push(&load->waiting, id);
	else if (task_is_out((enum task_status)node->status))
		vec_push(&load->out, id);
	return true;
}

/* Only of those that wait: a pending one has what it requires. */
static bool load_requirement(void *context, const struct requirement *row)
{
	struct load *load = context;
	struct state *state = &load->core->state;
	struct task_node *task = state_task(state, (uint32_t)row->task_id);
	struct task_node *other;

	if (task == NULL || task_is_done((enum task_status)task->status) ||
	    task_is_out((enum task_status)task->status) || task->status == TASK_PENDING)
		return true;
	other = core_task(load->core, row->other_task_id);
	if (load->core->group_failed)
		return false;
	if (other != NULL &&
	    !requirement_met(other, class_of(state, task)->accepts_failure, edge_rule_of(row)))
		state_edge_add(state, (uint32_t)row->task_id, (uint32_t)row->other_task_id,
		               edge_rule_of(row));
	return true;
}

/* Rows that no group of ours leaves behind: nobody holds this execution. */
static void orphan(struct core *core, const struct execution *row)
{
	struct execution lost = {.execution_id = row->execution_id,
	                         .status = EXECUTION_FAILED,
	                         .reason = reason_words[REASON_LOST],
	                         .end_date = core->now_us};

	log_warn(core->log, "execution %lld is held by nobody: lost", (long long)row->execution_id);
	record_update(core, TABLE_EXECUTION, &lost,
	              BIT(EXECUTION_COL_status) | BIT(EXECUTION_COL_reason) |
	                      BIT(EXECUTION_COL_end_date));
}

static bool load_execution(void *context, const void *row_p)
{
	struct load *load = context;
	struct core *core = load->core;
	struct execution row = *(const struct execution *)row_p;
	struct worker_node *worker =
	        row.worker_id == INT_NULL ? NULL : state_worker(&core->state, row.worker_id);
	struct task_node *task = core_task(core, row.task_id);
	struct execution_node *node;

	if (core->group_failed)
		return false;
	if (worker == NULL || task == NULL || task_execution(task) != 0) {
		orphan(core, &row);
		return !core->group_failed;
	}
	node = state_execution_add(&core->state, (uint32_t)row.execution_id, (uint32_t)row.task_id,
	                           task, worker);
	node->granted_ns = core->now_ns;
	node->epoch = (uint32_t)row.epoch;
	node->status = (uint8_t)row.status;
	node->current = task_is_out((enum task_status)task->status) && task->epoch == node->epoch;
	return true;
}

static bool load_signal(void *context, const void *row_p)
{
	struct load *load = context;
	const struct signal_row *row = row_p;
	struct worker_node *worker = state_worker(&load->core->state, row->worker_id);
	struct signal_node signal = {
	        .id = (uint32_t)row->signal_id,
	        .execution = row->execution_id == INT_NULL ? 0 : (uint32_t)row->execution_id,
	        .signal = (int)row->signal,
	        .delivered_ns = INT64_MIN};

	if (worker != NULL)
		vec_push(&worker->signals, signal);
	return true;
}

static bool read_all(struct load *load)
{
	struct core *core = load->core;
	struct store_reader *r = store_own(core->store);
	const int64_t live[] = {RUN_SUBMITTING, RUN_RUNNING};
	const int64_t open[] = {JOB_PENDING, JOB_RUNNING};
	const struct store_filter live_runs = {
	        .field = RUN_COL_status, .op = STORE_IN, .list = live, .n = 2};
	const struct store_filter open_jobs = {
	        .field = JOB_COL_status, .op = STORE_IN, .list = open, .n = 2};
	struct store_query batches = {.table = TABLE_BATCH}, workers = {.table = TABLE_WORKER},
	                   signals = {.table = TABLE_SIGNAL},
	                   runs = {.table = TABLE_RUN, .filters = &live_runs, .nfilters = 1},
	                   jobs = {.table = TABLE_JOB, .filters = &open_jobs, .nfilters = 1};
	const unsigned undone =
	        ~(1u << TASK_FAILED | 1u << TASK_SUCCEEDED) & ((1u << TASK_STATUS_COUNT) - 1);

	return store_select(r, &batches, load_batch, load) == STORE_OK &&
	       store_select(r, &workers, load_worker, load) == STORE_OK &&
	       store_select(r, &runs, load_run, load) == STORE_OK &&
	       store_load_tasks(r, undone, load_task, load) == STORE_OK && !load->failed &&
	       (!load->wait || store_load_requirements(r, load->first_undone, load_requirement,
	                                               load) == STORE_OK) &&
	       store_load_executions(r, load_execution, load) == STORE_OK &&
	       store_select(r, &signals, load_signal, load) == STORE_OK &&
	       store_select(r, &jobs, job_load, core) == STORE_OK && !core->group_failed;
}

static void settle(struct core *core, struct load *load)
{
	for (size_t i = 0; i < load->waiting.n; i++) {
		uint32_t id = load->waiting.v[i];
		struct task_node *task = state_task(&core->state, id);

		if (task->requires == 0)
			change_task(core, id, task, TASK_EVENT_READY, REASON_NONE);
		else if (task->flags & TASK_GATHERS)
			change_check(core, id, task);
	}
	for (size_t i = 0; i < load->out.n; i++) {
		uint32_t id = load->out.v[i];
		struct task_node *task = state_task(&core->state, id);

		if (task_execution(task) == 0)
			change_task(core, id, task, TASK_EVENT_LOST, REASON_NONE);
	}
}

bool state_load(struct core *core, struct problem *problem)
{
	struct load load = {.core = core};
	int64_t ids[TABLE_COUNT];
	bool ok = store_max_ids(core->store, ids) == STORE_OK;

	if (ok) {
		core->state.last_task = (uint32_t)ids[TABLE_TASK];
		core->state.last_execution = (uint32_t)ids[TABLE_EXECUTION];
		core->state.last_worker = (uint32_t)ids[TABLE_WORKER];
		core->state.last_signal = (uint32_t)ids[TABLE_SIGNAL];
		core->state.last_requirement = (uint32_t)ids[TABLE_REQUIREMENT];
		core->state.last_run = (uint32_t)ids[TABLE_RUN];
		core->state.last_job = (uint32_t)ids[TABLE_JOB];
		core->state.last_token = (uint32_t)ids[TABLE_TOKEN];
		core->state.last_audit = (uint32_t)ids[TABLE_AUDIT];
		ok = read_all(&load);
	}
	/* With what they hold: their silence is about that. */
	for (size_t i = 0; ok && i < core->state.workers.n; i++) {
		if (core->state.workers.v[i] != NULL)
			contact_begin(core, core->state.workers.v[i]);
	}
	if (ok) {
		settle(core, &load);
		/* Where a cancellation was cut short it goes on. */
		for (size_t i = 0; i < core->state.runs.n; i++) {
			struct run_node *run = core->state.runs.v[i];

			if (run->status == RUN_CANCELLED && run->undone + run->hooks > 0)
				run_cancel(core, run);
		}
		tally_begin(core);
		ok = !core->group_failed;
	}
	vec_release(&load.waiting);
	vec_release(&load.out);
	return ok || problem_set(problem, PROBLEM_UNAVAILABLE, "%s", store_error(core->store));
}
