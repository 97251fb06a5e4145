/*
 * Statuses and the transitions between them. The numbers of task statuses are
 * those that v1 clients know; the words are those of the REST interface and of
 * the database.
 *
 * A status changes only along a row of a transition table: find the row with
 * task_transition() and friends, and let the UPDATE test the old status too.
 * Anything not listed is a conflict (409).
 *
 * To add a transition: add a row in model/status.c; docs/states.md is printed
 * from the rows.
 */
#ifndef MODEL_STATUS_H
#define MODEL_STATUS_H

#include <stdbool.h>
#include <stddef.h>

enum task_status {
	TASK_PAUSED,
	TASK_WAITING,
	TASK_PENDING,
	TASK_ASSIGNED,
	TASK_ACCEPTED,
	TASK_RUNNING,
	TASK_FAILED,
	TASK_SUCCEEDED,
	TASK_DEBUG,
	TASK_STATUS_COUNT
};

enum execution_status {
	EXECUTION_PENDING,
	EXECUTION_ACCEPTED,
	EXECUTION_RUNNING,
	EXECUTION_FAILED,
	EXECUTION_SUCCEEDED,
	EXECUTION_REFUSED,
	EXECUTION_STATUS_COUNT
};

enum worker_status {
	WORKER_PAUSED,
	WORKER_RUNNING,
	WORKER_OFFLINE,
	WORKER_FAILED,
	WORKER_EVICTED,
	WORKER_STATUS_COUNT
};

enum job_status { JOB_PENDING, JOB_RUNNING, JOB_FAILED, JOB_SUCCEEDED, JOB_STATUS_COUNT };

/* submitting: tasks are still being sent; running: all are there, some not done. */
enum run_status {
	RUN_SUBMITTING,
	RUN_RUNNING,
	RUN_SUCCEEDED,
	RUN_FAILED,
	RUN_CANCELLED,
	RUN_STATUS_COUNT
};

enum task_event {
	TASK_EVENT_READY,             /* every requirement is met */
	TASK_EVENT_DEPENDENCY_FAILED, /* a requirement failed for good */
	TASK_EVENT_DEPENDENCY_UNDONE, /* that requirement was relaunched */
	TASK_EVENT_OFFER,             /* offered to a polling v1 worker */
	TASK_EVENT_WITHDRAW,          /* the offer was refused or withdrawn */
	TASK_EVENT_GRANT,             /* leased to a worker, or the offer accepted */
	TASK_EVENT_START,
	TASK_EVENT_SUCCEED,
	TASK_EVENT_FAIL,  /* no attempt left */
	TASK_EVENT_RETRY, /* failed with attempts left */
	TASK_EVENT_LOST,  /* the worker is gone; uses no attempt */
	TASK_EVENT_PAUSE,
	TASK_EVENT_RESUME, /* back to where the pause came from */
	TASK_EVENT_BLOCK,  /* a requirement was added that is not met */
	TASK_EVENT_DEBUG,
	TASK_EVENT_RELAUNCH, /* from any end; waiting again where requirements are not met */
	TASK_EVENT_CANCEL,
	TASK_EVENT_COUNT
};

enum execution_event {
	EXECUTION_EVENT_ACCEPT,
	EXECUTION_EVENT_REFUSE,
	EXECUTION_EVENT_START,
	EXECUTION_EVENT_SUCCEED,
	EXECUTION_EVENT_FAIL,
	EXECUTION_EVENT_COUNT
};

enum job_event {
	JOB_EVENT_START,
	JOB_EVENT_SUCCEED,
	JOB_EVENT_FAIL,
	JOB_EVENT_RETRY,
	JOB_EVENT_COUNT
};

struct transition {
	int from, event, to;
	const char *guard; /* in words, NULL for none; the caller tests it */
};

/* The row for (from, event), or NULL where that is not allowed. */
const struct transition *task_transition(enum task_status from, enum task_event event);
const struct transition *execution_transition(enum execution_status from,
                                              enum execution_event event);
const struct transition *job_transition(enum job_status from, enum job_event event);

/* All rows, for tests and for the printed picture. */
const struct transition *task_transitions(size_t *n);
const struct transition *execution_transitions(size_t *n);
const struct transition *job_transitions(size_t *n);

extern const char *const task_status_words[TASK_STATUS_COUNT];
extern const char *const execution_status_words[EXECUTION_STATUS_COUNT];
extern const char *const worker_status_words[WORKER_STATUS_COUNT];
extern const char *const job_status_words[JOB_STATUS_COUNT];
extern const char *const run_status_words[RUN_STATUS_COUNT];
extern const char *const task_event_words[TASK_EVENT_COUNT];
extern const char *const execution_event_words[EXECUTION_EVENT_COUNT];

/* The number of the word, or -1. */
int status_parse(const char *const *words, size_t n, const char *word);

static inline bool task_is_done(enum task_status s)
{
	return s == TASK_FAILED || s == TASK_SUCCEEDED;
}

/* With a worker: an execution of it is live. */
static inline bool task_is_out(enum task_status s)
{
	return s == TASK_ASSIGNED || s == TASK_ACCEPTED || s == TASK_RUNNING;
}

static inline bool execution_is_done(enum execution_status s)
{
	return s == EXECUTION_FAILED || s == EXECUTION_SUCCEEDED || s == EXECUTION_REFUSED;
}

#endif
