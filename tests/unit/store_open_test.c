/* Opening: places, the lock, versions, files that are no database. */
#include "tests/unit/store_place.h"

#include "base/fd.h"
#include "base/network_fs.h"
#include "store/inside.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_refused(const char *uri, const char *word)
{
	struct problem problem = {0};
	struct store *s = store_open(uri, NULL, &problem);

	assert_null(s);
	if (strstr(problem.message, word) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", problem.message, word);
	assert_int_not_equal(problem.code, PROBLEM_NONE);
}

static void other_uris_are_refused(void **state)
{
	static const char *const uris[] = {"",           "scitq.db",          "/tmp/scitq.db",
	                                   "sqlite:",    "sqlite://x",        "sqlite:///",
	                                   "mysql:///x", "SQLITE:///tmp/x.db"};

	(void)state;
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++)
		assert_refused(uris[i], "sqlite:///PATH");
}

static void directories_are_made_and_private(void **state)
{
	struct place p;
	struct str uri = STR_INIT, path = STR_INIT;
	struct problem problem;
	struct store *s;
	struct stat st;

	(void)state;
	place_needs_sqlite();
	place_make(&p);
	str_addf(&path, "%s/a/b", p.dir);
	str_addf(&uri, "sqlite:///%s/scitq.db", path.p);
	s = store_open(uri.p, NULL, &problem);
	assert_non_null(s);
	assert_int_equal(stat(path.p, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"scitq.db", "log.db", "scitq.db-wal"};

		str_reset(&path);
		str_addf(&path, "%s/a/b/%s", p.dir, names[i]);
		assert_int_equal(stat(path.p, &st), 0);
		if ((st.st_mode & 0077) != 0)
			fail_msg("%s has mode %o", names[i], st.st_mode & 0777);
	}
	store_close(s);
	str_release(&uri);
	str_release(&path);
	place_remove(&p);
}

static void three_slashes_are_relative(void **state)
{
	struct place p;
	struct str there = STR_INIT;
	struct problem problem;
	struct store *s;
	char *here;

	(void)state;
	place_needs_sqlite();
	here = getcwd(NULL, 0);
	place_make(&p);
	assert_non_null(here);
	assert_int_equal(chdir(p.dir), 0);
	s = store_open("sqlite:///sub/scitq.db", NULL, &problem);
	assert_int_equal(chdir(here), 0);
	assert_non_null(s);
	str_addf(&there, "%s/sub/scitq.db", p.dir);
	assert_int_equal(access(there.p, R_OK), 0);
	store_close(s);
	str_release(&there);
	free(here);
	place_remove(&p);
}

