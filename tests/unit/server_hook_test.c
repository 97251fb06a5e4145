/* Hooks: made once when a run ends, granted at once, not counted for its outcome. */
#include "tests/unit/server_worker.h"

#include "server/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char hook[] = "{\"command\":\"tell 'all'\",\"retry\":1,\"output\":\"s://o/\"}";

/* A run of two tasks with both hooks. */
static void submit(struct bench *b)
{
	json_t *run = json_of("{'name': 'q', 'digest': 'd', 'task_count': 2, 'reused_count': 3, "
	                      "'batches': [{'batch': 'q.a'}]}");

	json_object_set_new(run, "on_success", json_string(hook));
	json_object_set_new(run, "on_failure", json_string("{\"command\":\"mourn\"}"));
	bench_call(b, 201, handle_run_create, 0, NULL, run);
	bench_call(b, 201, handle_task_bulk, 0, NULL,
	           json_of("{'run_id': 1, 'tasks': [{'command': 'x', 'batch': 'q.a'}, {'command': "
	                   "'y', 'batch': 'q.a'}]}"));
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'running'}"));
}

static json_t *run_of(struct bench *b)
{
	return bench_call(b, 200, handle_run_get, 1, NULL, NULL);
}

/* Both tasks end so; the hook is granted in the same answer. */
static json_t *play(struct bench *b, const struct tworker *w, const char *first, const char *second)
{
	json_t *answer = tworker_ask(b, w, "", NULL);

	assert_int_equal(grants_in(answer), 2);
	return tworker_ask(
	        b, w, "1, 2",
	        both(finished(grant_of(answer, 0), first), finished(grant_of(answer, 1), second)));
}

static void test_success(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'q.*'");
	json_t *answer, *run;
	struct task row;

	(void)unused;
	submit(b);
	answer = play(b, &w, "succeeded", "succeeded");
	assert_int_equal(grants_in(answer), 1);
	assert_string_equal(get_text(grant_of(answer, 0), "command"),
	                    "env RUN_NAME=q RUN_STATUS=succeeded RUN_ID=1 RUN_TASKS=5 "
	                    "RUN_SUCCEEDED=2 RUN_FAILED=0 RUN_REUSED=3 tell 'all'");
	row = bench_task(b, 3);
	assert_string_equal(row.name, "on_success");
	assert_string_equal(row.batch, "q.on_success");
	assert_int_equal(row.run_id, 1);
	assert_int_equal(row.retry, 1);
	run = run_of(b);
	assert_string_equal(get_text(run, "status"), "succeeded");
	assert_int_equal(get_int(run, "hooks"), 1);
	/* The server is killed: neither a second hook, nor is this one forgotten. */
	bench_restart(b);
	w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'q.*'");
	answer = tworker_ask(b, &w, "", NULL);
	assert_int_equal(grants_in(answer), 1);
	/* Its failures are its own. */
	answer = tworker_ask(b, &w, "3", both(finished(grant_of(answer, 0), "exit"), NULL));
	assert_int_equal(grants_in(answer), 1);
	tworker_ask(b, &w, "4", both(finished(grant_of(answer, 0), "exit"), NULL));
	assert_string_equal(task_word(b, 3), "failed");
	run = run_of(b);
	assert_string_equal(get_text(run, "status"), "succeeded");
	assert_int_equal(get_int(run, "hooks"), 0);
	assert_int_equal(b->core->state.last_task, 3);
	bench_restart(b);
	run = run_of(b);
	assert_string_equal(get_text(run, "status"), "succeeded");
	assert_int_equal(get_int(run, "hooks"), 0);
	bench_close(b);
}

