/*
 * Recruiters at work on the core: who is taken over, what is deployed, what is given back. The
 * provider is the test, which ends jobs and registers workers.
 */
#include "tests/unit/server_worker.h"

#include "base/clock.h"
#include "server/columns.h"
#include "server/job.h"
#include "server/record.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Until the recruiters have looked, and looked at what came of it. */
static void looks(struct bench *b)
{
	bench_advance(b, 0.3);
	bench_advance(b, 0.3);
}

static struct bench *begin(void)
{
	return bench_open(
	        &(struct core_options){.provider = &provider_silent, .eviction_margin = 20});
}

static void recruiter(struct bench *b, const char *batch, int rank, const char *fields)
{
	char text[400];

	snprintf(text, sizeof(text),
	         "{'batch': '%s', 'rank': %d, 'tasks_per_worker': 1, 'worker_concurrency': 1, "
	         "'worker_flavor': 'auto', %s}",
	         batch, rank, fields);
	bench_call(b, 201, handle_recruiter_create, 0, NULL, json_of(text));
}

#define DEPLOYS "'worker_provider': 'p', 'worker_region': 'r', 'worker_flavor': 'f'"

static void tasks(struct bench *b, const char *batch, int n)
{
	char text[80];

	snprintf(text, sizeof(text), "{'batch': '%s'}", batch);
	while (n-- > 0)
		bench_new_task(b, text);
}

static const char *batch_of_worker(struct bench *b, int64_t id)
{
	const char *name = worker_batch(state_worker(&b->core->state, id));

	return name ? name : "";
}

static struct worker worker_row(struct bench *b, int64_t id)
{
	struct worker row = {.worker_id = id};

	assert_true(record_find(b->core, TABLE_WORKER, &row));
	return row;
}

static json_t *why(struct bench *b, const char *batch, int rank)
{
	return bench_call(b, 200, handle_recruiter_why, rank, batch, NULL);
}

static void expect_why(struct bench *b, const char *batch, int rank, const char *state,
                       const char *sentence)
{
	json_t *answer = why(b, batch, rank);

	if (strcmp(get_text(answer, "state"), state) != 0 ||
	    strstr(get_text(answer, "why"), sentence) == NULL)
		fail_msg("%s: %s", get_text(answer, "state"), get_text(answer, "why"));
}

static uint32_t jobs(struct bench *b)
{
	return b->core->state.last_job;
}

static struct job job_row(struct bench *b, uint32_t id)
{
	struct job row = {.job_id = id};

	assert_true(record_find(b->core, TABLE_JOB, &row));
	return row;
}

static void job_fails(struct bench *b, uint32_t id)
{
	struct job_node *job = job_find(&b->core->state, id);

	assert_non_null(job);
	assert_int_equal(job->status, JOB_RUNNING);
	job->order = 0;
	assert_true(job_move(b->core, job, JOB_EVENT_FAIL, "no luck"));
	bench_step(b);
}

/* The machine of a job speaks. */
static struct tworker arrives(struct bench *b, uint32_t job, const char *flavor, const char *batch)
{
	char text[200];
	struct job row = job_row(b, job);

	snprintf(text, sizeof(text),
	         "'concurrency': 1, 'batch': '%s', 'flavor': '%s', 'provider': 'p', 'region': 'r', "
	         "'permanent': false",
	         batch, flavor);
	return tworker_new(b, row.target, row.target, text);
}

static void offer(struct bench *b, const char *flavor, const char *region, int64_t cpu, double cost,
                  int64_t eviction, int64_t available)
{
	struct flavor row = {.name = flavor,
	                     .provider = "p",
	                     .cpu = cpu,
	                     .ram = 4 * (double)cpu,
	                     .disk = NAN,
	                     .gpumem = NAN};
	struct flavor_metrics metrics = {.flavor_name = flavor,
	                                 .provider = "p",
	                                 .region_name = region,
	                                 .available = available,
	                                 .cost = cost,
	                                 .eviction = eviction};

	assert_true(record_insert(b->core, TABLE_FLAVOR, &row));
	assert_true(record_insert(b->core, TABLE_FLAVOR_METRICS, &metrics));
	bench_step(b);
}

