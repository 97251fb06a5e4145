/*
 * Signals on their way to executions. One is a row until the worker says that
 * it took effect, or the execution ends; until then it is handed over again:
 * to a worker that leases after SIGNAL_AGAIN_NS, to a polling v1 worker, which
 * never says so, kill and term every SIGNAL_V1_AGAIN_NS and others once.
 */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include "server/core_inside.h"

#define SIGNAL_AGAIN_NS (2 * INT64_C(1000000000))
#define SIGNAL_V1_AGAIN_NS (30 * INT64_C(1000000000))

/* execution 0: for the worker itself. A worker that waits is answered in this group. */
void signal_add(struct core *core, struct worker_node *worker, uint32_t execution, int number);
/* It took effect; unknown ones were acknowledged before. */
void signal_acknowledged(struct core *core, struct worker_node *worker, int64_t id);
/* The execution ended: its signals go. False: the group failed. */
bool signals_ended(struct core *core, const struct execution_node *execution);
/* Those that are due for a worker that leases, appended as {signal_id, execution_id, signal}. */
void signals_due(struct core *core, struct worker_node *worker, json_t *array);
/* Those that are due for a polling worker, as {execution_id, worker_id, signal}. */
void signals_hand_over(struct core *core, struct worker_node *worker, json_t *array);
/* One as its worker reads it. */
json_t *signal_json(const struct worker_node *worker, const struct signal_node *signal);
/* When the next one will be due; INT64_MAX: none is outstanding. */
int64_t signals_next_ns(const struct worker_node *worker);

#endif
