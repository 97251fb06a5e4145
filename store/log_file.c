/*
 * Long pieces of logs, past the database: a file of each log that has some, named
 * EXECUTION.stdout or EXECUTION.stderr, in which they stand at the offset that they have in the
 * log. SQLite would write them twice, first into its WAL.
 *
 * The table log_file says which ranges of the file count. A piece is put there and synced before
 * its range is committed, and what is put never touches a range that counts: readers need no lock,
 * and what a crash leaves beyond the ranges is written over when it comes again. What lies
 * between the ranges is in log_chunk, as short pieces are.
 */
#include "base/alloc.h"
#include "base/fd.h"
#include "store/inside.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes before a piece that stay in memory. */
#define CACHED (INT64_C(4) << 20)

static const char *const stream_words[] = {[STORE_STDOUT] = "stdout", [STORE_STDERR] = "stderr"};

char *log_dir_of(const char *log_place)
{
	struct str dir = STR_INIT;

	str_addf(&dir, "%s.d", log_place);
	return str_detach(&dir);
}

/* A file that was made may have been used before it was certain to be found again. */
bool log_dir_settle(const char *dir, struct str *error)
{
	int err = dir_sync(dir);

	if (err == 0 || err == -ENOENT)
		return true;
	str_addf(error, "%s: %s", dir, strerror(-err));
	return false;
}

void log_file_path(const char *dir, int64_t execution_id, enum store_stream stream,
                   struct str *path)
{
	str_addf(path, "%s/%lld.%s", dir, (long long)execution_id, stream_words[stream]);
}

bool store_log_has_files(const struct store *s)
{
	return s->log_dir != NULL;
}

/* The directory and its own entry; readable by their owner only, as the database. */
static int make_dir(const char *dir)
{
	int err = dir_make(dir, 0700);
	struct str parent = STR_INIT;

	str_addf(&parent, "%s/..", dir);
	if (err == 0)
		err = dir_sync(parent.p);
	str_release(&parent);
	return err;
}

/* A descriptor, or -errno; *made where the file was not there before. */
static int open_file(const struct store *s, const char *path, bool *made)
{
	int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC), err;

	*made = false;
	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? fd : -errno;
	err = make_dir(s->log_dir);
	if (err != 0)
		return err;
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	*made = fd >= 0;
	return fd >= 0 ? fd : -errno;
}

int store_log_put(const struct store *s, int64_t execution_id, enum store_stream stream,
                  int64_t offset, const void *bytes, size_t n)
{
	struct str path = STR_INIT;
	bool made;
	int fd, err;

	log_file_path(s->log_dir, execution_id, stream, &path);
	fd = open_file(s, path.p, &made);
	err = fd < 0 ? fd : fd_write_all_at(fd, bytes, n, (off_t)offset);
	if (err == 0 && !s->options.fleeting && fdatasync(fd) != 0)
		err = -errno;
	if (err == 0 && !s->options.fleeting && made)
		err = dir_sync(s->log_dir);
	/* Who follows the log reads what is new; for the rest memory has better uses. */
	if (err == 0 && offset > CACHED)
		(void)posix_fadvise(fd, 0, (off_t)(offset - CACHED), POSIX_FADV_DONTNEED);
	/* The next piece makes it anew, and sure. */
	if (err != 0 && made)
		(void)unlink(path.p);
	if (fd >= 0)
		close(fd);
	str_release(&path);
	return err;
}

/* The last range grows where it ends there. */
static enum store_result grow(struct store *s, int64_t execution_id, enum store_stream stream,
                              int64_t offset, size_t n, bool *grown)
{
	enum store_result result;
	struct statement *st = log_ready(
	        &s->own,
	        "UPDATE log_file SET size = size + ?3 WHERE execution_id = ?1 AND stream = ?2 AND"
	        " start = (SELECT max(start) FROM log_file WHERE execution_id = ?1 AND stream = ?2)"
	        " AND start + size = ?4",
	        execution_id, stream);

	if (st == NULL)
		return STORE_IO;
	s->driver->bind_integer(st, 3, (int64_t)n);
	s->driver->bind_integer(st, 4, offset);
	result = log_done(&s->own, st, s->driver->step(st));
	*grown = result == STORE_OK && s->driver->changes(s->log) > 0;
	return result;
}

