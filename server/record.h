/*
 * What the core reads and writes in the store, with one way to fail: a database
 * error fails the group (core->group_failed) and the function returns false.
 *
 * Statuses and their companions change in memory first; their rows are written
 * once per group, by record_commit(), however often they changed, and the
 * UPDATE tests the status that the row had before. Whoever reads rows within a
 * group flushes first (record_flush()).
 */
#ifndef SERVER_RECORD_H
#define SERVER_RECORD_H

#include "server/columns.h"
#include "server/core_inside.h"

/* Reads; texts live in the group's arena. */

/* By the key in the row. False: no such row, or the group failed. */
bool record_find(struct core *core, enum table_id table, void *row);
bool record_find_execution(struct core *core, int64_t id, struct execution *row);
/* A row that must be there. */
bool record_task(struct core *core, uint32_t id, uint64_t columns, struct task *row);
bool record_execution(struct core *core, uint32_t id, struct execution *row);
/* "task 3 qc:S1", or "task 3" where it has no name. False: the group failed. */
bool record_add_task(struct core *core, uint32_t id, struct str *out);
/* Those of the tasks that there are, in one query; by task_id. */
bool record_tasks(struct core *core, const int64_t *ids, size_t n, uint64_t columns,
                  struct map *rows);
/* What the task requires, and who requires it: of the rows what store_edge says. */
bool record_required(struct core *core, uint32_t id, struct requirement **rows, size_t *n);
bool record_dependents(struct core *core, uint32_t id, struct requirement **rows, size_t *n);
/* The whole rows of what the task requires. */
bool record_requirements(struct core *core, uint32_t id, struct requirement **rows, size_t *n);

/* Writes; the transaction begins with the first. */
bool record_insert(struct core *core, enum table_id table, const void *row);
/* An array of rows; none is nothing. */
bool record_insert_rows(struct core *core, enum table_id table, const void *rows, size_t n);
bool record_update(struct core *core, enum table_id table, const void *row, uint64_t mask);
bool record_upsert(struct core *core, enum table_id table, const void *row, uint64_t mask);
bool record_delete(struct core *core, enum table_id table, const void *row);
/* A new execution; `first`: its task had none before. */
bool record_execution_insert(struct core *core, const struct execution *row, bool first);

/* The changes of this group to a live execution's row: fill fields, add their bits to
   execution->mask. Never NULL. */
struct execution *record_execution_row(struct core *core, struct execution_node *execution);
/* Copy the masked fields into it. */
void record_execution_set(struct core *core, struct execution_node *execution,
                          const struct execution *from, uint64_t mask);
/* It is about to go: they are written with the others that end. */
void record_execution_ended(struct core *core, struct execution_node *execution);

/* Write all rows that memory has changed. */
bool record_flush(struct core *core);
/* record_flush() and COMMIT, of the log file first. Fails the group where that fails. */
void record_commit(struct core *core);
void record_rollback(struct core *core);

#endif
