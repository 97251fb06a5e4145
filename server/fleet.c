#include "server/fleet.h"

#include "model/json.h"
#include "model/weight.h"

#include <assert.h>
#include <string.h>

static void serve_free(struct serve *serve)
{
	free(serve->pattern);
	vec_release(&serve->ready);
	free(serve);
}

static void shares_drop(struct worker_node *worker)
{
	for (size_t i = 0; i < worker->shares.n; i++)
		free(worker->shares.v[i].batch);
	vec_release(&worker->shares);
}

static void worker_free(struct worker_node *worker)
{
	json_decref(worker->reply);
	str_release(&worker->grants);
	vec_release(&worker->signals);
	shares_drop(worker);
	free(worker->name);
	free(worker->boot_id);
	free(worker->instance);
	free(worker);
}

void fleet_release(struct state *state)
{
	for (size_t i = 0; i < state->executions.cap; i++) {
		if (state->executions.slots[i].key != NULL)
			free((void *)(uintptr_t)state->executions.slots[i].value);
	}
	for (size_t i = 0; i < state->workers.n; i++) {
		struct worker_node *worker = state->workers.v[i];

		if (worker == NULL)
			continue;
		assert(worker->waiting == NULL);
		timer_cancel(state->timers, &worker->silence);
		timer_cancel(state->timers, &worker->poll);
		timer_cancel(state->timers, &worker->end);
		worker_free(worker);
	}
	for (size_t i = 0; i < state->serves.n; i++)
		serve_free(state->serves.v[i]);
	for (size_t i = 0; i < state->batches.n; i++) {
		free(state->batches.v[i]->name);
		vec_release(&state->batches.v[i]->queues);
		vec_release(&state->batches.v[i]->serves);
		free(state->batches.v[i]);
	}
	map_release(&state->executions);
	map_release(&state->worker_names);
	map_release(&state->batch_names);
	vec_release(&state->workers);
	vec_release(&state->serves);
	vec_release(&state->dirty_serves);
	vec_release(&state->batches);
	vec_release(&state->dirty_executions);
	vec_release(&state->spoken);
}

bool pattern_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *again = NULL;

	while (*name != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			again = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star != NULL) {
			pattern = star + 1;
			name = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool serves(const struct serve *serve, const struct batch_node *batch)
{
	return serve->wild ? pattern_matches(serve->pattern, batch->name)
	                   : strcmp(serve->pattern, batch->name) == 0;
}

void state_serve_dirty(struct state *state, struct serve *serve)
{
	if (serve->dirty)
		return;
	serve->dirty = true;
	vec_push(&state->dirty_serves, serve);
}

/* In the ready list of the serve exactly while it has something to give. */
static void list_ready(struct state *state, struct serve *serve, struct batch_node *batch)
{
	bool wanted = batch->ready > 0 && !batch->paused;

	for (size_t i = 0; i < serve->ready.n; i++) {
		if (serve->ready.v[i] != batch)
			continue;
		if (!wanted)
			serve->ready.v[i] = serve->ready.v[--serve->ready.n];
		else
			state_serve_dirty(state, serve);
		return;
	}
	if (wanted) {
		vec_push(&serve->ready, batch);
		state_serve_dirty(state, serve);
	}
}

void fleet_batch_ready(struct state *state, struct batch_node *batch)
{
	for (size_t i = 0; i < batch->serves.n; i++)
		list_ready(state, batch->serves.v[i], batch);
}

struct batch_node *state_batch_find(const struct state *state, const char *name)
{
	const uint64_t *i = map_get(&state->batch_names, name, strlen(name));

	return i ? state->batches.v[*i] : NULL;
}

struct batch_node *state_batch(struct state *state, const char *name)
{
	struct batch_node *batch = state_batch_find(state, name);
	bool is_new;

	if (batch != NULL)
		return batch;
	batch = xcalloc(1, sizeof(*batch));
	batch->index = (uint32_t)state->batches.n;
	batch->name = xstrdup(name);
	batch->concurrency = batch->lease_seconds = INT_NULL;
	vec_push(&state->batches, batch);
	*map_put(&state->batch_names, batch->name, strlen(name), &is_new) = batch->index;
	for (size_t i = 0; i < state->serves.n; i++) {
		if (serves(state->serves.v[i], batch))
			vec_push(&batch->serves, state->serves.v[i]);
	}
	state_batch_changed(state, batch);
	return batch;
}

void state_batch_pause(struct state *state, struct batch_node *batch, bool paused)
{
	batch->paused = paused;
	state_batch_changed(state, batch);
	fleet_batch_ready(state, batch);
}

/* Of its first task. */
static int64_t need_of(const struct state *state, const struct ready_queue *queue)
{
	return class_of(state, state_task(state, queue->head))->need;
}

const struct ready_queue *state_batch_first(const struct state *state,
                                            const struct batch_node *batch, int64_t gpus,
                                            int64_t seconds)
{
	const struct ready_queue *first = NULL;

	for (size_t i = 0; i < batch->queues.n; i++) {
		const struct ready_queue *q = &batch->queues.v[i];

		if (first != NULL && q->priority != first->priority)
			break;
		if ((first == NULL || q->head < first->head) && gpus_suffice(q->gpu, gpus) &&
		    (seconds == INT64_MAX || need_of(state, q) <= seconds))
			first = q;
	}
	return first;
}

uint32_t state_batch_head(const struct state *state, const struct batch_node *batch)
{
	const struct ready_queue *first = state_batch_first(state, batch, INT64_MAX, INT64_MAX);

	return first ? first->head : 0;
}

int64_t state_batch_least(const struct state *state, const struct batch_node *batch)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < batch->queues.n; i++) {
		int64_t need = need_of(state, &batch->queues.v[i]);

		least = need < least ? need : least;
	}
	return batch->queues.n > 0 ? least : 0;
}

