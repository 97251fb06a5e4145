/* Creating tasks: one from POST /tasks/, thousands from POST /tasks/bulk. */
#ifndef SERVER_TASK_NEW_H
#define SERVER_TASK_NEW_H

#include "server/core_inside.h"

/* Read what a client sent for a new task; whether its requirements and run exist is not looked at.
   False with call->problem set. */
bool task_new_read(struct call *call, json_t *object, struct task *row);
/* The run that new tasks join: it must be there and not ended. 0 is no run. */
bool task_new_run(struct core *core, struct call *call, int64_t run_id);
/* Sort and make unique; the number of those left. */
size_t task_ids_unique(int64_t *ids, size_t n);
/*
 * Insert the row and its requirements, which exist, each once. Fills task_id,
 * dates and the status that the requirements allow. It is granted in this group
 * at the earliest. False: the group failed.
 */
bool task_new_enter(struct core *core, struct task *row, const int64_t *required, size_t n);
/* Insert the requirement rows of a task. */
bool task_require(struct core *core, uint32_t id, const int64_t *required, size_t n);

#endif
