/*
 * What the scheduler knows, in memory: tasks that are not done, their unmet
 * requirements, ready queues per batch, workers, live executions, outstanding
 * signals and runs. The database is the truth; state_load() rebuilds all of
 * this from it, and after every group of calls the two agree (state_check()).
 *
 * This module only keeps the structure consistent: it knows nothing of rules.
 * server/change.c decides what may happen and what follows from it,
 * server/schedule.c who gets which task. Batches, workers and executions are
 * handled by server/fleet.c, runs by server/run.c.
 *
 * Tasks live in pages found by number, since ids are dense: a page goes when
 * all of its tasks are done and nobody waits for one of them. Done tasks are
 * therefore usually not in memory; core_task() fetches one that is asked for.
 *
 * One owner: the core thread.
 */
#ifndef SERVER_STATE_H
#define SERVER_STATE_H

#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/resources.h"
#include "server/task_class.h"
#include "server/timer.h"

#include <jansson.h>
#include <sys/queue.h>

struct call;
struct run_node;
struct job_node;

/* Why a task failed or waits, or an execution failed; the words are protocol (docs/protocol.md). */
enum reason {
	REASON_NONE,
	REASON_EXIT,
	REASON_SIGNAL,
	REASON_TIMEOUT,
	REASON_MEMORY,
	REASON_DOWNLOAD,
	REASON_UPLOAD,
	REASON_OUTPUT,
	REASON_START,
	REASON_CANCELLED,
	REASON_LOST,
	REASON_DISK,
	REASON_CONTAINER,
	REASON_DEPENDENCY,
	REASON_FAILED,  /* as a v1 client says it, without saying why */
	REASON_EVICTED, /* its machine was taken away */
	REASON_COUNT
};
extern const char *const reason_words[REASON_COUNT]; /* NULL for REASON_NONE */
/* REASON_COUNT where the word is none of them; NULL is REASON_NONE. */
enum reason reason_parse(const char *word);
/* That of an execution that was given up: its worker has nothing to say of it any more. */
bool reason_gives_up(const char *word);

#define TASK_ABSENT 0xff /* in task_node.status: not in memory */

enum {
	TASK_QUEUED = 1 << 0, /* in the ready queue of its batch */
	TASK_DIRTY = 1 << 1,  /* its row is to be written before the group ends */
	TASK_TOLD = 1 << 2, /* also attempts, losses, evictions, reason, partial, where a pause came
	                       from */
	TASK_PARTIAL = 1 << 3, /* what it gives lacks something: see task.partial */
	TASK_GATHERS = 1 << 4, /* has, or had, an edge with a rule */
};

/* 32 bytes. */
struct task_node {
	uint32_t link;  /* queued: the id before it, 0 at the head; else its live execution, 0: none
	                 */
	uint32_t next;  /* queued: the id behind it, 0 at the tail */
	uint32_t class; /* in state.classes: batch, run, priority, retry, weight */
	uint32_t dependents; /* first edge of those that wait for it, 0: none */
	uint32_t requires;   /* first edge to what it waits for, 0: none */
	uint32_t epoch;
	uint16_t attempts;
	unsigned losses : 4, evictions : 4; /* up to their limits: change.h */
	uint8_t status;                     /* enum task_status, or TASK_ABSENT */
	uint8_t before;                     /* status in the database, while dirty */
	uint8_t resume;                     /* enum task_status, or TASK_ABSENT for none */
	uint8_t reason;                     /* enum reason */
	uint8_t flags;
};

#define TASK_PAGE_SIZE 128

struct task_page {
	struct task_node *nodes; /* NULL: none of them is in memory */
	bool checked;            /* in state.leaving */
};

/*
 * Of an edge to one of a gather: may_fail of those may. Such an edge stays when its task has
 * failed, until the one that waits is ready. Kept beside the edges, since few servers have any.
 */
struct edge_rule {
	uint32_t gather; /* from 1; 0: no rule, what it waits for must succeed */
	uint32_t may_fail;
	uint32_t failed; /* its task has, as that many of the gather; 0: it has not */
};

/* `task` waits for `other`, which is not done or failed. */
struct edge {
	uint32_t task, other;
	uint32_t next_dependent, prev_dependent; /* among those of `other` */
	uint32_t next_required,
	        prev_required; /* among those of `task`; before the first: the last */
};

/* Those of one priority that take the same number of GPUs and about the same time. */
struct ready_queue {
	int32_t priority;
	uint32_t band; /* of task_class.need, rounded down */
	int64_t gpu;
	uint32_t head, tail; /* task ids */
	uint32_t n;
};

struct batch_node {
	uint32_t index;
	char *name;
	bool stored; /* has a row of its own */
	bool paused;
	bool hook;    /* its tasks do not count for the outcome of their run */
	uint32_t run; /* run_id that made it, 0: none */
	int64_t concurrency, lease_seconds;
	int64_t depth;
	uint32_t counts[TASK_STATUS_COUNT]; /* of failed and succeeded those up to state.tasks_to */
	VEC(struct ready_queue) queues;     /* highest priority first, then by band; none empty */
	uint32_t ready;                     /* tasks in them */
	VEC(struct serve *) serves;         /* whose pattern matches */
	uint32_t step_run, step;            /* where task_step() last found it */
	bool moved;                         /* in state.moved */
	bool changed;                       /* in state.changed */
};

