/* A binary heap whose entries know their place, so that moving one costs log n. */
#include "server/timer.h"

#include <assert.h>

static void put(struct timers *timers, size_t at, struct timer *timer)
{
	timers->heap.v[at] = timer;
	timer->place = (uint32_t)at + 1;
}

static void sift(struct timers *timers, size_t at)
{
	struct timer **v = timers->heap.v;
	struct timer *timer = v[at];
	size_t n = timers->heap.n;

	while (at > 0 && v[(at - 1) / 2]->due_ns > timer->due_ns) {
		put(timers, at, v[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && v[child + 1]->due_ns < v[child]->due_ns)
			child++;
		if (v[child]->due_ns >= timer->due_ns)
			break;
		put(timers, at, v[child]);
		at = child;
	}
	put(timers, at, timer);
}

void timer_set(struct timers *timers, struct timer *timer, int64_t due_ns, timer_function *function)
{
	timer->due_ns = due_ns;
	timer->function = function;
	if (timer->place == 0) {
		assert(timers->heap.n < UINT32_MAX);
		vec_push(&timers->heap, timer);
		timer->place = (uint32_t)timers->heap.n;
	}
	sift(timers, timer->place - 1);
}

void timer_cancel(struct timers *timers, struct timer *timer)
{
	size_t at;
	struct timer *last;

	if (timer->place == 0)
		return;
	at = timer->place - 1;
	assert(timers->heap.v[at] == timer);
	timer->place = 0;
	last = timers->heap.v[--timers->heap.n];
	if (last != timer) {
		put(timers, at, last);
		sift(timers, at);
	}
}

int64_t timers_next(const struct timers *timers)
{
	return timers->heap.n > 0 ? timers->heap.v[0]->due_ns : INT64_MAX;
}

void timers_run(struct timers *timers, int64_t now_ns, void *context)
{
	while (timers->heap.n > 0 && timers->heap.v[0]->due_ns <= now_ns) {
		struct timer *timer = timers->heap.v[0];

		timer_cancel(timers, timer);
		timer->function(context, timer);
	}
}

void timers_release(struct timers *timers)
{
	vec_release(&timers->heap);
}
