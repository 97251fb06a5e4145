/*
 * The database: rows of the resources of model/, the log of executions, and the
 * queries that server/ needs, in SQLite or PostgreSQL (store/driver.h).
 *
 * One struct store per server: it writes, and belongs to the core thread. Any
 * number of struct store_reader read what is committed, each from one thread at
 * a time. store_own() is a reader over the writing connection: it sees what the
 * open transaction wrote and belongs to the core thread too.
 *
 * Results are codes; store_error() and store_reader_error() have the sentence.
 * After any failure of a write but STORE_NONE the caller rolls back; nothing of
 * the transaction remains then. Before it goes on it calls store_recover().
 *
 * Rows are the structs of model/resources.h. A mask of fields has bit i for
 * table_get(id)->fields[i]; virtual fields are never columns and are left
 * absent by every read. Statuses are stored as words, dates as microseconds.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "model/problem.h"
#include "model/resources.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_reader;

enum store_result {
	STORE_OK,
	STORE_NONE,       /* no such row; an update: no such row, or its status is another */
	STORE_CONSTRAINT, /* the key is taken, or a value not allowed */
	STORE_BUSY,       /* somebody else holds the write lock for too long */
	STORE_FULL,       /* no space on the device */
	STORE_IO,         /* any other failure of the system below */
	STORE_CORRUPT,    /* the file is damaged or no database */
	STORE_TIMEOUT,    /* the reader's deadline passed */
	STORE_GAP,        /* log bytes before these are missing */
	STORE_CONFLICT,   /* log bytes differ from those stored */
	STORE_LOST,       /* the database does not answer, or the connection broke */
	STORE_DEPOSED,    /* another server leads this database now */
	STORE_RESULT_COUNT
};
/* "ok", "none"... for messages and tests. */
const char *store_result_word(enum store_result r);

/* What a fault hook is asked about; see struct store_options. */
enum store_step {
	STORE_STEP_BEGIN,
	STORE_STEP_WRITE, /* one changing statement */
	STORE_STEP_READ,  /* one query */
	STORE_STEP_COMMIT,
	STORE_STEP_LOG_BEGIN,
	STORE_STEP_LOG_WRITE,
	STORE_STEP_LOG_COMMIT,
};
/* STORE_OK to go on; anything else is returned in place of doing the step. */
typedef enum store_result store_fault(void *context, enum store_step step);

struct store_options {
	int64_t cache_bytes; /* page cache of the writing connection; 0: 16 MB */
	int64_t busy_ms;     /* patience with another writer; 0: 5000 */
	/* Of a shared database: open it also where another server leads; see store_leads(). */
	bool follow;
	bool fleeting; /* a crash of the machine may take what was committed: SQLite does not sync
	                */
	store_fault *fault; /* tests only; NULL: none. Called on the thread of the step. */
	void *fault_context;
};

/*
 * sqlite:////absolute/path or sqlite:///relative/path. Directory and file are
 * made where missing (0700, 0600); `log.db`, the directory `log.db.d` of long logs and the lock
 * file stand beside it.
 * postgresql://[USER[:PASSWORD]@][HOST][:PORT]/DATABASE[?PARAMETER=VALUE&...] as libpq
 * reads it; the database is there already, the log is in it.
 * NULL, with the sentence in *problem, where the URI is none, another
 * server has the database (its pid is named), the file is on a network filesystem,
 * damaged, no database, or written by a newer version. An older one is upgraded.
 * `options` may be NULL.
 */
struct store *store_open(const char *uri, const struct store_options *options,
                         struct problem *problem);
/* Rolls back what is open; readers must be closed before. NULL is nothing. */
void store_close(struct store *s);
/* The last failure in words; never NULL. */
const char *store_error(const struct store *s);

/* Transactions of the main file. A failed commit has rolled back. */
enum store_result store_begin(struct store *s);
enum store_result store_commit(struct store *s);
void store_rollback(struct store *s); /* nothing where none is open */

