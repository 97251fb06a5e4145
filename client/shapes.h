/*
 * Rows that the server answers and no table holds, declared as model/resources.h declares those
 * that one does.
 */
#ifndef CLIENT_SHAPES_H
#define CLIENT_SHAPES_H

#include "model/field.h"
#include "model/status.h"

/* clang-format off */

#define BATCH_COUNTS_FIELDS(F) \
F(TEXT, batch,             FIELD_KEY, "null", "name of the batch") \
F(INT,  pending,           FIELD_NULL, "null", "tasks that can be taken; null: none") \
F(INT,  accepted,          FIELD_NULL, "null", "tasks that a worker has accepted; null: none") \
F(INT,  running,           FIELD_NULL, "null", "tasks that run; null: none") \
F(INT,  failed,            FIELD_NULL, "null", "tasks that failed; null: none") \
F(INT,  succeeded,         FIELD_NULL, "null", "tasks that succeeded; null: none") \
F(TEXT, workers,           FIELD_NULL, "null", "names of its workers with commas between them")

#define WORKER_TASKS_FIELDS(F) \
F(INT,  worker_id,         FIELD_KEY, "null", "number of the worker") \
F(EXECUTION_STATUS, status, FIELD_KEY, "null", "status of executions") \
F(INT,  count,             0, "0", "latest executions of that worker in that status")

#define WORKER_EXECUTION_FIELDS(F) \
F(INT,  execution_id,      FIELD_KEY, "null", "number of the execution") \
F(INT,  task_id,           0, "null", "task that it executes") \
F(EXECUTION_STATUS, status, 0, "null", "where the execution stands") \
F(TEXT, pid,               FIELD_NULL, "null", "process or container id") \
F(DATE, creation_date,     0, "null", "when it was offered or granted") \
F(DATE, modification_date, 0, "null", "when it was last changed") \
F(TEXT, output_files,      FIELD_NULL, "null", "names of the files written, separated by blanks") \
F(TEXT, command,           FIELD_NULL, "null", "the command as it was when granted") \
F(BOOL, latest,            0, "null", "the last execution of its task") \
F(TEXT, batch,             0, "null", "batch of the task") \
F(TASK_STATUS, taskstatus, 0, "null", "status of the task")

#define FLAVOR_OFFER_FIELDS(F) \
F(TEXT, name,              FIELD_KEY, "null", "name that the provider gives it") \
F(TEXT, provider,          FIELD_KEY, "null", "provider that offers it") \
F(INT,  cpu,               FIELD_NULL, "null", "cpus") \
F(REAL, ram,               FIELD_NULL, "null", "GB of memory") \
F(REAL, disk,              FIELD_NULL, "null", "GB of disk") \
F(TEXT, tags,              FIELD_NULL, "null", "letters that classify it") \
F(TEXT, gpu,               FIELD_NULL, "null", "kind of GPU") \
F(REAL, gpumem,            FIELD_NULL, "null", "GB of GPU memory") \
F(TEXT, region,            FIELD_NULL, "null", "region that offers it") \
F(INT,  available,         FIELD_NULL, "null", "machines that the quota still allows") \
F(REAL, cost,              FIELD_NULL, "null", "price of an hour") \
F(INT,  eviction,          FIELD_NULL, "null", "percent of machines evicted")

/* clang-format on */

struct batch_counts {
	BATCH_COUNTS_FIELDS(FIELD_MEMBER)
};
struct worker_tasks {
	WORKER_TASKS_FIELDS(FIELD_MEMBER)
};
struct worker_execution {
	WORKER_EXECUTION_FIELDS(FIELD_MEMBER)
};
struct flavor_offer {
	FLAVOR_OFFER_FIELDS(FIELD_MEMBER)
};

/* The rows that the library gives, each as a struct of scitq.h. */
enum row_kind {
	ROWS_NONE,
	ROWS_TASK,
	ROWS_WORKER,
	ROWS_EXECUTION,
	ROWS_REQUIREMENT,
	ROWS_RECRUITER,
	ROWS_JOB,
	ROWS_RUN,
	ROWS_BATCH_COUNTS,
	ROWS_WORKER_TASKS,
	ROWS_WORKER_EXECUTION,
	ROWS_FLAVOR_OFFER,
	ROWS_COUNT
};

/* NULL for ROWS_NONE. */
const struct table *row_table(enum row_kind kind);

#endif
