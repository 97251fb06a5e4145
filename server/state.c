/* Tasks by number, their edges and ready queues. See state.h. */
#include "server/state.h"

#include "server/fleet.h"
#include "server/run.h"

#include <assert.h>
#include <string.h>

const char *const reason_words[REASON_COUNT] = {
        NULL,     "exit",  "signal",    "timeout", "memory", "download",   "upload",
        "output", "start", "cancelled", "lost",    "disk",   "dependency", "failed",
};

enum reason reason_parse(const char *word)
{
	if (word == NULL)
		return REASON_NONE;
	for (int i = 1; i < REASON_COUNT; i++) {
		if (strcmp(reason_words[i], word) == 0)
			return (enum reason)i;
	}
	return REASON_COUNT;
}

void state_init(struct state *state, struct timers *timers)
{
	struct edge unused = {0};

	memset(state, 0, sizeof(*state));
	state->timers = timers;
	intern_init(&state->weights);
	state_weight(state, (double)NAN, INT_NULL);
	vec_push(&state->edges, unused);
}

void state_release(struct state *state)
{
	fleet_release(state);
	runs_release(state);
	for (uint32_t i = 0; i < state->npages; i++)
		free(state->pages[i]);
	free(state->pages);
	vec_release(&state->leaving);
	vec_release(&state->dirty_tasks);
	vec_release(&state->edges);
	intern_release(&state->weights);
}

struct task_node *state_task(const struct state *state, uint32_t id)
{
	uint32_t page = id / TASK_PAGE_SIZE;
	struct task_node *task;

	if (page >= state->npages || state->pages[page] == NULL)
		return NULL;
	task = &state->pages[page]->nodes[id % TASK_PAGE_SIZE];
	return task->status == TASK_ABSENT ? NULL : task;
}

struct task_node *state_task_place(struct state *state, uint32_t id)
{
	uint32_t page = id / TASK_PAGE_SIZE;
	struct task_node *task;

	if (page >= state->npages) {
		uint32_t n = page + page / 2 + 16;

		state->pages = xreallocarray(state->pages, n, sizeof(*state->pages));
		memset(state->pages + state->npages, 0,
		       (n - state->npages) * sizeof(*state->pages));
		state->npages = n;
	}
	if (state->pages[page] == NULL) {
		state->pages[page] = xcalloc(1, sizeof(*state->pages[page]));
		for (int i = 0; i < TASK_PAGE_SIZE; i++)
			state->pages[page]->nodes[i].status = TASK_ABSENT;
	}
	task = &state->pages[page]->nodes[id % TASK_PAGE_SIZE];
	assert(task->status == TASK_ABSENT);
	memset(task, 0, sizeof(*task));
	task->status = TASK_ABSENT;
	task->resume = TASK_ABSENT;
	return task;
}

void state_task_leaving(struct state *state, uint32_t id)
{
	uint32_t page = id / TASK_PAGE_SIZE;

	if (state->pages[page]->checked)
		return;
	state->pages[page]->checked = true;
	vec_push(&state->leaving, page);
}

void state_trim(struct state *state)
{
	for (size_t i = 0; i < state->leaving.n; i++) {
		struct task_page *page = state->pages[state->leaving.v[i]];
		bool needed = false;

		page->checked = false;
		for (int k = 0; k < TASK_PAGE_SIZE && !needed; k++) {
			const struct task_node *task = &page->nodes[k];

			needed = task->status != TASK_ABSENT &&
			         (!task_is_done(task->status) || task->dependents != 0 ||
			          task->execution != 0);
		}
		if (!needed) {
			free(page);
			state->pages[state->leaving.v[i]] = NULL;
		}
	}
	state->leaving.n = 0;
}

uint32_t state_weight(struct state *state, double cpu, int64_t memory)
{
	struct weight_class class;

	/* The bytes are the key: no padding between them, and one NaN only. */
	memset(&class, 0, sizeof(class));
	class.cpu = isnan(cpu) ? (double)NAN : cpu;
	class.memory = memory;
	return intern_add(&state->weights, (const char *)&class, sizeof(class));
}

