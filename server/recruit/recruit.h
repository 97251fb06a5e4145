/*
 * Recruiters at work. A moment after something happened that bears on them (tasks or
 * workers moved, a row of theirs was written) all of them are looked at, in the order of
 * their ranks: each may take over workers that others need no more, and have new ones
 * made by queueing jobs (server/job.h). Then deployed workers that have been idle for long
 * are given back. What is decided is told as an event and kept for whoever asks why.
 *
 * record.c says which rows are written, the state that tasks moved; core.c calls
 * recruit_finish() at the end of every group. All on the core thread.
 */
#ifndef SERVER_RECRUIT_RECRUIT_H
#define SERVER_RECRUIT_RECRUIT_H

#include "server/recruit/roster.h"

struct recruit {
	struct roster roster;
	struct timer timer;                        /* when they are looked at */
	bool stirred;                              /* a row was written in this group */
	uint64_t decisions[DECISION_REASON_COUNT]; /* told since the start, for metrics.c */
	uint64_t recycled, deployed, returned;     /* workers, the same */
};

struct recruit *recruit_new(void);
void recruit_free(struct core *core);
/* Memory was loaded: all is looked at soon. */
void recruit_begin(struct core *core);
/* A row of the table was written, the masked fields of it. */
void recruit_note(struct core *core, enum table_id table, uint64_t mask);
/* A group ends: where it stirred something the recruiters will be looked at. */
void recruit_finish(struct core *core);
struct job_node;
/* A job that makes a worker has succeeded or failed. */
void recruit_learn(struct core *core, const struct job_node *job);
/* A machine was taken away: the next one may come from elsewhere, for a little more. */
void recruit_evicted(struct core *core, const struct worker_node *worker);
/* The machine of a worker that came ends: the next one there will not last longer. */
void recruit_lasts(struct core *core, const struct worker_node *worker);
/* Look at them at this moment (monotonic) at the latest. */
void recruit_at(struct core *core, int64_t at_ns);

/* Bring up to date all that they know, for recruit_weigh() and choice.h. False: the group failed.
 */
bool recruit_ready(struct core *core);
/* What the recruiter would do now, without doing it. False: the group failed. */
bool recruit_weigh(struct core *core, const struct roster_recruiter *node,
                   struct decision *decision);

#endif
