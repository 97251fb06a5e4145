/*
 * A server of scitq v1 behind the calls that the agent knows. Its thread takes the agent's
 * register and lease calls, does with the polling endpoints of v1 what they ask for, and answers as
 * docs/protocol.md says:
 *
 *	register  finds or makes the worker and sets it running
 *	lease     appends logs, tells of starts and ends, then, every four seconds, pings, accepts
 *	          pending executions (the grants), takes signals, and compares what lives there
 *
 * v1 has no leases, epochs or offsets: nothing stops a task because the server is away, and
 * after a log call without an answer the server is asked whether it has the text.
 */
#ifndef WORKER_V1_H
#define WORKER_V1_H

#include "base/log.h"
#include "net/http.h"
#include "worker/options.h"

struct v1;

/* NULL where the thread cannot be started. The options outlive it. */
struct v1 *v1_new(const struct options *options, const struct log *log);
/* Calls under way are forgotten. */
void v1_free(struct v1 *v);
/* Readable when v1_collect() has something to do. */
int v1_fd(const struct v1 *v);
/* Queue a call; both texts are copied. `done` is called by v1_collect(). The number is for
   v1_cancel. */
uint64_t v1_start(struct v1 *v, const char *path, const struct str *body, http_done *done,
                  void *context);
/* done will not be called. */
void v1_cancel(struct v1 *v, uint64_t call);
void v1_collect(struct v1 *v);

#endif
