#include "cli/several.h"

#include "runtime/session.h"

#include <pthread.h>

/* Beside the one that is there. */
#define THREADS 15
#define EACH 8

struct several {
	const struct command_call *command;
	size_t n;
	several_one *one;
	void *context;
	atomic_bool told;
	pthread_mutex_t starting, lock;
	/* Under lock. */
	size_t next;
	int code; /* of the first that failed */
};

/* The number of the next one; false where there is none, or one has failed. */
static bool take_next(struct several *s, size_t *i)
{
	bool more;

	pthread_mutex_lock(&s->lock);
	more = s->code == EXIT_CODE_OK && s->next < s->n;
	if (more)
		*i = s->next++;
	pthread_mutex_unlock(&s->lock);
	return more;
}

static void note_failure(struct several *s, int code)
{
	pthread_mutex_lock(&s->lock);
	if (s->code == EXIT_CODE_OK)
		s->code = code;
	pthread_mutex_unlock(&s->lock);
}

static void do_some(struct several *s, struct call *c)
{
	size_t i;

	c->starting = &s->starting;
	c->told = &s->told;
	while (take_next(s, &i)) {
		if (!s->one(s->context, c, i))
			note_failure(s, c->code);
	}
	c->starting = NULL;
	c->told = NULL;
}

static void *thread_main(void *context)
{
	struct several *s = context;
	struct call c;

	if (call_open(&c, s->command))
		do_some(s, &c);
	else
		note_failure(s, c.code);
	call_close(&c);
	return NULL;
}

bool several(struct call *c, size_t n, several_one *one, void *context)
{
	struct several s = {.command = c->command, .n = n, .one = one, .context = context};
	pthread_t threads[THREADS];
	size_t running = 0;

	pthread_mutex_init(&s.lock, NULL);
	pthread_mutex_init(&s.starting, NULL);
	/* One that cannot be started is done without. */
	while (running < THREADS && (running + 1) * EACH < n &&
	       pthread_create(&threads[running], NULL, thread_main, &s) == 0)
		running++;
	do_some(&s, c);
	while (running > 0)
		pthread_join(threads[--running], NULL);
	pthread_mutex_destroy(&s.lock);
	pthread_mutex_destroy(&s.starting);
	c->code = s.code;
	return c->code == EXIT_CODE_OK;
}
