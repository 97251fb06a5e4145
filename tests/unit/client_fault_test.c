/* What libscitq makes of mistakes of its caller, of a server that is none, and of waits that end.
 */
#include "base/fd.h"
#include "base/str.h"
#include "client/answer.h"
#include "tests/unit/client_server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void ends_in(struct scitq_answer *a, enum scitq_result result, const char *names)
{
	assert_int_equal(scitq_result(a), result);
	if (strstr(scitq_error(a), names) == NULL)
		fail_msg("'%s' does not name '%s'", scitq_error(a), names);
	if (result != SCITQ_OK) {
		assert_null(scitq_json(a));
		assert_int_equal(scitq_count(a), 0);
		assert_int_equal(scitq_id(a), SCITQ_INT_NULL);
	}
	scitq_free(a);
}

/* ---- arguments ---- */

/* A value of which the caller keeps a share is not changed, and each write has its own. */
static void test_shared(void **unused)
{
	struct scitq *s = open_scitq(0.2, true);
	json_t *fields = json_pack("{s:s}", "status", "paused");
	struct scitq_answer *a[3];

	(void)unused;
	set_mood(MUTE);
	for (int i = 0; i < 3; i++)
		a[i] = scitq_task_update(s, scitq_ref(i + 1), json_incref(fields));
	assert_int_equal(json_object_size(fields), 1);
	add_line("PUT /tasks/", "200 OK", "{\"task_id\": 1}");
	set_mood(ANSWERS);
	assert_int_equal(scitq_flush(s, -1), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(scitq_result(a[i]), SCITQ_OK);
		scitq_free(a[i]);
	}
	assert_true(count_asked("PUT /tasks/2 ") >= 1);
	assert_true(count_asked("PUT /tasks/3 ") >= 1);
	json_decref(fields);
	scitq_close(s, 0);
}

static void test_arguments(void **unused)
{
	const int64_t one[] = {1};
	const char *const uris[] = {"file:///\xe9", NULL};
	struct scitq *s = open_scitq(30, true);

	(void)unused;
	ends_in(scitq_task_update(s, scitq_ref(1), json_array()), SCITQ_USAGE, "object");
	ends_in(scitq_task_create(s, &(struct scitq_new_task){.command = "a", .more = json_true()}),
	        SCITQ_USAGE, "object");
	ends_in(scitq_flavor_find(s, &(struct scitq_flavor_filter){.min_ram = (double)NAN}),
	        SCITQ_USAGE, "finite");
	ends_in(scitq_flavor_find(s, &(struct scitq_flavor_filter){.min_ram = (double)INFINITY}),
	        SCITQ_USAGE, "finite");
	ends_in(scitq_task_create(s, &(struct scitq_new_task){.command = "ls \xe9"}), SCITQ_USAGE,
	        "command of task_create is not UTF-8");
	ends_in(scitq_task_create(s, &(struct scitq_new_task){.command = "a", .input = uris}),
	        SCITQ_USAGE, "input of task_create is not UTF-8");
	ends_in(scitq_batch_stop(s, "\xe9", 0), SCITQ_USAGE, "batch of batch_stop");
	ends_in(scitq_call(s, "task_create",
	                   json_pack("{s:s%, s:b}", "command", "a\0b", (size_t)3, "shell", 1), NULL,
	                   0),
	        SCITQ_USAGE, "holds a NUL");
	/* A filter that the function does not have would give all. */
	ends_in(scitq_jobs(s, &(struct scitq_filter){.batch = "b"}), SCITQ_USAGE, "\"batch\"");
	ends_in(scitq_runs(s, &(struct scitq_filter){.ids = one, .nids = 1}), SCITQ_USAGE,
	        "\"ids\"");
	assert_int_equal(server.requests, 0);
	/* What a program printed may be no text. */
	add_line("PUT /executions/1/output", "200 OK", "{}");
	ends_in(scitq_execution_output_write(s, scitq_ref(1), "\xe9"), SCITQ_OK, "");
	assert_int_equal(count_asked("PUT /executions/1/output \"\xc3\xa9\""), 0);
	assert_true(strstr(server.asked.v[0], "\xc3\xa9") != NULL);
	ends_in(scitq_executions(s, &(struct scitq_filter){.name = "n", .latest = SCITQ_YES}),
	        SCITQ_OK, "");
	ends_in(scitq_tasks(s, &(struct scitq_filter){.name = "n", .full = true}), SCITQ_OK, "");
	scitq_close(s, 0);
}

static void test_options(void **unused)
{
	struct scitq_options options = SCITQ_OPTIONS_INIT;

	(void)unused;
	options.size = 0;
	errno = 0;
	assert_null(open_with(&options));
	assert_int_equal(errno, EINVAL);
	options.size = sizeof(options);
	options.put_timeout = (double)NAN;
	assert_null(open_with(&options));
	assert_int_equal(errno, EINVAL);
}

