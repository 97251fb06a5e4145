/*
 * What is told of the tasks of a run that failed, when it has ended. The database is asked, which
 * outlives any server.
 */
#ifndef RUNTIME_FAILURES_H
#define RUNTIME_FAILURES_H

#include "runtime/session.h"

struct failures {
	json_t *list;    /* the first that failed by themselves, by number */
	int64_t failed;  /* by themselves */
	int64_t not_run; /* what they require failed */
	int64_t cancelled;
};

void failures_init(struct failures *f);
void failures_release(struct failures *f);
/* Those of the run. False with the session's error set. */
bool failures_find(struct failures *f, struct session *s, int64_t run_id);
/*
 * The first of them, on the progress descriptor: how, where, and the last lines of standard error.
 * Of those of a step that differ in nothing but numbers one is told whole and the others by name.
 */
void failures_show(const struct failures *f, struct session *s);

#endif
