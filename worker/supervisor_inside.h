/*
 * What the files of the supervisor share:
 *
 *	supervisor.c        the loop, time, beginning and end
 *	supervisor_tasks.c  processes
 *	supervisor_agent.c  the talk with the agent
 */
#ifndef WORKER_SUPERVISOR_INSIDE_H
#define WORKER_SUPERVISOR_INSIDE_H

#include "base/arena.h"
#include "base/log.h"
#include "worker/channel.h"
#include "worker/held.h"
#include "worker/tree.h"

#define SECOND_NS INT64_C(1000000000)
#define INSTANCE_DIGITS 32

struct supervisor {
	struct log log;
	char instance[INSTANCE_DIGITS + 1];
	int signals, listener, null, children;
	struct channel agent;
	bool welcomed; /* the agent was told of all tasks: from here on of what changes */
	struct held_list waiting, running, ended; /* running: also while leftovers are killed */
	struct cgroups groups;
	struct str gpus;        /* that tasks may have, as the agent said last */
	char **environment;     /* what every task gets beside its own */
	struct arena scratch;   /* of one start */
	struct pids pids;       /* scratch */
	int64_t expires_ns;     /* end of the lease, boot time; 0: not told yet */
	int64_t lease_ns;       /* its length */
	int64_t agentless_ns;   /* survived without an agent; 0: up to the lease */
	int64_t alone_since_ns; /* boot time; 0: an agent is there */
	int64_t flush_at_ns;    /* when to send what was said; 0: nothing was */
	bool ending;
};

/* Start what fits. */
void supervisor_refill(struct supervisor *s);
/* Collect those that ended. */
void supervisor_reap(struct supervisor *s);
/* Those whose processes are all gone have ended; of others what is left is killed. */
void supervisor_settle(struct supervisor *s);
/* To all of its processes; a container's hear of it by their engine. */
void supervisor_signal_task(struct supervisor *s, struct held *h, int sig);
/* A signal from the agent, a timeout or the end of the lease; grace 0: no KILL follows. */
void supervisor_stop_task(struct supervisor *s, struct held *h, int sig, enum stop_cause cause,
                          int64_t grace_ns);
void supervisor_stop_all(struct supervisor *s, enum stop_cause cause, int64_t grace_ns);
/* Have every container removed, and wait until those who do it have ended. */
void supervisor_end_containers(struct supervisor *s);
/* Kill every process below this one; for the end only. */
void supervisor_kill_all(struct supervisor *s);

void supervisor_accept(struct supervisor *s);
void supervisor_hear(struct supervisor *s);
void supervisor_say_started(struct supervisor *s, const struct held *h);
void supervisor_say_exited(struct supervisor *s, const struct held *h);
/* What was said is to be sent within so long. */
void supervisor_flush_within(struct supervisor *s, int64_t ns);
/* Send what was said, once it is time; the rest of it when the socket has room. */
void supervisor_flush(struct supervisor *s);

#endif
