/* Gathers of which some may fail, tasks that accept failures, and what their results lack. */
#include "tests/unit/server_worker.h"

#include "server/change.h"
#include "tests/unit/store_place.h"

#include <sqlite3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RUN                                                                                        \
	"{'name': 'q', 'digest': 'd', 'batches': [{'batch': 'q.a'}, {'batch': 'q.b', 'depth': "    \
	"1}]}"
#define MEMBER(key, may_fail)                                                                      \
	"{'task': '" key "', 'gather': 0, 'may_fail': " may_fail ", 'input': 's://a/" key "'}"
#define MAKERS                                                                                     \
	"{'key': '1', 'batch': 'q.a', 'command': 'x'}, {'key': '2', 'batch': 'q.a', 'command': "   \
	"'x'}, {'key': '3', 'batch': 'q.a', 'command': 'x'}, {'key': '4', 'batch': 'q.a', "        \
	"'command': 'x'}, "
#define TAKER(may_fail)                                                                            \
	"{'key': 't', 'batch': 'q.b', 'command': 'y', 'identity': 'tttttttt', "                    \
	"'input': 's://a/1 s://a/2 s://a/3 s://a/4 s://b/other', 'requires': [" MEMBER(            \
	        "1",                                                                               \
	        may_fail) ", " MEMBER("2",                                                         \
	                              may_fail) ", " MEMBER("3",                                   \
	                                                    may_fail) ", " MEMBER("4",             \
	                                                                          may_fail) "]}, "
#define LAST                                                                                       \
	"{'key': 'l', 'batch': 'q.b', 'command': 'z', 'identity': 'llllllll', 'requires': ['t']}"
#define BULK(may_fail) "{'run_id': 1, 'tasks': [" MAKERS TAKER(may_fail) LAST "]}"

enum { TAKES = 5, COMES_LAST = 6 };

/* Four makers, a task that gathers from them and one behind it; the makers are granted. */
struct play {
	struct bench *b;
	struct tworker w;
	json_t *grants; /* of the makers, by place */
	json_t *answer; /* of the last call */
};

static void begin(struct play *p, const char *bulk)
{
	p->b = bench_open(NULL);
	bench_call(p->b, 201, handle_run_create, 0, NULL, json_of(RUN));
	bench_call(p->b, 201, handle_task_bulk, 0, NULL, json_of(bulk));
	bench_call(p->b, 200, handle_run_update, 1, NULL, json_of("{'status': 'running'}"));
	p->w = tworker_new(p->b, "n1", "i", "'concurrency': 20, 'batch': 'q.*'");
	p->answer = tworker_ask(p->b, &p->w, "", NULL);
	assert_int_equal(grants_in(p->answer), 4);
	p->grants = json_deep_copy(json_object_get(p->answer, "grants"));
}

static void end(struct play *p)
{
	json_decref(p->grants);
	bench_close(p->b);
}

/* One that was granted ends so. */
static void ends(struct play *p, json_t *grant, const char *how)
{
	p->answer = tworker_ask(p->b, &p->w, "", both(finished(grant, how), NULL));
}

static void makes(struct play *p, size_t maker, const char *how)
{
	ends(p, json_array_get(p->grants, maker - 1), how);
}

/* The grant of a task in the last answer. */
static json_t *granted(struct play *p, int64_t task)
{
	for (size_t i = 0; i < grants_in(p->answer); i++) {
		if (get_int(grant_of(p->answer, i), "task_id") == task)
			return grant_of(p->answer, i);
	}
	fail_msg("task %lld was not granted", (long long)task);
	return NULL;
}

static const char *input_of(struct play *p, int64_t task)
{
	return get_text(granted(p, task), "input");
}

static void again(struct play *p)
{
	bench_restart(p->b);
	p->w = tworker_new(p->b, "n1", "i", "'concurrency': 20, 'batch': 'q.*'");
}

