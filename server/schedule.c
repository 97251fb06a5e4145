#include "server/schedule.h"

#include "server/change.h"
#include "server/deadline.h"
#include "server/grant.h"
#include "server/lease.h"
#include "server/record.h"
#include "server/run.h"
#include "store/store.h"

#include <string.h>

/*
 * The task that goes next to the worker: highest priority, then deepest step, then age. 0: none
 * that it could ever run, or end.
 */
static uint32_t best_task(const struct core *core, const struct serve *serve,
                          const struct worker_node *worker)
{
	const int64_t seconds = deadline_left(core, worker);
	const struct batch_node *best = NULL;
	const struct ready_queue *b = NULL;

	for (size_t i = 0; i < serve->ready.n; i++) {
		const struct batch_node *batch = serve->ready.v[i];
		const struct ready_queue *q =
		        state_batch_first(&core->state, batch, worker->gpus, seconds);

		if (q == NULL || run_sweeps(&core->state, q->head))
			continue;
		if (best != NULL) {
			if (q->priority != b->priority) {
				if (q->priority < b->priority)
					continue;
			} else if (batch->depth != best->depth) {
				if (batch->depth < best->depth)
					continue;
			} else if (q->head > b->head) {
				continue;
			}
		}
		best = batch;
		b = q;
	}
	return b != NULL ? b->head : 0;
}

static uint64_t ready_total(const struct serve *serve)
{
	uint64_t n = 0;

	for (size_t i = 0; i < serve->ready.n; i++)
		n += serve->ready.v[i]->ready;
	return n;
}

/*
 * Who takes the next task: somebody who can run it, else somebody who holds it
 * ready. What others could run as soon as they ask is not hoarded.
 */
static struct worker_node *next_worker(const struct serve *serve)
{
	struct worker_node *worker = TAILQ_FIRST(&serve->hungry[ROOM_RUN - 1]);

	if (worker != NULL)
		return worker;
	worker = TAILQ_FIRST(&serve->hungry[ROOM_SPARE - 1]);
	return worker != NULL && ready_total(serve) > serve->roomy ? worker : NULL;
}

/* Rows that one query reads ahead at most. */
#define AHEAD 512

/* How many tasks of that weight those who ask may take, AHEAD at most. */
static size_t wanted(const struct serve *serve, double weight)
{
	double n = 0;

	for (int room = 0; room < 2; room++) {
		const struct worker_node *worker;

		TAILQ_FOREACH(worker, &serve->hungry[room], hungry)
		{
			int64_t spare = worker->prefetch + worker->extra - worker->spares;

			n += spare > 0 ? (double)spare : 0;
			n += weight > 0 ? (1 - worker->used) / weight : AHEAD;
			if (n >= AHEAD)
				return AHEAD;
		}
	}
	return n < 1 ? 1 : (size_t)n;
}

/* Where a query is a journey to another process, the rows of the tasks behind it in its queue come
   with its own. */
static void look_ahead(struct core *core, const struct serve *serve, uint32_t id, double weight)
{
	size_t n = 0, most;
	int64_t ids[AHEAD];

	if (!store_shared(core->store) || grant_is_ahead(core, id))
		return;
	most = wanted(serve, weight);
	for (; id != 0 && n < most; id = state_task(&core->state, id)->next)
		ids[n++] = id;
	if (n > 1)
		grant_ahead(core, ids, n);
}

struct execution_node *schedule_give(struct core *core, struct worker_node *worker, uint32_t id)
{
	struct task_node *node = state_task(&core->state, id);
	struct execution_node *execution;
	struct execution row;
	struct task task;
	bool first = node->epoch == 0;
	uint32_t left;

	/* An UPDATE of a command applies until here: the row is read when it is granted. */
	if (!grant_read(core, id, node, &task, &left))
		return NULL;
	if (left > 0)
		change_partial(core, id, node, true);
	row_clear(table_get(TABLE_EXECUTION), &row);
	row.execution_id = ++core->state.last_execution;
	row.worker_id = worker->id;
	row.task_id = id;
	row.status = worker->leases ? EXECUTION_ACCEPTED : EXECUTION_PENDING;
	row.creation_date = row.modification_date = core->now_us;
	row.latest = true;
	row.epoch = ++node->epoch;
	if (worker->leases) {
		row.command = task.command;
		row.container = task.container;
		row.container_options = task.container_options;
		row.input = task.input;
		row.output_uri = task.output;
		row.resource = task.resource;
	}
	if (!record_execution_insert(core, &row, first))
		return NULL;
	change_task(core, id, node, worker->leases ? TASK_EVENT_GRANT : TASK_EVENT_OFFER,
	            REASON_NONE);
	execution = state_execution_add(&core->state, (uint32_t)row.execution_id, id, node, worker);
	execution->status = (uint8_t)row.status;
	execution->current = true;
	execution->stdout_length = execution->stderr_length = 0;
	if (worker->leases)
		lease_grant(core, worker, execution, &task);
	return execution;
}

/* Could the worker start it now, or hold it ready? */
static bool has_room(const struct core *core, const struct worker_node *worker, uint32_t id,
                     double weight)
{
	if (weight_fits(worker, weight) && worker->spares == 0)
		return true;
	return (weight_fits(worker, weight) || worker->spares < worker->prefetch + worker->extra) &&
	       deadline_spares(core, worker,
	                       class_of(&core->state, state_task(&core->state, id))->need);
}

static void dispatch(struct core *core, struct serve *serve)
{
	struct worker_list stuck;
	struct worker_node *worker;

	TAILQ_INIT(&stuck);
	while (!core->group_failed && serve->ready.n > 0 && (worker = next_worker(serve)) != NULL) {
		uint32_t id = best_task(core, serve, worker);
		double weight = 0;

		if (!lease_stands(core, worker))
			continue;
		if (id != 0)
			weight = state_task_weight(&core->state, state_task(&core->state, id),
			                           worker);
		if (id != 0 && has_room(core, worker, id, weight)) {
			look_ahead(core, serve, id, weight);
			/* To the end of its list, so that equals fill up evenly. */
			TAILQ_REMOVE(&serve->hungry[worker->room - 1], worker, hungry);
			worker->room = ROOM_NONE;
			schedule_give(core, worker, id);
			state_worker_place(&core->state, worker);
		} else {
			/* The first task is too heavy for what is left of it. Lighter ones behind
			   do not overtake: they could keep it out for ever. What wants more GPUs
			   than it has, or more time, is no task for it, and in nobody's way. */
			TAILQ_REMOVE(&serve->hungry[worker->room - 1], worker, hungry);
			TAILQ_INSERT_TAIL(&stuck, worker, hungry);
		}
	}
	while ((worker = TAILQ_FIRST(&stuck)) != NULL) {
		TAILQ_REMOVE(&stuck, worker, hungry);
		TAILQ_INSERT_TAIL(&serve->hungry[worker->room - 1], worker, hungry);
	}
}

void schedule_run(struct core *core)
{
	struct state *state = &core->state;

	while (state->dirty_serves.n > 0 && !core->group_failed) {
		struct serve *serve = state->dirty_serves.v[--state->dirty_serves.n];

		serve->dirty = false;
		dispatch(core, serve);
	}
	grant_forget(core);
}
