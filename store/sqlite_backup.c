/*
 * Copies of SQLite's two files that belong together. The main file is copied first,
 * each file as it is when its copy begins. The log's copy then has all that the
 * main's acknowledges, and perhaps chunks of executions that began after: those go,
 * since their numbers will be given again. Files of long logs come last, as far as
 * the copy of the log speaks of them: what it does stays as it is.
 */
#include "store/sqlite_backup.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "store/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGES_AT_ONCE 4096
#define BUSY_MS 30000
#define PIECE (INT64_C(1) << 20)

static bool failed(const char *path, sqlite3 *db, struct str *error)
{
	str_addf(error, "%s: %s", path, db ? sqlite3_errmsg(db) : "out of memory");
	return false;
}

/* New and readable by its owner only. */
static bool make_file(const char *path, struct str *error)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0 && close(fd) == 0)
		return true;
	str_addf(error, "%s: %s", path, strerror(errno));
	return false;
}

static bool open_file(const char *path, int flags, sqlite3 **db, struct str *error)
{
	if (sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) !=
	            SQLITE_OK ||
	    sqlite3_busy_timeout(*db, BUSY_MS) != SQLITE_OK)
		return failed(path, *db, error);
	return true;
}

/* A transaction that reads holds the source still while others write on. */
static bool hold(sqlite3 *from, const char *place, struct str *error)
{
	return sqlite3_exec(from, "PRAGMA wal_autocheckpoint=0; BEGIN; SELECT 1 FROM sqlite_master",
	                    NULL, NULL, NULL) == SQLITE_OK ||
	       failed(place, from, error);
}

static bool copy_pages(sqlite3 *from, sqlite3 *to, const char *target, store_going *going,
                       void *context, struct str *error)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int code = SQLITE_OK;

	if (backup == NULL)
		return failed(target, to, error);
	while (code == SQLITE_OK) {
		code = sqlite3_backup_step(backup, PAGES_AT_ONCE);
		if (code == SQLITE_OK && !going(context))
			code = SQLITE_INTERRUPT;
	}
	/* Repeats the error of the last step. */
	(void)sqlite3_backup_finish(backup);
	if (code == SQLITE_DONE)
		return true;
	str_addf(error, "%s: %s", target,
	         code == SQLITE_INTERRUPT ? "the server is stopping" : sqlite3_errstr(code));
	return false;
}

static bool copy(const char *place, const char *target, store_going *going, void *context,
                 struct str *error)
{
	sqlite3 *from = NULL, *to = NULL;
	bool ok = open_file(place, SQLITE_OPEN_READWRITE, &from, error) &&
	          hold(from, place, error) && make_file(target, error) &&
	          open_file(target, SQLITE_OPEN_READWRITE, &to, error) &&
	          copy_pages(from, to, target, going, context, error);

	/* Nothing was written to the source; what was to the target is on disk by now. */
	sqlite3_close(to);
	sqlite3_close(from);
	return ok;
}

#define LATER "> (SELECT coalesce(max(seq), 0) FROM copy.sqlite_sequence WHERE name = 'execution')"

static bool drop_later_log(const char *main, const char *log, struct str *error)
{
	char *attach = sqlite3_mprintf("ATTACH %Q AS copy", main);
	sqlite3 *db = NULL;
	bool ok = attach != NULL && open_file(log, SQLITE_OPEN_READWRITE, &db, error);

	if (ok &&
	    (sqlite3_exec(db, attach, NULL, NULL, NULL) != SQLITE_OK ||
	     sqlite3_exec(db,
	                  "PRAGMA synchronous=FULL; DELETE FROM log_chunk WHERE execution_id " LATER
	                  "; DELETE FROM log_file WHERE execution_id " LATER,
	                  NULL, NULL, NULL) != SQLITE_OK))
		ok = failed(log, db, error);
	sqlite3_close(db);
	sqlite3_free(attach);
	return ok;
}

struct long_logs {
	sqlite3 *from, *to;
	sqlite3_stmt *ranges, *lives; /* of the copy, of the source */
	char *dir, *target;
	char *piece;
	store_going *going;
	void *context;
	struct str *error;
};

static bool failed_file(struct long_logs *l, const char *path, int err)
{
	str_addf(l->error, "%s: %s", path, strerror(err));
	return false;
}

static bool copy_range(struct long_logs *l, int from, int to, int64_t at, int64_t n,
                       const char *path, const char *target)
{
	while (n > 0) {
		ssize_t got = pread(from, l->piece, (size_t)(n < PIECE ? n : PIECE), (off_t)at);
		int err;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return failed_file(l, path, got < 0 ? errno : EIO);
		err = fd_write_all_at(to, l->piece, (size_t)got, (off_t)at);
		if (err != 0)
			return failed_file(l, target, -err);
		at += got;
		n -= got;
		if (!l->going(l->context)) {
			str_adds(l->error, "the server is stopping");
			return false;
		}
	}
	return fsync(to) == 0 || failed_file(l, target, errno);
}