static void test_reached(void **unused)
{
	struct play p;

	(void)unused;
	begin(&p, BULK("1"));
	makes(&p, 2, "exit");
	assert_string_equal(task_word(p.b, 2), "failed");
	assert_string_equal(task_word(p.b, TAKES), "waiting");
	makes(&p, 1, "succeeded");
	again(&p);
	makes(&p, 4, "succeeded");
	assert_string_equal(task_word(p.b, TAKES), "waiting");
	assert_int_equal(bench_task(p.b, TAKES).partial, 0);
	makes(&p, 3, "succeeded");
	assert_string_equal(input_of(&p, TAKES), "s://a/1 s://a/3 s://a/4 s://b/other");
	assert_int_equal(bench_task(p.b, TAKES).partial, 1);
	/* The row stays as it was submitted; a grant that was not heard of is made again alike. */
	assert_string_equal(bench_task(p.b, TAKES).input,
	                    "s://a/1 s://a/2 s://a/3 s://a/4 s://b/other");
	again(&p);
	p.answer = tworker_ask(p.b, &p.w, "", NULL);
	assert_string_equal(input_of(&p, TAKES), "s://a/1 s://a/3 s://a/4 s://b/other");
	ends(&p, grant_of(p.answer, 0), "succeeded");
	/* What is built on it lacks the same. */
	assert_int_equal(bench_task(p.b, COMES_LAST).partial, 1);
	end(&p);
}

static void test_all_succeed(void **unused)
{
	struct play p;

	(void)unused;
	begin(&p, BULK("1"));
	for (size_t i = 1; i <= 4; i++)
		makes(&p, i, "succeeded");
	assert_string_equal(input_of(&p, TAKES), "s://a/1 s://a/2 s://a/3 s://a/4 s://b/other");
	assert_int_equal(bench_task(p.b, TAKES).partial, 0);
	ends(&p, grant_of(p.answer, 0), "succeeded");
	assert_int_equal(bench_task(p.b, COMES_LAST).partial, 0);
	end(&p);
}

static void test_the_last_may_fail(void **unused)
{
	struct play p;

	(void)unused;
	begin(&p, BULK("3"));
	makes(&p, 1, "succeeded");
	makes(&p, 2, "exit");
	makes(&p, 3, "exit");
	assert_string_equal(task_word(p.b, TAKES), "waiting");
	makes(&p, 4, "exit");
	assert_string_equal(input_of(&p, TAKES), "s://a/1 s://b/other");
	end(&p);
}

static void test_out_of_reach(void **unused)
{
	struct play p;
	json_t *run;

	(void)unused;
	begin(&p, BULK("1"));
	makes(&p, 3, "exit");
	assert_string_equal(task_word(p.b, TAKES), "waiting");
	again(&p);
	/* At once, though others still run. */
	makes(&p, 1, "exit");
	assert_string_equal(task_word(p.b, TAKES), "failed");
	assert_string_equal(bench_task(p.b, TAKES).reason, "dependency");
	assert_string_equal(task_word(p.b, COMES_LAST), "failed");
	/* A person repairs one of them: there is hope again, and it is fulfilled. */
	again(&p);
	bench_call(p.b, 200, handle_task_update, 3, NULL, json_of("{'status': 'pending'}"));
	assert_string_equal(task_word(p.b, TAKES), "waiting");
	assert_string_equal(task_word(p.b, COMES_LAST), "waiting");
	again(&p);
	p.answer = tworker_ask(p.b, &p.w, "", NULL);
	for (size_t i = grants_in(p.answer); i-- > 0;) {
		json_t *grant = json_incref(grant_of(p.answer, i));

		ends(&p, grant, "succeeded");
		if (i > 0)
			p.answer = tworker_ask(p.b, &p.w, "", NULL);
		json_decref(grant);
	}
	assert_string_equal(input_of(&p, TAKES), "s://a/2 s://a/3 s://a/4 s://b/other");
	ends(&p, grant_of(p.answer, 0), "succeeded");
	ends(&p, grant_of(p.answer, 0), "succeeded");
	run = bench_call(p.b, 200, handle_run_get, 1, NULL, NULL);
	assert_string_equal(get_text(run, "status"), "failed");
	end(&p);
}

