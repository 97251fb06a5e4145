/* Runs that are debugged: their tasks wait for a person, one by one, until they go on by
 * themselves. */
#include "tests/unit/server_worker.h"

#include "server/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RUN                                                                                        \
	"{'name': 'qc', 'digest': 'd1', 'debug': %s, 'batches': [{'batch': 'qc.a'}, "              \
	"{'batch': 'qc.b'}]}"
#define BULK                                                                                       \
	"{'run_id': 1, 'tasks': ["                                                                 \
	"{'key': 'a', 'name': 'a:1', 'batch': 'qc.a', 'command': 'x', 'retry': 1},"                \
	"{'key': 'b', 'name': 'a:2', 'batch': 'qc.a', 'command': 'y'},"                            \
	"{'name': 'b:1', 'batch': 'qc.b', 'command': 'z', 'requires': ['a', 'b']}]}"

static void create(struct bench *b, bool debug)
{
	char text[200];

	snprintf(text, sizeof(text), RUN, debug ? "true" : "false");
	bench_call(b, 201, handle_run_create, 0, NULL, json_of(text));
}

static struct bench *begun(const struct core_options *options, bool debug)
{
	struct bench *b = bench_open(options);

	create(b, debug);
	bench_call(b, 201, handle_task_bulk, 0, NULL, json_of(BULK));
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'running'}"));
	return b;
}

static json_t *set_status(struct bench *b, int answer, uint32_t id, const char *status)
{
	return bench_call(b, answer, handle_task_update, id, NULL,
	                  json_pack("{s:s}", "status", status));
}

static json_t *set_debug(struct bench *b, bool debug)
{
	return bench_call(b, 200, handle_run_update, 1, NULL, json_pack("{s:b}", "debug", debug));
}

static const char *run_status(struct bench *b)
{
	return get_text(bench_call(b, 200, handle_run_get, 1, NULL, NULL), "status");
}

/* Tasks of the first or second step in a status, as the run tells. */
static int64_t in_step(struct bench *b, size_t step, const char *status)
{
	json_t *run = bench_call(b, 200, handle_run_get, 1, NULL, NULL);

	return get_int(json_array_get(json_object_get(run, "steps"), step), status);
}

static enum task_status resumes(struct bench *b, uint32_t id)
{
	return (enum task_status)bench_task(b, id).resume_status;
}

/* The one task that may run is granted, and ends so. */
static void works(struct bench *b, struct tworker *w, uint32_t id, const char *how)
{
	json_t *answer = tworker_ask(b, w, "", NULL), *grant;

	assert_int_equal(grants_in(answer), 1);
	grant = json_incref(grant_of(answer, 0));
	assert_int_equal(get_int(grant, "task_id"), id);
	tworker_ask(b, w, "", json_pack("[o, o]", started(grant), finished(grant, how)));
	json_decref(grant);
}

static void test_one_by_one(void **unused)
{
	struct bench *b = begun(NULL, true);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'qc.*'");
	json_t *answer;

	(void)unused;
	for (uint32_t id = 1; id <= 3; id++)
		assert_string_equal(task_word(b, id), "debug");
	assert_int_equal(resumes(b, 1), TASK_PENDING);
	assert_int_equal(resumes(b, 3), TASK_WAITING);
	assert_int_equal(in_step(b, 0, "debug"), 2);
	assert_int_equal(in_step(b, 0, "pending"), 0);
	assert_int_equal(in_step(b, 0, "paused"), 0);
	assert_int_equal(in_step(b, 1, "debug"), 1);
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 0);
	/* What it requires is named, and nothing changes. */
	answer = set_status(b, 409, 3, "pending");
	assert_string_equal(
	        get_text(answer, "message"),
	        "task 3 b:1 is debug: it cannot become pending before what it requires: "
	        "task 2 a:2 (debug), task 1 a:1 (debug)");
	assert_string_equal(task_word(b, 3), "debug");
	/* Only the one that is asked for runs, and waits again where an attempt is left. */
	set_status(b, 200, 1, "pending");
	assert_int_equal(in_step(b, 0, "pending"), 1);
	works(b, &w, 1, "exit");
	assert_string_equal(task_word(b, 1), "debug");
	assert_int_equal(bench_task(b, 1).attempts, 1);
	assert_int_equal(resumes(b, 1), TASK_PENDING);
	set_status(b, 200, 1, "pending");
	works(b, &w, 1, "exit");
	assert_string_equal(task_word(b, 1), "failed");
	/* What requires it waits for its user still, who tries that once more. */
	assert_string_equal(task_word(b, 3), "debug");
	assert_string_equal(run_status(b), "running");
	bench_restart(b);
	w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'qc.*'");
	set_status(b, 200, 1, "pending");
	works(b, &w, 1, "succeeded");
	answer = set_status(b, 409, 3, "pending");
	assert_non_null(strstr(get_text(answer, "message"), "requires: task 2 a:2 (debug)"));
	assert_null(strstr(get_text(answer, "message"), "task 1"));
	assert_int_equal(resumes(b, 3), TASK_WAITING);
	set_status(b, 200, 2, "pending");
	works(b, &w, 2, "succeeded");
	assert_int_equal(resumes(b, 3), TASK_PENDING);
	assert_string_equal(task_word(b, 3), "debug");
	set_status(b, 200, 3, "pending");
	works(b, &w, 3, "succeeded");
	assert_string_equal(run_status(b), "succeeded");
	bench_close(b);
}