static void test_takes_over(void **unused)
{
	struct bench *b = begin();
	struct worker row;

	(void)unused;
	tworker_new(b, "idle", "i", "'concurrency': 4, 'batch': 'a', 'flavor': 'f'");
	tworker_new(b, "other", "i", "'concurrency': 1, 'batch': 'a', 'flavor': 'g'");
	tworker_new(b, "pattern", "i", "'concurrency': 1, 'batch': 'z*', 'flavor': 'f'");
	tworker_new(b, "busy", "i", "'concurrency': 1, 'batch': 'c', 'flavor': 'f'");
	bench_call(b, 200, handle_batch_stop, 0, "d", NULL);
	tasks(b, "c", 1);
	tasks(b, "b", 5);
	recruiter(b, "b", 1,
	          "'worker_flavor': 'f', 'tasks_per_worker': 2, 'worker_concurrency': 3, "
	          "'worker_prefetch': 2");
	assert_string_equal(batch_of_worker(b, 1), "a");
	looks(b);
	/* Three are needed; only this one is of the flavor, by name of a batch without a task. */
	assert_string_equal(batch_of_worker(b, 1), "b");
	assert_string_equal(batch_of_worker(b, 2), "a");
	assert_string_equal(batch_of_worker(b, 3), "z*");
	assert_string_equal(batch_of_worker(b, 4), "c");
	row = worker_row(b, 1);
	assert_int_equal(row.concurrency, 3);
	assert_int_equal(row.prefetch, 2);
	expect_why(b, "b", 1, "recycle_only", "recruiter 1 only takes over workers of flavor f");
	assert_int_equal(get_int(why(b, "b", 1), "need"), 2);
	assert_int_equal(get_int(why(b, "b", 1), "workers"), 1);
	assert_int_equal(get_int(why(b, "b", 1), "pending"), 5);
	/* It stays: its batch has tasks, and so a second look changes nothing. */
	recruiter(b, "c", 1, "'worker_flavor': 'f', 'tasks_per_worker': 1");
	tasks(b, "c", 3);
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "b");
	assert_int_equal(jobs(b), 0);
	bench_close(b);
}

/* Tasks in debug call for nobody; the one that its user lets run does. */
static void test_debugged(void **unused)
{
	struct bench *b = begin();

	(void)unused;
	for (int i = 0; i < 5; i++)
		bench_new_task(b, "{'batch': 'b', 'status': 'debug'}");
	recruiter(b, "b", 1, DEPLOYS);
	looks(b);
	assert_int_equal(jobs(b), 0);
	assert_int_equal(get_int(why(b, "b", 1), "pending"), 0);
	bench_call(b, 200, handle_task_update, 3, NULL, json_of("{'status': 'pending'}"));
	looks(b);
	assert_int_equal(jobs(b), 1);
	assert_int_equal(get_int(why(b, "b", 1), "pending"), 1);
	bench_close(b);
}

/* Old tasks keep the weight that they had, also after a restart; the machine is not overbooked. */
static void test_old_tasks(void **unused)
{
	struct bench *b = begin();
	struct tworker w =
	        tworker_new(b, "w", "i", "'concurrency': 2, 'batch': 'a', 'flavor': 'f'");
	json_t *first, *answer;
	char have[64];
	const struct worker_node *node;

	(void)unused;
	tasks(b, "a", 1);
	first = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0));
	tasks(b, "b", 20);
	recruiter(b, "b", 1, "'worker_concurrency': 10, 'tasks_per_worker': 100");
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "b");
	assert_string_equal(worker_row(b, 1).task_properties, "{\"a\":0.5}");
	snprintf(have, sizeof(have), "%lld", (long long)get_int(first, "execution_id"));
	answer = tworker_ask(b, &w, have, NULL);
	/* Half of it is left: five of the ten that would fill it. */
	assert_int_equal(grants_in(answer), 5);
	bench_restart(b);
	node = state_worker(&b->core->state, 1);
	assert_true(fabs(node->used - 1) < 1e-9);
	/* The old one ends: there is room for five more. */
	answer = tworker_ask(b, &w, "1, 2, 3, 4, 5, 6", both(finished(first, "succeeded"), NULL));
	assert_int_equal(grants_in(answer), 5);
	json_decref(first);
	bench_close(b);
}

