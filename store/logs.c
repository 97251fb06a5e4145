/*
 * Logs of executions: chunks at their offset, never rewritten, so that a log
 * costs what it is long. Bytes that come again are compared with those stored.
 *
 * An execution that is deleted leaves its number in log_orphan, in the same
 * transaction; its chunks go after that commit, or at the next start.
 */
#include "store/inside.h"

#include <string.h>

static struct statement *ready(struct store_reader *r, const char *sql, int64_t execution_id,
                               enum store_stream stream)
{
	struct statement *st = r->driver->prepare(r->log, sql);

	if (st == NULL) {
		reader_failed(r, r->log, STORE_IO);
		return NULL;
	}
	r->driver->bind_integer(st, 1, execution_id);
	r->driver->bind_integer(st, 2, stream);
	return st;
}

static enum store_result done(struct store_reader *r, struct statement *st,
                              enum store_result result)
{
	if (result == STORE_NONE)
		result = STORE_OK;
	reader_failed(r, r->log, result);
	r->driver->reset(st);
	return result;
}

enum store_result store_log_length(struct store_reader *r, int64_t execution_id,
                                   enum store_stream stream, int64_t *length)
{
	struct statement *st = ready(
	        r,
	        "SELECT start + length(data) FROM log_chunk WHERE execution_id = ? AND stream = ?"
	        " ORDER BY start DESC LIMIT 1",
	        execution_id, stream);
	enum store_result result;

	if (st == NULL)
		return STORE_IO;
	result = r->driver->step(st);
	*length = result == STORE_OK ? r->driver->integer(st, 0) : 0;
	return done(r, st, result);
}

/* STORE_OK where the stored bytes from `offset` are these. */
static enum store_result compare(struct store *s, int64_t execution_id, enum store_stream stream,
                                 int64_t offset, const char *bytes, size_t n)
{
	struct str stored = STR_INIT;
	enum store_result result =
	        store_log_read(&s->own, execution_id, stream, offset, n, &stored);

	if (result == STORE_OK && (stored.len != n || memcmp(stored.p, bytes, n) != 0))
		result = STORE_CONFLICT;
	str_release(&stored);
	return result;
}

enum store_result store_log_append(struct store *s, int64_t execution_id, enum store_stream stream,
                                   int64_t offset, const void *bytes, size_t n, int64_t *length)
{
	enum store_result result = store_log_length(&s->own, execution_id, stream, length);
	const char *data = bytes;
	struct statement *st;

	if (result == STORE_OK && offset > *length)
		return STORE_GAP;
	if (result == STORE_OK && offset < *length && n > 0) {
		size_t known = (int64_t)n < *length - offset ? n : (size_t)(*length - offset);

		result = compare(s, execution_id, stream, offset, data, known);
		data += known;
		n -= known;
	}
	if (result != STORE_OK || n == 0)
		return result;
	result = store_ask(&s->own, STORE_STEP_LOG_WRITE);
	if (result != STORE_OK)
		return result;
	st = ready(&s->own,
	           "INSERT INTO log_chunk (execution_id, stream, start, data) VALUES (?, ?, ?, ?)",
	           execution_id, stream);
	if (st == NULL)
		return STORE_IO;
	s->driver->bind_integer(st, 3, *length);
	s->driver->bind_bytes(st, 4, data, n);
	result = done(&s->own, st, s->driver->step(st));
	if (result == STORE_OK)
		*length += (int64_t)n;
	return result;
}

enum store_result store_log_read(struct store_reader *r, int64_t execution_id,
                                 enum store_stream stream, int64_t offset, size_t limit,
                                 struct str *out)
{
	/* The chunk that holds `offset` is the last that starts at or before it. */
	struct statement *st = ready(r,
	                             "SELECT start, data FROM log_chunk WHERE execution_id = ?1 "
	                             "AND stream = ?2 AND start >="
	                             " coalesce((SELECT max(start) FROM log_chunk WHERE "
	                             "execution_id = ?1 AND stream = ?2"
	                             " AND start <= ?3), 0) ORDER BY start",
	                             execution_id, stream);
	enum store_result result = STORE_OK;

	if (st == NULL)
		return STORE_IO;
	r->driver->bind_integer(st, 3, offset);
	while (limit > 0 && (result = r->driver->step(st)) == STORE_OK) {
		int64_t start = r->driver->integer(st, 0), skip;
		size_t n;
		const char *data = r->driver->bytes(st, 1, &n);

		skip = offset > start ? offset - start : 0;
		if (skip >= (int64_t)n)
			continue;
		n -= (size_t)skip;
		if (n > limit)
			n = limit;
		str_add(out, data + skip, n);
		limit -= n;
	}
	return done(r, st, result);
}

/* The chunks of executions that are gone. A crash in between leaves orphans for the next time. */
enum store_result store_log_sweep(struct store *s)
{
	enum store_result result = STORE_OK;
	struct statement *st;

	for (;;) {
		int64_t id;

		st = s->driver->prepare(s->main, "SELECT execution_id FROM log_orphan LIMIT 1");
		if (st == NULL)
			return store_failed(s, s->main, STORE_IO);
		result = s->driver->step(st);
		id = result == STORE_OK ? s->driver->integer(st, 0) : 0;
		s->driver->reset(st);
		if (result != STORE_OK)
			return store_failed(s, s->main, result == STORE_NONE ? STORE_OK : result);
		st = s->driver->prepare(s->log, "DELETE FROM log_chunk WHERE execution_id = ?");
		if (st == NULL)
			return store_failed(s, s->log, STORE_IO);
		s->driver->bind_integer(st, 1, id);
		result = done(&s->own, st, s->driver->step(st));
		if (result != STORE_OK)
			return result;
		st = s->driver->prepare(s->main, "DELETE FROM log_orphan WHERE execution_id = ?");
		if (st == NULL)
			return store_failed(s, s->main, STORE_IO);
		s->driver->bind_integer(st, 1, id);
		result = store_run(s, st, NULL);
		if (result != STORE_OK)
			return result;
	}
}
