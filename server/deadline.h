/*
 * Workers whose machine ends at a time that is known: a job of Slurm at its time limit, or what
 * somebody wrote into end_date. Such a worker is given no task that may last longer than it does. A
 * little before its end it is drained: it is given nothing any more, and recruiters see it as
 * one that is gone.
 *
 * What a task may last is its run_timeout, and of staging what its download_timeout and
 * upload_timeout say. One without a run_timeout may last for ever as far as anybody knows: it is
 * given to whoever is not drained, and where the machine ends first it runs again elsewhere. What
 * others of its step took would be a guess, and a guess is not to keep a task from running.
 */
#ifndef SERVER_DEADLINE_H
#define SERVER_DEADLINE_H

#include "server/core_inside.h"

/* Seconds that a task with this row may last on a worker, 0: nobody knows. */
int64_t deadline_need(const struct task *row);

/* Its machine ends then (DATE_NULL: never), in memory. */
void deadline_set(struct core *core, struct worker_node *worker, int64_t end_us);
/* The same, and in its row. False: the group failed. */
bool deadline_told(struct core *core, struct worker_node *worker, int64_t end_us);

/* Whole seconds that the worker lasts from now on; INT64_MAX: for ever. */
int64_t deadline_left(const struct core *core, const struct worker_node *worker);
/*
 * May it hold a task of that need ready until others have ended? Where those all take the time that
 * they may, the task must still be able to end.
 */
bool deadline_spares(const struct core *core, const struct worker_node *worker, int64_t need);

/* Seconds before the end of a machine that lasts so long at which it is drained, or is still
   beginning: a minute, of a short one a tenth. */
int64_t deadline_margin(int64_t seconds);

#endif
