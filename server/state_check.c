/*
 * For tests: is memory what the database says? A second state is loaded from
 * the same store and the two are compared; then the first is looked at for
 * what must hold inside it.
 */
#include "server/core_inside.h"
#include "server/known.h"
#include "server/run.h"
#include "server/state_load.h"
#include "server/tally.h"
#include "store/store.h"

#include <string.h>

struct check {
	struct state *a, *b; /* memory, and what the database says */
	struct problem *problem;
};

#define FAIL(check, ...) problem_set((check)->problem, PROBLEM_INTERNAL, __VA_ARGS__)

static const char *batch_name(const struct state *state, uint32_t batch)
{
	return state->batches.v[batch]->name;
}

static bool same_edges(struct check *check, uint32_t id, const struct task_node *a,
                       const struct task_node *b)
{
	uint32_t n = 0, edge;
	bool failed, over = false;

	for (uint32_t e = a->requires; e != 0; e = check->a->edges.v[e].next_required) {
		n++;
		if (check->a->edges.v[e].task != id)
			return FAIL(check, "edge %u of task %u belongs to %u", e, id,
			            check->a->edges.v[e].task);
		if (!state_edge_find(check->b, id, check->a->edges.v[e].other, &edge))
			return FAIL(check, "task %u waits for %u in memory only", id,
			            check->a->edges.v[e].other);
		failed = state_task(check->a, check->a->edges.v[e].other)->status == TASK_FAILED;
		if (over && !failed)
			return FAIL(check, "task %u waits for %u behind what failed", id,
			            check->a->edges.v[e].other);
		over = failed;
		if ((state_edge_rule(check->a, e).failed > 0) !=
		    (failed && state_edge_rule(check->a, e).gather != 0))
			return FAIL(check, "task %u waits for %u, which failed, or does not", id,
			            check->a->edges.v[e].other);
		if (state_edge_rule(check->a, e).gather != state_edge_rule(check->b, edge).gather ||
		    state_edge_rule(check->a, e).may_fail !=
		            state_edge_rule(check->b, edge).may_fail)
			return FAIL(check, "task %u waits for %u under another rule", id,
			            check->a->edges.v[e].other);
	}
	if (n != state_unmet(check->b, b))
		return FAIL(check, "task %u has %u edges in memory, %u in the database", id, n,
		            state_unmet(check->b, b));
	return true;
}

static bool same_task(struct check *check, uint32_t id, const struct task_node *a,
                      const struct task_node *b)
{
	struct task_class ca = *class_of(check->a, a), cb = *class_of(check->b, b);

#define SAME(member)                                                                               \
	if (a->member != b->member)                                                                \
	return FAIL(check, "task %u: " #member " is %lld in memory, %lld in the database", id,     \
	            (long long)a->member, (long long)b->member)
	SAME(status);
	SAME(epoch);
	SAME(attempts);
	SAME(losses);
	SAME(evictions);
	SAME(resume);
	SAME(reason);
#undef SAME
	/* That there was a rule is remembered for longer than the edge. */
	if ((a->flags | TASK_GATHERS) != (b->flags | TASK_GATHERS))
		return FAIL(check, "task %u: flags are %u in memory, %u in the database", id,
		            a->flags, b->flags);
	if (task_execution(a) != task_execution(b))
		return FAIL(check, "task %u has another execution in the database", id);
	if (strcmp(batch_name(check->a, ca.batch), batch_name(check->b, cb.batch)) != 0)
		return FAIL(check, "task %u is in another batch in the database", id);
	ca.batch = cb.batch;
	if (memcmp(&ca, &cb, sizeof(ca)) != 0)
		return FAIL(check, "task %u is of another class in the database", id);
	return same_edges(check, id, a, b);
}

static bool same_tasks(struct check *check, struct core *shadow)
{
	uint32_t last = check->a->last_task;

	if (last != check->b->last_task)
		return FAIL(check, "the last task is %u in memory, %u in the database", last,
		            check->b->last_task);
	if (check->a->undone != check->b->undone)
		return FAIL(check, "%llu tasks are not done in memory, %llu in the database",
		            (unsigned long long)check->a->undone,
		            (unsigned long long)check->b->undone);
	for (uint32_t id = 1; id <= last; id++) {
		const struct task_node *a = state_task(check->a, id), *b;

		b = a != NULL ? core_task(shadow, id) : state_task(check->b, id);
		if (a == NULL && b != NULL && !task_is_done((enum task_status)b->status))
			return FAIL(check, "task %u is not in memory", id);
		if (a != NULL && b == NULL)
			return FAIL(check, "task %u is in memory only", id);
		if (a != NULL && !same_task(check, id, a, b))
			return false;
	}
	return true;
}

