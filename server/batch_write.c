/* Batches: their counts, stopping and resuming them, deleting all that belongs to one. */
#include "model/json.h"
#include "server/columns.h"
#include "server/contact.h"
#include "server/filter.h"
#include "server/handlers.h"
#include "server/news.h"
#include "server/record.h"
#include "server/reply.h"
#include "server/run.h"
#include "server/signals.h"
#include "server/tally.h"
#include "server/task_drop.h"
#include "store/store.h"

#include <string.h>

/* "w1,w2", or null. */
static json_t *worker_names(const struct state *state, const struct batch_node *batch)
{
	struct str names = STR_INIT;
	json_t *value;

	if (batch->serves.n > 0) {
		for (size_t i = 0; i < state->workers.n; i++) {
			const struct worker_node *worker = state->workers.v[i];

			if (worker != NULL && worker->serve != NULL &&
			    pattern_matches(worker->serve->pattern, batch->name))
				str_addf(&names, "%s%s", names.len ? "," : "", worker->name);
		}
	}
	value = names.len > 0 ? json_text(names.p) : json_null();
	str_release(&names);
	return value;
}

static json_t *batch_json(const struct state *state, const struct batch_node *batch, bool ours)
{
	static const enum task_status v1[] = {TASK_PENDING, TASK_ACCEPTED, TASK_RUNNING,
	                                      TASK_FAILED, TASK_SUCCEEDED};
	static const enum task_status more[] = {TASK_PAUSED, TASK_WAITING, TASK_ASSIGNED,
	                                        TASK_DEBUG};
	json_t *value = json_object();

	json_object_set_new(value, "batch", json_text(batch->name));
	for (size_t i = 0; i < sizeof(v1) / sizeof(v1[0]); i++)
		json_object_set_new(value, task_status_words[v1[i]],
		                    batch->counts[v1[i]] ? json_integer(batch->counts[v1[i]])
		                                         : json_null());
	json_object_set_new(value, "workers", worker_names(state, batch));
	if (!ours)
		return value;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		json_object_set_new(value, task_status_words[more[i]],
		                    json_integer(batch->counts[more[i]]));
	json_object_set_new(value, "stopped", json_boolean(batch->paused));
	json_object_set_new(value, "concurrency", reply_integer(batch->concurrency));
	json_object_set_new(value, "lease_seconds", reply_integer(batch->lease_seconds));
	json_object_set_new(value, "run_id", batch->run ? json_integer(batch->run) : json_null());
	return value;
}

/* v1 lists those that have tasks. */
static bool is_shown(const struct batch_node *batch, bool ours)
{
	if (ours && (batch->stored || batch->serves.n > 0))
		return true;
	for (int s = 0; s < TASK_STATUS_COUNT; s++) {
		if (batch->counts[s] > 0)
			return true;
	}
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct batch_node *const *)a)->name,
	              (*(struct batch_node *const *)b)->name);
}

void handle_batch_list(struct core *core, struct call *call)
{
	struct state *state = &core->state;
	struct batch_node **sorted;
	size_t n = 0;
	json_t *array;

	if (!tally_tasks(core, call, handle_batch_list))
		return;
	/* A worker may serve a batch that has no task yet. */
	for (size_t i = 0; i < state->serves.n; i++) {
		if (!state->serves.v[i]->wild)
			state_batch(state, state->serves.v[i]->pattern);
	}
	sorted = arena_array(&core->arena, struct batch_node *, state->batches.n + 1);
	for (size_t i = 0; i < state->batches.n; i++) {
		if (is_shown(state->batches.v[i], call->ours))
			sorted[n++] = state->batches.v[i];
	}
	if (n > 1)
		qsort(sorted, n, sizeof(struct batch_node *), by_name);
	array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, batch_json(state, sorted[i], call->ours));
	core_reply(core, call, 200, array);
}