static void test_ready_and_relaunched(void **unused)
{
	struct play p;

	(void)unused;
	begin(&p, BULK("1"));
	/* Nobody takes the task that gathers. */
	bench_call(p.b, 200, handle_batch_stop, 0, "q.b", NULL);
	makes(&p, 2, "exit");
	makes(&p, 1, "succeeded");
	makes(&p, 3, "succeeded");
	makes(&p, 4, "succeeded");
	assert_string_equal(task_word(p.b, TAKES), "pending");
	again(&p);
	/* Both that failed and that succeeded are waited for again. */
	bench_call(p.b, 200, handle_task_update, 2, NULL, json_of("{'status': 'pending'}"));
	assert_string_equal(task_word(p.b, TAKES), "waiting");
	p.answer = tworker_ask(p.b, &p.w, "", NULL);
	ends(&p, grant_of(p.answer, 0), "succeeded");
	assert_string_equal(task_word(p.b, TAKES), "pending");
	assert_int_equal(bench_task(p.b, TAKES).partial, 0);
	bench_call(p.b, 200, handle_batch_go, 0, "q.b", NULL);
	p.answer = tworker_ask(p.b, &p.w, "", NULL);
	assert_string_equal(input_of(&p, TAKES), "s://a/1 s://a/2 s://a/3 s://a/4 s://b/other");
	end(&p);
}

static void test_paused_meanwhile(void **unused)
{
	struct play p;

	(void)unused;
	begin(&p, BULK("1"));
	makes(&p, 2, "exit");
	bench_call(p.b, 200, handle_task_update, TAKES, NULL, json_of("{'status': 'paused'}"));
	makes(&p, 1, "succeeded");
	makes(&p, 3, "succeeded");
	makes(&p, 4, "succeeded");
	assert_string_equal(task_word(p.b, TAKES), "paused");
	again(&p);
	bench_call(p.b, 200, handle_task_update, TAKES, NULL, json_of("{'status': 'waiting'}"));
	p.answer = tworker_ask(p.b, &p.w, "", NULL);
	assert_string_equal(input_of(&p, TAKES), "s://a/1 s://a/3 s://a/4 s://b/other");
	end(&p);
}

static void test_deleted(void **unused)
{
	struct play p;

	(void)unused;
	begin(&p, BULK("1"));
	makes(&p, 2, "exit");
	makes(&p, 1, "succeeded");
	makes(&p, 3, "succeeded");
	/* Who is gone has neither failed nor is he waited for. */
	bench_call(p.b, 200, handle_task_delete, 4, NULL, NULL);
	assert_string_equal(task_word(p.b, TAKES), "pending");
	end(&p);
}

static void test_accepts_failure(void **unused)
{
	struct play p;

	(void)unused;
	begin(&p, "{'run_id': 1, 'tasks': [" MAKERS
	          "{'key': 't', 'batch': 'q.b', 'command': 'y', 'accept_failure': true, 'input': "
	          "'s://a/a\\\\ b s://a/2', 'resource': 's://a/a\\\\ b', 'requires': [{'task': "
	          "'1', 'input': 's://a/a\\\\ b'}, '2', '3', '4']}]}");
	makes(&p, 2, "succeeded");
	makes(&p, 3, "exit");
	makes(&p, 4, "succeeded");
	again(&p);
	assert_string_equal(task_word(p.b, TAKES), "waiting");
	makes(&p, 1, "exit");
	assert_string_equal(input_of(&p, TAKES), "s://a/2");
	assert_true(json_is_null(json_object_get(grant_of(p.answer, 0), "resource")));
	assert_int_equal(bench_task(p.b, TAKES).partial, 1);
	/* Its own end is its own; the run has failed tasks all the same. */
	ends(&p, grant_of(p.answer, 0), "succeeded");
	assert_string_equal(task_word(p.b, TAKES), "succeeded");
	assert_string_equal(get_text(bench_call(p.b, 200, handle_run_get, 1, NULL, NULL), "status"),
	                    "failed");
	/* Repaired, and run again with everything. */
	bench_call(p.b, 200, handle_task_update, 1, NULL, json_of("{'status': 'pending'}"));
	p.answer = tworker_ask(p.b, &p.w, "", NULL);
	ends(&p, grant_of(p.answer, 0), "succeeded");
	bench_call(p.b, 200, handle_task_update, TAKES, NULL, json_of("{'status': 'pending'}"));
	p.answer = tworker_ask(p.b, &p.w, "", NULL);
	assert_string_equal(input_of(&p, TAKES), "s://a/a\\ b s://a/2");
	assert_int_equal(bench_task(p.b, TAKES).partial, 0);
	end(&p);
}

