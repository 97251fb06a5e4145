#include "server/flow.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "server/auth.h"
#include "server/link.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* All that wait are woken at most so often: much may be published meanwhile. */
#define WAKE_EVERY_NS (INT64_C(50) * 1000000)

/* A token that is not in force any more ends its flows within that, or when they next have
   something to say. */
#define ADMITTED_NS INT64_C(1000000000)

TAILQ_HEAD(flow_list, flow);

struct flows {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool started;
	bool stopping;
	struct flow_list waiting; /* longest first */
	unsigned count;

	atomic_uint_fast64_t published; /* times of flows_wake() */
	uint64_t woken;                 /* the value of it when all were woken last */
	atomic_bool asleep;             /* flows wait, and the thread for something to publish */
};

/* Under the lock. */
static void resume(struct flows *flows, struct flow *flow)
{
	TAILQ_REMOVE(&flows->waiting, flow, place);
	flow->waiting = false;
	MHD_resume_connection(flow->connection);
}

/* Those that have waited for long; when the next one will have. */
static int64_t wake_quiet(struct flows *flows, int64_t now_ns)
{
	struct flow *flow;

	while ((flow = TAILQ_FIRST(&flows->waiting)) != NULL) {
		if (flow->since_ns + FLOW_QUIET_NS > now_ns)
			return flow->since_ns + FLOW_QUIET_NS;
		resume(flows, flow);
	}
	return INT64_MAX;
}

/* All of them, or those for which there may be something. */
static void wake_all(struct flows *flows, bool anyway)
{
	struct flow *flow, *next;

	for (flow = TAILQ_FIRST(&flows->waiting); flow != NULL; flow = next) {
		next = TAILQ_NEXT(flow, place);
		if (anyway || flow->ready == NULL || flow->ready(flow))
			resume(flows, flow);
	}
}

static void wait_until(struct flows *flows, int64_t ns)
{
	struct timespec ts = {ns / 1000000000, ns % 1000000000};

	if (ns == INT64_MAX)
		pthread_cond_wait(&flows->changed, &flows->lock);
	else
		pthread_cond_timedwait(&flows->changed, &flows->lock, &ts);
}

static void *run(void *argument)
{
	struct flows *flows = argument;
	int64_t woken_ns = INT64_MIN / 2;

	pthread_mutex_lock(&flows->lock);
	while (!flows->stopping) {
		int64_t now_ns = clock_monotonic_ns(), next_ns = wake_quiet(flows, now_ns);
		uint64_t published = atomic_load(&flows->published);

		if (published != flows->woken && !TAILQ_EMPTY(&flows->waiting)) {
			if (woken_ns + WAKE_EVERY_NS <= now_ns) {
				flows->woken = published;
				woken_ns = now_ns;
				wake_all(flows, false);
				continue;
			}
			next_ns = woken_ns + WAKE_EVERY_NS < next_ns ? woken_ns + WAKE_EVERY_NS
			                                             : next_ns;
		} else {
			atomic_store(&flows->asleep, !TAILQ_EMPTY(&flows->waiting));
			/* Published between the look and the sleep. */
			if (atomic_load(&flows->published) != published)
				continue;
		}
		wait_until(flows, next_ns);
		atomic_store(&flows->asleep, false);
	}
	wake_all(flows, true);
	pthread_mutex_unlock(&flows->lock);
	return NULL;
}

struct flows *flows_new(struct problem *problem)
{
	struct flows *flows = xcalloc(1, sizeof(*flows));
	pthread_condattr_t attributes;
	int err;

