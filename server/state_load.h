/*
 * Memory from the database: at the start, and after a group that failed. Every
 * worker has then spoken just now, so that each lease gets its full time again.
 */
#ifndef SERVER_STATE_LOAD_H
#define SERVER_STATE_LOAD_H

#include "server/core_inside.h"

/* Into an empty state. False: the database cannot be read; the state is then to be released. What
   the rows leave open (a waiting task without requirements) is settled, and written by the next
   commit. */
bool state_load(struct core *core, struct problem *problem);
/* The node of a task as its row says, without entering it. */
void state_task_read(struct state *state, struct task_node *node, const struct task *row);

/* What the row says of a worker that memory needs, into its node. */
void state_worker_read(struct state *state, struct worker_node *node, const struct worker *row);

/*
 * For tests: compare memory with the database. True where they agree; else the
 * first difference is in *problem.
 */
bool state_check(struct core *core, struct problem *problem);

#endif