/*
 * After a failure, with nothing open: connect again where the connection was
 * lost, and lead again where nobody else does meanwhile. What was committed last is
 * settled then; what the caller has in memory may differ from it.
 */
enum store_result store_recover(struct store *s);

/*
 * Whether several servers may have this database open. One of them leads: it
 * alone writes, and what others commit is STORE_DEPOSED. A store that does not
 * lead reads, and tries to lead with each store_recover().
 */
bool store_shared(const struct store *s);
bool store_leads(const struct store *s);
/*
 * To be called where nothing was written, before anything is answered from
 * memory, and every LEAD_CHECK_SECONDS so that others see that this server lives:
 * STORE_DEPOSED where it does not lead any more.
 */
#define LEAD_CHECK_SECONDS 2
enum store_result store_lead_check(struct store *s);
/* The number of the leadership that this server has, and the latest that there is; they grow with
   each change of leader. 0: it does not lead, or the database is not shared. */
int64_t store_term(const struct store *s);
enum store_result store_reader_term(struct store_reader *r, int64_t *term);
/* Where this server listens, for those who follow. */
enum store_result store_announce(struct store *s, const char *url);
/* Append the URL of the server that leads; STORE_NONE where none is known. */
struct str;
enum store_result store_leader(struct store_reader *r, struct str *url);

/* The ids that may be taken next are these plus 1; 0 for tables without such a key. Ids of deleted
   rows are not given again. */
enum store_result store_max_ids(struct store *s, int64_t ids[TABLE_COUNT]);

/* --- writing rows; inside a transaction --- */

#define STORE_ALL UINT64_MAX
#define STORE_ANY_STATUS (-1)

/* All fields, the key included. */
enum store_result store_insert(struct store *s, enum table_id table, const void *row);
/* The same for an array of n rows; stops at the first that fails. */
enum store_result store_insert_rows(struct store *s, enum table_id table, const void *rows,
                                    size_t n);
/* Insert, or change the masked fields of the row that has the key. */
enum store_result store_upsert(struct store *s, enum table_id table, const void *row,
                               uint64_t mask);
/*
 * Change the masked fields of the row with row's key. With expect_status, only
 * where the status is still that one: STORE_NONE otherwise. The statement is
 * prepared once per (table, mask): this is the hot path, keep masks few.
 */
enum store_result store_update(struct store *s, enum table_id table, const void *row, uint64_t mask,
                               int expect_status);
/*
 * The same for n rows of a table with one integer key, each there once: in one
 * statement where the database can. STORE_NONE where one of them was another.
 */
enum store_result store_update_rows(struct store *s, enum table_id table, const void *const *rows,
                                    size_t n, uint64_t mask, int expect_status);
/* The row with row's key, alone; what hangs on it: see below. */
enum store_result store_delete(struct store *s, enum table_id table, const void *row);

/* The task has a new execution: no older one is `latest` any more. */
enum store_result store_supersede(struct store *s, int64_t task_id, int64_t execution_id);

/* The row and all that hangs on it. Logs go after the commit, also after a crash in between. */
enum store_result store_delete_task(struct store *s, int64_t task_id);
enum store_result store_delete_execution(struct store *s, int64_t execution_id);
/* Executions of the worker stay, without worker_id. Its signals go. */
enum store_result store_delete_worker(struct store *s, int64_t worker_id);
/* Its tasks, their executions, requirements (on both sides), signals, its recruiters and its own
   row. */
enum store_result store_delete_batch(struct store *s, const char *batch);
/* Of the `limit` idempotency keys that follow *after in their order those first used before the
   date; *after becomes the last one looked at, empty where the end was reached. */
enum store_result store_prune_keys(struct store *s, int64_t before_us, int64_t limit,
                                   struct str *after);

/* --- pruning; inside a transaction --- */

typedef bool store_id(void *context, int64_t id);
/*
 * Tasks numbered above `after` up to `upto` that ended before the date, of no run or of one that
 * did too, and that no task which is not done waits for. Ascending.
 */
enum store_result store_prunable_tasks(struct store *s, int64_t after, int64_t upto,
                                       int64_t before_us, store_id *id, void *context);
