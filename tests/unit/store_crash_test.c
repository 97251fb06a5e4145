/*
 * What remains after a failure: of any single step, of a commit, of the whole
 * process. What was answered is there, and of what was not, all or nothing.
 */
#include "tests/unit/store_place.h"

#include "base/clock.h"
#include "base/fd.h"
#include "tests/unit/store_cluster.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <sqlite3.h>

/* --- a failure injected into each step --- */

struct fault {
	int in; /* steps until it strikes; below 0: never */
	enum store_result what;
	enum store_step struck;
	bool done;
};

static enum store_result strike(void *context, enum store_step step)
{
	struct fault *fault = context;

	if (fault->in < 0 || fault->in-- > 0)
		return STORE_OK;
	fault->done = true;
	fault->struck = step;
	return fault->what;
}

/* A group of calls as the core makes it. False: it failed and was rolled back. */
static bool group(struct store *s, int64_t i)
{
	struct task task = some_task(i);
	struct execution execution = some_execution(i, i), read = {.execution_id = i};
	struct arena arena;
	int64_t length;
	bool ok;

	arena_init(&arena);
	task.status = TASK_RUNNING;
	ok = store_begin(s) == STORE_OK && store_log_begin(s) == STORE_OK &&
	     store_insert(s, TABLE_TASK, &task) == STORE_OK &&
	     store_insert(s, TABLE_EXECUTION, &execution) == STORE_OK &&
	     store_supersede(s, i, i) == STORE_OK &&
	     store_get(store_own(s), TABLE_EXECUTION, &read, STORE_ALL, &arena) == STORE_OK &&
	     store_log_append(s, i, STORE_STDOUT, 0, "some output", 11, &length) == STORE_OK;
	execution.status = EXECUTION_SUCCEEDED;
	task.status = TASK_SUCCEEDED;
	ok = ok &&
	     store_update(s, TABLE_EXECUTION, &execution, field_bit(TABLE_EXECUTION, "status"),
	                  EXECUTION_RUNNING) == STORE_OK &&
	     store_update(s, TABLE_TASK, &task, field_bit(TABLE_TASK, "status"), TASK_RUNNING) ==
	             STORE_OK &&
	     store_log_commit(s) == STORE_OK && store_commit(s) == STORE_OK;
	if (!ok) {
		store_log_rollback(s);
		store_rollback(s);
	}
	arena_release(&arena);
	return ok;
}

/* The task is there whole, with its log, or not at all. A log may be there alone. */
static void assert_whole(const struct place *p, int64_t i, bool there)
{
	struct str sql = STR_INIT;

	str_addf(&sql,
	         "SELECT count(*) FROM task JOIN execution USING (task_id)"
	         " WHERE task_id = %lld AND task.status = 'succeeded'"
	         " AND execution.status = 'succeeded'",
	         (long long)i);
	assert_int_equal(place_number(p->path.p, sql.p), there);
	str_reset(&sql);
	str_addf(&sql, "SELECT count(*) FROM task WHERE task_id = %lld", (long long)i);
	assert_int_equal(place_number(p->path.p, sql.p), there);
	str_reset(&sql);
	str_addf(&sql,
	         "SELECT coalesce(sum(length(data)), 0) FROM log_chunk WHERE execution_id = %lld",
	         (long long)i);
	assert_true(!there || place_number(p->log_path.p, sql.p) == 11);
	str_release(&sql);
}

