/*
 * Runs: what a .scitq file submitted, followed as a whole. Counts per step and
 * incidents live in memory for runs that are not ended, and for ended ones
 * that somebody asked for lately; the rows are the truth.
 */
#ifndef SERVER_RUN_H
#define SERVER_RUN_H

#include "server/company.h"
#include "server/core_inside.h"

#define RUN_INCIDENTS 1000 /* kept per run */

/* INCIDENT_TOLD: a task has succeeded, and something that does no harm went wrong. */
enum incident_kind {
	INCIDENT_FAILED,
	INCIDENT_RETRY,
	INCIDENT_LOST,
	INCIDENT_DEPENDENCY,
	INCIDENT_TOLD
};

/* What happened to a task; texts are borrowed. */
struct run_incident {
	enum incident_kind kind;
	uint32_t execution;               /* 0: none */
	int64_t return_code, failed_line; /* INT_NULL: none */
	enum reason reason;
	const char *message, *worker;
};

struct run_step {
	uint32_t batch;
	uint32_t counts[TASK_STATUS_COUNT];
};

struct run_follower {
	struct call *call;
	int64_t since;
};

struct run_node {
	uint32_t id;
	char *name, *digest;
	uint8_t status; /* enum run_status */
	bool detached;
	bool debug; /* what would be granted waits for a person */
	VEC(struct run_step) steps;
	/* Steps, failed and retried hold done tasks too, of those up to this number; UINT32_MAX: of
	   all. They are counted when somebody asks first, not before work is handed out: tally.h.
	 */
	uint32_t counted_to;
	bool counting;                    /* a part at a time */
	uint64_t undone, failed, retried; /* without hooks */
	uint64_t hooks;                   /* that are not done */

	int64_t event; /* number of the last thing that happened, larger after a restart */
	VEC(json_t *) incidents; /* a ring once it is full */
	size_t oldest;
	bool changed; /* in this group */
	bool looked;  /* in state.changed_runs */

	struct timer cancel; /* the next part of its tasks is to be cancelled */
	uint32_t cancelling; /* tasks up to this one, 0: none */
	struct timer sweep;  /* the next part of its tasks is to follow `debug` */
	uint32_t sweeping;   /* tasks from this one on, 0: none */

	VEC(struct run_follower) followers;
	struct company company; /* those who follow by name, also between two calls */
	struct timer follow;
	int64_t answered_ns;    /* when followers were last told */
	int64_t attached_until; /* monotonic; while none follows */
};

/* In memory, loaded where it was not; NULL: there is none, or the group failed. */
struct run_node *run_get(struct core *core, int64_t id);
/* run_get() for a run that must be there. False: the group failed. */
bool run_need(struct core *core, uint32_t id);
/* In memory only. */
struct run_node *run_find(const struct state *state, uint32_t id);
/* Add one read from the database, without counts. */
struct run_node *run_add(struct state *state, const struct run *row);
/* A step of it that may have no task yet. */
void run_add_step(struct state *state, struct run_node *run, uint32_t batch);
/* A done task of it, as its row says, that was not counted. */
void run_add_done(struct state *state, struct run_node *run, uint32_t batch,
                  enum task_status status);
static inline bool run_ended(const struct run_node *run)
{
	return run->status != RUN_SUBMITTING && run->status != RUN_RUNNING;
}
/* Its tasks in this status, without hooks; done ones of a run that is counted. */
uint64_t run_outcome(const struct state *state, const struct run_node *run,
                     enum task_status status);
/* Settings of a batch, in the database and in memory. */
void batch_put(struct core *core, const struct batch *row);
/* Something about it changed: followers are told, its end is looked for. */
void run_touch(struct state *state, struct run_node *run);
/* Look at its followers when the group ends. */
void run_look(struct state *state, struct run_node *run);
/* Somebody who submits or follows it is there. */
void run_attached(struct core *core, struct run_node *run);
void run_incident(struct core *core, uint32_t id, const struct task_node *task,
                  const struct run_incident *incident);
/* A task of it goes from one status to another; TASK_ABSENT for being added and deleted. */
void run_count(struct state *state, uint32_t id, const struct task_node *task, int from, int to);
/* The tasks of a batch were deleted, done ones too. */
void run_forget_batch(struct state *state, struct run_node *run, uint32_t batch);
/* The fields, steps, workers and retried of a run that is counted; NULL: the group failed. */
json_t *run_json(struct core *core, struct run_node *run);
/* Cancel every task of it that is not done: some now, the others in groups that follow, so that
   nobody waits for a million of them. */
void run_cancel(struct core *core, struct run_node *run);
/*
 * Its tasks wait for a person from here on, or do so no more: some follow now, the others in groups
 * behind it. The row says that it is not debugged any more when the last has. On the way into
 * debug none is granted that is still to follow, and a start goes on where the last one was.
 */
void run_set_debug(struct core *core, struct run_node *run, bool debug);
/* Is this task one that is still to be put into debug? */
bool run_sweeps(const struct state *state, uint32_t id);
/* Does what would be granted of the batch wait for whoever debugs the run? 0: no run. */
bool run_holds(const struct state *state, uint32_t run, const struct batch_node *batch);
/* Is something to happen in it without a person? */
bool run_moves(const struct state *state, const struct run_node *run);
void run_set_status(struct core *core, struct run_node *run, enum run_status status);
/* It ends where its last task is done; it goes on where a task was relaunched. */
void run_settle(struct core *core, struct run_node *run);
/* At the end of a group: runs whose last task is done end, relaunched ones go on. */
void runs_settle(struct core *core);
/* Where many ended runs are in memory: let go of those that nobody asks for. */
void runs_forget(struct core *core);
/* Its row is about to be deleted, and it has no task left: memory lets go of it. False where
   somebody follows it, or it has changed in this group. */
bool run_drop(struct state *state, uint32_t id);
void runs_release(struct state *state);

#endif
