/* Runs: submitted, followed, failing, cancelled; requirements met, failed and undone. */
#include "server/company.h"
#include "tests/unit/server_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RUN                                                                                        \
	"{'name': 'qc', 'digest': 'd1', 'key': 'k', 'task_count': 3, 'batches': ["                 \
	"{'batch': 'qc.a', 'depth': 0}, {'batch': 'qc.b', 'depth': 1, 'concurrency': 2}]}"
#define BULK                                                                                       \
	"{'key': 'K.0', 'run_id': 1, 'tasks': ["                                                   \
	"{'key': 'a', 'name': 'a:1', 'batch': 'qc.a', 'command': 'x', 'retry': 1},"                \
	"{'key': 'b', 'name': 'a:2', 'batch': 'qc.a', 'command': 'y'},"                            \
	"{'key': 'c', 'name': 'b:1', 'batch': 'qc.b', 'command': 'z', 'requires': ['a', 'b']},"    \
	"{'name': 'c:1', 'batch': 'qc.c', 'command': 'z', 'requires': ['c']}]}"

static struct bench *begun(const struct core_options *options)
{
	struct bench *b = bench_open(options);

	bench_call(b, 201, handle_run_create, 0, NULL, json_of(RUN));
	bench_call(b, 201, handle_task_bulk, 0, NULL, json_of(BULK));
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'running'}"));
	return b;
}

static json_t *run_of(struct bench *b)
{
	return bench_call(b, 200, handle_run_get, 1, NULL, NULL);
}

static struct call *follow(struct bench *b, int64_t since, double wait)
{
	return bench_send(b, handle_run_follow, 1, NULL,
	                  json_pack("{s:I, s:f}", "since", (json_int_t)since, "wait", wait));
}

static void test_create_and_join(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *answer;

	(void)unused;
	answer = bench_call(b, 201, handle_run_create, 0, NULL, json_of(RUN));
	assert_true(json_is_false(json_object_get(answer, "joined")));
	assert_string_equal(get_text(answer, "status"), "submitting");
	/* The same key: the same run. The same plan: joined. Another plan: not now. */
	answer = bench_call(b, 200, handle_run_create, 0, NULL, json_of(RUN));
	assert_int_equal(get_int(answer, "run_id"), 1);
	assert_true(json_is_false(json_object_get(answer, "joined")));
	answer = bench_call(b, 200, handle_run_create, 0, NULL,
	                    json_of("{'name': 'qc', 'digest': 'd1', 'key': 'k2'}"));
	assert_int_equal(get_int(answer, "run_id"), 1);
	assert_true(json_is_true(json_object_get(answer, "joined")));
	bench_call(b, 409, handle_run_create, 0, NULL, json_of("{'name': 'qc', 'digest': 'd2'}"));
	bench_call(b, 409, handle_run_create, 0, NULL,
	           json_of("{'name': 'qx', 'digest': 'd2', 'key': 'k'}"));
	bench_call(b, 201, handle_run_create, 0, NULL, json_of("{'name': 'qd', 'digest': 'd2'}"));
	bench_call(b, 422, handle_run_create, 0, NULL,
	           json_of("{'name': 'qe', 'digest': 'd', 'batches': [{'batch': 'a/b'}]}"));
	bench_call(b, 422, handle_run_create, 0, NULL,
	           json_of("{'name': 'qe', 'digest': 'd', 'recruiters': [{'batch': 'a', 'rank': 0, "
	                   "'tasks_per_worker': 1, 'worker_flavor': 'f', "
	                   "'worker_concurrency': 1}]}"));
	bench_restart(b);
	answer = bench_call(b, 200, handle_run_create, 0, NULL, json_of(RUN));
	assert_int_equal(get_int(answer, "run_id"), 1);
	/* Without tasks it ends as soon as it is said to be complete. */
	answer = bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'running'}"));
	assert_string_equal(get_text(answer, "status"), "succeeded");
	bench_call(b, 409, handle_run_update, 1, NULL, json_of("{'status': 'cancelled'}"));
	bench_call(b, 409, handle_task_bulk, 0, NULL,
	           json_of("{'run_id': 1, 'tasks': [{'command': 'x'}]}"));
	bench_close(b);
}