static void any_step_may_fail(void **state)
{
	static const enum store_result kinds[] = {STORE_FULL, STORE_IO, STORE_BUSY, STORE_CORRUPT};
	struct fault fault = {.in = -1};
	struct store_options options = {.fault = strike, .fault_context = &fault};
	struct problem problem;
	struct place p;
	struct store *s;
	int64_t id = 1;
	unsigned struck = 0;

	(void)state;
	place_make(&p);
	s = store_open(p.uri.p, &options, &problem);
	assert_non_null(s);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (int in = 0;; in++, id++) {
			bool ok;

			fault = (struct fault){.in = in, .what = kinds[k]};
			ok = group(s, id);
			fault.in = -1;
			assert_int_equal(ok, !fault.done);
			assert_whole(&p, id, ok);
			if (!fault.done)
				break;
			struck |= 1U << fault.struck;
			assert_non_null(strstr(store_error(s), store_result_word(kinds[k])));
			/* The same group goes through now. */
			assert_true(group(s, id));
			assert_whole(&p, id, true);
		}
		id++;
	}
	/* Every kind of step was struck. */
	assert_int_equal(struck, (1U << (STORE_STEP_LOG_COMMIT + 1)) - 1);
	store_close(s);
	place_remove(&p);
}

/* The sweep of logs behind a deletion fails: the deletion stands, the logs go later. */
static void a_failed_commit_of_a_deletion(void **state)
{
	struct fault fault = {.in = -1};
	struct store_options options = {.fault = strike, .fault_context = &fault};
	struct problem problem;
	struct place p;
	struct store *s;
	int64_t length;

	(void)state;
	place_make(&p);
	s = store_open(p.uri.p, &options, &problem);
	assert_non_null(s);
	assert_true(group(s, 1));
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_task(s, 1), STORE_OK);
	fault = (struct fault){.in = 0, .what = STORE_FULL};
	assert_int_equal(store_commit(s), STORE_FULL);
	fault.in = -1;
	assert_whole(&p, 1, true);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_task(s, 1), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(store_log_length(store_own(s), 1, STORE_STDOUT, &length), STORE_OK);
	assert_int_equal(length, 0);
	store_close(s);
	place_remove(&p);
}

/* --- no space, from the system itself --- */

/* The file may not grow beyond what RLIMIT_FSIZE says: the kernel answers EFBIG, as ENOSPC would
   come. */
static int fill_up(const struct place *p)
{
	struct rlimit limit = {1 << 20, 1 << 20};
	struct problem problem;
	struct store *s = store_open(p->uri.p, NULL, &problem);
	enum store_result result = STORE_OK;
	struct task task = some_task(1);
	char *long_text = calloc(1, 100001);
	int64_t kept = 0, ids[TABLE_COUNT];

	if (s == NULL || long_text == NULL || signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
	    setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 1;
	memset(long_text, 'x', 100000);
	task.command = long_text;
	for (int i = 1; i <= 100 && result == STORE_OK; i++) {
		task.task_id = i;
		result = store_begin(s);
		if (result == STORE_OK)
			result = store_insert(s, TABLE_TASK, &task);
		if (result == STORE_OK)
			result = store_commit(s);
		if (result == STORE_OK)
			kept = i;
		else
			store_rollback(s);
	}
	free(long_text);
	if (result != STORE_FULL && result != STORE_IO)
		return 2;
	if (kept < 2 || store_error(s)[0] == '\0')
		return 3;
	/* What is there can still be read, and the process ends in order. */
	if (store_max_ids(s, ids) != STORE_OK || ids[TABLE_TASK] != kept)
		return 4;
	store_close(s);
	return 0;
}

static void no_space_keeps_what_was_there(void **state)
{
	struct place p;
	struct store *s;
	int status;
	pid_t child;

	(void)state;
	place_needs_sqlite();
	place_make(&p);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(fill_up(&p));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	s = place_open(&p);
	assert_true(place_number(p.path.p, "SELECT count(*) FROM task") >= 2);
	store_close(s);
	place_remove(&p);
}

/* --- a database that goes away --- */

static void end_sessions(const struct place *p)
{
	place_number(p->path.p, "SELECT count(pg_terminate_backend(pid, 60000)) FROM"
	                        " pg_stat_activity WHERE pid <> pg_backend_pid() AND"
	                        " application_name = 'scitq'");
}

/* What was open is gone, what was committed is there, and it goes on. */
static void a_session_killed_in_a_transaction(void **state)
{
	struct task task = some_task(2), read = {.task_id = 1};
	struct problem problem;
	struct store_reader *r;
	struct arena arena;
	struct place p;
	struct store *s;

	(void)state;
	place_needs_postgres();
	arena_init(&arena);
	place_make(&p);
	s = place_open(&p);
	r = store_reader_open(s, &problem);
	assert_non_null(r);
	assert_true(group(s, 1));
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_insert(s, TABLE_TASK, &task), STORE_OK);
	assert_int_equal(store_reader_begin(r), STORE_OK);
	end_sessions(&p);
	task.task_id = 3;
	assert_int_equal(store_insert(s, TABLE_TASK, &task), STORE_LOST);
	assert_string_not_equal(store_error(s), "");
	store_rollback(s);
	/* Only by store_recover(): memory and database may differ. */
	assert_int_equal(store_begin(s), STORE_LOST);
	assert_int_equal(store_get(store_own(s), TABLE_TASK, &read, STORE_ALL, &arena), STORE_LOST);
	/* A reader does not go on in the middle, but again at the next beginning. */
	assert_int_equal(store_get(r, TABLE_TASK, &read, STORE_ALL, &arena), STORE_LOST);
	store_reader_end(r);
	assert_int_equal(store_reader_begin(r), STORE_OK);
	assert_int_equal(store_get(r, TABLE_TASK, &read, STORE_ALL, &arena), STORE_OK);
	store_reader_end(r);
	assert_int_equal(store_recover(s), STORE_OK);
	assert_whole(&p, 1, true);
	assert_whole(&p, 2, false);
	assert_whole(&p, 3, false);
	assert_true(group(s, 2));
	assert_whole(&p, 2, true);
	store_reader_close(r);
	store_close(s);
	place_remove(&p);
	arena_release(&arena);
}

