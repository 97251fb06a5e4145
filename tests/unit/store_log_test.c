/* The log of executions: overlap, gaps, order, size, and what a crash may leave. */
#include "tests/unit/store_place.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct place place;
static struct store *s;

static int setup(void **state)
{
	(void)state;
	place_make(&place);
	s = place_open(&place);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_close(s);
	place_remove(&place);
	return 0;
}

static void assert_appended(int64_t id, enum store_stream stream, int64_t offset, const void *bytes,
                            size_t n, enum store_result expected, int64_t length)
{
	int64_t got = -1;

	assert_int_equal(store_log_append(s, id, stream, offset, bytes, n, &got), expected);
	assert_int_equal(got, length);
}

static void assert_log(int64_t id, enum store_stream stream, int64_t offset, size_t limit,
                       const char *bytes, size_t n)
{
	struct str out = STR_INIT;

	assert_int_equal(store_log_read(store_own(s), id, stream, offset, limit, &out), STORE_OK);
	assert_int_equal(out.len, n);
	assert_memory_equal(out.p, bytes, n);
	str_release(&out);
}

static void bytes_are_stored_once(void **state)
{
	int64_t length;

	(void)state;
	assert_int_equal(store_log_begin(s), STORE_OK);
	assert_appended(1, STORE_STDOUT, 0, "hello ", 6, STORE_OK, 6);
	assert_appended(1, STORE_STDOUT, 0, "hello ", 6, STORE_OK, 6);
	assert_appended(1, STORE_STDOUT, 3, "lo wor", 6, STORE_OK, 9);
	assert_appended(1, STORE_STDOUT, 9, "", 0, STORE_OK, 9);
	assert_appended(1, STORE_STDOUT, 2, "", 0, STORE_OK, 9);
	assert_appended(1, STORE_STDOUT, 10, "d", 1, STORE_GAP, 9);
	assert_appended(1, STORE_STDOUT, 10, "", 0, STORE_GAP, 9);
	assert_appended(1, STORE_STDOUT, 0, "hellO wor", 9, STORE_CONFLICT, 9);
	assert_appended(1, STORE_STDOUT, 7, "xxld", 4, STORE_CONFLICT, 9);
	assert_appended(1, STORE_STDOUT, 0, "hello world", 11, STORE_OK, 11);
	assert_appended(1, STORE_STDERR, 0, "\0\xff", 2, STORE_OK, 2);
	assert_appended(2, STORE_STDOUT, 1, "x", 1, STORE_GAP, 0);
	assert_appended(2, STORE_STDOUT, 0, "two", 3, STORE_OK, 3);
	assert_int_equal(store_log_commit(s), STORE_OK);
	assert_log(1, STORE_STDOUT, 0, 100, "hello world", 11);
	assert_log(1, STORE_STDOUT, 4, 3, "o w", 3);
	assert_log(1, STORE_STDOUT, 11, 3, "", 0);
	assert_log(1, STORE_STDOUT, 99, 3, "", 0);
	assert_log(1, STORE_STDOUT, 0, 0, "", 0);
	assert_log(1, STORE_STDERR, 0, 100, "\0\xff", 2);
	assert_log(2, STORE_STDOUT, 0, 100, "two", 3);
	assert_log(3, STORE_STDOUT, 0, 100, "", 0);
	assert_int_equal(store_log_length(store_own(s), 3, STORE_STDERR, &length), STORE_OK);
	assert_int_equal(length, 0);
}

static void rolled_back_bytes_are_gone(void **state)
{
	int64_t length;

	(void)state;
	assert_int_equal(store_log_begin(s), STORE_OK);
	assert_appended(1, STORE_STDOUT, 0, "kept", 4, STORE_OK, 4);
	assert_int_equal(store_log_commit(s), STORE_OK);
	assert_int_equal(store_log_begin(s), STORE_OK);
	assert_appended(1, STORE_STDOUT, 4, " not", 4, STORE_OK, 8);
	store_log_rollback(s);
	assert_int_equal(store_log_length(store_own(s), 1, STORE_STDOUT, &length), STORE_OK);
	assert_int_equal(length, 4);
}

static char pattern(int64_t i)
{
	return (char)(i * 31 + i / 251);
}

