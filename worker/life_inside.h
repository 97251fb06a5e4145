/*
 * What the files of life.h share:
 *
 *	life.c      what happens to an execution: granted, adopted, started, ended, acknowledged
 *	life_in.c   its inputs, up to the supervisor
 *	life_cache.c the result of an identical task in their place
 *	life_remove.c files of another task that it deletes
 *	life_job.c  its jobs on the pool, and what stops them and its command
 *	life_out.c  its outputs
 *	life_end.c  its end, and what goes with it
 */
#ifndef WORKER_LIFE_INSIDE_H
#define WORKER_LIFE_INSIDE_H

#include "worker/life.h"
#include "worker/staging.h"

/* life.c: an event of it is due. */
void life_tell_event(struct agent *a, struct execution *e, enum event_bit bit);

/* life_in.c: bring what it needs, where it needs something, then life_hold(). */
void life_stage_in(struct agent *a, struct execution *e);
/* Its command can go to the supervisor. */
void life_hold(struct agent *a, struct execution *e);

/* life_cache.c: ask for the result of an identical task; life_stage_in() where there is none. */
void life_identify(struct agent *a, struct execution *e);

/* life_remove.c: whether it is a task of this kind, whose other task is then asked for. */
bool life_is_removal(struct execution *e);
/* What that one wrote, as of life_identified(). */
void life_remove(struct agent *a, struct execution *e, json_t *found);

/* life_job.c: the pool has the job, or the execution failed. The timeout (seconds, INT_NULL: none)
   begins with the first job of a phase. */
void life_add_job(struct agent *a, struct execution *e, struct staging *s, int64_t timeout_s);
/* What every job has in common when it returns: NULL where nothing follows. */
struct execution *life_job_returned(struct agent *a, struct staging *s);
/* Its job failed or was cancelled. */
void life_job_failed(struct agent *a, struct execution *e, const struct staging *s);
/* End its job, or the execution where it has none. The cause is a word of the protocol, static. */
void life_stop_job(struct agent *a, struct execution *e, const char *cause);

/* life_out.c: its command ended well. */
void life_succeeded(struct agent *a, struct execution *e);
/* Publish once the outputs are listed and the server has agreed. */
void life_upload_if_ready(struct agent *a, struct execution *e);

/* life_end.c: its outcome stands and is to be told. */
void life_end(struct agent *a, struct execution *e);
/* It did not succeed; fmt NULL: no message. */
void life_fail(struct agent *a, struct execution *e, int64_t code, const char *reason,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void life_fail_cancelled(struct agent *a, struct execution *e);
/* The supervisor need not keep its result. */
void life_forget_held(struct agent *a, uint64_t id);
/* Out of the agent's hands, and its place too. */
void life_drop(struct agent *a, struct execution *e);

#endif
