/* Every cause of server/why.def is shown by a case here, with a word of its sentence. */
#include "server/why.h"
#include "tests/unit/server_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool shown[CAUSE_COUNT];

static json_t *why_of(struct bench *b, uint32_t id)
{
	return bench_call(b, 200, handle_task_why, id, NULL, NULL);
}

/* The task's cause is that, and its sentence holds the words. */
static json_t *expect(struct bench *b, uint32_t id, enum cause cause, const char *words)
{
	json_t *answer = why_of(b, id);

	assert_string_equal(get_text(answer, "cause"), cause_words[cause]);
	if (strstr(get_text(answer, "why"), words) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", get_text(answer, "why"), words);
	shown[cause] = true;
	return answer;
}

static void put_worker(struct bench *b, const struct tworker *w, const char *fields)
{
	bench_call(b, 200, handle_worker_update, w->id, NULL, json_of(fields));
}

static void test_requirements(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *answer;
	struct tworker w;
	json_t *grant;

	(void)unused;
	bench_new_task(b, "{}");
	bench_new_task(b, "{'required_task_ids': [1]}");
	bench_new_task(b, "{'required_task_ids': [2]}");
	answer = expect(b, 3, CAUSE_REQUIREMENT, "it waits for task 2, which is waiting");
	assert_int_equal(get_int(answer, "root_task_id"), 1);
	assert_non_null(strstr(get_text(answer, "why"),
	                       "in the end for task 1, which is pending: no worker serves"));
	w = tworker_new(b, "n1", "i1", "'concurrency': 1");
	grant = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0));
	expect(b, 1, CAUSE_GRANTED, "with worker n1");
	tworker_ask(b, &w, "1", both(started(grant), NULL));
	expect(b, 1, CAUSE_RUNNING, "is running with worker n1");
	tworker_ask(b, &w, "1", both(finished(grant, "exit"), NULL));
	answer = expect(b, 1, CAUSE_FAILED, "it failed 1 time (exit), retry is 0");
	assert_int_equal(get_int(json_object_get(answer, "last_execution"), "execution_id"), 1);
	expect(b, 2, CAUSE_REQUIREMENT_FAILED, "relaunch what failed");
	json_decref(grant);
	bench_close(b);
}

static void test_of_a_run(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w;

	(void)unused;
	bench_call(b, 201, handle_run_create, 0, NULL,
	           json_of("{'name': 'qc', 'digest': 'd', 'key': 'k'}"));
	bench_new_task(b, "{'run_id': 1}");
	bench_new_task(b, "{'run_id': 1, 'required_task_ids': [1]}");
	bench_new_task(b, "{'run_id': 1, 'batch': 'other'}");
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'status': 'failed'}"));
	expect(b, 2, CAUSE_DEPENDENCY, "a task that it requires failed");
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'cancelled'}"));
	expect(b, 3, CAUSE_CANCELLED, "it was cancelled");
	/* Lost with its workers, too often. */
	bench_new_task(b, "{}");
	for (int i = 0; i < 3; i++) {
		char instance[8];

		snprintf(instance, sizeof(instance), "i%d", i);
		w = tworker_new(b, "n1", instance, "'concurrency': 1");
		assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 1);
	}
	w = tworker_new(b, "n1", "i9", "'concurrency': 1");
	expect(b, 4, CAUSE_LOST, "its workers were lost 3 times");
	bench_close(b);
}

static void test_evicted(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w;

	(void)unused;
	bench_new_task(b, "{}");
	for (int i = 0; i < 10; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		w = tworker_new(b, name, "i", "'concurrency': 1");
		assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 1);
		put_worker(b, &w, "{'status': 'evicted'}");
	}
	expect(b, 1, CAUSE_EVICTED, "its machines were taken away 10 times");
	bench_close(b);
}

