/*
 * What is known of memory is what was committed, neither more nor less. That it is the
 * same as memory after every group, bench_step() looks at in every test of the core.
 */
#include "server/known.h"
#include "server/known_show.h"
#include "tests/unit/server_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* As the last COMMIT found it, before it. */
static signed char at_commit[2];
static size_t batches_at_commit;

static void look(struct bench *b)
{
	const int64_t ids[] = {1, 2};
	struct known_lists lists;
	struct arena arena;

	arena_init(&arena);
	known_statuses(core_known(b->core), ids, 2, at_commit);
	batches_at_commit =
	        known_batches(core_known(b->core), &arena, &lists) ? lists.nbatches : 999;
	arena_release(&arena);
}

static void test_not_before_commit(void **unused)
{
	struct bench *b = bench_open(NULL);
	const int64_t ids[] = {1, 2, 0, -1, INT64_MAX};
	signed char now[5];

	(void)unused;
	bench_call(b, 200, handle_batch_list, 0, NULL, NULL);
	b->at_commit = look;
	bench_new_task(b, "{'batch': 'x'}");
	assert_int_equal(at_commit[0], KNOWN_NOT);
	assert_int_equal(batches_at_commit, 0);
	bench_new_task(b, "{'batch': 'y'}");
	assert_int_equal(at_commit[0], TASK_PENDING);
	assert_int_equal(at_commit[1], KNOWN_NOT);
	assert_int_equal(batches_at_commit, 1);
	/* What is taken back was never seen. */
	b->fail_step = STORE_STEP_COMMIT;
	b->failing = 0;
	bench_send(b, handle_task_update, 1, NULL, json_of("{'status': 'paused'}"));
	assert_int_equal(b->failed, 1);
	assert_int_equal(known_statuses(core_known(b->core), ids, 5, now), 3);
	assert_int_equal(now[0], TASK_PENDING);
	assert_int_equal(now[1], TASK_PENDING);
	assert_int_equal(now[4], KNOWN_NOT);
	bench_call(b, 200, handle_task_delete, 1, NULL, NULL);
	assert_int_equal(at_commit[0], TASK_PENDING);
	assert_int_equal(known_statuses(core_known(b->core), ids, 2, now), 1);
	assert_int_equal(now[0], KNOWN_NOT);
	bench_close(b);
}

/* While the database cannot be read nothing is known: whoever asks is told so by the core. */
static void test_nothing_while_broken(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct call call = {.body = json_of("{'task_id': [1]}")};
	const int64_t id = 1;
	signed char status;

	(void)unused;
	arena_init(&call.arena);
	str_init(&call.reply);
	bench_new_task(b, "{}");
	assert_int_equal(known_statuses(core_known(b->core), &id, 1, &status), 0);
	b->unchecked = true;
	b->away = true;
	bench_send(b, handle_task_create, 0, NULL, json_of("{'command': 'true'}"));
	assert_true(b->core->broken);
	assert_int_equal(known_term(core_known(b->core)), -1);
	assert_int_equal(known_statuses(core_known(b->core), &id, 1, &status), 1);
	assert_false(known_batch_list(core_known(b->core), &call));
	assert_false(known_workers_tasks(core_known(b->core), &call));
	assert_false(known_task_status(core_known(b->core), &call));
	bench_call(b, 503, handle_batch_list, 0, NULL, NULL);
	b->away = false;
	b->unchecked = false;
	bench_advance(b, 2);
	assert_false(b->core->broken);
	assert_true(known_task_status(core_known(b->core), &call));
	assert_string_equal(call.reply.p, "[2]\n");
	json_decref(call.waiter);
	json_decref(call.body);
	str_release(&call.reply);
	arena_release(&call.arena);
	bench_close(b);
}

