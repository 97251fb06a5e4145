/*
 * Workers whose machine ends: which tasks they get, when they are drained, what recruiters do about
 * it. The clock of dates is the bench's, so that seconds are exact.
 */
#include "tests/unit/server_worker.h"

#include "base/clock.h"
#include "server/deadline.h"
#include "server/job.h"
#include "server/record.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BEGIN_US INT64_C(1790000000000000)

static int64_t date_of(void *context)
{
	return BEGIN_US + ((struct bench *)context)->now_ns / 1000;
}

static struct bench *begin(void)
{
	return bench_open(&(struct core_options){.provider = &provider_silent, .date_us = date_of});
}

/* The date so many seconds from now, between quotes. */
static const char *in_seconds(struct bench *b, double seconds)
{
	static char text[DATE_TEXT_SIZE + 2];
	char date[DATE_TEXT_SIZE];

	date_format(date_of(b) + (int64_t)(seconds * 1e6), date);
	snprintf(text, sizeof(text), "'%s'", date);
	return text;
}

/* A worker of batch b that lasts so long; `more` fields. */
static struct tworker lasting(struct bench *b, const char *name, double seconds, const char *more)
{
	char text[300];

	snprintf(text, sizeof(text), "'batch': 'b', 'end_date': %s, 'concurrency': 1%s",
	         in_seconds(b, seconds), more);
	return tworker_new(b, name, name, text);
}

static uint32_t task(struct bench *b, const char *more)
{
	char text[200];

	snprintf(text, sizeof(text), "{'batch': 'b'%s}", more);
	return bench_new_task(b, text);
}

static void put_end(struct bench *b, const struct tworker *w, const char *date)
{
	char text[80];

	snprintf(text, sizeof(text), "{'end_date': %s}", date);
	bench_call(b, 200, handle_worker_update, w->id, NULL, json_of(text));
}

static void expect_why(struct bench *b, uint32_t id, const char *cause, const char *words)
{
	json_t *answer = bench_call(b, 200, handle_task_why, id, NULL, NULL);

	if (strcmp(get_text(answer, "cause"), cause) != 0 ||
	    strstr(get_text(answer, "why"), words) == NULL)
		fail_msg("%s: %s", get_text(answer, "cause"), get_text(answer, "why"));
}

static void test_need(void **unused)
{
	static const struct {
		int64_t run, download, upload, need;
	} cases[] = {
	        {INT_NULL, INT_NULL, INT_NULL, 0},
	        {INT_NULL, 10, 20, 0},
	        {0, 10, 20, 0},
	        {100, INT_NULL, INT_NULL, 100},
	        {100, 10, 20, 130},
	        {INT64_MAX, 1, 1, UINT32_MAX},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct task row = {.run_timeout = cases[i].run,
		                         .download_timeout = cases[i].download,
		                         .upload_timeout = cases[i].upload};

		assert_int_equal(deadline_need(&row), cases[i].need);
	}
	assert_int_equal(deadline_margin(86400), 60);
	assert_int_equal(deadline_margin(600), 60);
	assert_int_equal(deadline_margin(300), 30);
	assert_int_equal(deadline_margin(-5), 0);
}

/* To the second. */
static void test_fits(void **unused)
{
	struct bench *b = begin();
	struct tworker w = lasting(b, "w", 1000, "");

	(void)unused;
	task(b, ", 'run_timeout': 900, 'download_timeout': 61, 'upload_timeout': 40");
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 0);
	expect_why(b, 1, "walltime",
	           "it may take 1001 s, and the worker of batch b ends in 1000 s");
	/* One second less. */
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'download_timeout': 60}"));
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 1);
	/* A moment later another one of that length has no time left. */
	tworker_new(b, "forever", "f", "'batch': 'other', 'concurrency': 1");
	task(b, ", 'run_timeout': 1000");
	bench_advance(b, 0.5);
	w = lasting(b, "v", 999.9, "");
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 0);
	w = lasting(b, "u", 1000.0, "");
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 1);
	bench_close(b);
}

