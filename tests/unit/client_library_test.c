/* libscitq against a server in this process that can be mute, or cut connections before it answers.
 */
#include "tests/unit/client_server.h"

#include <math.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_styles(void **unused)
{
	struct scitq *s = open_scitq(30, true);
	struct scitq_answer *a = create(s, "n");
	const struct scitq_task *task = scitq_task(a, 0);

	(void)unused;
	assert_true(scitq_ready(a));
	assert_int_equal(scitq_result(a), SCITQ_OK);
	assert_int_equal(scitq_id(a), 1);
	assert_string_equal(json_string_value(json_object_get(scitq_json(a), "name")), "n");
	assert_int_equal(scitq_count(a), 1);
	assert_int_equal(task->task_id, 1);
	assert_int_equal(task->status, SCITQ_TASK_FAILED);
	assert_int_equal(task->creation_date, 1000002);
	/* What the server does not say is absent. */
	assert_int_equal(task->status_date, SCITQ_INT_NULL);
	assert_int_equal(task->use_cache, -1);
	assert_true(isnan(task->cpu));
	assert_null(task->command);
	assert_null(scitq_task(a, 1));
	assert_null(scitq_worker(a, 0));
	scitq_free(a);
	a = scitq_workers(s, NULL);
	assert_int_equal(scitq_count(a), 0);
	assert_null(scitq_worker(a, 0));
	scitq_free(a);
	assert_int_equal(scitq_close(s, 0), 0);
}

/* An answer stands for the number that is wanted, or for none. */
static void test_other_rows(void **unused)
{
	struct scitq *s = open_scitq(30, true);
	struct scitq_answer *task = create(s, "a"), *a;

	(void)unused;
	a = scitq_worker_delete(s, scitq_of(task));
	assert_int_equal(scitq_result(a), SCITQ_USAGE);
	assert_non_null(strstr(scitq_error(a), "worker_id"));
	scitq_free(a);
	scitq_free(task);
	scitq_close(s, 0);
}

static void test_usage(void **unused)
{
	struct scitq *s = open_scitq(30, true);
	struct scitq_answer *a = create(s, NULL), *b;
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	const unsigned before = server.requests;

	(void)unused;
	scitq_free(a);
	a = scitq_call(s, "nothing", json_object(), NULL, 0);
	assert_int_equal(scitq_result(a), SCITQ_USAGE);
	assert_string_equal(scitq_error(a), "there is no function nothing");
	scitq_free(a);
	a = scitq_call(s, "task_get", json_pack("{s:i, s:i}", "task_id", 1, "x", 2), NULL, 0);
	assert_non_null(strstr(scitq_error(a), "\"x\""));
	scitq_free(a);
	a = scitq_call(s, "task_get", json_pack("{s:[i]}", "task_id", 1), NULL, 0);
	assert_non_null(strstr(scitq_error(a), "must be a number or a text"));
	/* One that failed names nothing. */
	b = scitq_task_get(s, scitq_of(a));
	assert_int_equal(scitq_result(b), SCITQ_USAGE);
	assert_non_null(strstr(scitq_error(b), "was not made"));
	assert_null(scitq_json(b));
	scitq_free(b);
	scitq_free(a);
	assert_int_equal(server.requests, before);
	scitq_close(s, 0);
	assert_null(scitq_open("a b", NULL));
	options.put_timeout = 0;
	assert_null(scitq_open("a", &options));
}

static void test_mute(void **unused)
{
	struct scitq *s = open_scitq(0.3, true);
	struct scitq_answer *a[6];
	char name[8];

	(void)unused;
	set_mood(MUTE);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		a[i] = create(s, name);
		assert_false(scitq_ready(a[i]));
	}
	assert_int_equal(scitq_pending(s), 6);
	assert_false(scitq_wait(a[0], 0.01));
	assert_int_equal(scitq_flush(s, 0.01), 6);
	set_mood(ANSWERS);
	/* Whoever reads one waits; those before it have been sent by then. */
	assert_int_equal(scitq_id(a[3]), 4);
	assert_true(scitq_ready(a[2]));
	assert_int_equal(scitq_flush(s, -1), 0);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(scitq_id(a[i]), i + 1);
		assert_string_equal(scitq_task(a[i], 0)->name, name);
		scitq_free(a[i]);
	}
	/* Synchronous again. */
	a[0] = create(s, "last");
	assert_true(scitq_ready(a[0]));
	scitq_free(a[0]);
	assert_int_equal(scitq_close(s, 0), 0);
}

static void test_closed(void **unused)
{
	struct scitq *s = open_scitq(0.1, true);
	struct scitq_answer *a, *b;

	(void)unused;
	set_mood(MUTE);
	a = create(s, "a");
	b = create(s, "b");
	assert_int_equal(scitq_close(s, 0.05), 2);
	assert_int_equal(scitq_result(a), SCITQ_CLOSED);
	assert_true(strlen(scitq_hint(b)) > 0);
	assert_int_equal(scitq_id(b), SCITQ_INT_NULL);
	scitq_free(a);
	scitq_free(b);
}