static void test_workers(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w;
	json_t *grant, *answer;

	(void)unused;
	bench_new_task(b, "{'cpu': 4}");
	bench_new_task(b, "{'cpu': 4}");
	bench_new_task(b, "{'cpu': 6}");
	expect(b, 1, CAUSE_NO_WORKER, "no worker serves batch Default");
	w = tworker_new(b, "n1", "i1", "'concurrency': 2, 'cpus': 10.0");
	expect(b, 1, CAUSE_QUEUED, "takes it when it asks next");
	expect(b, 3, CAUSE_QUEUED, "task 1 of batch Default goes first; 3 tasks are ready");
	put_worker(b, &w, "{'status': 'paused'}");
	expect(b, 1, CAUSE_WORKER_PAUSED, "the worker of batch Default is paused");
	put_worker(b, &w, "{'status': 'failed'}");
	expect(b, 1, CAUSE_WORKER_GONE, "is gone");
	put_worker(b, &w, "{'status': 'running'}");
	bench_advance(b, 70);
	expect(b, 1, CAUSE_WORKER_OFFLINE, "is offline");
	/* Two of 4 cpus leave 2 of 10, the third takes 6. */
	answer = tworker_ask(b, &w, "", NULL);
	assert_int_equal(grants_in(answer), 2);
	grant = json_incref(grant_of(answer, 0));
	answer = expect(b, 3, CAUSE_WEIGHT, "it takes 60 % of a worker");
	assert_int_equal(get_int(json_object_get(answer, "workers"), "fit"), 0);
	tworker_ask(b, &w, "1, 2", both(started(grant), NULL));
	/* More concurrency does not help, whose tasks have no weight does. */
	bench_new_task(b, "{'cpu': 2}");
	bench_call(b, 200, handle_task_update, 4, NULL, json_of("{'priority': 9}"));
	assert_int_equal(grants_in(tworker_ask(b, &w, "1, 2", NULL)), 1);
	expect(b, 3, CAUSE_FULL, "is full; 1 tasks of the batch are ready");
	bench_advance(b, 70);
	expect(b, 1, CAUSE_LEASE,
	       "which is offline: it is lost when its lease is over, in 2390 s, or the "
	       "worker is deleted");
	json_decref(grant);
	bench_close(b);
}

static void test_gpus(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker none, two;
	json_t *answer, *first;

	(void)unused;
	bench_new_task(b, "{'gpu': 3}");
	bench_new_task(b, "{'gpu': 1}");
	bench_new_task(b, "{'gpu': 1}");
	bench_new_task(b, "{'gpu': 1}");
	bench_new_task(b, "{}");
	none = tworker_new(b, "n0", "i0", "'concurrency': 4");
	expect(b, 2, CAUSE_GPU, "it takes 1 GPU, and no worker of batch Default has any");
	/* Tasks without wait behind none of these. */
	answer = tworker_ask(b, &none, "", NULL);
	assert_int_equal(grants_in(answer), 1);
	assert_int_equal(get_int(grant_of(answer, 0), "task_id"), 5);
	two = tworker_new(b, "n2", "i2", "'concurrency': 8, 'gpus': 2");
	expect(b, 1, CAUSE_GPU, "it takes 3 GPUs, and no worker of batch Default has more than 2");
	answer = tworker_ask(b, &two, "", NULL);
	assert_int_equal(grants_in(answer), 2);
	first = json_incref(grant_of(answer, 0));
	assert_int_equal(get_int(first, "task_id"), 2);
	assert_int_equal(get_int(first, "gpu"), 1);
	assert_true(json_real_value(json_object_get(first, "weight")) == 0.5);
	expect(b, 4, CAUSE_FULL, "is full");
	put_worker(b, &two, "{'status': 'paused'}");
	expect(b, 4, CAUSE_WORKER_PAUSED, "the worker of batch Default is paused");
	put_worker(b, &two, "{'status': 'running'}");
	bench_restart(b);
	assert_int_equal(grants_in(tworker_ask(b, &two, "2, 3", NULL)), 0);
	assert_int_equal(
	        grants_in(tworker_ask(b, &two, "2, 3", both(finished(first, "succeeded"), NULL))),
	        1);
	json_decref(first);
	bench_close(b);
}