static struct serve *serve_get(struct state *state, const char *pattern)
{
	struct serve *serve;

	for (size_t i = 0; i < state->serves.n; i++) {
		if (strcmp(state->serves.v[i]->pattern, pattern) == 0)
			return state->serves.v[i];
	}
	serve = xcalloc(1, sizeof(*serve));
	serve->pattern = xstrdup(pattern);
	serve->wild = strchr(pattern, '*') != NULL;
	TAILQ_INIT(&serve->hungry[0]);
	TAILQ_INIT(&serve->hungry[1]);
	vec_push(&state->serves, serve);
	for (size_t i = 0; i < state->batches.n; i++) {
		struct batch_node *batch = state->batches.v[i];

		if (serves(serve, batch)) {
			vec_push(&batch->serves, serve);
			list_ready(state, serve, batch);
			state_batch_changed(state, batch);
		}
	}
	/* It may serve one that has no task yet. */
	if (!serve->wild)
		state_batch(state, pattern);
	return serve;
}

/* The last worker left it. */
static void serve_drop(struct state *state, struct serve *serve)
{
	for (size_t i = 0; i < state->batches.n; i++) {
		struct batch_node *batch = state->batches.v[i];

		for (size_t k = 0; k < batch->serves.n; k++) {
			if (batch->serves.v[k] == serve) {
				batch->serves.v[k] = batch->serves.v[--batch->serves.n];
				state_batch_changed(state, batch);
				break;
			}
		}
	}
	for (size_t i = 0; i < state->serves.n; i++) {
		if (state->serves.v[i] == serve) {
			state->serves.v[i] = state->serves.v[--state->serves.n];
			break;
		}
	}
	for (size_t i = 0; i < state->dirty_serves.n; i++) {
		if (state->dirty_serves.v[i] == serve) {
			state->dirty_serves.v[i] = state->dirty_serves.v[--state->dirty_serves.n];
			break;
		}
	}
	serve_free(serve);
}

struct worker_node *state_worker(const struct state *state, int64_t id)
{
	return id > 0 && (uint64_t)id < state->workers.n ? state->workers.v[id] : NULL;
}

struct worker_node *state_worker_named(const struct state *state, const char *name)
{
	const uint64_t *id = map_get(&state->worker_names, name, strlen(name));

	return id ? state->workers.v[*id] : NULL;
}

void state_worker_changed(struct state *state, struct worker_node *worker)
{
	if (worker->changed)
		return;
	worker->changed = true;
	vec_push(&state->changed.workers, worker->id);
}