static void test_synchronous(void **unused)
{
	struct scitq *s = open_scitq(0.1, false);
	struct scitq_answer *a;

	(void)unused;
	set_mood(MUTE);
	a = create(s, "a");
	assert_true(scitq_ready(a));
	assert_int_equal(scitq_result(a), SCITQ_UNREACHABLE);
	assert_int_equal(scitq_pending(s), 0);
	scitq_free(a);
	scitq_close(s, 0);
}

/* What a fork has of an open server: answers that are there, and nothing else. 0, or what is wrong.
 */
static int use_in_child(struct scitq *s, struct scitq_answer *done, struct scitq_answer *lazy)
{
	struct scitq_answer *a;

	alarm(60);
	if (scitq_result(done) != SCITQ_OK || scitq_id(done) != 1)
		return 1;
	if (!scitq_ready(lazy) || scitq_result(lazy) != SCITQ_FORKED)
		return 2;
	a = create(s, "child");
	if (scitq_result(a) != SCITQ_FORKED || strstr(scitq_error(a), "fork") == NULL)
		return 3;
	scitq_free(a);
	a = scitq_tasks(s, NULL);
	if (scitq_result(a) != SCITQ_FORKED)
		return 4;
	scitq_free(a);
	a = scitq_join(s, &done, 1, NULL);
	if (scitq_result(a) != SCITQ_FORKED)
		return 5;
	scitq_free(a);
	scitq_free(lazy);
	if (scitq_pending(s) != 0 || scitq_flush(s, -1) != 0 || scitq_close(s, -1) != 0)
		return 6;
	return 0;
}

static void test_forked(void **unused)
{
	struct scitq *s = open_scitq(0.1, true);
	struct scitq_answer *done = create(s, "a"), *lazy;
	int status;
	pid_t child;

	(void)unused;
	set_mood(MUTE);
	lazy = create(s, "b");
	assert_false(scitq_ready(lazy));
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(use_in_child(s, done, lazy));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* The parent has lost nothing by it. */
	set_mood(ANSWERS);
	assert_int_equal(scitq_flush(s, -1), 0);
	assert_int_equal(scitq_id(lazy), 2);
	assert_int_equal(server.made.n, 2);
	scitq_free(done);
	scitq_free(lazy);
	assert_int_equal(scitq_close(s, 0), 0);
}

#define THREADS 6
#define EACH 40

struct creator {
	struct scitq *s;
	int number;
	pthread_t thread;
	struct scitq_answer *answers[EACH];
};

static void *create_each(void *context)
{
	struct creator *c = context;
	char name[32];

	for (int i = 0; i < EACH; i++) {
		snprintf(name, sizeof(name), "%d.%d", c->number, i);
		c->answers[i] = create(c->s, name);
		if (i % 10 == 9)
			scitq_pending(c->s);
	}
	return NULL;
}

static void check_answers(const struct creator *c)
{
	char name[32];
	int64_t before = 0;

	for (int i = 0; i < EACH; i++) {
		struct scitq_answer *a = c->answers[i];

		snprintf(name, sizeof(name), "%d.%d", c->number, i);
		assert_string_equal(scitq_task(a, 0)->name, name);
		/* In the order of this thread's calls. */
		assert_true(scitq_id(a) > before);
		before = scitq_id(a);
		scitq_free(a);
	}
}

static void test_threads(void **unused)
{
	struct scitq *s = open_scitq(0.2, true);
	struct creator creators[THREADS] = {0};

	(void)unused;
	set_mood(CUTS);
	for (int i = 0; i < THREADS; i++) {
		creators[i].s = s;
		creators[i].number = i;
		assert_int_equal(
		        pthread_create(&creators[i].thread, NULL, create_each, &creators[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(creators[i].thread, NULL);
	set_mood(ANSWERS);
	assert_int_equal(scitq_flush(s, -1), 0);
	assert_int_equal(server.made.n, THREADS * EACH);
	for (int i = 0; i < THREADS; i++)
		check_answers(&creators[i]);
	assert_int_equal(scitq_close(s, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_styles, server_open, server_close),
	        cmocka_unit_test_setup_teardown(test_usage, server_open, server_close),
	        cmocka_unit_test_setup_teardown(test_other_rows, server_open, server_close),
	        cmocka_unit_test_setup_teardown(test_mute, server_open, server_close),
	        cmocka_unit_test_setup_teardown(test_closed, server_open, server_close),
	        cmocka_unit_test_setup_teardown(test_synchronous, server_open, server_close),
	        cmocka_unit_test_setup_teardown(test_forked, server_open, server_close),
	        cmocka_unit_test_setup_teardown(test_threads, server_open, server_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
