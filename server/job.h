/*
 * Jobs: what providers are to do for the server, as rows and in memory. A job is made by
 * whoever hires or gives back (PUT /workers/deploy, DELETE /workers/{id}, recruiters); from
 * then on provider/dispatch.c has it done by the provider that it names.
 *
 * worker_create ends when the worker that it makes registers under the name that the job gave
 * it (target); what that worker serves is what the job says. A server that starts finds its
 * open jobs in the database and has those that were under way done again: providers know what
 * they made by its tag, and make nothing twice.
 */
#ifndef SERVER_JOB_H
#define SERVER_JOB_H

#include "server/core_inside.h"

enum job_action { JOB_CREATE, JOB_DEPLOY, JOB_DESTROY, JOB_ACTION_COUNT };
/* "worker_create"... */
extern const char *const job_action_words[JOB_ACTION_COUNT];
/* Attempts after the first. */
extern const int64_t job_retries[JOB_ACTION_COUNT];

/* A job that is not done, or whose program has not ended yet. */
struct job_node {
	uint32_t id;
	enum job_action action;
	enum job_status status;
	char *target, *provider, *region, *flavor, *batch; /* the last three may be NULL */
	int64_t retry;                                     /* attempts left */
	int64_t progress;
	uint64_t order;  /* what its provider does for it now; 0: nothing */
	bool made;       /* its provider has done its part: the worker is awaited, */
	int64_t made_ns; /* since then */
	int64_t due_ns;  /* pending: not before; made: when the worker is given up */
};

static inline bool job_is_to_do(const struct job_node *job)
{
	return job->status == JOB_PENDING || job->status == JOB_RUNNING;
}

/* A worker that is to be hired; texts are copied. */
struct deployment {
	const char *provider, *region, *flavor, *batch; /* region may be NULL */
	int64_t concurrency, prefetch;
};

/* Queue the making of a worker. False: the group failed. */
bool job_deploy(struct core *core, const struct deployment *deployment);
/* Queue the end of a deployed worker's machine, whose token ends now; nothing where that is queued
   already. Of the row name, provider, region, flavor and worker_id (INT_NULL: none) are read. */
bool job_destroy(struct core *core, const struct worker *worker, const char *reason);

/* Its row changes status along a row of model/status.c. `reason` NULL: none. */
bool job_move(struct core *core, struct job_node *job, enum job_event event, const char *reason);
bool job_set_progress(struct core *core, struct job_node *job, int64_t percent, const char *reason);
/* Append to what its provider printed; of very much the beginning goes. */
bool job_log(struct core *core, struct job_node *job, const char *text);
struct job_node *job_find(const struct state *state, uint32_t id);
/* An open job of that action for the name; NULL: none. */
struct job_node *job_of(const struct state *state, enum job_action action, const char *target);
/* Does it make a worker, and has not done so yet? */
bool job_makes(const struct job_node *job);
/* Whether any job for the name is open, or its program has not ended. */
bool job_is_open(const struct state *state, const char *target);
/* Forget those that are done and whose programs have ended. */
void jobs_sweep(struct state *state);

/*
 * A worker registers. False where its machine is being destroyed: the problem is set. Where a
 * job made it, *job is that, and the row gets what the job says.
 */
bool job_admits(struct core *core, struct call *call, struct worker *row, struct job_node **job);
/* It has registered. */
void job_joined(struct core *core, struct job_node *job);

/* store_row: an open job of the database. The context is the core. */
bool job_load(void *core, const void *row);
void job_nodes_release(struct state *state);

#endif
