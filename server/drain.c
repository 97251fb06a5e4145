#include "server/drain.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static void *wait_for_end(void *argument)
{
	struct drain *drain = argument;
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)drain->seconds;
	pthread_mutex_lock(&drain->lock);
	while (!drain->done && err == 0)
		err = pthread_cond_timedwait(&drain->ended, &drain->lock, &until);
	if (!drain->done) {
		log_error(drain->log, "not everything is answered after %lld s: ending as it is",
		          (long long)drain->seconds);
		_exit(drain->code);
	}
	pthread_mutex_unlock(&drain->lock);
	return NULL;
}

void drain_begin(struct drain *drain, int64_t seconds, int code, const struct log *log)
{
	pthread_condattr_t attributes;
	int err;

	*drain = (struct drain){.log = log, .seconds = seconds, .code = code};
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&drain->lock, NULL);
	pthread_cond_init(&drain->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	err = pthread_create(&drain->thread, NULL, wait_for_end, drain);
	drain->started = err == 0;
	if (err != 0)
		log_error(log, "the end has no limit: pthread_create: %s", strerror(err));
}

void drain_end(struct drain *drain)
{
	pthread_mutex_lock(&drain->lock);
	drain->done = true;
	pthread_cond_signal(&drain->ended);
	pthread_mutex_unlock(&drain->lock);
	if (drain->started)
		pthread_join(drain->thread, NULL);
	pthread_cond_destroy(&drain->ended);
	pthread_mutex_destroy(&drain->lock);
}
