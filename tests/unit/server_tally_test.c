/* What is done is counted a part at a time after a start, exactly, whatever happens meanwhile. */
#include "server/run.h"
#include "server/tally.h"
#include "tests/unit/server_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TASKS 9000

/* To a run; 0: to none. */
static void add_done_to(struct bench *b, int64_t run)
{
	json_t *call;
	json_t *tasks = json_array();

	for (int i = 0; i < TASKS; i++)
		json_array_append_new(tasks, json_pack("{s:s, s:s, s:s, s:s}", "command", "true",
		                                       "batch", i % 2 ? "x" : "y", "status",
		                                       i % 3 ? "succeeded" : "failed", "key", ""));
	for (int i = 0; i < TASKS; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		json_object_set_new(json_array_get(tasks, (size_t)i), "key", json_string(key));
	}
	call = json_pack("{s:s, s:o}", "key", "K.0", "tasks", tasks);
	if (run != 0)
		json_object_set_new(call, "run_id", json_integer(run));
	bench_call(b, 201, handle_task_bulk, 0, NULL, call);
}

static void add_done(struct bench *b)
{
	add_done_to(b, 0);
}

static int64_t count_in(json_t *batches, const char *batch, const char *status)
{
	for (size_t i = 0; i < json_array_size(batches); i++) {
		json_t *entry = json_array_get(batches, i);

		if (strcmp(get_text(entry, "batch"), batch) == 0)
			return json_integer_value(json_object_get(entry, status));
	}
	return -1;
}

static json_t *wait_for(struct bench *b, struct call *call)
{
	for (int i = 0; i < 100 && call_waits(call); i++)
		bench_advance(b, 0.01);
	assert_int_equal(call->status, 200);
	return call_answer(call);
}

static void test_counted_in_parts(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct call *call, *other;
	json_t *batches;

	(void)unused;
	b->unchecked = true; /* for the time that it takes; the end is checked */
	add_done(b);
	bench_restart(b);
	call = bench_send(b, handle_batch_list, 0, NULL, NULL);
	other = bench_send(b, handle_batch_list, 0, NULL, NULL);
	assert_true(call_waits(call) && call_waits(other));
	assert_true(b->core->state.tasks_to > 0 && b->core->state.tasks_to < TASKS);
	/* On both sides of the cursor: one goes, one is relaunched, one comes. */
	bench_call(b, 200, handle_task_delete, 1, NULL, NULL);
	bench_call(b, 200, handle_task_delete, TASKS - 2, NULL, NULL);
	bench_call(b, 200, handle_task_update, 2, NULL, json_of("{'status': 'pending'}"));
	bench_call(b, 200, handle_task_update, TASKS, NULL, json_of("{'status': 'pending'}"));
	bench_new_task(b, "{'batch': 'y', 'status': 'succeeded'}");
	batches = wait_for(b, call);
	assert_int_equal(wait_for(b, other) == NULL, 0);
	assert_int_equal(count_in(batches, "y", "failed"), TASKS / 6 - 1);
	assert_int_equal(count_in(batches, "y", "succeeded"), TASKS / 3 + 1);
	assert_int_equal(count_in(batches, "x", "failed"), TASKS / 6 - 1);
	assert_int_equal(count_in(batches, "x", "succeeded"), TASKS / 3 - 2);
	assert_int_equal(count_in(batches, "x", "pending"), 2);
	while (b->core->state.executions_to != UINT32_MAX)
		bench_advance(b, 0.01);
	b->unchecked = false;
	bench_step(b);
	/* From now on at once. */
	call = bench_send(b, handle_batch_list, 0, NULL, NULL);
	assert_false(call_waits(call));
	bench_close(b);
}

/* Those who wait are answered when the server ends, or the database fails. */
static void test_waiting_for_nothing(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct call *call;

	(void)unused;
	b->unchecked = true;
	add_done(b);
	bench_restart(b);
	call = bench_send(b, handle_batch_list, 0, NULL, NULL);
	assert_true(call_waits(call));
	b->fail_step = STORE_STEP_COMMIT;
	b->failing = 0;
	bench_send(b, handle_task_create, 0, NULL, json_of("{'command': 'true'}"));
	assert_int_equal(call->status, 503);
	call = bench_send(b, handle_batch_list, 0, NULL, NULL);
	assert_true(call_waits(call));
	bench_close(b);
}

static int64_t ended_of(struct bench *b, int64_t worker, const char *status)
{
	json_t *list = bench_call(b, 200, handle_workers_tasks, 0, NULL, NULL);

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *entry = json_array_get(list, i);

		if (get_int(entry, "worker_id") == worker &&
		    strcmp(get_text(entry, "status"), status) == 0)
			return get_int(entry, "count");
	}
	return 0;
}

