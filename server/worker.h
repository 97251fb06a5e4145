/* Changes of workers that others than their own clients make. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "server/core_inside.h"

/*
 * Change the masked fields of the row, and memory with them; what it has cost is charged before
 * it serves something else. Tasks of one that was evicted
 * are pending again at once. False: the group failed.
 */
bool worker_change(struct core *core, struct worker_node *worker, struct worker *row,
                   uint64_t mask);
/* A worker and all that memory and database know of it go. */
void worker_drop(struct core *core, struct worker_node *worker);

#endif