/* Pieces of every size, some sent twice with more behind them: what is read is what was written. */
static void any_pieces_make_the_log(void **state)
{
	enum { TOTAL = 700000 };
	char *bytes = xmalloc(TOTAL);
	uint64_t random = 12345;
	int64_t length = 0;
	struct str out = STR_INIT;

	(void)state;
	for (int64_t i = 0; i < TOTAL; i++)
		bytes[i] = pattern(i);
	while (length < TOTAL) {
		int64_t back, n, before = length;

		random = random * 6364136223846793005U + 1442695040888963407U;
		back = (int64_t)(random >> 33 & 63) < length ? (int64_t)(random >> 33 & 63)
		                                             : length;
		n = 1 + back + (int64_t)(random >> 40 & ((random >> 60) < 14 ? 255 : 0x1ffff));
		if (n > TOTAL - length + back)
			n = TOTAL - length + back;
		assert_int_equal(store_log_begin(s), STORE_OK);
		assert_appended(7, STORE_STDERR, before - back, bytes + before - back, (size_t)n,
		                STORE_OK, before - back + n);
		length = before - back + n;
		assert_int_equal(store_log_commit(s), STORE_OK);
	}
	assert_log(7, STORE_STDERR, 0, TOTAL + 1, bytes, TOTAL);
	for (int64_t at = 0; at < TOTAL; at += 65521)
		assert_log(7, STORE_STDERR, at, 3000, bytes + at,
		           TOTAL - at < 3000 ? (size_t)(TOTAL - at) : 3000);
	str_release(&out);
	free(bytes);
}

/* Lines that come one by one must not be a row each for ever, nor rewrite what is there. */
static void many_small_appends_stay_small(void **state)
{
	enum { LINE = 40 };
	/* Each is four round trips to a server. */
	const int64_t lines = place_is_postgres() ? 2000 : 20000;
	int64_t start = clock_monotonic_ns();
	char line[LINE + 1];

	(void)state;
	assert_int_equal(store_log_begin(s), STORE_OK);
	for (int64_t i = 0; i < lines; i++) {
		int n = snprintf(line, sizeof(line), "%039lld\n", (long long)i);

		assert_int_equal(n, LINE);
		assert_appended(3, STORE_STDOUT, i * LINE, line, LINE, STORE_OK, (i + 1) * LINE);
	}
	assert_int_equal(store_log_commit(s), STORE_OK);
	assert_true(clock_monotonic_ns() - start < 30 * INT64_C(1000000000));
	assert_true(place_number(place.log_path.p, "SELECT count(*) FROM log_chunk") < lines / 20);
	assert_log(3, STORE_STDOUT, (lines - 1) * LINE, 100, line, LINE);
}

/* How long each half of a long log takes. */
static void append_long(int64_t execution, int64_t took[2])
{
	enum { PIECE = 1 << 20, PIECES = 48 };
	char *piece = xmalloc(PIECE);

	memset(piece, 'x', PIECE);
	for (int half = 0; half < 2; half++) {
		int64_t start = clock_monotonic_ns();

		for (int64_t i = half * PIECES / 2; i < (half + 1) * PIECES / 2; i++) {
			assert_int_equal(store_log_begin(s), STORE_OK);
			assert_appended(execution, STORE_STDOUT, i * PIECE, piece, PIECE, STORE_OK,
			                (i + 1) * PIECE);
			assert_int_equal(store_log_commit(s), STORE_OK);
		}
		took[half] = clock_monotonic_ns() - start;
	}
	free(piece);
}

/* The cost of a long log grows with its length, not with its square. */
static void a_long_log_is_linear(void **state)
{
	int64_t took[2] = {0, 1};

	(void)state;
	/* A disk that is busy meanwhile is so once, not in each second half. */
	for (int64_t execution = 5; execution < 11 && took[1] > 5 * took[0]; execution++)
		append_long(execution, took);
	if (took[1] > 5 * took[0])
		fail_msg("first half %lld ns, second %lld ns", (long long)took[0],
		         (long long)took[1]);
}