/* A list and what makes it uncounted in one group: the list waits for the count. */
static void test_counted_again(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct call *call;

	(void)unused;
	bench_new_task(b, "{'batch': 'x'}");
	bench_call(b, 200, handle_workers_tasks, 0, NULL, NULL);
	call = bench_queue(b, handle_workers_tasks, 0, NULL, NULL);
	bench_queue(b, handle_batch_delete, 0, "x", NULL);
	bench_step(b);
	assert_true(call_waits(call));
	bench_step(b);
	assert_int_equal(call->status, 200);
	bench_close(b);
}

#define SCANNED 9000
/* Of the pages that known.c keeps the second one has nothing that is done. */
#define FULL_FIRST 4096
#define FULL_LAST 8191

static enum task_status scanned_status(int64_t id)
{
	if (id < FULL_FIRST || id > FULL_LAST)
		return id % 3 == 0 ? TASK_SUCCEEDED : id % 3 == 1 ? TASK_FAILED : TASK_PENDING;
	return TASK_PENDING;
}

static json_t *scanned_tasks(void)
{
	json_t *tasks = json_array();

	for (int id = 1; id <= SCANNED; id++)
		json_array_append_new(tasks, json_pack("{s:s, s:s}", "command", "true", "status",
		                                       task_status_words[scanned_status(id)]));
	return json_pack("{s:s, s:o}", "key", "k", "tasks", tasks);
}

/* All that are wanted, in order, and no other. */
static void check_ids(struct known *known, int64_t after)
{
	int64_t expected = after, ids[100];
	struct known_scan scan;

	assert_true(known_scan_begin(known, &scan, TASK_PENDING, after));
	while (scan.at != 0) {
		size_t n = known_scan_ids(known, &scan, ids, 100);

		for (size_t i = 0; i < n; i++) {
			do
				expected++;
			while (scanned_status(expected) != TASK_PENDING);
			assert_int_equal(ids[i], expected);
		}
	}
	do
		expected++;
	while (expected <= SCANNED && scanned_status(expected) != TASK_PENDING);
	assert_true(expected > SCANNED);
}

/* All of them, and not the page that has none. */
static void check_ranges(struct known *known, int64_t after)
{
	int64_t first, last, sum = 0, expected = 0;
	struct known_scan scan;

	assert_true(known_scan_begin(known, &scan, TASK_SUCCEEDED, after));
	while (known_scan_range(known, &scan, &first, &last)) {
		assert_true(last < FULL_FIRST || first > FULL_LAST);
		for (int64_t id = first; id <= last; id++)
			sum += scanned_status(id) == TASK_SUCCEEDED ? id : 0;
	}
	for (int64_t id = after + 1; id <= SCANNED; id++)
		expected += scanned_status(id) == TASK_SUCCEEDED ? id : 0;
	assert_int_equal(sum, expected);
}

static void test_scans(void **unused)
{
	static const int64_t afters[] = {0,    1,    2,    4095,        4096,
	                                 5000, 8191, 8192, SCANNED - 1, SCANNED};
	struct bench *b = bench_open(NULL);
	struct known *known = core_known(b->core);
	struct known_scan scan;

	(void)unused;
	b->unchecked = true;
	assert_true(known_scan_begin(known, &scan, TASK_PENDING, 0));
	assert_int_equal(scan.at, 0);
	bench_call(b, 201, handle_task_bulk, 0, NULL, scanned_tasks());
	for (size_t i = 0; i < sizeof(afters) / sizeof(afters[0]); i++) {
		check_ids(known, afters[i]);
		check_ranges(known, afters[i]);
	}
	assert_true(known_scan_begin(known, &scan, TASK_PENDING, INT64_MAX));
	assert_int_equal(scan.at, 0);
	assert_true(known_scan_begin(known, &scan, TASK_PENDING, INT_NULL));
	assert_int_equal(scan.at, 1);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_scans),
	        cmocka_unit_test(test_not_before_commit),
	        cmocka_unit_test(test_nothing_while_broken),
	        cmocka_unit_test(test_counted_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
