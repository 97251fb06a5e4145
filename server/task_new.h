/* Creating tasks: one from POST /tasks/, thousands from POST /tasks/bulk. */
#ifndef SERVER_TASK_NEW_H
#define SERVER_TASK_NEW_H

#include "server/core_inside.h"

/* Read what a client sent for a new task; whether its requirements and run exist is not looked at.
   False with call->problem set. */
bool task_new_read(struct call *call, json_t *object, struct task *row);
/* The run that new tasks join: it must be there and not ended. 0 is no run. */
bool task_new_run(struct core *core, struct call *call, int64_t run_id);
/* What a client may send of a requirement: gather and may_fail stand together. */
bool task_requirement_check(struct call *call, const struct requirement *row);
/* Sort by other_task_id and make that unique: what must succeed goes before what may fail. The
   number of those left. */
size_t task_requirements_unique(struct requirement *rows, size_t n);
/*
 * Insert the row and its requirements, whose tasks exist, each once. Fills task_id,
 * dates and the status that the requirements allow. It is granted in this group
 * at the earliest. False: the group failed.
 */
bool task_new_enter(struct core *core, struct task *row, struct requirement *required, size_t n);
/*
 * The same in three steps, for many: each is placed in memory, fills the row and its
 * requirements; the caller inserts all these rows; then each is settled.
 */
bool task_new_place(struct core *core, struct task *row, struct requirement *required, size_t n);
bool task_new_settle(struct core *core, uint32_t id);
/* Insert the requirement rows of a task. */
bool task_require(struct core *core, uint32_t id, struct requirement *required, size_t n);

#endif
