/*
 * What the agent's calls come to on a server of scitq v1, by its polling endpoints. The thread
 * of v1.c owns one.
 */
#ifndef WORKER_V1_POLL_H
#define WORKER_V1_POLL_H

#include "net/http.h"
#include "worker/options.h"

#include <jansson.h>
#include <stdint.h>

struct v1_known;

struct v1_poll {
	const struct options *options;
	struct http *http;
	struct str why; /* of a call that failed */
	int64_t worker_id, polled_ns, signals;
	bool greeted; /* what an earlier worker left is settled */
	struct {
		struct v1_known **v;
		size_t n, cap;
	} known;
};

void v1_poll_init(struct v1_poll *p, const struct options *options);
void v1_poll_release(struct v1_poll *p);

/* Wait until this monotonic time; false where the agent wants something before. */
typedef bool v1_wait(void *context, int64_t until_ns);
/*
 * A register or lease call, or one of events: fills the reply. False with p->why where the
 * server did not answer: the agent says it again.
 */
bool v1_poll_answer(struct v1_poll *p, const char *path, json_t *call, json_t *reply, v1_wait *wait,
                    void *context);

#endif