/* The latest execution of each task counts for its worker. */
static void test_executions(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker one = tworker_new(b, "n1", "i1", "'concurrency': 1"), two;
	json_t *grant;

	(void)unused;
	bench_new_task(b, "{'retry': 1}");
	for (int restart = 0; restart < 2; restart++) {
		grant = json_incref(grant_of(tworker_ask(b, &one, "", NULL), 0));
		assert_int_equal(ended_of(b, one.id, "accepted"), 1);
		bench_call(b, 200, handle_worker_update, one.id, NULL,
		           json_of("{'status': 'paused'}"));
		tworker_ask(b, &one, "", both(started(grant), finished(grant, "exit")));
		json_decref(grant);
		assert_int_equal(ended_of(b, one.id, "failed"), 1);
		/* Another worker takes it: the first execution is the latest no more. */
		two = tworker_new(b, "n2", "i2", "'concurrency': 1");
		grant = json_incref(grant_of(tworker_ask(b, &two, "", NULL), 0));
		assert_int_equal(ended_of(b, one.id, "failed"), 0);
		tworker_ask(b, &two, "", both(started(grant), finished(grant, "succeeded")));
		json_decref(grant);
		assert_int_equal(ended_of(b, two.id, "succeeded"), 1);
		bench_restart(b);
		assert_int_equal(ended_of(b, two.id, "succeeded"), 1);
		bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'status': 'pending'}"));
		bench_call(b, 200, handle_worker_delete, two.id, NULL, NULL);
		bench_call(b, 200, handle_worker_update, one.id, NULL,
		           json_of("{'status': 'running'}"));
	}
	bench_call(b, 200, handle_batch_delete, 0, "Default", NULL);
	assert_int_equal(ended_of(b, one.id, "failed"), 0);
	bench_close(b);
}

static int64_t step_count(json_t *run, const char *batch, const char *status)
{
	return count_in(json_object_get(run, "steps"), batch, status);
}

/* The tasks of a run too, for whoever asks, whatever happens meanwhile; its end waits for it. */
static void test_runs_in_parts(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct call *get, *follow, *join, *left;
	json_t *run;

	(void)unused;
	b->unchecked = true;
	bench_call(b, 201, handle_run_create, 0, NULL,
	           json_of("{'name': 'q', 'digest': 'd', 'batches': [{'batch': 'q.a'}]}"));
	add_done_to(b, 1);
	bench_call(
	        b, 201, handle_task_bulk, 0, NULL,
	        json_of("{'run_id': 1, 'tasks': [{'key': 'l', 'batch': 'q.a', 'command': 'x'}]}"));
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'running'}"));
	bench_restart(b);
	get = bench_send(b, handle_run_get, 1, NULL, NULL);
	follow = bench_send(b, handle_run_follow, 1, NULL, json_of("{'since': 0, 'wait': 20.0}"));
	join = bench_send(b, handle_run_create, 0, NULL,
	                  json_of("{'name': 'q', 'digest': 'd', 'who': 'me', 'batches': []}"));
	left = bench_send(b, handle_run_update, 1, NULL, json_of("{'left': 'another'}"));
	assert_true(call_waits(get) && call_waits(follow) && call_waits(join) && call_waits(left));
	/* On both sides of what is counted: one goes, one is relaunched, and the last one ends. */
	bench_call(b, 200, handle_task_delete, 1, NULL, NULL);
	bench_call(b, 200, handle_task_delete, TASKS - 2, NULL, NULL);
	bench_call(b, 200, handle_task_update, 2, NULL, json_of("{'status': 'pending'}"));
	bench_call(b, 200, handle_task_update, TASKS, NULL, json_of("{'status': 'pending'}"));
	run = wait_for(b, get);
	assert_int_equal(step_count(run, "y", "failed"), TASKS / 6 - 1);
	assert_int_equal(step_count(run, "y", "succeeded"), TASKS / 3);
	assert_int_equal(step_count(run, "x", "failed"), TASKS / 6 - 1);
	assert_int_equal(step_count(run, "x", "succeeded"), TASKS / 3 - 2);
	assert_int_equal(step_count(run, "x", "pending"), 2);
	assert_int_equal(step_count(json_object_get(wait_for(b, follow), "run"), "x", "pending"),
	                 2);
	assert_true(json_is_true(json_object_get(wait_for(b, join), "joined")));
	/* One whose name nobody knew has left, and somebody else has joined meanwhile. */
	assert_string_equal(get_text(wait_for(b, left), "status"), "running");
	/* A run that ends right after a start is counted first. */
	bench_restart(b);
	bench_call(b, 200, handle_task_delete, TASKS + 1, NULL, NULL);
	bench_call(b, 200, handle_task_delete, TASKS, NULL, NULL);
	bench_call(b, 200, handle_task_delete, 2, NULL, NULL);
	assert_int_equal(b->core->state.runs.v[0]->status, RUN_RUNNING);
	for (int i = 0; i < 100 && b->core->state.runs.v[0]->status == RUN_RUNNING; i++)
		bench_advance(b, 0.01);
	b->unchecked = false;
	run = bench_call(b, 200, handle_run_get, 1, NULL, NULL);
	assert_string_equal(get_text(run, "status"), "failed");
	assert_int_equal(step_count(run, "x", "failed"), TASKS / 6 - 1);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_counted_in_parts),
	        cmocka_unit_test(test_waiting_for_nothing),
	        cmocka_unit_test(test_executions),
	        cmocka_unit_test(test_runs_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