static bool sound_queues(struct check *check, const struct batch_node *batch)
{
	uint32_t ready = 0;

	for (size_t i = 0; i < batch->queues.n; i++) {
		const struct ready_queue *queue = &batch->queues.v[i];
		uint32_t n = 0, prev = 0;

		if (i > 0 && (queue->priority > queue[-1].priority ||
		              (queue->priority == queue[-1].priority &&
		               (queue->gpu > queue[-1].gpu ||
		                (queue->gpu == queue[-1].gpu && queue->band <= queue[-1].band)))))
			return FAIL(check, "queues of batch %s are out of order", batch->name);
		for (uint32_t id = queue->head; id != 0; id = state_task(check->a, id)->next) {
			const struct task_node *task = state_task(check->a, id);

			if (task == NULL || task->link != prev ||
			    class_of(check->a, task)->batch != batch->index ||
			    class_of(check->a, task)->priority != queue->priority ||
			    class_of(check->a, task)->gpu != queue->gpu ||
			    class_of(check->a, task)->need < queue->band ||
			    !(task->flags & TASK_QUEUED) || task->status != TASK_PENDING)
				return FAIL(check, "task %u does not belong where it is queued",
				            id);
			prev = id;
			n++;
		}
		if (n == 0 || n != queue->n || prev != queue->tail)
			return FAIL(check, "a queue of batch %s is broken", batch->name);
		ready += n;
	}
	return ready == batch->ready || FAIL(check, "batch %s counts %u ready tasks, has %u",
	                                     batch->name, batch->ready, ready);
}

static bool same_batches(struct check *check)
{
	for (size_t i = 0; i < check->a->batches.n; i++) {
		const struct batch_node *a = check->a->batches.v[i];
		const struct batch_node *b = state_batch_find(check->b, a->name);

		for (int s = 0; s < TASK_STATUS_COUNT; s++) {
			if (!task_is_done((enum task_status)s) &&
			    a->counts[s] != (b ? b->counts[s] : 0))
				return FAIL(check,
				            "batch %s: %u tasks %s in memory, %u in the database",
				            a->name, a->counts[s], task_status_words[s],
				            b ? b->counts[s] : 0);
		}
		if (b != NULL &&
		    (a->stored != b->stored || a->paused != b->paused || a->hook != b->hook ||
		     a->concurrency != b->concurrency || a->depth != b->depth ||
		     a->lease_seconds != b->lease_seconds || a->run != b->run))
			return FAIL(check, "batch %s has other settings in the database", a->name);
		if (!sound_queues(check, a))
			return false;
	}
	return true;
}

/* Counts of what is done, where both have all of them. */
static bool same_tallies(struct check *check)
{
	for (size_t i = 0; i < check->a->batches.n; i++) {
		const struct batch_node *a = check->a->batches.v[i];
		const struct batch_node *b = state_batch_find(check->b, a->name);

		for (int s = 0; s < TASK_STATUS_COUNT; s++) {
			if (a->counts[s] != (b ? b->counts[s] : 0))
				return FAIL(check,
				            "batch %s: %u tasks %s are counted, %u are there",
				            a->name, a->counts[s], task_status_words[s],
				            b ? b->counts[s] : 0);
		}
	}
	for (size_t id = 1; id < check->a->workers.n; id++) {
		const struct worker_node *a = state_worker(check->a, (int64_t)id);
		const struct worker_node *b = state_worker(check->b, (int64_t)id);

		for (int s = 0; a != NULL && s < EXECUTION_STATUS_COUNT; s++) {
			if (a->ended[s] != b->ended[s])
				return FAIL(check,
				            "worker %s: %u executions %s are counted, %u are there",
				            a->name, a->ended[s], execution_status_words[s],
				            b->ended[s]);
		}
	}
	return true;
}