static void test_machines_that_end(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w =
	        tworker_new(b, "n1", "i1", "'concurrency': 1, 'end_date': '2001-01-01T00:00:00'");
	json_t *answer;

	(void)unused;
	bench_new_task(b, "{}");
	bench_new_task(b, "{'run_timeout': 50}");
	answer = expect(b, 1, CAUSE_WALLTIME, "the worker of batch Default ends in 0 s: too soon");
	assert_int_equal(get_int(json_object_get(answer, "workers"), "late"), 1);
	expect(b, 2, CAUSE_WALLTIME, "it may take 50 s, and the worker");
	tworker_new(b, "n2", "i2", "'concurrency': 1, 'end_date': '2001-01-01T00:00:00'");
	expect(b, 1, CAUSE_WALLTIME, "all workers of batch Default end, the last of them in 0 s");
	put_worker(b, &w, "{'end_date': null}");
	expect(b, 1, CAUSE_QUEUED, "takes it when it asks next");
	bench_close(b);
}

static void test_held_and_stopping(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 1, 'prefetch': 1");
	json_t *answer, *grant, *refused;

	(void)unused;
	bench_new_task(b, "{}");
	bench_new_task(b, "{}");
	answer = tworker_ask(b, &w, "", NULL);
	assert_int_equal(grants_in(answer), 2);
	grant = json_incref(grant_of(answer, 0));
	expect(b, 2, CAUSE_HELD, "holds it ready");
	tworker_ask(b, &w, "1, 2", both(started(grant), NULL));
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'status': 'pending'}"));
	expect(b, 1, CAUSE_STOPPING, "has not ended yet");
	/* Refused by its worker, which is paused so that it does not take it again. */
	put_worker(b, &w, "{'prefetch': 0}");
	refused = json_of("{'execution_id': 2, 'epoch': 1, 'seq': 1, 'type': 'refused', "
	                  "'message': 'there is neither podman nor docker'}");
	bench_call(b, 200, handle_execution_events, 0, NULL,
	           json_pack("{s:I, s:I, s:[o]}", "worker_id", (json_int_t)w.id, "epoch",
	                     (json_int_t)w.epoch, "events", refused));
	expect(b, 2, CAUSE_REFUSED, "refused it: there is neither podman nor docker");
	json_decref(grant);
	bench_close(b);
}

static void test_people(void **unused)
{
	struct bench *b = bench_open(NULL);

	(void)unused;
	bench_new_task(b, "{'status': 'paused'}");
	expect(b, 1, CAUSE_PAUSED, "somebody paused it");
	bench_new_task(b, "{'status': 'debug'}");
	expect(b, 2, CAUSE_DEBUG, "it waits for its user to let it run");
	bench_new_task(b, "{'status': 'succeeded'}");
	expect(b, 3, CAUSE_SUCCEEDED, "its command ended well");
	/* A worker of v1, to whom it is offered. */
	bench_new_task(b, "{'batch': 'x'}");
	bench_call(b, 201, handle_worker_create, 0, NULL,
	           json_of("{'name': 'v1', 'concurrency': 1, 'batch': 'x', 'status': 'running'}"));
	expect(b, 4, CAUSE_OFFERED, "with worker v1");
	/* A batch is stopped as such where a pattern serves it. */
	bench_new_task(b, "{'batch': 'y'}");
	bench_call(b, 201, handle_worker_create, 0, NULL,
	           json_of("{'name': 'all', 'concurrency': 1, 'batch': 'y*', 'status': 'paused'}"));
	bench_call(b, 200, handle_batch_stop, 0, "y", NULL);
	expect(b, 5, CAUSE_BATCH_STOPPED, "batch y is stopped");
	bench_close(b);
}

