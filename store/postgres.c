/*
 * The PostgreSQL driver: libpq, one connection per thread that uses one.
 *
 * Rows are taken from the wire one at a time, so that a large answer is never
 * held; where another statement begins in between, what is left of the first is
 * read into memory. Results are binary, parameters are text whose types the
 * server infers. A statement is prepared in the session when it is first run
 * there.
 *
 * A connection that is lost says STORE_LOST to everything. Readers connect again
 * when a query begins outside a transaction; the writer only in recover(), because
 * whoever owns it has to find out first what became of its last transaction.
 *
 * The session below, its errors and deadlines: postgres_session.c.
 */
#include "store/driver.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/vec.h"
#include "store/cache.h"
#include "store/postgres_session.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_MS 5000
#define NUMBER_MAX 32 /* a number as text */

struct connection {
	struct pg_session s;
	unsigned names; /* given to statements */
	struct cache statements;
	struct statement *streaming; /* whose rows are still on the wire */
	int64_t changes;
};

struct parameter {
	char number[NUMBER_MAX];
};

struct statement {
	struct cached cached;
	struct connection *connection;
	struct str text; /* with $1 for ?1; of a bulk, rows that were not sent yet */
	char name[16];
	unsigned session; /* that it is prepared in */
	int n;            /* parameters */
	struct parameter *parameters;
	const char **values;
	int *lengths, *formats;
	PGresult *row;
	VEC(PGresult *) rest; /* rows read ahead, from `next` on */
	size_t next;
	enum store_result end; /* once nothing of it is on the wire */
};

static void free_statement(struct cached *item);
static enum store_result execute(struct connection *c, const char *sql);

static enum store_result connect_anew(struct connection *c)
{
	c->streaming = NULL;
	return pg_session_connect(&c->s);
}

static struct connection *open_connection(const char *place, enum connection_kind kind,
                                          const struct store_options *options, struct str *error)
{
	struct connection *c = xcalloc(1, sizeof(*c));

	c->s.place = xstrdup(place);
	c->s.kind = kind;
	c->s.busy_ms = options && options->busy_ms ? options->busy_ms : BUSY_MS;
	c->statements.free = free_statement;
	str_init(&c->s.error);
	if (connect_anew(c) == STORE_OK)
		return c;
	str_adds(error, c->s.error.p);
	postgres_driver.close(c);
	return NULL;
}

static void close_connection(struct connection *c)
{
	/* With its session the statements prepared in it go too. */
	PQfinish(c->s.pg);
	c->s.pg = NULL;
	cache_release(&c->statements);
	str_release(&c->s.error);
	free(c->s.place);
	free(c);
}

/* A connection that nobody used since it broke does not know. */
static enum store_result recover(struct connection *c)
{
	if (!pg_session_is_lost(&c->s) && execute(c, "SELECT 1") == STORE_OK)
		return STORE_OK;
	return connect_anew(c);
}

static unsigned session_of(const struct connection *c)
{
	return c->s.number;
}

/* Is there a connection that a query can begin on? */
static bool is_ready(struct connection *c)
{
	bool may_renew = pg_session_reads(c->s.kind) && !c->s.begun;

	/* Of one that broke since its last query the last words and the end wait to be read. */
	while (may_renew && c->streaming == NULL && !pg_session_is_lost(&c->s) &&
	       pg_session_has_input(&c->s))
		(void)PQconsumeInput(c->s.pg);
	return !pg_session_is_lost(&c->s) || (may_renew && connect_anew(c) == STORE_OK);
}

static void describe(const char *place, struct str *out)
{
	PQconninfoOption *options = PQconninfoParse(place, NULL), *o;
	const char *host = "", *name = "";

	for (o = options; o != NULL && o->keyword != NULL; o++) {
		if (o->val != NULL && strcmp(o->keyword, "host") == 0)
			host = o->val;
		if (o->val != NULL && strcmp(o->keyword, "dbname") == 0)
			name = o->val;
	}
	str_addf(out, "database %s%s%s", name, *host ? " of " : "", host);
	PQconninfoFree(options);
}

/* --- rows --- */

static void end_query(struct connection *c)
{
	PGresult *result;

	while ((result = pg_session_next(&c->s)) != NULL)
		PQclear(result);
	c->s.give_up_ns = 0;
	c->streaming = NULL;
}

/* The next row of what is streaming: STORE_OK, or how it ended. */
static enum store_result read_row(struct connection *c, PGresult **row)
{
	PGresult *result = pg_session_next(&c->s);
	enum store_result end = STORE_NONE;

	switch (result ? PQresultStatus(result) : PGRES_FATAL_ERROR) {
	case PGRES_SINGLE_TUPLE:
		*row = result;
		return STORE_OK;
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		c->changes = strtoll(PQcmdTuples(result), NULL, 10);
		break;
	default:
		end = result ? pg_session_failure(&c->s, result) : pg_session_lost(&c->s);
		break;
	}
	PQclear(result);
	end_query(c);
	return end;
}

