/*
 * A session with a PostgreSQL server: how it is made, what its errors mean, and
 * waiting for its results no longer than a deadline allows. A query that passes the
 * deadline is cancelled on the server; where even that is not answered the session is
 * given up. Of postgres.c. Private to store/.
 */
#ifndef STORE_POSTGRES_SESSION_H
#define STORE_POSTGRES_SESSION_H

#include "base/str.h"
#include "store/driver.h"

#include <libpq-fe.h>

struct pg_session {
	PGconn *pg; /* NULL: given up */
	char *place;
	enum connection_kind kind;
	int64_t busy_ms;
	unsigned number;     /* how often it was made */
	bool begun;          /* a transaction is open, or was when the session was lost */
	int64_t deadline_ns; /* monotonic; 0: none */
	int64_t give_up_ns;  /* 0, or when a cancelled query is waited for no longer */
	struct str error;    /* of the last failure */
};

bool pg_session_reads(enum connection_kind kind);
/* Make it, anew where there was one; STORE_LOST with the error set. */
enum store_result pg_session_connect(struct pg_session *c);
bool pg_session_is_lost(const struct pg_session *c);
/* Bytes wait that nobody asked for: its end, mostly. */
bool pg_session_has_input(const struct pg_session *c);
/* The first line of the text. */
void pg_session_error(struct pg_session *c, const char *text);
/* STORE_LOST, with the error that libpq knows. */
enum store_result pg_session_lost(struct pg_session *c);
/* What this result says that went wrong; the error is set. */
enum store_result pg_session_failure(struct pg_session *c, const PGresult *result);
/* The next result of the query under way. NULL: there is no other, or the session was given up. */
PGresult *pg_session_next(struct pg_session *c);

#endif