static void recruit(struct bench *b, const char *more)
{
	char text[256];

	snprintf(text, sizeof(text),
	         "{'batch': 'r', 'rank': 1, 'tasks_per_worker': 1, 'worker_flavor': 'f', "
	         "'worker_concurrency': 1, %s}",
	         more);
	bench_call(b, 201, handle_recruiter_create, 0, NULL, json_of(text));
}

static void test_recruiters(void **unused)
{
	static const struct {
		const char *fields, *state, *words;
	} cases[] = {
	        {"'minimum_tasks': 5", "minimum_tasks",
	         "recruiter 1 waits for 5 pending tasks, there are 1"},
	        {"'minimum_tasks': 1, 'maximum_workers': 0", "maximum_workers",
	         "has its maximum of 0 workers"},
	        {"'maximum_workers': null", "recycle_only",
	         "only takes over workers of flavor f, and none is free"},
	        {"'worker_provider': 'azure', 'worker_region': 'north'", "no_provider",
	         "would deploy f in north: no provider azure"},
	};
	struct bench *b = bench_open(NULL);
	json_t *answer, *first;

	(void)unused;
	bench_new_task(b, "{'batch': 'r'}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		recruit(b, cases[i].fields);
		answer = expect(b, 1, CAUSE_RECRUITER, cases[i].words);
		first = json_array_get(json_object_get(answer, "recruiters"), 0);
		assert_string_equal(get_text(first, "state"), cases[i].state);
	}
	bench_call(b, 201, handle_worker_create, 0, NULL,
	           json_of("{'name': 'idle', 'concurrency': 1, 'batch': 's', 'status': 'running', "
	                   "'flavor': 'f', 'provider': 'azure', 'region': 'north'}"));
	expect(b, 1, CAUSE_RECRUITER, "recruiter 1 takes over 1 worker");
	bench_close(b);
}

static void test_identity(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *answer, *told;

	(void)unused;
	bench_new_task(
	        b, "{'name': 'a:1', 'batch': 'w.a', 'identity': 'I1', 'status': 'failed', "
	           "'identity_parts': '{\\\"command\\\": \\\"c1\\\", \\\"input\\\": \\\"i1\\\"}'}");
	bench_new_task(b, "{'name': 'a:1', 'batch': 'elsewhere', 'identity': 'I9'}");
	bench_new_task(
	        b, "{'name': 'a:1', 'batch': 'w.a', 'identity': 'I2', "
	           "'identity_parts': '{\\\"command\\\": \\\"c2\\\", \\\"input\\\": \\\"i1\\\"}'}");
	answer = why_of(b, 3);
	told = json_object_get(answer, "identity");
	assert_int_equal(get_int(told, "task_id"), 1);
	assert_int_equal(json_array_size(json_object_get(told, "differs")), 1);
	assert_non_null(
	        strstr(get_text(answer, "why"), "it was not reused: command differs from task 1"));
	bench_new_task(
	        b, "{'name': 'a:1', 'batch': 'w.a', 'identity': 'I2', "
	           "'identity_parts': '{\\\"command\\\": \\\"c2\\\", \\\"input\\\": \\\"i1\\\"}'}");
	assert_non_null(strstr(get_text(why_of(b, 4), "why"),
	                       "it was run again: task 3 is the same and pending"));
	assert_null(json_object_get(why_of(b, 1), "identity"));
	bench_close(b);
}

static void test_all_are_shown(void **unused)
{
	(void)unused;
	for (int i = 0; i < CAUSE_COUNT; i++) {
		if (!shown[i])
			fail_msg("no case shows %s", cause_words[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_requirements),  cmocka_unit_test(test_of_a_run),
	        cmocka_unit_test(test_workers),       cmocka_unit_test(test_held_and_stopping),
	        cmocka_unit_test(test_gpus),          cmocka_unit_test(test_machines_that_end),
	        cmocka_unit_test(test_people),        cmocka_unit_test(test_recruiters),
	        cmocka_unit_test(test_identity),      cmocka_unit_test(test_evicted),
	        cmocka_unit_test(test_all_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