/* Its execution was deleted while the copies were made, its ranges before its files. */
static bool forget(struct long_logs *l, int64_t execution_id, const char *path)
{
	struct str sql = STR_INIT;
	int code = SQLITE_ERROR;
	bool ok;

	if (sqlite3_bind_int64(l->lives, 1, execution_id) == SQLITE_OK)
		code = sqlite3_step(l->lives);
	(void)sqlite3_reset(l->lives);
	if (code == SQLITE_ROW)
		return failed_file(l, path, ENOENT);
	if (code != SQLITE_DONE)
		return failed(path, l->from, l->error);
	str_addf(&sql,
	         "DELETE FROM log_file WHERE execution_id = %lld;"
	         "DELETE FROM log_chunk WHERE execution_id = %lld",
	         (long long)execution_id, (long long)execution_id);
	ok = sqlite3_exec(l->to, sql.p, NULL, NULL, NULL) == SQLITE_OK ||
	     failed(path, l->to, l->error);
	str_release(&sql);
	return ok;
}

static bool copy_long_log(struct long_logs *l, int64_t execution_id, int stream, int64_t at,
                          int64_t n)
{
	struct str path = STR_INIT, target = STR_INIT;
	int from, to = -1;
	bool ok;

	log_file_path(l->dir, execution_id, (enum store_stream)stream, &path);
	log_file_path(l->target, execution_id, (enum store_stream)stream, &target);
	from = open(path.p, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 && errno == ENOENT) {
		ok = forget(l, execution_id, path.p);
	} else if (from < 0) {
		ok = failed_file(l, path.p, errno);
	} else {
		to = open(target.p, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		ok = to >= 0 ? copy_range(l, from, to, at, n, path.p, target.p)
		             : failed_file(l, target.p, errno);
	}
	if (from >= 0)
		close(from);
	if (to >= 0 && close(to) != 0 && ok)
		ok = failed_file(l, target.p, errno);
	str_release(&path);
	str_release(&target);
	return ok;
}

static bool prepare(struct long_logs *l, sqlite3 *db, const char *place, const char *sql,
                    sqlite3_stmt **st)
{
	return sqlite3_prepare_v2(db, sql, -1, st, NULL) == SQLITE_OK ||
	       failed(place, db, l->error);
}

static bool copy_ranges(struct long_logs *l, const char *place, const char *target)
{
	bool ok = true, made = false;
	int code = SQLITE_DONE;
	int err;

	if (!prepare(l, l->from, place, "SELECT 1 FROM log_file WHERE execution_id = ?",
	             &l->lives) ||
	    !prepare(l, l->to, target, "SELECT execution_id, stream, start, size FROM log_file",
	             &l->ranges))
		return false;
	while (ok && (code = sqlite3_step(l->ranges)) == SQLITE_ROW) {
		if (!made && mkdir(l->target, 0700) != 0)
			return failed_file(l, l->target, errno);
		made = true;
		ok = copy_long_log(
		        l, sqlite3_column_int64(l->ranges, 0), sqlite3_column_int(l->ranges, 1),
		        sqlite3_column_int64(l->ranges, 2), sqlite3_column_int64(l->ranges, 3));
	}
	if (ok && code != SQLITE_DONE)
		return failed(target, l->to, l->error);
	err = ok && made ? dir_sync(l->target) : 0;
	return ok && (err == 0 || failed_file(l, l->target, -err));
}

static bool copy_long_logs(const char *log_place, const char *log_target, store_going *going,
                           void *context, struct str *error)
{
	struct long_logs l = {.dir = log_dir_of(log_place),
	                      .target = log_dir_of(log_target),
	                      .piece = xmalloc(PIECE),
	                      .going = going,
	                      .context = context,
	                      .error = error};
	bool ok = open_file(log_place, SQLITE_OPEN_READWRITE, &l.from, error) &&
	          open_file(log_target, SQLITE_OPEN_READWRITE, &l.to, error) &&
	          copy_ranges(&l, log_place, log_target);

	/* Repeat the errors of the last steps. */
	(void)sqlite3_finalize(l.ranges);
	(void)sqlite3_finalize(l.lives);
	sqlite3_close(l.to);
	sqlite3_close(l.from);
	free(l.dir);
	free(l.target);
	free(l.piece);
	return ok;
}

bool sqlite_backup(const char *place, const char *log_place, const char *target,
                   const char *log_target, store_going *going, void *context, struct str *error)
{
	return copy(place, target, going, context, error) &&
	       copy(log_place, log_target, going, context, error) &&
	       drop_later_log(target, log_target, error) &&
	       copy_long_logs(log_place, log_target, going, context, error);
}