/* Of a worker without a flavor its own cpus and memory count. */
static void test_what_the_worker_says(void **unused)
{
	struct bench *b = begin();

	(void)unused;
	tworker_new(b, "small", "i",
	            "'concurrency': 1, 'batch': 'a', 'cpus': 2, 'ram': 4294967296");
	tworker_new(b, "big", "i", "'concurrency': 1, 'batch': 'a', 'cpus': 8, 'ram': 34359738368");
	tasks(b, "b", 9);
	recruiter(b, "b", 1, "'worker_flavor': 'auto:cpu>=8:ram>=32:tags!#M'");
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "a");
	assert_string_equal(batch_of_worker(b, 2), "b");
	/* Nor is one taken that somebody paused, or that is silent. */
	bench_call(b, 200, handle_worker_update, 1, NULL, json_of("{'status': 'paused'}"));
	recruiter(b, "b", 2, "'worker_flavor': 'auto'");
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "a");
	bench_call(b, 200, handle_worker_update, 1, NULL, json_of("{'status': 'offline'}"));
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "a");
	bench_call(b, 200, handle_worker_update, 1, NULL, json_of("{'status': 'running'}"));
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "b");
	bench_close(b);
}

static void test_deploys(void **unused)
{
	struct bench *b = begin();
	struct tworker w;
	json_t *args;

	(void)unused;
	tasks(b, "b", 5);
	/* One that is busy is not waited for by a recruiter that can deploy. */
	w = tworker_new(b, "busy", "i",
	                "'concurrency': 2, 'batch': 'a', 'flavor': 'f', 'provider': 'p', "
	                "'region': 'r'");
	tasks(b, "a", 1);
	tworker_ask(b, &w, "", NULL);
	recruiter(b, "b", 1, DEPLOYS ", 'tasks_per_worker': 2, 'maximum_workers': 2");
	looks(b);
	assert_int_equal(jobs(b), 2);
	args = json_loads(job_row(b, 1).args, 0, NULL);
	assert_string_equal(get_text(args, "flavor"), "f");
	assert_string_equal(get_text(args, "batch"), "b");
	json_decref(args);
	expect_why(b, "b", 1, "maximum_workers", "has its maximum of 2 workers");
	/* Being made they count, for every rank. */
	recruiter(b, "b", 2, DEPLOYS ", 'maximum_workers': 3");
	looks(b);
	assert_int_equal(jobs(b), 3);
	bench_restart(b);
	looks(b);
	assert_int_equal(jobs(b), 3);
	assert_int_equal(get_int(why(b, "b", 2), "deploying"), 3);
	/* There it counts once. */
	w = arrives(b, 1, "f", "b");
	looks(b);
	assert_int_equal(get_int(why(b, "b", 2), "deploying"), 2);
	assert_int_equal(get_int(why(b, "b", 2), "workers"), 1);
	/* Offline and failed ones do not count. */
	bench_call(b, 200, handle_worker_update, w.id, NULL, json_of("{'status': 'failed'}"));
	looks(b);
	assert_int_equal(jobs(b), 4);
	/* The second POST changes what it says and nothing else. */
	bench_call(b, 201, handle_recruiter_create, 0, NULL,
	           json_of("{'batch': 'b', 'rank': 2, 'maximum_workers': 4}"));
	looks(b);
	assert_int_equal(jobs(b), 5);
	/* With the batch they go. */
	bench_call(b, 200, handle_batch_delete, 0, "b", NULL);
	bench_call(b, 404, handle_recruiter_why, 1, "b", NULL);
	bench_close(b);
}

static void test_free_is_taken_before_one_is_made(void **unused)
{
	struct bench *b = begin();

	(void)unused;
	tworker_new(b, "free", "i",
	            "'concurrency': 1, 'batch': 'a', 'flavor': 'f', 'provider': 'p', "
	            "'region': 'r'");
	tworker_new(b, "far", "i",
	            "'concurrency': 1, 'batch': 'a', 'flavor': 'f', 'provider': 'p', "
	            "'region': 's'");
	tasks(b, "b", 2);
	recruiter(b, "b", 1, DEPLOYS);
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "b");
	assert_string_equal(batch_of_worker(b, 2), "a");
	assert_int_equal(jobs(b), 1);
	expect_why(b, "b", 1, "enough", "has enough workers: 2 for 2 pending tasks");
	bench_close(b);
}

