/* The WAL is written in few calls, and what is read of it, by us and by others, is what was
 * written. */
#include "store/sqlite_wal.h"

#include "base/fd.h"
#include "base/str.h"
#include "tests/unit/store_place.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>
#include <sqlite3.h>

static struct place place;
static sqlite3 *db; /* on our VFS */

static void execute(sqlite3 *on, const char *sql)
{
	if (sqlite3_exec(on, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(on));
}

static sqlite3 *open_with(const char *path, const char *vfs)
{
	sqlite3 *opened;

	assert_int_equal(
	        sqlite3_open_v2(path, &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs),
	        SQLITE_OK);
	execute(opened, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
	return opened;
}

static int setup(void **state)
{
	(void)state;
	place_make(&place);
	assert_non_null(sqlite_wal_vfs());
	db = open_with(place.path.p, sqlite_wal_vfs());
	execute(db, "CREATE TABLE item (i INTEGER PRIMARY KEY, bytes BLOB)");
	execute(db, "CREATE INDEX item_bytes ON item(length(bytes), i)");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	place_remove(&place);
	return 0;
}

static void add(int from, int n)
{
	char sql[300];

	snprintf(sql, sizeof(sql),
	         "WITH RECURSIVE k(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM k LIMIT %d)"
	         " INSERT INTO item SELECT i, zeroblob(900) FROM k",
	         from, n);
	execute(db, sql);
}

static int64_t number(sqlite3 *on, const char *sql)
{
	sqlite3_stmt *st;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(on, sql, -1, &st, NULL), SQLITE_OK);
	if (sqlite3_step(st) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(on));
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

#define ROWS "SELECT count(*) FROM item"

static void assert_sound(const char *path)
{
	assert_int_equal(place_number(path, "SELECT count(*) FROM pragma_integrity_check"
	                                    " WHERE integrity_check <> 'ok'"),
	                 0);
}

/* How often this process has written. */
static int64_t writes(void)
{
	struct str text = STR_INIT;
	const char *line;
	int64_t n;

	assert_int_equal(file_read("/proc/self/io", &text), 0);
	line = strstr(text.p, "syscw: ");
	assert_non_null(line);
	n = strtoll(line + 7, NULL, 10);
	str_release(&text);
	return n;
}

static int64_t writes_of_a_commit(sqlite3 *on)
{
	int64_t before;

	execute(on, "BEGIN IMMEDIATE; INSERT INTO item (bytes) VALUES (zeroblob(20000))");
	before = writes();
	execute(on, "COMMIT");
	return writes() - before;
}

static void a_commit_is_one_write(void **state)
{
	sqlite3 *plain = open_with(place.path.p, NULL);

	(void)state;
	add(1, 100);
	assert_in_range(writes_of_a_commit(plain), 10, 100);
	assert_int_equal(writes_of_a_commit(db), 1);
	sqlite3_close(plain);
}

static void others_see_what_is_committed(void **state)
{
	sqlite3 *plain = open_with(place.path.p, NULL);

	(void)state;
	for (int i = 0; i < 50; i++) {
		execute(db, "BEGIN");
		add(1 + i * 100, 100);
		assert_int_equal(number(plain, ROWS), i * 100);
		execute(db, "COMMIT");
		assert_int_equal(number(plain, ROWS), (i + 1) * 100);
	}
	/* They write, too, and empty the log between. */
	execute(plain, "DELETE FROM item WHERE i <= 100; PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(number(db, ROWS), 4900);
	add(1, 100);
	execute(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(number(plain, ROWS), 5000);
	sqlite3_close(plain);
	assert_sound(place.path.p);
}

/* More than the cache holds goes to the log before its commit, and is read back. */
static void a_long_transaction_reads_itself(void **state)
{
	(void)state;
	execute(db, "PRAGMA cache_size = 10");
	add(1, 500);
	for (int round = 0; round < 2; round++) {
		execute(db, "BEGIN");
		add(501, 3000);
		execute(db, "UPDATE item SET bytes = zeroblob(700) WHERE i % 3 = 0");
		assert_int_equal(number(db, ROWS), 3500);
		assert_int_equal(number(db, "SELECT sum(length(bytes)) FROM item"),
		                 3500 * 900 - 1166 * 200);
		execute(db, "SAVEPOINT s; DELETE FROM item WHERE i > 100; ROLLBACK TO s");
		execute(db, round == 0 ? "ROLLBACK" : "COMMIT");
		assert_int_equal(place_number(place.path.p, ROWS), round == 0 ? 500 : 3500);
	}
	assert_sound(place.path.p);
}

/* What a process leaves that is killed behind a commit. */
static void a_commit_is_in_the_file(void **state)
{
	struct str copy = STR_INIT, text = STR_INIT, from = STR_INIT, to = STR_INIT;
	static const char *const ends[] = {"", "-wal"};

	(void)state;
	add(1, 1000);
	add(1001, 1);
	execute(db, "BEGIN");
	add(2000, 1);
	str_addf(&copy, "%s/copy.db", place.dir);
	for (int i = 0; i < 2; i++) {
		str_reset(&from);
		str_reset(&to);
		str_reset(&text);
		str_addf(&from, "%s%s", place.path.p, ends[i]);
		str_addf(&to, "%s%s", copy.p, ends[i]);
		assert_int_equal(file_read(from.p, &text), 0);
		assert_int_equal(file_replace(to.p, text.p, text.len, 0600), 0);
	}
	execute(db, "ROLLBACK");
	assert_int_equal(place_number(copy.p, ROWS), 1001);
	assert_sound(copy.p);
	str_release(&copy);
	str_release(&text);
	str_release(&from);
	str_release(&to);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A commit that does not fit fails, and leaves what was there before it. */
static void a_full_disk_fails_the_commit(void **state)
{
	(void)state;
	add(1, 100);
	signal(SIGXFSZ, SIG_IGN);
	limit_files(400000);
	execute(db, "BEGIN");
	add(101, 1000);
	assert_int_not_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	if (!sqlite3_get_autocommit(db))
		execute(db, "ROLLBACK");
	limit_files(RLIM_INFINITY);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(number(db, ROWS), 100);
	add(101, 7);
	assert_int_equal(place_number(place.path.p, ROWS), 107);
	assert_sound(place.path.p);
}

/* SQLite passes over the answer of some calls: what could not be written there fails the sync. */
static void a_failure_is_heard(void **state)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(sqlite_wal_vfs());
	sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
	struct str name = STR_INIT;
	int flags = SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, version;
	sqlite3_int64 size;

	(void)state;
	str_addf(&name, "%s-wal", place.path.p);
	assert_non_null(file);
	assert_int_equal(vfs->xOpen(vfs, name.p, file, flags, &flags), SQLITE_OK);
	signal(SIGXFSZ, SIG_IGN);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(file->pMethods->xWrite(file, "frame", 5, 1 << 20), SQLITE_OK);
		limit_files(1000);
		if (i == 0)
			assert_int_not_equal(file->pMethods->xFileSize(file, &size), SQLITE_OK);
		else if (i == 1)
			assert_int_not_equal(file->pMethods->xTruncate(file, 0), SQLITE_OK);
		else
			assert_int_not_equal(file->pMethods->xFileControl(
			                             file, SQLITE_FCNTL_DATA_VERSION, &version),
			                     SQLITE_OK);
		limit_files(RLIM_INFINITY);
		if (i == 1)
			assert_int_not_equal(file->pMethods->xWrite(file, "frame", 5, 1 << 20),
			                     SQLITE_OK);
		else
			assert_int_not_equal(file->pMethods->xSync(file, SQLITE_SYNC_FULL),
			                     SQLITE_OK);
		assert_int_equal(file->pMethods->xWrite(file, "frame", 5, 0), SQLITE_OK);
		assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_FULL), SQLITE_OK);
		assert_int_equal(file->pMethods->xTruncate(file, 0), SQLITE_OK);
	}
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(file->pMethods->xClose(file), SQLITE_OK);
	free(file);
	str_release(&name);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(a_commit_is_one_write),           TEST(others_see_what_is_committed),
	        TEST(a_long_transaction_reads_itself), TEST(a_commit_is_in_the_file),
	        TEST(a_full_disk_fails_the_commit),    TEST(a_failure_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
