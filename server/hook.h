/*
 * Hooks: a task that the server makes whenever a run ends, for its success or its
 * failure, in a batch of its own (NAME.on_success, NAME.on_failure). It is made in
 * the transaction that ends the run, so once for each end: a run that goes on after
 * a relaunch ends anew. Hooks are tasks of the run but do not count for its outcome.
 */
#ifndef SERVER_HOOK_H
#define SERVER_HOOK_H

#include "server/core_inside.h"

/* The hooks in the row of a new run are tasks as POST /tasks/ takes them, as JSON text. False with
   call->problem set. */
bool hook_check(struct call *call, const struct run *row);
/* Make the batches of the hooks that the new run has. */
void hook_batches(struct core *core, const struct run *row);
/* The run has ended so: make the task, where there is a hook for that. */
void hook_start(struct core *core, struct run_node *run, enum run_status status);

#endif
