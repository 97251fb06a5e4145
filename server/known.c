#include "server/known.h"

#include "base/alloc.h"
#include "server/fleet.h"

#include <pthread.h>
#include <string.h>

#define PAGE_SIZE 4096u
/* That are looked through at a time. */
#define SCAN_PAGES 64
/* Ids of a group at most whose list is kept for the next one. */
#define KEPT 16384

/* Of tasks whose numbers follow each other, while one of them is not done. */
struct page {
	unsigned n; /* that are not */
	signed char statuses[PAGE_SIZE];
};

struct known {
	pthread_mutex_t lock;
	bool loaded;
	bool tasks_counted, executions_counted;
	int64_t term;
	uint32_t last_task; /* the largest number given */
	VEC(struct page *) pages;
	VEC(struct known_batch) batches;  /* by the index that they have in the state */
	VEC(struct known_worker) workers; /* by id; [0] unused */
};

struct known *known_new(void)
{
	struct known *known = xcalloc(1, sizeof(*known));

	pthread_mutex_init(&known->lock, NULL);
	return known;
}

static void clear_worker(struct known_worker *worker)
{
	free((char *)worker->name);
	free((char *)worker->pattern);
	*worker = (struct known_worker){0};
}

static void clear(struct known *known)
{
	for (size_t i = 0; i < known->pages.n; i++)
		free(known->pages.v[i]);
	for (size_t i = 0; i < known->batches.n; i++)
		free((char *)known->batches.v[i].name);
	for (size_t i = 0; i < known->workers.n; i++)
		clear_worker(&known->workers.v[i]);
	vec_release(&known->pages);
	vec_release(&known->batches);
	vec_release(&known->workers);
	known->loaded = known->tasks_counted = known->executions_counted = false;
}

void known_free(struct known *known)
{
	if (known == NULL)
		return;
	clear(known);
	pthread_mutex_destroy(&known->lock);
	free(known);
}

void known_forget(struct known *known)
{
	pthread_mutex_lock(&known->lock);
	clear(known);
	pthread_mutex_unlock(&known->lock);
}

/* --- publishing --- */

static signed char shown_status(const struct state *state, uint32_t id)
{
	const struct task_node *task = state_task(state, id);

	return task == NULL || task_is_done((enum task_status)task->status)
	               ? KNOWN_NOT
	               : (signed char)task->status;
}

static void put_status(struct known *known, uint32_t id, signed char status)
{
	const size_t i = id / PAGE_SIZE;
	struct page *page;
	signed char *old;

	while (known->pages.n <= i)
		vec_push(&known->pages, NULL);
	page = known->pages.v[i];
	if (page == NULL && status == KNOWN_NOT)
		return;
	if (page == NULL) {
		page = known->pages.v[i] = xmalloc(sizeof(*page));
		page->n = 0;
		memset(page->statuses, KNOWN_NOT, sizeof(page->statuses));
	}
	old = &page->statuses[id % PAGE_SIZE];
	page->n += (unsigned)(status != KNOWN_NOT) - (unsigned)(*old != KNOWN_NOT);
	*old = status;
	if (page->n == 0) {
		free(page);
		known->pages.v[i] = NULL;
	}
}

static struct known_batch shown_batch(const struct batch_node *batch)
{
	struct known_batch shown = {.name = batch->name,
	                            .stored = batch->stored,
	                            .paused = batch->paused,
	                            .served = batch->serves.n > 0,
	                            .run = batch->run,
	                            .concurrency = batch->concurrency,
	                            .lease_seconds = batch->lease_seconds};

	memcpy(shown.counts, batch->counts, sizeof(shown.counts));
	return shown;
}

static void put_batch(struct known *known, const struct batch_node *batch)
{
	const struct known_batch none = {0};
	struct known_batch *at;
	const char *name;

	while (known->batches.n <= batch->index)
		vec_push(&known->batches, none);
	at = &known->batches.v[batch->index];
	name = at->name ? at->name : xstrdup(batch->name);
	*at = shown_batch(batch);
	at->name = name;
}

static struct known_worker shown_worker(const struct worker_node *worker)
{
	const struct execution_list *lists[] = {&worker->running, &worker->spare};
	struct known_worker shown = {
	        .id = worker->id, .name = worker->name, .pattern = worker_batch(worker)};