static void one_server_at_a_time(void **state)
{
	struct place p;
	struct store *s;
	char pid[32];
	int status;
	pid_t child;

	(void)state;
	place_make(&p);
	s = place_open(&p);
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	assert_refused(p.uri.p, pid);
	/* Also from another process, and the one that was refused takes nothing away. */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct problem problem = {0};
		struct store *other = store_open(p.uri.p, NULL, &problem);

		_exit(other == NULL && strstr(problem.message, pid) != NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_refused(p.uri.p, pid);
	store_close(s);
	s = place_open(&p);
	store_close(s);
	place_remove(&p);
}

static void a_lock_ends_with_its_process(void **state)
{
	struct place p;
	struct store *s;
	pid_t child;
	int status, ready[2];
	char c;

	(void)state;
	place_make(&p);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		s = place_open(&p);
		c = s != NULL;
		if (write(ready[1], &c, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	s = place_open(&p);
	store_close(s);
	place_remove(&p);
}

static void a_newer_database_is_refused(void **state)
{
	struct task row = some_task(1);
	struct place p;
	struct store *s;

	(void)state;
	place_make(&p);
	s = place_open(&p);
	put(s, TABLE_TASK, &row);
	store_close(s);
	place_sql(p.path.p, "INSERT INTO schema_version (version, date) VALUES (999, 0)");
	assert_refused(p.uri.p, "999");
	assert_refused(p.uri.p, "newer");
	/* Nothing was changed by the refusal. */
	place_sql(p.path.p, "DELETE FROM schema_version WHERE version = 999");
	s = place_open(&p);
	store_close(s);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM task"), 1);
	place_remove(&p);
}

/* What the first version made, with a task of it. */
static void an_older_database_is_upgraded(void **state)
{
	static const char *const drops[] = {
	        "DROP INDEX task_stuck",
	        "DROP INDEX execution_worker",
	        "DROP INDEX execution_failed",
	        "DROP INDEX execution_live",
	        "DROP INDEX task_batch",
	        "DELETE FROM schema_version",
	        "DROP TABLE audit",
	        "ALTER TABLE token DROP COLUMN worker",
	        "ALTER TABLE token DROP COLUMN expiry_date",
	        "DROP INDEX task_identity",
	        "ALTER TABLE task DROP COLUMN yields",
	        "ALTER TABLE task DROP COLUMN attempt_settings",
	        "ALTER TABLE requirement DROP COLUMN gather",
	        "ALTER TABLE requirement DROP COLUMN may_fail",
	        "ALTER TABLE requirement DROP COLUMN input",
	        "ALTER TABLE task DROP COLUMN partial",
	        "ALTER TABLE run DROP COLUMN on_success",
	        "ALTER TABLE run DROP COLUMN on_failure",
	        "ALTER TABLE batch DROP COLUMN hook",
	        "ALTER TABLE run DROP COLUMN cost",
	        "ALTER TABLE worker DROP COLUMN charged_date",
	        "ALTER TABLE task DROP COLUMN gpu",
	        "ALTER TABLE worker DROP COLUMN gpus",
	        "ALTER TABLE flavor DROP COLUMN gpus",
	        "ALTER TABLE worker DROP COLUMN end_date",
	        "ALTER TABLE flavor_metrics DROP COLUMN walltime",
	        "ALTER TABLE run DROP COLUMN debug",
	        "ALTER TABLE run DROP COLUMN arguments",
	        "ALTER TABLE token DROP COLUMN exchanged",
	        "ALTER TABLE task DROP COLUMN evictions",
	        "ALTER TABLE flavor_metrics DROP COLUMN pool",
	        "ALTER TABLE worker DROP COLUMN home",
	        "ALTER TABLE run DROP COLUMN debug_from",
	        "DROP TABLE idempotency",
	        "CREATE TABLE idempotency (key TEXT, digest TEXT, creation_date BIGINT, reply TEXT,"
	        " PRIMARY KEY (key))",
	        "INSERT INTO idempotency VALUES ('k', 'd', 17, '{\"a\": 1}')",
	};
	struct idempotency kept = {.key = "k"};
	struct task row = some_task(1), read = {.task_id = 1};
	struct arena arena;
	struct place p;
	struct store *s;
	int64_t newest;

	(void)state;
	place_make(&p);
	arena_init(&arena);
	s = place_open(&p);
	put(s, TABLE_TASK, &row);
	store_close(s);
	newest = place_number(p.path.p, "SELECT max(version) FROM schema_version");
	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++)
		place_sql(p.path.p, drops[i]);
	place_sql(p.path.p, "CREATE INDEX task_batch ON task(batch, task_id)");
	place_sql(p.path.p, "CREATE INDEX task_undone ON task(task_id) WHERE status NOT IN"
	                    " ('succeeded', 'failed')");
	place_sql(p.path.p, "CREATE INDEX task_failed ON task(task_id) WHERE status = 'failed'");
	place_sql(p.path.p, "CREATE INDEX execution_live ON execution(worker_id, execution_id)"
	                    " WHERE status IN ('pending', 'accepted', 'running')");
	place_sql(p.path.p, "INSERT INTO schema_version (version, date) VALUES (1, 0)");

	s = place_open(&p);
	assert_int_equal(store_get(store_own(s), TABLE_TASK, &read, STORE_ALL, &arena), STORE_OK);
	assert_string_equal(read.command, row.command);
	assert_int_equal(store_get(store_own(s), TABLE_IDEMPOTENCY, &kept, STORE_ALL, &arena),
	                 STORE_OK);
	assert_string_equal(kept.digest, "d");
	assert_string_equal(kept.reply, "{\"a\": 1}");
	assert_int_equal(kept.creation_date, 17);
	assert_int_equal(kept.task_id, INT_NULL);
	assert_int_equal(place_number(p.path.p, "SELECT max(version) FROM schema_version"), newest);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM sqlite_master WHERE name IN"
	                                        " ('task_undone', 'task_failed')"),
	                 0);
	assert_int_equal(place_number(p.path.p,
	                              "SELECT count(*) FROM sqlite_master WHERE name IN"
	                              " ('task_stuck', 'task_batch', 'execution_worker')"),
	                 3);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM sqlite_master WHERE name ="
	                                        " 'execution_live' AND sql LIKE '%(status)%'"),
	                 1);
	assert_int_equal(
	        place_number(
	                p.path.p,
	                "SELECT count(*) FROM token WHERE worker IS NOT NULL OR expiry_date > 0"),
	        0);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM audit"), 0);
	store_close(s);
	s = place_open(&p);
	store_close(s);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM schema_version"), newest);
	arena_release(&arena);
	place_remove(&p);
}

