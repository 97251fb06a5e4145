#include "client/wait.h"

#include "base/clock.h"

#include <time.h>

#define FIRST_PAUSE 0.25

void wait_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

void wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns)
{
	struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

	if (until_ns == INT64_MAX)
		pthread_cond_wait(cond, lock);
	else
		pthread_cond_timedwait(cond, lock, &until);
}

int64_t wait_end(double seconds)
{
	/* A century is for ever. */
	return !(seconds >= 0 && seconds <= 3e9) ? INT64_MAX
	                                         : clock_monotonic_ns() + (int64_t)(seconds * 1e9);
}

double pace_next(struct pace *pace, double most)
{
	double now = pace->next > 0 ? pace->next : FIRST_PAUSE;

	pace->next = now * 2 < most ? now * 2 : most;
	return now < most ? now : most;
}
