/*
 * A limit to how long the end of the server may take: calls that were taken are
 * answered, but one that does not come to its end must not keep the process. What was
 * acknowledged is on disk, so that ending in the middle loses nothing.
 */
#ifndef SERVER_DRAIN_H
#define SERVER_DRAIN_H

#include "base/log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct drain {
	const struct log *log;
	int64_t seconds;
	int code;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool started, done;
};

/* From here on the process ends after so long, with `code`, unless drain_end() comes before. */
void drain_begin(struct drain *drain, int64_t seconds, int code, const struct log *log);
void drain_end(struct drain *drain);

#endif
