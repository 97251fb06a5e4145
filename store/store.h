/*
 * The database. One `struct store` writes (its owner is the core thread);
 * any number of `struct store_reader` read, one thread each, and see what is
 * committed. Rows are the structs of model/resources.h; SQL is made from the
 * field tables and prepared once.
 *
 * Texts that are read live in the arena that the caller gives. Texts that are
 * written are borrowed for the call.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/str.h"
#include "model/resources.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum store_result {
	STORE_OK,
	STORE_NOT_FOUND,  /* no such row; nothing changed */
	STORE_CONSTRAINT, /* the key is taken */
	STORE_FULL,       /* no space */
	STORE_BUSY,       /* somebody else writes */
	STORE_TIMEOUT,    /* the reader's deadline */
	STORE_CORRUPT,
	STORE_IO, /* anything else that the environment does */
};

const char *store_result_text(enum store_result result);

struct store;
struct store_reader;

/*
 * "sqlite:///PATH": PATH is relative after three slashes, absolute after four.
 * Makes the file and its directory, takes its lock, upgrades an older schema.
 * NULL with a sentence in `error`: no such driver, locked by another process, a
 * network file system, no database, a newer schema.
 */
struct store *store_open(const char *uri, struct str *error);
void store_close(struct store *s);
/* What went wrong in the last call that did not return STORE_OK. */
const char *store_error(const struct store *s);

/* Another connection to the same database; NULL with `error` set. Closed before the store. */
struct store_reader *store_reader_open(const struct store *s, struct str *error);
void store_reader_close(struct store_reader *r);
const char *store_reader_error(const struct store_reader *r);
/* The writer's own eyes: sees its open transaction. Not to be closed. */
struct store_reader *store_own_reader(struct store *s);
/* Calls after this monotonic time fail with STORE_TIMEOUT; 0: no deadline. */
void store_reader_deadline(struct store_reader *r, int64_t deadline_ns);

/* ---- transactions ---- */

enum store_result store_begin(struct store *s);
/* Durable when it returns STORE_OK; anything else has rolled back. */
enum store_result store_commit(struct store *s);
void store_rollback(struct store *s);

/* ---- rows ---- */

/* A key of INTEGER that is null is chosen by the database and set in the row. */
enum store_result store_insert(struct store *s, enum table_id table, void *row);
/* The fields in `mask` (bit i: field i) of the row with these keys. */
enum store_result store_update(struct store *s, enum table_id table, const void *row,
                               uint64_t mask);
/* The same where its `status` still is `from` (a number of the field's words); else NOT_FOUND. */
enum store_result store_update_from(struct store *s, enum table_id table, const void *row,
                                    uint64_t mask, int from);
/* Insert, or replace all but the keys. */
enum store_result store_upsert(struct store *s, enum table_id table, void *row);
enum store_result store_delete(struct store *s, enum table_id table, const void *row);
/* Fill the row whose keys are set. */
enum store_result store_get(struct store_reader *r, enum table_id table, void *row,
                            struct arena *arena);

/* ---- queries ---- */

enum store_op {
	STORE_EQ,
	STORE_NE,
	STORE_LT,
	STORE_GT,
	STORE_IN, /* one of `list`; for statuses their numbers */
	STORE_NOT_IN,
	STORE_IS_NULL,
};

struct store_condition {
	int field; /* in the table's fields */
	enum store_op op;
	int64_t integer;  /* INT, BOOL, DATE and status fields: the value */
	const char *text; /* TEXT fields */
	struct ints list; /* STORE_IN, STORE_NOT_IN */
};

struct store_query {
	enum table_id table;
	const struct store_condition *conditions; /* all must hold */
	size_t n;
	/* Executions only: of tasks with these; NULL and INT_NULL: any. */
	const char *task_batch, *task_name;
	int64_t task_run_id;
	uint64_t fields; /* bits of the fields to read, 0: all; keys are always read */
	bool reverse;    /* by descending key */
	int64_t limit;   /* -1: none */
};

#define STORE_QUERY(id) ((struct store_query){.table = (id), .task_run_id = INT_NULL, .limit = -1})

/* One row; fields not asked for are null; its texts die with the call. False stops. */
typedef bool store_row_fn(void *context, void *row);

/* Rows by ascending key. */
enum store_result store_select(struct store_reader *r, const struct store_query *query,
                               store_row_fn *each, void *context);
/* How many rows the conditions select. */
enum store_result store_count(struct store_reader *r, const struct store_query *query, int64_t *n);

/* Tasks by batch and status. */
typedef bool store_count_fn(void *context, const char *batch, int64_t run_id,
                            enum task_status status, int64_t n);
enum store_result store_task_counts(struct store_reader *r, store_count_fn *each, void *context);

/* Largest keys in use, 0 where there are none. */
struct store_ids {
	int64_t task, worker, execution, signal, requirement, job, run, token;
};
enum store_result store_max_ids(struct store_reader *r, struct store_ids *ids);

/* For each of the n identities that a succeeded task has: the latest such task, and its last
   execution's outputs (JSON text or NULL). */
struct store_identity {
	const char *identity, *name, *output, *outputs;
	int64_t task_id, run_id;
};
typedef bool store_identity_fn(void *context, const struct store_identity *found);
enum store_result store_identities(struct store_reader *r, const char *const *identities, size_t n,
                                   store_identity_fn *each, void *context);
/* The latest task with this name in any run of the workflow: task_id, name, status, identity and
   identity_parts are filled. NOT_FOUND: there is none. */
enum store_result store_latest_task(struct store_reader *r, const char *workflow, const char *name,
                                    struct task *row, struct arena *arena);

/* ---- what goes together ---- */

/* The executions of the task lose `latest`. */
enum store_result store_clear_latest(struct store *s, int64_t task_id);
/* The task with its requirements (both ways), executions and their signals. Logs: see below. */
enum store_result store_delete_task(struct store *s, int64_t task_id);
/* Tasks, executions, requirements, signals, recruiters and settings of a batch. */
enum store_result store_delete_batch(struct store *s, const char *batch);
/* The requirements of a task are replaced; ids[i] gets requirement_id first_id + i. */
enum store_result store_delete_requirements_of(struct store *s, int64_t task_id);
/* Keys first used before this date are forgotten. */
enum store_result store_prune_idempotency(struct store *s, int64_t before_us);

/* ---- logs: a second file beside the first, with transactions of its own ---- */

enum log_stream { LOG_STDOUT, LOG_STDERR };

enum store_result store_log_begin(struct store *s);
enum store_result store_log_commit(struct store *s);
void store_log_rollback(struct store *s);
/* Bytes stored so far. */
enum store_result store_log_length(struct store_reader *r, int64_t execution_id,
                                   enum log_stream stream, int64_t *length);
/* Add bytes at `offset`, which must be the stored length. */
enum store_result store_log_append(struct store *s, int64_t execution_id, enum log_stream stream,
                                   int64_t offset, const void *data, size_t n);
/* Append up to `limit` bytes from `offset` to `out`; fewer at the end. limit < 0: all. */
enum store_result store_log_read(struct store_reader *r, int64_t execution_id,
                                 enum log_stream stream, int64_t offset, int64_t limit,
                                 struct str *out);
enum store_result store_log_delete(struct store *s, const int64_t *executions, size_t n);

/* ---- for tests ---- */

/* The nth write or commit from now fails with this result; 0: never. */
void store_fail_after(struct store *s, int n, enum store_result result);

#endif
