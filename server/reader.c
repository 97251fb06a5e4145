#include "server/reader.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "server/core.h"
#include "server/known.h"
#include "server/route.h"
#include "server/server.h"
#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* For the queries of one call. */
#define DEADLINE_NS ((int64_t)120 * 1000000000)

static const char STOPPING[] = "the server is stopping";

struct reader_thread {
	struct readers *readers;
	struct reader reader;
	pthread_t thread;
	bool started;
};

struct readers {
	struct server *server;
	struct reader_thread *threads;
	unsigned n;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct call *first, **last; /* waiting, oldest first */
	unsigned waiting, limit;
	struct reader_job *jobs, **last_job; /* waiting, oldest first */
	bool jobs_turn;
	bool stopping;
};

static void refuse(struct call *call, enum problem_code code, const char *message)
{
	problem_set(&call->problem, code, "%s", message);
	call_problem(call);
}

/* What a thread does next: one of them. Both NULL: it ends. */
struct work {
	struct call *call;
	struct reader_job *job;
};

static struct work next_work(struct readers *readers)
{
	struct work work = {NULL, NULL};

	pthread_mutex_lock(&readers->lock);
	while (readers->first == NULL && readers->jobs == NULL && !readers->stopping)
		pthread_cond_wait(&readers->wake, &readers->lock);
	if (readers->stopping) {
		pthread_mutex_unlock(&readers->lock);
		return work;
	}
	/* By turns, where both wait. */
	if (readers->jobs != NULL && (readers->first == NULL || readers->jobs_turn)) {
		work.job = readers->jobs;
		readers->jobs = work.job->next;
		if (readers->jobs == NULL)
			readers->last_job = &readers->jobs;
	} else {
		work.call = readers->first;
		readers->first = work.call->next;
		if (readers->first == NULL)
			readers->last = &readers->first;
		readers->waiting--;
	}
	readers->jobs_turn = work.call != NULL;
	pthread_mutex_unlock(&readers->lock);
	return work;
}

bool reader_knows(struct reader *reader)
{
	struct known *known = core_known(reader->server->core);
	int64_t term = 0;

	if (known_term(known) < 0)
		return false;
	return store_reader_term(reader->store, &term) == STORE_OK && known_term(known) == term;
}

static void serve(struct reader *reader, struct call *call)
{
	struct server *server = reader->server;
	const struct route *route = call->route;

	if (route->known != NULL && store_shared(server->store) && reader_knows(reader) &&
	    route->known(core_known(server->core), call))
		return;
	if (route->queue == QUEUE_CORE)
		core_submit(server->core, call, route->handler.core);
	else
		route->handler.read(reader, call);
}

/* Serves until the readers stop. */
static void *run(void *argument)
{
	struct reader_thread *thread = argument;
	struct work work;

	for (;;) {
		work = next_work(thread->readers);
		if (work.call == NULL && work.job == NULL)
			return NULL;
		store_reader_deadline(thread->reader.store, clock_monotonic_ns() + DEADLINE_NS);
		if (work.job != NULL)
			work.job->run(&thread->reader, work.job);
		else
			serve(&thread->reader, work.call);
	}
}

static bool start(struct readers *readers, struct reader_thread *thread, struct problem *problem)
{
	int err;

	thread->readers = readers;
	thread->reader.server = readers->server;
	thread->reader.store = store_reader_open(readers->server->store, problem);
	if (thread->reader.store == NULL)
		return false;
	err = pthread_create(&thread->thread, NULL, run, thread);
	if (err != 0)
		return problem_set(problem, PROBLEM_INTERNAL, "cannot start a reader: %s",
		                   strerror(err));
	thread->started = true;
	return true;
}

struct readers *readers_new(struct server *server, unsigned threads, unsigned waiting,
                            struct problem *problem)
{
	struct readers *readers = xcalloc(1, sizeof(*readers));

	readers->server = server;
	readers->n = threads;
	readers->limit = waiting;
	readers->threads = xcalloc(threads, sizeof(*readers->threads));
	readers->last = &readers->first;
	readers->last_job = &readers->jobs;
	pthread_mutex_init(&readers->lock, NULL);
	pthread_cond_init(&readers->wake, NULL);
	for (unsigned i = 0; i < threads; i++) {
		if (!start(readers, &readers->threads[i], problem)) {
			readers_free(readers);
			return NULL;
		}
	}
	return readers;
}

void readers_submit(struct readers *readers, struct call *call)
{
	enum problem_code refused = PROBLEM_NONE;

	call->next = NULL;
	pthread_mutex_lock(&readers->lock);
	if (readers->stopping) {
		refused = PROBLEM_UNAVAILABLE;
	} else if (readers->waiting >= readers->limit) {
		refused = PROBLEM_BUSY;
	} else {
		*readers->last = call;
		readers->last = &call->next;
		readers->waiting++;
		pthread_cond_signal(&readers->wake);
	}
	pthread_mutex_unlock(&readers->lock);
	if (refused != PROBLEM_NONE)
		refuse(call, refused,
		       refused == PROBLEM_BUSY ? "too many lists are asked for at once" : STOPPING);
}

bool readers_stopping(struct readers *readers)
{
	bool stopping;

	pthread_mutex_lock(&readers->lock);
	stopping = readers->stopping;
	pthread_mutex_unlock(&readers->lock);
	return stopping;
}

void readers_do(struct readers *readers, struct reader_job *job)
{
	bool stopping;

	job->next = NULL;
	pthread_mutex_lock(&readers->lock);
	stopping = readers->stopping;
	if (!stopping) {
		*readers->last_job = job;
		readers->last_job = &job->next;
		pthread_cond_signal(&readers->wake);
	}
	pthread_mutex_unlock(&readers->lock);
	if (stopping)
		job->run(NULL, job);
}

unsigned readers_waiting(struct readers *readers)
{
	unsigned n;

	pthread_mutex_lock(&readers->lock);
	n = readers->waiting;
	pthread_mutex_unlock(&readers->lock);
	return n;
}

void readers_stop(struct readers *readers)
{
	struct call *waiting, *next;
	struct reader_job *jobs, *next_job;

	pthread_mutex_lock(&readers->lock);
	readers->stopping = true;
	waiting = readers->first;
	readers->first = NULL;
	readers->last = &readers->first;
	readers->waiting = 0;
	jobs = readers->jobs;
	readers->jobs = NULL;
	readers->last_job = &readers->jobs;
	pthread_cond_broadcast(&readers->wake);
	pthread_mutex_unlock(&readers->lock);
	for (; waiting != NULL; waiting = next) {
		next = waiting->next;
		refuse(waiting, PROBLEM_UNAVAILABLE, STOPPING);
	}
	for (; jobs != NULL; jobs = next_job) {
		next_job = jobs->next;
		jobs->run(NULL, jobs);
	}
	for (unsigned i = 0; i < readers->n; i++) {
		if (readers->threads[i].started)
			pthread_join(readers->threads[i].thread, NULL);
		readers->threads[i].started = false;
	}
}

void readers_free(struct readers *readers)
{
	if (readers == NULL)
		return;
	readers_stop(readers);
	for (unsigned i = 0; i < readers->n; i++) {
		if (readers->threads[i].reader.store != NULL)
			store_reader_close(readers->threads[i].reader.store);
	}
	pthread_cond_destroy(&readers->wake);
	pthread_mutex_destroy(&readers->lock);
	free(readers->threads);
	free(readers);
}
