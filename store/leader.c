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
#include "base/alloc.h"
#include "store/inside.h"

#include <poll.h>
#include <stdlib.h>
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

/*
 * The session in which the leader writes is there and was heard of lately: the core says
 * something every LEAD_CHECK_SECONDS at least. Of other roles the rest of the row is hidden.
 */
#define LEADER_LIVES                                                                               \
	"EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = session_pid"                           \
	" AND coalesce(backend_start, session_start) = session_start AND (state IS NULL OR"        \
	" state = 'active' OR state_change > clock_timestamp() - interval '6 seconds'))"

/* STORE_NONE: somebody else leads. */
static enum store_result take(struct store *s)
{
	struct statement *st = s->driver->prepare(
	        s->main, "UPDATE leader SET term = term + 1, name = ?1, url = ?2,"
	                 " session_pid = pg_backend_pid(),"
	                 " session_start = (SELECT backend_start FROM pg_stat_activity"
	                 " WHERE pid = pg_backend_pid())"
	                 " WHERE term = ?3 OR NOT " LEADER_LIVES " RETURNING term");
	struct str name = STR_INIT;
	enum store_result result;

	if (st == NULL)
		return store_failed(s, s->main, STORE_IO);
	add_name(&name);
	s->driver->bind_text(st, 1, name.p);
	s->driver->bind_text(st, 2, s->url);
	s->driver->bind_integer(st, 3, s->term);
	result = store_failed(s, s->main, s->driver->step(st));
	if (result == STORE_OK) {
		s->term = s->driver->integer(st, 0);
		s->main_session = s->driver->session(s->main);
		s->log_session = s->driver->session(s->log);
	}
	s->driver->reset(st);
	str_release(&name);
	return result;
}

static bool find_name(struct store *s, const char *sql, struct str *name)
{
	struct statement *st = s->driver->prepare(s->main, sql);
	bool found = st != NULL && s->driver->step(st) == STORE_OK;
	const char *text = found ? s->driver->text(st, 0) : NULL;

	if (found)
		str_adds(name, text ? text : "?");
	if (st != NULL)
		s->driver->reset(st);
	return found;
}

bool leader_lives(struct store *s, struct str *name)
{
	return find_name(s, "SELECT name FROM leader WHERE " LEADER_LIVES, name);
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
		if (result == STORE_NONE && s->options.follow)
			return true;
	}
	if (result == STORE_NONE) {
		str_adds(error, "another server has this database: ");
		(void)find_name(s, "SELECT name FROM leader", error);
	} else if (result != STORE_OK) {
		str_adds(error, s->own.error.p);
	}
	return result == STORE_OK;
}

enum store_result leader_retake(struct store *s)
{
	enum store_result result = take(s);

	if (result == STORE_NONE) {
		s->term = 0;
		result = STORE_DEPOSED;
	}
	return result;
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

/* Divides by zero where the term is another. */
static void add_check(const struct store *s, struct str *sql)
{
	str_addf(sql,
	         "SELECT 1 / count(*) FROM (SELECT 1 FROM leader WHERE term = %lld"
	         " FOR KEY SHARE) AS mine",
	         (long long)s->term);
}

static enum store_result execute(struct store *s, struct connection *c, const char *sql)
{
	enum store_result result = s->driver->execute(c, sql);

	if (result == STORE_DEPOSED)
		s->term = 0;
	return result;
}

enum store_result leader_commit(struct store *s, struct connection *c)
{
	struct str sql = STR_INIT;
	enum store_result result;

	if (!s->driver->shared)
		return s->driver->execute(c, "COMMIT");
	/* One message: where the check fails COMMIT is not reached. */
	add_check(s, &sql);
	str_adds(&sql, "; COMMIT");
	result = execute(s, c, sql.p);
	str_release(&sql);
	return result;
}

bool store_shared(const struct store *s)
{
	return s->driver->shared;
}

bool store_leads(const struct store *s)
{
	return !s->driver->shared || s->term != 0;
}

enum store_result store_lead_check(struct store *s)
{
	struct str sql = STR_INIT;
	enum store_result result;

	if (!s->driver->shared)
		return STORE_OK;
	add_check(s, &sql);
	result = store_failed(s, s->main, execute(s, s->main, sql.p));
	str_release(&sql);
	return result;
}

int64_t store_term(const struct store *s)
{
	return s->term;
}

enum store_result store_reader_term(struct store_reader *r, int64_t *term)
{
	enum store_result result;
	struct statement *st;

	*term = 0;
	if (!r->driver->shared)
		return STORE_OK;
	st = reader_ready(r, "SELECT term FROM leader", &result);
	if (st == NULL)
		return result;
	result = reader_failed(r, r->main, r->driver->step(st));
	if (result == STORE_OK)
		*term = r->driver->integer(st, 0);
	r->driver->reset(st);
	return result;
}

enum store_result store_announce(struct store *s, const char *url)
{
	enum store_result result;
	struct statement *st;

	if (!s->driver->shared)
		return STORE_OK;
	free(s->url);
	s->url = xstrdup(url);
	if (s->term == 0)
		return STORE_OK;
	st = store_ready(s, "UPDATE leader SET url = ?1 WHERE term = ?2", &result);
	if (st == NULL)
		return result;
	s->driver->bind_text(st, 1, s->url);
	s->driver->bind_integer(st, 2, s->term);
	return store_run(s, st, NULL);
}

enum store_result store_leader(struct store_reader *r, struct str *url)
{
	enum store_result result;
	struct statement *st = reader_ready(
	        r, "SELECT url FROM leader WHERE url IS NOT NULL AND " LEADER_LIVES, &result);

	if (st == NULL)
		return result;
	result = reader_failed(r, r->main, r->driver->step(st));
	if (result == STORE_OK)
		str_adds(url, r->driver->text(st, 0));
	r->driver->reset(st);
	return result;
}
