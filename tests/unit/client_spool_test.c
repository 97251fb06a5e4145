/* The spool of libscitq: disks that are full, files of others, lines of other versions. */
#include "base/fd.h"
#include "base/str.h"
#include "tests/unit/client_server.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char place[64];
static struct str spool;

static int place_open(void **state)
{
	snprintf(place, sizeof(place), "%s/scitq-client.XXXXXX", temporary_place());
	if (mkdtemp(place) == NULL)
		return -1;
	str_init(&spool);
	str_addf(&spool, "%s/spool", place);
	return server_open(state);
}

static int place_close(void **state)
{
	str_release(&spool);
	return tree_remove(place) == 0 ? server_close(state) : -1;
}

static void tell(void *context, const char *message)
{
	str_addf(context, "%s\n", message);
}

static struct scitq *open_spool(struct str *told)
{
	struct scitq_options options = SCITQ_OPTIONS_INIT;

	options.put_timeout = 0.1;
	options.spool = spool.p;
	options.log = tell;
	options.context = told;
	str_reset(told);
	return open_with(&options);
}

/* The disk was full for a while: what had no room is told, what came behind it is not lost. */
static void test_full(void **unused)
{
	struct str told = STR_INIT, text = STR_INIT;
	struct rlimit all, little;
	struct scitq *s;

	(void)unused;
	set_mood(MUTE);
	s = open_spool(&told);
	scitq_free(create(s, "a"));
	assert_int_equal(file_read(spool.p, &text), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	little = (struct rlimit){text.len + 20, all.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	scitq_free(create(s, "b"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_non_null(strstr(told.p, "the spool cannot be written: File too large"));
	scitq_free(create(s, "c"));
	scitq_free(create(s, "d"));
	assert_int_equal(scitq_close(s, 0), 4);
	s = open_spool(&told);
	assert_non_null(s);
	set_mood(ANSWERS);
	assert_int_equal(scitq_close(s, -1), 0);
	assert_int_equal(server.made.n, 3);
	assert_string_equal(server.made.v[0].name, "a");
	assert_string_equal(server.made.v[1].name, "c");
	assert_string_equal(server.made.v[2].name, "d");
	str_release(&told);
	str_release(&text);
}

/* What names a write that was not kept is left out, and that is told. */
static void test_orphan(void **unused)
{
	static const char left[] =
	        "{\"n\":2,\"call\":\"task_create\",\"arguments\":{\"command\":\"b\",\"name\":\"b\","
	        "\"required_task_ids\":[null]},\"lazy\":[{\"argument\":\"required_task_ids\","
	        "\"index\":0,\"n\":1}],\"key\":\"k2\"}\n"
	        "{\"n\":3,\"call\":\"task_create\",\"arguments\":{\"command\":\"c\",\"name\":\"c\"}"
	        ","
	        "\"lazy\":[],\"key\":\"k3\"}\n";
	struct str told = STR_INIT;
	struct scitq *s;

	(void)unused;
	assert_int_equal(file_replace(spool.p, left, strlen(left), 0600), 0);
	s = open_spool(&told);
	assert_non_null(s);
	assert_non_null(strstr(told.p, "1 writes of an earlier process are left out"));
	assert_int_equal(scitq_close(s, -1), 0);
	assert_int_equal(server.made.n, 1);
	assert_string_equal(server.made.v[0].name, "c");
	str_release(&told);
}

/* A child that lives on does not keep it. */
static void test_child(void **unused)
{
	struct str told = STR_INIT;
	struct scitq *s = open_spool(&told);
	pid_t child;

	(void)unused;
	assert_non_null(s);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	assert_true(child > 0);
	scitq_close(s, 0);
	s = open_spool(&told);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_non_null(s);
	scitq_close(s, 0);
	str_release(&told);
}

/* A child of a process that died does not keep it either. */
static void test_orphaned_child(void **unused)
{
	struct str told = STR_INIT;
	struct scitq *s;
	int ends[2], status;
	pid_t parent, child = 0;

	(void)unused;
	assert_int_equal(pipe(ends), 0);
	parent = fork();
	if (parent == 0) {
		if (open_spool(&told) == NULL)
			_exit(1);
		if (fork() != 0)
			_exit(0);
		child = getpid();
		if (write(ends[1], &child, sizeof(child)) == sizeof(child))
			pause();
		_exit(0);
	}
	assert_true(parent > 0);
	close(ends[1]);
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(status, 0);
	assert_int_equal(read(ends[0], &child, sizeof(child)), sizeof(child));
	s = open_spool(&told);
	kill(child, SIGKILL);
	assert_non_null(s);
	scitq_close(s, 0);
	close(ends[0]);
	str_release(&told);
}

#define GOOD                                                                                       \
	"{\"n\":1,\"call\":\"task_create\",\"arguments\":{\"command\":\"a\",\"name\":\"a\"},"      \
	"\"lazy\":[],"                                                                             \
	"\"key\":\"k\"}\n"

/* A spool of another version, or a damaged one, is left as it is. */
static void test_unknown(void **unused)
{
	static const char *const lines[] = {
	        GOOD "no JSON\n",
	        GOOD "[]\n",
	        GOOD GOOD,
	        "{\"n\":1,\"call\":\"task_sing\",\"arguments\":{},\"lazy\":[],\"key\":\"k\"}\n",
	        "{\"n\":1,\"call\":\"task_get\",\"arguments\":{\"task_id\":1},\"lazy\":[],\"key\":"
	        "\"k\"}\n",
	        "{\"n\":1,\"call\":\"task_create\",\"arguments\":{\"command\":\"a\",\"x\":1},"
	        "\"lazy\":[],\"key\":\"k\"}\n",
	        "{\"n\":0,\"call\":\"task_create\",\"arguments\":{\"command\":\"a\"},\"lazy\":[],"
	        "\"key\":\"k\"}\n",
	        "{\"n\":9223372036854775807,\"call\":\"task_create\",\"arguments\":{\"command\":"
	        "\"a\"},\"lazy\":[],\"key\":\"k\"}\n",
	        "{\"n\":1,\"call\":\"task_create\",\"arguments\":{\"command\":\"a\"},\"lazy\":[],"
	        "\"key\":\"\"}\n",
	        "{\"n\":1,\"call\":\"task_create\",\"arguments\":{\"command\":\"a\"},\"lazy\":[{}],"
	        "\"key\":\"k\"}\n",
	        "{\"done\":1}\n",
	        "{\"done\":\"1\",\"json\":null}\n",
	};
	struct str told = STR_INIT, text = STR_INIT;

	(void)unused;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(file_replace(spool.p, lines[i], strlen(lines[i]), 0600), 0);
		errno = 0;
		if (open_spool(&told) != NULL)
			fail_msg("this is taken: %s", lines[i]);
		assert_int_equal(errno, EBADMSG);
		assert_non_null(strstr(told.p, "of the spool is none that this version knows"));
		str_reset(&text);
		assert_int_equal(file_read(spool.p, &text), 0);
		assert_string_equal(text.p, lines[i]);
	}
	assert_int_equal(server.requests, 0);
	str_release(&told);
	str_release(&text);
}

static void set_age(int64_t days)
{
	struct timespec times[2];

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	times[0].tv_sec -= days * 24 * 3600;
	times[1] = times[0];
	assert_int_equal(utimensat(AT_FDCWD, spool.p, times, 0), 0);
}

/* The server may have forgotten what it did of it: somebody must look. */
static void test_old(void **unused)
{
	static const char left[] = GOOD "{\"n\":2,\"call\"",
	                  all_done[] = GOOD "{\"done\":1,\"json\":{}}\n";
	struct str told = STR_INIT, text = STR_INIT;
	struct scitq *s;

	(void)unused;
	assert_int_equal(file_replace(spool.p, left, strlen(left), 0600), 0);
	set_age(7);
	/* To look does not make it newer. */
	for (int i = 0; i < 2; i++) {
		assert_null(open_spool(&told));
		assert_int_equal(errno, ESTALE);
	}
	assert_int_equal(file_read(spool.p, &text), 0);
	assert_string_equal(text.p, left);
	assert_int_equal(server.requests, 0);
	set_age(5);
	s = open_spool(&told);
	assert_non_null(s);
	assert_int_equal(scitq_close(s, -1), 0);
	assert_int_equal(server.made.n, 1);
	/* Nothing of this one is sent. */
	assert_int_equal(file_replace(spool.p, all_done, strlen(all_done), 0600), 0);
	set_age(7);
	s = open_spool(&told);
	assert_non_null(s);
	assert_int_equal(scitq_close(s, 0), 0);
	assert_int_equal(server.made.n, 1);
	str_release(&told);
	str_release(&text);
}

/* Only its owner reads it; what is no file is none. */
static void test_file(void **unused)
{
	struct str told = STR_INIT;
	struct scitq *s;
	struct stat st;

	(void)unused;
	assert_int_equal(file_replace(spool.p, "", 0, 0644), 0);
	s = open_spool(&told);
	assert_int_equal(stat(spool.p, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_null(open_spool(&told));
	assert_int_equal(errno, EWOULDBLOCK);
	scitq_close(s, 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(spool.p, 1, 1), 0);
		assert_null(open_spool(&told));
		assert_int_equal(errno, EPERM);
	}
	assert_int_equal(unlink(spool.p), 0);
	assert_int_equal(mkfifo(spool.p, 0600), 0);
	assert_null(open_spool(&told));
	assert_int_equal(errno, ENOTSUP);
	assert_int_equal(unlink(spool.p), 0);
	assert_int_equal(mkdir(spool.p, 0700), 0);
	assert_null(open_spool(&told));
	assert_int_equal(errno, EISDIR);
	str_release(&told);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_open, place_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_PLACE(test_full), WITH_PLACE(test_orphan), WITH_PLACE(test_unknown),
	        WITH_PLACE(test_file), WITH_PLACE(test_child),  WITH_PLACE(test_orphaned_child),
	        WITH_PLACE(test_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