static bool same_executions(struct check *check)
{
	uint32_t n = 0;

	for (size_t i = 0; i < check->a->executions.cap; i++) {
		const struct map_slot *slot = &check->a->executions.slots[i];
		const struct execution_node *a, *b;

		if (slot->key == NULL)
			continue;
		a = (const struct execution_node *)(uintptr_t)slot->value;
		b = state_execution(check->b, a->id);
		n++;
		if (b == NULL)
			return FAIL(check, "execution %u is live in memory only", a->id);
		if (a->task != b->task || a->epoch != b->epoch || a->status != b->status ||
		    a->current != b->current || a->worker->id != b->worker->id ||
		    fabs(a->weight - b->weight) > 1e-12)
			return FAIL(check, "execution %u is another in the database", a->id);
		if (a->dirty)
			return FAIL(check, "execution %u was not written", a->id);
	}
	if (n != check->a->live || n != check->b->live)
		return FAIL(check, "%u executions, counted %u, in the database %u", n,
		            check->a->live, check->b->live);
	return true;
}

static bool sound_worker(struct check *check, const struct worker_node *worker)
{
	const struct execution_node *execution;
	double used = 0;
	uint32_t spares = 0;

	TAILQ_FOREACH(execution, &worker->running, held)
	{
		used += execution->weight;
		if (execution->spare || execution->worker != worker)
			return FAIL(check, "execution %u is not among its worker's running",
			            execution->id);
	}
	TAILQ_FOREACH(execution, &worker->spare, held)
	{
		spares++;
		if (!execution->spare || execution->worker != worker)
			return FAIL(check, "execution %u is not among its worker's spares",
			            execution->id);
	}
	if (spares != worker->spares || fabs(used - worker->used) > 1e-6)
		return FAIL(check, "worker %s: %u spares, counted %u; weight %g, counted %g",
		            worker->name, spares, worker->spares, used, worker->used);
	execution = TAILQ_FIRST(&worker->spare);
	return execution == NULL || !weight_fits(worker, execution->weight) ||
	       FAIL(check, "a spare of worker %s could run", worker->name);
}

static bool same_workers(struct check *check)
{
	size_t n = check->a->workers.n > check->b->workers.n ? check->a->workers.n
	                                                     : check->b->workers.n;

	for (size_t id = 1; id < n; id++) {
		const struct worker_node *a = state_worker(check->a, (int64_t)id);
		const struct worker_node *b = state_worker(check->b, (int64_t)id);

		if (a == NULL && b == NULL)
			continue;
		if (a == NULL || b == NULL)
			return FAIL(check, "worker %zu is in one place only", id);
		if (strcmp(a->name, b->name) != 0 || a->concurrency != b->concurrency ||
		    a->prefetch != b->prefetch || a->gpus != b->gpus || a->epoch != b->epoch ||
		    a->leases != b->leases || a->admin_paused != b->admin_paused ||
		    a->alive != b->alive || a->evicted != b->evicted ||
		    !text_same(a->boot_id, b->boot_id) || !text_same(a->instance, b->instance) ||
		    !text_same(worker_batch(a), worker_batch(b)) || a->end_us != b->end_us ||
		    worker_status_of(a) != worker_status_of(b) || a->signals.n != b->signals.n)
			return FAIL(check, "worker %s is another in the database", a->name);
		if (!sound_worker(check, a))
			return false;
	}
	return true;
}

static bool sound_serves(struct check *check)
{
	for (size_t i = 0; i < check->a->serves.n; i++) {
		const struct serve *serve = check->a->serves.v[i];
		uint32_t workers = 0, roomy = 0, present = 0, ready = 0;

		for (size_t k = 0; k < check->a->workers.n; k++) {
			const struct worker_node *worker = check->a->workers.v[k];

			if (worker == NULL || worker->serve != serve)
				continue;
			workers++;
			roomy += worker->counted;
			present += worker->alive && !worker->offline && !worker->drained;
		}
		for (size_t k = 0; k < check->a->batches.n; k++) {
			const struct batch_node *batch = check->a->batches.v[k];

			ready += batch->ready > 0 && !batch->paused &&
			         pattern_matches(serve->pattern, batch->name);
		}
		if (workers != serve->workers || roomy != serve->roomy ||
		    present != serve->present || ready != serve->ready.n)
			return FAIL(check, "pattern %s counts %u %u %u %zu, has %u %u %u %u",
			            serve->pattern, serve->workers, serve->roomy, serve->present,
			            serve->ready.n, workers, roomy, present, ready);
		/* Who can run and asks has no ready task beside him, unless it is too heavy. */
		if (serve->dirty)
			return FAIL(check, "pattern %s was not looked at", serve->pattern);
	}
	return true;
}

