/*
 * A few threads for what blocks (staging, publishing, digests, removing trees),
 * started when there is work, ended when there was none for a while. Jobs go in
 * from the agent's loop and come back to it through an eventfd.
 */
#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct stage;

/* First member of whatever a job needs; its owner makes and frees it. */
struct job {
	void (*run)(struct job *job, struct stage *stage); /* on a thread of the pool */
	void (*done)(struct job *job, void *ctx);          /* on the loop; may free the job */
	atomic_bool cancelled;                             /* the loop may set it at any time */
	struct job *next;
	struct pool *pool; /* once it was added */
	char *told;        /* of job_tell(), under the pool's lock; its owner frees it at the end */
};

struct pool;

/* At most `threads` at a time. NULL where the eventfd cannot be made. */
struct pool *pool_new(unsigned threads);
/* Cancels all jobs, waits for those that run, forgets the rest without their done(). */
void pool_free(struct pool *pool, void (*drop)(struct job *job));
/* run and done are set, cancelled is false. False where no thread could be started. */
bool pool_add(struct pool *pool, struct job *job);
/* From the thread of the job: how it stands, which replaces what was told before. */
void job_tell(struct job *job, const char *text);
/* On the loop: what was told since the last time, to be freed; NULL: nothing. */
char *job_take_told(struct job *job);
/* Readable when a job is done, or tells. */
int pool_fd(const struct pool *pool);
/* Call done(job, ctx) for each that is. */
void pool_collect(struct pool *pool, void *ctx);
/* Jobs that were added and not collected. */
size_t pool_busy(const struct pool *pool);

#endif