static void test_submitted_late(void **unused)
{
	struct play p;

	(void)unused;
	begin(&p, "{'run_id': 1, 'tasks': [" MAKERS
	          "{'command': 'x', 'batch': 'q.b', 'requires': ['4']}]}");
	makes(&p, 1, "exit");
	makes(&p, 2, "succeeded");
	/* To what is over already. */
	bench_call(p.b, 201, handle_task_bulk, 0, NULL,
	           json_of("{'run_id': 1, 'tasks': ["
	                   "{'command': 'x', 'batch': 'q.b', 'input': 's://1 s://2', 'requires': ["
	                   "{'task': 1, 'gather': 0, 'may_fail': 1, 'input': 's://1'}, "
	                   "{'task': 2, 'gather': 0, 'may_fail': 1, 'input': 's://2'}]}, "
	                   "{'command': 'x', 'batch': 'q.b', 'requires': ["
	                   "{'task': 1, 'gather': 0, 'may_fail': 0}]}, "
	                   "{'command': 'x', 'batch': 'q.b', 'requires': ["
	                   "{'task': 1, 'gather': 0, 'may_fail': 1}, 1]}]}"));
	assert_string_equal(task_word(p.b, 6), "pending");
	assert_string_equal(task_word(p.b, 7), "failed");
	/* Named twice it must succeed. */
	assert_string_equal(task_word(p.b, 8), "failed");
	p.answer = tworker_ask(p.b, &p.w, "", NULL);
	assert_string_equal(input_of(&p, 6), "s://2");
	ends(&p, granted(&p, 6), "succeeded");
	bench_call(p.b, 201, handle_task_bulk, 0, NULL,
	           json_of("{'run_id': 1, 'tasks': [{'command': 'x', 'requires': [6]}]}"));
	assert_int_equal(bench_task(p.b, 9).partial, 1);
	end(&p);
}

static void test_refused(void **unused)
{
	static const char *const bad[] = {
	        "{'task': '1', 'gather': 0}",
	        "{'task': '1', 'may_fail': 0}",
	        "{'task': '1', 'gather': -1, 'may_fail': 0}",
	        "{'task': '1', 'gather': 'x', 'may_fail': 0}",
	        "{'task': '1', 'minimum': 0}",
	        "{'gather': 0, 'may_fail': 0}",
	        "{'task': '1', 'input': 3}",
	};
	struct bench *b = bench_open(NULL);

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[200];
		struct call *call;

		snprintf(text, sizeof(text),
		         "{'tasks': [{'key': '1', 'command': 'x'}, {'command': 'y', 'requires': "
		         "[%s]}]}",
		         bad[i]);
		call = bench_send(b, handle_task_bulk, 0, NULL, json_of(text));
		if (call->status != 400 && call->status != 422)
			fail_msg("%s: %d", bad[i], call->status);
	}
	bench_new_task(b, "{}");
	bench_new_task(b, "{}");
	bench_call(b, 400, handle_requirement_create, 0, NULL,
	           json_of("{'task_id': 1, 'other_task_id': 2, 'gather': 0}"));
	bench_call(b, 201, handle_requirement_create, 0, NULL,
	           json_of("{'task_id': 1, 'other_task_id': 2, 'gather': 0, 'may_fail': 1}"));
	bench_call(b, 200, handle_task_update, 2, NULL, json_of("{'status': 'failed'}"));
	assert_string_equal(task_word(b, 1), "pending");
	bench_close(b);
}