/* One that had succeeded runs again: what was ready by it is so no more. */
static void test_again(void **unused)
{
	struct bench *b = begun(NULL, true);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'qc.*'");

	(void)unused;
	for (uint32_t id = 1; id <= 2; id++) {
		set_status(b, 200, id, "pending");
		works(b, &w, id, "succeeded");
	}
	assert_int_equal(resumes(b, 3), TASK_PENDING);
	set_status(b, 200, 1, "pending");
	assert_int_equal(resumes(b, 3), TASK_WAITING);
	assert_string_equal(task_word(b, 3), "debug");
	set_status(b, 409, 3, "pending");
	works(b, &w, 1, "succeeded");
	assert_int_equal(resumes(b, 3), TASK_PENDING);
	bench_close(b);
}

/* It does not end with a failure, so that this can be tried again, until it goes on by itself. */
static void test_failure(void **unused)
{
	struct bench *b = begun(NULL, true);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'qc.*'");
	json_t *run;

	(void)unused;
	set_status(b, 200, 2, "pending");
	works(b, &w, 2, "exit");
	assert_string_equal(task_word(b, 2), "failed");
	run = set_debug(b, false);
	assert_true(json_is_false(json_object_get(run, "debug")));
	/* What it cannot run any more fails with it. */
	assert_string_equal(task_word(b, 1), "pending");
	assert_string_equal(task_word(b, 3), "failed");
	assert_string_equal(bench_task(b, 3).reason, "dependency");
	works(b, &w, 1, "succeeded");
	assert_string_equal(run_status(b), "failed");
	/* Debugged again and relaunched, it brings back what failed with it. */
	set_debug(b, true);
	set_status(b, 200, 2, "pending");
	assert_string_equal(task_word(b, 3), "debug");
	assert_string_equal(run_status(b), "running");
	works(b, &w, 2, "exit");
	assert_string_equal(run_status(b), "running");
	set_status(b, 200, 2, "pending");
	works(b, &w, 2, "succeeded");
	set_status(b, 200, 3, "pending");
	works(b, &w, 3, "exit");
	assert_string_equal(run_status(b), "running");
	set_debug(b, false);
	assert_string_equal(run_status(b), "failed");
	bench_close(b);
}

/* What goes on by itself is stopped, and what runs goes on. */
static void test_from_now_on(void **unused)
{
	struct bench *b = begun(NULL, false);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 1, 'batch': 'qc.*'");
	json_t *grant = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0)), *run;

	(void)unused;
	run = set_debug(b, true);
	assert_true(json_is_true(json_object_get(run, "debug")));
	assert_string_equal(task_word(b, 1), "accepted");
	assert_string_equal(task_word(b, 2), "debug");
	assert_string_equal(task_word(b, 3), "debug");
	tworker_ask(b, &w, "", json_pack("[o]", finished(grant, "succeeded")));
	assert_string_equal(task_word(b, 1), "succeeded");
	json_decref(grant);
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 0);
	/* Cancelled is cancelled. */
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'cancelled'}"));
	assert_string_equal(task_word(b, 2), "failed");
	assert_string_equal(run_status(b), "cancelled");
	bench_close(b);
}

/* A run of 3000 tasks: more than one group puts into debug, or out of it. */
static struct bench *many_begun(bool debug)
{
	struct bench *b = bench_open(NULL);
	json_t *tasks = json_array();

	create(b, debug);
	for (int i = 0; i < 3000; i++)
		json_array_append_new(tasks,
		                      json_pack("{s:s, s:s}", "command", "x", "batch", "qc.a"));
	bench_call(b, 201, handle_task_bulk, 0, NULL,
	           json_pack("{s:i, s:o}", "run_id", 1, "tasks", tasks));
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'running'}"));
	return b;
}