/* Where no quota is told a mistake does not cost a fortune. */
static void test_untold_quota(void **unused)
{
	struct bench *b = begin();
	json_t *list = json_array();

	(void)unused;
	for (int i = 0; i < 1010; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "command", "x", "batch", "b"));
	bench_call(b, 201, handle_task_bulk, 0, NULL, json_pack("{s:o}", "tasks", list));
	recruiter(b, "b", 1, DEPLOYS);
	looks(b);
	assert_int_equal(jobs(b), 1000);
	expect_why(b, "b", 1, "quota", "finds no more machines of flavor f within the quota");
	bench_close(b);
}

/* A place where it failed is left alone for a while, longer each time; the next rank goes on. */
static void test_setback(void **unused)
{
	struct bench *b = begin();

	(void)unused;
	tasks(b, "b", 1);
	recruiter(b, "b", 1, DEPLOYS);
	looks(b);
	assert_int_equal(jobs(b), 1);
	job_fails(b, 1);
	looks(b);
	assert_int_equal(jobs(b), 1);
	expect_why(b, "b", 1, "setback", "waits before it deploys again");
	recruiter(b, "b", 2, DEPLOYS ", 'worker_region': 's'");
	looks(b);
	assert_int_equal(jobs(b), 2);
	job_fails(b, 2);
	looks(b);
	bench_advance(b, 31);
	assert_int_equal(jobs(b), 3);
	job_fails(b, 3);
	looks(b);
	/* The other place is free again. */
	assert_int_equal(jobs(b), 4);
	job_fails(b, 4);
	looks(b);
	bench_advance(b, 50);
	assert_int_equal(jobs(b), 4);
	bench_advance(b, 11);
	assert_int_equal(jobs(b), 5);
	bench_close(b);
}

static void test_offers_and_quota(void **unused)
{
	struct bench *b = begin();
	json_t *answer;

	(void)unused;
	offer(b, "cheap", "r", 4, 1, 0, 2);
	offer(b, "small", "r", 1, 0.5, 0, INT_NULL);
	offer(b, "dear", "s", 8, 3, 0, 1);
	tasks(b, "b", 9);
	recruiter(b, "b", 1,
	          "'worker_flavor': 'auto:cpu>=2', 'worker_provider': 'auto', 'worker_region': "
	          "'auto'");
	looks(b);
	assert_int_equal(jobs(b), 3);
	answer = why(b, "b", 1);
	assert_string_equal(get_text(answer, "state"), "quota");
	assert_int_equal(get_int(answer, "need"), 6);
	/* Whoever came since the quota was told still counts against it. */
	arrives(b, 1, "cheap", "b");
	looks(b);
	assert_int_equal(jobs(b), 3);
	recruiter(b, "b", 2,
	          "'worker_flavor': 'auto:cpu>=64', 'worker_provider': 'auto', "
	          "'worker_region': 'auto'");
	looks(b);
	expect_why(b, "b", 2, "no_offer", "finds no machine of flavor auto:cpu>=64");
	/* One that this server does not have. */
	recruiter(b, "b", 3, DEPLOYS ", 'worker_provider': 'azure'");
	looks(b);
	expect_why(b, "b", 3, "no_provider", "would deploy f in r: no provider azure");
	assert_int_equal(jobs(b), 3);
	bench_close(b);
}

static void share(struct bench *b, const char *flavor, int64_t cpu, int64_t available)
{
	struct flavor row = {.name = flavor,
	                     .provider = "p",
	                     .cpu = cpu,
	                     .ram = NAN,
	                     .disk = NAN,
	                     .gpumem = NAN};
	struct flavor_metrics metrics = {.flavor_name = flavor,
	                                 .provider = "p",
	                                 .region_name = "r",
	                                 .available = available,
	                                 .cost = (double)NAN,
	                                 .eviction = INT_NULL,
	                                 .walltime = INT_NULL,
	                                 .pool = "cpus"};

	assert_true(record_insert(b->core, TABLE_FLAVOR, &row));
	assert_true(record_insert(b->core, TABLE_FLAVOR_METRICS, &metrics));
}

