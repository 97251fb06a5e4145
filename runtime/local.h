/*
 * The private server and worker of a state directory, as child processes of
 * our own binary. One server serves a state directory; whoever finds its lock
 * free starts it, everybody else joins. See docs/protocol.md, "The private server".
 */
#ifndef RUNTIME_LOCAL_H
#define RUNTIME_LOCAL_H

#include "base/str.h"

#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid; /* 0: none */
	int pidfd; /* readable when it ended */
};

#define LOCAL_WORKERS 16

struct local {
	char *state; /* absolute path of the state directory */
	struct child server;
	struct child workers[LOCAL_WORKERS];
	struct str url;   /* of the server, after local_server */
	struct str token; /* its token */
};

/*
 * Takes `state`, or $XDG_STATE_HOME/scitq, or ~/.local/state/scitq where it is
 * NULL, makes the directory. False with a sentence in `error`.
 */
bool local_init(struct local *l, const char *state, struct str *error);
/* Forgets the children; they go on. */
void local_release(struct local *l);

/*
 * Find the server of the state directory or start one, and wait until it
 * listens; sets url and token. False with a sentence in `error`.
 */
bool local_server(struct local *l, struct str *error);
/*
 * Start local worker number i (from 0), which serves every batch with
 * `concurrency` tasks at a time, unless a process holds that worker's lock.
 */
bool local_worker(struct local *l, int i, int concurrency, struct str *error);

/* After the pidfd became readable: reap it and describe its end ("killed by signal 9"). */
void child_reap(struct child *c, struct str *how);

#endif