TAILQ_HEAD(worker_list, worker_node);
TAILQ_HEAD(execution_list, execution_node);

/* The workers of one batch name or pattern. */
struct serve {
	char *pattern;
	bool wild;                      /* holds a * */
	VEC(struct batch_node *) ready; /* matching, not paused, with ready tasks */
	struct worker_list hungry[2];   /* by enum room - 1: may be given a task now */
	uint32_t workers;
	uint32_t present; /* of them alive, not offline and not drained */
	uint32_t roomy;   /* workers that could run one more, whether or not they ask now */
	bool dirty;       /* in state.dirty_serves */
};

enum room { ROOM_NONE, ROOM_RUN, ROOM_SPARE };

struct signal_node {
	uint32_t id;
	uint32_t execution; /* 0: for the worker itself */
	int signal;
	int64_t delivered_ns; /* INT64_MIN: not yet */
};

/* What a task of a batch that the worker serves no more takes of it: worker.task_properties. */
struct share {
	char *batch;
	double weight;
};

struct worker_node {
	uint32_t id;
	char *name, *boot_id, *instance; /* the last two may be NULL */
	struct serve *serve;             /* NULL: serves nothing */
	int64_t concurrency, prefetch;
	double cpus;
	int64_t ram, gpus;
	uint32_t epoch;
	bool leases, admin_paused, offline, alive;
	bool evicted; /* while not alive: evicted rather than failed */
	bool drained; /* its machine ends soon: it gets nothing any more (deadline.h) */
	int64_t since_us,
	        end_us;   /* dates: when it was made; when its machine ends, DATE_NULL: never */
	int64_t end_ns;   /* the same, monotonic; INT64_MAX: never */
	struct timer end; /* when it is drained */

	struct execution_list running; /* those whose weights count */
	struct execution_list spare;   /* held ready beyond them */
	double used;                   /* sum of the weights of `running` */
	uint32_t spares;

	int64_t heard_ns;     /* when it last spoke */
	int64_t leased_ns;    /* when it last spoke or was answered: its leases count from here */
	int64_t recorded_ns;  /* when last_contact_date was last written */
	bool spoke;           /* in state.spoken */
	struct timer silence; /* offline, then lost */
	uint32_t ended[EXECUTION_STATUS_COUNT]; /* latest executions up to state.executions_to */

	struct call *waiting; /* its lease call */
	struct timer poll;
	json_t *reply;      /* results, logs and forget of its reply so far; NULL: none */
	struct str grants;  /* the grants of it, as text */
	int64_t extra;      /* its wish in that call */
	bool answer;        /* the call that waits is answered when the group ends */
	bool looked;        /* in core.asking */
	bool shutdown_told; /* asked to end: gets nothing any more */

	enum room room; /* as of the last worker_place() */
	bool changed;   /* in state.changed */
	bool counted;   /* in serve->roomy */
	bool present;   /* in serve->present */
	TAILQ_ENTRY(worker_node) hungry;

	VEC(struct signal_node) signals;

	VEC(struct share) shares;
	uint32_t given;      /* the last execution that it was given since memory was loaded */
	int64_t idle_ns;     /* since when it has had nothing to do; 0: it has (recruit/idle.h) */
	uint32_t idle_given; /* the last execution as of then */
};

struct execution_node {
	uint32_t id, task, epoch;
	uint32_t seq; /* last event applied since the server started */
	struct worker_node *worker;
	TAILQ_ENTRY(execution_node) held; /* in worker->running or ->spare */
	double weight;
	uint8_t status, before;
	bool current; /* its task is out with it; else only its end is awaited */
	bool spare;
	bool have; /* scratch of reconciliation */
	bool dirty;
	int64_t granted_ns;                   /* when a reply last granted it */
	int64_t stdout_length, stderr_length; /* -1: not asked yet */
	struct execution *row;                /* what changed in this group; in the group's arena */
	uint64_t mask;
};

/* What others may see of it changed since the last COMMIT (known.h). */
struct changed {
	VEC(uint32_t) tasks; /* in whatever order, also twice */
	VEC(struct batch_node *) batches;
	VEC(uint32_t) workers; /* they may be gone */
};

/* A task that failed with what it requires, and one of those that failed; 0: none. */
struct lost {
	uint32_t task, other;
};
/* So many are remembered, by the task's number. */
#define STATE_LOST 1024

struct state {
	struct timers *timers;

