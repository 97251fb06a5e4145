/*
 * The attempt that a task is in: how often it failed since the last relaunch, and
 * what it is run with for that (model/attempt.h). A class holds the cpus, the memory and
 * the time of the current attempt; everything that changes any of them goes through here.
 */
#ifndef SERVER_ATTEMPT_H
#define SERVER_ATTEMPT_H

#include "server/core_inside.h"

/* Of what the row says, that which attempt_weigh() reads. */
extern const uint64_t attempt_columns;

/* The weight and the time that the row gives the task in this attempt, into its class. */
void attempt_weigh(struct task_class *class, const struct task *row, unsigned attempt);
/* The row's weight or time has changed, or the attempt: class, queue and worker follow. */
void attempt_changed(struct core *core, uint32_t id, struct task_node *task);
/* It has failed so often. Its run must be in memory. */
void attempt_set(struct core *core, uint32_t id, struct task_node *task, unsigned attempts);
/* The row that was read for a grant becomes what this attempt is run with. */
void attempt_apply(struct core *core, const struct task_node *task, struct task *row);

#endif
