/* Watching a run to its end by long poll, with its progress on the screen. */
#ifndef RUNTIME_FOLLOW_H
#define RUNTIME_FOLLOW_H

#include "base/vec.h"
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
	bool left;         /* it goes on for the others */
	int64_t others;    /* that follow it, as last heard */
	bool asking;       /* "detach or cancel?" stands on the terminal */
	bool brief;        /* a run that waits for its user is left when nothing else moves in it */
	bool dialog;       /* runtime/debug.h speaks: nothing is drawn */
	int64_t watched;   /* task of which that tells by itself, 0: none */
	VEC(int64_t) told; /* executions of which it did */
	bool released; /* they were told not to: asked for again where the server ended meanwhile */
	bool debug;    /* its tasks wait for their user, as last heard */
	bool another;  /* the file has become one of another plan */
	int64_t idle_ns; /* since when tasks are ready and no worker is there; 0: they are not */
	bool idle_said;
	bool full; /* that the state directory's disk is has been said */
	struct standstill standstill;
	int64_t retried;
	int64_t reused_before; /* tasks that the plan had and the steps do not count */
	int64_t hooks;         /* tasks of the end that are not done */
};

/* Hears of the run for a loop that waits for other things as well. */
struct follow_poll {
	struct follow *follow;
	struct http_multi *multi; /* for calls of that loop, too */
	struct str url;
	bool waiting; /* a poll is under way */
	bool lost;    /* it found nobody */
	bool refused;
};

void follow_poll_init(struct follow_poll *p, struct follow *f);
void follow_poll_release(struct follow_poll *p);
/*
 * Until there are news of the run, an answer on `multi`, a signal (*signal is its number, else 0),
 * or one of `fds` can be read; for timeout_ms at most. False with the session's error set.
 */
bool follow_turn(struct follow_poll *p, const int *fds, size_t nfds, int timeout_ms, int *signal);

void follow_init(struct follow *f, struct session *s, const struct submission *submission,
                 int64_t run_id);
void follow_release(struct follow *f);
/*
 * See how the run stands now. The server may be another process than before, with
 * a count of events of its own. False with the session's error set.
 */
bool follow_look(struct follow *f);
/* Nothing more is to be heard of it. */
bool follow_ended(const struct follow *f);
/* It ends, as nobody wants it. False with the session's error set. */
bool follow_cancel(struct follow *f);
/* "exit 3", "killed by signal 9", "out of time": how an incident or an execution failed. */
void follow_add_how(json_t *incident, struct str *out);
/* "qc.scitq:47": the line that failed where it is known, else that of the step. */
void follow_add_place(const char *source, int64_t failed_line, struct str *out);
/* What has changed since it was last heard of. False with the session's error set. */
bool follow_refresh(struct follow *f);
/* Until the run has ended or was detached. False with the session's error set. */
bool follow_run(struct follow *f);

#endif
