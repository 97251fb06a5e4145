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
};

struct fetcher {
	struct gathering *g;
	pthread_t thread;
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

static void fetch_some(struct gathering *g, struct stage *s, struct str *error)
{
	size_t i;

	while (atomic_load(&g->result) == STAGE_OK &&
	       (i = atomic_fetch_add(&g->next, 1)) < g->todo.n) {
		size_t number = g->todo.v[i];
		int ok = STAGE_OK;
		enum stage_result r =
		        stage_get_text(s, g->uris[number], g->dest_dir, g->mode, error);

		if (r == STAGE_OK)
			g->done[number] = true;
		else
			(void)atomic_compare_exchange_strong(&g->result, &ok, (int)r);
	}
}

static void *work(void *ctx)
{
	struct fetcher *f = ctx;

	fetch_some(f->g, &f->stage, &f->error);
	return NULL;
}

/* A stage of its own that obeys the limits and the cancellation of the caller's. */
static void begin_stage(struct stage *own, const struct stage *s)
{
	*own = *s;
	own->http = NULL;
	own->bytes = own->files = 0;
	/* Nothing remote is linked; of several at once no single number could be told. */
	own->linked = NULL;
	own->progress = NULL;
}

static bool start(struct fetcher *f, struct gathering *g)
{
	sigset_t all, before;
	int err;

	f->g = g;
	str_init(&f->error);
	begin_stage(&f->stage, g->s);
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
	size_t n = 0;

	while (n < FETCHERS - 1 && n + 1 < g->todo.n && start(&others[n], g))
		n++;
	/* This thread is one of them, the only one where no other could be started. */
	fetch_some(g, g->s, error);
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
	struct gathering g = {
	        .s = s, .uris = uris, .dest_dir = dest_dir, .mode = mode, .done = done};
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
	return (enum stage_result)atomic_load(&g.result);
}