/* At most `limit` runs above `after` that ended before the date and have no task left. Ascending.
 */
enum store_result store_prunable_runs(struct store *s, int64_t after, int64_t before_us,
                                      int64_t limit, store_id *id, void *context);
/* Delete at most `limit` entries of the audit log from before the date; *n gets their number. */
enum store_result store_prune_audit(struct store *s, int64_t before_us, int64_t limit, int64_t *n);
/* The same of jobs that ended. */
enum store_result store_prune_jobs(struct store *s, int64_t before_us, int64_t limit, int64_t *n);

/* --- the whole --- */

/* Asked now and then by what takes long; false: give up. */
typedef bool store_going(void *context);
/*
 * Make the directory and in it scitq.db and log.db, copies as of one moment, on disk when
 * it returns; a server serves them as they are. On any thread, also while the store is
 * written. False with *problem set, and the directory gone again: it exists already (its
 * parent does not), the database is one with tools of its own, no space.
 */
bool store_backup(struct store *s, const char *directory, store_going *going, void *context,
                  struct problem *problem);

/* --- reading --- */

struct store_reader *store_own(struct store *s);
/* NULL with *problem set. Readers must not outlive the store. */
struct store_reader *store_reader_open(struct store *s, struct problem *problem);
void store_reader_close(struct store_reader *r);
const char *store_reader_error(const struct store_reader *r);
/* Queries that begin or go on after this monotonic moment return STORE_TIMEOUT; 0: none. */
void store_reader_deadline(struct store_reader *r, int64_t monotonic_ns);
/* When the database was made, in microseconds: what tells it from others. */
enum store_result store_made(struct store_reader *r, int64_t *date);
/* Everything read until _end is one moment of the database. Not for store_own(). */
enum store_result store_reader_begin(struct store_reader *r);
void store_reader_end(struct store_reader *r);

/*
 * Fill the masked fields of `row` by the key that it holds; other fields become
 * absent. Texts are copied into the arena.
 */
enum store_result store_get(struct store_reader *r, enum table_id table, void *row, uint64_t mask,
                            struct arena *arena);

enum store_op {
	STORE_EQ,       /* number or text */
	STORE_IN,       /* one of list[n]; integers and statuses only */
	STORE_IS_NULL,  /* the value is absent */
	STORE_LESS,     /* number */
	STORE_AT_LEAST, /* number */
};

struct store_filter {
	int field; /* in the table; with of_task, in the task table */
	enum store_op op;
	int64_t number; /* of INT, DATE, BOOL and status fields (the enum's value) */
	const char *text;
	const int64_t *list;
	size_t n;
	bool of_task; /* executions only: of the task that the row belongs to */
};

struct store_query {
	enum table_id table;
	const struct store_filter *filters; /* all must hold */
	size_t nfilters;
	uint64_t mask; /* fields wanted; 0: all */
	bool reverse;  /* descending keys */
	int64_t limit; /* 0: none */
	int64_t after; /* tables with one integer key: beyond this key in the order; INT_NULL or 0:
	                  from the start */
};

/*
 * A row of the result, texts valid during the call only. False ends the query,
 * which is then STORE_OK. It may use the same reader.
 */
typedef bool store_row(void *context, const void *row);
/* Rows on their way to whoever wants them; store_passed_on() is the store_row of a query of them.
 */
struct store_passed {
	store_row *each;
	void *context;
	int64_t n;
	bool ended; /* by that */
};
bool store_passed_on(void *passed, const void *row);

/* Rows in the order of their keys. */
enum store_result store_select(struct store_reader *r, const struct store_query *q, store_row *row,
                               void *context);

/* Requirements of each of n tasks, in the order given and then of their number. Of the row only
   task_id, other_task_id, gather and may_fail are read. */
typedef bool store_edge(void *context, const struct requirement *row);
enum store_result store_required(struct store_reader *r, const int64_t *task_ids, size_t n,
                                 store_edge *edge, void *context);
