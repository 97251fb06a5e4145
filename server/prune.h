/*
 * Retention: tasks, runs, jobs and audit entries that ended before a date go, with
 * executions and logs. It is done in small slices, each in a group of its own, so that
 * nobody waits for years of tasks; the call that asked is answered after the last.
 * What is not done, or is waited for, stays.
 */
#ifndef SERVER_PRUNE_H
#define SERVER_PRUNE_H

#include "server/core_inside.h"

/* The call that waits for it, or NULL; nothing more is pruned. What is gone stays gone. */
struct call *prune_take(struct core *core);

#endif
