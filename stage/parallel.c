#include "stage/parallel.h"

#include "base/vec.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#define FETCHERS 4

/* What the threads share; each URI is one thread's. */
struct gathering {
	struct stage *s;
	char *const *uris;
	const char *dest_dir;
	enum stage_mode mode;
	bool *done;
	struct {
		size_t *v;
		size_t n, cap;
	} todo; /* numbers of URIs */
	atomic_size_t next;
	atomic_int result; /* the first that is not STAGE_OK */
	/* What is told of all of them together. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *progress_ctx;
	pthread_mutex_t counting; /* for the two below, and for telling */
	uint64_t finished;        /* bytes of URIs that came */
	uint64_t under_way[FETCHERS];
};

/* One of the threads, as its stage knows it. */
struct counter {
	struct gathering *g;
	unsigned seat;
};

struct fetcher {
	struct gathering *g;
	pthread_t thread;
	struct counter counter;
	struct stage stage;
	struct str error;
};

static bool is_remote(const char *text)
{
	struct arena arena;
	const char *why;
	struct uri uri;
	bool is;

	arena_init(&arena);
	is = uri_parse(&arena, text, &uri, &why) && strcmp(uri.scheme, "file") != 0;
	arena_release(&arena);
	return is;
}

static void count(void *ctx, uint64_t done, uint64_t total)
{
	struct counter *c = ctx;
	struct gathering *g = c->g;
	uint64_t sum;

	pthread_mutex_lock(&g->counting);
	g->under_way[c->seat] = done;
	sum = g->finished;
	for (unsigned i = 0; i < FETCHERS; i++)
		sum += g->under_way[i];
	/* How much those have that were not begun is not known. */
	g->progress(g->progress_ctx, sum, g->todo.n == 1 ? total : 0);
	pthread_mutex_unlock(&g->counting);
}

static void settle_count(struct counter *c)
{
	pthread_mutex_lock(&c->g->counting);
	c->g->finished += c->g->under_way[c->seat];
	c->g->under_way[c->seat] = 0;
	pthread_mutex_unlock(&c->g->counting);
}

static void fetch_some(struct counter *c, struct stage *s, struct str *error)
{
	struct gathering *g = c->g;
	size_t i;

	while (atomic_load(&g->result) == STAGE_OK &&
	       (i = atomic_fetch_add(&g->next, 1)) < g->todo.n) {
		size_t number = g->todo.v[i];
		int ok = STAGE_OK;
		enum stage_result r =
		        stage_get_text(s, g->uris[number], g->dest_dir, g->mode, error);

		settle_count(c);
		if (r == STAGE_OK)
			g->done[number] = true;
		else
			(void)atomic_compare_exchange_strong(&g->result, &ok, (int)r);
	}
}

static void *work(void *ctx)
{
	struct fetcher *f = ctx;

	fetch_some(&f->counter, &f->stage, &f->error);
	return NULL;
}

/* A stage of its own that obeys the limits and the cancellation of the caller's. */
static void begin_stage(struct stage *own, const struct stage *s)
{
	*own = *s;
	own->http = NULL;
	own->bytes = own->files = 0;
	own->linked = NULL; /* nothing remote is */
}

static void count_for(struct stage *s, struct counter *c, struct gathering *g, unsigned seat)
{
	*c = (struct counter){g, seat};
	s->progress = g->progress != NULL ? count : NULL;
	s->progress_ctx = c;
}

static bool start(struct fetcher *f, struct gathering *g, unsigned seat)
{
	sigset_t all, before;
	int err;

	f->g = g;
	str_init(&f->error);
	begin_stage(&f->stage, g->s);
	count_for(&f->stage, &f->counter, g, seat);
	/* Signals are for the threads that were there before. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&f->thread, NULL, work, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err == 0;
}

static void gather(struct gathering *g, struct str *error)
{
	struct fetcher others[FETCHERS - 1];
	struct counter own;
	unsigned n = 0;

	while (n < FETCHERS - 1 && n + 1 < g->todo.n && start(&others[n], g, n + 1))
		n++;
	/* This thread is one of them, the only one where no other could be started. */
	count_for(g->s, &own, g, 0);
	fetch_some(&own, g->s, error);
	g->s->progress = g->progress;
	g->s->progress_ctx = g->progress_ctx;
	for (size_t i = 0; i < n; i++) {
		struct fetcher *f = &others[i];

		(void)pthread_join(f->thread, NULL);
		str_add(error, f->error.p, f->error.len);
		g->s->bytes += f->stage.bytes;
		g->s->files += f->stage.files;
		stage_release(&f->stage);
		str_release(&f->error);
	}
}

enum stage_result stage_get_remotes(struct stage *s, char *const *uris, size_t n,
                                    const char *dest_dir, enum stage_mode mode, bool *done,
                                    struct str *error)
{
	struct gathering g = {.s = s,
	                      .uris = uris,
	                      .dest_dir = dest_dir,
	                      .mode = mode,
	                      .done = done,
	                      .progress = s->progress,
	                      .progress_ctx = s->progress_ctx,
	                      .counting = PTHREAD_MUTEX_INITIALIZER};
	pthread_mutex_t placing = PTHREAD_MUTEX_INITIALIZER;

	atomic_init(&g.next, 0);
	atomic_init(&g.result, STAGE_OK);
	for (size_t i = 0; i < n; i++) {
		if (!done[i] && is_remote(uris[i]))
			vec_push(&g.todo, i);
	}
	s->placing = &placing;
	if (g.todo.n > 0)
		gather(&g, error);
	s->placing = NULL;
	vec_release(&g.todo);
	pthread_mutex_destroy(&placing);
	pthread_mutex_destroy(&g.counting);
	return (enum stage_result)atomic_load(&g.result);
}
