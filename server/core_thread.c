/*
 * Who runs the core, and who wakes it: its thread, those that bring calls and messages, and those
 * that hold it for a call of theirs. What it does with them is in core.c.
 */
#include "base/fd.h"
#include "server/core_answer.h"
#include "server/core_inside.h"
#include "server/log_put.h"

#include <assert.h>
#include <poll.h>
#include <string.h>

void core_wake(struct core *core)
{
	uint64_t one = 1;
	int err = fd_write_all(core->wake, &one, sizeof(one));

	/* An eventfd takes a one whenever it is not near its limit of 2^64. */
	assert(err == 0);
	if (err != 0)
		log_error(core->log, "cannot wake the core");
}

void core_submit(struct core *core, struct call *call, call_handler *handler)
{
	struct core_item item = {call, handler};
	bool sleeps, stopping;

	pthread_mutex_lock(&core->lock);
	stopping = core->stopping;
	sleeps = !core->woken;
	if (!stopping) {
		vec_push(&core->queue, item);
		core->woken = true;
	}
	pthread_mutex_unlock(&core->lock);
	if (stopping)
		answer_unavailable(call, "the server is stopping");
	else if (sleeps)
		core_wake(core);
}

void core_tell(struct core *core, struct core_message *message)
{
	bool sleeps;

	message->next = NULL;
	pthread_mutex_lock(&core->lock);
	*core->told_end = message;
	core->told_end = &message->next;
	sleeps = core->wake >= 0 && !core->woken;
	core->woken |= sleeps;
	pthread_mutex_unlock(&core->lock);
	if (sleeps)
		core_wake(core);
}

static void wait_for_something(struct core *core, int64_t next)
{
	struct pollfd p = {.fd = core->wake, .events = POLLIN};
	struct timespec ts, *timeout = NULL;
	uint64_t count;

	if (next < INT64_MAX) {
		int64_t left = next - core_clock(core);

		left = left < 0 ? 0 : left;
		ts.tv_sec = left / 1000000000;
		ts.tv_nsec = left % 1000000000;
		timeout = &ts;
	}
	if (ppoll(&p, 1, timeout, NULL) > 0)
		(void)fd_read(core->wake, &count, sizeof(count));
}

static void hold(struct core *core)
{
	pthread_mutex_lock(&core->lock);
	while (core->held)
		pthread_cond_wait(&core->released, &core->lock);
	core->held = true;
	pthread_mutex_unlock(&core->lock);
}

/* A thread of HTTP has other connections too: it does not wait for a disk that takes longer. */
#define HERE_NS (5 * INT64_C(1000000))

bool core_run_here(struct core *core, struct call *call, call_handler *handler)
{
	struct core_item item = {call, handler};
	int64_t next;
	bool sleeps;

	pthread_mutex_lock(&core->lock);
	if (core->held || core->woken || core->queue.n > 0 || core->stopping || core->broken ||
	    core->group_ns > HERE_NS) {
		pthread_mutex_unlock(&core->lock);
		return false;
	}
	core->held = true;
	vec_push(&core->queue, item);
	pthread_mutex_unlock(&core->lock);

	next = timers_next(&core->timers);
	core_step(core);

	pthread_mutex_lock(&core->lock);
	core->held = false;
	/* The core thread sleeps until `next`. */
	sleeps = !core->woken && (core->again || timers_next(&core->timers) < next);
	core->woken |= sleeps;
	pthread_cond_signal(&core->released);
	pthread_mutex_unlock(&core->lock);
	if (sleeps)
		core_wake(core);
	assert(call->status != 0);
	return true;
}

static void *core_main(void *context)
{
	struct core *core = context;
	bool stopping, idle;
	int64_t next;

	/* What loading left to be written. */
	core_step(core);
	for (;;) {
		next = timers_next(&core->timers);
		pthread_mutex_lock(&core->lock);
		stopping = core->stopping;
		idle = core->queue.n == 0 && !core->again;
		core->held = !idle || stopping;
		pthread_mutex_unlock(&core->lock);
		if (idle && stopping)
			break;
		if (idle) {
			wait_for_something(core, next);
			hold(core);
		}
		core_step(core);
	}
	log_puts_stop(core->puts);
	core_step(core);
	core_end(core);
	return NULL;
}

bool core_start(struct core *core, struct problem *problem)
{
	int err;

	if (!core_load(core, problem))
		return false;
	core->puts = log_puts_new(core, problem);
	if (core->puts == NULL)
		return false;
	core->held = true;
	err = pthread_create(&core->thread, NULL, core_main, core);
	if (err != 0)
		return problem_set(problem, PROBLEM_UNAVAILABLE, "pthread_create: %s",
		                   strerror(err));
	core->started = true;
	return true;
}

void core_stop(struct core *core)
{
	if (!core->started)
		return;
	pthread_mutex_lock(&core->lock);
	core->stopping = true;
	pthread_mutex_unlock(&core->lock);
	core_wake(core);
	pthread_join(core->thread, NULL);
	core->started = false;
}