/* Other executions' logs are not touched by a deletion. */
static void a_deleted_execution_loses_its_log_only(void **state)
{
	struct execution row;
	int64_t length;

	(void)state;
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_log_begin(s), STORE_OK);
	for (int64_t id = 1; id <= 3; id++) {
		row = some_execution(id, 1);
		assert_int_equal(store_insert(s, TABLE_EXECUTION, &row), STORE_OK);
		assert_appended(id, STORE_STDOUT, 0, "abc", 3, STORE_OK, 3);
		assert_appended(id, STORE_STDERR, 0, "de", 2, STORE_OK, 2);
	}
	assert_int_equal(store_log_commit(s), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_execution(s, 2), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	for (int64_t id = 1; id <= 3; id++) {
		assert_int_equal(store_log_length(store_own(s), id, STORE_STDOUT, &length),
		                 STORE_OK);
		assert_int_equal(length, id == 2 ? 0 : 3);
		assert_int_equal(store_log_length(store_own(s), id, STORE_STDERR, &length),
		                 STORE_OK);
		assert_int_equal(length, id == 2 ? 0 : 2);
	}
}

/* The commit went through, its sweep did not: the next start ends it. */
static void orphans_go_at_the_next_start(void **state)
{
	int64_t length;

	(void)state;
	assert_int_equal(store_log_begin(s), STORE_OK);
	assert_appended(4, STORE_STDOUT, 0, "left behind", 11, STORE_OK, 11);
	assert_int_equal(store_log_commit(s), STORE_OK);
	store_close(s);
	place_sql(place.path.p, "INSERT INTO log_orphan (execution_id) VALUES (4)");
	s = place_open(&place);
	assert_int_equal(store_log_length(store_own(s), 4, STORE_STDOUT, &length), STORE_OK);
	assert_int_equal(length, 0);
	assert_int_equal(place_number(place.path.p, "SELECT count(*) FROM log_orphan"), 0);
}

static void commit_something(void)
{
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
}

/* Nobody waits for thousands of logs: they go with the commits that follow, the others stay. */
static void many_orphans_go_in_parts(void **state)
{
	const int many = 2500;
	struct execution *rows = calloc((size_t)many + 1, sizeof(*rows));
	int64_t length, left = many;

	(void)state;
	assert_non_null(rows);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_log_begin(s), STORE_OK);
	for (int i = 0; i <= many; i++) {
		struct task task = some_task(i + 1);

		task.batch = i < many ? "x" : "y";
		rows[i] = some_execution(i + 1, i + 1);
		assert_int_equal(store_insert(s, TABLE_TASK, &task), STORE_OK);
		assert_appended(i + 1, STORE_STDOUT, 0, "abc", 3, STORE_OK, 3);
	}
	assert_int_equal(store_insert_rows(s, TABLE_EXECUTION, rows, (size_t)many + 1), STORE_OK);
	free(rows);
	assert_int_equal(store_log_commit(s), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_batch(s, "x"), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	for (int commits = 0; left > 0 && commits < many; commits++) {
		left = place_number(place.path.p, "SELECT count(*) FROM log_orphan");
		assert_true(left < many);
		/* One log for each that is left, and the one of the other batch. */
		assert_int_equal(place_number(place.log_path.p, "SELECT count(*) FROM log_chunk"),
		                 left + 1);
		commit_something();
	}
	assert_int_equal(left, 0);
	assert_int_equal(store_log_length(store_own(s), many + 1, STORE_STDOUT, &length), STORE_OK);
	assert_int_equal(length, 3);
}

/* --- long pieces in files --- */

#define PIECE ((size_t)STORE_LOG_PUT_LEAST)

static char *some_bytes(size_t n)
{
	char *bytes = xmalloc(n);

	for (size_t i = 0; i < n; i++)
		bytes[i] = pattern((int64_t)i);
	return bytes;
}

/* The part of `bytes` that begins there is put, and appended in a transaction of its own. */
static void put_long(int64_t id, const char *bytes, size_t at, size_t n)
{
	int64_t length = -1;

	assert_int_equal(store_log_put(s, id, STORE_STDOUT, (int64_t)at, bytes + at, n), 0);
	assert_int_equal(store_log_begin(s), STORE_OK);
	assert_int_equal(store_log_append_put(s, id, STORE_STDOUT, (int64_t)at, n, &length),
	                 STORE_OK);
	assert_int_equal(length, at + n);
	assert_int_equal(store_log_commit(s), STORE_OK);
}

