/*
 * The agent: the process that speaks to the server. One thread, one epoll set;
 * what blocks goes to the pool, what runs is in the supervisor.
 *
 *   session.c  calls to the server: register, lease, their repetition
 *   report.c   what a lease call tells, and what its reply says
 *   life.c     an execution from its grant to its acknowledged end (and life_*.c)
 *   agent.c    the loop, time, beginning and end
 */
#ifndef WORKER_AGENT_H
#define WORKER_AGENT_H

#include "base/engine.h"
#include "base/log.h"
#include "net/http.h"
#include "worker/execution.h"
#include "worker/holder.h"
#include "worker/machine.h"
#include "worker/options.h"
#include "worker/pool.h"
#include "worker/resource.h"
#include "worker/slots.h"
#include "worker/stats.h"
#include "worker/v1.h"

#define SECOND_NS INT64_C(1000000000)
#define MS_NS INT64_C(1000000)

/* Ids of what ended here, so that a grant or signal repeated on the way is known. */
#define RECENT 256
struct recent {
	int64_t ids[RECENT];
	unsigned next;
};

void recent_add(struct recent *r, int64_t id);
bool recent_has(const struct recent *r, int64_t id);

/* Calls with long logs at once: one is on its way, one is written to disk, one is answered. */
#define LOG_CALLS 3

/* Where the agent stands with the server. */
struct session {
	bool registered;
	bool moved; /* another supervisor holds the tasks: register once all is reported */
	int64_t worker_id, epoch;
	int64_t lease_ns, poll_s;
	int64_t begun_boot_ns;
	int64_t contact_boot_ns;    /* last call that was answered, when it was sent; 0: none */
	int64_t lease_told_boot_ns; /* the contact that the supervisor knows of */
	int64_t retry_at_ns;        /* no call before; 0: none failed */
	int64_t backoff_ns;
	bool lost;       /* the log says that the server is away */
	int64_t left_ns; /* when a private one was found to have ended; 0: it may be back */
	struct call *registering; /* calls on their way; NULL: none */
	struct call *report;
	struct call *logs[LOG_CALLS];            /* that carry parts of long logs */
	size_t log_bytes;                        /* that one of them carries at most */
	struct str log_room;                     /* for the body of the next one; may be empty */
	int64_t log_retry_at_ns, log_backoff_ns; /* the server did not take one; 0: it did */
	struct call *poll;                       /* the newest that waits for work */
	struct call *older;                      /* those that it superseded, a list */
	int64_t poll_at_ns;                      /* no new poll before */
	unsigned empty_polls;                    /* answered at once without a word, in a row */
	int64_t report_at_ns;                    /* when what is due is to be sent; 0: nothing is */
	struct ints_list {
		int64_t *v;
		size_t n, cap;
	} acks; /* signals that took effect */
	struct recent signals;
};

enum agent_end {
	AGENT_RUNS,
	AGENT_LEAVES, /* the tasks are left to the supervisor */
	AGENT_STOPS,  /* the tasks are to be stopped, then the supervisor */
};

struct agent {
	struct options *options; /* url and token follow a private server that moved */
	const struct log *log;
	struct machine machine;
	struct stats stats;
	struct resources *resources;
	bool plain_shell;        /* of our environment, which is the tasks' */
	enum shield_kind shield; /* that tasks can have */
	struct engine engine;
	int epoll, signals, inotify;
	struct http_multi *http;
	struct v1 *v1; /* takes the calls where the server is one of v1; else NULL */
	struct holder holder;
	struct pool *pool;
	struct places places;
	struct executions executions;
	struct execution_queue {
		struct execution **v;
		size_t n, cap;
	} due;                 /* those with something to tell */
	struct recent ended;   /* executions */
	struct recent refused; /* tasks */
	struct slots_pace pace;
	struct session session;
	int64_t now_ns;      /* monotonic, of this turn */
	int64_t look_at_ns;  /* at running outputs; 0: never */
	bool inotify_paused; /* until then */
	int64_t trim_at_ns;  /* of idle places; 0: never */
	bool restart;        /* as another process, once all signals are acknowledged */
	enum agent_end end;
	int64_t end_by_ns; /* AGENT_STOPS: what does not end is left to be killed */
	int exit_code;
	bool over;
};

/* Not an exit code: the program is to be executed anew. */
#define AGENT_RESTARTS (-1)

/* Runs a worker until it ends; the exit code, or AGENT_RESTARTS. */
int agent_run(struct options *options, const struct log *log);
/* Begin to end; a later call may only make it stronger. */
void agent_end(struct agent *a, enum agent_end end, int exit_code);
/* The tasks of the supervisor that died, then another supervisor. */
void agent_replace_supervisor(struct agent *a);

static inline int64_t earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

#endif