static bool put_paused(struct core *core, struct batch_node *batch, bool paused)
{
	struct batch row = {.batch = batch->name,
	                    .run_id = batch->run ? batch->run : INT_NULL,
	                    .concurrency = batch->concurrency,
	                    .lease_seconds = batch->lease_seconds,
	                    .paused = paused,
	                    .depth = batch->depth};

	if (!record_upsert(core, TABLE_BATCH, &row, BIT(BATCH_COL_paused)))
		return false;
	batch->stored = true;
	state_batch_pause(&core->state, batch, paused);
	return true;
}

/* Some worker serves it by a pattern: pausing that worker would stop others too. */
static bool served_by_pattern(const struct batch_node *batch)
{
	for (size_t i = 0; i < batch->serves.n; i++) {
		if (batch->serves.v[i]->wild)
			return true;
	}
	return false;
}

static void send_signal(struct core *core, const struct batch_node *batch, int number)
{
	struct state *state = &core->state;

	for (size_t i = 0; i < state->workers.n; i++) {
		struct worker_node *worker = state->workers.v[i];
		struct execution_node *execution;

		if (worker == NULL)
			continue;
		TAILQ_FOREACH(execution, &worker->running, held)
		{
			const struct task_node *task = state_task(state, execution->task);

			if (execution->status == EXECUTION_RUNNING &&
			    class_of(state, task)->batch == batch->index)
				signal_add(core, worker, execution->id, number);
		}
	}
}

static void pause_batch(struct core *core, struct call *call, bool paused)
{
	struct state *state = &core->state;
	struct batch_node *batch = state_batch_find(state, call->names[0]);
	int64_t number = 0;

	if (!filter_check(&filter_batch_signal, call->body, &call->problem) ||
	    !json_member_int(call->body, "signal", &number, &call->problem)) {
		core_problem(core, call);
		return;
	}
	if (number < -3 || number > 64) {
		core_refuse(core, call, PROBLEM_BAD_VALUE, "signal is %lld", (long long)number);
		return;
	}
	for (size_t i = 0; i < state->workers.n && !core->group_failed; i++) {
		struct worker_node *worker = state->workers.v[i];

		if (worker == NULL || worker->serve == NULL || worker->admin_paused == paused ||
		    strcmp(worker->serve->pattern, call->names[0]) != 0)
			continue;
		worker->admin_paused = paused;
		contact_status(core, worker);
	}
	if (batch != NULL) {
		if (batch->paused != paused &&
		    (!paused || batch->run != 0 || served_by_pattern(batch)))
			put_paused(core, batch, paused);
		if (number != 0)
			send_signal(core, batch, (int)number);
	}
	reply_result(core, call, "Ok");
}

void handle_batch_stop(struct core *core, struct call *call)
{
	pause_batch(core, call, true);
}

void handle_batch_go(struct core *core, struct call *call)
{
	pause_batch(core, call, false);
}

/* Runs that counted its tasks count them no more; those that are not in memory neither. */
static void forget_counts(struct core *core, struct batch_node *batch)
{
	struct state *state = &core->state;

	for (size_t i = 0; i < state->runs.n; i++)
		run_forget_batch(state, state->runs.v[i], batch->index);
	memset(batch->counts, 0, sizeof(batch->counts));
	batch->stored = false;
	batch->run = 0;
	batch->concurrency = batch->lease_seconds = INT_NULL;
	batch->depth = 0;
	state_batch_pause(state, batch, false);
}

void handle_batch_delete(struct core *core, struct call *call)
{
	struct state *state = &core->state;
	struct batch_node *batch = state_batch_find(state, call->names[0]);

	if (!record_flush(core) || !core_write(core))
		return;
	/* The newest first: nothing becomes ready that goes next. */
	for (uint32_t id = state->last_task; batch != NULL && id > 0 && !core->group_failed; id--) {
		struct task_node *task = state_task(state, id);

		if (task != NULL && class_of(state, task)->batch == batch->index)
			task_drop(core, id, task);
	}
	if (batch != NULL && !core->group_failed)
		forget_counts(core, batch);
	if (!core->group_failed && store_delete_batch(core->store, call->names[0]) != STORE_OK)
		core_failed(core, "a batch cannot be deleted");
	news_batch_deleted(core, call->names[0]);
	tally_again(core);
	reply_result(core, call, "Ok");
}
