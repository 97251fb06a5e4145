/*
 * Watching a run to its end by long poll, with its progress on the screen; and
 * what is said when it has ended.
 */
#ifndef RUNTIME_FOLLOW_H
#define RUNTIME_FOLLOW_H

#include "model/resources.h"
#include "runtime/session.h"
#include "runtime/standstill.h"
#include "runtime/submit.h"

struct follow {
	struct session *session;
	const struct submission *submission;
	int64_t run_id;
	struct run_view view;
	enum run_status status; /* as last heard */
	int64_t event;          /* last event heard of */
	bool detached;
	bool left;       /* it goes on for the others */
	int64_t others;  /* that follow it, as last heard */
	bool asking;     /* "detach or cancel?" stands on the terminal */
	int64_t idle_ns; /* since when tasks are ready and no worker is there; 0: they are not */
	bool idle_said;
	struct standstill standstill;
	int64_t retried;
	int64_t reused_before; /* tasks that the plan had and the steps do not count */
	int64_t hooks;         /* tasks of the end that are not done */
};

void follow_init(struct follow *f, struct session *s, const struct submission *submission,
                 int64_t run_id);
void follow_release(struct follow *f);
/*
 * See how the run stands now. The server may be another process than before, with
 * a count of events of its own. False with the session's error set.
 */
bool follow_look(struct follow *f);
/* Until the run has ended or was detached. False with the session's error set. */
bool follow_run(struct follow *f);
/* Steps' results and failures, on the progress descriptor. started_ns is monotonic. */
void follow_summary(struct follow *f, int64_t started_ns);
/* The standard output of the run's last step, where that is one task, to standard output. */
bool follow_print_result(struct follow *f, const struct reuse *reuse);

#endif
