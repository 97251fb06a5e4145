/*
 * What is told of the tasks of a run that failed, when it has ended. The database is asked, which
 * outlives any server.
 */
#ifndef RUNTIME_FAILURES_H
#define RUNTIME_FAILURES_H

#include "base/map.h"
#include "base/vec.h"
#include "runtime/session.h"

/* A task that failed by itself, and its last execution; texts are interned. */
struct failure {
	int64_t task, attempts, execution, worker, return_code;
	const char *name, *source, *how, *place;
	uint32_t alike; /* the same number: they seem to have failed alike */
};

struct failures {
	int64_t run_id;
	json_t *list;    /* rows of the first that failed by themselves, by number */
	int64_t failed;  /* by themselves */
	int64_t not_run; /* what they require failed */
	int64_t cancelled;
	VEC(struct failure) all; /* by themselves, by number */
	struct intern texts, kinds;
};

void failures_init(struct failures *f);
void failures_release(struct failures *f);
/* Those of the run. False with the session's error set. */
bool failures_find(struct failures *f, struct session *s, int64_t run_id);
/*
 * Some of them, on the progress descriptor: how, where, and the last lines of standard error.
 * Of those of a step that differ in nothing but numbers one is told whole and the others by name.
 * Where there are many, those are told that stand for most, and of the others how many are like
 * them.
 */
void failures_show(struct failures *f, struct session *s);

#endif