static void a_commit_whose_session_is_killed(void **state)
{
	struct task task = some_task(2);
	struct place p;
	struct store *s;

	(void)state;
	place_needs_postgres();
	place_make(&p);
	s = place_open(&p);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_insert(s, TABLE_TASK, &task), STORE_OK);
	end_sessions(&p);
	assert_int_equal(store_commit(s), STORE_LOST);
	assert_int_equal(store_recover(s), STORE_OK);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM task"), 0);
	assert_true(group(s, 1));
	store_close(s);
	place_remove(&p);
}

static void a_database_server_that_restarts(void **state)
{
	struct task read = {.task_id = 1};
	struct problem problem;
	struct store_reader *r;
	struct arena arena;
	struct place p;
	struct store *s;

	(void)state;
	place_needs_postgres();
	arena_init(&arena);
	place_make(&p);
	s = place_open(&p);
	r = store_reader_open(s, &problem);
	assert_non_null(r);
	assert_true(group(s, 1));
	cluster_stop();
	assert_false(group(s, 2));
	assert_int_equal(store_recover(s), STORE_LOST);
	assert_int_equal(store_get(r, TABLE_TASK, &read, STORE_ALL, &arena), STORE_LOST);
	assert_int_equal(store_reader_begin(r), STORE_LOST);
	cluster_start();
	assert_int_equal(store_get(r, TABLE_TASK, &read, STORE_ALL, &arena), STORE_OK);
	assert_int_equal(store_recover(s), STORE_OK);
	assert_whole(&p, 1, true);
	assert_whole(&p, 2, false);
	assert_true(group(s, 2));
	assert_whole(&p, 2, true);
	store_reader_close(r);
	store_close(s);
	place_remove(&p);
	arena_release(&arena);
}