struct weight_class state_weight_class(const struct state *state, uint32_t weight)
{
	struct weight_class class;

	memcpy(&class, intern_text(&state->weights, weight), sizeof(class));
	return class;
}

/* The queue of that priority, made where it is missing. */
static struct ready_queue *queue_of(struct batch_node *batch, int32_t priority)
{
	struct ready_queue queue = {priority, 0, 0, 0};
	size_t i = 0;

	while (i < batch->queues.n && batch->queues.v[i].priority > priority)
		i++;
	if (i < batch->queues.n && batch->queues.v[i].priority == priority)
		return &batch->queues.v[i];
	vec_push(&batch->queues, queue);
	memmove(&batch->queues.v[i + 1], &batch->queues.v[i],
	        (batch->queues.n - 1 - i) * sizeof(queue));
	batch->queues.v[i] = queue;
	return &batch->queues.v[i];
}

static void enqueue(struct state *state, uint32_t id, struct task_node *task)
{
	struct batch_node *batch = state->batches.v[task->batch];
	struct ready_queue *queue = queue_of(batch, task->priority);

	task->flags |= TASK_QUEUED;
	task->next = 0;
	task->prev = queue->tail;
	if (queue->tail != 0)
		state_task(state, queue->tail)->next = id;
	else
		queue->head = id;
	queue->tail = id;
	queue->n++;
	batch->ready++;
	fleet_batch_ready(state, batch);
}

static void dequeue(struct state *state, struct task_node *task)
{
	struct batch_node *batch = state->batches.v[task->batch];
	struct ready_queue *queue = queue_of(batch, task->priority);

	task->flags &= (uint8_t)~TASK_QUEUED;
	if (task->prev != 0)
		state_task(state, task->prev)->next = task->next;
	else
		queue->head = task->next;
	if (task->next != 0)
		state_task(state, task->next)->prev = task->prev;
	else
		queue->tail = task->prev;
	task->prev = task->next = 0;
	batch->ready--;
	if (--queue->n == 0) {
		size_t i = (size_t)(queue - batch->queues.v);

		memmove(queue, queue + 1, (batch->queues.n - 1 - i) * sizeof(*queue));
		batch->queues.n--;
	}
	if (batch->ready == 0)
		fleet_batch_ready(state, batch);
}

void state_task_queue(struct state *state, uint32_t id, struct task_node *task)
{
	/* While an execution of it is still alive somewhere it is not given to anybody else. */
	bool wanted = task->status == TASK_PENDING && task->execution == 0;

	if (wanted && !(task->flags & TASK_QUEUED))
		enqueue(state, id, task);
	else if (!wanted && (task->flags & TASK_QUEUED))
		dequeue(state, task);
}

/* Counters and queue for a change between two statuses, TASK_ABSENT for not being there. */
static void move(struct state *state, uint32_t id, struct task_node *task, int from, int to)
{
	struct batch_node *batch = state->batches.v[task->batch];
	bool was_done = from != TASK_ABSENT && task_is_done((enum task_status)from);
	bool is_done = to != TASK_ABSENT && task_is_done((enum task_status)to);

	if (from != TASK_ABSENT) {
		if (!was_done)
			state->undone--;
		if (!was_done || state->done_counted)
			batch->counts[from]--;
	}
	if (to != TASK_ABSENT) {
		if (!is_done)
			state->undone++;
		if (!is_done || state->done_counted)
			batch->counts[to]++;
	}
	if (task->run != 0)
		run_count(state, task, from, to);
	task->status = (uint8_t)to;
	state_task_queue(state, id, task);
	if (is_done || to == TASK_ABSENT)
		state_task_leaving(state, id);
}

