/*
 * A task as the supervisor holds it: what to start, where it stands, how it
 * ended, and a note that means something to the agent alone. Lists of a few
 * hundred of them at most, kept in order of arrival.
 */
#ifndef WORKER_HELD_H
#define WORKER_HELD_H

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"
#include "worker/cgroup.h"
#include "worker/message.h"
#include "worker/slots.h"
#include "worker/spawn.h"

#include <sys/types.h>

/* The variable that names the GPUs of a task, as the machine does. */
#define HELD_GPUS "SCITQ_GPUS"

struct held {
	uint64_t id; /* of the execution */
	enum held_state state;
	struct slot_claim claim;
	struct str note;
	struct str gpus; /* those that it has while it runs, a list of base/gpus.h */

	/* The START frame and what is in it. */
	char *frame;
	size_t frame_len;
	int64_t timeout_ns, grace_ns;
	struct cgroup_limits limits;
	const char *directory; /* of the task; its output files are stdout and stderr in it */
	const char *work;      /* where the command runs */
	bool contained;        /* its first process is worker/runner.h's */
	enum shield_kind shield;
	const char *lent; /* at the first of them, in the frame, as all below */
	size_t nlent;
	const char *words;
	size_t nwords;
	const char *fallback; /* none where nfallback is 0 */
	size_t nfallback;
	const char *variables;
	size_t nvariables;
	char *marker; /* see tree.h */

	struct cgroup *group;           /* that its processes are in; NULL: none */
	pid_t pid;                      /* 0: not started */
	int64_t started_ns;             /* monotonic, as all times here */
	int64_t term_at_ns, kill_at_ns; /* 0: none */
	bool reaped;                    /* the first process ended; others may be left */
	int64_t clear_by_ns;
	int64_t sample_at_ns; /* when to look at its memory next; 0: never */
	uint64_t held_most;   /* bytes, of what was seen */
	bool forgotten;       /* nobody wants to hear of it */
	struct ending ending;
};

/* Of a START frame whose fields follow; NULL where it is broken. */
struct held *held_new(struct message *m);
void held_free(struct held *h);
/* The result is final; what was needed to start is freed. */
void held_end(struct held *h);
/*
 * What spawn_start() needs but `null` and the control groups, in the arena. `environment` is what
 * every task gets, of held_environment(); the task's own variables follow it.
 */
void held_spawn(const struct held *h, char *const *environment, struct arena *arena,
                struct spawn *spawn);
/*
 * A control group for its processes, where there are some, which `spawn` enters: none of a
 * container, whose engine has its own. False, with the ending set, where one was to be had and is
 * not.
 */
bool held_enter_group(struct held *h, struct cgroups *groups, struct spawn *spawn);
/* See how much memory its group holds, and when to look again. */
void held_sample(struct held *h, const struct cgroups *groups, int64_t now_ns);
/* What its processes used, as far as their group tells, goes to the ending; no group: nothing. */
void held_leave_group(struct held *h, struct cgroups *groups);
/* The environment without what is set for each task; the strings are borrowed, the array freed by
   the caller. */
char **held_environment(char **all);

struct held_list {
	struct held **v;
	size_t n, cap;
};

void held_list_remove(struct held_list *list, const struct held *h);
struct held *held_list_find(const struct held_list *list, uint64_t id);
/* One that runs with this first process, not reaped yet. */
struct held *held_list_find_pid(const struct held_list *list, pid_t pid);
bool held_list_has_pid(const struct held_list *list, pid_t pid);
/* Place in `waiting` of the one to start next beside `running`, or -1; `gpus` are all that tasks
   may have. */
ptrdiff_t held_list_pick(const struct held_list *waiting, const struct held_list *running,
                         const char *gpus);
/* Give it as many as it claims of those that none of `running` has; false: there are not so many.
 */
bool held_take_gpus(struct held *h, const char *all, const struct held_list *running);

#endif
