/* Tasks by number and their ready queues. See state.h. */
#include "server/state.h"

#include "server/fleet.h"
#include "server/job.h"
#include "server/run.h"

#include <assert.h>
#include <string.h>

const char *const reason_words[REASON_COUNT] = {
        NULL,    "exit",      "signal", "timeout", "memory",    "download",   "upload", "output",
        "start", "cancelled", "lost",   "disk",    "container", "dependency", "failed", "evicted",
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

bool reason_gives_up(const char *word)
{
	enum reason reason = reason_parse(word);

	return reason == REASON_LOST || reason == REASON_EVICTED;
}

static_assert(sizeof(struct task_node) == 32, "a million of them count");

void state_init(struct state *state, struct timers *timers)
{
	struct edge unused = {0};

	memset(state, 0, sizeof(*state));
	state->timers = timers;
	vec_push(&state->edges, unused);
}

void state_release(struct state *state)
{
	fleet_release(state);
	runs_release(state);
	job_nodes_release(state);
	task_classes_release(&state->classes);
	for (size_t i = 0; i < state->slabs.n; i++)
		free(state->slabs.v[i]);
	vec_release(&state->slabs);
	free(state->pages);
	vec_release(&state->leaving);
	vec_release(&state->dirty_tasks);
	vec_release(&state->moved);
	vec_release(&state->changed.tasks);
	vec_release(&state->changed.batches);
	vec_release(&state->changed.workers);
	vec_release(&state->edges);
	vec_release(&state->edge_rules);
}

/* Pages that are made at a time. */
#define SLAB_PAGES 256

static void page_give(struct state *state, struct task_node *page)
{
	memcpy(page, &state->free_page, sizeof(state->free_page));
	state->free_page = page;
}

struct task_node *state_task(const struct state *state, uint32_t id)
{
	uint32_t page = id / TASK_PAGE_SIZE;
	struct task_node *task;

	if (page >= state->npages || state->pages[page].nodes == NULL)
		return NULL;
	task = &state->pages[page].nodes[id % TASK_PAGE_SIZE];
	return task->status == TASK_ABSENT ? NULL : task;
}

static struct task_node *page_take(struct state *state)
{
	struct task_node *page = state->free_page;

	if (page == NULL) {
		struct task_node *slab = xcalloc(SLAB_PAGES * TASK_PAGE_SIZE, sizeof(*slab));

		vec_push(&state->slabs, slab);
		for (size_t i = SLAB_PAGES; i-- > 1;)
			page_give(state, slab + i * TASK_PAGE_SIZE);
		page = slab;
	} else {
		memcpy(&state->free_page, page, sizeof(state->free_page));
	}
	for (int i = 0; i < TASK_PAGE_SIZE; i++)
		page[i].status = TASK_ABSENT;
	return page;
}

struct task_node *state_task_place(struct state *state, uint32_t id)
{
	uint32_t page = id / TASK_PAGE_SIZE;
	struct task_node *task;

	if (page >= state->npages) {
		uint32_t n = page + page / 4 + 16;

		state->pages = xreallocarray(state->pages, n, sizeof(*state->pages));
		memset(state->pages + state->npages, 0,
		       (n - state->npages) * sizeof(*state->pages));
		state->npages = n;
	}
	if (state->pages[page].nodes == NULL)
		state->pages[page].nodes = page_take(state);
	task = &state->pages[page].nodes[id % TASK_PAGE_SIZE];
	assert(task->status == TASK_ABSENT);
	memset(task, 0, sizeof(*task));
	task->status = TASK_ABSENT;
	task->resume = TASK_ABSENT;
	return task;
}

void state_task_leaving(struct state *state, uint32_t id)
{
	uint32_t page = id / TASK_PAGE_SIZE;

	if (state->pages[page].checked)
		return;
	state->pages[page].checked = true;
	vec_push(&state->leaving, page);
}

static bool is_needed(const struct task_node *task)
{
	return task->status != TASK_ABSENT && (!task_is_done((enum task_status)task->status) ||
	                                       task->dependents != 0 || task_execution(task) != 0);
}

void state_trim(struct state *state)
{
	for (size_t i = 0; i < state->leaving.n; i++) {
		struct task_page *page = &state->pages[state->leaving.v[i]];
		bool needed = false;

		page->checked = false;
		for (int k = 0; k < TASK_PAGE_SIZE && !needed; k++)
			needed = is_needed(&page->nodes[k]);
		if (needed)
			continue;
		for (int k = 0; k < TASK_PAGE_SIZE; k++) {
			if (page->nodes[k].status != TASK_ABSENT)
				task_class_drop(&state->classes, page->nodes[k].class);
		}
		page_give(state, page->nodes);
		page->nodes = NULL;
	}
	state->leaving.n = 0;
}

/* Four digits in binary: most batches have one queue, and none has many however its tasks differ.
 */
static uint32_t band_of(int64_t need)
{
	unsigned shift = 0;

	while (need >> shift >= 16)
		shift++;
	return (uint32_t)(need >> shift << shift);
}

static bool stands_before(const struct ready_queue *a, const struct ready_queue *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->gpu != b->gpu ? a->gpu > b->gpu : a->band < b->band;
}

/* The queue of such tasks, made where it is missing. */
static struct ready_queue *queue_of(struct batch_node *batch, const struct task_class *class)
{
	struct ready_queue queue = {
	        .priority = class->priority, .band = band_of(class->need), .gpu = class->gpu};
	size_t i = 0;

	while (i < batch->queues.n && stands_before(&batch->queues.v[i], &queue))
		i++;
	if (i < batch->queues.n && !stands_before(&queue, &batch->queues.v[i]))
		return &batch->queues.v[i];
	vec_push(&batch->queues, queue);
	memmove(&batch->queues.v[i + 1], &batch->queues.v[i],
	        (batch->queues.n - 1 - i) * sizeof(queue));
	batch->queues.v[i] = queue;
	return &batch->queues.v[i];
}

static void enqueue(struct state *state, uint32_t id, struct task_node *task)
{
	const struct task_class *class = class_of(state, task);
	struct batch_node *batch = state->batches.v[class->batch];
	struct ready_queue *queue = queue_of(batch, class);

	assert(task->link == 0);
	task->flags |= TASK_QUEUED;
	task->next = 0;
	task->link = queue->tail;
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
	const struct task_class *class = class_of(state, task);
	struct batch_node *batch = state->batches.v[class->batch];
	struct ready_queue *queue = queue_of(batch, class);

	task->flags &= (uint8_t)~TASK_QUEUED;
	if (task->link != 0)
		state_task(state, task->link)->next = task->next;
	else
		queue->head = task->next;
	if (task->next != 0)
		state_task(state, task->next)->link = task->link;
	else
		queue->tail = task->link;
	task->link = task->next = 0;
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
	bool wanted = task->status == TASK_PENDING && task_execution(task) == 0;

	if (wanted && !(task->flags & TASK_QUEUED))
		enqueue(state, id, task);
	else if (!wanted && (task->flags & TASK_QUEUED))
		dequeue(state, task);
}

void state_task_hold(struct state *state, uint32_t id, struct task_node *task, uint32_t execution)
{
	if (task->flags & TASK_QUEUED)
		dequeue(state, task);
	task->link = execution;
	state_task_queue(state, id, task);
}

void state_batch_changed(struct state *state, struct batch_node *batch)
{
	if (batch->changed)
		return;
	batch->changed = true;
	vec_push(&state->changed.batches, batch);
}

void state_batch_moved(struct state *state, struct batch_node *batch)
{
	state_batch_changed(state, batch);
	if (batch->moved)
		return;
	batch->moved = true;
	vec_push(&state->moved, batch);
}

/* Counters and queue for a change between two statuses, TASK_ABSENT for not being there. */
static void move(struct state *state, uint32_t id, struct task_node *task, int from, int to)
{
	struct batch_node *batch = batch_of(state, task);
	bool was_done = from != TASK_ABSENT && task_is_done((enum task_status)from);
	bool is_done = to != TASK_ABSENT && task_is_done((enum task_status)to);

	if (from != TASK_ABSENT) {
		if (!was_done)
			state->undone--;
		if (!was_done || id <= state->tasks_to)
			batch->counts[from]--;
	}
	if (to != TASK_ABSENT) {
		if (!is_done)
			state->undone++;
		if (!is_done || id <= state->tasks_to)
			batch->counts[to]++;
	}
	state_batch_moved(state, batch);
	vec_push(&state->changed.tasks, id);
	state->stirred = true;
	if (class_of(state, task)->run != 0)
		run_count(state, id, task, from, to);
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

void state_task_reclass(struct state *state, uint32_t id, struct task_node *task,
                        const struct task_class *class)
{
	uint32_t old = task->class, new = task_class_take(&state->classes, class);
	uint8_t status = task->status;

	if (old != new) {
		move(state, id, task, status, TASK_ABSENT);
		task->class = new;
		move(state, id, task, TASK_ABSENT, status);
	}
	task_class_drop(&state->classes, old);
}

void state_task_remove(struct state *state, uint32_t id, struct task_node *task)
{
	assert(task_execution(task) == 0 && task->dependents == 0);
	state_edges_drop(state, id);
	move(state, id, task, task->status, TASK_ABSENT);
	task_class_drop(&state->classes, task->class);
}