static void test_bulk(void **unused)
{
	struct bench *b = begun(NULL);
	json_t *first, *again;

	(void)unused;
	again = bench_call(b, 200, handle_task_bulk, 0, NULL, json_of(BULK));
	first = json_of("{'task_ids': [1, 2, 3, 4]}");
	assert_true(json_equal(first, again));
	json_decref(first);
	bench_restart(b);
	bench_call(b, 200, handle_task_bulk, 0, NULL, json_of(BULK));
	assert_int_equal(b->core->state.last_task, 4);
	bench_call(b, 409, handle_task_bulk, 0, NULL,
	           json_of("{'key': 'K.0', 'tasks': [{'command': 'x'}]}"));
	/* Nothing of a refused call remains. */
	again = bench_call(b, 422, handle_task_bulk, 0, NULL,
	                   json_of("{'tasks': [{'command': 'x'}, {'command': 'y', 'requires': "
	                           "['nokey']}]}"));
	assert_non_null(strstr(get_text(again, "message"), "nokey"));
	again = bench_call(b, 422, handle_task_bulk, 0, NULL,
	                   json_of("{'tasks': [{'key': 'p', 'command': 'x', 'requires': ['q']}, "
	                           "{'key': 'q', 'command': 'y', 'requires': ['p']}]}"));
	assert_non_null(strstr(get_text(again, "message"), "\"q\""));
	bench_call(b, 404, handle_task_bulk, 0, NULL,
	           json_of("{'tasks': [{'command': 'x', 'requires': [99]}]}"));
	bench_call(b, 400, handle_task_bulk, 0, NULL,
	           json_of("{'tasks': [{'command': 'x'}, {'comand': 'x'}]}"));
	bench_call(b, 422, handle_task_bulk, 0, NULL,
	           json_of("{'tasks': [{'command': 'x', 'key': 'a'}, {'command': 'x', 'key': "
	                   "'a'}]}"));
	bench_call(b, 404, handle_task_bulk, 0, NULL,
	           json_of("{'run_id': 9, 'tasks': [{'command': 'x'}]}"));
	assert_int_equal(b->core->state.last_task, 4);
	bench_close(b);
}

static void test_to_its_end(void **unused)
{
	struct bench *b = begun(NULL);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'qc.*'");
	struct call *call = follow(b, 0, 25);
	json_t *answer = call_answer(call), *grant;
	int64_t event = get_int(answer, "event");

	(void)unused;
	assert_string_equal(task_word(b, 3), "waiting");
	call = follow(b, event, 25);
	assert_true(call_waits(call));
	answer = tworker_ask(b, &w, "", NULL);
	assert_int_equal(grants_in(answer), 2);
	/* Not more than ten answers a second. */
	assert_true(call_waits(call));
	bench_advance(b, 0.11);
	assert_int_equal(call->status, 200);
	event = get_int(call_answer(call), "event");
	answer = tworker_ask(b, &w, "1, 2",
	                     both(finished(grant_of(answer, 0), "exit"),
	                          finished(grant_of(answer, 1), "succeeded")));
	assert_string_equal(task_word(b, 1), "accepted");
	bench_advance(b, 0.2);
	call = follow(b, event, 25);
	grant = json_array_get(json_object_get(call_answer(call), "incidents"), 0);
	assert_string_equal(get_text(grant, "kind"), "retry");
	assert_string_equal(get_text(grant, "name"), "a:1");
	assert_string_equal(get_text(grant, "worker"), "n1");
	assert_int_equal(get_int(grant, "attempts"), 1);
	answer = tworker_ask(b, &w, "3", both(finished(grant_of(answer, 0), "succeeded"), NULL));
	assert_string_equal(get_text(grant_of(answer, 0), "name"), "b:1");
	/* Two of that step fill a worker, whatever the worker's own concurrency is. */
	assert_float_equal(json_real_value(json_object_get(grant_of(answer, 0), "weight")), 0.5,
	                   1e-9);
	answer = tworker_ask(b, &w, "4", both(finished(grant_of(answer, 0), "succeeded"), NULL));
	grant = json_incref(grant_of(answer, 0));
	bench_restart(b);
	event = get_int(call_answer(follow(b, 0, 5)), "event");
	call = follow(b, event, 25);
	tworker_ask(b, &w, "5", both(finished(grant, "succeeded"), NULL));
	json_decref(grant);
	/* The end is told at once. */
	assert_int_equal(call->status, 200);
	answer = json_object_get(call_answer(call), "run");
	assert_string_equal(get_text(answer, "status"), "succeeded");
	assert_true(json_is_string(json_object_get(answer, "end_date")));
	assert_int_equal(get_int(run_of(b), "retried"), 1);
	bench_close(b);
}