static void append(int64_t id, const char *bytes, size_t at, size_t n)
{
	assert_int_equal(store_log_begin(s), STORE_OK);
	assert_appended(id, STORE_STDOUT, (int64_t)at, bytes + at, n, STORE_OK, (int64_t)(at + n));
	assert_int_equal(store_log_commit(s), STORE_OK);
}

static void assert_length(int64_t id, size_t n)
{
	int64_t length = -1;

	assert_int_equal(store_log_length(store_own(s), id, STORE_STDOUT, &length), STORE_OK);
	assert_int_equal(length, n);
}

static bool has_file(int64_t id)
{
	struct str path = STR_INIT;
	bool has;

	str_addf(&path, "%s.d/%lld.stdout", place.log_path.p, (long long)id);
	has = access(path.p, F_OK) == 0;
	str_release(&path);
	return has;
}

/* Long pieces and short ones in any order make one log, also for other readers and a later start.
 */
static void long_pieces_stand_beside_the_others(void **state)
{
	const size_t total = 5 * PIECE + 1500;
	char *bytes;
	struct problem problem = {0};
	struct store_reader *r;
	struct str out = STR_INIT;
	int64_t length;

	(void)state;
	place_needs_sqlite();
	assert_true(store_log_has_files(s));
	bytes = some_bytes(total);
	append(1, bytes, 0, 100);
	put_long(1, bytes, 100, PIECE);
	put_long(1, bytes, 100 + PIECE, PIECE + 200);
	append(1, bytes, 300 + 2 * PIECE, 10);
	append(1, bytes, 310 + 2 * PIECE, 90);
	put_long(1, bytes, 400 + 2 * PIECE, 2 * PIECE);
	append(1, bytes, 400 + 4 * PIECE, total - 400 - 4 * PIECE);
	/* The two that follow each other are one range. */
	assert_int_equal(place_number(place.log_path.p, "SELECT count(*) FROM log_file"), 2);
	assert_length(1, total);
	assert_log(1, STORE_STDOUT, 0, total + 1, bytes, total);
	for (size_t at = 0; at < total; at += 40009)
		assert_log(1, STORE_STDOUT, (int64_t)at, 50000, bytes + at,
		           total - at < 50000 ? total - at : 50000);
	assert_log(1, STORE_STDOUT, (int64_t)total, 5, "", 0);
	/* What comes again is compared. */
	assert_int_equal(store_log_begin(s), STORE_OK);
	assert_appended(1, STORE_STDOUT, 50, bytes + 50, 3 * PIECE, STORE_OK, (int64_t)total);
	bytes[PIECE]++;
	assert_appended(1, STORE_STDOUT, 50, bytes + 50, 3 * PIECE, STORE_CONFLICT, (int64_t)total);
	bytes[PIECE]--;
	store_log_rollback(s);
	store_close(s);
	s = place_open(&place);
	r = store_reader_open(s, &problem);
	assert_non_null(r);
	assert_int_equal(store_log_length(r, 1, STORE_STDOUT, &length), STORE_OK);
	assert_int_equal(length, total);
	assert_int_equal(store_log_read(r, 1, STORE_STDOUT, 0, total, &out), STORE_OK);
	assert_int_equal(out.len, total);
	assert_memory_equal(out.p, bytes, total);
	store_reader_close(r);
	str_release(&out);
	free(bytes);
}

