/*
 * The SQLite driver. WAL with synchronous=FULL: a commit that was answered
 * survives a power cut. The writer alone checkpoints; readers never write, also not
 * the WAL index beyond what SQLite needs for their locks.
 */
#include "store/driver.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/map.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS 5000
#define CACHE_BYTES (16 << 20)
#define PROGRESS_STEPS 10000
#define STATEMENTS_MAX 64 /* beside those that are kept: clients can ask for many forms */

struct connection {
	sqlite3 *db;
	struct map statements; /* SQL text -> struct statement */
	struct statement *all; /* the one used last comes first */
	size_t forgettable;    /* of them */
	int64_t deadline_ns;
};

struct statement {
	struct statement *next; /* of all */
	struct statement *twin; /* the same text again, for a query inside itself */
	struct connection *connection;
	sqlite3_stmt *stmt;
	char *sql;
	bool kept, is_twin;
};

static enum store_result result_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return STORE_OK;
	case SQLITE_CONSTRAINT:
		return STORE_CONSTRAINT;
	case SQLITE_FULL:
		return STORE_FULL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return STORE_BUSY;
	case SQLITE_INTERRUPT:
		return STORE_TIMEOUT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return STORE_CORRUPT;
	default:
		return STORE_IO;
	}
}

static enum store_result execute(struct connection *c, const char *sql)
{
	return result_of(sqlite3_exec(c->db, sql, NULL, NULL, NULL));
}

static void free_statement(struct statement *st)
{
	/* Repeats the error of the last step, which its caller has seen. */
	(void)sqlite3_finalize(st->stmt);
	free(st->sql);
	free(st);
}

static void close_connection(struct connection *c)
{
	while (c->all != NULL) {
		struct statement *st = c->all;

		c->all = st->next;
		free_statement(st);
	}
	map_release(&c->statements);
	sqlite3_close(c->db);
	free(c);
}

static int past_deadline(void *context)
{
	const struct connection *c = context;

	return c->deadline_ns != 0 && clock_monotonic_ns() > c->deadline_ns;
}

static const char *settings(enum connection_kind kind)
{
	switch (kind) {
	case CONNECTION_WRITER:
	case CONNECTION_LOG:
		return "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA "
		       "wal_autocheckpoint=4000;"
		       "PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY;";
	case CONNECTION_READER:
	case CONNECTION_LOG_READER:
		/* Readers never checkpoint: SQLite before 3.51 can lose the WAL's reset otherwise.
		 */
		return "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-2000;"
		       "PRAGMA temp_store=MEMORY;";
	}
	return "";
}

static bool is_reader(enum connection_kind kind)
{
	return kind == CONNECTION_READER || kind == CONNECTION_LOG_READER;
}

static bool configure(struct connection *c, enum connection_kind kind,
                      const struct store_options *options)
{
	int64_t busy = options && options->busy_ms ? options->busy_ms : BUSY_MS;
	int64_t cache = options && options->cache_bytes ? options->cache_bytes : CACHE_BYTES;
	struct str pragma = STR_INIT;
	bool ok;

	str_addf(&pragma, "PRAGMA cache_size=-%lld", (long long)(cache / 1024));
	ok = sqlite3_busy_timeout(c->db, (int)busy) == SQLITE_OK &&
	     execute(c, settings(kind)) == STORE_OK &&
	     (kind != CONNECTION_WRITER || execute(c, pragma.p) == STORE_OK);
	str_release(&pragma);
	return ok;
}

/* SQLite would make the file readable for others. */
static bool make_file(const char *place, struct str *error)
{
	int fd = open(place, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		str_addf(error, "%s: %s", place, strerror(errno));
		return false;
	}
	close(fd);
	return true;
}

static struct connection *open_connection(const char *place, enum connection_kind kind,
                                          const struct store_options *options, struct str *error)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	struct connection *c;

	/* Counting memory would take one lock for all threads; refused once SQLite is in use. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (!is_reader(kind) && !make_file(place, error))
		return NULL;
	c = xcalloc(1, sizeof(*c));
	if (sqlite3_open_v2(place, &c->db, flags, NULL) != SQLITE_OK ||
	    !configure(c, kind, options)) {
		str_addf(error, "%s: %s", place, c->db ? sqlite3_errmsg(c->db) : "out of memory");
		close_connection(c);
		return NULL;
	}
	if (is_reader(kind))
		sqlite3_progress_handler(c->db, PROGRESS_STEPS, past_deadline, c);
	return c;
}

static void take_out(struct connection *c, struct statement *st)
{
	struct statement **at = &c->all;

	while (*at != st)
		at = &(*at)->next;
	*at = st->next;
}

/* The one that was not used for longest, unless it is in use or has a twin. */
static void forget_one(struct connection *c)
{
	struct statement *oldest = NULL;

	for (struct statement *st = c->all; st != NULL; st = st->next) {
		if (!st->kept && !st->is_twin && st->twin == NULL && !sqlite3_stmt_busy(st->stmt))
			oldest = st;
	}
	if (oldest == NULL)
		return;
	take_out(c, oldest);
	map_delete(&c->statements, oldest->sql, strlen(oldest->sql));
	free_statement(oldest);
	c->forgettable--;
}