static bool same_runs(struct check *check, struct core *shadow)
{
	for (size_t i = 0; i < check->b->runs.n; i++) {
		const struct run_node *b = check->b->runs.v[i];
		const struct run_node *a = run_find(check->a, b->id);

		if (a == NULL)
			return FAIL(check, "run %u is not in memory", b->id);
		while (!tally_run_part(shadow, check->b->runs.v[i])) {
			if (shadow->group_failed)
				return FAIL(check, "run %u cannot be counted", b->id);
		}
		if (a->status != b->status || a->undone != b->undone || a->hooks != b->hooks ||
		    (a->counted_to == UINT32_MAX && a->failed != b->failed) ||
		    a->detached != b->detached || (a->debug ? a->sweeping : 0) != b->sweeping ||
		    (a->debug != b->debug && a->sweeping == 0))
			return FAIL(check,
			            "run %u: status %d %d, undone %llu %llu, failed %llu %llu",
			            b->id, a->status, b->status, (unsigned long long)a->undone,
			            (unsigned long long)b->undone, (unsigned long long)a->failed,
			            (unsigned long long)b->failed);
		for (size_t k = 0; k < b->steps.n; k++) {
			struct run_step *sb = &b->steps.v[k], *sa = NULL;

			for (size_t m = 0; m < a->steps.n && sa == NULL; m++) {
				if (strcmp(batch_name(check->a, a->steps.v[m].batch),
				           batch_name(check->b, sb->batch)) == 0)
					sa = &a->steps.v[m];
			}
			if (sa != NULL && a->counted_to != UINT32_MAX) {
				sb->counts[TASK_FAILED] = sa->counts[TASK_FAILED];
				sb->counts[TASK_SUCCEEDED] = sa->counts[TASK_SUCCEEDED];
			}
			/* A step whose tasks are all done may not have been met yet. */
			if (sa == NULL && a->counted_to != UINT32_MAX)
				continue;
			if (sa == NULL || memcmp(sa->counts, sb->counts, sizeof(sa->counts)) != 0)
				return FAIL(check, "run %u counts step %s otherwise", b->id,
				            batch_name(check->b, sb->batch));
		}
	}
	return true;
}

static bool note_count(void *context, const char *batch, enum task_status status, int64_t n)
{
	if (task_is_done(status))
		state_batch(context, batch)->counts[status] = (uint32_t)n;
	return true;
}

static bool same_tallied(struct check *check, const struct core *core, struct core *shadow)
{
	if (core->state.tasks_to != UINT32_MAX || core->state.executions_to != UINT32_MAX)
		return true;
	/* Tasks by a query of their own, not by the parts that are checked. */
	if (store_counts(store_own(shadow->store), note_count, &shadow->state) != STORE_OK)
		return FAIL(check, "the tasks cannot be counted");
	shadow->state.tasks_to = UINT32_MAX;
	while (!tally_part(shadow))
		continue;
	return same_tallies(check);
}

bool state_check(struct core *core, struct problem *problem)
{
	struct core *shadow = core_new(core->store, &core->options, core->log);
	struct check check = {&core->state, &shadow->state, problem};
	bool ok;

	shadow->now_ns = core->now_ns;
	shadow->now_us = core->now_us;
	ok = state_load(shadow, problem);
	if (ok && shadow->writing)
		ok = FAIL(&check, "the rows leave something open");
	ok = ok && same_tasks(&check, shadow) && same_batches(&check) && same_executions(&check) &&
	     same_workers(&check) && same_tallied(&check, core, shadow) && sound_serves(&check) &&
	     same_runs(&check, shadow) && known_check(core->known, &core->state, problem);
	core_free(shadow);
	return ok;
}