/* One that does not fit keeps nobody else out, in its own batch and in those beside it. */
static void test_others_go_on(void **unused)
{
	struct bench *b = begin();
	struct tworker w = lasting(b, "w", 1000, ""), all;
	json_t *grant;

	(void)unused;
	task(b, ", 'run_timeout': 3600, 'priority': 5");
	task(b, ", 'run_timeout': 3600");
	task(b, ", 'run_timeout': 600");
	task(b, "");
	grant = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0));
	assert_int_equal(get_int(grant, "task_id"), 3);
	grant = (json_decref(grant),
	         json_incref(
	                 grant_of(tworker_ask(b, &w, "1",
	                                      both(started(grant), finished(grant, "succeeded"))),
	                          0)));
	assert_int_equal(get_int(grant, "task_id"), 4);
	json_decref(grant);
	/* Who lasts takes them in their order. */
	all = tworker_new(b, "all", "a", "'batch': '*', 'concurrency': 9");
	grant = tworker_ask(b, &all, "", NULL);
	assert_int_equal(grants_in(grant), 2);
	assert_int_equal(get_int(grant_of(grant, 0), "task_id"), 1);
	bench_close(b);
}

/* Any number of different lengths. */
static void test_many_lengths(void **unused)
{
	struct bench *b = begin();
	struct tworker w = lasting(b, "w", 100000, ", 'prefetch': 0");
	const struct batch_node *batch;
	uint32_t seen = 0;

	(void)unused;
	for (int i = 1; i <= 300; i++) {
		char more[40];

		snprintf(more, sizeof(more), ", 'run_timeout': %d", i * 37);
		task(b, more);
	}
	batch = state_batch_find(&b->core->state, "b");
	assert_in_range(batch->queues.n, 2, 100);
	assert_int_equal(state_batch_head(&b->core->state, batch), 1);
	assert_int_equal(state_batch_first(&b->core->state, batch, 0, 37)->head, 1);
	assert_null(state_batch_first(&b->core->state, batch, 0, 36));
	assert_int_equal(state_batch_least(&b->core->state, batch), 37);
	/* In the order in which they came. */
	for (int i = 1; i <= 300; i++) {
		json_t *grant = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0));
		char have[16];

		assert_int_equal(get_int(grant, "task_id"), ++seen);
		snprintf(have, sizeof(have), "%d", i);
		bench_call(b, 200, handle_execution_events, 0, NULL,
		           json_pack("{s:I, s:I, s:[o, o]}", "worker_id", (json_int_t)w.id, "epoch",
		                     (json_int_t)w.epoch, "events", started(grant),
		                     finished(grant, "succeeded")));
		json_decref(grant);
	}
	bench_close(b);
}

/* Without a run_timeout: until a minute before the end, of a short time until a tenth before. */
static void test_drained(void **unused)
{
	static const struct {
		double lasts, still, no_more;
	} cases[] = {{1000, 939, 941}, {100, 89, 91}};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench *b = begin();
		struct tworker w = lasting(b, "w", cases[i].lasts, ""), v;
		struct call *waits;

		bench_advance(b, cases[i].still - 10);
		waits = tworker_lease(b, &w, "", NULL, 20);
		bench_advance(b, 10);
		assert_false(state_worker(&b->core->state, w.id)->drained);
		task(b, "");
		assert_int_equal(grants_in(call_answer(waits)), 1);
		v = tworker_new(b, "v", "v", "'batch': 'c', 'concurrency': 1");
		(void)v;
		task(b, "");
		bench_call(b, 200, handle_worker_update, w.id, NULL, json_of("{'concurrency': 2}"));
		waits = tworker_lease(b, &w, "1", NULL, 0);
		assert_int_equal(grants_in(call_answer(waits)), 1);
		task(b, "");
		bench_call(b, 200, handle_worker_update, w.id, NULL, json_of("{'concurrency': 3}"));
		bench_advance(b, cases[i].no_more - cases[i].still);
		assert_true(state_worker(&b->core->state, w.id)->drained);
		assert_int_equal(grants_in(tworker_ask(b, &w, "1, 2", NULL)), 0);
		expect_why(b, 3, "walltime", "too soon for another task");
		/* It is so after a restart too. */
		bench_restart(b);
		assert_true(state_worker(&b->core->state, w.id)->drained);
		/* It lasts longer than was thought. */
		put_end(b, &w, in_seconds(b, 500));
		assert_false(state_worker(&b->core->state, w.id)->drained);
		assert_int_equal(grants_in(tworker_ask(b, &w, "1, 2", NULL)), 1);
		put_end(b, &w, "null");
		assert_int_equal(state_worker(&b->core->state, w.id)->end_ns, INT64_MAX);
		assert_int_equal(b->core->state.ending, 0);
		bench_close(b);
	}
}

