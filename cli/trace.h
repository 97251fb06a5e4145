/*
 * What happened in a run, read from its server: steps, tasks and executions, as reports and
 * exports want them.
 */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "base/arena.h"
#include "base/vec.h"
#include "cli/call.h"

#include <stdint.h>

struct trace_step {
	const char *name; /* of the batch, without the workflow's name */
	const char *batch;
	VEC(size_t) after; /* steps that one of its tasks requires a task of, without doubles */
	size_t tasks, succeeded, failed, not_run, executions;
};

struct trace_task {
	int64_t id;
	size_t step;
	const char *name, *status, *command, *container, *input, *output, *source;
	bool not_run; /* what it requires has failed, and it with that */
};

struct trace_execution {
	int64_t id, worker_id;
	size_t task;
	const char *status, *reason, *message, *command, *outputs; /* outputs: JSON text */
	int64_t granted_us, start_us, end_us; /* DATE_NULL: not yet, or not known */
	int64_t return_code, peak_memory;     /* INT_NULL: not known */
	double cpu_seconds;                   /* NaN: not known */
};

struct trace {
	struct arena arena; /* of all texts */
	const char *workflow, *status, *owner, *source;
	int64_t run_id, begin_us, end_us;       /* end_us DATE_NULL: it goes on */
	int64_t reused;                         /* tasks of earlier runs, which are not here */
	VEC(struct trace_step) steps;           /* in the order in which they were submitted */
	VEC(struct trace_task) tasks;           /* by id */
	VEC(struct trace_execution) executions; /* by id */
	json_t *workers;                        /* object: name by number */
};

/* False with the call's code set. Always to be released. */
bool trace_read(struct trace *t, struct call *c, const char *run);
void trace_release(struct trace *t);
/* The worker's name, or "worker N" where it is gone. */
const char *trace_worker(struct trace *t, int64_t worker_id);

#endif