static void test_failure_and_relaunch(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'q.*'");
	json_t *answer;

	(void)unused;
	submit(b);
	answer = play(b, &w, "succeeded", "exit");
	assert_string_equal(get_text(grant_of(answer, 0), "command"),
	                    "env RUN_NAME=q RUN_STATUS=failed RUN_ID=1 RUN_TASKS=5 "
	                    "RUN_SUCCEEDED=1 RUN_FAILED=1 RUN_REUSED=3 mourn");
	assert_string_equal(bench_task(b, 3).batch, "q.on_failure");
	/* A person relaunches what failed while the hook still runs: the run goes on. */
	bench_call(b, 200, handle_task_update, 2, NULL, json_of("{'status': 'pending'}"));
	assert_string_equal(get_text(run_of(b), "status"), "running");
	tworker_ask(b, &w, "3", both(finished(grant_of(answer, 0), "succeeded"), NULL));
	bench_restart(b);
	w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'q.*'");
	assert_string_equal(get_text(run_of(b), "status"), "running");
	answer = tworker_ask(b, &w, "", NULL);
	assert_int_equal(get_int(grant_of(answer, 0), "task_id"), 2);
	/* It ends anew, and well. */
	answer = tworker_ask(b, &w, "4", both(finished(grant_of(answer, 0), "succeeded"), NULL));
	assert_int_equal(get_int(grant_of(answer, 0), "task_id"), 4);
	assert_string_equal(bench_task(b, 4).batch, "q.on_success");
	assert_string_equal(get_text(run_of(b), "status"), "succeeded");
	/* A hook that is relaunched does not open the run again. */
	tworker_ask(b, &w, "5", both(finished(grant_of(answer, 0), "succeeded"), NULL));
	bench_call(b, 200, handle_task_update, 4, NULL, json_of("{'status': 'pending'}"));
	assert_string_equal(get_text(run_of(b), "status"), "succeeded");
	bench_close(b);
}

static void test_cancelled(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'q.*'");
	json_t *answer;

	(void)unused;
	submit(b);
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'cancelled'}"));
	answer = tworker_ask(b, &w, "", NULL);
	assert_int_equal(grants_in(answer), 0);
	assert_int_equal(b->core->state.last_task, 2);
	assert_string_equal(get_text(run_of(b), "status"), "cancelled");
	bench_close(b);
}

static void test_nothing_to_do(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *run = json_of("{'name': 'q', 'digest': 'd', 'reused_count': 3}");

	(void)unused;
	json_object_set_new(run, "on_success", json_string(hook));
	bench_call(b, 201, handle_run_create, 0, NULL, run);
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'running'}"));
	assert_int_equal(b->core->state.last_task, 1);
	assert_string_equal(task_word(b, 1), "pending");
	bench_close(b);
}

static void test_database_away(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'q.*'");
	json_t *answer;

	(void)unused;
	submit(b);
	answer = json_incref(tworker_ask(b, &w, "", NULL));
	b->fail_step = STORE_STEP_COMMIT;
	b->failing = 0;
	b->log.level = LOG_LEVEL_ERROR + 1;
	tworker_lease(b, &w, "1, 2",
	              both(finished(grant_of(answer, 0), "succeeded"),
	                   finished(grant_of(answer, 1), "succeeded")),
	              0);
	assert_int_equal(b->core->state.last_task, 2);
	tworker_ask(b, &w, "1, 2",
	            both(finished(grant_of(answer, 0), "succeeded"),
	                 finished(grant_of(answer, 1), "succeeded")));
	assert_int_equal(b->core->state.last_task, 3);
	json_decref(answer);
	bench_close(b);
}

static void test_private_server_waits(void **unused)
{
	const struct core_options options = {.private_mode = true, .grace_seconds = 10};
	struct bench *b = bench_open(&options);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'q.*'");
	json_t *answer;

	(void)unused;
	submit(b);
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'detached': true}"));
	answer = play(b, &w, "succeeded", "succeeded");
	bench_advance(b, 30);
	assert_false(b->core->ending);
	tworker_ask(b, &w, "3", both(finished(grant_of(answer, 0), "succeeded"), NULL));
	bench_advance(b, 30);
	assert_true(b->core->ending);
	bench_advance(b, 30);
	bench_close(b);
}

static void test_refused(void **unused)
{
	static const struct {
		const char *text, *said;
	} bad[] = {
	        {"{", "on_failure"},
	        {"[]", "on_failure"},
	        {"{}", "needs command"},
	        {"{\"command\":3}", "command"},
	        {"{\"command\":\"x\",\"status\":\"running\"}", "running"},
	};
	struct bench *b = bench_open(NULL);

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct call *call = bench_send(b, handle_run_create, 0, NULL,
		                               json_pack("{s:s, s:s, s:s}", "name", "q", "digest",
		                                         "d", "on_failure", bad[i].text));

		if (call->status != 400 && call->status != 422)
			fail_msg("%s: %d", bad[i].text, call->status);
		assert_non_null(strstr(get_text(call_answer(call), "message"), bad[i].said));
	}
	assert_int_equal(b->core->state.last_run, 0);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_success),       cmocka_unit_test(test_failure_and_relaunch),
	        cmocka_unit_test(test_cancelled),     cmocka_unit_test(test_nothing_to_do),
	        cmocka_unit_test(test_database_away), cmocka_unit_test(test_private_server_waits),
	        cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
