/*
 * The leader of a database that several servers share: one row, whose term grows
 * with each change of leader. docs/protocol.md says how it is taken.
 *
 * Every transaction of a leader ends with a look at the row that locks its term
 * until the commit. Whoever raises the term waits for that, so that what is
 * committed was written by the leader of its time, and after a connection was lost
 * taking the term again waits until it is settled whether the last commit came
 * through.
 */
#include "store/inside.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define TRIES 20
#define PAUSE_MS 50

static void add_name(struct str *name)
{
	char host[256];

	if (gethostname(host, sizeof(host)) != 0)
		host[0] = '\0';
	host[sizeof(host) - 1] = '\0';
	str_addf(name, "process %ld on %s", (long)getpid(), *host ? host : "?");
}

/* STORE_NONE: somebody else leads. */
static enum store_result take(struct store *s)
{
	/* Of other roles the start of a session is hidden. */
	struct statement *st = s->driver->prepare(
	        s->main,
	        "UPDATE leader SET term = term + 1, name = ?1, session_pid = pg_backend_pid(),"
	        " session_start = (SELECT backend_start FROM pg_stat_activity"
	        " WHERE pid = pg_backend_pid()), heard = clock_timestamp()"
	        " WHERE term = ?2 OR NOT EXISTS (SELECT 1 FROM pg_stat_activity"
	        " WHERE pid = session_pid AND coalesce(backend_start, session_start) ="
	        " session_start) RETURNING term");
	struct str name = STR_INIT;
	enum store_result result;

	if (st == NULL)
		return store_failed(s, s->main, STORE_IO);
	add_name(&name);
	s->driver->bind_text(st, 1, name.p);
	s->driver->bind_integer(st, 2, s->term);
	result = store_failed(s, s->main, s->driver->step(st));
	if (result == STORE_OK)
		s->term = s->driver->integer(st, 0);
	s->driver->reset(st);
	str_release(&name);
	return result;
}

static void add_leader(struct store *s, struct str *error)
{
	struct statement *st = s->driver->prepare(s->main, "SELECT name FROM leader");
	const char *name = NULL;

	if (st != NULL && s->driver->step(st) == STORE_OK)
		name = s->driver->text(st, 0);
	str_addf(error, "another server has this database: %s", name ? name : "?");
	if (st != NULL)
		s->driver->reset(st);
}

bool leader_take(struct store *s, struct str *error)
{
	enum store_result result = STORE_NONE;

	if (!s->driver->shared)
		return true;
	/* The session of a process that was killed lives for another moment. */
	for (int tries = 0; result == STORE_NONE && tries < TRIES; tries++) {
		if (tries > 0)
			(void)poll(NULL, 0, PAUSE_MS);
		result = take(s);
	}
	if (result == STORE_NONE)
		add_leader(s, error);
	else if (result != STORE_OK)
		str_adds(error, s->own.error.p);
	return result == STORE_OK;
}

enum store_result leader_retake(struct store *s)
{
	enum store_result result = s->driver->shared ? take(s) : STORE_OK;

	return result == STORE_NONE ? STORE_DEPOSED : result;
}

void leader_release(struct store *s)
{
	struct str sql = STR_INIT;

	if (!s->driver->shared || s->term == 0)
		return;
	/* Where it fails, the end of the session says the same a little later. */
	str_addf(&sql, "UPDATE leader SET session_pid = NULL WHERE term = %lld",
	         (long long)s->term);
	(void)s->driver->execute(s->main, sql.p);
	str_release(&sql);
	s->term = 0;
}

enum store_result leader_commit(struct store *s, struct connection *c)
{
	struct str sql = STR_INIT;
	enum store_result result;

	if (!s->driver->shared)
		return s->driver->execute(c, "COMMIT");
	/* One message: where the term is another, the division by zero ends it before COMMIT. */
	str_addf(&sql,
	         "SELECT 1 / count(*) FROM (SELECT 1 FROM leader WHERE term = %lld"
	         " FOR KEY SHARE) AS mine; COMMIT",
	         (long long)s->term);
	result = s->driver->execute(c, sql.p);
	if (result == STORE_DEPOSED)
		s->term = 0;
	str_release(&sql);
	return result;
}
