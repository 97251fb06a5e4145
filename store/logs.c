/*
 * Logs of executions: chunks at their offset. Bytes that come again are compared
 * with those stored.
 *
 * Small pieces are joined with the chunks before them as long as those are less
 * than twice as long: so a log has few chunks, and a byte is written again only
 * when its chunk grows by half, at most some twenty times until the chunk is full.
 * Full chunks are never touched: a log costs what it is long. Long pieces may be in a file of the
 * log instead (log_file.c), between the chunks.
 *
 * An execution that is deleted leaves its number in log_orphan, in the same
 * transaction; its chunks go after that commit, where they are many after the next
 * ones too, and what is left then at the next start.
 */
#include "base/alloc.h"
#include "store/inside.h"

#include <stdlib.h>
#include <string.h>

struct statement *log_ready(struct store_reader *r, const char *sql, int64_t execution_id,
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

enum store_result log_done(struct store_reader *r, struct statement *st, enum store_result result)
{
	if (result == STORE_NONE)
		result = STORE_OK;
	reader_failed(r, r->log, result);
	r->driver->reset(st);
	return result;
}

/* *end becomes the first column of the last row, where that is more. */
static enum store_result look_at_end(struct store_reader *r, const char *sql, int64_t execution_id,
                                     enum store_stream stream, int64_t *end)
{
	enum store_result result;
	struct statement *st = log_ready(r, sql, execution_id, stream);

	if (st == NULL)
		return STORE_IO;
	result = r->driver->step(st);
	if (result == STORE_OK && r->driver->integer(st, 0) > *end)
		*end = r->driver->integer(st, 0);
	return log_done(r, st, result);
}

enum store_result store_log_length(struct store_reader *r, int64_t execution_id,
                                   enum store_stream stream, int64_t *length)
{
	enum store_result result;

	*length = 0;
	result = look_at_end(
	        r,
	        "SELECT start + length(data) FROM log_chunk WHERE execution_id = ? AND stream = ?"
	        " ORDER BY start DESC LIMIT 1",
	        execution_id, stream, length);
	if (result == STORE_OK && r->log_dir != NULL)
		result = look_at_end(r,
		                     "SELECT start + size FROM log_file WHERE execution_id = ?"
		                     " AND stream = ? ORDER BY start DESC LIMIT 1",
		                     execution_id, stream, length);
	return result;
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

#define CHUNK_FULL 65536

/*
 * Take what is to be joined with these bytes out of the file: joined gets it, followed by the
 * bytes, and *start, which comes in as the end of what is stored, where it begins.
 */
static enum store_result join(struct store *s, int64_t execution_id, enum store_stream stream,
                              const char *bytes, size_t n, struct str *joined, int64_t *start)
{
	struct statement *st = log_ready(&s->own,
	                                 "SELECT start, data FROM log_chunk WHERE execution_id = ? "
	                                 "AND stream = ? AND start >= ? ORDER BY start DESC",
	                                 execution_id, stream);
	enum store_result result;
	size_t total = n, len;

	if (st == NULL)
		return STORE_IO;
	s->driver->bind_integer(st, 3, *start - CHUNK_FULL);
	while ((result = s->driver->step(st)) == STORE_OK) {
		const void *data = s->driver->bytes(st, 1, &len);
		struct str longer = STR_INIT;

		if (len >= 2 * total || total + len > CHUNK_FULL)
			break;
		str_reserve(&longer, total + len);
		str_add(&longer, data, len);
		str_add(&longer, joined->p, joined->len);
		str_release(joined);
		*joined = longer;
		*start = s->driver->integer(st, 0);
		total += len;
	}
	result = log_done(&s->own, st, result);
	str_add(joined, bytes, n);
	if (result != STORE_OK || total == n)
		return result;
	st = log_ready(&s->own,
	               "DELETE FROM log_chunk WHERE execution_id = ? AND stream = ? AND start >= ?",
	               execution_id, stream);
	if (st == NULL)
		return STORE_IO;
	s->driver->bind_integer(st, 3, *start);
	return log_done(&s->own, st, s->driver->step(st));
}

static enum store_result insert(struct store *s, int64_t execution_id, enum store_stream stream,
                                int64_t start, const char *bytes, size_t n)
{
	struct statement *st =
	        log_ready(&s->own,
	                  "INSERT INTO log_chunk (execution_id, stream, start, data) "
	                  "VALUES (?, ?, ?, ?)",
	                  execution_id, stream);

	if (st == NULL)
		return STORE_IO;
	s->driver->bind_integer(st, 3, start);
	s->driver->bind_bytes(st, 4, bytes, n);
	return log_done(&s->own, st, s->driver->step(st));
}

enum store_result store_log_append(struct store *s, int64_t execution_id, enum store_stream stream,
                                   int64_t offset, const void *bytes, size_t n, int64_t *length)
{
	enum store_result result = store_log_length(&s->own, execution_id, stream, length);
	struct str joined = STR_INIT;
	const char *data = bytes;
	int64_t start;

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
	start = *length;
	if (start > 0 && n < CHUNK_FULL) {
		result = join(s, execution_id, stream, data, n, &joined, &start);
		if (result == STORE_OK)
			result = insert(s, execution_id, stream, start, joined.p, joined.len);
		str_release(&joined);
	} else {
		result = insert(s, execution_id, stream, start, data, n);
	}
	if (result == STORE_OK)
		*length += (int64_t)n;
	return result;
}

/* From the chunks alone. */
static enum store_result read_chunks(struct store_reader *r, int64_t execution_id,
                                     enum store_stream stream, int64_t offset, size_t limit,
                                     struct str *out)
{
	/* The chunk that holds `offset` is the last that starts at or before it. */
	struct statement *st =
	        log_ready(r,
	                  "SELECT start, data FROM log_chunk WHERE execution_id = ?1 "
	                  "AND stream = ?2 AND start >="
	                  " coalesce((SELECT max(start) FROM log_chunk WHERE "
	                  "execution_id = ?1 AND stream = ?2"
	                  " AND start <= ?3), 0) AND start < ?4 ORDER BY start",
	                  execution_id, stream);
	enum store_result result = STORE_OK;

	if (st == NULL)
		return STORE_IO;
	r->driver->bind_integer(st, 3, offset);
	r->driver->bind_integer(
	        st, 4, limit < (size_t)(INT64_MAX - offset) ? offset + (int64_t)limit : INT64_MAX);
	while (limit > 0 && (result = r->driver->step(st)) == STORE_OK) {
		int64_t start = r->driver->integer(st, 0), skip;
		size_t n;
		const char *data = r->driver->bytes(st, 1, &n);

		/* A range that was committed since it was looked for. */
		if (start > offset)
			break;
		skip = offset - start;
		if (skip >= (int64_t)n)
			continue;
		n -= (size_t)skip;
		if (n > limit)
			n = limit;
		str_add(out, data + skip, n);
		offset += (int64_t)n;
		limit -= n;
	}
	return log_done(r, st, result);
}

/* What lies before the range, or in it. */
static enum store_result read_part(struct store_reader *r, int64_t execution_id,
                                   enum store_stream stream, int64_t offset, size_t limit,
                                   const struct log_range *range, struct str *out)
{
	const bool in_file = range->size > 0 && offset >= range->start;
	int64_t end = in_file ? range->start + range->size : range->start;

	if ((int64_t)limit > end - offset)
		limit = (size_t)(end - offset);
	if (in_file)
		return log_file_read(r, execution_id, stream, offset, limit, out);
	return read_chunks(r, execution_id, stream, offset, limit, out);
}

enum store_result store_log_read(struct store_reader *r, int64_t execution_id,
                                 enum store_stream stream, int64_t offset, size_t limit,
                                 struct str *out)
{
	enum store_result result = STORE_OK;
	struct log_range range;
	size_t before;

	if (r->log_dir == NULL)
		return read_chunks(r, execution_id, stream, offset, limit, out);
	if (limit > INT64_MAX)
		limit = INT64_MAX;
	do {
		before = out->len;
		result = log_range_find(r, execution_id, stream, offset, &range);
		if (result == STORE_OK)
			result = read_part(r, execution_id, stream, offset, limit, &range, out);
		offset += (int64_t)(out->len - before);
		limit -= out->len - before;
	} while (result == STORE_OK && limit > 0 && out->len > before);
	return result;
}

/* Executions whose logs go in one transaction. */
#define SWEEP_MAX 1000

struct orphans {
	int64_t ids[SWEEP_MAX];
	size_t n;
};

static enum store_result read_orphans(struct store *s, struct orphans *orphans)
{
	enum store_result result;
	struct statement *st = s->driver->prepare(
	        s->main, "SELECT execution_id FROM log_orphan ORDER BY execution_id LIMIT ?");

	if (st == NULL)
		return store_failed(s, s->main, STORE_IO);
	s->driver->bind_integer(st, 1, SWEEP_MAX);
	for (orphans->n = 0; (result = s->driver->step(st)) == STORE_OK; orphans->n++)
		orphans->ids[orphans->n] = s->driver->integer(st, 0);
	return reader_done(&s->own, st, result);
}

static enum store_result drop_from(struct store *s, const char *table,
                                   const struct orphans *orphans)
{
	struct str sql = STR_INIT, list = STR_INIT;
	enum store_result result;
	struct statement *st;

	str_addf(&sql, "DELETE FROM %s WHERE execution_id %s", table, s->driver->dialect->among);
	st = s->driver->prepare(s->log, sql.p);
	str_release(&sql);
	if (st == NULL)
		return store_failed(s, s->log, STORE_IO);
	add_among(orphans->ids, orphans->n, &list);
	s->driver->bind_text(st, 1, list.p);
	result = log_done(&s->own, st, s->driver->step(st));
	str_release(&list);
	return result;
}

static enum store_result drop_logs(struct store *s, const struct orphans *orphans)
{
	enum store_result result = drop_from(s, "log_chunk", orphans);

	if (result == STORE_OK && s->log_dir != NULL)
		result = drop_from(s, "log_file", orphans);
	return result;
}

/* After their ranges: where a crash comes before, they go the next time. */
static enum store_result drop_files(struct store *s, const struct orphans *orphans)
{
	for (size_t i = 0; i < orphans->n && s->log_dir != NULL; i++) {
		int err = log_file_remove(s->log_dir, orphans->ids[i]);

		if (err == 0)
			continue;
		str_reset(&s->own.error);
		str_addf(&s->own.error, "a log cannot be removed from %s: %s", s->log_dir,
		         strerror(-err));
		return STORE_IO;
	}
	return STORE_OK;
}

static enum store_result drop_orphans(struct store *s, const struct orphans *orphans)
{
	struct statement *st =
	        s->driver->prepare(s->main, "DELETE FROM log_orphan WHERE execution_id <= ?");

	if (st == NULL)
		return store_failed(s, s->main, STORE_IO);
	s->driver->bind_integer(st, 1, orphans->ids[orphans->n - 1]);
	return store_run(s, st, NULL);
}

/* One transaction around `change` on the file `c`. */
static enum store_result
in_transaction(struct store *s, struct connection *c, const struct orphans *orphans,
               enum store_result (*change)(struct store *, const struct orphans *))
{
	enum store_result result =
	        store_failed(s, c, s->driver->execute(c, s->driver->dialect->begin));

	if (result != STORE_OK)
		return result;
	result = change(s, orphans);
	if (result == STORE_OK)
		result = store_failed(s, c, leader_commit(s, c));
	/* Fails only where the failure before it has already ended the transaction. */
	if (result != STORE_OK)
		(void)s->driver->execute(c, "ROLLBACK");
	return result;
}

/* A crash in between leaves orphans for the next time. */
enum store_result store_log_sweep(struct store *s, bool all)
{
	struct orphans orphans;
	enum store_result result;

	do {
		result = read_orphans(s, &orphans);
		if (result == STORE_OK && orphans.n > 0)
			result = in_transaction(s, s->log, &orphans, drop_logs);
		if (result == STORE_OK)
			result = drop_files(s, &orphans);
		if (result == STORE_OK && orphans.n > 0)
			result = in_transaction(s, s->main, &orphans, drop_orphans);
		s->orphans = result != STORE_OK || orphans.n == SWEEP_MAX;
	} while (all && result == STORE_OK && s->orphans);
	return result;
}