static int64_t cpus_of_jobs(struct bench *b)
{
	int64_t cpus = 0;

	for (uint32_t id = 1; id <= jobs(b); id++) {
		const struct job_node *job = job_find(&b->core->state, id);

		cpus += job != NULL ? strtol(job->flavor + 1, NULL, 10) : 0;
	}
	return cpus;
}

/* Parts of one machine are not offered twice, in one decision nor in those that follow. */
static void test_shared_quota(void **unused)
{
	struct bench *b = begin();

	(void)unused;
	share(b, "f4", 4, 1);
	share(b, "f2", 2, 2);
	share(b, "f1", 1, 4);
	bench_step(b);
	tasks(b, "b", 7);
	recruiter(b, "b", 1,
	          "'worker_flavor': 'auto:cpu>=2', 'worker_provider': 'p', 'worker_region': 'r', "
	          "'maximum_workers': 1");
	looks(b);
	assert_int_equal(jobs(b), 1);
	assert_int_equal(cpus_of_jobs(b), 2);
	recruiter(b, "b", 2,
	          "'worker_flavor': 'auto', 'worker_provider': 'p', 'worker_region': 'r'");
	looks(b);
	assert_int_equal(cpus_of_jobs(b), 4);
	assert_int_equal(jobs(b), 3);
	expect_why(b, "b", 2, "quota", "within the quota");
	/* There they take it still, until the quota is told anew. */
	arrives(b, 1, "f2", "b");
	looks(b);
	assert_int_equal(jobs(b), 3);
	bench_close(b);
}

static void test_one_error_stops_nothing_else(void **unused)
{
	struct bench *b = begin();
	const struct recruiter bad = {.batch = "bad",
	                              .rank = 1,
	                              .tasks_per_worker = 1,
	                              .worker_flavor = "auto:nonsense",
	                              .worker_concurrency = 1,
	                              .worker_prefetch = 0,
	                              .minimum_tasks = INT_NULL,
	                              .maximum_workers = INT_NULL};

	(void)unused;
	bench_call(b, 422, handle_recruiter_create, 0, NULL,
	           json_of("{'batch': 'bad', 'tasks_per_worker': 1, 'worker_concurrency': 1, "
	                   "'worker_flavor': 'auto:nonsense'}"));
	assert_true(record_insert(b->core, TABLE_RECRUITER, &bad));
	tasks(b, "bad", 1);
	tasks(b, "good", 1);
	recruiter(b, "good", 2, DEPLOYS);
	looks(b);
	expect_why(b, "bad", 1, "invalid", "at character 6 a column of flavors");
	assert_int_equal(jobs(b), 1);
	bench_close(b);
}

static void submit(struct bench *b, const char *limits)
{
	json_t *run = json_of("{'name': 'q', 'digest': 'd', 'batches': [{'batch': 'q.a'}, "
	                      "{'batch': 'q.b', 'depth': 1}]}"),
	       *more = json_of(limits);

	json_object_update(run, more);
	json_decref(more);
	bench_call(b, 201, handle_run_create, 0, NULL, run);
	bench_call(b, 201, handle_task_bulk, 0, NULL,
	           json_of("{'run_id': 1, 'tasks': [{'command': 'x', 'batch': 'q.a'}, "
	                   "{'command': 'x', 'batch': 'q.a'}, {'command': 'x', 'batch': 'q.b'}, "
	                   "{'command': 'x', 'batch': 'q.b'}]}"));
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'running'}"));
}

