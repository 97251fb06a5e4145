/* Opening, transactions, and the connections of readers. */
#include "store/store.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "store/inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct driver *const drivers[] = {&sqlite_driver, &postgres_driver};

const char *store_result_word(enum store_result r)
{
	static const char *const words[STORE_RESULT_COUNT] = {
	        "ok",      "none",    "constraint", "busy",     "full", "io",
	        "corrupt", "timeout", "gap",        "conflict", "lost", "deposed",
	};

	return words[r];
}

enum store_result reader_failed(struct store_reader *r, struct connection *c,
                                enum store_result result)
{
	if (result != STORE_OK && result != STORE_NONE) {
		str_reset(&r->error);
		str_addf(&r->error, "%s: %s", store_result_word(result), r->driver->error(c));
	}
	return result;
}

enum store_result store_failed(struct store *s, struct connection *c, enum store_result result)
{
	return reader_failed(&s->own, c, result);
}

enum store_result store_ask(struct store_reader *r, enum store_step step)
{
	enum store_result result = STORE_OK;

	if (r->options->fault != NULL)
		result = r->options->fault(r->options->fault_context, step);
	if (result != STORE_OK) {
		str_reset(&r->error);
		str_addf(&r->error, "%s: a test ordered it", store_result_word(result));
	}
	return result;
}

static struct statement *ready(struct store_reader *r, const char *sql, enum store_step step,
                               enum store_result *result)
{
	struct statement *st;

	*result = store_ask(r, step);
	if (*result != STORE_OK)
		return NULL;
	st = r->driver->prepare(r->main, sql);
	if (st == NULL)
		*result = reader_failed(r, r->main, STORE_IO);
	return st;
}

struct statement *store_ready(struct store *s, const char *sql, enum store_result *result)
{
	return ready(&s->own, sql, STORE_STEP_WRITE, result);
}

struct statement *reader_ready(struct store_reader *r, const char *sql, enum store_result *result)
{
	return ready(r, sql, STORE_STEP_READ, result);
}

enum store_result store_run(struct store *s, struct statement *st, int64_t *changed)
{
	enum store_result result = s->driver->step(st);

	if (result == STORE_NONE)
		result = STORE_OK;
	if (changed != NULL)
		*changed = s->driver->changes(s->main);
	store_failed(s, s->main, result);
	s->driver->reset(st);
	return result;
}

enum store_result reader_done(struct store_reader *r, struct statement *st,
                              enum store_result result)
{
	if (result == STORE_NONE)
		result = STORE_OK;
	reader_failed(r, r->main, result);
	r->driver->reset(st);
	return result;
}

const char *store_error(const struct store *s)
{
	return s->own.error.p;
}

const char *store_reader_error(const struct store_reader *r)
{
	return r->error.p;
}

static void release(struct store_reader *r)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		vec_release(&r->prepared[i]);
	str_release(&r->error);
}

static const struct driver *find_driver(const char *uri, const char **place)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		for (const char *const *prefix = drivers[i]->prefixes; *prefix != NULL; prefix++) {
			size_t n = strlen(*prefix);

			if (strncmp(uri, *prefix, n) != 0 || uri[n] == '\0')
				continue;
			*place = drivers[i]->shared ? uri : uri + n;
			return drivers[i];
		}
	}
	return NULL;
}

static char *log_place_of(const char *place)
{
	const char *slash = strrchr(place, '/');
	struct str path = STR_INIT;

	str_add(&path, place, slash ? (size_t)(slash + 1 - place) : 0);
	str_adds(&path, "log.db");
	/* Two databases in one directory keep two log files. */
	if (strcmp(slash ? slash + 1 : place, "scitq.db") != 0) {
		str_reset(&path);
		str_addf(&path, "%s.log", place);
	}
	return str_detach(&path);
}

static bool make_directory_of(const char *place, struct str *error)
{
	const char *slash = strrchr(place, '/');
	char *dir;
	int err;

	if (slash == NULL || slash == place)
		return true;
	dir = xstrndup(place, (size_t)(slash - place));
	err = dir_make(dir, 0700);
	if (err != 0)
		str_addf(error, "%s: %s", dir, strerror(-err));
	free(dir);
	return err == 0;
}

/* The files that the place needs, and the lock that keeps others away from them. */
static bool make_place(struct store *s, struct str *error)
{
	if (s->driver->shared) {
		s->log_place = xstrdup(s->place);
		return true;
	}
	s->log_place = log_place_of(s->place);
	s->log_dir = log_dir_of(s->log_place);
	s->own.log_dir = s->log_dir;
	if (!make_directory_of(s->place, error))
		return false;
	s->lock = store_lock(s->place, error);
	return s->lock >= 0 && log_dir_settle(s->log_dir, error);
}

static bool open_place(struct store *s, struct str *error)
{
	if (!make_place(s, error))
		return false;
	s->main = s->driver->open(s->place, CONNECTION_WRITER, &s->options, error);
	if (s->main == NULL)
		return false;
	s->log = s->driver->open(s->log_place, CONNECTION_LOG, &s->options, error);
	s->own.main = s->main;
	s->own.log = s->log;
	if (s->log == NULL || !store_migrate(s, error) || !leader_take(s, error))
		return false;
	if (!store_leads(s) || store_log_sweep(s, true) == STORE_OK)
		return true;
	str_adds(error, s->own.error.p);
	return false;
}

struct store *store_open(const char *uri, const struct store_options *options,
                         struct problem *problem)
{
	const char *place = NULL;
	const struct driver *driver = find_driver(uri, &place);
	struct str error = STR_INIT;
	struct store *s;

