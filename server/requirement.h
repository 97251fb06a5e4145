/* Requirements between tasks that exist: added, replaced, removed. */
#ifndef SERVER_REQUIREMENT_H
#define SERVER_REQUIREMENT_H

#include "server/core_inside.h"

/* May the task wait for these? Not for one that waits for it already. False with call->problem set.
 */
bool requirement_allowed(struct core *core, struct call *call, uint32_t id,
                         const struct requirement *rows, size_t n);
/* Replace all requirements of the task. False: the group failed. */
bool requirement_replace(struct core *core, uint32_t id, struct task_node *task,
                         struct requirement *rows, size_t n);

#endif
