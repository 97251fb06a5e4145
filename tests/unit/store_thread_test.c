/* Readers of several threads while one writes: each sees whole transactions. And many rows. */
#include "tests/unit/store_place.h"

#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { READERS = 3, GROUPS = 300, PER_GROUP = 7 };

struct shared {
	struct store *s;
	atomic_bool stop;
	atomic_int wrong, looked;
};

struct sum {
	int64_t rows, last;
};

static bool add(void *context, const void *row)
{
	const struct task *task = row;
	struct sum *sum = context;

	sum->rows++;
	if (task->task_id <= sum->last || task->command == NULL ||
	    strcmp(task->command, "/bin/true") != 0)
		sum->last = INT64_MAX;
	else
		sum->last = task->task_id;
	return true;
}

/* Transactions add PER_GROUP tasks each: any other number would be part of one. */
static void *look(void *context)
{
	struct shared *shared = context;
	struct problem problem;
	struct store_reader *r = store_reader_open(shared->s, &problem);
	struct store_query q = {.table = TABLE_TASK};
	int64_t before = 0;

	if (r == NULL) {
		atomic_fetch_add(&shared->wrong, 1);
		return NULL;
	}
	while (!atomic_load(&shared->stop)) {
		struct sum sum = {0}, again = {0};
		struct str log = STR_INIT;
		int64_t length = 0;

		store_reader_deadline(r, clock_monotonic_ns() + 60 * INT64_C(1000000000));
		if (store_reader_begin(r) != STORE_OK ||
		    store_select(r, &q, add, &sum) != STORE_OK ||
		    store_select(r, &q, add, &again) != STORE_OK)
			atomic_fetch_add(&shared->wrong, 1);
		store_reader_end(r);
		if (store_log_length(r, 1, STORE_STDOUT, &length) != STORE_OK ||
		    store_log_read(r, 1, STORE_STDOUT, 0, (size_t)length, &log) != STORE_OK ||
		    (int64_t)log.len != length || length % PER_GROUP != 0)
			atomic_fetch_add(&shared->wrong, 1);
		str_release(&log);
		if (sum.rows % PER_GROUP != 0 || sum.rows != again.rows || sum.rows < before ||
		    sum.last == INT64_MAX)
			atomic_fetch_add(&shared->wrong, 1);
		before = sum.rows;
		atomic_fetch_add(&shared->looked, 1);
	}
	store_reader_close(r);
	return NULL;
}

static void readers_beside_the_writer(void **state)
{
	struct shared shared = {0};
	pthread_t threads[READERS];
	struct place p;

	(void)state;
	place_make(&p);
	shared.s = place_open(&p);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look, &shared), 0);
	for (int64_t g = 0; g < GROUPS; g++) {
		int64_t length;

		assert_int_equal(store_log_begin(shared.s), STORE_OK);
		assert_int_equal(store_log_append(shared.s, 1, STORE_STDOUT, g * PER_GROUP,
		                                  "abcdefg", PER_GROUP, &length),
		                 STORE_OK);
		assert_int_equal(store_log_commit(shared.s), STORE_OK);
		assert_int_equal(store_begin(shared.s), STORE_OK);
		for (int64_t i = 0; i < PER_GROUP; i++) {
			struct task row = some_task(g * PER_GROUP + i + 1);

			assert_int_equal(store_insert(shared.s, TABLE_TASK, &row), STORE_OK);
		}
		assert_int_equal(store_commit(shared.s), STORE_OK);
	}
	atomic_store(&shared.stop, true);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&shared.wrong), 0);
	assert_true(atomic_load(&shared.looked) > 0);
	store_close(shared.s);
	place_remove(&p);
}

enum { MANY = 200000, BULK = 10000 };

static bool tally(void *context, const void *row)
{
	const struct task *task = row;
	int64_t *sum = context;

	*sum += task->task_id;
	return true;
}

static bool tally_counts(void *context, const char *batch, enum task_status status, int64_t n)
{
	int64_t *sum = context;

	(void)batch;
	assert_int_equal(status, TASK_WAITING);
	*sum += n;
	return true;
}

static bool tally_edges(void *context, const struct requirement *row)
{
	int64_t *sum = context;

	*sum += row->task_id - row->other_task_id;
	return true;
}

static void many_rows_are_all_found_again(void **state)
{
	struct task *tasks = calloc(BULK, sizeof(*tasks));
	struct requirement *requirements = calloc(BULK, sizeof(*requirements));
	int64_t sum = 0;
	struct place p;
	struct store *s;

	(void)state;
	assert_non_null(tasks);
	assert_non_null(requirements);
	place_make(&p);
	s = place_open(&p);
	for (int64_t at = 0; at < MANY; at += BULK) {
		for (int64_t i = 0; i < BULK; i++) {
			tasks[i] = some_task(at + i + 1);
			tasks[i].status = TASK_WAITING;
			tasks[i].batch = i % 2 ? "a" : "b";
			requirements[i] = (struct requirement){at + i + 1, at + i + 1, at + i,
			                                       INT_NULL,   INT_NULL,   NULL};
		}
		assert_int_equal(store_begin(s), STORE_OK);
		assert_int_equal(store_insert_rows(s, TABLE_TASK, tasks, BULK), STORE_OK);
		assert_int_equal(store_insert_rows(s, TABLE_REQUIREMENT, requirements, BULK),
		                 STORE_OK);
		assert_int_equal(store_commit(s), STORE_OK);
	}
	store_close(s);

	s = place_open(&p);
	assert_int_equal(store_load_tasks(store_own(s), 1U << TASK_WAITING, tally, &sum), STORE_OK);
	assert_int_equal(sum, (int64_t)MANY * (MANY + 1) / 2);
	sum = 0;
	assert_int_equal(store_counts(store_own(s), tally_counts, &sum), STORE_OK);
	assert_int_equal(sum, MANY);
	sum = 0;
	assert_int_equal(store_load_requirements(store_own(s), 1, tally_edges, &sum), STORE_OK);
	assert_int_equal(sum, MANY);

	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_batch(s, "a"), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM task"), MANY / 2);
	/* That of the first task on one that never was. */
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM requirement"), 1);
	store_close(s);
	place_remove(&p);
	free(tasks);
	free(requirements);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(readers_beside_the_writer),
	        cmocka_unit_test(many_rows_are_all_found_again),
	};
	int failed = place_begin(argc, argv);

	if (failed != 0)
		return failed;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	place_end();
	return failed;
}
