/* Batches: their counts, stopping and resuming them, deleting all that belongs to one. */
#include "model/json.h"
#include "server/columns.h"
#include "server/contact.h"
#include "server/filter.h"
#include "server/handlers.h"
#include "server/known_show.h"
#include "server/news.h"
#include "server/record.h"
#include "server/recruit/recruit.h"
#include "server/reply.h"
#include "server/run.h"
#include "server/signals.h"
#include "server/tally.h"
#include "server/task_drop.h"
#include "store/store.h"

#include <string.h>

void handle_batch_list(struct core *core, struct call *call)
{
	if (tally_tasks(core, call, handle_batch_list))
		core_reply_known(core, call, known_batch_list, handle_batch_list);
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
	recruit_note(core, TABLE_RECRUITER, STORE_ALL);
	news_batch_deleted(core, call->names[0]);
	tally_again(core);
	reply_result(core, call, "Ok");
}