/* Who begins anew says anew when he ends; the agent that was restarted may not know better. */
static void test_again(void **unused)
{
	struct bench *b = begin();
	struct tworker w = lasting(b, "w", 1000, "");

	(void)unused;
	put_end(b, &w, in_seconds(b, 5000));
	w = lasting(b, "w", 1000, "");
	task(b, ", 'run_timeout': 5000");
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 1);
	w = tworker_new(b, "w", "other", "'batch': 'b', 'concurrency': 1");
	assert_int_equal(state_worker(&b->core->state, w.id)->end_ns, INT64_MAX);
	/* A date far away is none. */
	w = tworker_new(b, "x", "x",
	                "'batch': 'b', 'concurrency': 1, 'end_date': '9999-12-31T00:00:00'");
	assert_int_equal(state_worker(&b->core->state, w.id)->end_ns, INT64_MAX);
	bench_call(b, 200, handle_worker_delete, w.id, NULL, NULL);
	bench_close(b);
}

/* What is held ready can end even if all before it take the time that they may. */
static void test_held_ready(void **unused)
{
	struct bench *b = begin();
	struct tworker w = lasting(b, "w", 1000, ", 'prefetch': 5");

	(void)unused;
	for (int i = 0; i < 8; i++)
		task(b, ", 'run_timeout': 300");
	/* 300 to run, 600 with the second behind it, 900 with the third. */
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 3);
	/* Behind one of which nobody knows how long it takes nothing is. */
	w = lasting(b, "v", 100000, ", 'prefetch': 1");
	task(b, ", 'priority': 1");
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 1);
	task(b, ", 'priority': 1");
	assert_int_equal(grants_in(tworker_ask(b, &w, "4", NULL)), 1);
	bench_close(b);
}

/* Its machine ended under its tasks: as one that was taken away. */
static void test_ends(void **unused)
{
	struct bench *b = begin();
	struct tworker w = lasting(b, "w", 100, "");
	struct task row;

	(void)unused;
	task(b, "");
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 1);
	bench_advance(b, 90);
	tworker_ask(b, &w, "1", NULL);
	bench_advance(b, 59);
	assert_string_equal(task_word(b, 1), "accepted");
	bench_advance(b, 2);
	row = bench_task(b, 1);
	assert_int_equal(row.status, TASK_PENDING);
	assert_int_equal(row.losses, 0);
	assert_int_equal(row.attempts, 0);
	assert_int_equal(row.evictions, 1);
	assert_int_equal(worker_status_of(state_worker(&b->core->state, w.id)), WORKER_EVICTED);
	bench_close(b);
}

/* Ten times is enough: it would never end. Losses and attempts are counted apart. */
static void test_evicted_too_often(void **unused)
{
	struct bench *b = begin();

	(void)unused;
	task(b, ", 'retry': 1");
	for (int i = 1; i <= 10; i++) {
		char name[8];
		struct tworker w;
		json_t *grant;

		assert_string_equal(task_word(b, 1), "pending");
		snprintf(name, sizeof(name), "w%d", i);
		w = tworker_new(b, name, name, "'batch': 'b', 'concurrency': 1");
		grant = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0));
		/* By its provider's word, and the last time by its own. */
		if (i < 10)
			bench_call(b, 200, handle_worker_update, w.id, NULL,
			           json_of("{'status': 'evicted'}"));
		else
			tworker_ask(b, &w, "", both(started(grant), finished(grant, "evicted")));
		assert_int_equal(bench_task(b, 1).evictions, i);
		json_decref(grant);
	}
	bench_restart(b);
	assert_string_equal(task_word(b, 1), "failed");
	assert_string_equal(bench_task(b, 1).reason, "evicted");
	assert_int_equal(bench_task(b, 1).evictions, 10);
	assert_int_equal(bench_task(b, 1).losses, 0);
	assert_int_equal(bench_task(b, 1).attempts, 0);
	expect_why(b, 1, "evicted", "its machines were taken away 10 times");
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'status': 'pending'}"));
	assert_int_equal(bench_task(b, 1).evictions, 0);
	bench_close(b);
}