static void test_many(void **unused)
{
	struct bench *b = many_begun(true);
	json_t *run;

	(void)unused;
	assert_int_equal(in_step(b, 0, "debug"), 3000);
	/* In parts, in the order in which they are granted. Cut short, it is still debugged. */
	run = set_debug(b, false);
	assert_true(json_is_true(json_object_get(run, "debug")));
	assert_string_equal(task_word(b, 1), "pending");
	assert_string_equal(task_word(b, 3000), "debug");
	bench_restart(b);
	bench_advance(b, 0.001);
	assert_string_equal(task_word(b, 3000), "debug");
	run = set_debug(b, false);
	bench_advance(b, 0.001);
	bench_advance(b, 0.001);
	assert_string_equal(task_word(b, 3000), "pending");
	assert_int_equal(in_step(b, 0, "pending"), 3000);
	run = bench_call(b, 200, handle_run_get, 1, NULL, NULL);
	assert_true(json_is_false(json_object_get(run, "debug")));
	/* And back. */
	set_debug(b, true);
	bench_advance(b, 0.001);
	bench_advance(b, 0.001);
	assert_int_equal(in_step(b, 0, "debug"), 3000);
	assert_int_equal(in_step(b, 0, "pending"), 0);
	bench_close(b);
}

/* On the way there none is granted that is not there yet, and nothing leaves it half way: neither a
   crash nor a group that fails. */
static void test_many_at_once(void **unused)
{
	(void)unused;
	for (int crash = 0; crash < 2; crash++) {
		struct bench *b = many_begun(false);
		struct tworker w;

		set_debug(b, true);
		assert_string_equal(task_word(b, 2000), "debug");
		assert_string_equal(task_word(b, 2001), "pending");
		w = tworker_new(b, "n1", "i", "'concurrency': 2, 'batch': 'qc.*'");
		assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 0);
		/* Others go on: those of other steps at once, those behind it when it is there. */
		bench_new_task(b, "{'batch': 'qc.b'}");
		assert_int_equal(get_int(grant_of(tworker_ask(b, &w, "", NULL), 0), "task_id"),
		                 3001);
		bench_new_task(b, "{'batch': 'qc.a'}");
		assert_int_equal(grants_in(tworker_ask(b, &w, "1", NULL)), 0);
		if (crash) {
			bench_restart(b);
		} else {
			b->fail_step = STORE_STEP_COMMIT;
			b->failing = 0;
			bench_advance(b, 0.001);
			assert_int_equal(b->failed, 1);
		}
		bench_step(b);
		assert_int_equal(in_step(b, 0, "debug"), 3000);
		assert_int_equal(get_int(grant_of(tworker_ask(b, &w, "1", NULL), 0), "task_id"),
		                 3002);
		bench_close(b);
	}
}

/* Its hook is nobody's to wait for. */
static void test_hook(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 1, 'batch': 'qc.*'");

	(void)unused;
	bench_call(b, 201, handle_run_create, 0, NULL,
	           json_of("{'name': 'qc', 'digest': 'd', 'debug': true, 'on_success': "
	                   "'{\\\"command\\\": \\\"mail\\\"}'}"));
	bench_call(b, 201, handle_task_bulk, 0, NULL,
	           json_of("{'run_id': 1, 'tasks': [{'command': 'x', 'batch': 'qc.a'}]}"));
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'running'}"));
	assert_string_equal(task_word(b, 1), "debug");
	set_status(b, 200, 1, "pending");
	works(b, &w, 1, "succeeded");
	assert_string_equal(run_status(b), "succeeded");
	assert_string_equal(task_word(b, 2), "accepted");
	bench_close(b);
}

/* A private server waits for nobody's next command: the database keeps the run for that. */
static void test_private_server(void **unused)
{
	const struct core_options options = {.private_mode = true, .grace_seconds = 60};
	struct bench *b = begun(&options, true);
	struct tworker w = tworker_new(b, "n1", "i", "'concurrency': 1, 'batch': 'qc.*'");
	json_t *grant;

	(void)unused;
	set_status(b, 200, 1, "pending");
	grant = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0));
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'detached': true}"));
	bench_advance(b, 59);
	tworker_ask(b, &w, "1", NULL);
	bench_advance(b, 30);
	/* What runs is waited for. */
	assert_false(b->core->ending);
	tworker_ask(b, &w, "", json_pack("[o]", finished(grant, "succeeded")));
	json_decref(grant);
	bench_advance(b, 61);
	assert_true(b->core->ending);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_one_by_one), cmocka_unit_test(test_again),
	        cmocka_unit_test(test_failure),    cmocka_unit_test(test_from_now_on),
	        cmocka_unit_test(test_many),       cmocka_unit_test(test_many_at_once),
	        cmocka_unit_test(test_hook),       cmocka_unit_test(test_private_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
