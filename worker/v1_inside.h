/*
 * What the files of v1_poll.h share:
 *
 *	v1_poll.c    registering, polling, and what a lease call comes to
 *	v1_report.c  logs and events
 *	v1_server.c  single calls
 */
#ifndef WORKER_V1_INSIDE_H
#define WORKER_V1_INSIDE_H

#include "worker/v1_log.h"
#include "worker/v1_poll.h"

#define STREAMS 2

/* An execution as far as the server knows it. */
struct v1_known {
	int64_t id, task_id;
	bool accepted;  /* and its grant is still to be made */
	bool explained; /* why it failed is in its error text */
	struct v1_log logs[STREAMS];
};

/* The answer and its status; NULL with status 0 where there was none, or 403, which v1 means as
   "later". A body is borrowed. */
json_t *v1_ask(struct v1_poll *v, const char *method, const char *path, const json_t *body,
               int *status);
bool v1_went_well(int status);
/* PUT or POST; the body is released. The status, 0: not answered. */
int v1_tell(struct v1_poll *v, const char *method, const char *path, json_t *body);
/* PUT to an execution, as v1_tell(). */
int v1_set_status(struct v1_poll *v, int64_t id, json_t *body);
/* INT_NULL where it has no such number. */
int64_t v1_number(json_t *object, const char *name);

struct v1_known *v1_find(struct v1_poll *v, int64_t id);
struct v1_known *v1_add_known(struct v1_poll *v, int64_t id, int64_t task_id);
void v1_forget(struct v1_poll *v, int64_t id);

/* The answer to a member of "logs" or "events"; NULL where the server did not answer. */
json_t *v1_take_log(struct v1_poll *v, json_t *chunk);
json_t *v1_take_event(struct v1_poll *v, json_t *event);

#endif
