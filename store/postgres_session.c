#include "store/postgres_session.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#define OLDEST_VERSION 120000
#define CANCEL_NS (10 * INT64_C(1000000000))

/* https://www.postgresql.org/docs/15/errcodes-appendix.html; a prefix of the code. */
static const struct {
	const char *code;
	enum store_result result;
} codes[] = {
        {"08", STORE_LOST},       /* connection exception */
        {"22012", STORE_DEPOSED}, /* division by zero: leader.c divides by the leader's rows */
        {"22", STORE_CONSTRAINT}, /* a value not allowed */
        {"23", STORE_CONSTRAINT}, {"25P03", STORE_LOST}, /* idle in a transaction for too long */
        {"40", STORE_BUSY},                              /* deadlock, serialization */
        {"53100", STORE_FULL},    {"53300", STORE_BUSY}, /* too many connections */
        {"55P03", STORE_BUSY},                           /* lock not available */
        {"57014", STORE_TIMEOUT}, {"57P", STORE_LOST}, /* shutting down, starting up, terminated */
        {"XX00", STORE_CORRUPT},
};

bool pg_session_is_lost(const struct pg_session *c)
{
	return c->pg == NULL || PQstatus(c->pg) == CONNECTION_BAD;
}

void pg_session_error(struct pg_session *c, const char *text)
{
	str_reset(&c->error);
	/* libpq ends its messages with a line break and goes on in further lines. */
	str_add(&c->error, text, strcspn(text, "\n"));
}

enum store_result pg_session_lost(struct pg_session *c)
{
	const char *why = c->pg ? PQerrorMessage(c->pg) : "";

	pg_session_error(c, *why ? why : "the database does not answer");
	return STORE_LOST;
}

enum store_result pg_session_failure(struct pg_session *c, const PGresult *result)
{
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	pg_session_error(c, PQresultErrorMessage(result));
	for (size_t i = 0; code != NULL && i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strncmp(codes[i].code, code, strlen(codes[i].code)) == 0)
			return codes[i].result;
	}
	return pg_session_is_lost(c) || code == NULL ? STORE_LOST : STORE_IO;
}

bool pg_session_reads(enum connection_kind kind)
{
	return kind == CONNECTION_READER || kind == CONNECTION_LOG_READER;
}

static void ignore_notice(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

static bool set_up(struct pg_session *c)
{
	struct str sql = STR_INIT;
	PGresult *result;
	bool ok;

	/* synchronous_commit may be stricter already, not weaker. */
	str_addf(&sql,
	         "SET client_min_messages = warning; SET jit = off; SET lock_timeout = %" PRId64
	         "; SET idle_in_transaction_session_timeout = 60000;"
	         /* The server notices within ten seconds that our machine is gone. */
	         "SET tcp_keepalives_idle = 4; SET tcp_keepalives_interval = 2;"
	         "SET tcp_keepalives_count = 2;"
	         "SELECT set_config('synchronous_commit', 'on', false)"
	         " WHERE current_setting('synchronous_commit') = 'off'",
	         c->busy_ms);
	if (pg_session_reads(c->kind))
		str_adds(&sql, "; SET default_transaction_read_only = on");
	result = PQexec(c->pg, sql.p);
	ok = PQresultStatus(result) == PGRES_COMMAND_OK ||
	     PQresultStatus(result) == PGRES_TUPLES_OK;
	if (!ok)
		(void)pg_session_failure(c, result);
	PQclear(result);
	str_release(&sql);
	return ok;
}

static bool is_usable(struct pg_session *c)
{
	const char *encoding = PQparameterStatus(c->pg, "server_encoding");

	str_reset(&c->error);
	if (PQserverVersion(c->pg) < OLDEST_VERSION)
		str_addf(&c->error, "PostgreSQL %d is too old: 12 is the oldest that serves",
		         PQserverVersion(c->pg) / 10000);
	else if (encoding == NULL || strcmp(encoding, "UTF8") != 0)
		str_addf(&c->error,
		         "the database has the encoding %s: make it with ENCODING 'UTF8'",
		         encoding ? encoding : "?");
	return c->error.len == 0;
}

/* What the URI says wins over what stands before it, what stands after it wins over the URI. */
enum store_result pg_session_connect(struct pg_session *c)
{
	const char *const words[] = {
	        "connect_timeout",  "keepalives_idle",           "keepalives_interval",
	        "keepalives_count", "tcp_user_timeout",          "dbname",
	        "client_encoding",  "fallback_application_name", NULL};
	const char *const values[] = {"5", "5", "2", "3", "10000", c->place, "UTF8", "scitq", NULL};

	PQfinish(c->pg);
	c->begun = false;
	c->pg = PQconnectdbParams(words, values, 1);
	if (c->pg == NULL || PQstatus(c->pg) != CONNECTION_OK)
		return pg_session_lost(c);
	PQsetNoticeReceiver(c->pg, ignore_notice, NULL);
	c->number++;
	if (is_usable(c) && set_up(c))
		return STORE_OK;
	PQfinish(c->pg);
	c->pg = NULL;
	return STORE_LOST;
}

bool pg_session_has_input(const struct pg_session *c)
{
	struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

static void cancel(struct pg_session *c)
{
	char why[256];
	PGcancel *request = PQgetCancel(c->pg);

	/* Where it does not get through the connection is given up a little later. */
	if (request != NULL)
		(void)PQcancel(request, why, sizeof(why));
	PQfreeCancel(request);
}

static void give_up(struct pg_session *c)
{
	PQfinish(c->pg);
	c->pg = NULL;
	pg_session_error(c, "the database does not answer");
}

/* False: the connection is lost. */
static bool wait_for_input(struct pg_session *c)
{
	struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};
	int64_t until = c->give_up_ns ? c->give_up_ns : c->deadline_ns, left;
	int n;

	left = until ? until - clock_monotonic_ns() : 0;
	n = left < 0 ? 0 : poll(&p, 1, until ? (int)(left / 1000000) + 1 : -1);
	if (n < 0 && errno != EINTR) {
		give_up(c);
		return false;
	}
	if (n != 0)
		return n < 0 || PQconsumeInput(c->pg) == 1;
	if (c->give_up_ns != 0) {
		give_up(c);
		return false;
	}
	c->give_up_ns = clock_monotonic_ns() + CANCEL_NS;
	cancel(c);
	return true;
}

/* NULL: there is no other, or the connection was given up. */
PGresult *pg_session_next(struct pg_session *c)
{
	while (c->pg != NULL && PQisBusy(c->pg)) {
		if (!wait_for_input(c))
			break;
	}
	return c->pg ? PQgetResult(c->pg) : NULL;
}
