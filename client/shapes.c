#include "client/shapes.h"

#include <stddef.h>

/* clang-format off */
#define DESCRIBE(kind, name, flags, dflt, help) \
	{#name, KIND_##kind, flags, offsetof(struct ROW, name), dflt, help},
#define SHAPE(row) \
	static const struct table row##_table = {#row, row##_fields, sizeof(row##_fields) / sizeof(row##_fields[0]), sizeof(struct row)};

#define ROW batch_counts
static const struct field batch_counts_fields[] = { BATCH_COUNTS_FIELDS(DESCRIBE) };
#undef ROW
#define ROW worker_tasks
static const struct field worker_tasks_fields[] = { WORKER_TASKS_FIELDS(DESCRIBE) };
#undef ROW
#define ROW worker_execution
static const struct field worker_execution_fields[] = { WORKER_EXECUTION_FIELDS(DESCRIBE) };
#undef ROW
#define ROW flavor_offer
static const struct field flavor_offer_fields[] = { FLAVOR_OFFER_FIELDS(DESCRIBE) };
#undef ROW
SHAPE(batch_counts)
SHAPE(worker_tasks)
SHAPE(worker_execution)
SHAPE(flavor_offer)
/* clang-format on */

const struct table *row_table(enum row_kind kind)
{
	switch (kind) {
	case ROWS_TASK:
		return table_get(TABLE_TASK);
	case ROWS_WORKER:
		return table_get(TABLE_WORKER);
	case ROWS_EXECUTION:
		return table_get(TABLE_EXECUTION);
	case ROWS_REQUIREMENT:
		return table_get(TABLE_REQUIREMENT);
	case ROWS_RECRUITER:
		return table_get(TABLE_RECRUITER);
	case ROWS_JOB:
		return table_get(TABLE_JOB);
	case ROWS_RUN:
		return table_get(TABLE_RUN);
	case ROWS_BATCH_COUNTS:
		return &batch_counts_table;
	case ROWS_WORKER_TASKS:
		return &worker_tasks_table;
	case ROWS_WORKER_EXECUTION:
		return &worker_execution_table;
	case ROWS_FLAVOR_OFFER:
		return &flavor_offer_table;
	case ROWS_NONE:
	case ROWS_COUNT:
		break;
	}
	return NULL;
}