/* What was put counts when it is committed, and where the log still ends there. */
static void what_was_put_counts_once_committed(void **state)
{
	char *bytes, *others;
	int64_t length;

	(void)state;
	place_needs_sqlite();
	bytes = some_bytes(3 * PIECE);
	others = some_bytes(PIECE);
	memset(others, 'x', PIECE);
	assert_int_equal(store_log_put(s, 1, STORE_STDOUT, 0, others, PIECE), 0);
	assert_length(1, 0);
	assert_int_equal(store_log_begin(s), STORE_OK);
	assert_int_equal(store_log_append_put(s, 1, STORE_STDOUT, 0, PIECE, &length), STORE_OK);
	store_log_rollback(s);
	/* A kill leaves the same: bytes that do not count. */
	store_close(s);
	s = place_open(&place);
	assert_length(1, 0);
	assert_log(1, STORE_STDOUT, 0, PIECE, "", 0);
	put_long(1, bytes, 0, PIECE);
	assert_log(1, STORE_STDOUT, 0, PIECE, bytes, PIECE);
	/* Behind the end, and where others were appended meanwhile. */
	assert_int_equal(store_log_put(s, 1, STORE_STDOUT, PIECE, bytes + PIECE, PIECE), 0);
	assert_int_equal(store_log_begin(s), STORE_OK);
	assert_int_equal(store_log_append_put(s, 1, STORE_STDOUT, PIECE + 1, PIECE, &length),
	                 STORE_GAP);
	assert_int_equal(length, PIECE);
	assert_appended(1, STORE_STDOUT, PIECE, bytes + PIECE, 7, STORE_OK, (int64_t)PIECE + 7);
	assert_int_equal(store_log_append_put(s, 1, STORE_STDOUT, PIECE, PIECE, &length),
	                 STORE_CONFLICT);
	assert_int_equal(length, PIECE + 7);
	assert_int_equal(store_log_commit(s), STORE_OK);
	append(1, bytes, PIECE, PIECE);
	assert_log(1, STORE_STDOUT, 0, 3 * PIECE, bytes, 2 * PIECE);
	free(bytes);
	free(others);
}

/* A file goes with its execution; what is not there any more is said, not made up. */
static void files_go_with_their_execution(void **state)
{
	char *bytes;
	struct str out = STR_INIT, path = STR_INIT;
	struct execution row;

	(void)state;
	place_needs_sqlite();
	bytes = some_bytes(PIECE);
	for (int64_t id = 1; id <= 2; id++) {
		row = some_execution(id, 1);
		assert_int_equal(store_begin(s), STORE_OK);
		assert_int_equal(store_insert(s, TABLE_EXECUTION, &row), STORE_OK);
		assert_int_equal(store_commit(s), STORE_OK);
		put_long(id, bytes, 0, PIECE);
		assert_true(has_file(id));
	}
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_execution(s, 1), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_false(has_file(1));
	assert_true(has_file(2));
	assert_length(1, 0);
	assert_length(2, PIECE);
	/* A piece was on its way when its execution was deleted, or two. */
	assert_int_equal(store_log_put(s, 1, STORE_STDOUT, 0, bytes, PIECE), 0);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_log_orphan(s, 1), STORE_OK);
	assert_int_equal(store_log_orphan(s, 1), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_false(has_file(1));
	/* A crash came between the ranges and their file. */
	put_long(1, bytes, 0, PIECE);
	place_sql(place.log_path.p, "DELETE FROM log_file WHERE execution_id = 1");
	place_sql(place.path.p, "INSERT INTO log_orphan (execution_id) VALUES (1)");
	store_close(s);
	s = place_open(&place);
	assert_false(has_file(1));
	assert_log(2, STORE_STDOUT, 0, PIECE, bytes, PIECE);
	str_addf(&path, "%s.d/2.stdout", place.log_path.p);
	assert_int_equal(truncate(path.p, 1000), 0);
	assert_int_equal(store_log_read(store_own(s), 2, STORE_STDOUT, 0, PIECE, &out),
	                 STORE_CORRUPT);
	assert_non_null(strstr(store_error(s), "2.stdout"));
	assert_int_equal(unlink(path.p), 0);
	assert_int_equal(store_log_read(store_own(s), 2, STORE_STDOUT, 0, PIECE, &out), STORE_IO);
	assert_non_null(strstr(store_error(s), "2.stdout"));
	str_release(&out);
	str_release(&path);
	free(bytes);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(bytes_are_stored_once),
	        TEST(rolled_back_bytes_are_gone),
	        TEST(any_pieces_make_the_log),
	        TEST(many_small_appends_stay_small),
	        TEST(a_long_log_is_linear),
	        TEST(a_deleted_execution_loses_its_log_only),
	        TEST(orphans_go_at_the_next_start),
	        TEST(many_orphans_go_in_parts),
	        TEST(long_pieces_stand_beside_the_others),
	        TEST(what_was_put_counts_once_committed),
	        TEST(files_go_with_their_execution),
	};
	int failed = place_begin(argc, argv);

	if (failed != 0)
		return failed;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	place_end();
	return failed;
}