static struct statement *prepare(struct connection *c, const char *sql)
{
	size_t len = strlen(sql);
	uint64_t *slot = map_get(&c->statements, sql, len);
	struct statement *first = slot ? (struct statement *)(uintptr_t)*slot : NULL, *st;
	sqlite3_stmt *stmt;

	for (st = first; st != NULL; st = st->twin) {
		if (sqlite3_stmt_busy(st->stmt))
			continue;
		take_out(c, st);
		st->next = c->all;
		c->all = st;
		return st;
	}
	if (sqlite3_prepare_v3(c->db, sql, (int)len + 1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) !=
	    SQLITE_OK)
		return NULL;
	if (c->forgettable >= STATEMENTS_MAX && first == NULL)
		forget_one(c);
	st = xcalloc(1, sizeof(*st));
	st->connection = c;
	st->stmt = stmt;
	st->sql = xstrdup(sql);
	st->next = c->all;
	c->all = st;
	c->forgettable++;
	if (first != NULL) {
		st->is_twin = true;
		st->twin = first->twin;
		first->twin = st;
	} else {
		*map_put(&c->statements, st->sql, len, NULL) = (uint64_t)(uintptr_t)st;
	}
	return st;
}

static void keep(struct statement *st)
{
	if (!st->kept)
		st->connection->forgettable--;
	st->kept = true;
}

/* Binding fails only for a parameter that the statement does not have. */
static void bound(int code)
{
	assert(code == SQLITE_OK);
	(void)code;
}

static void bind_integer(struct statement *st, int i, int64_t value)
{
	bound(sqlite3_bind_int64(st->stmt, i, value));
}

static void bind_real(struct statement *st, int i, double value)
{
	bound(sqlite3_bind_double(st->stmt, i, value));
}

static void bind_text(struct statement *st, int i, const char *value)
{
	bound(sqlite3_bind_text(st->stmt, i, value, -1, SQLITE_STATIC));
}

static void bind_bytes(struct statement *st, int i, const void *data, size_t n)
{
	bound(sqlite3_bind_blob64(st->stmt, i, n ? data : "", n, SQLITE_STATIC));
}

static void bind_null(struct statement *st, int i)
{
	bound(sqlite3_bind_null(st->stmt, i));
}

static enum store_result step(struct statement *st)
{
	int code;

	/* The progress handler does not see time that passes between steps, nor short queries. */
	if (past_deadline(st->connection))
		return STORE_TIMEOUT;
	code = sqlite3_step(st->stmt);
	return code == SQLITE_ROW ? STORE_OK : code == SQLITE_DONE ? STORE_NONE : result_of(code);
}

static void reset(struct statement *st)
{
	/* Repeats the error of the last step, which its caller has seen. */
	(void)sqlite3_reset(st->stmt);
}

static bool is_null(struct statement *st, int column)
{
	return sqlite3_column_type(st->stmt, column) == SQLITE_NULL;
}

static int64_t integer(struct statement *st, int column)
{
	return sqlite3_column_int64(st->stmt, column);
}

static double real(struct statement *st, int column)
{
	return sqlite3_column_double(st->stmt, column);
}

static const char *text(struct statement *st, int column)
{
	return (const char *)sqlite3_column_text(st->stmt, column);
}

static const void *bytes(struct statement *st, int column, size_t *n)
{
	const void *data = sqlite3_column_blob(st->stmt, column);

	*n = (size_t)sqlite3_column_bytes(st->stmt, column);
	return data ? data : "";
}

static int64_t changes(struct connection *c)
{
	return sqlite3_changes64(c->db);
}

static const char *error_text(struct connection *c)
{
	return sqlite3_errmsg(c->db);
}

static void deadline(struct connection *c, int64_t deadline_ns)
{
	c->deadline_ns = deadline_ns;
}

static const struct dialect dialect = {
        .begin = "BEGIN IMMEDIATE",
        .integer = "INTEGER",
        .real = "REAL",
        .text = "TEXT",
        .boolean = "INTEGER",
        .date = "INTEGER",
        .bytes = "BLOB",
        .auto_key = "INTEGER PRIMARY KEY AUTOINCREMENT",
        .array_rows = "SELECT key, value FROM json_each(?)",
        .foreign = "SELECT count(*) * (count(*) = sum(name <> 'schema_version')) FROM "
                   "sqlite_master",
};

const struct driver sqlite_driver = {
        .scheme = "sqlite",
        .dialect = &dialect,
        .open = open_connection,
        .close = close_connection,
        .execute = execute,
        .prepare = prepare,
        .keep = keep,
        .bind_integer = bind_integer,
        .bind_real = bind_real,
        .bind_text = bind_text,
        .bind_bytes = bind_bytes,
        .bind_null = bind_null,
        .step = step,
        .reset = reset,
        .is_null = is_null,
        .integer = integer,
        .real = real,
        .text = text,
        .bytes = bytes,
        .changes = changes,
        .error = error_text,
        .deadline = deadline,
};