/* The wire is needed: what is left of the rows goes to memory. */
static void read_ahead(struct connection *c)
{
	struct statement *st = c->streaming;
	PGresult *row;

	if (st == NULL)
		return;
	while ((st->end = read_row(c, &row)) == STORE_OK)
		vec_push(&st->rest, row);
}

/* --- statements --- */

static enum store_result execute(struct connection *c, const char *sql)
{
	enum store_result end = STORE_OK;
	PGresult *result;

	/* The server has done so itself. */
	if (pg_session_is_lost(&c->s) && c->s.begun && strcmp(sql, "ROLLBACK") == 0) {
		c->s.begun = false;
		return STORE_OK;
	}
	if (!is_ready(c))
		return pg_session_lost(&c->s);
	read_ahead(c);
	if (pg_session_is_lost(&c->s) || PQsendQuery(c->s.pg, sql) != 1)
		return pg_session_lost(&c->s);
	while ((result = pg_session_next(&c->s)) != NULL) {
		ExecStatusType status = PQresultStatus(result);

		if (status == PGRES_COPY_IN) {
			PQclear(result);
			return end;
		}
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && end == STORE_OK)
			end = pg_session_failure(&c->s, result);
		/* A COMMIT after a statement that failed is a ROLLBACK. */
		if (strcmp(PQcmdStatus(result), "ROLLBACK") == 0 && strcmp(sql, "ROLLBACK") != 0) {
			pg_session_error(&c->s, "a statement of the transaction had failed");
			end = STORE_IO;
		}
		PQclear(result);
	}
	c->s.give_up_ns = 0;
	if (pg_session_is_lost(&c->s))
		return end == STORE_OK ? pg_session_lost(&c->s) : end;
	c->s.begun = PQtransactionStatus(c->s.pg) != PQTRANS_IDLE;
	return end;
}

/* $1 for ?, $3 for ?3; the number of parameters. Texts in quotes hold none of them. */
static int translate(const char *sql, struct str *out)
{
	int n = 0, last = 0;

	for (const char *p = sql; *p != '\0';) {
		char *end;

		if (*p != '?') {
			str_addc(out, *p++);
			continue;
		}
		last = (int)strtol(p + 1, &end, 10);
		if (last == 0)
			last = n + 1;
		n = last > n ? last : n;
		str_addf(out, "$%d", last);
		p = end;
	}
	return n;
}

static struct statement *new_statement(struct connection *c, int n)
{
	struct statement *st = xcalloc(1, sizeof(*st));
	size_t room = (size_t)n + 1;

	st->connection = c;
	st->n = n;
	st->parameters = xcalloc(room, sizeof(*st->parameters));
	st->values = xcalloc(room, sizeof(*st->values));
	st->lengths = xcalloc(room, sizeof(*st->lengths));
	st->formats = xcalloc(room, sizeof(*st->formats));
	str_init(&st->text);
	return st;
}

static struct statement *prepare(struct connection *c, const char *sql)
{
	struct statement *st = (struct statement *)cache_find(&c->statements, sql);
	struct str text = STR_INIT;

	if (st != NULL)
		return st;
	st = new_statement(c, translate(sql, &text));
	st->text = text;
	(void)snprintf(st->name, sizeof(st->name), "s%u", ++c->names);
	cache_add(&c->statements, &st->cached, sql);
	return st;
}

static void keep(struct statement *st)
{
	cache_keep(&st->connection->statements, &st->cached);
}

static void drop_rows(struct statement *st)
{
	PQclear(st->row);
	st->row = NULL;
	for (; st->next < st->rest.n; st->next++)
		PQclear(st->rest.v[st->next]);
	st->rest.n = st->next = 0;
}

static void free_statement(struct cached *item)
{
	struct statement *st = (struct statement *)item;
	struct connection *c = st->connection;
	struct str sql = STR_INIT;

	/* In a transaction that has failed this fails too: the session keeps it then. */
	if (c->s.pg != NULL && st->session == c->s.number) {
		str_addf(&sql, "DEALLOCATE %s", st->name);
		(void)execute(c, sql.p);
		str_release(&sql);
	}
	drop_rows(st);
	vec_release(&st->rest);
	str_release(&st->text);
	free(st->parameters);
	free(st->values);
	free(st->lengths);
	free(st->formats);
	free(st);
}

static void bind_number(struct statement *st, int i)
{
	assert(i >= 1 && i <= st->n);
	st->values[i - 1] = st->parameters[i - 1].number;
	st->formats[i - 1] = 0;
}

static void bind_integer(struct statement *st, int i, int64_t value)
{
	bind_number(st, i);
	(void)snprintf(st->parameters[i - 1].number, NUMBER_MAX, "%" PRId64, value);
}

