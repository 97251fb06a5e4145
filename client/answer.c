#include "client/answer.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "client/wait.h"
#include "model/json.h"
#include "model/resources.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The structs of scitq.h are those of the tables, field by field. */
#define SAME(type, kind, name)                                                                     \
	_Static_assert(offsetof(struct scitq_##type, name) == offsetof(struct type, name) &&       \
	                       sizeof(((struct scitq_##type *)0)->name) == sizeof(CTYPE_##kind),   \
	               "scitq_rows.h is made from these tables");
#define SAME_TASK(kind, name, flags, dflt, help) SAME(task, kind, name)
#define SAME_WORKER(kind, name, flags, dflt, help) SAME(worker, kind, name)
#define SAME_EXECUTION(kind, name, flags, dflt, help) SAME(execution, kind, name)
#define SAME_REQUIREMENT(kind, name, flags, dflt, help) SAME(requirement, kind, name)
#define SAME_RECRUITER(kind, name, flags, dflt, help) SAME(recruiter, kind, name)
#define SAME_JOB(kind, name, flags, dflt, help) SAME(job, kind, name)
#define SAME_RUN(kind, name, flags, dflt, help) SAME(run, kind, name)
#define SAME_BATCH_COUNTS(kind, name, flags, dflt, help) SAME(batch_counts, kind, name)
#define SAME_WORKER_TASKS(kind, name, flags, dflt, help) SAME(worker_tasks, kind, name)
#define SAME_WORKER_EXECUTION(kind, name, flags, dflt, help) SAME(worker_execution, kind, name)
#define SAME_FLAVOR_OFFER(kind, name, flags, dflt, help) SAME(flavor_offer, kind, name)
TASK_FIELDS(SAME_TASK)
WORKER_FIELDS(SAME_WORKER)
EXECUTION_FIELDS(SAME_EXECUTION)
REQUIREMENT_FIELDS(SAME_REQUIREMENT)
RECRUITER_FIELDS(SAME_RECRUITER)
JOB_FIELDS(SAME_JOB)
RUN_FIELDS(SAME_RUN)
BATCH_COUNTS_FIELDS(SAME_BATCH_COUNTS)
WORKER_TASKS_FIELDS(SAME_WORKER_TASKS)
WORKER_EXECUTION_FIELDS(SAME_WORKER_EXECUTION)
FLAVOR_OFFER_FIELDS(SAME_FLAVOR_OFFER)

static char no_memory_text[] = "memory ran out";
static const char forked_text[] = "the server was opened by the process that this one is a fork of";

/* For whom there is no memory to make one; nobody frees it, and it does not change. */
static struct scitq_answer no_memory = {
        .references = 1,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
        .done = true,
        .result = SCITQ_MEMORY,
        .error = {no_memory_text, sizeof(no_memory_text) - 1, 0},
        .code = STR_INIT,
        .hint = "",
};

struct scitq_answer *answer_no_memory(void)
{
	return &no_memory;
}

static void make_lock(struct scitq_answer *a)
{
	pthread_mutex_init(&a->lock, NULL);
	wait_cond_init(&a->changed);
	a->process = getpid();
}

struct scitq_answer *answer_new(const struct call_row *row)
{
	struct scitq_answer *a = xcalloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->row = row;
	atomic_init(&a->references, 1);
	make_lock(a);
	str_init(&a->error);
	str_init(&a->code);
	a->hint = "";
	arena_init(&a->arena);
	return a;
}

struct scitq_answer *answer_keep(struct scitq_answer *a)
{
	if (a != &no_memory)
		atomic_fetch_add(&a->references, 1);
	return a;
}

void scitq_free(struct scitq_answer *a)
{
	if (a == NULL || a == &no_memory || atomic_fetch_sub(&a->references, 1) > 1)
		return;
	json_decref(a->json);
	str_release(&a->error);
	str_release(&a->code);
	arena_release(&a->arena);
	/* In a child that fork() made, those who waited are not there to be waited for. */
	if (a->process == getpid()) {
		pthread_cond_destroy(&a->changed);
		pthread_mutex_destroy(&a->lock);
	}
	free(a);
}

/* told: the server itself has said what went wrong. */
static const char *hint_of(enum scitq_result result, bool told)
{
	switch (result) {
	case SCITQ_UNREACHABLE:
		return "does scitq-server run there, and is the address right (HOST, HOST:PORT or "
		       "a "
		       "URL)?";
	case SCITQ_UNAUTHORIZED:
		return "give a token: NAME:TOKEN@HOST as the server, or the option token";
	case SCITQ_BROKEN:
		return told ? "the log of the server tells more" : "";
	case SCITQ_CLOSED:
		return "wait for what is queued with scitq_flush(), or give a spool";
	case SCITQ_OK:
	case SCITQ_USAGE:
	case SCITQ_REFUSED:
	case SCITQ_INTERRUPTED:
	case SCITQ_FAILED:
	case SCITQ_MEMORY:
		break;
	case SCITQ_FORKED:
		return "open a server in the child";
	}
	return "";
}

void answer_finish(struct scitq_answer *a, enum scitq_result result, json_t *json,
                   const char *error, const char *code)
{
	pthread_mutex_lock(&a->lock);
	a->result = result;
	a->json = json;
	if (error != NULL)
		str_adds(&a->error, error);
	if (code != NULL)
		str_adds(&a->code, code);
	if (result != SCITQ_OK && alloc_failed())
		a->result = SCITQ_MEMORY;
	a->hint = hint_of(a->result, a->code.len > 0);
	a->done = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

struct scitq_answer *answer_failed(const struct call_row *row, enum scitq_result result,
                                   const char *error)
{
	struct scitq_answer *a = answer_new(row);

	if (a == NULL)
		return &no_memory;
	answer_finish(a, result, NULL, error, NULL);
	return a;
}

struct scitq_answer *answer_forked(const struct call_row *row)
{
	return answer_failed(row, SCITQ_FORKED, forked_text);
}

/* The thread that would finish it, or holds its lock, is not in a child that fork() made. */
static void adopt(struct scitq_answer *a)
{
	if (a->process == 0 || a->process == getpid())
		return;
	make_lock(a);
	if (!a->done)
		answer_finish(a, SCITQ_FORKED, NULL, forked_text, NULL);
}

bool scitq_ready(struct scitq_answer *a)
{
	bool done;

	adopt(a);
	pthread_mutex_lock(&a->lock);
	done = a->done;
	pthread_mutex_unlock(&a->lock);
	return done;
}

bool scitq_wait(struct scitq_answer *a, double seconds)
{
	int64_t end = wait_end(seconds);
	bool done;

	adopt(a);
	pthread_mutex_lock(&a->lock);
	while (!a->done && clock_monotonic_ns() < end)
		wait_until(&a->changed, &a->lock, end);
	done = a->done;
	pthread_mutex_unlock(&a->lock);
	return done;
}

enum scitq_result scitq_result(struct scitq_answer *a)
{
	scitq_wait(a, -1);
	return a->result;
}

const char *scitq_error(struct scitq_answer *a)
{
	scitq_wait(a, -1);
	/* There may have been no memory to write it down either. */
	return a->result == SCITQ_MEMORY ? no_memory_text : a->error.p;
}

const char *scitq_hint(struct scitq_answer *a)
{
	scitq_wait(a, -1);
	return a->hint;
}

const char *scitq_code(struct scitq_answer *a)
{
	scitq_wait(a, -1);
	return a->code.p;
}

const json_t *scitq_json(struct scitq_answer *a)
{
	scitq_wait(a, -1);
	return a->json;
}

/* Typed rows. */

static void read_row(struct scitq_answer *a, const struct table *t, json_t *object, size_t i)
{
	struct problem problem;
	void *row = (char *)a->rows + i * t->row_size;

	/* A newer server may know fields that this library does not. A value that is none of its
	 * kind leaves the row absent rather than half read. */
	if (!row_from_other_json(t, object, row, &a->arena, &problem))
		row_clear(t, row);
}

/* Of all rows; where there is no memory for them, of none, until somebody asks again. */
static void make_rows(struct scitq_answer *a)
{
	const struct table *t = a->row ? row_table(a->row->rows) : NULL;
	size_t n = json_is_array(a->json) ? json_array_size(a->json) : 1;
	bool before;

	if (a->typed)
		return;
	a->typed = true;
	if (t == NULL || a->json == NULL)
		return;
	alloc_tolerate(&before);
	a->rows = arena_array_size(&a->arena, n + 1, t->row_size);
	for (size_t i = 0; a->rows != NULL && i < n; i++)
		read_row(a, t, json_is_array(a->json) ? json_array_get(a->json, i) : a->json, i);
	a->nrows = n;
	if (alloc_end(before)) {
		a->typed = false;
		a->nrows = 0;
		arena_release(&a->arena);
	}
}

static const void *typed_row(struct scitq_answer *a, enum row_kind kind, size_t i)
{
	const void *row = NULL;

	scitq_wait(a, -1);
	pthread_mutex_lock(&a->lock);
	make_rows(a);
	if (a->row != NULL && a->row->rows == kind && i < a->nrows)
		row = (const char *)a->rows + i * row_table(kind)->row_size;
	pthread_mutex_unlock(&a->lock);
	return row;
}

#define TYPED(name, kind)                                                                          \
	const struct scitq_##name *scitq_##name(struct scitq_answer *a, size_t i)                  \
	{                                                                                          \
		return typed_row(a, kind, i);                                                      \
	}
TYPED(task, ROWS_TASK)
TYPED(worker, ROWS_WORKER)
TYPED(execution, ROWS_EXECUTION)
TYPED(requirement, ROWS_REQUIREMENT)
TYPED(recruiter, ROWS_RECRUITER)
TYPED(job, ROWS_JOB)
TYPED(run, ROWS_RUN)
TYPED(batch_counts, ROWS_BATCH_COUNTS)
TYPED(worker_tasks, ROWS_WORKER_TASKS)
TYPED(worker_execution, ROWS_WORKER_EXECUTION)
TYPED(flavor_offer, ROWS_FLAVOR_OFFER)

size_t scitq_count(struct scitq_answer *a)
{
	const json_t *json = scitq_json(a);

	return json_is_array(json) ? json_array_size(json) : json != NULL;
}

int64_t scitq_id(struct scitq_answer *a)
{
	const struct table *t = a->row ? row_table(a->row->rows) : NULL;
	const json_t *id = NULL;

	if (t != NULL && t->fields[0].kind == KIND_INT)
		id = json_object_get(scitq_json(a), t->fields[0].name);
	return json_is_integer(id) ? json_integer_value(id) : SCITQ_INT_NULL;
}

int64_t answer_number(struct scitq_answer *a, const char *argument)
{
	bool task = strcmp(argument, "required_task_ids") == 0 ||
	            strcmp(argument, "other_task_id") == 0;
	const json_t *number = json_object_get(scitq_json(a), task ? "task_id" : argument);

	return json_is_integer(number) ? json_integer_value(number) : SCITQ_INT_NULL;
}

bool scitq_is_date(struct scitq_answer *a, const char *field)
{
	const struct table *t = a->row ? row_table(a->row->rows) : NULL;
	int i = t ? table_field(t, field) : -1;

	return i >= 0 && t->fields[i].kind == KIND_DATE;
}

bool scitq_date(const char *text, int64_t *date_us)
{
	return date_parse(text, date_us);
}