	if (driver == NULL) {
		problem_set(problem, PROBLEM_BAD_VALUE,
		            "%s is no database; write sqlite:///PATH, with four slashes for an "
		            "absolute path, or postgresql://HOST/DATABASE",
		            uri);
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->driver = driver;
	if (options != NULL)
		s->options = *options;
	s->place = xstrdup(place);
	str_init(&s->shown);
	driver->describe(place, &s->shown);
	s->lock = -1;
	s->own.driver = driver;
	s->own.options = &s->options;
	str_init(&s->own.error);
	if (open_place(s, &error)) {
		str_release(&error);
		return s;
	}
	problem_set(problem, PROBLEM_UNAVAILABLE, "%s", error.p);
	str_release(&error);
	store_close(s);
	return NULL;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->open)
		store_rollback(s);
	if (s->log_open)
		store_log_rollback(s);
	if (s->main != NULL) {
		leader_release(s);
		s->driver->close(s->main);
	}
	if (s->log != NULL)
		s->driver->close(s->log);
	if (s->lock >= 0)
		close(s->lock);
	release(&s->own);
	str_release(&s->shown);
	free(s->url);
	free(s->place);
	free(s->log_place);
	free(s->log_dir);
	free(s);
}

struct store_reader *store_reader_open(struct store *s, struct problem *problem)
{
	struct store_reader *r = xcalloc(1, sizeof(*r));
	struct str error = STR_INIT;

	r->driver = s->driver;
	r->options = &s->options;
	r->log_dir = s->log_dir;
	str_init(&r->error);
	r->main = s->driver->open(s->place, CONNECTION_READER, &s->options, &error);
	if (r->main != NULL)
		r->log = s->driver->open(s->log_place, CONNECTION_LOG_READER, &s->options, &error);
	if (r->log == NULL) {
		problem_set(problem, PROBLEM_UNAVAILABLE, "%s", error.p);
		store_reader_close(r);
		r = NULL;
	}
	str_release(&error);
	return r;
}

void store_reader_close(struct store_reader *r)
{
	if (r == NULL)
		return;
	if (r->main != NULL)
		r->driver->close(r->main);
	if (r->log != NULL)
		r->driver->close(r->log);
	release(r);
	free(r);
}

struct store_reader *store_own(struct store *s)
{
	return &s->own;
}

void store_reader_deadline(struct store_reader *r, int64_t monotonic_ns)
{
	r->driver->deadline(r->main, monotonic_ns);
	r->driver->deadline(r->log, monotonic_ns);
}

enum store_result store_reader_begin(struct store_reader *r)
{
	return reader_failed(r, r->main,
	                     r->driver->execute(r->main, r->driver->dialect->begin_read));
}

void store_reader_end(struct store_reader *r)
{
	/* Nothing was written: there is nothing that could fail to be kept. */
	(void)r->driver->execute(r->main, "ROLLBACK");
}

static enum store_result begin(struct store *s, struct connection *c, enum store_step step,
                               bool *open)
{
	enum store_result result = store_ask(&s->own, step);

	if (result == STORE_OK)
		result = store_failed(s, c, s->driver->execute(c, s->driver->dialect->begin));
	*open = result == STORE_OK;
	return result;
}

static void rollback(struct store *s, struct connection *c, bool *open)
{
	/* Fails only where the failure before it has already ended the transaction. */
	if (*open)
		(void)s->driver->execute(c, "ROLLBACK");
	*open = false;
}

static enum store_result commit(struct store *s, struct connection *c, enum store_step step,
                                bool *open)
{
	enum store_result result = store_ask(&s->own, step);

	if (result == STORE_OK)
		result = store_failed(s, c, leader_commit(s, c));
	if (result != STORE_OK)
		rollback(s, c, open);
	*open = false;
	return result;
}

enum store_result store_begin(struct store *s)
{
	return begin(s, s->main, STORE_STEP_BEGIN, &s->open);
}

enum store_result store_commit(struct store *s)
{
	enum store_result result = commit(s, s->main, STORE_STEP_COMMIT, &s->open);

	/* The rows are gone for good. Where this fails, logs stay behind for the next time. */
	if (result == STORE_OK && s->orphans && !s->log_open)
		(void)store_log_sweep(s, false);
	return result;
}

void store_rollback(struct store *s)
{
	rollback(s, s->main, &s->open);
}

enum store_result store_recover(struct store *s)
{
	enum store_result result;

	assert(!s->open && !s->log_open);
	result = store_failed(s, s->main, s->driver->recover(s->main));
	if (result == STORE_OK)
		result = store_failed(s, s->log, s->driver->recover(s->log));
	/* Since the term was taken, not since the last try: of either session it is to be settled
	   what became of its last transaction. */
	if (result == STORE_OK && s->driver->shared &&
	    (s->term == 0 || s->driver->session(s->main) != s->main_session ||
	     s->driver->session(s->log) != s->log_session)) {
		result = leader_retake(s);
		if (result == STORE_OK)
			result = store_log_sweep(s, true);
	}
	return result;
}

enum store_result store_log_begin(struct store *s)
{
	return begin(s, s->log, STORE_STEP_LOG_BEGIN, &s->log_open);
}

enum store_result store_log_commit(struct store *s)
{
	return commit(s, s->log, STORE_STEP_LOG_COMMIT, &s->log_open);
}

void store_log_rollback(struct store *s)
{
	rollback(s, s->log, &s->log_open);
}