static void bind_real(struct statement *st, int i, double value)
{
	bind_number(st, i);
	(void)snprintf(st->parameters[i - 1].number, NUMBER_MAX, "%.17g", value);
}

static void bind_text(struct statement *st, int i, const char *value)
{
	assert(i >= 1 && i <= st->n);
	st->values[i - 1] = value;
	st->formats[i - 1] = 0;
}

static void bind_bytes(struct statement *st, int i, const void *data, size_t n)
{
	assert(i >= 1 && i <= st->n && n <= INT32_MAX);
	st->values[i - 1] = n ? data : "";
	st->lengths[i - 1] = (int)n;
	st->formats[i - 1] = 1;
}

static void bind_null(struct statement *st, int i)
{
	bind_text(st, i, NULL);
}

static enum store_result prepare_in_session(struct statement *st)
{
	struct connection *c = st->connection;
	enum store_result result = STORE_OK;
	PGresult *answer;

	if (st->session == c->s.number)
		return STORE_OK;
	/* It may wait for a lock as well. */
	if (PQsendPrepare(c->s.pg, st->name, st->text.p, 0, NULL) != 1)
		return pg_session_lost(&c->s);
	while ((answer = pg_session_next(&c->s)) != NULL) {
		if (PQresultStatus(answer) != PGRES_COMMAND_OK)
			result = pg_session_failure(&c->s, answer);
		PQclear(answer);
	}
	c->s.give_up_ns = 0;
	if (result == STORE_OK && pg_session_is_lost(&c->s))
		result = pg_session_lost(&c->s);
	if (result == STORE_OK)
		st->session = c->s.number;
	return result;
}

static enum store_result past_deadline(struct connection *c)
{
	if (c->s.deadline_ns == 0 || clock_monotonic_ns() <= c->s.deadline_ns)
		return STORE_OK;
	pg_session_error(&c->s, "the deadline has passed");
	return STORE_TIMEOUT;
}

static enum store_result send(struct statement *st)
{
	struct connection *c = st->connection;
	enum store_result result;

	if (!is_ready(c))
		return pg_session_lost(&c->s);
	read_ahead(c);
	result = pg_session_is_lost(&c->s) ? pg_session_lost(&c->s) : prepare_in_session(st);
	if (result != STORE_OK)
		return result;
	if (PQsendQueryPrepared(c->s.pg, st->name, st->n, st->values, st->lengths, st->formats,
	                        1) != 1)
		return pg_session_lost(&c->s);
	/* Refused only where no query was sent. */
	(void)PQsetSingleRowMode(c->s.pg);
	c->streaming = st;
	st->end = STORE_OK;
	return STORE_OK;
}

static enum store_result step(struct statement *st)
{
	struct connection *c = st->connection;
	enum store_result result = past_deadline(c);

	if (result == STORE_OK && !st->cached.in_use) {
		st->cached.in_use = true;
		result = st->end = send(st);
	}
	PQclear(st->row);
	st->row = NULL;
	if (result != STORE_OK)
		return result;
	if (st->next < st->rest.n) {
		st->row = st->rest.v[st->next++];
		return STORE_OK;
	}
	if (st->end == STORE_OK)
		st->end = read_row(c, &st->row);
	return st->end;
}

static void reset(struct statement *st)
{
	struct connection *c = st->connection;

	if (c->streaming == st)
		read_ahead(c);
	drop_rows(st);
	st->cached.in_use = false;
}

/* --- columns, in the server's binary form: numbers in network order --- */

static bool is_null(struct statement *st, int column)
{
	return PQgetisnull(st->row, 0, column) == 1;
}

static uint64_t big_endian(struct statement *st, int column, int *n)
{
	const unsigned char *p = (const unsigned char *)PQgetvalue(st->row, 0, column);
	uint64_t value = 0;

	*n = PQgetlength(st->row, 0, column);
	assert(*n <= (int)sizeof(value));
	for (int i = 0; i < *n; i++)
		value = value << 8 | p[i];
	return value;
}

/* Columns are smallint, integer or bigint. */
static int64_t integer(struct statement *st, int column)
{
	int n;
	uint64_t value = big_endian(st, column, &n);

	return n == 2 ? (int16_t)value : n == 4 ? (int32_t)value : (int64_t)value;
}