	struct task_page *pages;
	uint32_t npages;
	VEC(struct task_node *) slabs; /* many pages each, so that the heap is not torn */
	struct task_node *free_page;   /* the next one is named in its first bytes */
	VEC(uint32_t) leaving;         /* pages to look at when the group ends */
	VEC(uint32_t) dirty_tasks;
	VEC(struct execution_node *) dirty_executions;
	VEC(struct worker_node *) spoken; /* in this group */
	struct changed changed;
	VEC(struct edge) edges; /* [0] unused */
	uint32_t free_edge;
	VEC(struct edge_rule)
	edge_rules; /* by number of the edge, as far as the last with a rule */
	struct lost lost[STATE_LOST];
	struct task_classes classes;

	VEC(struct batch_node *) batches;
	struct map batch_names;
	VEC(struct batch_node *) moved; /* whose counters changed and were not published yet */
	VEC(struct serve *) serves;
	VEC(struct serve *) dirty_serves;
	uint32_t tasks_to,
	        executions_to; /* done ones that are counted; UINT32_MAX: all (tally.h) */

	VEC(struct worker_node *) workers; /* by id; NULL where there is none */
	struct map worker_names;
	struct map executions;       /* live ones, by id */
	VEC(struct run_node *) runs; /* live ones, and ended ones somebody asked for */
	VEC(struct run_node *) changed_runs;
	VEC(struct job_node *) jobs; /* open ones, by id; job.h */

	uint32_t last_task, last_execution, last_worker, last_signal, last_requirement, last_run,
	        last_job, last_token, last_audit;
	uint64_t undone; /* tasks not done */
	uint32_t ending; /* workers whose machine ends */
	uint32_t sweeps; /* runs of which tasks are still to follow `debug` */
	bool stirred;    /* tasks moved in this group: recruiters are to look */
	uint32_t live;   /* executions */
};

void state_init(struct state *state, struct timers *timers);
/* Frees everything but answers nobody: calls that wait must be gone before. */
void state_release(struct state *state);

/* Tasks. */
struct task_node *state_task(const struct state *state, uint32_t id); /* NULL: not in memory */
/* A zeroed node with that id, status TASK_ABSENT; the caller fills it and calls
   state_task_enter(). */
struct task_node *state_task_place(struct state *state, uint32_t id);
/* With its status in `before`: count it, and queue it where it is pending. */
void state_task_enter(struct state *state, uint32_t id, struct task_node *task);
/* The same for a done task that was counted before and is only looked at again. */
void state_task_fetched(struct state *state, uint32_t id, struct task_node *task);
/* Change its status: counts and queue follow, the row becomes dirty. */
void state_task_status(struct state *state, uint32_t id, struct task_node *task,
                       enum task_status status);
/* Give it another class; queue and counts follow. */
void state_task_reclass(struct state *state, uint32_t id, struct task_node *task,
                        const struct task_class *class);
/* It has this live execution now, 0 for none any more; the queue follows. */
void state_task_hold(struct state *state, uint32_t id, struct task_node *task, uint32_t execution);
static inline uint32_t task_execution(const struct task_node *task)
{
	return task->flags & TASK_QUEUED ? 0 : task->link;
}
static inline const struct task_class *class_of(const struct state *state,
                                                const struct task_node *task)
{
	return task_class_get(&state->classes, task->class);
}
static inline struct batch_node *batch_of(const struct state *state, const struct task_node *task)
{
	return state->batches.v[class_of(state, task)->batch];
}
void state_task_dirty(struct state *state, uint32_t id, struct task_node *task);
/* Put into, or take out of, the ready queue as its status and execution say. */
void state_task_queue(struct state *state, uint32_t id, struct task_node *task);
/* Forget it, its edges and counts: it is deleted. It must have no live execution. */
void state_task_remove(struct state *state, uint32_t id, struct task_node *task);
/* Look at its page when the group ends. */
void state_task_leaving(struct state *state, uint32_t id);
/* Free pages that nobody needs; when the group has been committed. */
void state_trim(struct state *state);

/* What others may see of it changed. */
void state_batch_changed(struct state *state, struct batch_node *batch);
/* Its counters, or what is told with them, changed. */
void state_batch_moved(struct state *state, struct batch_node *batch);

/* Edges. A task waits while it has one to something else. */
uint32_t state_unmet(const struct state *state, const struct task_node *task);
struct edge_rule edge_rule_of(const struct requirement *row);
void state_edge_add(struct state *state, uint32_t task, uint32_t other, struct edge_rule rule);
struct edge_rule state_edge_rule(const struct state *state, uint32_t edge);
/* What it waits for has failed, or has not any more. */
void state_edge_settle(struct state *state, uint32_t edge);
/* Has more of what it waits for failed than may? */
bool state_edges_hopeless(const struct state *state, const struct task_node *task);
/* Nothing is left to wait for but failures that may be. */
bool state_edges_over(const struct state *state, const struct task_node *task);
bool state_edge_find(const struct state *state, uint32_t task, uint32_t other, uint32_t *edge);
void state_edge_remove(struct state *state, uint32_t edge);
void state_edges_drop(struct state *state, uint32_t task); /* all that it waits for */

#endif