	pthread_mutex_init(&flows->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&flows->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	TAILQ_INIT(&flows->waiting);
	err = pthread_create(&flows->thread, NULL, run, flows);
	if (err != 0) {
		problem_set(problem, PROBLEM_INTERNAL, "cannot start a thread for flows: %s",
		            strerror(err));
		flows_free(flows);
		return NULL;
	}
	flows->started = true;
	return flows;
}

static void signal_thread(struct flows *flows)
{
	pthread_mutex_lock(&flows->lock);
	pthread_cond_signal(&flows->changed);
	pthread_mutex_unlock(&flows->lock);
}

void flows_wake(struct flows *flows)
{
	atomic_fetch_add(&flows->published, 1);
	if (atomic_exchange(&flows->asleep, false))
		signal_thread(flows);
}

void flow_wake(struct flow *flow)
{
	struct flows *flows = flow->flows;

	pthread_mutex_lock(&flows->lock);
	flow->poked = true;
	if (flow->waiting)
		resume(flows, flow);
	pthread_mutex_unlock(&flows->lock);
}

bool flows_admit(struct flows *flows, struct problem *problem)
{
	bool ok = true;

	pthread_mutex_lock(&flows->lock);
	if (flows->stopping)
		ok = problem_set(problem, PROBLEM_UNAVAILABLE, "the server is stopping");
	else if (flows->count >= FLOWS_MOST)
		ok = problem_set(problem, PROBLEM_BUSY, "%u flows are open already", flows->count);
	else
		flows->count++;
	pthread_mutex_unlock(&flows->lock);
	return ok;
}

void flow_end(struct flow *flow)
{
	struct flows *flows = flow->flows;

	pthread_mutex_lock(&flows->lock);
	assert(!flow->waiting);
	flows->count--;
	pthread_mutex_unlock(&flows->lock);
}

unsigned flows_count(struct flows *flows)
{
	unsigned n;

	pthread_mutex_lock(&flows->lock);
	n = flows->count;
	pthread_mutex_unlock(&flows->lock);
	return n;
}

/* Suspend it, unless something has happened since `seen`. False: look again. */
static bool wait_for_more(struct flow *flow, uint64_t seen)
{
	struct flows *flows = flow->flows;
	bool wait;

	pthread_mutex_lock(&flows->lock);
	wait = !flows->stopping && !flow->poked && atomic_load(&flows->published) == seen;
	if (wait) {
		if (!flows->asleep || TAILQ_EMPTY(&flows->waiting))
			pthread_cond_signal(&flows->changed);
		flow->waiting = true;
		flow->since_ns = clock_monotonic_ns();
		MHD_suspend_connection(flow->connection);
		TAILQ_INSERT_TAIL(&flows->waiting, flow, place);
	}
	flow->poked = false;
	pthread_mutex_unlock(&flows->lock);
	return wait;
}

static bool is_stopping(struct flows *flows)
{
	bool stopping;

	pthread_mutex_lock(&flows->lock);
	stopping = flows->stopping;
	pthread_mutex_unlock(&flows->lock);
	return stopping;
}

/* One that is woken often, by what is not for it, is quiet too. */
static void look_at_peer(struct flow *flow)
{
	int64_t now_ns = clock_monotonic_ns();

	if (flow->sent_ns == 0)
		flow->sent_ns = now_ns;
	flow->quiet = flow->sent_ns + FLOW_QUIET_NS <= now_ns;
	if (flow->quiet)
		flow->gone = link_hung_up(flow->connection);
}

static bool is_admitted(struct flow *flow)
{
	int64_t now_ns = clock_monotonic_ns();

	if (flow->auth == NULL || now_ns - flow->admitted_ns < ADMITTED_NS)
		return true;
	flow->admitted_ns = now_ns;
	return auth_admits(flow->auth, flow->digest, clock_date_us());
}

static ssize_t cut_off(struct flow *flow)
{
	link_cut(flow->connection);
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

ssize_t flow_read(void *context, uint64_t position, char *to, size_t max)
{
	struct flow *flow = context;
	uint64_t seen;
	ssize_t n;

	(void)position;
	do {
		seen = atomic_load(&flow->flows->published);
		look_at_peer(flow);
		if (flow->gone || is_stopping(flow->flows) || !is_admitted(flow))
			return flow->ready ? cut_off(flow) : MHD_CONTENT_READER_END_OF_STREAM;
		n = flow->fill(flow, to, max);
		if (n > 0)
			flow->sent_ns = clock_monotonic_ns();
		if (n == FLOW_END)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (n == FLOW_BROKEN)
			return cut_off(flow);
		if (n > 0)
			return n;
	} while (!wait_for_more(flow, seen));
	return 0;
}

void flow_read_end(void *context)
{
	struct flow *flow = context;

	flow->release(flow);
}

void flows_stop(struct flows *flows)
{
	if (flows == NULL || !flows->started)
		return;
	pthread_mutex_lock(&flows->lock);
	flows->stopping = true;
	pthread_cond_signal(&flows->changed);
	pthread_mutex_unlock(&flows->lock);
	pthread_join(flows->thread, NULL);
	flows->started = false;
}

void flows_free(struct flows *flows)
{
	if (flows == NULL)
		return;
	flows_stop(flows);
	assert(TAILQ_EMPTY(&flows->waiting));
	pthread_cond_destroy(&flows->changed);
	pthread_mutex_destroy(&flows->lock);
	free(flows);
}