static enum store_result add(struct store *s, int64_t execution_id, enum store_stream stream,
                             int64_t offset, size_t n)
{
	struct statement *st = log_ready(
	        &s->own,
	        "INSERT INTO log_file (execution_id, stream, start, size) VALUES (?, ?, ?, ?)",
	        execution_id, stream);

	if (st == NULL)
		return STORE_IO;
	s->driver->bind_integer(st, 3, offset);
	s->driver->bind_integer(st, 4, (int64_t)n);
	return log_done(&s->own, st, s->driver->step(st));
}

enum store_result store_log_append_put(struct store *s, int64_t execution_id,
                                       enum store_stream stream, int64_t offset, size_t n,
                                       int64_t *length)
{
	enum store_result result = store_log_length(&s->own, execution_id, stream, length);
	bool grown = false;

	/* Short chunks are joined with those that lie near before them; not across a range. */
	assert(n >= STORE_LOG_PUT_LEAST);
	if (result == STORE_OK && offset != *length)
		return offset > *length ? STORE_GAP : STORE_CONFLICT;
	if (result == STORE_OK)
		result = store_ask(&s->own, STORE_STEP_LOG_WRITE);
	if (result == STORE_OK)
		result = grow(s, execution_id, stream, offset, n, &grown);
	if (result == STORE_OK && !grown)
		result = add(s, execution_id, stream, offset, n);
	if (result == STORE_OK)
		*length += (int64_t)n;
	return result;
}

enum store_result log_range_find(struct store_reader *r, int64_t execution_id,
                                 enum store_stream stream, int64_t offset, struct log_range *range)
{
	enum store_result result;
	struct statement *st =
	        log_ready(r,
	                  "SELECT start, size FROM log_file WHERE execution_id = ? AND stream = ?"
	                  " AND start + size > ? ORDER BY start LIMIT 1",
	                  execution_id, stream);

	if (st == NULL)
		return STORE_IO;
	r->driver->bind_integer(st, 3, offset);
	*range = (struct log_range){INT64_MAX, 0};
	result = r->driver->step(st);
	if (result == STORE_OK) {
		range->start = r->driver->integer(st, 0);
		range->size = r->driver->integer(st, 1);
	}
	return log_done(r, st, result);
}

static enum store_result read_failed(struct store_reader *r, enum store_result result,
                                     const char *path, const char *why)
{
	str_reset(&r->error);
	str_addf(&r->error, "%s: %s: %s", store_result_word(result), path, why);
	return result;
}

enum store_result log_file_read(struct store_reader *r, int64_t execution_id,
                                enum store_stream stream, int64_t offset, size_t n, struct str *out)
{
	enum store_result result = STORE_OK;
	struct str path = STR_INIT;
	int fd;

	log_file_path(r->log_dir, execution_id, stream, &path);
	fd = open(path.p, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		result = read_failed(r, STORE_IO, path.p, strerror(errno));
	str_reserve(out, n);
	while (result == STORE_OK && n > 0) {
		ssize_t got = pread(fd, out->p + out->len, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			result = read_failed(r, STORE_IO, path.p, strerror(errno));
		} else if (got == 0) {
			result = read_failed(r, STORE_CORRUPT, path.p,
			                     "bytes of the log are missing");
		} else {
			out->len += (size_t)got;
			out->p[out->len] = '\0';
			offset += got;
			n -= (size_t)got;
		}
	}
	if (fd >= 0)
		close(fd);
	str_release(&path);
	return result;
}

int log_file_remove(const char *dir, int64_t execution_id)
{
	int err = 0;

	for (int i = STORE_STDOUT; i <= STORE_STDERR && err == 0; i++) {
		struct str path = STR_INIT;

		log_file_path(dir, execution_id, (enum store_stream)i, &path);
		if (unlink(path.p) != 0 && errno != ENOENT)
			err = -errno;
		str_release(&path);
	}
	return err;
}
