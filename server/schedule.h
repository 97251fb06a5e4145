/*
 * Who gets which task. Run once at the end of every group: where a pattern has
 * both ready batches and hungry workers, tasks are granted (to workers that
 * lease) or offered (to polling v1 workers) until one side runs out. Only such
 * patterns are looked at, and of their tasks only the first of each queue. Who
 * has which time left to end one is told by deadline.h.
 */
#ifndef SERVER_SCHEDULE_H
#define SERVER_SCHEDULE_H

#include "server/core_inside.h"

void schedule_run(struct core *core);
/* Grant a pending task to a worker that leases, offer it to one that polls. NULL: the group failed.
 */
struct execution_node *schedule_give(struct core *core, struct worker_node *worker, uint32_t id);

#endif