struct worker_node *state_worker_add(struct state *state, uint32_t id, const char *name)
{
	struct worker_node *worker = xcalloc(1, sizeof(*worker));

	worker->id = id;
	str_init(&worker->grants);
	worker->cpus = (double)NAN;
	worker->ram = worker->gpus = INT_NULL;
	worker->concurrency = 1;
	worker->alive = true;
	worker->since_us = worker->end_us = DATE_NULL;
	worker->end_ns = INT64_MAX;
	TAILQ_INIT(&worker->running);
	TAILQ_INIT(&worker->spare);
	while (state->workers.n <= id)
		vec_push(&state->workers, NULL);
	assert(state->workers.v[id] == NULL);
	state->workers.v[id] = worker;
	state_worker_rename(state, worker, name);
	return worker;
}

void state_worker_rename(struct state *state, struct worker_node *worker, const char *name)
{
	bool is_new;

	if (worker->name != NULL)
		map_delete(&state->worker_names, worker->name, strlen(worker->name));
	free(worker->name);
	worker->name = xstrdup(name);
	*map_put(&state->worker_names, worker->name, strlen(name), &is_new) = worker->id;
	state_worker_changed(state, worker);
}

bool worker_may_take(const struct worker_node *worker)
{
	return worker->alive && !worker->offline && !worker->admin_paused && !worker->drained &&
	       worker->serve != NULL && !worker->shutdown_told;
}

enum worker_status worker_status_of(const struct worker_node *worker)
{
	if (!worker->alive)
		return worker->evicted ? WORKER_EVICTED : WORKER_FAILED;
	if (worker->admin_paused)
		return WORKER_PAUSED;
	return worker->offline ? WORKER_OFFLINE : WORKER_RUNNING;
}

const char *worker_batch(const struct worker_node *worker)
{
	return worker->serve ? worker->serve->pattern : NULL;
}

bool weight_fits(const struct worker_node *worker, double weight)
{
	return worker->used + weight <= 1 + WEIGHT_EPSILON;
}

void state_worker_place(struct state *state, struct worker_node *worker)
{
	struct serve *serve = worker->serve;
	enum room room = ROOM_NONE;
	bool roomy;

	if (serve == NULL)
		return;
	if (worker->present != (worker->alive && !worker->offline && !worker->drained)) {
		worker->present = !worker->present;
		if (worker->present)
			serve->present++;
		else
			serve->present--;
	}
	roomy = worker_may_take(worker) && worker->used + WEIGHT_EPSILON < 1 && worker->spares == 0;
	if (roomy && !worker->counted) {
		serve->roomy++;
	} else if (!roomy && worker->counted) {
		serve->roomy--;
		/* What was kept for it may go to those who hold tasks ready. */
		if (serve->ready.n > 0)
			state_serve_dirty(state, serve);
	}
	worker->counted = roomy;
	if (worker_may_take(worker) && (worker->waiting != NULL || !worker->leases)) {
		if (roomy)
			room = ROOM_RUN;
		else if (worker->spares < worker->prefetch + worker->extra)
			room = ROOM_SPARE;
	}
	if (room == worker->room)
		return;
	if (worker->room != ROOM_NONE)
		TAILQ_REMOVE(&serve->hungry[worker->room - 1], worker, hungry);
	worker->room = room;
	if (room != ROOM_NONE) {
		TAILQ_INSERT_TAIL(&serve->hungry[room - 1], worker, hungry);
		if (serve->ready.n > 0)
			state_serve_dirty(state, serve);
	}
}

/* Out of its serve's lists and counts. */
static void worker_leave(struct state *state, struct worker_node *worker)
{
	struct serve *serve = worker->serve;

	if (serve == NULL)
		return;
	if (worker->room != ROOM_NONE)
		TAILQ_REMOVE(&serve->hungry[worker->room - 1], worker, hungry);
	if (worker->counted)
		serve->roomy--;
	if (worker->present)
		serve->present--;
	worker->room = ROOM_NONE;
	worker->counted = worker->present = false;
	worker->serve = NULL;
	if (--serve->workers == 0)
		serve_drop(state, serve);
}

