/*
 * Batches, the patterns that workers serve, workers and live executions: the
 * half of the state that is not tasks. A worker with room that asks for work
 * stands in the hungry list of its pattern; a batch with ready tasks stands in
 * the ready list of every pattern that matches it. Where both lists of one
 * pattern have members there is something to grant (server/schedule.c), and
 * nobody else is looked at.
 */
#ifndef SERVER_FLEET_H
#define SERVER_FLEET_H

#include "server/state.h"

void fleet_release(struct state *state);

struct batch_node *state_batch(struct state *state, const char *name); /* made where new */
struct batch_node *state_batch_find(const struct state *state, const char *name);
void state_batch_pause(struct state *state, struct batch_node *batch, bool paused);
/* Its first task came, or its last one went: called by the ready queues. */
void fleet_batch_ready(struct state *state, struct batch_node *batch);
/* The queue whose head goes next to a worker that has so many GPUs and lasts so many seconds
   (INT64_MAX: for ever); NULL: nothing is ready that it could run and end. */
const struct ready_queue *state_batch_first(const struct state *state,
                                            const struct batch_node *batch, int64_t gpus,
                                            int64_t seconds);
/* The first task that the batch would grant, 0: none. */
uint32_t state_batch_head(const struct state *state, const struct batch_node *batch);
/* What a worker must last to be given any of them; 0 also where none is ready. */
int64_t state_batch_least(const struct state *state, const struct batch_node *batch);
/* A * stands for any text, also an empty one; everything else for itself. */
bool pattern_matches(const char *pattern, const char *name);

struct worker_node *state_worker(const struct state *state, int64_t id);
struct worker_node *state_worker_named(const struct state *state, const char *name);
/* Alive; the caller fills the rest, calls state_worker_place() and contact_begin(). */
struct worker_node *state_worker_add(struct state *state, uint32_t id, const char *name);
void state_worker_rename(struct state *state, struct worker_node *worker, const char *name);
/* NULL or "": nothing. */
void state_worker_serve(struct state *state, struct worker_node *worker, const char *pattern);
/* What others may see of it, its counts too, changed. */
void state_worker_changed(struct state *state, struct worker_node *worker);
/* It must hold no execution and no call. */
void state_worker_remove(struct state *state, struct worker_node *worker);
/* Compute its room anew after anything that bears on it changed; it joins the hungry or leaves
   them. */
void state_worker_place(struct state *state, struct worker_node *worker);
/* May it be given work at all? */
bool worker_may_take(const struct worker_node *worker);
/* Neither runs anything nor holds anything ready. */
static inline bool worker_holds_nothing(const struct worker_node *worker)
{
	return TAILQ_EMPTY(&worker->running) && TAILQ_EMPTY(&worker->spare);
}
enum worker_status worker_status_of(const struct worker_node *worker);
/* The batch or pattern that it serves, NULL: none. */
const char *worker_batch(const struct worker_node *worker);

struct execution_node *state_execution(const struct state *state, int64_t id);
/*
 * A live execution of the task, held by the worker: among its running where the weight fits and no
 * spare waits before it, else among its spare. The task leaves the ready queue.
 */
struct execution_node *state_execution_add(struct state *state, uint32_t id, uint32_t task_id,
                                           struct task_node *task, struct worker_node *worker);
/* It ended, and is freed. Spares of the worker move up; the task may be queued again. */
void state_execution_remove(struct state *state, struct execution_node *execution);
/* Weights of all that the worker holds, anew: its concurrency or a batch's changed. */
void state_worker_weigh(struct state *state, struct worker_node *worker);
/* The same for all workers. */
void fleet_weigh_all(struct state *state);
double state_task_weight(const struct state *state, const struct task_node *task,
                         const struct worker_node *worker);
/*
 * Weights of tasks of batches that the worker serves no more, which it still holds: without them
 * the concurrency that it has for its new batch would weigh them. Read from the JSON text of a
 * row; what is no object of numbers is nothing.
 */
void fleet_shares_read(struct worker_node *worker, const char *text);
/* The text of what they are once it serves `batch`. */
const char *fleet_shares_text(const struct state *state, const struct worker_node *worker,
                              const char *batch, struct arena *arena);
bool weight_fits(const struct worker_node *worker, double weight);

/* Have schedule_run() look at it. */
void state_serve_dirty(struct state *state, struct serve *serve);

#endif