/* Recruiters. */

static void looks(struct bench *b)
{
	bench_advance(b, 0.3);
	bench_advance(b, 0.3);
}

static void flavor(struct bench *b)
{
	struct flavor row = {
	        .name = "f", .provider = "p", .cpu = 4, .ram = 16, .disk = NAN, .gpumem = NAN};

	assert_true(record_insert(b->core, TABLE_FLAVOR, &row));
}

static void offer(struct bench *b, const char *region, double cost, int64_t walltime)
{
	struct flavor_metrics metrics = {.flavor_name = "f",
	                                 .provider = "p",
	                                 .region_name = region,
	                                 .available = 9,
	                                 .cost = cost,
	                                 .eviction = 0,
	                                 .walltime = walltime};

	assert_true(record_insert(b->core, TABLE_FLAVOR_METRICS, &metrics));
	bench_step(b);
}

static void recruit(struct bench *b, const char *more)
{
	char text[300];

	snprintf(text, sizeof(text),
	         "{'batch': 'b', 'rank': 1, 'tasks_per_worker': 10, 'worker_concurrency': 1, "
	         "'worker_flavor': 'auto', 'worker_provider': 'auto', 'worker_region': 'auto'%s}",
	         more);
	bench_call(b, 201, handle_recruiter_create, 0, NULL, json_of(text));
}

static json_t *decision(struct bench *b)
{
	return bench_call(b, 200, handle_recruiter_why, 1, "b", NULL);
}

static void test_where_it_hires(void **unused)
{
	struct bench *b = begin();
	json_t *answer;

	(void)unused;
	flavor(b);
	offer(b, "short", 1, 3600);
	task(b, ", 'run_timeout': 3541");
	recruit(b, "");
	looks(b);
	answer = decision(b);
	assert_string_equal(get_text(answer, "state"), "walltime");
	assert_non_null(strstr(get_text(answer, "why"),
	                       "its tasks may take 3541 s, and the longest leaves 3540 s"));
	expect_why(b, 1, "recruiter", "the longest leaves 3540 s");
	assert_int_equal(b->core->state.last_job, 0);
	/* One second less, and it is hired there. */
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'run_timeout': 3540}"));
	looks(b);
	assert_int_equal(b->core->state.last_job, 1);
	assert_string_equal(job_find(&b->core->state, 1)->region, "short");
	/* A dearer place that lasts is taken where the cheap one does not. */
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'status': 'paused'}"));
	offer(b, "long", 2, INT_NULL);
	for (int i = 0; i < 11; i++)
		task(b, ", 'run_timeout': 7200");
	looks(b);
	assert_int_equal(b->core->state.last_job, 2);
	assert_string_equal(job_find(&b->core->state, 2)->region, "long");
	bench_close(b);
}

/* A worker that lasts too short for the batch is no more for its recruiter. */
static void test_counts_no_more(void **unused)
{
	struct bench *b = begin();
	struct tworker w = lasting(b, "w", 4000, ", 'prefetch': 0");

	(void)unused;
	task(b, "");
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 1);
	task(b, ", 'run_timeout': 3600");
	recruit(b, ", 'worker_flavor': 'f', 'worker_provider': 'p', 'worker_region': 'r'");
	looks(b);
	assert_string_equal(get_text(decision(b), "state"), "enough");
	bench_advance(b, 300);
	tworker_ask(b, &w, "1", NULL);
	assert_int_equal(b->core->state.last_job, 0);
	/* Nothing else happens at that moment. */
	for (int i = 0; i < 6; i++) {
		bench_advance(b, 20);
		tworker_ask(b, &w, "1", NULL);
	}
	looks(b);
	assert_int_equal(b->core->state.last_job, 1);
	assert_int_equal(get_int(decision(b), "workers"), 0);
	bench_close(b);
}

