/*
 * Deadlines of the core: a heap of timers embedded in what they belong to. The
 * core thread sleeps until the first one and runs what is due; there is no
 * other clock in the server and nothing periodic.
 *
 * A timer that moves later often (a worker's silence) is best left where it is
 * and set again by its own function when it fires too early.
 */
#ifndef SERVER_TIMER_H
#define SERVER_TIMER_H

#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>

struct timer;
typedef void timer_function(void *context, struct timer *timer);

/* Zeroed: not set. */
struct timer {
	int64_t due_ns; /* monotonic */
	timer_function *function;
	uint32_t place; /* in the heap, from 1; 0: not set */
};

struct timers {
	VEC(struct timer *) heap;
};

/* Set, or move. The timer stays the caller's and must not be freed while it is set. */
void timer_set(struct timers *timers, struct timer *timer, int64_t due_ns,
               timer_function *function);
/* No-op where it is not set. */
void timer_cancel(struct timers *timers, struct timer *timer);
static inline bool timer_is_set(const struct timer *timer)
{
	return timer->place != 0;
}
/* When the first one is due; INT64_MAX: none is set. */
int64_t timers_next(const struct timers *timers);
/* Run all that are due at `now_ns`, each unset first; a function may set and cancel timers. What it
   sets at or before now_ns runs too. */
void timers_run(struct timers *timers, int64_t now_ns, void *context);
void timers_release(struct timers *timers);

/* The struct that a timer is embedded in. */
#define timer_owner(timer, type, member) ((type *)((char *)(timer)-offsetof(type, member)))

#endif