/* What one that failed would have given is there all the same where another one gives it. */
static void test_given_by_another(void **unused)
{
	struct play p;

	(void)unused;
	begin(&p,
	      "{'run_id': 1, 'tasks': [" MAKERS
	      "{'key': 't', 'batch': 'q.b', 'command': 'y', 'input': 's://a/1 s://both s://a/4', "
	      "'resource': 's://both', 'requires': ["
	      "{'task': '1', 'gather': 0, 'may_fail': 2, 'input': 's://a/1 s://both'}, "
	      "{'task': '2', 'gather': 0, 'may_fail': 2, 'input': 's://both'}, "
	      "{'task': '3', 'gather': 0, 'may_fail': 2, 'input': 's://both'}, "
	      "{'task': '4', 'gather': 0, 'may_fail': 2, 'input': 's://a/4'}]}, " LAST "]}");
	makes(&p, 1, "exit");
	makes(&p, 2, "succeeded");
	makes(&p, 3, "exit");
	makes(&p, 4, "succeeded");
	assert_string_equal(input_of(&p, TAKES), "s://both s://a/4");
	assert_string_equal(get_text(granted(&p, TAKES), "resource"), "s://both");
	end(&p);
}

/* How often what the task that gathers requires was read. */
static int reads;

static int count_read(unsigned type, void *context, void *stmt, void *text)
{
	char *sql = sqlite3_expanded_sql(stmt);

	(void)type;
	(void)context;
	(void)text;
	reads += strstr(sql, "may_fail FROM requirement WHERE task_id = 5") != NULL;
	sqlite3_free(sql);
	return 0;
}

static int count_reads(sqlite3 *db, const char **error, const void *api)
{
	(void)error;
	(void)api;
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, count_read, NULL);
}

/* All makers fail, and with them those that wait. */
static void begin_failed(struct play *p)
{
	begin(p, BULK("0"));
	for (size_t i = 1; i <= 4; i++)
		makes(p, i, "exit");
	assert_string_equal(task_word(p->b, TAKES), "failed");
	assert_string_equal(task_word(p->b, COMES_LAST), "failed");
	reads = 0;
}

/* Of a large gather thousands are relaunched one by one. */
static void test_all_relaunched(void **unused)
{
	struct play p;

	(void)unused;
	sqlite3_auto_extension((void (*)(void))count_reads);
	begin_failed(&p);
	sqlite3_reset_auto_extension();
	for (int64_t i = 1; i <= 3; i++) {
		bench_call(p.b, 200, handle_task_update, i, NULL, json_of("{'status': 'pending'}"));
		assert_string_equal(task_word(p.b, TAKES), "failed");
		if (!place_is_postgres())
			assert_int_equal(reads, 1);
	}
	bench_call(p.b, 200, handle_task_update, 4, NULL, json_of("{'status': 'pending'}"));
	if (!place_is_postgres())
		assert_int_equal(reads, 2);
	assert_string_equal(task_word(p.b, TAKES), "waiting");
	assert_string_equal(task_word(p.b, COMES_LAST), "waiting");
	end(&p);
}

/* It no longer requires the one with which it failed, or that is there no more. */
static void test_relaunched_without(void **unused)
{
	struct play p;

	(void)unused;
	for (int way = 0; way < 3; way++) {
		begin_failed(&p);
		bench_call(p.b, 200, handle_task_update, 1, NULL, json_of("{'status': 'pending'}"));
		if (way == 0)
			bench_call(p.b, 200, handle_requirement_delete, 4, NULL, NULL);
		else if (way == 1)
			bench_call(p.b, 200, handle_task_delete, 4, NULL, NULL);
		else
			bench_call(p.b, 200, handle_task_update, TAKES, NULL,
			           json_of("{'required_task_ids': [1, 2, 3]}"));
		bench_call(p.b, 200, handle_task_update, 2, NULL, json_of("{'status': 'pending'}"));
		assert_string_equal(task_word(p.b, TAKES), "failed");
		bench_call(p.b, 200, handle_task_update, 3, NULL, json_of("{'status': 'pending'}"));
		assert_string_equal(task_word(p.b, TAKES), "waiting");
		end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_reached),
	        cmocka_unit_test(test_all_succeed),
	        cmocka_unit_test(test_the_last_may_fail),
	        cmocka_unit_test(test_out_of_reach),
	        cmocka_unit_test(test_ready_and_relaunched),
	        cmocka_unit_test(test_paused_meanwhile),
	        cmocka_unit_test(test_deleted),
	        cmocka_unit_test(test_accepts_failure),
	        cmocka_unit_test(test_submitted_late),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_given_by_another),
	        cmocka_unit_test(test_all_relaunched),
	        cmocka_unit_test(test_relaunched_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
