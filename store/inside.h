/* What the files of store/ share. */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include "base/vec.h"
#include "store/driver.h"

/* A statement about single rows of a table, found again without its text; see row.c. */
struct prepared {
	int verb, expect_status;
	uint64_t mask;
	struct statement *st;
};

struct store_reader {
	const struct driver *driver;
	struct connection *main, *log; /* log: of the second file */
	const char *log_dir;           /* of files of long logs; NULL: none are made */
	const struct store_options *options;
	VEC(struct prepared) prepared[TABLE_COUNT];
	struct str error; /* of the last failure */
};

struct store {
	const struct driver *driver;
	struct store_options options;
	char *place, *log_place; /* what the connections open */
	char *log_dir;           /* log_file.c; NULL for a shared database */
	struct str shown;        /* the place for messages */
	int lock;                /* descriptor of the lock file */
	int64_t term;            /* of this leader; 0: it does not lead, or nobody has to */
	unsigned main_session, log_session; /* of the connections, when the term was taken */
	char *url; /* where it listens, told by store_announce(); or NULL */
	struct connection *main, *log;
	bool open, log_open; /* a transaction is */
	bool orphans;        /* it leaves logs without an execution */
	struct store_reader own;
};

/* Keep the error of this connection in words; returns `result`. */
enum store_result reader_failed(struct store_reader *r, struct connection *c,
                                enum store_result result);
enum store_result store_failed(struct store *s, struct connection *c, enum store_result result);
/* What the fault hook of the options says; STORE_OK without one. */
enum store_result store_ask(struct store_reader *r, enum store_step step);

/* A statement ready for parameters, or NULL with *result set. */
struct statement *store_ready(struct store *s, const char *sql, enum store_result *result);
struct statement *reader_ready(struct store_reader *r, const char *sql, enum store_result *result);
/* Run a statement without rows and reset it. *changed (may be NULL): rows changed. */
enum store_result store_run(struct store *s, struct statement *st, int64_t *changed);
/* After the last step of a query: reset; STORE_NONE becomes STORE_OK. */
enum store_result reader_done(struct store_reader *r, struct statement *st,
                              enum store_result result);

/* query.c: append a list as the parameter of dialect->among. */
void add_among(const int64_t *list, size_t n, struct str *out);
/*
 * Whether a page of executions, by what is known of their tasks, is first looked for along their
 * numbers: all of a run's, or a batch's, would be found and sorted for each page.
 */
bool query_walks(const struct store_query *q);
/* The text of store_select(), up to execution `until` where it walks, else 0; for the test that
   looks at plans. */
void query_text(const struct dialect *d, const struct store_query *q, int64_t until,
                struct str *sql);

/* lock.c: the descriptor of the locked file, or -1 with `error` set. */
int store_lock(const char *database, struct str *error);
/* leader.c; without a meaning, and right, for a database that is not shared. */
bool leader_take(struct store *s, struct str *error);
/* Of a shared database, in a new session or when it did not lead. STORE_DEPOSED: another server
 * leads. */
enum store_result leader_retake(struct store *s);
/* Of a shared database: whether somebody leads; its name is appended. */
bool leader_lives(struct store *s, struct str *name);
void leader_release(struct store *s);
/* COMMIT, where this server still leads; else STORE_DEPOSED, to be rolled back. */
enum store_result leader_commit(struct store *s, struct connection *c);
/* schema.c: make or upgrade the tables. */
bool store_migrate(struct store *s, struct str *error);

/* logs.c: a statement about a log, its number and stream bound, and its end. NULL: STORE_IO. */
struct statement *log_ready(struct store_reader *r, const char *sql, int64_t execution_id,
                            enum store_stream stream);
enum store_result log_done(struct store_reader *r, struct statement *st, enum store_result result);

/* log_file.c: the directory beside that database of logs; what a crash left undone of it. */
char *log_dir_of(const char *log_place);
bool log_dir_settle(const char *dir, struct str *error);
void log_file_path(const char *dir, int64_t execution_id, enum store_stream stream,
                   struct str *path);
/* Bytes of a log that stand in its file; where size is 0, none do from the offset on. */
struct log_range {
	int64_t start, size;
};
/* The first that ends behind the offset. */
enum store_result log_range_find(struct store_reader *r, int64_t execution_id,
                                 enum store_stream stream, int64_t offset, struct log_range *range);
/* n bytes, all within a range. */
enum store_result log_file_read(struct store_reader *r, int64_t execution_id,
                                enum store_stream stream, int64_t offset, size_t n,
                                struct str *out);
/* 0 or -errno; none is success. */
int log_file_remove(const char *dir, int64_t execution_id);

/* logs.c: the logs of deleted executions go: all of them, or as many as take a moment; then
   s->orphans says whether others are left. Outside transactions. */
enum store_result store_log_sweep(struct store *s, bool all);

#endif