static void test_drained_counts_no_more(void **unused)
{
	struct bench *b = begin();
	struct tworker w = lasting(b, "w", 200, ", 'prefetch': 0");

	(void)unused;
	task(b, "");
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 1);
	task(b, "");
	recruit(b, ", 'worker_flavor': 'f', 'worker_provider': 'p', 'worker_region': 'r'");
	looks(b);
	assert_string_equal(get_text(decision(b), "state"), "enough");
	for (int i = 0; i < 4; i++) {
		bench_advance(b, 44.5);
		tworker_ask(b, &w, "1", NULL);
	}
	assert_int_equal(b->core->state.last_job, 0);
	bench_advance(b, 3);
	looks(b);
	assert_int_equal(b->core->state.last_job, 1);
	bench_close(b);
}

/* Nor is it taken over for what it could not end; where it could it is. */
static void test_takes_over(void **unused)
{
	struct bench *b = begin();
	char text[200];

	(void)unused;
	snprintf(text, sizeof(text), "'batch': 'a', 'concurrency': 1, 'end_date': %s",
	         in_seconds(b, 1000));
	tworker_new(b, "w", "w", text);
	task(b, ", 'run_timeout': 1001");
	bench_call(
	        b, 201, handle_recruiter_create, 0, NULL,
	        json_of("{'batch': 'b', 'rank': 1, 'tasks_per_worker': 1, 'worker_concurrency': 1, "
	                "'worker_flavor': 'auto'}"));
	looks(b);
	assert_string_equal(worker_batch(state_worker(&b->core->state, 1)), "a");
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'run_timeout': 900}"));
	looks(b);
	assert_string_equal(worker_batch(state_worker(&b->core->state, 1)), "b");
	bench_close(b);
}

/* Where no limit is told, what the last machine there had is one: nobody hires for ever. */
static void test_learns(void **unused)
{
	struct bench *b = begin();
	char text[300];
	struct job row = {.job_id = 1};
	int64_t jobs;

	(void)unused;
	task(b, ", 'run_timeout': 3600");
	recruit(b, ", 'worker_flavor': 'f', 'worker_provider': 'p', 'worker_region': 'r'");
	looks(b);
	assert_int_equal(b->core->state.last_job, 1);
	assert_true(record_find(b->core, TABLE_JOB, &row));
	snprintf(text, sizeof(text), "'batch': 'b', 'concurrency': 1, 'end_date': %s",
	         in_seconds(b, 600));
	tworker_new(b, row.target, "i", text);
	looks(b);
	assert_int_equal(b->core->state.last_job, 1);
	assert_string_equal(get_text(decision(b), "state"), "walltime");
	expect_why(b, 1, "walltime", "the longest leaves 599 s");
	/* It waits for nothing here, and so is given back although tasks are pending. */
	for (int i = 0; i < 20; i++)
		bench_advance(b, 50);
	assert_null(state_worker(&b->core->state, 1));
	/* Limits are changed: one is tried again. */
	jobs = b->core->state.last_job;
	for (int i = 0; i < 50; i++)
		bench_advance(b, 50);
	assert_int_equal(b->core->state.last_job, jobs);
	for (int i = 0; i < 10; i++)
		bench_advance(b, 50);
	assert_int_equal(b->core->state.last_job, jobs + 1);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_need),
	        cmocka_unit_test(test_fits),
	        cmocka_unit_test(test_others_go_on),
	        cmocka_unit_test(test_many_lengths),
	        cmocka_unit_test(test_drained),
	        cmocka_unit_test(test_again),
	        cmocka_unit_test(test_held_ready),
	        cmocka_unit_test(test_ends),
	        cmocka_unit_test(test_evicted_too_often),
	        cmocka_unit_test(test_where_it_hires),
	        cmocka_unit_test(test_counts_no_more),
	        cmocka_unit_test(test_drained_counts_no_more),
	        cmocka_unit_test(test_takes_over),
	        cmocka_unit_test(test_learns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
