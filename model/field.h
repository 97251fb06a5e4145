/*
 * A field of a resource, declared once. Each resource has one list macro
 * (TASK_FIELDS in model/task.h and so on) that expands into the C struct and
 * into a const array of `struct field`. DDL, SQL columns, JSON in both
 * directions, swagger and column listings are loops over that array.
 *
 * To add a field: add its row to the list macro, and a migration in store/.
 * To add a resource: a header with its list, a row in model/table.c.
 *
 * F(kind, name, flags, default, help): `default` is the JSON text of the value
 * that a created row has when the client does not send the field.
 */
#ifndef MODEL_FIELD_H
#define MODEL_FIELD_H

#include "base/clock.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
	KIND_INT,              /* int64_t, absent INT_NULL */
	KIND_REAL,             /* double, absent NaN */
	KIND_BOOL,             /* int8_t 0 or 1, absent -1 */
	KIND_TEXT,             /* const char *, absent NULL; borrowed from an arena */
	KIND_DATE,             /* int64_t microseconds, absent DATE_NULL */
	KIND_TASK_STATUS,      /* int8_t, enum task_status, absent -1 */
	KIND_EXECUTION_STATUS, /* int8_t, enum execution_status, absent -1 */
	KIND_WORKER_STATUS,    /* int8_t, enum worker_status, absent -1 */
	KIND_JOB_STATUS,       /* int8_t, enum job_status, absent -1 */
	KIND_RUN_STATUS,       /* int8_t, enum run_status, absent -1 */
	KIND_INTS,             /* struct ints, absent .v NULL; never a column */
};

struct ints {
	const int64_t *v;
	size_t n;
};

#define INT_NULL INT64_MIN
#define BOOL_NULL (-1)
#define STATUS_NULL (-1)

#define CTYPE_INT int64_t
#define CTYPE_REAL double
#define CTYPE_BOOL int8_t
#define CTYPE_TEXT const char *
#define CTYPE_DATE int64_t
#define CTYPE_TASK_STATUS int8_t
#define CTYPE_EXECUTION_STATUS int8_t
#define CTYPE_WORKER_STATUS int8_t
#define CTYPE_JOB_STATUS int8_t
#define CTYPE_RUN_STATUS int8_t
#define CTYPE_INTS struct ints

enum field_flags {
	FIELD_KEY = 1 << 0,      /* (part of) the primary key */
	FIELD_REQUIRED = 1 << 1, /* a POST must send it */
	FIELD_CREATE = 1 << 2,   /* a client may set it when it creates */
	FIELD_UPDATE = 1 << 3,   /* a client may change it */
	FIELD_NULL = 1 << 4,     /* may be absent (JSON null, SQL NULL) */
	FIELD_V1 = 1 << 5,       /* in the replies of v1's endpoints */
	FIELD_VIRTUAL = 1 << 6,  /* not a column: computed when a reply is made */
	FIELD_NATURAL = 1 << 7,  /* not negative */
	FIELD_SECRET = 1 << 8,   /* never in a reply */
	FIELD_ATTEMPT = 1 << 9,  /* a single attempt of a task may have another (model/attempt.h) */
	FIELD_NAME = 1 << 10,    /* not above NAME_BYTES */
};

/* Of a text that an index holds: PostgreSQL's take entries of up to 2704 bytes. */
#define NAME_BYTES 2000

/* The usual combinations. */
#define FIELD_SET (FIELD_CREATE | FIELD_UPDATE)
#define FIELD_OPTION (FIELD_SET | FIELD_NULL)

struct field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	size_t offset;    /* in the resource's struct */
	const char *dflt; /* JSON text */
	const char *help;
};

#define FIELD_MEMBER(kind, name, flags, dflt, help) CTYPE_##kind name;

struct table {
	const char *name; /* of the SQL table and of the JSON object */
	const struct field *fields;
	unsigned nfields; /* at most 64, so that a mask of fields is a uint64_t */
	size_t row_size;
};

enum table_id {
	TABLE_TASK,
	TABLE_WORKER,
	TABLE_EXECUTION,
	TABLE_SIGNAL,
	TABLE_REQUIREMENT,
	TABLE_JOB,
	TABLE_RECRUITER,
	TABLE_FLAVOR,
	TABLE_REGION,
	TABLE_FLAVOR_METRICS,
	TABLE_RUN,
	TABLE_BATCH,
	TABLE_TOKEN,
	TABLE_AUDIT,
	TABLE_IDEMPOTENCY,
	TABLE_COUNT
};

const struct table *table_get(enum table_id id);
/* Index into fields, or -1. */
int table_field(const struct table *t, const char *name);

/* Every field absent. */
void row_clear(const struct table *t, void *row);
/* Every field at its default; keys and dates absent. */
void row_default(const struct table *t, void *row);
bool row_is_null(const struct field *f, const void *row);
void row_set_null(const struct field *f, void *row);

static inline void *field_at(const struct field *f, void *row)
{
	return (char *)row + f->offset;
}

static inline const void *field_in(const struct field *f, const void *row)
{
	return (const char *)row + f->offset;
}

/* The words of a status kind, NULL for other kinds; *n gets their number. */
const char *const *field_words(enum field_kind kind, size_t *n);

#endif