/* Tasks that require this one. */
enum store_result store_dependents(struct store_reader *r, int64_t task_id, store_edge *edge,
                                   void *context);

/*
 * For identities[i], where there is one: the latest succeeded task that has it
 * (task_id, name, batch, output, identity, identity_parts, run_id, status) and
 * the `outputs` of its latest execution (may be NULL). Where `places` is not NULL
 * the task's output is places[i] too, NULL meaning that it has none.
 */
typedef bool store_found(void *context, size_t i, const struct task *task, const char *outputs);
enum store_result store_find_identities(struct store_reader *r, const char *const *identities,
                                        const char *const *places, size_t n, store_found *found,
                                        void *context);
/* For names[i]: the latest task of that name in a run of that workflow; outputs is NULL. */
enum store_result store_find_names(struct store_reader *r, const char *workflow,
                                   const char *const *names, size_t n, store_found *found,
                                   void *context);

/* --- loading at start; one pass over the table each --- */

/*
 * Tasks whose status is in the set (1 << TASK_PENDING | ...), ascending, with
 * task_id, batch, status, priority, run_id, retry, attempts, losses, epoch,
 * accept_failure, cpu, memory, gpu, resume_status, reason, attempt_settings and partial.
 */
enum store_result store_load_tasks(struct store_reader *r, unsigned statuses, store_row *row,
                                   void *context);
/* Every requirement of tasks from this one on, by requirement_id. */
enum store_result store_load_requirements(struct store_reader *r, int64_t from_task_id,
                                          store_edge *edge, void *context);
/* Executions that are not done; everything but outputs and frozen texts. */
enum store_result store_load_executions(struct store_reader *r, store_row *row, void *context);
/* Tasks per batch and status, in no order; every pair that has one. */
typedef bool store_count(void *context, const char *batch, enum task_status status, int64_t n);
enum store_result store_counts(struct store_reader *r, store_count *count, void *context);

/* --- the log of executions, in a file of its own --- */

enum store_stream { STORE_STDOUT, STORE_STDERR };

/* Its own transaction, to be committed before that of the main file. */
enum store_result store_log_begin(struct store *s);
enum store_result store_log_commit(struct store *s);
void store_log_rollback(struct store *s);

/*
 * Put n bytes at `offset`. What is there already is compared and skipped:
 * STORE_CONFLICT where it differs (nothing is written then). STORE_GAP where
 * bytes before offset are missing. *length gets what is stored afterwards (in
 * both refusals too). Needs an open log transaction.
 */
enum store_result store_log_append(struct store *s, int64_t execution_id, enum store_stream stream,
                                   int64_t offset, const void *bytes, size_t n, int64_t *length);
/*
 * A long piece may go past the database into a file of that log, where it has such files (not
 * where it is shared). It is put there first, and is on disk when that returns 0 (else -errno):
 * from any thread, but of one log one piece at a time, where the log ends or behind what was put
 * last. It counts once a transaction has appended it, which is STORE_CONFLICT where the log has
 * grown beyond the offset meanwhile; its bytes may be appended as any others then.
 */
#define STORE_LOG_PUT_LEAST ((size_t)256 << 10)
bool store_log_has_files(const struct store *s);
int store_log_put(const struct store *s, int64_t execution_id, enum store_stream stream,
                  int64_t offset, const void *bytes, size_t n);
enum store_result store_log_append_put(struct store *s, int64_t execution_id,
                                       enum store_stream stream, int64_t offset, size_t n,
                                       int64_t *length);
/* Of an execution that is not there any more, but was when something was put: as a deletion. */
enum store_result store_log_orphan(struct store *s, int64_t execution_id);
/* 0 where nothing is stored. */
enum store_result store_log_length(struct store_reader *r, int64_t execution_id,
                                   enum store_stream stream, int64_t *length);
/* Append at most `limit` bytes from `offset` on to out; fewer only at the end. */
enum store_result store_log_read(struct store_reader *r, int64_t execution_id,
                                 enum store_stream stream, int64_t offset, size_t limit,
                                 struct str *out);

#endif