void state_worker_serve(struct state *state, struct worker_node *worker, const char *pattern)
{
	struct serve *serve;

	if (worker->serve != NULL && pattern != NULL &&
	    strcmp(worker->serve->pattern, pattern) == 0)
		return;
	worker_leave(state, worker);
	if (pattern != NULL && pattern[0] != '\0') {
		serve = serve_get(state, pattern);
		serve->workers++;
		worker->serve = serve;
	}
	state_worker_changed(state, worker);
	state_worker_place(state, worker);
}

void state_worker_remove(struct state *state, struct worker_node *worker)
{
	assert(TAILQ_EMPTY(&worker->running) && TAILQ_EMPTY(&worker->spare));
	assert(worker->waiting == NULL);
	worker_leave(state, worker);
	timer_cancel(state->timers, &worker->silence);
	timer_cancel(state->timers, &worker->poll);
	timer_cancel(state->timers, &worker->end);
	state->ending -= worker->end_us != DATE_NULL;
	for (size_t i = 0; i < state->spoken.n; i++) {
		if (state->spoken.v[i] == worker) {
			state->spoken.v[i] = state->spoken.v[--state->spoken.n];
			break;
		}
	}
	map_delete(&state->worker_names, worker->name, strlen(worker->name));
	state_worker_changed(state, worker);
	state->workers.v[worker->id] = NULL;
	worker_free(worker);
}

struct execution_node *state_execution(const struct state *state, int64_t id)
{
	uint32_t key = (uint32_t)id;
	const uint64_t *p;

	if (id <= 0 || id > UINT32_MAX)
		return NULL;
	p = map_get(&state->executions, (const char *)&key, sizeof(key));
	return p ? (struct execution_node *)(uintptr_t)*p : NULL;
}

/* NULL: it serves the batch, or never had another concurrency for it. */
static const struct share *share_of(const struct worker_node *worker,
                                    const struct batch_node *batch)
{
	for (size_t i = 0; i < worker->shares.n; i++) {
		const struct share *share = &worker->shares.v[i];

		if (strcmp(share->batch, batch->name) == 0 &&
		    !(worker->serve != NULL &&
		      pattern_matches(worker->serve->pattern, batch->name)))
			return share;
	}
	return NULL;
}

void fleet_shares_read(struct worker_node *worker, const char *text)
{
	json_t *object = text ? json_loads(text, 0, NULL) : NULL, *value;
	const char *name;

	shares_drop(worker);
	json_object_foreach(object, name, value)
	{
		double weight = json_number_value(value);
		struct share share = {.weight = weight};

		if (!(weight > 0))
			continue;
		share.batch = xstrdup(name);
		vec_push(&worker->shares, share);
	}
	json_decref(object);
}

const char *fleet_shares_text(const struct state *state, const struct worker_node *worker,
                              const char *batch, struct arena *arena)
{
	const struct execution_list *lists[] = {&worker->running, &worker->spare};
	json_t *object = json_object();
	struct str text = STR_INIT;
	const char *kept;

	for (int i = 0; i < 2; i++) {
		const struct execution_node *execution;

		TAILQ_FOREACH(execution, lists[i], held)
		{
			const struct task_node *task = state_task(state, execution->task);
			const struct batch_node *own = task ? batch_of(state, task) : NULL;
			const struct share *share;

			if (own == NULL || strcmp(own->name, batch) == 0)
				continue;
			share = share_of(worker, own);
			json_object_set_new(object, own->name,
			                    json_real(share ? share->weight
			                                    : 1.0 / (double)worker->concurrency));
		}
	}
	json_print(object, &text);
	json_decref(object);
	kept = arena_strdup(arena, text.p);
	str_release(&text);
	return kept;
}

double state_task_weight(const struct state *state, const struct task_node *task,
                         const struct worker_node *worker)
{
	const struct task_class *class = class_of(state, task);
	const struct share *share = share_of(worker, state->batches.v[class->batch]);
	struct weight_input in = {
	        .cpu = class->cpu,
	        .memory = class->memory,
	        .gpu = class->gpu,
	        .batch_concurrency = state->batches.v[class->batch]->concurrency,
	        .worker_concurrency = worker->concurrency,
	        .worker_cpus = worker->cpus,
	        .worker_ram = worker->ram,
	        .worker_gpus = worker->gpus,
	        .share = share ? share->weight : 0,
	};

	return task_weight(&in);
}

