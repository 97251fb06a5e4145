/* The limits of a run: who may be hired for it, what it costs, and where that is told. */
#include "tests/unit/server_worker.h"

#include "base/clock.h"
#include "server/columns.h"
#include "server/hire.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_US (INT64_C(3600) * 1000000)

static void submit(struct bench *b, const char *limits)
{
	json_t *run = json_of("{'name': 'q', 'digest': 'd', 'batches': [{'batch': 'q.a'}, "
	                      "{'batch': 'q.b'}]}"),
	       *more = json_of(limits);

	json_object_update(run, more);
	json_decref(more);
	bench_call(b, 201, handle_run_create, 0, NULL, run);
	bench_call(b, 201, handle_task_bulk, 0, NULL,
	           json_of("{'run_id': 1, 'tasks': [{'command': 'x', 'batch': 'q.a'}]}"));
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'running'}"));
}

static json_t *deploy(struct bench *b, int status, const char *batch, int number)
{
	return bench_call(b, status, handle_worker_deploy, 0, NULL,
	                  json_pack("{s:s, s:s, s:s, s:s, s:i}", "batch", batch, "flavor", "f",
	                            "provider", "p", "region", "r", "number", number));
}

static uint32_t last_job(struct bench *b)
{
	return b->core->state.last_job;
}

static void price(struct bench *b, double cost)
{
	struct flavor_metrics row = {.flavor_name = "f",
	                             .provider = "p",
	                             .region_name = "r",
	                             .available = INT_NULL,
	                             .cost = cost,
	                             .eviction = INT_NULL};

	assert_int_equal(store_begin(b->store), STORE_OK);
	assert_int_equal(store_insert(b->store, TABLE_FLAVOR_METRICS, &row), STORE_OK);
	assert_int_equal(store_commit(b->store), STORE_OK);
}

/* Run and worker began so long ago. */
static void age(struct bench *b, int64_t worker, double hours)
{
	int64_t then = clock_date_us() - (int64_t)(hours * (double)HOUR_US);
	struct run run = {.run_id = 1, .creation_date = then};
	struct worker row = {.worker_id = worker, .creation_date = then};

	assert_int_equal(store_begin(b->store), STORE_OK);
	assert_int_equal(store_update(b->store, TABLE_RUN, &run, BIT(RUN_COL_creation_date), -1),
	                 STORE_OK);
	assert_int_equal(
	        store_update(b->store, TABLE_WORKER, &row, BIT(WORKER_COL_creation_date), -1),
	        STORE_OK);
	assert_int_equal(store_commit(b->store), STORE_OK);
}

static double cost_of(struct bench *b)
{
	json_t *run = bench_call(b, 200, handle_run_get, 1, NULL, NULL);

	return json_real_value(json_object_get(run, "cost"));
}

static void assert_near(double got, double wanted)
{
	if (fabs(got - wanted) > 0.05)
		fail_msg("%g, not %g", got, wanted);
}

static void test_workers(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *answer;

	(void)unused;
	submit(b, "{'maximum_workers': 3}");
	answer = deploy(b, 409, "q.a", 4);
	assert_non_null(strstr(get_text(answer, "message"), "0 workers of at most 3"));
	assert_int_equal(last_job(b), 0);
	deploy(b, 200, "q.a", 1);
	/* All batches of the run together, those that are being made too. */
	deploy(b, 200, "q.b", 1);
	tworker_new(b, "n1", "i", "'concurrency': 1, 'batch': 'q.b'");
	answer = deploy(b, 409, "q.b", 1);
	assert_non_null(strstr(get_text(answer, "message"), "3 workers of at most 3"));
	bench_restart(b);
	deploy(b, 409, "q.a", 1);
	/* Others are not concerned. */
	deploy(b, 200, "other", 5);
	answer = bench_call(b, 200, handle_task_why, 1, NULL, NULL);
	assert_non_null(
	        strstr(get_text(answer, "why"), "nobody more is hired: run 1 has 3 workers"));
	answer = json_object_get(answer, "hiring");
	assert_int_equal(get_int(answer, "workers"), 3);
	assert_string_equal(get_text(answer, "limit"), "maximum_workers");
	/* One goes: there is room again. */
	bench_call(b, 200, handle_worker_delete, 1, NULL, NULL);
	answer = bench_call(b, 200, handle_task_why, 1, NULL, NULL);
	assert_null(strstr(get_text(answer, "why"), "nobody more"));
	deploy(b, 200, "q.a", 1);
	bench_close(b);
}

