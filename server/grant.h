/*
 * A grant as the lease reply has it (docs/protocol.md), printed straight into
 * text: thousands a second are made, each of them once.
 */
#ifndef SERVER_GRANT_H
#define SERVER_GRANT_H

#include "server/core_inside.h"

/*
 * The row becomes what the task is run with in its current attempt. *left gets the number of URIs
 * that are left out of input and resource, since who should have written them failed. False: the
 * group failed.
 */
bool grant_settle(struct core *core, uint32_t id, const struct task_node *node, struct task *task,
                  uint32_t *left);
/* The same of a row that is read now, as far as a grant needs it. */
bool grant_read(struct core *core, uint32_t id, const struct task_node *node, struct task *task,
                uint32_t *left);
/*
 * Read the rows of tasks that are about to be granted in one query, for the grant_read()s that
 * follow. grant_forget() ends that: a row is not to be older than its grant by more than that.
 */
void grant_ahead(struct core *core, const int64_t *ids, size_t n);
bool grant_is_ahead(const struct core *core, int64_t id);
void grant_forget(struct core *core);
/* Appended to the grants of the worker's reply. `task` is what grant_read() gave. */
void grant_print(struct str *out, const struct execution_node *execution, const struct task *task);

#endif
