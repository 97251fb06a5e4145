/*
 * The server that a run talks to, private or a team's, kept reachable: a call
 * that finds nobody is made again after the private server was started anew, or
 * after a growing wait for a team's.
 */
#ifndef RUNTIME_SESSION_H
#define RUNTIME_SESSION_H

#include "client/client.h"
#include "runtime/local.h"
#include "runtime/progress.h"
#include "runtime/telling.h"

#include <signal.h>

/* Exit codes of the programs. */
enum exit_code {
	EXIT_CODE_OK = 0,
	EXIT_CODE_TASKS_FAILED = 1,
	EXIT_CODE_USAGE = 2,
	EXIT_CODE_COMPILE = 3,
	EXIT_CODE_SERVER = 4,
	EXIT_CODE_INFRASTRUCTURE = 5,
	EXIT_CODE_INTERRUPTED = 130,
};

struct session {
	struct client client;
	struct local local;
	struct progress *progress;
	const struct telling *telling; /* NULL: no program listens */
	bool private_server;           /* ours to start again */
	int64_t answered; /* the process of the private server that answered last, while it is not
	                     known to be gone; 0: none */
	int workers;      /* local ones to keep alive */
	int cpus;         /* of this machine */
	int signals;      /* signalfd of those not ignored of SIGINT, SIGTERM, SIGHUP, and SIGWINCH;
	                     -1 until session_watch */
	bool interrupted; /* one of the first three arrived while waiting */
	bool hung_up;     /* SIGHUP arrived while submitting: detach afterwards */
	sigset_t mask_before; /* of session_watch */
	sigset_t heard;       /* those of `signals` */
	char who[33];         /* by which the server tells us from others that follow a run */
	int exit_code;        /* after a failure: what main returns */
	struct str error;     /* and why */
};

/* What a private server is to be. */
struct session_private {
	const char *state;     /* its directory, NULL: the default */
	int workers;           /* local ones; < 0: one, or none where workers are recruited */
	const char *recruit;   /* provider that is asked for workers, NULL: none */
	const char *advertise; /* address at which those find it, NULL: of this machine alone */
};

/*
 * team->server NULL: the private server. Otherwise a team's, with the workers it has. What
 * `team` and `own` point to is borrowed until session_close(). False with exit_code and error set.
 */
bool session_open(struct session *s, const struct server_access *team,
                  const struct session_private *own, struct progress *progress);
/*
 * From here on signals do not end the process but are heard by session_wait:
 * what exists on the server by then must be cancelled or left in order.
 */
bool session_watch(struct session *s);
/* Whether SIGINT is heard. While it is not, the caller ignores it: somebody else has the terminal.
 */
void session_hear_interrupt(struct session *s, bool heard);
/* Tells a private server that we leave. */
void session_close(struct session *s);

/*
 * One call, repeated until the server answers. False with exit_code and error set
 * on a refusal, or on an interruption while it was away. *reply as client_call's.
 */
bool session_call(struct session *s, const char *method, const char *path, const json_t *body,
                  json_t **reply);
/*
 * Each row of a list in turn, in the order of their numbers, which are in the field `key`: asked
 * for page by page. Takes the filter over. As session_call; what was read before an error was
 * given.
 */
bool session_rows(struct session *s, const char *path, const char *key, json_t *filter,
                  void (*each)(void *context, json_t *row), void *context);
/* PUT of a run; takes the body over. That the run has ended already is no failure. */
bool session_set_run(struct session *s, int64_t run_id, json_t *body);
/* The run goes on without us, whoever else follows it. As session_set_run. */
bool session_detach(struct session *s, int64_t run_id);
/*
 * We follow the run no more: it goes on for the *others that do, or is cancelled where there is
 * none. As session_call; of a run that has ended already there are no others.
 */
bool session_leave(struct session *s, int64_t run_id, int64_t *others);
/* Make the private server and the local workers run again. False with error set. */
bool session_restore(struct session *s);
/*
 * Wait for a signal or one of the descriptors for at most timeout_ms. Returns the
 * signal's number, or 0.
 */
int session_wait(struct session *s, const int *fds, size_t nfds, int timeout_ms);
/* A server or workers that ended are started again, and told of. False with error set. */
bool session_tend(struct session *s);
/* What failed was mended. */
void session_forgive(struct session *s);
bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

#endif
