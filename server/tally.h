/*
 * Counts of what is done, and therefore not in memory: tasks by batch and status
 * (batch_node.counts), latest executions by worker and status (worker_node.ended), and of runs
 * tasks by step (run_node.steps).
 *
 * They are counted once after the start, of runs when somebody asks, a part of the rows at a time
 * so that nobody waits for a million of them, and kept up to date from then on. What has a number
 * up to the cursor is counted, whatever lies behind it will be: so a change is applied where its
 * number is not beyond the cursor.
 */
#ifndef SERVER_TALLY_H
#define SERVER_TALLY_H

#include "server/core_inside.h"

/* Memory was loaded: begin, in a moment. */
void tally_begin(struct core *core);
/*
 * Are they all counted? Where not, the call waits and is handed to the handler again, which then
 * just returns; so it does where the group failed.
 */
bool tally_tasks(struct core *core, struct call *call, call_handler *handler);
bool tally_executions(struct core *core, struct call *call, call_handler *handler);
struct run_node;
/* The same for the tasks of a run. */
bool tally_run(struct core *core, struct run_node *run, struct call *call, call_handler *handler);
/* Is it counted? Where not, it is looked at again (run_look()) once it is; or the group failed. */
bool tally_run_now(struct core *core, struct run_node *run);
/* Every call that waits is put among the answers, without one. */
void tally_take_all(struct core *core);
/* One part more, of what is not counted yet. True: nothing is left. For tests too. */
bool tally_part(struct core *core);
bool tally_run_part(struct core *core, struct run_node *run);

/* A live execution ended; its row is written. */
void tally_ended(struct core *core, const struct execution_node *execution);
/* The task's latest execution is about to be its latest no more, or to be deleted. False: the group
   failed. */
bool tally_superseded(struct core *core, uint32_t task);
/* Executions are counted anew: many of them went, or somebody chose which is the latest. */
void tally_again(struct core *core);

#endif
