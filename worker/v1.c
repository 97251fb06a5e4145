#include "worker/v1.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "model/json.h"
#include "worker/v1_poll.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)

struct v1_call {
	uint64_t number;
	char *path;
	struct str body;
	http_done *done; /* NULL: cancelled */
	void *context;
	enum http_error error;
	struct http_response response;
	struct v1_call *next;
};

struct v1 {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct v1_call *todo, *done, *current; /* under the lock, as the next two */
	uint64_t last;
	bool closing;
	int fd;
	struct v1_poll poll; /* of the thread alone */
};

static void call_free(struct v1_call *c)
{
	free(c->path);
	str_release(&c->body);
	http_response_release(&c->response);
	free(c);
}

static void push(struct v1_call **queue, struct v1_call *c)
{
	while (*queue != NULL)
		queue = &(*queue)->next;
	c->next = NULL;
	*queue = c;
}

/* Until then, or until another call comes; false where one came. */
static bool wait_until(void *context, int64_t until_ns)
{
	struct timespec until = {until_ns / SECOND_NS, until_ns % SECOND_NS};
	struct v1 *v = context;
	bool alone;

	pthread_mutex_lock(&v->lock);
	while (v->todo == NULL && !v->closing &&
	       pthread_cond_timedwait(&v->wake, &v->lock, &until) != ETIMEDOUT)
		;
	alone = v->todo == NULL && !v->closing;
	pthread_mutex_unlock(&v->lock);
	return alone;
}

static void serve(struct v1 *v, struct v1_call *c)
{
	struct problem problem;
	json_t *call = json_parse(c->body.p, c->body.len, &problem), *reply = json_object();

	if (v1_poll_answer(&v->poll, c->path, call, reply, wait_until, v)) {
		c->response.status = 200;
		json_print(reply, &c->response.body);
	} else {
		c->error = HTTP_NO_CONNECTION;
		str_adds(&c->response.message, v->poll.why.len > 0
		                                       ? v->poll.why.p
		                                       : "the server refuses what it is told");
	}
	json_decref(call);
	json_decref(reply);
}

static void *work(void *context)
{
	struct v1 *v = context;
	uint64_t one = 1;

	pthread_mutex_lock(&v->lock);
	while (!v->closing) {
		struct v1_call *c = v->todo;

		if (c == NULL) {
			pthread_cond_wait(&v->wake, &v->lock);
			continue;
		}
		v->todo = c->next;
		v->current = c;
		pthread_mutex_unlock(&v->lock);
		serve(v, c);
		pthread_mutex_lock(&v->lock);
		v->current = NULL;
		push(&v->done, c);
		/* Fails only where the counter is full: then the loop is awake already. */
		(void)!write(v->fd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

struct v1 *v1_new(const struct options *options, const struct log *log)
{
	struct v1 *v = xcalloc(1, sizeof(*v));
	pthread_condattr_t attr;
	sigset_t all, before;
	int err;

	pthread_mutex_init(&v->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&v->wake, &attr);
	pthread_condattr_destroy(&attr);
	v1_poll_init(&v->poll, options);
	v->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = v->fd < 0 ? errno : pthread_create(&v->thread, NULL, work, v);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err != 0) {
		log_error(log, "cannot start the thread that speaks v1: %s", strerror(err));
		if (v->fd >= 0)
			close(v->fd);
		v1_poll_release(&v->poll);
		free(v);
		return NULL;
	}
	return v;
}

void v1_free(struct v1 *v)
{
	if (v == NULL)
		return;
	pthread_mutex_lock(&v->lock);
	v->closing = true;
	pthread_cond_broadcast(&v->wake);
	pthread_mutex_unlock(&v->lock);
	pthread_join(v->thread, NULL);
	for (int i = 0; i < 2; i++) {
		struct v1_call *c = i == 0 ? v->todo : v->done;

		while (c != NULL) {
			struct v1_call *next = c->next;

			call_free(c);
			c = next;
		}
	}
	v1_poll_release(&v->poll);
	pthread_cond_destroy(&v->wake);
	pthread_mutex_destroy(&v->lock);
	close(v->fd);
	free(v);
}

int v1_fd(const struct v1 *v)
{
	return v->fd;
}

uint64_t v1_start(struct v1 *v, const char *path, const struct str *body, http_done *done,
                  void *context)
{
	struct v1_call *c = xcalloc(1, sizeof(*c));

	c->path = xstrdup(path);
	str_init(&c->body);
	str_add(&c->body, body->p, body->len);
	c->done = done;
	c->context = context;
	http_response_init(&c->response);
	pthread_mutex_lock(&v->lock);
	c->number = ++v->last;
	push(&v->todo, c);
	pthread_cond_broadcast(&v->wake);
	pthread_mutex_unlock(&v->lock);
	return c->number;
}

void v1_cancel(struct v1 *v, uint64_t call)
{
	struct v1_call *lists[3];

	pthread_mutex_lock(&v->lock);
	lists[0] = v->todo;
	lists[1] = v->done;
	lists[2] = v->current;
	for (int i = 0; i < 3; i++) {
		for (struct v1_call *c = lists[i]; c != NULL; c = i < 2 ? c->next : NULL) {
			if (c->number == call)
				c->done = NULL;
		}
	}
	pthread_mutex_unlock(&v->lock);
}

void v1_collect(struct v1 *v)
{
	struct v1_call *c, *next;
	uint64_t count;

	(void)!read(v->fd, &count, sizeof(count));
	pthread_mutex_lock(&v->lock);
	c = v->done;
	v->done = NULL;
	pthread_mutex_unlock(&v->lock);
	for (; c != NULL; c = next) {
		next = c->next;
		if (c->done != NULL)
			c->done(c->context, c->error, &c->response);
		call_free(c);
	}
}