/* ---- a server that is none of scitq ---- */

static void test_shapes(void **unused)
{
	struct scitq *s = open_scitq(30, true);

	(void)unused;
	add_line("GET /", "200 OK", "{\"hello\": 1}");
	ends_in(scitq_tasks(s, NULL), SCITQ_BROKEN, "does not answer tasks");
	ends_in(scitq_workers(s, NULL), SCITQ_BROKEN, "does not answer workers");
	add_line("GET /", "200 OK", "[]");
	ends_in(scitq_task_get(s, scitq_ref(1)), SCITQ_BROKEN, "does not answer task_get");
	add_line("GET /", "200 OK", "");
	ends_in(scitq_task_get(s, scitq_ref(1)), SCITQ_BROKEN, "does not answer task_get");
	ends_in(scitq_tasks(s, NULL), SCITQ_BROKEN, "does not answer tasks");
	add_line("POST /", "200 OK", "[1]");
	ends_in(create(s, "a"), SCITQ_BROKEN, "does not answer task_create");
	scitq_close(s, 0);
}

/* The same page, whatever is asked for. */
static void test_endless(void **unused)
{
	struct scitq *s = open_scitq(30, true);
	struct str page = STR_INIT;

	(void)unused;
	str_addc(&page, '[');
	for (int i = 1; i <= 10000; i++)
		str_addf(&page, "%s{\"task_id\": %d}", i > 1 ? "," : "", i);
	str_addc(&page, ']');
	add_line("GET /tasks/", "200 OK", page.p);
	ends_in(scitq_tasks(s, NULL), SCITQ_BROKEN, "come to no end");
	assert_int_equal(count_asked("GET /tasks/"), 2);
	scitq_close(s, 0);
	str_release(&page);
}

static void broken(struct scitq_answer *a)
{
	assert_int_equal(scitq_result(a), SCITQ_BROKEN);
	assert_non_null(strstr(scitq_error(a), "statuses"));
	scitq_free(a);
}

static void test_statuses(void **unused)
{
	static const int64_t ids[] = {1, 2};
	struct scitq *s = open_scitq(30, true);

	(void)unused;
	add_line("GET /events", "503 No", "{}");
	add_line("GET /tasks/status", "200 OK", "[5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5]");
	broken(scitq_join_ids(s, ids, 2, NULL));
	add_line("GET /tasks/status", "200 OK", "[5]");
	broken(scitq_join_ids(s, ids, 2, NULL));
	scitq_close(s, 0);
}

