/*
 * The private server and worker of a state directory, as child processes of
 * our own binary. One server serves a state directory; whoever finds its lock
 * free starts it, everybody else joins. See docs/protocol.md, "The private server".
 */
#ifndef RUNTIME_LOCAL_H
#define RUNTIME_LOCAL_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct companion {
	pid_t pid; /* 0: none */
	int pidfd; /* readable when it ended */
	int64_t started_ns;
	unsigned failures; /* how often in a row it ended soon after its start */
};

#define LOCAL_WORKERS 16

struct local {
	char *state;  /* absolute path of the state directory */
	int run_lock; /* see local_hold, -1: none */
	/* Of the private server, where it is not there yet: who may be asked for workers, and at
	   which address they find it; NULL: nobody, and on this machine alone. */
	const char *providers, *advertise;
	struct companion server;
	struct companion workers[LOCAL_WORKERS];
	bool unfit;       /* after local_server failed: the one that runs lacks the providers */
	struct str url;   /* of the server, after local_server */
	struct str token; /* its token */
	int64_t pid;      /* its process, a child of ours or another's */
};

/*
 * Starts our own binary with these arguments in a session of its own, its output appended to
 * the file `log`. 0 or an error number.
 */
int local_spawn(char *const argv[], const char *log, pid_t *pid);
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
/* A server holds the state directory, ours or another's. */
bool local_server_runs(const struct local *l);
/*
 * Start local worker number i (from 0), which serves every batch with
 * `concurrency` tasks at a time, unless a process holds that worker's lock. The GPUs of the machine
 * are the first one's.
 */
bool local_worker(struct local *l, int i, int concurrency, struct str *error);
/* That worker is there, ours or another's. */
bool local_worker_runs(const struct local *l, int i);

/*
 * Hold the workflow `name` as one that a scitq-run is attached to, together with
 * others that do; until local_release, or until we die. 0 or -errno.
 */
int local_hold(struct local *l, const char *name);
/* True where nobody holds it. */
bool local_is_left(const struct local *l, const char *name);

/* After the pidfd became readable: reap it and describe its end ("killed by signal 9"). */
void companion_reap(struct companion *c, struct str *how);
/* The state directory's disk has no room for what its server must write down. */
bool local_is_full(const struct local *l);
/* The last line of a log file of the state directory, for an error message. */
void local_add_last_line(const struct local *l, const char *name, struct str *out);

#endif
