/* The descriptors of all resources, and what loops over them for any row. */
#include "model/resources.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define DESCRIBE(kind, name, flags, dflt, help) \
	{#name, KIND_##kind, flags, offsetof(struct ROW, name), dflt, help},

#define ROW task
static const struct field task_fields[] = { TASK_FIELDS(DESCRIBE) };
#undef ROW
#define ROW worker
static const struct field worker_fields[] = { WORKER_FIELDS(DESCRIBE) };
#undef ROW
#define ROW execution
static const struct field execution_fields[] = { EXECUTION_FIELDS(DESCRIBE) };
#undef ROW
#define ROW signal_row
static const struct field signal_fields[] = { SIGNAL_FIELDS(DESCRIBE) };
#undef ROW
#define ROW requirement
static const struct field requirement_fields[] = { REQUIREMENT_FIELDS(DESCRIBE) };
#undef ROW
#define ROW job
static const struct field job_fields[] = { JOB_FIELDS(DESCRIBE) };
#undef ROW
#define ROW recruiter
static const struct field recruiter_fields[] = { RECRUITER_FIELDS(DESCRIBE) };
#undef ROW
#define ROW flavor
static const struct field flavor_fields[] = { FLAVOR_FIELDS(DESCRIBE) };
#undef ROW
#define ROW region
static const struct field region_fields[] = { REGION_FIELDS(DESCRIBE) };
#undef ROW
#define ROW flavor_metrics
static const struct field flavor_metrics_fields[] = { FLAVOR_METRICS_FIELDS(DESCRIBE) };
#undef ROW
#define ROW run
static const struct field run_fields[] = { RUN_FIELDS(DESCRIBE) };
#undef ROW
#define ROW batch
static const struct field batch_fields[] = { BATCH_FIELDS(DESCRIBE) };
#undef ROW
#define ROW token
static const struct field token_fields[] = { TOKEN_FIELDS(DESCRIBE) };
#undef ROW
#define ROW audit
static const struct field audit_fields[] = { AUDIT_FIELDS(DESCRIBE) };
#undef ROW
#define ROW idempotency
static const struct field idempotency_fields[] = { IDEMPOTENCY_FIELDS(DESCRIBE) };
#undef ROW

#define TABLE(name, row) {#name, name##_fields, sizeof(name##_fields) / sizeof(name##_fields[0]), sizeof(struct row)}
static const struct table all[TABLE_COUNT] = {
	[TABLE_TASK] = TABLE(task, task),
	[TABLE_WORKER] = TABLE(worker, worker),
	[TABLE_EXECUTION] = TABLE(execution, execution),
	[TABLE_SIGNAL] = TABLE(signal, signal_row),
	[TABLE_REQUIREMENT] = TABLE(requirement, requirement),
	[TABLE_JOB] = TABLE(job, job),
	[TABLE_RECRUITER] = TABLE(recruiter, recruiter),
	[TABLE_FLAVOR] = TABLE(flavor, flavor),
	[TABLE_REGION] = TABLE(region, region),
	[TABLE_FLAVOR_METRICS] = TABLE(flavor_metrics, flavor_metrics),
	[TABLE_RUN] = TABLE(run, run),
	[TABLE_BATCH] = TABLE(batch, batch),
	[TABLE_TOKEN] = TABLE(token, token),
	[TABLE_AUDIT] = TABLE(audit, audit),
	[TABLE_IDEMPOTENCY] = TABLE(idempotency, idempotency),
};
/* clang-format on */

const struct table *table_get(enum table_id id)
{
	assert(id < TABLE_COUNT);
	return &all[id];
}

int table_field(const struct table *t, const char *name)
{
	for (unsigned i = 0; i < t->nfields; i++) {
		if (strcmp(t->fields[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

const char *const *field_words(enum field_kind kind, size_t *n)
{
	switch (kind) {
	case KIND_TASK_STATUS:
		*n = TASK_STATUS_COUNT;
		return task_status_words;
	case KIND_EXECUTION_STATUS:
		*n = EXECUTION_STATUS_COUNT;
		return execution_status_words;
	case KIND_WORKER_STATUS:
		*n = WORKER_STATUS_COUNT;
		return worker_status_words;
	case KIND_JOB_STATUS:
		*n = JOB_STATUS_COUNT;
		return job_status_words;
	case KIND_RUN_STATUS:
		*n = RUN_STATUS_COUNT;
		return run_status_words;
	case KIND_INT:
	case KIND_REAL:
	case KIND_BOOL:
	case KIND_TEXT:
	case KIND_DATE:
	case KIND_INTS:
		break;
	}
	*n = 0;
	return NULL;
}

bool row_is_null(const struct field *f, const void *row)
{
	const void *p = field_in(f, row);

	switch (f->kind) {
	case KIND_INT:
	case KIND_DATE:
		return *(const int64_t *)p == INT_NULL;
	case KIND_REAL:
		return isnan(*(const double *)p);
	case KIND_TEXT:
		return *(const char *const *)p == NULL;
	case KIND_INTS:
		return ((const struct ints *)p)->v == NULL;
	case KIND_BOOL:
	case KIND_TASK_STATUS:
	case KIND_EXECUTION_STATUS:
	case KIND_WORKER_STATUS:
	case KIND_JOB_STATUS:
	case KIND_RUN_STATUS:
		return *(const int8_t *)p < 0;
	}
	return true;
}

void row_set_null(const struct field *f, void *row)
{
	void *p = field_at(f, row);

	switch (f->kind) {
	case KIND_INT:
	case KIND_DATE:
		*(int64_t *)p = INT_NULL;
		break;
	case KIND_REAL:
		*(double *)p = (double)NAN;
		break;
	case KIND_TEXT:
		*(const char **)p = NULL;
		break;
	case KIND_INTS:
		*(struct ints *)p = (struct ints){NULL, 0};
		break;
	case KIND_BOOL:
	case KIND_TASK_STATUS:
	case KIND_EXECUTION_STATUS:
	case KIND_WORKER_STATUS:
	case KIND_JOB_STATUS:
	case KIND_RUN_STATUS:
		*(int8_t *)p = -1;
		break;
	}
}

void row_clear(const struct table *t, void *row)
{
	memset(row, 0, t->row_size);
	for (unsigned i = 0; i < t->nfields; i++)
		row_set_null(&t->fields[i], row);
}

/* A default that is a quoted word: the static text without its quotes. */
static const char *quoted_default(const char *dflt)
{
	static const char *const words[][2] = {
	        {"\"Default\"", "Default"},
	        {"\"{}\"", "{}"},
	        {"\"alive\"", "alive"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(dflt, words[i][0]) == 0)
			return words[i][1];
	}
	assert(!"every text default has a row above");
	return NULL;
}

static int8_t status_default(const struct field *f)
{
	size_t n;
	const char *const *words = field_words(f->kind, &n);

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(words[i]);

		if (strncmp(f->dflt + 1, words[i], len) == 0 && f->dflt[len + 1] == '"')
			return (int8_t)i;
	}
	assert(!"a status default is one of its words");
	return STATUS_NULL;
}

void row_default(const struct table *t, void *row)
{
	row_clear(t, row);
	for (unsigned i = 0; i < t->nfields; i++) {
		const struct field *f = &t->fields[i];
		void *p = field_at(f, row);

		if (strcmp(f->dflt, "null") == 0)
			continue;
		if (f->kind == KIND_INT)
			*(int64_t *)p = strtoll(f->dflt, NULL, 10);
		else if (f->kind == KIND_REAL)
			*(double *)p = strtod(f->dflt, NULL);
		else if (f->kind == KIND_BOOL)
			*(int8_t *)p = f->dflt[0] == 't';
		else if (f->kind == KIND_TEXT)
			*(const char **)p = quoted_default(f->dflt);
		else
			*(int8_t *)p = status_default(f);
	}
}