/* Of two connections the first is cut, and the second is spoken to in plain HTTP. */
static void *cut_and_speak(void *context)
{
	static const char plain[] = "HTTP/1.1 400 No\r\n\r\n";
	char bytes[4096];

	for (int i = 0; i < 2; i++) {
		int fd = accept(*(int *)context, NULL, NULL);

		if (recv(fd, bytes, sizeof(bytes), 0) > 0 && i == 1)
			(void)send(fd, plain, strlen(plain), MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

/* A server that goes while TLS is agreed on is away, as it is at any other moment. */
static void test_handshake(void **unused)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(address);
	char name[64];
	pthread_t thread;
	struct scitq *s;

	(void)unused;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(pthread_create(&thread, NULL, cut_and_speak, &listener), 0);
	snprintf(name, sizeof(name), "https://127.0.0.1:%d", ntohs(address.sin_port));
	options.asynchronous = false;
	s = scitq_open(name, &options);
	ends_in(scitq_workers(s, NULL), SCITQ_UNREACHABLE, "no answer");
	ends_in(scitq_workers(s, NULL), SCITQ_BROKEN, "wrong version");
	scitq_close(s, 0);
	pthread_join(thread, NULL);
	close(listener);
}

/* ---- waiting ---- */

static bool three_times(void *context, const struct scitq_counts *counts)
{
	(void)counts;
	return ++*(int *)context < 3;
}

static bool once_more(void *context)
{
	return ++*(int *)context >= 2;
}

static void interrupted(struct scitq_answer *a)
{
	assert_int_equal(scitq_result(a), SCITQ_INTERRUPTED);
	assert_string_equal(scitq_error(a), "the wait was interrupted");
	scitq_free(a);
}

static bool five_seconds(void *context, const struct scitq_counts *counts)
{
	(void)counts;
	return ++*(int *)context < 5;
}

/* A server that has no stream to spare is asked now and then, one whose streams end at once. */
static void test_streams(void **unused)
{
	static const int64_t ids[] = {1};
	int told = 0;
	struct scitq_join_options options = {.progress = five_seconds, .context = &told};
	struct scitq *s = open_scitq(30, false);
	struct scitq_answer *a;

	(void)unused;
	add_line("GET /events", "429 No", "{\"message\": \"8 flows are open already\"}");
	add_line("GET /tasks/status ", "200 OK", "[7]");
	a = scitq_join_ids(s, ids, 1, NULL);
	assert_int_equal(scitq_result(a), SCITQ_OK);
	scitq_free(a);
	add_line("GET /events", "200 OK", "event: ready\ndata: {}\n\n");
	add_line("GET /tasks/status ", "200 OK", "[5]");
	interrupted(scitq_join_ids(s, ids, 1, &options));
	assert_true(count_asked("GET /events") > 7);
	scitq_close(s, 0);
}

/* Somebody deletes a task that failed before it is relaunched. */
static void test_deleted(void **unused)
{
	static const int64_t ids[] = {1};
	const struct scitq_join_options options = {.retry = 1};
	struct scitq *s = open_scitq(30, true);
	struct scitq_counts counts;
	struct scitq_answer *a;

	(void)unused;
	add_line("GET /events", "429 No", "{}");
	add_line("GET /tasks/status", "200 OK", "[6]");
	add_line("GET /tasks/ ", "200 OK", "[{\"task_id\": 1, \"status\": \"failed\"}]");
	add_line("PUT /tasks/1 ", "404 No",
	         "{\"message\": \"there is no task 1\", \"code\": \"not-found\"}");
	a = scitq_join_ids(s, ids, 1, &options);
	assert_int_equal(scitq_result(a), SCITQ_OK);
	assert_true(scitq_counts(a, &counts));
	assert_int_equal(counts.gone, 1);
	assert_int_equal(counts.relaunched, 0);
	scitq_free(a);
	scitq_close(s, 0);
}

/* progress is told and can end the wait, whatever the join waits for. */
static void test_progress(void **unused)
{
	static const int64_t ids[] = {1};
	struct scitq *s = open_scitq(0.1, true);
	struct scitq_join_options options = {.retry = 1, .progress = three_times};
	struct scitq_answer *lazy;
	int told = 0;

	(void)unused;
	options.context = &told;
	/* The server is away. */
	set_mood(MUTE);
	interrupted(scitq_join_ids(s, ids, 1, &options));
	/* It goes when a task is to be relaunched. */
	add_line("GET /events", "503 No", "{}");
	add_line("GET /tasks/status", "200 OK", "[6]");
	add_line("GET /tasks/ ", "200 OK",
	         "[{\"task_id\": 1, \"status\": \"failed\", \"status_date\": "
	         "\"2026-01-01T00:00:00.000000\"}]");
	told = 0;
	interrupted(scitq_join_ids(s, ids, 1, &options));
	assert_int_equal(told, 3);
	assert_true(count_asked("PUT /tasks/1 ") > 0);
	/* What it waits for is queued. */
	lazy = create(s, "a");
	told = 0;
	interrupted(scitq_join(s, &lazy, 1, &options));
	scitq_free(lazy);
	scitq_close(s, 0);
}

static void test_interrupted(void **unused)
{
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	struct scitq *s, *other;
	struct scitq_answer *lazy;
	int asked = 0;

	(void)unused;
	set_mood(MUTE);
	options.put_timeout = 0.1;
	s = open_with(&options);
	options.interrupted = once_more;
	options.context = &asked;
	other = open_with(&options);
	lazy = create(s, "a");
	assert_false(scitq_ready(lazy));
	/* Waits for one that is not there yet are waits too: in reads, in joins, of another server.
	 */
	interrupted(scitq_task_get(other, scitq_of(lazy)));
	asked = 0;
	interrupted(scitq_task_delete(other, scitq_of(lazy)));
	asked = 0;
	interrupted(scitq_join(other, &lazy, 1, NULL));
	scitq_close(other, 0);
	scitq_close(s, 0);
	scitq_free(lazy);
}

/* ---- the thread ---- */

static int threads_without_signals(void)
{
	DIR *threads = opendir("/proc/self/task");
	const struct dirent *e;
	int n = 0;

	assert_non_null(threads);
	while ((e = readdir(threads)) != NULL) {
		struct str path = STR_INIT, text = STR_INIT;
		const char *mask;

		str_addf(&path, "/proc/self/task/%s/status", e->d_name);
		if (file_read(path.p, &text) == 0 && (mask = strstr(text.p, "SigBlk:\t")) != NULL)
			n += strncmp(mask + 8, "fffffffe7ffb", 12) == 0;
		str_release(&path);
		str_release(&text);
	}
	closedir(threads);
	return n;
}

/* Signals are the program's: they interrupt its own calls, and come to its own threads. */
static void test_signals(void **unused)
{
	struct scitq *s = open_scitq(0.1, true);
	int before;

	(void)unused;
	set_mood(MUTE);
	before = threads_without_signals();
	scitq_free(create(s, "a"));
	/* It may be about to start. */
	for (int i = 0; i < 500 && threads_without_signals() == before; i++)
		usleep(10000);
	assert_int_equal(threads_without_signals(), before + 1);
	scitq_close(s, 0);
}

/* ---- more than may be queued ---- */

struct filling {
	struct scitq *s;
	atomic_bool stops;
	atomic_uint told;
};

static void hear(void *context, const char *message)
{
	struct filling *f = context;

	f->told += strstr(message, "2 writes are queued: the next one waits") != NULL;
}

static bool has_to_stop(void *context)
{
	return ((struct filling *)context)->stops;
}

static void *create_more(void *context)
{
	struct filling *f = context;
	static const char *const names[] = {"c", "d", "e"};

	for (size_t i = 0; i < 3; i++)
		scitq_free(create(f->s, names[i]));
	return NULL;
}

/* Memory does not grow for as long as the server is away. */
static void test_room(void **unused)
{
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	struct filling f = {.stops = false};
	pthread_t more;

	(void)unused;
	options.put_timeout = 0.05;
	options.queued_most = 2;
	options.log = hear;
	options.interrupted = has_to_stop;
	options.context = &f;
	f.s = open_with(&options);
	assert_non_null(f.s);
	set_mood(MUTE);
	scitq_free(create(f.s, "a"));
	scitq_free(create(f.s, "b"));
	assert_int_equal(f.told, 0);
	assert_int_equal(pthread_create(&more, NULL, create_more, &f), 0);
	for (int i = 0; i < 3000 && f.told == 0; i++) {
		assert_true(scitq_pending(f.s) <= 2);
		usleep(10000);
	}
	assert_int_equal(f.told, 1);
	assert_int_equal(scitq_pending(f.s), 2);
	set_mood(ANSWERS);
	pthread_join(more, NULL);
	assert_int_equal(scitq_flush(f.s, 30), 0);
	assert_int_equal(server.made.n, 5);
	for (size_t i = 0; i < server.made.n; i++)
		assert_int_equal(server.made.v[i].name[0], 'a' + (int)i);
	/* Who waits for room can be interrupted. */
	set_mood(MUTE);
	scitq_free(create(f.s, "f"));
	scitq_free(create(f.s, "g"));
	f.stops = true;
	ends_in(create(f.s, "h"), SCITQ_INTERRUPTED, "the wait was interrupted");
	assert_int_equal(scitq_close(f.s, 0), 2);
}

/* ---- a child ---- */

struct waiting {
	struct scitq_answer *answer;
	bool waits; /* under its lock */
};

static void *wait_inside(void *context)
{
	struct waiting *w = context;

	pthread_mutex_lock(&w->answer->lock);
	w->waits = true;
	while (!w->answer->done)
		pthread_cond_wait(&w->answer->changed, &w->answer->lock);
	pthread_mutex_unlock(&w->answer->lock);
	return NULL;
}

/* Those who wait for an answer are not in a child, which gives it up nevertheless. */
static void test_given_up(void **unused)
{
	struct waiting w = {.answer = answer_new(NULL)};
	bool waits = false;
	pthread_t thread;
	int status = -1;
	pid_t child;

	(void)unused;
	assert_int_equal(pthread_create(&thread, NULL, wait_inside, &w), 0);
	for (int i = 0; i < 3000 && !waits; i++) {
		usleep(10000);
		pthread_mutex_lock(&w.answer->lock);
		waits = w.waits;
		pthread_mutex_unlock(&w.answer->lock);
	}
	assert_true(waits);
	child = fork();
	if (child == 0) {
		alarm(30);
		scitq_free(w.answer);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	answer_finish(w.answer, SCITQ_OK, NULL, NULL, NULL);
	pthread_join(thread, NULL);
	scitq_free(w.answer);
	assert_int_equal(status, 0);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, server_open, server_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_SERVER(test_shared),         WITH_SERVER(test_arguments),
	        WITH_SERVER(test_options),        WITH_SERVER(test_shapes),
	        WITH_SERVER(test_endless),        WITH_SERVER(test_statuses),
	        cmocka_unit_test(test_handshake), WITH_SERVER(test_streams),
	        WITH_SERVER(test_deleted),        WITH_SERVER(test_progress),
	        WITH_SERVER(test_interrupted),    WITH_SERVER(test_signals),
	        WITH_SERVER(test_room),           cmocka_unit_test(test_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
