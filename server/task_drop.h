/* Deleting tasks: what memory knows of them goes; the rows are the caller's. */
#ifndef SERVER_TASK_DROP_H
#define SERVER_TASK_DROP_H

#include "server/core_inside.h"

/* Nobody waits for it any more, its live execution is forgotten (a worker that leases is told so at
   once), its node goes. Rows must have been flushed. */
void task_drop(struct core *core, uint32_t id, struct task_node *task);
/* An offer is deleted: its task is pending again. */
void execution_drop(struct core *core, struct execution_node *execution);

#endif
