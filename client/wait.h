/* Waiting on a condition by the monotonic clock, which nobody sets. */
#ifndef CLIENT_WAIT_H
#define CLIENT_WAIT_H

#include <pthread.h>
#include <stdint.h>

void wait_cond_init(pthread_cond_t *cond);
/*
 * pthread_cond_timedwait() until the time, in nanoseconds of clock_monotonic_ns(); INT64_MAX: no
 * end. May return early, as that does.
 */
void wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns);
/* That time so many seconds from now; below 0: INT64_MAX. */
int64_t wait_end(double seconds);

/* How often somebody who waits is asked whether to go on. */
#define ASK_SECONDS 0.2
#define ASK_NS (int64_t)(ASK_SECONDS * 1e9)

/* Pauses between attempts: from a quarter of a second to `most` seconds, each twice the one before.
 */
struct pace {
	double next;
};
double pace_next(struct pace *pace, double most);

#endif