/* What became of its last transaction is not known any more: that is settled by a new term. */
static void the_session_of_logs_is_killed(void **state)
{
	struct place p;
	struct store *s;
	int64_t term;

	(void)state;
	place_needs_postgres();
	place_make(&p);
	s = place_open(&p);
	assert_true(group(s, 1));
	term = place_number(p.path.p, "SELECT term FROM leader");
	place_number(p.path.p, "SELECT count(pg_terminate_backend(pid, 60000)) FROM"
	                       " pg_stat_activity, leader WHERE pid NOT IN (pg_backend_pid(),"
	                       " session_pid) AND application_name = 'scitq'");
	assert_false(group(s, 2));
	assert_int_equal(store_recover(s), STORE_OK);
	assert_int_equal(place_number(p.path.p, "SELECT term FROM leader"), term + 1);
	assert_true(group(s, 2));
	assert_whole(&p, 2, true);
	/* Nothing was lost since. */
	assert_int_equal(store_recover(s), STORE_OK);
	assert_int_equal(place_number(p.path.p, "SELECT term FROM leader"), term + 1);
	store_close(s);
	place_remove(&p);
}

/* Another server took the lead: nothing that this one writes is kept, until the other is gone. */
static void a_leader_of_an_older_term(void **state)
{
	struct place p;
	struct store *s;

	(void)state;
	place_needs_postgres();
	place_make(&p);
	s = place_open(&p);
	assert_true(group(s, 1));
	place_sql(p.path.p, "UPDATE leader SET term = term + 1");
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_task(s, 1), STORE_OK);
	assert_int_equal(store_commit(s), STORE_DEPOSED);
	assert_whole(&p, 1, true);
	assert_int_equal(store_recover(s), STORE_DEPOSED);
	assert_false(group(s, 2));
	assert_int_equal(place_number(p.log_path.p, "SELECT count(*) FROM log_chunk"), 1);
	place_sql(p.path.p, "UPDATE leader SET session_pid = NULL");
	assert_int_equal(store_recover(s), STORE_OK);
	assert_true(group(s, 2));
	assert_whole(&p, 2, true);
	store_close(s);
	place_remove(&p);
}

/* --- kill -9 --- */

/* Groups without end; each one that was committed is told. */
static void commit_for_ever(const struct place *p, int64_t first, int tell)
{
	struct problem problem;
	struct store *s = store_open(p->uri.p, NULL, &problem);

	if (s == NULL)
		_exit(1);
	for (int64_t i = first;; i++) {
		if (!group(s, i) || write(tell, &i, sizeof(i)) != sizeof(i))
			_exit(2);
	}
}

/* Everything that the pipe still holds; the last number told. */
static int64_t last_told(int fd, int64_t last)
{
	int64_t i;
	ssize_t n;

	while ((n = fd_read(fd, &i, sizeof(i))) == (ssize_t)sizeof(i))
		last = i;
	assert_int_equal(n, 0);
	return last;
}

