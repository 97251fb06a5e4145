/*
 * The inside of the core, for its handlers. All of it belongs to the thread that
 * holds the core, except the queue.
 *
 * A handler validates everything before it changes anything: it answers with
 * core_problem() and leaves no trace, or it changes memory and database and
 * answers with core_reply(). The replies leave after COMMIT. A database error
 * makes core->group_failed: handlers then just return, nobody gets what they
 * said, and memory is rebuilt.
 */
#ifndef SERVER_CORE_INSIDE_H
#define SERVER_CORE_INSIDE_H

#include "server/core.h"
#include "server/feed.h"
#include "server/fleet.h"
#include "server/histogram.h"
#include "server/state.h"

#include <pthread.h>
#include <stdatomic.h>

/* For metrics.c. */
struct core_counts {
	int64_t start_us;
	struct histogram group;  /* calls */
	struct histogram commit; /* seconds */
	uint64_t failed;         /* groups */
	uint64_t executions[EXECUTION_STATUS_COUNT], jobs[JOB_STATUS_COUNT];
};
extern const double core_group_bounds[HISTOGRAM_BOUNDS], core_commit_bounds[HISTOGRAM_BOUNDS];

struct core_item {
	struct call *call;
	call_handler *handler;
};

struct log_growth {
	uint32_t execution;
	bool is_error;
	int64_t length;
};

struct core_answer {
	struct call *call;
	json_t *value; /* NULL: call->problem, or bytes where status is set */
	int status;
	const char *content_type; /* of bytes */
	known_answer *known;      /* or what answers once this group is known, */
	call_handler *handler;    /* and who begins again where it cannot */
};

/* A row whose columns in the mask are to be written, where its status is still `before`. */
struct row_change {
	const void *row;
	uint64_t mask;
	int before;
};

struct log_puts;
struct prune;
struct recruit;

struct core {
	struct store *store;
	struct core_options options;
	const struct log *log;
	struct state state;
	struct timers timers;

	struct known *known; /* of state, as of the last COMMIT, for others */
	atomic_bool leads;   /* this server leads its database; for other threads to look at */

	pthread_mutex_t lock;
	VEC(struct core_item) queue; /* under lock, as are the next seven */
	char *url;                   /* to be announced; NULL: it was */
	struct core_message *told, **told_end;
	bool stopping;
	bool woken; /* the eventfd was written and not read yet */
	bool held;  /* by the core thread, which is not asleep, or in core_run_here() */
	pthread_cond_t released;
	int wake;
	pthread_t thread;
	bool started;

	/* The group. */
	struct arena arena; /* until its end */
	VEC(struct core_item) taken;
	VEC(struct core_answer) answers;
	VEC(struct feed_event) news;  /* published after COMMIT */
	VEC(struct log_growth) grown; /* the same, of logs that may be followed */
	struct call *current;         /* being handled; NULL once it is answered or parked */
	/* Rows of executions that are not inserted yet; their texts live in the group. */
	VEC(struct execution) granted;
	VEC(struct row_change) endings; /* of executions that are not in memory any more */
	struct map ahead; /* rows of tasks that may be granted next, by task_id (grant.h) */
	bool writing;     /* a transaction is open */
	bool logging;     /* one of the log file too */
	bool group_failed;
	bool hooked;         /* a run that ended has made a task, which may be granted at once */
	bool tokens_changed; /* in this group, or could not be read since */
	bool again;     /* another group at once: memory was rebuilt, nobody was given work yet */
	bool broken;    /* memory could not be rebuilt: nothing is served until it is */
	int64_t now_ns; /* monotonic, at the start of the group */
	int64_t now_us; /* date, the same */
	size_t calls;   /* of the group */
	struct core_counts counts;
	uint64_t keys;                    /* of calls, kept since the start */
	struct str key_seen;              /* up to this one old keys were looked for last */
	VEC(struct worker_node *) asking; /* whose lease calls are to be looked at */

	struct str refusal; /* why the group failed, as callers are told; empty: nobody knows */
	unsigned failures;  /* groups that failed since one was kept */
	struct timer retry; /* when the next one is tried without being asked */
	struct timer tidy;  /* when memory that large calls used goes back to the system */
	struct timer lead;  /* when a server that leads says so though nothing happens */
	struct timer tally; /* when more of what is done is counted */
	VEC(struct core_item) tallied; /* calls that wait for it */
	struct timer counters;         /* when counters of batches are published */

	struct log_puts *puts;   /* log_put.h; NULL: none are made */
	struct prune *prune;     /* under way; NULL: none is */
	struct jobs *jobs;       /* what is under way of them */
	struct recruit *recruit; /* recruiters: recruit/recruit.h */

	/* For those who watch. */
	atomic_llong group_began_ns; /* 0: between two */
	int64_t group_ns;            /* how long the last one with calls took */
	atomic_bool is_broken;       /* as of the last group */
	atomic_llong refused_ns;     /* when its disk last did not take a change; 0: never */

	/* The private server. */
	struct timer attention; /* when nobody will be attached any more; then, when to end */
	int64_t attached_until; /* at least, whoever follows what */
	bool ending;            /* workers are asked to stop */
	bool ended;             /* may_end was called */
};

/* The core thread looks again, if it sleeps. Any thread. */
void core_wake(struct core *core);

/* core_start() without its thread, one turn of its loop, and the end of it: for tests, which are
   the core thread themselves. */
bool core_load(struct core *core, struct problem *problem);
void core_step(struct core *core);
void core_end(struct core *core);
/* Nanoseconds of the monotonic clock, or of the test's. */
int64_t core_clock(const struct core *core);

/* Answer, after COMMIT. The JSON reference is stolen. */
void core_reply(struct core *core, struct call *call, int status, json_t *value);
/* The same with call->reply's bytes. */
void core_reply_bytes(struct core *core, struct call *call, int status, const char *type);
/* The same with what is known once this group is (known.h). Where that is not enough by then
   the handler gets the call again. */
void core_reply_known(struct core *core, struct call *call, known_answer *answer,
                      call_handler *handler);
/* Answer with call->problem. */
void core_problem(struct core *core, struct call *call);
/* Set call->problem and answer with it. */
void core_refuse(struct core *core, struct call *call, enum problem_code code, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
/* The call waits: whoever parks it answers it later. */
void core_park(struct core *core);

/* A large call was served: its memory goes back to the system a moment after the last of them. */
void core_tidy_later(struct core *core);

/* Before the first write of a handler. False: the group failed. */
bool core_write(struct core *core);
/* The same for the log file. */
bool core_write_log(struct core *core);
/* A call into the store failed: say so in the log, fail the group. Always false. */
bool core_failed(struct core *core, const char *what);

/* The task, fetched from the database where it is done and not in memory; NULL: there is none, or
   the group failed. */
struct task_node *core_task(struct core *core, int64_t id);

#endif
