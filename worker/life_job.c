/* What executions have running on the pool, and whatever stops them, there or in the supervisor. */
#include "worker/life_inside.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#define SHUTDOWN_GRACE_S 5
/* A longer timeout is none. */
#define TIMEOUT_MAX_S INT64_C(1000000000)

void life_add_job(struct agent *a, struct execution *e, struct staging *s, int64_t timeout_s)
{
	if (!pool_add(a->pool, &s->job)) {
		staging_free(s);
		life_fail(a, e, e->phase == PHASE_STAGING ? CODE_DOWNLOAD : CODE_UPLOAD,
		          e->phase == PHASE_STAGING ? "download" : "upload",
		          "no thread could be started for it");
		return;
	}
	e->job = &s->job;
	if (e->deadline_ns == 0 && timeout_s > 0 && timeout_s < TIMEOUT_MAX_S)
		e->deadline_ns = a->now_ns + timeout_s * SECOND_NS;
}

/* What every job of an execution has in common when it returns: NULL where nothing follows. */
struct execution *life_job_returned(struct agent *a, struct staging *s)
{
	struct execution *e = s->execution;

	e->job = NULL;
	for (size_t i = 0; i < s->taken.n; i++)
		vec_push(&e->resources, s->taken.v[i]);
	s->taken.n = 0;
	if (s->warnings.len > 0)
		log_warn(a->log, "execution %" PRId64 ": %s", e->id, s->warnings.p);
	if (e->forgotten) {
		life_drop(a, e);
		return NULL;
	}
	return e;
}

/* It was stopped outside of its command, for e->job_cause. */
static void fail_stopped(struct agent *a, struct execution *e)
{
	bool in = e->phase == PHASE_STAGING;

	e->deadline_ns = 0;
	if (strcmp(e->job_cause, "cancelled") == 0)
		life_fail_cancelled(a, e);
	else if (strcmp(e->job_cause, "timeout") == 0)
		life_fail(a, e, in ? CODE_DOWNLOAD : CODE_UPLOAD, "timeout",
		          "%s took longer than %" PRId64 " s", in ? "staging in" : "publishing",
		          in ? e->download_timeout : e->upload_timeout);
	else
		life_fail(a, e, INT_NULL, e->job_cause, "the worker was stopped");
}

void life_job_failed(struct agent *a, struct execution *e, const struct staging *s)
{
	bool in = s->kind == STAGING_IN;

	if (e->job_cause != NULL) {
		fail_stopped(a, e);
		return;
	}
	e->deadline_ns = 0;
	life_fail(a, e, in ? CODE_DOWNLOAD : CODE_UPLOAD,
	          s->result == STAGE_NO_SPACE ? "disk"
	          : in && !s->pulled          ? "container"
	          : in                        ? "download"
	                                      : "upload",
	          "%s", s->error.len > 0 ? s->error.p : stage_result_text(s->result));
}

/* End the job of the execution, or the execution itself where it has none. */
void life_stop_job(struct agent *a, struct execution *e, const char *cause)
{
	if (e->job_cause == NULL)
		e->job_cause = cause;
	if (e->job != NULL)
		atomic_store(&e->job->cancelled, true);
	else
		fail_stopped(a, e);
}

void life_lose_held(struct agent *a)
{
	for (size_t i = 0; i < a->executions.n; i++) {
		struct execution *e = a->executions.v[i];

		e->held = false;
		if (e->phase == PHASE_HELD && e->forgotten) {
			life_drop(a, e);
			i--;
		} else if (e->phase == PHASE_HELD) {
			life_fail(a, e, INT_NULL, "lost", "the process that held it died");
		} else if (e->phase == PHASE_STAGING) {
			life_stop_job(a, e, "lost");
		}
	}
}

void life_signal(struct agent *a, int64_t id, int sig)
{
	struct execution *e = executions_find(&a->executions, id);
	bool ends = sig == SIGTERM || sig == SIGKILL || sig == SIGINT || sig == SIGQUIT;

	if (e == NULL || e->phase == PHASE_DONE || e->forgotten)
		return;
	if (ends)
		e->stop_signal = sig;
	if (e->phase != PHASE_HELD) {
		if (ends)
			life_stop_job(a, e, "cancelled");
		return;
	}
	/* SIGTSTP does nothing to a process without a terminal. */
	holder_signal(&a->holder, (uint64_t)id, sig == SIGTSTP ? SIGSTOP : sig,
	              ends ? STOP_CANCEL : STOP_NONE,
	              ends && sig != SIGKILL ? a->options->grace_s : 0);
}

void life_forget(struct agent *a, struct execution *e)
{
	if (e->forgotten)
		return;
	e->forgotten = true;
	e->due = 0;
	if (e->job != NULL)
		atomic_store(&e->job->cancelled, true);
	else if (e->phase == PHASE_HELD)
		holder_signal(&a->holder, (uint64_t)e->id, SIGKILL, STOP_CANCEL, 0);
	else
		life_drop(a, e);
}

void life_stop_all(struct agent *a)
{
	int64_t grace = a->options->grace_s;

	if (grace > SHUTDOWN_GRACE_S)
		grace = SHUTDOWN_GRACE_S;
	for (size_t i = 0; i < a->executions.n; i++) {
		struct execution *e = a->executions.v[i];

		if (e->forgotten || e->phase == PHASE_DONE)
			continue;
		if (e->phase == PHASE_HELD)
			holder_signal(&a->holder, (uint64_t)e->id, SIGTERM, STOP_SHUTDOWN, grace);
		else
			life_stop_job(a, e, a->options->revocable ? "evicted" : "lost");
	}
}

int64_t life_keep_time(struct agent *a)
{
	int64_t next = 0;

	for (size_t i = 0; i < a->executions.n; i++) {
		struct execution *e = a->executions.v[i];

		if (e->deadline_ns != 0 && e->deadline_ns <= a->now_ns) {
			e->deadline_ns = 0;
			life_stop_job(a, e, "timeout");
		} else {
			next = earlier(next, e->deadline_ns);
		}
	}
	return next;
}