void state_task_enter(struct state *state, uint32_t id, struct task_node *task)
{
	uint8_t status = task->before;

	assert(task->status == TASK_ABSENT && status != TASK_ABSENT);
	move(state, id, task, TASK_ABSENT, status);
}

void state_task_fetched(struct state *state, uint32_t id, struct task_node *task)
{
	assert(task->status == TASK_ABSENT && task_is_done(task->before));
	task->status = task->before;
	state_task_leaving(state, id);
}

void state_task_dirty(struct state *state, uint32_t id, struct task_node *task)
{
	if (task->flags & TASK_DIRTY)
		return;
	task->flags |= TASK_DIRTY;
	task->before = task->status;
	vec_push(&state->dirty_tasks, id);
}

void state_task_status(struct state *state, uint32_t id, struct task_node *task,
                       enum task_status status)
{
	state_task_dirty(state, id, task);
	move(state, id, task, task->status, (int)status);
}

void state_task_move(struct state *state, uint32_t id, struct task_node *task, uint32_t batch,
                     int32_t priority)
{
	uint8_t status = task->status;

	if (task->batch == batch && task->priority == priority)
		return;
	move(state, id, task, status, TASK_ABSENT);
	task->batch = batch;
	task->priority = priority;
	move(state, id, task, TASK_ABSENT, status);
}

void state_task_remove(struct state *state, uint32_t id, struct task_node *task)
{
	assert(task->execution == 0 && task->dependents == 0);
	state_edges_drop(state, id);
	move(state, id, task, task->status, TASK_ABSENT);
}

void state_edge_add(struct state *state, uint32_t task_id, uint32_t other_id)
{
	struct task_node *task = state_task(state, task_id);
	struct task_node *other = state_task(state, other_id);
	struct edge edge = {.task = task_id,
	                    .other = other_id,
	                    .next_dependent = other->dependents,
	                    .next_required = task->requires};
	uint32_t i = state->free_edge;

	if (i != 0) {
		state->free_edge = state->edges.v[i].next_dependent;
		state->edges.v[i] = edge;
	} else {
		i = (uint32_t)state->edges.n;
		vec_push(&state->edges, edge);
	}
	if (other->dependents != 0)
		state->edges.v[other->dependents].prev_dependent = i;
	other->dependents = i;
	if (task->requires != 0)
		state->edges.v[task->requires].prev_required = i;
	task->requires = i;
	task->unmet++;
}

bool state_edge_find(const struct state *state, uint32_t task, uint32_t other, uint32_t *edge)
{
	for (uint32_t i = state_task(state, task)->requires; i != 0;
	     i = state->edges.v[i].next_required) {
		if (state->edges.v[i].other == other) {
			*edge = i;
			return true;
		}
	}
	return false;
}

void state_edge_remove(struct state *state, uint32_t i)
{
	struct edge *edge = &state->edges.v[i];
	struct task_node *task = state_task(state, edge->task);
	struct task_node *other = state_task(state, edge->other);

	if (edge->prev_dependent != 0)
		state->edges.v[edge->prev_dependent].next_dependent = edge->next_dependent;
	else
		other->dependents = edge->next_dependent;
	if (edge->next_dependent != 0)
		state->edges.v[edge->next_dependent].prev_dependent = edge->prev_dependent;
	if (edge->prev_required != 0)
		state->edges.v[edge->prev_required].next_required = edge->next_required;
	else
	task->requires = edge->next_required;
	if (edge->next_required != 0)
		state->edges.v[edge->next_required].prev_required = edge->prev_required;
	task->unmet--;
	if (other->dependents == 0 && task_is_done(other->status))
		state_task_leaving(state, edge->other);
	*edge = (struct edge){.next_dependent = state->free_edge};
	state->free_edge = i;
}

void state_edges_drop(struct state *state, uint32_t task)
{
	struct task_node *node = state_task(state, task);

	while (node->requires != 0)
		state_edge_remove(state, node->requires);
}