static void test_dependency(void **unused)
{
	struct bench *b = begun(NULL);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 1, 'batch': 'qc.*'");
	json_t *answer = tworker_ask(b, &w, "", NULL), *incidents;
	uint32_t v1, tolerant;

	(void)unused;
	/* Beside the run: one that waits as v1's do, one that takes failures. */
	v1 = bench_new_task(b, "{'required_task_ids': [1], 'batch': 'v1'}");
	tolerant = bench_new_task(b, "{'required_task_ids': [1, 3], 'batch': 'v1', "
	                             "'accept_failure': true}");
	answer = tworker_ask(b, &w, "1", both(finished(grant_of(answer, 0), "exit"), NULL));
	tworker_ask(b, &w, "2", both(started(grant_of(answer, 0)), NULL));
	answer = tworker_ask(b, &w, "2", both(finished(grant_of(answer, 0), "succeeded"), NULL));
	assert_int_equal(get_int(grant_of(answer, 0), "task_id"), 1);
	tworker_ask(b, &w, "3", both(finished(grant_of(answer, 0), "exit"), NULL));
	assert_string_equal(task_word(b, 1), "failed");
	assert_string_equal(task_word(b, 3), "failed");
	assert_string_equal(bench_task(b, 3).reason, "dependency");
	assert_string_equal(task_word(b, 4), "failed");
	assert_string_equal(task_word(b, v1), "waiting");
	assert_string_equal(bench_task(b, v1).reason, "dependency");
	assert_string_equal(task_word(b, tolerant), "pending");
	assert_string_equal(get_text(run_of(b), "status"), "failed");
	incidents = json_object_get(call_answer(follow(b, 0, 0)), "incidents");
	assert_int_equal(json_array_size(incidents), 4);
	bench_restart(b);
	/* Relaunched: what failed because of it waits again, the run goes on. */
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'status': 'pending'}"));
	assert_string_equal(task_word(b, 3), "waiting");
	assert_string_equal(task_word(b, 4), "waiting");
	assert_string_equal(task_word(b, v1), "waiting");
	assert_null(bench_task(b, v1).reason);
	assert_string_equal(task_word(b, tolerant), "waiting");
	assert_string_equal(get_text(run_of(b), "status"), "running");
	answer = tworker_ask(b, &w, "", NULL);
	tworker_ask(b, &w, "4", both(finished(grant_of(answer, 0), "succeeded"), NULL));
	assert_string_equal(task_word(b, v1), "pending");
	/* Somebody relaunches what succeeded: those that have not begun wait again. */
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'status': 'pending'}"));
	assert_string_equal(task_word(b, v1), "waiting");
	bench_close(b);
}

static void test_cancel(void **unused)
{
	struct bench *b = begun(NULL);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 1, 'batch': 'qc.*'");
	json_t *answer = tworker_ask(b, &w, "", NULL), *grant = json_incref(grant_of(answer, 0));

	(void)unused;
	answer = bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'cancelled'}"));
	assert_string_equal(get_text(answer, "status"), "cancelled");
	for (uint32_t id = 1; id <= 4; id++) {
		assert_string_equal(task_word(b, id), "failed");
		assert_string_equal(bench_task(b, id).reason, "cancelled");
	}
	answer = tworker_ask(b, &w, "1", NULL);
	assert_int_equal(get_int(json_array_get(json_object_get(answer, "signals"), 0), "signal"),
	                 9);
	answer = tworker_ask(b, &w, "1", both(finished(grant, "cancelled"), NULL));
	assert_string_equal(result_of(answer, 0), "ok");
	assert_string_equal(get_text(run_of(b), "status"), "cancelled");
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'cancelled'}"));
	json_decref(grant);
	bench_close(b);
}

static void test_cancel_many(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *tasks = json_array();

	(void)unused;
	bench_call(b, 201, handle_run_create, 0, NULL, json_of(RUN));
	for (int i = 0; i < 3000; i++)
		json_array_append_new(tasks,
		                      json_pack("{s:s, s:s}", "command", "x", "batch", "qc.a"));
	bench_call(b, 201, handle_task_bulk, 0, NULL,
	           json_pack("{s:i, s:o}", "run_id", 1, "tasks", tasks));
	/* In parts; one that is cut short by the end of the server goes on. */
	b->unchecked = true;
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'cancelled'}"));
	assert_string_equal(task_word(b, 3000), "failed");
	assert_string_equal(task_word(b, 1), "pending");
	bench_restart(b);
	bench_advance(b, 0.001);
	bench_advance(b, 0.001);
	b->unchecked = false;
	bench_advance(b, 0.001);
	assert_string_equal(task_word(b, 1), "failed");
	assert_string_equal(get_text(run_of(b), "status"), "cancelled");
	bench_close(b);
}

