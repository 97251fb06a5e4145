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
	bool private_server; /* ours to start again */
	int workers;         /* local ones to keep alive */
	int cpus;            /* of this machine */
	int signals;         /* signalfd of SIGINT, SIGTERM, SIGHUP, SIGWINCH; blocked otherwise */
	bool interrupted;    /* one of the first three arrived while waiting */
	int exit_code;       /* after a failure: what main returns */
	struct str error;    /* and why */
};

/*
 * server NULL: the private server of `state` (NULL: the default directory), with
 * `workers` local workers. Otherwise a team's, with the token of SCITQ_TOKEN;
 * workers < 0 then means none. False with exit_code and error set.
 */
bool session_open(struct session *s, const char *server, const char *state, int workers,
                  struct progress *progress);
/* Tells a private server that we leave. */
void session_close(struct session *s);

/*
 * One call, repeated until the server answers. False with exit_code and error set
 * on a refusal, or on an interruption while it was away. *reply as client_call's.
 */
bool session_call(struct session *s, const char *method, const char *path, const json_t *body,
                  json_t **reply);
/* Make the private server and the local workers run again. False with error set. */
bool session_restore(struct session *s);
/*
 * Wait for a signal or one of the descriptors for at most timeout_ms. Returns the
 * signal's number, or 0.
 */
int session_wait(struct session *s, const int *fds, size_t nfds, int timeout_ms);
/* A server or workers that ended are started again, and told of. False with error set. */
bool session_tend(struct session *s);
bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

#endif
