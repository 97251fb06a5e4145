/*
 * The lease protocol of workers (docs/protocol.md): registration, and the long
 * poll that is heartbeat, report, reconciliation and request for work. A lease
 * call is always parked first; lease_finish() answers it at the end of the
 * group where there is something to say, else it waits for that.
 */
#ifndef SERVER_LEASE_H
#define SERVER_LEASE_H

#include "server/core_inside.h"

/* Add a grant to the reply of the worker's waiting call; see grant_print(). */
void lease_grant(struct core *core, struct worker_node *worker, struct execution_node *execution,
                 const struct task *task);
/* Answer the call of the worker, if one waits, when the group ends. Else nothing. */
void lease_answer(struct core *core, struct worker_node *worker);
/* Look at the worker's waiting call when the group ends. */
void lease_look(struct core *core, struct worker_node *worker);
/* End of the group: build the replies that are due, park the rest. */
void lease_finish(struct core *core);
/* The worker is about to be freed: it is looked at no more. */
void lease_forget(struct core *core, struct worker_node *worker);
/*
 * Whether the worker still is where its call waits: one that ended would hold what it is granted
 * for the whole lease, and never know. A call that nobody waits for does not wait any more, nor
 * does one whose token is not in force any more.
 */
bool lease_stands(struct core *core, struct worker_node *worker);
/* Take the call that waits away from the worker, without an answer; NULL: none. */
struct call *lease_take(struct core *core, struct worker_node *worker);

#endif
