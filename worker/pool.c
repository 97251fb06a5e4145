#include "worker/pool.h"

#include "base/alloc.h"
#include "stage/stage.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* A thread without work ends after this long, so that an idle worker is small. */
#define IDLE_S 10

struct queue {
	struct job *first, **last;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wake, ended;
	struct queue todo, done;                /* under the lock, as all below but busy */
	struct job **running;                   /* one per thread, for cancelling */
	unsigned limit, threads, idle, waiting; /* threads: that take jobs; waiting: jobs in todo */
	unsigned alive;                         /* threads that have not quite ended */
	bool closing;
	int fd;
	size_t busy; /* of the loop alone */
};

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_push(struct queue *q, struct job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
}

static struct job *queue_pop(struct queue *q)
{
	struct job *job = q->first;

	if (job != NULL) {
		q->first = job->next;
		if (q->first == NULL)
			q->last = &q->first;
	}
	return job;
}

struct pool *pool_new(unsigned threads)
{
	struct pool *p = xcalloc(1, sizeof(*p));
	pthread_condattr_t attr;

	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->fd < 0) {
		free(p);
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_cond_init(&p->ended, &attr);
	pthread_condattr_destroy(&attr);
	queue_init(&p->todo);
	queue_init(&p->done);
	p->limit = threads;
	p->running = xcalloc(threads, sizeof(struct job *));
	return p;
}

static bool is_cancelled(void *ctx)
{
	const struct job *job = ctx;

	return atomic_load(&job->cancelled);
}

/* The next job, NULL where the thread is to end. Called and returns with the lock held. */
static struct job *wait_for_job(struct pool *p)
{
	struct timespec until;
	struct job *job;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_S;
	p->idle++;
	while ((job = queue_pop(&p->todo)) == NULL && !p->closing && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&p->wake, &p->lock, &until);
	p->idle--;
	p->waiting -= job != NULL;
	return job;
}

static void wake_loop(struct pool *p)
{
	uint64_t one = 1;

	/* Fails only where the counter is full: then the loop is awake already. */
	(void)!write(p->fd, &one, sizeof(one));
}

static void *work(void *ctx)
{
	struct pool *p = ctx;
	struct stage stage;
	unsigned seat = 0;
	struct job *job;

	stage_init(&stage);
	stage.cancelled = is_cancelled;
	pthread_mutex_lock(&p->lock);
	while ((job = wait_for_job(p)) != NULL) {
		for (seat = 0; p->running[seat] != NULL; seat++)
			;
		p->running[seat] = job;
		pthread_mutex_unlock(&p->lock);
		stage.cancel_ctx = job;
		job->run(job, &stage);
		pthread_mutex_lock(&p->lock);
		p->running[seat] = NULL;
		queue_push(&p->done, job);
		wake_loop(p);
	}
	/* Under the same lock as its last look: a job that is added now gets another. */
	p->threads--;
	pthread_mutex_unlock(&p->lock);
	stage_release(&stage);
	pthread_mutex_lock(&p->lock);
	p->alive--;
	pthread_cond_signal(&p->ended);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int start_thread(struct pool *p)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, work, p);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

bool pool_add(struct pool *p, struct job *job)
{
	bool ok = true;

	job->pool = p;
	pthread_mutex_lock(&p->lock);
	if (p->idle <= p->waiting && p->threads < p->limit) {
		if (start_thread(p) == 0) {
			p->threads++;
			p->alive++;
		} else {
			ok = p->threads > 0;
		}
	}
	if (ok) {
		queue_push(&p->todo, job);
		p->waiting++;
		pthread_cond_signal(&p->wake);
		p->busy++;
	}
	pthread_mutex_unlock(&p->lock);
	return ok;
}

void job_tell(struct job *job, const char *text)
{
	struct pool *p = job->pool;

	pthread_mutex_lock(&p->lock);
	free(job->told);
	job->told = xstrdup(text);
	wake_loop(p);
	pthread_mutex_unlock(&p->lock);
}

char *job_take_told(struct job *job)
{
	char *told;

	pthread_mutex_lock(&job->pool->lock);
	told = job->told;
	job->told = NULL;
	pthread_mutex_unlock(&job->pool->lock);
	return told;
}

int pool_fd(const struct pool *p)
{
	return p->fd;
}

size_t pool_busy(const struct pool *p)
{
	return p->busy;
}

void pool_collect(struct pool *p, void *ctx)
{
	struct job *job;
	struct queue done;
	uint64_t count;

	(void)!read(p->fd, &count, sizeof(count));
	pthread_mutex_lock(&p->lock);
	done = p->done;
	if (done.first == NULL)
		queue_init(&done);
	queue_init(&p->done);
	pthread_mutex_unlock(&p->lock);
	while ((job = queue_pop(&done)) != NULL) {
		p->busy--;
		job->done(job, ctx);
	}
}

void pool_free(struct pool *p, void (*drop)(struct job *job))
{
	struct job *job;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	for (unsigned i = 0; i < p->limit; i++) {
		if (p->running[i] != NULL)
			atomic_store(&p->running[i]->cancelled, true);
	}
	while ((job = queue_pop(&p->todo)) != NULL)
		drop(job);
	pthread_cond_broadcast(&p->wake);
	while (p->alive > 0)
		pthread_cond_wait(&p->ended, &p->lock);
	while ((job = queue_pop(&p->done)) != NULL)
		drop(job);
	pthread_mutex_unlock(&p->lock);
	close(p->fd);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->wake);
	pthread_cond_destroy(&p->ended);
	free(p->running);
	free(p);
}