static void test_private_server(void **unused)
{
	const struct core_options options = {.private_mode = true, .grace_seconds = 60};
	struct bench *b = begun(&options);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 1, 'batch': 'qc.*'");
	struct call *poll, *call;
	json_t *grant;

	(void)unused;
	grant = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0));
	call = follow(b, 0, 25);
	call = follow(b, get_int(call_answer(call), "event"), 25);
	bench_advance(b, 20);
	bench_advance(b, 10);
	/* Told that nothing happened, it is gone; a minute later the server lets go. */
	assert_int_equal(call->status, 200);
	bench_advance(b, 55);
	assert_false(b->core->ending);
	poll = tworker_lease(b, &w, "1", NULL, 25);
	assert_true(call_waits(poll));
	bench_advance(b, 6);
	assert_true(b->core->ending);
	assert_true(json_is_true(json_object_get(call_answer(poll), "shutdown")));
	bench_call(b, 503, handle_run_create, 0, NULL, json_of("{'name': 'z', 'digest': 'd'}"));
	assert_false(b->may_end);
	bench_advance(b, 11);
	assert_true(b->may_end);
	/* What ran is pending again, and no loss is counted. */
	assert_string_equal(task_word(b, 1), "pending");
	assert_int_equal(bench_task(b, 1).losses, 0);
	/* The next server does not take it for one that is there. */
	bench_restart(b);
	assert_int_equal(worker_status_of(state_worker(&b->core->state, w.id)), WORKER_OFFLINE);
	json_decref(grant);
	bench_close(b);
}

static void test_private_leave(void **unused)
{
	const struct core_options options = {.private_mode = true, .grace_seconds = 60};
	struct bench *b = begun(&options);
	struct call *call;

	(void)unused;
	call = follow(b, 0, 0);
	call = follow(b, get_int(call_answer(call), "event"), 25);
	bench_call(b, 200, handle_private_leave, 0, NULL, NULL);
	bench_advance(b, 2);
	/* Another one follows still. */
	assert_true(call_waits(call) && !b->core->ending);
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'detached': true}"));
	bench_advance(b, 60);
	bench_call(b, 200, handle_private_leave, 0, NULL, NULL);
	bench_advance(b, 100);
	assert_false(b->core->ending);
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'detached': false}"));
	bench_call(b, 200, handle_private_leave, 0, NULL, NULL);
	bench_advance(b, 1);
	assert_true(b->may_end);
	bench_close(b);
}

/* A call that was on its way when its sender left is answered at once, and does not count. */
static void test_left_before(void **unused)
{
	struct bench *b = begun(NULL);
	json_t *answer;
	struct call *call;
	int64_t event = 0;

	(void)unused;
	for (int i = 0; i < 2; i++) {
		call = bench_send(b, handle_run_follow, 1, NULL,
		                  json_of(i == 0 ? "{'since': 0, 'who': 'leaves'}"
		                                 : "{'since': 0, 'who': 'stays'}"));
		answer = call_answer(call);
		event = get_int(answer, "event");
		assert_int_equal(get_int(json_object_get(answer, "run"), "followers"), i + 1);
	}
	answer = bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'left': 'leaves'}"));
	assert_int_equal(get_int(answer, "followers"), 1);
	call = bench_send(b, handle_run_follow, 1, NULL,
	                  json_pack("{s:I, s:i, s:s}", "since", (json_int_t)event, "wait", 25,
	                            "who", "leaves"));
	assert_false(call_waits(call));
	answer = json_object_get(call_answer(call), "run");
	assert_int_equal(get_int(answer, "followers"), 1);
	answer = bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'left': 'stays'}"));
	assert_string_equal(get_text(answer, "status"), "cancelled");
	bench_close(b);
}

/* Names are kept for a moment, and no more of them than a run has followers. */
static void test_company(void **unused)
{
	struct company company = {0};
	char who[32];

	(void)unused;
	for (int i = 0; i < COMPANY_MOST; i++) {
		snprintf(who, sizeof(who), "%d", i);
		assert_true(company_note(&company, who, 0, i < 10 ? 5 : 100));
	}
	assert_false(company_note(&company, "one more", 1, 100));
	assert_true(company_note(&company, "7", 1, 100));
	assert_int_equal(company_count(&company, 1), COMPANY_MOST);
	/* Those that do not call again make room. */
	assert_true(company_note(&company, "one more", 6, 100));
	assert_int_equal(company_count(&company, 6), COMPANY_MOST - 8);
	company_leave(&company, "7", 50);
	assert_int_equal(company_count(&company, 6), COMPANY_MOST - 9);
	/* Nor does a call that was on its way bring back who has left. */
	assert_true(company_note(&company, "7", 6, 100) && company_has_left(&company, "7"));
	assert_int_equal(company_count(&company, 6), COMPANY_MOST - 9);
	company_leave(&company, "nobody", 50);
	assert_int_equal(company_count(&company, 51), COMPANY_MOST - 9);
	assert_false(company_has_left(&company, "7"));
	assert_int_equal(company_count(&company, 101), 0);
	company_release(&company);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_create_and_join), cmocka_unit_test(test_bulk),
	        cmocka_unit_test(test_to_its_end),      cmocka_unit_test(test_dependency),
	        cmocka_unit_test(test_cancel),          cmocka_unit_test(test_cancel_many),
	        cmocka_unit_test(test_private_server),  cmocka_unit_test(test_private_leave),
	        cmocka_unit_test(test_company),         cmocka_unit_test(test_left_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
