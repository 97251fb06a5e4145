/*
 * Copies of SQLite's two files that belong together. The main file is copied first,
 * each file as it is when its copy begins. The log's copy then has all that the
 * main's acknowledges, and perhaps chunks of executions that began after: those go,
 * since their numbers will be given again.
 */
#include "store/sqlite_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#define PAGES_AT_ONCE 4096
#define BUSY_MS 30000

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

static bool drop_later_log(const char *main, const char *log, struct str *error)
{
	char *attach = sqlite3_mprintf("ATTACH %Q AS copy", main);
	sqlite3 *db = NULL;
	bool ok = attach != NULL && open_file(log, SQLITE_OPEN_READWRITE, &db, error);

	if (ok && (sqlite3_exec(db, attach, NULL, NULL, NULL) != SQLITE_OK ||
	           sqlite3_exec(db,
	                        "PRAGMA synchronous=FULL; DELETE FROM log_chunk WHERE execution_id "
	                        "> (SELECT coalesce(max(seq), 0) FROM copy.sqlite_sequence WHERE "
	                        "name = 'execution')",
	                        NULL, NULL, NULL) != SQLITE_OK))
		ok = failed(log, db, error);
	sqlite3_close(db);
	sqlite3_free(attach);
	return ok;
}

bool sqlite_backup(const char *place, const char *log_place, const char *target,
                   const char *log_target, store_going *going, void *context, struct str *error)
{
	return copy(place, target, going, context, error) &&
	       copy(log_place, log_target, going, context, error) &&
	       drop_later_log(target, log_target, error);
}
