/*
 * The agent's end of its supervisor: finds the one that a former agent left or
 * starts one, and hands over what is to be done. Frames are collected and leave at
 * holder_flush(), so that a batch of grants is one write.
 */
#ifndef WORKER_HOLDER_H
#define WORKER_HOLDER_H

#include "base/log.h"
#include "worker/cgroup.h"
#include "worker/channel.h"
#include "worker/command.h"
#include "worker/shield.h"

#include <sys/types.h>

struct holder {
	struct channel channel;
	struct str instance; /* of the supervisor */
	struct str later;    /* frames that can wait for the next that cannot */
	pid_t child;         /* a supervisor that we started, to be reaped; 0: none */
};

/* A task that the supervisor holds already. */
struct holder_task {
	uint64_t id;
	enum held_state state;
	pid_t pid; /* 0: not started */
	const char *note;
	size_t note_len;
	struct ending ending; /* where state is HELD_ENDED */
};

typedef void holder_task_fn(void *ctx, const struct holder_task *task);

void holder_init(struct holder *h);
/* Only lets go of it: the supervisor goes on. */
void holder_release(struct holder *h);
struct holder_setup {
	const char *work;    /* directory of the worker */
	int64_t agentless_s; /* how long tasks are kept without an agent; 0: as long as the lease */
	const char *gpus;    /* that tasks may have from now on, a list of base/gpus.h */
};

/*
 * Connect to the supervisor of the directory, or start one; `each` is called
 * for what it holds. *fresh tells that there was none. False with a line in the log.
 */
bool holder_open(struct holder *h, const struct holder_setup *setup, const struct log *log,
                 holder_task_fn *each, void *ctx, bool *fresh);
/* Kill its tasks, end it, and wait until it is gone. */
void holder_end(struct holder *h, const char *work);

/* A task to start. */
struct holder_start {
	uint64_t id;
	double weight;
	unsigned gpus;
	int64_t timeout_s; /* 0: none */
	int64_t grace_s;
	struct cgroup_limits limits;
	const char *directory; /* of the task */
	const struct command *command;
	enum shield_kind shield;
	const struct lent *lent; /* what the shield is raised over */
	const struct str *note;
};

void holder_start(struct holder *h, const struct holder_start *start);
/* Grace 0: the signal alone. */
void holder_signal(struct holder *h, uint64_t id, int sig, enum stop_cause cause, int64_t grace_s);
void holder_note(struct holder *h, uint64_t id, const struct str *note);
/* Goes with the next frame, or when it is flushed with `all`. */
void holder_forget(struct holder *h, uint64_t id);
void holder_lease(struct holder *h, int64_t until_boot_ns, int64_t lease_ns);
/* 0, 1 where the socket is full, or -errno. */
int holder_flush(struct holder *h, bool all);

#endif
