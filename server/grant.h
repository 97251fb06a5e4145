/*
 * A grant as the lease reply has it (docs/protocol.md), printed straight into
 * text: thousands a second are made, each of them once.
 */
#ifndef SERVER_GRANT_H
#define SERVER_GRANT_H

#include "server/core_inside.h"

/* What a grant says of the task, as its current attempt is run. False: the group failed. */
bool grant_read(struct core *core, uint32_t id, const struct task_node *node, struct task *task);
/* Appended to the grants of the worker's reply. `task` is what grant_read() gave. */
void grant_print(struct str *out, const struct execution_node *execution, const struct task *task);

#endif