static void test_limits_of_a_run(void **unused)
{
	struct bench *b = begin();

	(void)unused;
	submit(b, "{'maximum_workers': 3}");
	recruiter(b, "q.a", 1, DEPLOYS);
	recruiter(b, "q.b", 1, DEPLOYS);
	bench_advance(b, 0.3);
	/* Over all of its steps, the deeper first. */
	assert_int_equal(get_int(why(b, "q.b", 1), "deployed"), 2);
	expect_why(b, "q.a", 1, "run_limit",
	           "recruiter 1 deploys 1 worker of flavor f in r of p of 2 needed; it hires "
	           "nobody more: run 1 has 3 workers of at most 3");
	looks(b);
	assert_int_equal(jobs(b), 3);
	expect_why(b, "q.a", 1, "run_limit",
	           "recruiter 1 hires nobody more: run 1 has 3 workers of at most 3");
	bench_close(b);
}

/* A team's worker helps a run, through its steps, and is back where it belongs when that has ended.
 */
static void test_goes_back(void **unused)
{
	struct bench *b = begin();
	struct worker row;
	struct tworker w;

	(void)unused;
	w = tworker_new(b, "w", "i", "'concurrency': 3, 'prefetch': 2, 'batch': 'team'");
	submit(b, "{'maximum_workers': 9}");
	recruiter(b, "q.a", 1, "'worker_flavor': 'auto'");
	recruiter(b, "q.b", 1, "'worker_flavor': 'auto'");
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "q.b");
	for (uint32_t id = 3; id <= 4; id++)
		bench_call(b, 200, handle_task_update, id, NULL, json_of("{'status': 'failed'}"));
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "q.a");
	bench_restart(b);
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "q.a");
	bench_call(b, 200, handle_run_update, 1, NULL, json_of("{'status': 'cancelled'}"));
	looks(b);
	row = worker_row(b, 1);
	assert_string_equal(row.batch, "team");
	assert_int_equal(row.concurrency, 3);
	assert_int_equal(row.prefetch, 2);
	assert_null(row.home);
	/* By a batch of no run it is taken for good; and by hand it is set for good. */
	tasks(b, "x", 1);
	recruiter(b, "x", 1, "'worker_flavor': 'auto'");
	looks(b);
	bench_call(b, 200, handle_task_update, 5, NULL, json_of("{'status': 'failed'}"));
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "x");
	assert_non_null(worker_row(b, 1).home);
	bench_call(b, 200, handle_worker_update, w.id, NULL, json_of("{'batch': 'y'}"));
	assert_null(worker_row(b, 1).home);
	bench_close(b);
}

static void test_cost_stops_hiring(void **unused)
{
	struct bench *b = begin();

	(void)unused;
	submit(b, "{'max_cost': 0}");
	recruiter(b, "q.a", 1, DEPLOYS);
	looks(b);
	assert_int_equal(jobs(b), 0);
	expect_why(b, "q.a", 1, "run_limit", "run 1 has cost 0.00 of at most 0.00");
	/* What works for the run goes on, and from one step to the next. */
	tworker_new(b, "w", "i",
	            "'concurrency': 1, 'batch': 'q.c', 'flavor': 'f', 'provider': 'p', "
	            "'region': 'r'");
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "q.c");
	bench_call(b, 200, handle_worker_update, 1, NULL, json_of("{'batch': 'q.b'}"));
	for (uint32_t id = 3; id <= 4; id++)
		bench_call(b, 200, handle_task_update, id, NULL, json_of("{'status': 'paused'}"));
	looks(b);
	assert_string_equal(batch_of_worker(b, 1), "q.a");
	bench_close(b);
}

