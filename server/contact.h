/*
 * When a worker last spoke, and what its silence means: after a minute it is
 * offline and gets nothing new; when the lease of an execution has run out (the
 * worker has then stopped it) the execution is lost. After a start of the
 * server every worker has spoken just now.
 */
#ifndef SERVER_CONTACT_H
#define SERVER_CONTACT_H

#include "server/change.h"

/* The worker speaks. */
void contact_made(struct core *core, struct worker_node *worker);
/* A worker was added or loaded: it has spoken just now, and is watched from here. */
void contact_begin(struct core *core, struct worker_node *worker);
/* Set its timer for the next moment at which its silence means something. */
void contact_watch(struct core *core, struct worker_node *worker);
/* Its row gets the status that its node says; where that or its right to work changed. */
void contact_status(struct core *core, struct worker_node *worker);
/* Offers to a polling worker that it can no longer take are withdrawn. */
void contact_withdraw(struct core *core, struct worker_node *worker);
/* All that it holds is lost at once. */
void contact_lose(struct core *core, struct worker_node *worker, enum loss loss);
/* When the execution's lease is over, as long as nothing is heard: monotonic. */
int64_t contact_expiry_ns(const struct core *core, const struct execution_node *execution);
/* Seconds that an execution of this task may go on without contact. */
int64_t lease_seconds(const struct core *core, const struct task_node *task);

#endif
