/*
 * The SQLite driver. WAL with synchronous=FULL: a commit that was answered
 * survives a power cut. The writer alone checkpoints; readers never write, also not
 * the WAL index beyond what SQLite needs for their locks.
 */
#include "store/driver.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "store/cache.h"
#include "store/sqlite_backup.h"
#include "store/sqlite_wal.h"

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

struct connection {
	sqlite3 *db;
	struct cache statements;
	int64_t deadline_ns;
};

struct statement {
	struct cached cached;
	struct connection *connection;
	sqlite3_stmt *stmt;
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

static struct statement *prepare(struct connection *c, const char *sql);

/* Every transaction has these: they are not read anew each time. */
#define BEGIN_WRITING "BEGIN IMMEDIATE"
#define COMMIT "COMMIT"

static enum store_result execute(struct connection *c, const char *sql)
{
	struct statement *st;

	if (strcmp(sql, BEGIN_WRITING) != 0 && strcmp(sql, COMMIT) != 0)
		return result_of(sqlite3_exec(c->db, sql, NULL, NULL, NULL));
	st = prepare(c, sql);
	if (st == NULL)
		return result_of(sqlite3_errcode(c->db));
	(void)sqlite3_step(st->stmt);
	/* Has the error of the step, if there was one. */
	return result_of(sqlite3_reset(st->stmt));
}

static void free_statement(struct cached *item)
{
	struct statement *st = (struct statement *)item;

	/* Repeats the error of the last step, which its caller has seen. */
	(void)sqlite3_finalize(st->stmt);
	free(st);
}

static void close_connection(struct connection *c)
{
	cache_release(&c->statements);
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
	     (kind != CONNECTION_WRITER || execute(c, pragma.p) == STORE_OK) &&
	     (options == NULL || !options->fleeting ||
	      execute(c, "PRAGMA synchronous=OFF") == STORE_OK);
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
	/* Who commits without a sync, or not at all, has nothing to gather. */
	bool gathers = !is_reader(kind) && !(options && options->fleeting);
	struct connection *c;

	/* Counting memory would take one lock for all threads; refused once SQLite is in use. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (!is_reader(kind) && !make_file(place, error))
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->statements.free = free_statement;
	if (sqlite3_open_v2(place, &c->db, flags, gathers ? sqlite_wal_vfs() : NULL) != SQLITE_OK ||
	    !configure(c, kind, options)) {
		str_addf(error, "%s: %s", place, c->db ? sqlite3_errmsg(c->db) : "out of memory");
		close_connection(c);
		return NULL;
	}
	if (is_reader(kind))
		sqlite3_progress_handler(c->db, PROGRESS_STEPS, past_deadline, c);
	return c;
}

static struct statement *prepare(struct connection *c, const char *sql)
{
	struct statement *st = (struct statement *)cache_find(&c->statements, sql);
	sqlite3_stmt *stmt;

	if (st != NULL)
		return st;
	if (sqlite3_prepare_v3(c->db, sql, (int)strlen(sql) + 1, SQLITE_PREPARE_PERSISTENT, &stmt,
	                       NULL) != SQLITE_OK)
		return NULL;
	st = xcalloc(1, sizeof(*st));
	st->connection = c;
	st->stmt = stmt;
	cache_add(&c->statements, &st->cached, sql);
	return st;
}

static void keep(struct statement *st)
{
	cache_keep(&st->connection->statements, &st->cached);
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
	st->cached.in_use = true;
	code = sqlite3_step(st->stmt);
	return code == SQLITE_ROW ? STORE_OK : code == SQLITE_DONE ? STORE_NONE : result_of(code);
}

static void reset(struct statement *st)
{
	/* Repeats the error of the last step, which its caller has seen. */
	(void)sqlite3_reset(st->stmt);
	st->cached.in_use = false;
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

/* A file is not lost. */
static enum store_result recover(struct connection *c)
{
	(void)c;
	return STORE_OK;
}

static unsigned session_of(const struct connection *c)
{
	(void)c;
	return 1;
}

static void describe(const char *place, struct str *out)
{
	str_adds(out, place);
}

static void deadline(struct connection *c, int64_t deadline_ns)
{
	c->deadline_ns = deadline_ns;
}

static const char *const prefixes[] = {"sqlite:///", NULL};

static const struct dialect dialect = {
        .begin = BEGIN_WRITING,
        .begin_read = "BEGIN",
        .begin_alone = BEGIN_WRITING,
        .integer = "INTEGER",
        .real = "REAL",
        .text = "TEXT",
        .boolean = "INTEGER",
        .date = "INTEGER",
        .bytes = "BLOB",
        .auto_key = "INTEGER PRIMARY KEY AUTOINCREMENT",
        .by_key = " WITHOUT ROWID",
        .among = "IN (SELECT value FROM json_each(?))",
        .last_number = "SELECT seq FROM sqlite_sequence WHERE name = ?",
        .foreign = "SELECT count(*) * (count(*) = sum(name <> 'schema_version')) FROM "
                   "sqlite_master",
};

const struct driver sqlite_driver = {
        .prefixes = prefixes,
        .dialect = &dialect,
        .describe = describe,
        .open = open_connection,
        .close = close_connection,
        .recover = recover,
        .session = session_of,
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
        .backup = sqlite_backup,
};