static double real(struct statement *st, int column)
{
	int n;
	uint64_t bits = big_endian(st, column, &n);
	double value;

	static_assert(sizeof(value) == sizeof(bits), "float8 is IEEE 754");
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static const char *text(struct statement *st, int column)
{
	return is_null(st, column) ? NULL : PQgetvalue(st->row, 0, column);
}

static const void *bytes(struct statement *st, int column, size_t *n)
{
	*n = (size_t)PQgetlength(st->row, 0, column);
	return PQgetvalue(st->row, 0, column);
}

/* --- COPY --- */

#define BULK_BYTES 65536

static struct statement *bulk(struct connection *c, const char *target, int n)
{
	struct statement *st = new_statement(c, n);
	struct str sql = STR_INIT;

	str_addf(&sql, "COPY %s FROM STDIN", target);
	st->end = execute(c, sql.p);
	str_release(&sql);
	return st;
}

/* Text as COPY reads it. */
static void add_escaped(struct str *out, const char *p)
{
	while (*p != '\0') {
		size_t plain = strcspn(p, "\\\t\n\r");

		str_add(out, p, plain);
		p += plain;
		if (*p == '\0')
			break;
		str_addc(out, '\\');
		str_addc(out, *p == '\t' ? 't' : *p == '\n' ? 'n' : *p == '\r' ? 'r' : *p);
		p++;
	}
}

static enum store_result send_rows(struct statement *st)
{
	struct connection *c = st->connection;

	if (st->end == STORE_OK && st->text.len > 0 &&
	    (pg_session_is_lost(&c->s) ||
	     PQputCopyData(c->s.pg, st->text.p, (int)st->text.len) != 1))
		st->end = pg_session_lost(&c->s);
	str_reset(&st->text);
	return st->end;
}

static enum store_result bulk_row(struct statement *st)
{
	for (int i = 0; i < st->n; i++) {
		assert(st->formats[i] == 0);
		if (i > 0)
			str_addc(&st->text, '\t');
		if (st->values[i] == NULL)
			str_adds(&st->text, "\\N");
		else
			add_escaped(&st->text, st->values[i]);
	}
	str_addc(&st->text, '\n');
	return st->text.len < BULK_BYTES ? st->end : send_rows(st);
}

static enum store_result bulk_end(struct statement *st)
{
	struct connection *c = st->connection;
	enum store_result end = send_rows(st);
	PGresult *result;

	if (end == STORE_OK && PQputCopyEnd(c->s.pg, NULL) != 1)
		end = pg_session_lost(&c->s);
	while (end == STORE_OK && (result = pg_session_next(&c->s)) != NULL) {
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			end = pg_session_failure(&c->s, result);
		PQclear(result);
	}
	if (c->s.pg != NULL)
		end_query(c);
	free_statement(&st->cached);
	return end;
}

static int64_t changes(struct connection *c)
{
	return c->changes;
}

static const char *error_text(struct connection *c)
{
	return c->s.error.p;
}

static void deadline(struct connection *c, int64_t deadline_ns)
{
	c->s.deadline_ns = deadline_ns;
}

static const char *const prefixes[] = {"postgresql://", "postgres://", NULL};

/* The advisory lock's number is ours alone by its oddity: "scitq" in ASCII. */
static const struct dialect dialect = {
        .begin = "BEGIN",
        .begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ",
        .begin_alone = "BEGIN; SELECT pg_advisory_xact_lock(495823549553)",
        .integer = "bigint",
        .real = "double precision",
        .text = "text COLLATE \"C\"",
        .boolean = "smallint",
        .date = "bigint",
        .bytes = "bytea",
        .integers = "bigint[]",
        .reals = "double precision[]",
        .texts = "text[]",
        .booleans = "smallint[]",
        .auto_key = "bigint PRIMARY KEY",
        .by_key = "",
        .among = "= ANY (ARRAY(SELECT value::bigint FROM json_array_elements_text(?::json)))",
        .last_number = "SELECT number FROM last_number WHERE name = ?",
        .foreign = "SELECT CASE WHEN bool_or(tablename = 'schema_version') THEN 0 ELSE count(*) "
                   "END FROM pg_tables WHERE schemaname = current_schema()",
        .setup = "CREATE TABLE last_number (name text PRIMARY KEY, number bigint);"
                 "CREATE FUNCTION keep_number() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                 " EXECUTE format('INSERT INTO last_number SELECT %L, max(%I) FROM %I"
                 " HAVING max(%I) IS NOT NULL ON CONFLICT (name) DO UPDATE"
                 " SET number = greatest(last_number.number, excluded.number)',"
                 " TG_TABLE_NAME, TG_ARGV[0], TG_TABLE_NAME, TG_ARGV[0]);"
                 " RETURN NULL; END $$;"
                 "CREATE TABLE leader (term bigint PRIMARY KEY, name text, url text,"
                 " session_pid integer, session_start timestamptz);"
                 "INSERT INTO leader (term) VALUES (0)",
        .keep_number = "keep_number",
};

const struct driver postgres_driver = {
        .prefixes = prefixes,
        .shared = true,
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
        .bulk = bulk,
        .bulk_row = bulk_row,
        .bulk_end = bulk_end,
        .changes = changes,
        .error = error_text,
        .deadline = deadline,
};