/* Spares become running, in order, while they fit. */
static void move_up(struct worker_node *worker)
{
	struct execution_node *first;

	while ((first = TAILQ_FIRST(&worker->spare)) != NULL &&
	       weight_fits(worker, first->weight)) {
		TAILQ_REMOVE(&worker->spare, first, held);
		worker->spares--;
		first->spare = false;
		worker->used += first->weight;
		TAILQ_INSERT_TAIL(&worker->running, first, held);
	}
}

struct execution_node *state_execution_add(struct state *state, uint32_t id, uint32_t task_id,
                                           struct task_node *task, struct worker_node *worker)
{
	struct execution_node *execution = xcalloc(1, sizeof(*execution));
	bool is_new;

	assert(task_execution(task) == 0);
	execution->id = id;
	execution->task = task_id;
	execution->epoch = task->epoch;
	execution->worker = worker;
	execution->weight = state_task_weight(state, task, worker);
	execution->stdout_length = execution->stderr_length = -1;
	worker->given = id;
	*map_put(&state->executions, (const char *)&execution->id, sizeof(execution->id), &is_new) =
	        (uintptr_t)execution;
	state_task_hold(state, task_id, task, id);
	state->live++;
	execution->spare = true;
	worker->spares++;
	TAILQ_INSERT_TAIL(&worker->spare, execution, held);
	move_up(worker);
	state_worker_place(state, worker);
	state_worker_changed(state, worker);
	return execution;
}

static void unhold(struct execution_node *execution)
{
	struct worker_node *worker = execution->worker;

	if (execution->spare) {
		TAILQ_REMOVE(&worker->spare, execution, held);
		worker->spares--;
	} else {
		TAILQ_REMOVE(&worker->running, execution, held);
		worker->used -= execution->weight;
		/* Sums of fractions drift; an empty worker is exactly empty. */
		if (TAILQ_EMPTY(&worker->running))
			worker->used = 0;
	}
}

void state_execution_remove(struct state *state, struct execution_node *execution)
{
	struct worker_node *worker = execution->worker;
	struct task_node *task = state_task(state, execution->task);

	assert(!execution->dirty);
	unhold(execution);
	move_up(worker);
	state_worker_place(state, worker);
	state_worker_changed(state, worker);
	if (task != NULL && task_execution(task) == execution->id) {
		state_task_hold(state, execution->task, task, 0);
		if (task_is_done(task->status))
			state_task_leaving(state, execution->task);
	}
	map_delete(&state->executions, (const char *)&execution->id, sizeof(execution->id));
	state->live--;
	free(execution);
}

void state_worker_weigh(struct state *state, struct worker_node *worker)
{
	struct execution_list all;
	struct execution_node *execution;

	TAILQ_INIT(&all);
	TAILQ_CONCAT(&all, &worker->running, held);
	TAILQ_CONCAT(&all, &worker->spare, held);
	worker->used = 0;
	worker->spares = 0;
	while ((execution = TAILQ_FIRST(&all)) != NULL) {
		struct task_node *task = state_task(state, execution->task);

		TAILQ_REMOVE(&all, execution, held);
		/* A deleted task's execution keeps the weight that it had. */
		if (task != NULL)
			execution->weight = state_task_weight(state, task, worker);
		execution->spare = worker->spares > 0 || !weight_fits(worker, execution->weight);
		if (execution->spare) {
			worker->spares++;
			TAILQ_INSERT_TAIL(&worker->spare, execution, held);
		} else {
			worker->used += execution->weight;
			TAILQ_INSERT_TAIL(&worker->running, execution, held);
		}
	}
	state_worker_place(state, worker);
}

void fleet_weigh_all(struct state *state)
{
	for (size_t i = 0; i < state->workers.n; i++) {
		if (state->workers.v[i] != NULL)
			state_worker_weigh(state, state->workers.v[i]);
	}
}