	memcpy(shown.counts, worker->ended, sizeof(shown.counts));
	for (int i = 0; i < 2; i++) {
		const struct execution_node *node;

		TAILQ_FOREACH(node, lists[i], held)
		{
			shown.counts[node->status]++;
		}
	}
	return shown;
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void put_worker(struct known *known, uint32_t id, const struct worker_node *worker)
{
	const struct known_worker none = {0};
	struct known_worker *at, shown;

	while (known->workers.n <= id)
		vec_push(&known->workers, none);
	at = &known->workers.v[id];
	if (worker == NULL) {
		clear_worker(at);
		return;
	}
	shown = shown_worker(worker);
	if (text_same(at->name, shown.name) && text_same(at->pattern, shown.pattern)) {
		memcpy(at->counts, shown.counts, sizeof(at->counts));
		return;
	}
	clear_worker(at);
	shown.name = copy(shown.name);
	shown.pattern = copy(shown.pattern);
	*at = shown;
}

void known_publish(struct known *known, struct state *state, int64_t term)
{
	struct changed *changed = &state->changed;

	pthread_mutex_lock(&known->lock);
	for (size_t i = 0; i < changed->tasks.n; i++)
		put_status(known, changed->tasks.v[i], shown_status(state, changed->tasks.v[i]));
	for (size_t i = 0; i < changed->batches.n; i++)
		put_batch(known, changed->batches.v[i]);
	for (size_t i = 0; i < changed->workers.n; i++)
		put_worker(known, changed->workers.v[i],
		           state_worker(state, changed->workers.v[i]));
	known->loaded = true;
	known->tasks_counted = state->tasks_to == UINT32_MAX;
	known->executions_counted = state->executions_to == UINT32_MAX;
	known->term = term;
	known->last_task = state->last_task;
	pthread_mutex_unlock(&known->lock);
	for (size_t i = 0; i < changed->batches.n; i++)
		changed->batches.v[i]->changed = false;
	for (size_t i = 0; i < changed->workers.n; i++) {
		struct worker_node *worker = state_worker(state, changed->workers.v[i]);

		if (worker != NULL)
			worker->changed = false;
	}
	changed->tasks.n = changed->batches.n = changed->workers.n = 0;
	if (changed->tasks.cap > KEPT)
		vec_release(&changed->tasks);
}

/* --- reading --- */

static void copy_batches(const struct known *known, struct arena *arena, struct known_lists *lists)
{
	lists->batches = arena_array(arena, struct known_batch, known->batches.n + 1);
	for (size_t i = 0; i < known->batches.n; i++) {
		struct known_batch *to = &lists->batches[lists->nbatches];

		*to = known->batches.v[i];
		if (to->name == NULL)
			continue;
		to->name = arena_strdup(arena, to->name);
		lists->nbatches++;
	}
}

static void copy_workers(const struct known *known, struct arena *arena, bool texts,
                         struct known_lists *lists)
{
	lists->workers = arena_array(arena, struct known_worker, known->workers.n + 1);
	for (size_t i = 0; i < known->workers.n; i++) {
		struct known_worker *to = &lists->workers[lists->nworkers];

		*to = known->workers.v[i];
		if (to->id == 0)
			continue;
		to->name = texts ? arena_strdup(arena, to->name) : NULL;
		to->pattern = texts && to->pattern ? arena_strdup(arena, to->pattern) : NULL;
		lists->nworkers++;
	}
}

bool known_batches(struct known *known, struct arena *arena, struct known_lists *lists)
{
	bool whole;

	*lists = (struct known_lists){0};
	pthread_mutex_lock(&known->lock);
	whole = known->loaded && known->tasks_counted;
	if (whole) {
		copy_batches(known, arena, lists);
		copy_workers(known, arena, true, lists);
	}
	pthread_mutex_unlock(&known->lock);
	return whole;
}

bool known_workers(struct known *known, struct arena *arena, struct known_lists *lists)
{
	bool whole;

	*lists = (struct known_lists){0};
	pthread_mutex_lock(&known->lock);
	whole = known->loaded && known->executions_counted;
	if (whole)
		copy_workers(known, arena, false, lists);
	pthread_mutex_unlock(&known->lock);
	return whole;
}

size_t known_statuses(struct known *known, const int64_t *ids, size_t n, signed char *statuses)
{
	size_t unknown = 0;

	pthread_mutex_lock(&known->lock);
	for (size_t i = 0; i < n; i++) {
		const struct page *page = NULL;

		if (ids[i] > 0 && (uint64_t)ids[i] / PAGE_SIZE < known->pages.n)
			page = known->pages.v[ids[i] / PAGE_SIZE];
		statuses[i] = page ? page->statuses[ids[i] % PAGE_SIZE] : KNOWN_NOT;
		unknown += statuses[i] == KNOWN_NOT;
	}
	pthread_mutex_unlock(&known->lock);
	return unknown;
}

bool known_scan_begin(struct known *known, struct known_scan *scan, enum task_status status,
                      int64_t after)
{
	bool loaded;

	*scan = (struct known_scan){.status = status};
	pthread_mutex_lock(&known->lock);
	loaded = known->loaded;
	/* INT_NULL is the smallest number. */
	if (after < known->last_task)
		scan->at = after < 0 ? 1 : after + 1;
	pthread_mutex_unlock(&known->lock);
	return loaded;
}

bool known_is_rarer(struct known *known, enum task_status status, const char *batch)
{
	uint64_t in_status = 0, in_batch = 0;

	pthread_mutex_lock(&known->lock);
	for (size_t i = 0; i < known->batches.n; i++) {
		const struct known_batch *b = &known->batches.v[i];

		in_status += b->counts[status];
		if (b->name == NULL || strcmp(b->name, batch) != 0)
			continue;
		for (int s = 0; s < TASK_STATUS_COUNT; s++)
			in_batch += b->counts[s];
	}
	pthread_mutex_unlock(&known->lock);
	return in_status < in_batch;
}

static const struct page *page_of(const struct known *known, int64_t id)
{
	return (uint64_t)id / PAGE_SIZE < known->pages.n ? known->pages.v[id / PAGE_SIZE] : NULL;
}

/* The first number of the next page, or 0. */
static int64_t next_page(const struct known *known, int64_t id)
{
	const int64_t next = (id / PAGE_SIZE + 1) * PAGE_SIZE;

	return next <= known->last_task ? next : 0;
}

size_t known_scan_ids(struct known *known, struct known_scan *scan, int64_t *ids, size_t most)
{
	size_t n = 0;

	pthread_mutex_lock(&known->lock);
	for (int looked = 0; looked < SCAN_PAGES && n < most && scan->at > 0; looked++) {
		const struct page *page = page_of(known, scan->at);
		const int64_t end = next_page(known, scan->at);
		int64_t i = scan->at % PAGE_SIZE;

		for (; page != NULL && i < PAGE_SIZE && n < most; i++) {
			if (page->statuses[i] == (signed char)scan->status)
				ids[n++] = scan->at / PAGE_SIZE * PAGE_SIZE + i;
		}
		scan->at =
		        page == NULL || i == PAGE_SIZE ? end : scan->at / PAGE_SIZE * PAGE_SIZE + i;
	}
	pthread_mutex_unlock(&known->lock);
	return n;
}

/* None of a page's tasks is done? */
static bool is_full(const struct known *known, int64_t id)
{
	const struct page *page = page_of(known, id);

	return page != NULL && page->n == PAGE_SIZE;
}

bool known_scan_range(struct known *known, struct known_scan *scan, int64_t *first, int64_t *last)
{
	pthread_mutex_lock(&known->lock);
	while (scan->at > 0 && is_full(known, scan->at))
		scan->at = next_page(known, scan->at);
	*first = scan->at;
	while (scan->at > 0 && !is_full(known, scan->at))
		scan->at = next_page(known, scan->at);
	*last = scan->at > 0 ? scan->at - 1 : known->last_task;
	pthread_mutex_unlock(&known->lock);
	return *first > 0;
}

int64_t known_term(struct known *known)
{
	int64_t term;

	pthread_mutex_lock(&known->lock);
	term = known->loaded ? known->term : -1;
	pthread_mutex_unlock(&known->lock);
	return term;
}

/* --- checking --- */

#define FAIL(...) problem_set(problem, PROBLEM_INTERNAL, __VA_ARGS__)

static bool check_tasks(const struct known *known, const struct state *state,
                        struct problem *problem)
{
	for (uint32_t id = 1; id <= state->last_task; id++) {
		const struct page *page =
		        id / PAGE_SIZE < known->pages.n ? known->pages.v[id / PAGE_SIZE] : NULL;
		int seen = page ? page->statuses[id % PAGE_SIZE] : KNOWN_NOT;

		if (seen != shown_status(state, id))
			return FAIL("task %u is known as %d, and is %d in memory", id, seen,
			            shown_status(state, id));
	}
	return true;
}

static bool check_batches(const struct known *known, const struct state *state,
                          struct problem *problem)
{
	for (size_t i = 0; i < state->batches.n; i++) {
		struct known_batch is = shown_batch(state->batches.v[i]), *seen;

		seen = i < known->batches.n ? &known->batches.v[i] : NULL;
		if (seen == NULL || seen->name == NULL || strcmp(seen->name, is.name) != 0 ||
		    memcmp(seen->counts, is.counts, sizeof(is.counts)) != 0 ||
		    seen->stored != is.stored || seen->paused != is.paused ||
		    seen->served != is.served || seen->run != is.run ||
		    seen->concurrency != is.concurrency || seen->lease_seconds != is.lease_seconds)
			return FAIL("batch %s is known otherwise than in memory", is.name);
	}
	return true;
}

static bool check_workers(const struct known *known, const struct state *state,
                          struct problem *problem)
{
	for (size_t i = 0; i < state->workers.n; i++) {
		const struct worker_node *worker = state->workers.v[i];
		const struct known_worker none = {0};
		struct known_worker is = worker ? shown_worker(worker) : none;
		const struct known_worker *seen =
		        i < known->workers.n ? &known->workers.v[i] : &none;

		if (seen->id != is.id || !text_same(seen->name, is.name) ||
		    !text_same(seen->pattern, is.pattern) ||
		    memcmp(seen->counts, is.counts, sizeof(is.counts)) != 0)
			return FAIL("worker %zu is known otherwise than in memory", i);
	}
	return true;
}

bool known_check(struct known *known, const struct state *state, struct problem *problem)
{
	bool same;

	pthread_mutex_lock(&known->lock);
	same = !known->loaded ||
	       (check_tasks(known, state, problem) && check_batches(known, state, problem) &&
	        check_workers(known, state, problem));
	pthread_mutex_unlock(&known->lock);
	return same;
}