/* An older program that leads must be stopped before its tables change. */
static void no_upgrade_under_a_leader(void **state)
{
	struct store_options options = {.follow = true};
	struct problem problem = {0};
	struct store *s, *other;
	struct place p;

	(void)state;
	place_needs_postgres();
	place_make(&p);
	s = place_open(&p);
	other = store_open(p.uri.p, &options, &problem);
	assert_non_null(other);
	assert_true(store_leads(s));
	assert_false(store_leads(other));
	store_close(other);
	place_sql(p.path.p, "DELETE FROM schema_version");
	place_sql(p.path.p, "INSERT INTO schema_version (version, date) VALUES (1, 0)");
	assert_null(store_open(p.uri.p, &options, &problem));
	assert_non_null(strstr(problem.message, "stop process"));
	store_close(s);
	place_remove(&p);
}

static void another_database_is_left_alone(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	if (!place_is_postgres())
		assert_int_equal(file_replace(p.path.p, "", 0, 0600), 0);
	place_sql(p.path.p, "CREATE TABLE cookies (name TEXT)");
	assert_refused(p.uri.p, "not one of scitq");
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM sqlite_master"), 1);
	place_remove(&p);
}

static void network_filesystems_are_known(void **state)
{
	(void)state;
	assert_string_equal(network_fs_name(0x6969, ""), "nfs");
	assert_string_equal(network_fs_name((unsigned long)(int)0xff534d42, ""), "cifs");
	assert_string_equal(network_fs_name(0x65735546, "fuse.sshfs"), "fuse.sshfs");
	assert_null(network_fs_name(0x65735546, "fuse.mergerfs"));
	assert_null(network_fs_name(0x65735546, ""));
	assert_null(network_fs_name(0xef53, "ext4"));
}

static void opening_twice_changes_nothing(void **state)
{
	struct place p;
	int64_t objects;

	(void)state;
	place_make(&p);
	store_close(place_open(&p));
	objects = place_number(p.path.p, "SELECT count(*) FROM sqlite_master");
	assert_true(objects > TABLE_COUNT);
	store_close(place_open(&p));
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM sqlite_master"), objects);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM schema_version"), 1);
	place_remove(&p);
}

static void what_is_no_database_is_refused(void **state)
{
	struct str junk = STR_INIT;
	struct place p;

	(void)state;
	place_needs_sqlite();
	place_make(&p);
	for (int i = 0; i < 2000; i++)
		str_adds(&junk, "no database ");
	assert_int_equal(file_replace(p.path.p, junk.p, junk.len, 0600), 0);
	assert_refused(p.uri.p, "not a database");
	assert_int_equal(unlink(p.path.p), 0);
	/* The log file counts as well. */
	assert_int_equal(file_replace(p.log_path.p, junk.p, junk.len, 0600), 0);
	assert_refused(p.uri.p, "not a database");
	str_release(&junk);
	place_remove(&p);
}

static void a_damaged_schema_is_refused(void **state)
{
	struct str bytes = STR_INIT;
	struct place p;

	(void)state;
	place_needs_sqlite();
	place_make(&p);
	store_close(place_open(&p));
	assert_int_equal(file_read(p.path.p, &bytes), 0);
	assert_true(bytes.len > 8192);
	memset(bytes.p + 100, 0x5a, 4096 - 100);
	assert_int_equal(file_replace(p.path.p, bytes.p, bytes.len, 0600), 0);
	assert_refused(p.uri.p, "malformed");
	str_release(&bytes);
	place_remove(&p);
}

static void the_settings_are_durable(void **state)
{
	struct place p;
	struct store *s;

	(void)state;
	place_needs_sqlite();
	place_make(&p);
	s = place_open(&p);
	assert_int_equal(place_number(p.path.p, "SELECT journal_mode = 'wal' FROM "
	                                        "pragma_journal_mode"),
	                 1);
	assert_int_equal(place_number(p.log_path.p, "SELECT journal_mode = 'wal' FROM "
	                                            "pragma_journal_mode"),
	                 1);
	store_close(s);
	place_remove(&p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(other_uris_are_refused),
	        cmocka_unit_test(directories_are_made_and_private),
	        cmocka_unit_test(three_slashes_are_relative),
	        cmocka_unit_test(one_server_at_a_time),
	        cmocka_unit_test(a_lock_ends_with_its_process),
	        cmocka_unit_test(a_newer_database_is_refused),
	        cmocka_unit_test(an_older_database_is_upgraded),
	        cmocka_unit_test(no_upgrade_under_a_leader),
	        cmocka_unit_test(another_database_is_left_alone),
	        cmocka_unit_test(network_filesystems_are_known),
	        cmocka_unit_test(opening_twice_changes_nothing),
	        cmocka_unit_test(what_is_no_database_is_refused),
	        cmocka_unit_test(a_damaged_schema_is_refused),
	        cmocka_unit_test(the_settings_are_durable),
	};
	int failed = place_begin(argc, argv);

	if (failed != 0)
		return failed;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	place_end();
	return failed;
}