static void killed_at_any_instant(void **state)
{
	struct place p;
	int64_t last = 0;

	(void)state;
	place_make(&p);
	for (int round = 0; round < 12; round++) {
		struct store *s;
		int64_t ids[TABLE_COUNT], i;
		int tell[2], status;
		pid_t child;

		assert_int_equal(pipe(tell), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			commit_for_ever(&p, last + 1, tell[1]);
		close(tell[1]);
		/* Wait for the first, then for an instant that differs from round to round. */
		assert_int_equal(fd_read(tell[0], &i, sizeof(i)), sizeof(i));
		last = i;
		(void)poll(NULL, 0, 3 + round * 7);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		last = last_told(tell[0], last);
		close(tell[0]);

		s = place_open(&p);
		assert_int_equal(store_max_ids(s, ids), STORE_OK);
		/* One more may have been committed and not told. */
		assert_true(ids[TABLE_TASK] == last || ids[TABLE_TASK] == last + 1);
		last = ids[TABLE_TASK];
		assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM task"), last);
		assert_int_equal(place_number(p.path.p,
		                              "SELECT count(*) FROM task JOIN execution USING"
		                              " (task_id) WHERE task.status = 'succeeded'"
		                              " AND execution.status = 'succeeded'"),
		                 last);
		/* The log is committed first: it has at least what the rows speak of. */
		assert_true(place_number(p.log_path.p,
		                         "SELECT sum(length(data)) / 11 FROM log_chunk") >= last);
		if (!place_is_postgres())
			assert_int_equal(place_number(p.path.p, "SELECT count(*) = 1 FROM "
			                                        "pragma_integrity_check WHERE "
			                                        "integrity_check = 'ok'"),
			                 1);
		store_close(s);
		/* What was logged for the group that did not come through is sent again. */
		s = place_open(&p);
		assert_true(group(s, ++last));
		store_close(s);
	}
	place_remove(&p);
}

/* --- another writer --- */

/* A table locked by hand: the writer's patience ends, a reader's deadline cancels its query. */
static void a_locked_table(void **state)
{
	struct store_options options = {.busy_ms = 2000};
	struct task task = some_task(1), read = {.task_id = 1};
	struct problem problem;
	struct store_reader *r;
	struct arena arena;
	struct place p;
	struct store *s;
	PGconn *other;

	(void)state;
	place_needs_postgres();
	arena_init(&arena);
	place_make(&p);
	s = store_open(p.uri.p, &options, &problem);
	assert_non_null(s);
	r = store_reader_open(s, &problem);
	assert_non_null(r);
	other = PQconnectdb(p.uri.p);
	PQclear(PQexec(other, "BEGIN; LOCK TABLE task"));
	assert_int_equal(PQtransactionStatus(other), PQTRANS_INTRANS);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_insert(s, TABLE_TASK, &task), STORE_BUSY);
	store_rollback(s);
	store_reader_deadline(r, clock_monotonic_ns() + 200000000);
	assert_int_equal(store_get(r, TABLE_TASK, &read, STORE_ALL, &arena), STORE_TIMEOUT);
	/* Answered, it has let go; the end of a session is nothing that its server waits with. */
	PQclear(PQexec(other, "ROLLBACK"));
	PQfinish(other);
	put(s, TABLE_TASK, &task);
	store_reader_deadline(r, 0);
	assert_int_equal(store_get(r, TABLE_TASK, &read, STORE_ALL, &arena), STORE_OK);
	store_reader_close(r);
	store_close(s);
	place_remove(&p);
	arena_release(&arena);
}

static void another_writer_makes_it_busy(void **state)
{
	struct store_options options = {.busy_ms = 50};
	struct task task = some_task(1);
	struct problem problem;
	struct place p;
	struct store *s;
	sqlite3 *db;

	(void)state;
	place_needs_sqlite();
	place_make(&p);
	s = store_open(p.uri.p, &options, &problem);
	assert_non_null(s);
	assert_int_equal(sqlite3_open_v2(p.path.p, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_begin(s), STORE_BUSY);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	put(s, TABLE_TASK, &task);
	sqlite3_close(db);
	store_close(s);
	place_remove(&p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(any_step_may_fail),
	        cmocka_unit_test(a_failed_commit_of_a_deletion),
	        cmocka_unit_test(no_space_keeps_what_was_there),
	        cmocka_unit_test(killed_at_any_instant),
	        cmocka_unit_test(a_session_killed_in_a_transaction),
	        cmocka_unit_test(a_commit_whose_session_is_killed),
	        cmocka_unit_test(a_database_server_that_restarts),
	        cmocka_unit_test(the_session_of_logs_is_killed),
	        cmocka_unit_test(a_leader_of_an_older_term),
	        cmocka_unit_test(a_locked_table),
	        cmocka_unit_test(another_writer_makes_it_busy),
	};
	int failed = place_begin(argc, argv);

	if (failed != 0)
		return failed;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	place_end();
	return failed;
}
