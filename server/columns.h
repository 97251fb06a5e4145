/*
 * The fields of the tables by number, from the lists in model/resources.h:
 * TASK_COL_status is the place of `status` in table_get(TABLE_TASK)->fields.
 */
#ifndef SERVER_COLUMNS_H
#define SERVER_COLUMNS_H

#include "model/resources.h"

#define COLUMN_OF_TASK(kind, name, flags, dflt, help) TASK_COL_##name,
#define COLUMN_OF_WORKER(kind, name, flags, dflt, help) WORKER_COL_##name,
#define COLUMN_OF_EXECUTION(kind, name, flags, dflt, help) EXECUTION_COL_##name,
#define COLUMN_OF_SIGNAL(kind, name, flags, dflt, help) SIGNAL_COL_##name,
#define COLUMN_OF_JOB(kind, name, flags, dflt, help) JOB_COL_##name,
#define COLUMN_OF_REQUIREMENT(kind, name, flags, dflt, help) REQUIREMENT_COL_##name,
#define COLUMN_OF_RECRUITER(kind, name, flags, dflt, help) RECRUITER_COL_##name,
#define COLUMN_OF_RUN(kind, name, flags, dflt, help) RUN_COL_##name,
#define COLUMN_OF_BATCH(kind, name, flags, dflt, help) BATCH_COL_##name,
#define COLUMN_OF_TOKEN(kind, name, flags, dflt, help) TOKEN_COL_##name,

enum task_column { TASK_FIELDS(COLUMN_OF_TASK) TASK_COL_COUNT };
enum worker_column { WORKER_FIELDS(COLUMN_OF_WORKER) WORKER_COL_COUNT };
enum execution_column { EXECUTION_FIELDS(COLUMN_OF_EXECUTION) EXECUTION_COL_COUNT };
enum signal_column { SIGNAL_FIELDS(COLUMN_OF_SIGNAL) SIGNAL_COL_COUNT };
enum job_column { JOB_FIELDS(COLUMN_OF_JOB) JOB_COL_COUNT };
enum requirement_column { REQUIREMENT_FIELDS(COLUMN_OF_REQUIREMENT) REQUIREMENT_COL_COUNT };
enum recruiter_column { RECRUITER_FIELDS(COLUMN_OF_RECRUITER) RECRUITER_COL_COUNT };
enum run_column { RUN_FIELDS(COLUMN_OF_RUN) RUN_COL_COUNT };
enum batch_column { BATCH_FIELDS(COLUMN_OF_BATCH) BATCH_COL_COUNT };
enum token_column { TOKEN_FIELDS(COLUMN_OF_TOKEN) TOKEN_COL_COUNT };

#define BIT(column) ((uint64_t)1 << (column))

#endif
