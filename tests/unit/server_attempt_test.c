/* Settings of single attempts: checked, laid over the row at the grant, weighed, kept. */
#include "tests/unit/server_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A task from JSON text with an attempt_settings of its own. */
static uint32_t new_task(struct bench *b, const char *fields, const char *settings)
{
	json_t *body = json_of(fields);

	json_object_set_new(body, "command", json_string("true"));
	json_object_set_new(body, "attempt_settings", json_string(settings));
	return (uint32_t)get_int(bench_call(b, 201, handle_task_create, 0, NULL, body), "task_id");
}

static const char three[] =
        "[{},{\"cpu\":2,\"memory\":7,\"container\":\"a:2\"},{\"run_timeout\":90}]";

static void assert_grant(json_t *answer, double cpu, const char *container, int64_t timeout,
                         double weight)
{
	json_t *grant = grant_of(answer, 0);

	assert_int_equal(grants_in(answer), 1);
	assert_true(json_real_value(json_object_get(grant, "cpu")) == cpu);
	assert_string_equal(get_text(grant, "container"), container);
	assert_int_equal(get_int(grant, "run_timeout"), timeout);
	assert_true(json_real_value(json_object_get(grant, "weight")) == weight);
}

static void test_each_attempt(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 1, 'cpus': 4.0");
	json_t *answer;
	uint32_t id;

	(void)unused;
	id = new_task(b, "{'retry': 3, 'cpu': 1, 'container': 'a:1', 'run_timeout': 60}", three);
	answer = tworker_ask(b, &w, "", NULL);
	assert_grant(answer, 1, "a:1", 60, 0.25);
	assert_true(json_is_null(json_object_get(grant_of(answer, 0), "memory")));
	answer = tworker_ask(b, &w, "1", both(finished(grant_of(answer, 0), "memory"), NULL));
	assert_grant(answer, 2, "a:2", 60, 0.5);
	assert_int_equal(get_int(grant_of(answer, 0), "memory"), 7);
	/* A grant that did not arrive is made again, also by another server. */
	bench_restart(b);
	w = tworker_new(b, "n1", "i", "'concurrency': 1, 'cpus': 4.0");
	answer = tworker_ask(b, &w, "", NULL);
	assert_grant(answer, 2, "a:2", 60, 0.5);
	answer = tworker_ask(b, &w, "2", both(finished(grant_of(answer, 0), "exit"), NULL));
	assert_grant(answer, 1, "a:1", 90, 0.25);
	/* The last one is for all that follow. */
	answer = tworker_ask(b, &w, "3", both(finished(grant_of(answer, 0), "exit"), NULL));
	assert_grant(answer, 1, "a:1", 90, 0.25);
	tworker_ask(b, &w, "4", both(finished(grant_of(answer, 0), "exit"), NULL));
	assert_string_equal(task_word(b, id), "failed");
	/* A relaunch begins with the first. */
	bench_call(b, 200, handle_task_update, id, NULL, json_of("{'status': 'pending'}"));
	answer = tworker_ask(b, &w, "", NULL);
	assert_grant(answer, 1, "a:1", 60, 0.25);
	/* The row shows what was submitted. */
	assert_string_equal(bench_task(b, id).attempt_settings, three);
	assert_string_equal(bench_task(b, id).container, "a:1");
	bench_close(b);
}

static void test_losses_are_no_attempts(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 1, 'cpus': 4.0");
	json_t *answer;

	(void)unused;
	new_task(b, "{'retry': 1, 'cpu': 1, 'container': 'a:1', 'run_timeout': 60}", three);
	answer = tworker_ask(b, &w, "", NULL);
	answer = tworker_ask(b, &w, "1", both(finished(grant_of(answer, 0), "lost"), NULL));
	assert_grant(answer, 1, "a:1", 60, 0.25);
	bench_close(b);
}

static void test_changed_while_it_runs(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 1, 'cpus': 4.0");
	struct worker_node *worker = state_worker(&b->core->state, 1);
	json_t *answer;
	uint32_t id;

	(void)unused;
	id = new_task(b, "{'retry': 1, 'cpu': 1}", "[{\"cpu\":3}]");
	answer = tworker_ask(b, &w, "", NULL);
	assert_true(worker->used == 0.75);
	/* What the attempt says goes before what the task says. */
	bench_call(b, 200, handle_task_update, id, NULL, json_of("{'cpu': 2}"));
	assert_true(worker->used == 0.75);
	bench_call(b, 200, handle_task_update, id, NULL, json_of("{'attempt_settings': null}"));
	assert_true(worker->used == 0.5);
	/* A person fails it: the next attempt is the second. */
	bench_call(b, 200, handle_task_update, id, NULL,
	           json_pack("{s:s}", "attempt_settings", "[{},{\"cpu\":1}]"));
	assert_true(worker->used == 0.5);
	bench_call(b, 200, handle_task_update, id, NULL, json_of("{'status': 'failed'}"));
	tworker_ask(b, &w, "1", both(finished(grant_of(answer, 0), "signal"), NULL));
	assert_true(worker->used == 0.25);
	bench_close(b);
}

static void test_refused(void **unused)
{
	static const struct {
		const char *text, *said;
	} bad[] = {
	        {"{", "no JSON text"},
	        {"[]", "an object per attempt"},
	        {"{}", "an object per attempt"},
	        {"[3]", "must be an object"},
	        {"[{},{\"cpus\":1}]", "cpus"},
	        {"[{\"command\":\"x\"}]", "command is one for all attempts"},
	        {"[{\"memory\":\"x\"}]", "memory"},
	        {"[{\"memory\":-1}]", "memory"},
	};
	struct bench *b = bench_open(NULL);
	json_t *answer;

	(void)unused;
	bench_new_task(b, "{}");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct call *call = bench_send(b, handle_task_update, 1, NULL,
		                               json_pack("{s:s}", "attempt_settings", bad[i].text));

		assert_true(call->status == 422 || call->status == 400);
		assert_non_null(strstr(get_text(call_answer(call), "message"), bad[i].said));
		call = bench_send(b, handle_task_bulk, 0, NULL,
		                  json_pack("{s:[{s:s, s:s}]}", "tasks", "command", "x",
		                            "attempt_settings", bad[i].text));
		assert_true(call->status == 422 || call->status == 400);
	}
	assert_null(bench_task(b, 1).attempt_settings);
	answer = bench_call(b, 200, handle_task_update, 1, NULL,
	                    json_pack("{s:s}", "attempt_settings", "[{\"memory\":5}]"));
	assert_string_equal(get_text(answer, "attempt_settings"), "[{\"memory\":5}]");
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_each_attempt),
	        cmocka_unit_test(test_losses_are_no_attempts),
	        cmocka_unit_test(test_changed_while_it_runs),
	        cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
