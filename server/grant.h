/*
 * A grant as the lease reply has it (docs/protocol.md), printed straight into
 * text: thousands a second are made, each of them once.
 */
#ifndef SERVER_GRANT_H
#define SERVER_GRANT_H

#include "server/core_inside.h"

/* The columns of a task that a grant needs. */
extern const uint64_t grant_columns;
/* Appended to the grants of the worker's reply. `task` holds grant_columns. */
void grant_print(struct str *out, const struct execution_node *execution, const struct task *task);

#endif