static void test_idle(void **unused)
{
	struct bench *b = begin();
	struct tworker w, fresh, home;
	json_t *grant;

	(void)unused;
	w = tworker_new(b, "w", "i",
	                "'concurrency': 1, 'batch': 'a', 'flavor': 'f', 'provider': 'p', "
	                "'region': 'r', 'permanent': false");
	fresh = tworker_new(b, "fresh", "i",
	                    "'concurrency': 1, 'batch': 'x', 'flavor': 'f', 'provider': 'p', "
	                    "'region': 'r', 'permanent': false");
	home = tworker_new(b, "home", "i", "'concurrency': 1, 'batch': 'x', 'flavor': 'f'");
	tasks(b, "a", 1);
	grant = grant_of(tworker_ask(b, &w, "", NULL), 0);
	for (int i = 0; i < 7; i++) {
		bench_advance(b, 100);
		tworker_ask(b, &w, "1", NULL);
		tworker_ask(b, &fresh, "", NULL);
		tworker_ask(b, &home, "", NULL);
	}
	/* Work came to an end; there is none for the other one yet. */
	tworker_ask(b, &w, "1", both(finished(grant, "succeeded"), NULL));
	for (int i = 0; i < 2; i++) {
		bench_advance(b, 140);
		tworker_ask(b, &w, "", NULL);
		tworker_ask(b, &fresh, "", NULL);
	}
	assert_int_equal(jobs(b), 0);
	/* A task meanwhile, however short, begins the time anew. */
	tasks(b, "a", 1);
	grant = grant_of(tworker_ask(b, &w, "", NULL), 0);
	tworker_ask(b, &w, "2", both(finished(grant, "succeeded"), NULL));
	looks(b);
	bench_advance(b, 30);
	assert_int_equal(jobs(b), 1); /* 700 + 280 + 30 seconds without a first task */
	assert_string_equal(job_row(b, 1).target, "fresh");
	assert_null(state_worker(&b->core->state, fresh.id));
	bench_advance(b, 280);
	assert_string_equal(job_row(b, 2).target, "w");
	assert_string_equal(job_row(b, 2).action, "worker_destroy");
	bench_advance(b, 10000);
	assert_int_equal(jobs(b), 2);
	assert_non_null(state_worker(&b->core->state, home.id));
	bench_close(b);
}

/* The machine is taken away: its tasks go on elsewhere, and none has used a retry. */
static void test_eviction(void **unused)
{
	struct bench *b = begin();
	struct tworker w;
	json_t *args;

	(void)unused;
	offer(b, "spot", "r", 4, 1, 5, INT_NULL);
	offer(b, "calm", "r", 4, 1.1, 0, INT_NULL);
	offer(b, "dear", "r", 4, 2, 0, INT_NULL);
	tasks(b, "b", 1);
	recruiter(b, "b", 1,
	          "'worker_flavor': 'auto:cpu>=2', 'worker_provider': 'p', 'worker_region': 'r'");
	looks(b);
	args = json_loads(job_row(b, 1).args, 0, NULL);
	assert_string_equal(get_text(args, "flavor"), "spot");
	json_decref(args);
	w = arrives(b, 1, "spot", "b");
	for (int i = 0; i < 5; i++) {
		tworker_ask(b, &w, "", NULL);
		assert_string_equal(task_word(b, 1), "accepted");
		bench_call(b, 200, handle_worker_update, w.id, NULL,
		           json_of("{'status': 'evicted'}"));
		assert_string_equal(task_word(b, 1), "pending");
		bench_call(b, 200, handle_worker_update, w.id, NULL,
		           json_of("{'status': 'running'}"));
	}
	bench_call(b, 200, handle_worker_update, w.id, NULL, json_of("{'status': 'evicted'}"));
	assert_int_equal(bench_task(b, 1).attempts, 0);
	assert_int_equal(bench_task(b, 1).losses, 0);
	looks(b);
	assert_int_equal(jobs(b), 2);
	/* For a tenth more there is one that is not taken away. */
	args = json_loads(job_row(b, 2).args, 0, NULL);
	assert_string_equal(get_text(args, "flavor"), "calm");
	json_decref(args);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_takes_over),
	        cmocka_unit_test(test_debugged),
	        cmocka_unit_test(test_old_tasks),
	        cmocka_unit_test(test_what_the_worker_says),
	        cmocka_unit_test(test_deploys),
	        cmocka_unit_test(test_free_is_taken_before_one_is_made),
	        cmocka_unit_test(test_untold_quota),
	        cmocka_unit_test(test_setback),
	        cmocka_unit_test(test_offers_and_quota),
	        cmocka_unit_test(test_shared_quota),
	        cmocka_unit_test(test_one_error_stops_nothing_else),
	        cmocka_unit_test(test_limits_of_a_run),
	        cmocka_unit_test(test_cost_stops_hiring),
	        cmocka_unit_test(test_goes_back),
	        cmocka_unit_test(test_idle),
	        cmocka_unit_test(test_eviction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
