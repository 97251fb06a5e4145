#include "model/status.h"

#include <string.h>

const char *const task_status_words[TASK_STATUS_COUNT] = {
        "paused",  "waiting", "pending",   "assigned", "accepted",
        "running", "failed",  "succeeded", "debug",
};
const char *const execution_status_words[EXECUTION_STATUS_COUNT] = {
        "pending", "accepted", "running", "failed", "succeeded", "refused",
};
const char *const worker_status_words[WORKER_STATUS_COUNT] = {
        "paused", "running", "offline", "failed", "evicted",
};
const char *const job_status_words[JOB_STATUS_COUNT] = {"pending", "running", "failed",
                                                        "succeeded"};
const char *const run_status_words[RUN_STATUS_COUNT] = {
        "submitting", "running", "succeeded", "failed", "cancelled",
};
const char *const task_event_words[TASK_EVENT_COUNT] = {
        "ready",
        "dependency_failed",
        "dependency_undone",
        "offer",
        "withdraw",
        "grant",
        "start",
        "succeed",
        "fail",
        "retry",
        "lost",
        "pause",
        "resume",
        "block",
        "debug",
        "relaunch",
        "cancel",
};
const char *const execution_event_words[EXECUTION_EVENT_COUNT] = {
        "accept", "refuse", "start", "succeed", "fail",
};

/* clang-format off */
#define T(from, event, to) {TASK_##from, TASK_EVENT_##event, TASK_##to, NULL}
#define TG(from, event, to, guard) {TASK_##from, TASK_EVENT_##event, TASK_##to, guard}
static const struct transition task_rows[] = {
	T(WAITING, READY, PENDING),
	T(WAITING, DEPENDENCY_FAILED, FAILED),
	TG(FAILED, DEPENDENCY_UNDONE, WAITING, "its reason is dependency"),
	T(PENDING, BLOCK, WAITING),
	T(PENDING, OFFER, ASSIGNED),
	T(ASSIGNED, WITHDRAW, PENDING),
	T(PENDING, GRANT, ACCEPTED),
	T(ASSIGNED, GRANT, ACCEPTED),
	T(ACCEPTED, START, RUNNING),
	T(ACCEPTED, SUCCEED, SUCCEEDED),
	T(RUNNING, SUCCEED, SUCCEEDED),
	T(ASSIGNED, FAIL, FAILED),
	T(ACCEPTED, FAIL, FAILED),
	T(RUNNING, FAIL, FAILED),
	TG(ASSIGNED, RETRY, PENDING, "attempts are left"),
	TG(ACCEPTED, RETRY, PENDING, "attempts are left"),
	TG(RUNNING, RETRY, PENDING, "attempts are left"),
	T(ASSIGNED, LOST, PENDING),
	T(ACCEPTED, LOST, PENDING),
	T(RUNNING, LOST, PENDING),
	T(WAITING, PAUSE, PAUSED),
	T(PENDING, PAUSE, PAUSED),
	TG(PAUSED, RESUME, PENDING, "waiting where a requirement is not met"),
	T(WAITING, DEBUG, DEBUG),
	T(PENDING, DEBUG, DEBUG),
	TG(DEBUG, RESUME, PENDING, "waiting where a requirement is not met"),
	TG(FAILED, RELAUNCH, PENDING, "waiting where a requirement is not met"),
	TG(SUCCEEDED, RELAUNCH, PENDING, "waiting where a requirement is not met"),
	T(PAUSED, CANCEL, FAILED),
	T(DEBUG, CANCEL, FAILED),
	T(WAITING, CANCEL, FAILED),
	T(PENDING, CANCEL, FAILED),
	T(ASSIGNED, CANCEL, FAILED),
	T(ACCEPTED, CANCEL, FAILED),
	T(RUNNING, CANCEL, FAILED),
};

#define E(from, event, to) {EXECUTION_##from, EXECUTION_EVENT_##event, EXECUTION_##to, NULL}
static const struct transition execution_rows[] = {
	E(PENDING, ACCEPT, ACCEPTED),
	E(PENDING, REFUSE, REFUSED),
	E(ACCEPTED, REFUSE, REFUSED),
	E(ACCEPTED, START, RUNNING),
	E(ACCEPTED, SUCCEED, SUCCEEDED),
	E(RUNNING, SUCCEED, SUCCEEDED),
	E(PENDING, FAIL, FAILED),
	E(ACCEPTED, FAIL, FAILED),
	E(RUNNING, FAIL, FAILED),
};

#define J(from, event, to) {JOB_##from, JOB_EVENT_##event, JOB_##to, NULL}
static const struct transition job_rows[] = {
	J(PENDING, START, RUNNING),
	J(RUNNING, SUCCEED, SUCCEEDED),
	J(PENDING, FAIL, FAILED),
	J(RUNNING, FAIL, FAILED),
	J(RUNNING, RETRY, PENDING),
	J(FAILED, RETRY, PENDING),
};
/* clang-format on */

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

static const struct transition *find(const struct transition *rows, size_t n, int from, int event)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].from == from && rows[i].event == event)
			return &rows[i];
	}
	return NULL;
}

const struct transition *task_transition(enum task_status from, enum task_event event)
{
	return find(task_rows, COUNT(task_rows), (int)from, (int)event);
}

const struct transition *execution_transition(enum execution_status from,
                                              enum execution_event event)
{
	return find(execution_rows, COUNT(execution_rows), (int)from, (int)event);
}

const struct transition *job_transition(enum job_status from, enum job_event event)
{
	return find(job_rows, COUNT(job_rows), (int)from, (int)event);
}

const struct transition *task_transitions(size_t *n)
{
	*n = COUNT(task_rows);
	return task_rows;
}

const struct transition *execution_transitions(size_t *n)
{
	*n = COUNT(execution_rows);
	return execution_rows;
}

const struct transition *job_transitions(size_t *n)
{
	*n = COUNT(job_rows);
	return job_rows;
}

int status_parse(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i], word) == 0)
			return (int)i;
	}
	return -1;
}
