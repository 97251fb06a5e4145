/*
 * What happened in the group, for the feed. Whoever writes a row says so here;
 * news_commit() publishes all of it after COMMIT, news_drop() forgets it where the
 * group failed. Counters of batches are published a moment after they changed,
 * once for all that happened until then.
 *
 * record.c calls most of these, since every row is written there.
 */
#ifndef SERVER_NEWS_H
#define SERVER_NEWS_H

#include "server/core_inside.h"
#include "server/feed.h"

/* A task in memory; new ones that follow each other are told as one. */
void news_task(struct core *core, uint32_t id, const struct task_node *task,
               enum feed_change change);
/* `worker` 0: none any more. */
void news_execution(struct core *core, uint32_t id, uint32_t task, uint32_t worker,
                    enum execution_status status, enum feed_change change);
/* A row of another table was written; the masked fields of it are set. Tables that the feed does
   not tell of are nothing. */
void news_row(struct core *core, enum table_id table, const void *row, uint64_t mask,
              enum feed_change change);
/* What a recruiter decided. */
struct decision;
void news_decision(struct core *core, const struct recruiter *row, const struct decision *decision);
/* The log has this length now. */
void news_log(struct core *core, uint32_t execution, bool is_error, int64_t length);
/* The batch is deleted with all its tasks. */
void news_batch_deleted(struct core *core, const char *name);

void news_commit(struct core *core);
void news_drop(struct core *core);

#endif
