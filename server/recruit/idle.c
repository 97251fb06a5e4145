#include "server/recruit/idle.h"

#include "server/columns.h"
#include "server/deadline.h"
#include "server/job.h"
#include "server/record.h"
#include "server/recruit/home.h"
#include "server/recruit/recruit.h"
#include "server/worker.h"

#define SECOND_NS INT64_C(1000000000)

/* Is there, or comes soon, what it could do? */
static bool has_work(const struct core *core, const struct worker_node *worker)
{
	const struct state *state = &core->state;
	const int64_t left = deadline_left(core, worker);

	if (!worker->alive || worker->offline || worker->drained || worker->serve == NULL)
		return false;
	for (size_t i = 0; i < state->batches.n; i++) {
		const struct batch_node *batch = state->batches.v[i];

		if (batch->counts[TASK_PENDING] > 0 && state_batch_least(state, batch) <= left &&
		    pattern_matches(worker->serve->pattern, batch->name))
			return true;
	}
	return false;
}

static bool has_worked(const struct worker_node *worker)
{
	if (worker->given != 0)
		return true;
	for (int s = 0; s < EXECUTION_STATUS_COUNT; s++) {
		if (worker->ended[s] > 0)
			return true;
	}
	return false;
}

static void give_back(struct core *core, struct worker_node *worker)
{
	struct worker row = {.worker_id = worker->id};

	if (!record_find(core, TABLE_WORKER, &row)) {
		core_failed(core, "a worker has no row");
		return;
	}
	log_info(core->log, "worker %s is idle: it is given back", worker->name);
	if (job_destroy(core, &row, "idle"))
		worker_drop(core, worker);
	core->recruit->returned++;
}

static void make_free(struct core *core, struct worker_node *worker)
{
	struct worker row = {.task_properties = "{}"};

	if (worker->shares.n > 0)
		worker_change(core, worker, &row, BIT(WORKER_COL_task_properties));
}

static void look_at(struct core *core, struct worker_node *worker, bool is_deployed,
                    int64_t *again_ns)
{
	const struct core_options *options = &core->options;
	int64_t limit, due;

	if (!worker_holds_nothing(worker)) {
		worker->idle_ns = 0;
		return;
	}
	/* It may have had a task between two looks. */
	if (worker->idle_ns == 0 || worker->idle_given != worker->given)
		worker->idle_ns = core->now_ns;
	worker->idle_given = worker->given;
	limit = worker->drained      ? 0
	        : has_worked(worker) ? options->worker_idle_seconds
	                             : options->worker_new_seconds;
	if (core->now_ns - worker->idle_ns >= limit * SECOND_NS && has_work(core, worker))
		worker->idle_ns = core->now_ns;
	due = worker->idle_ns + limit * SECOND_NS;
	if (due > core->now_ns)
		*again_ns = due < *again_ns ? due : *again_ns;
	else if (is_deployed)
		give_back(core, worker);
	else
		make_free(core, worker);
}

void idle_look(struct core *core, int64_t *again_ns)
{
	const struct state *state = &core->state;

	for (size_t i = 0; i < state->workers.n && !core->group_failed; i++) {
		struct worker_node *worker = state->workers.v[i];
		const struct roster_worker *row;
		bool is_deployed;

		/* What was written a moment ago is read again. */
		if (worker == NULL || !roster_workers(core))
			continue;
		row = roster_worker(&core->recruit->roster, worker->id);
		if (row == NULL)
			continue;
		is_deployed = !row->permanent && row->machine.provider != NULL;
		if (row->home != NULL) {
			home_look(core, worker, row);
			continue;
		}
		if (is_deployed || worker->shares.n > 0)
			look_at(core, worker, is_deployed, again_ns);
	}
}