static void test_cost(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *answer;

	(void)unused;
	submit(b, "{'max_cost': 10}");
	price(b, 3);
	tworker_new(
	        b, "n1", "i",
	        "'concurrency': 1, 'batch': 'q.a', 'flavor': 'f', 'provider': 'p', 'region': 'r'");
	tworker_new(b, "n2", "i", "'concurrency': 1, 'batch': 'q.b', 'flavor': 'unknown'");
	deploy(b, 200, "q.a", 1);
	age(b, 1, 2);
	deploy(b, 200, "q.a", 1);
	/* It serves another batch of the run, then none. */
	bench_call(b, 200, handle_worker_update, 1, NULL, json_of("{'batch': 'q.b'}"));
	assert_near(cost_of(b), 6);
	bench_restart(b);
	bench_call(b, 200, handle_worker_update, 1, NULL, json_of("{'batch': 'other'}"));
	assert_near(cost_of(b), 6);
	bench_call(b, 200, handle_worker_update, 1, NULL, json_of("{'batch': 'q.a'}"));
	assert_near(cost_of(b), 6);
	deploy(b, 200, "q.a", 1);
	/* Another one, which has been there all the time. */
	tworker_new(
	        b, "n3", "i",
	        "'concurrency': 1, 'batch': 'q.a', 'flavor': 'f', 'provider': 'p', 'region': 'r'");
	age(b, 3, 2);
	answer = deploy(b, 409, "q.a", 1);
	assert_non_null(strstr(get_text(answer, "message"), "has cost 12.0"));
	bench_restart(b);
	deploy(b, 409, "q.a", 1);
	/* What is gone was paid for. */
	bench_call(b, 200, handle_worker_delete, 3, NULL, NULL);
	assert_near(cost_of(b), 12);
	answer = bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'priority': 1}"));
	bench_call(b, 200, handle_batch_stop, 0, "q.a", NULL);
	answer = bench_call(b, 200, handle_task_why, 1, NULL, NULL);
	assert_string_equal(get_text(json_object_get(answer, "hiring"), "limit"), "max_cost");
	bench_close(b);
}

static void test_end_of_the_run(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w;
	json_t *answer;

	(void)unused;
	submit(b, "{'max_cost': 100}");
	price(b, 2);
	w = tworker_new(
	        b, "n1", "i",
	        "'concurrency': 1, 'batch': 'q.a', 'flavor': 'f', 'provider': 'p', 'region': 'r'");
	age(b, 1, 5);
	answer = tworker_ask(b, &w, "", NULL);
	tworker_ask(b, &w, "1", both(finished(grant_of(answer, 0), "succeeded"), NULL));
	assert_near(cost_of(b), 10);
	/* That it stays is not the run's affair. */
	bench_call(b, 200, handle_worker_delete, 1, NULL, NULL);
	assert_near(cost_of(b), 10);
	bench_close(b);
}

static void test_no_takeover(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *answer;

	(void)unused;
	submit(b, "{'maximum_workers': 1}");
	bench_call(b, 201, handle_recruiter_create, 0, NULL,
	           json_of("{'batch': 'q.a', 'tasks_per_worker': 1, 'worker_flavor': 'f', "
	                   "'worker_concurrency': 1}"));
	tworker_new(b, "idle", "i", "'concurrency': 1, 'batch': 'other', 'flavor': 'f'");
	answer = bench_call(b, 200, handle_recruiter_match, 0, NULL, NULL);
	assert_int_equal(json_array_size(answer), 1);
	tworker_new(b, "n1", "i", "'concurrency': 1, 'batch': 'q.*'");
	answer = bench_call(b, 200, handle_recruiter_match, 0, NULL, NULL);
	assert_int_equal(json_array_size(answer), 0);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_workers),
	        cmocka_unit_test(test_cost),
	        cmocka_unit_test(test_end_of_the_run),
	        cmocka_unit_test(test_no_takeover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
