/* Helper programs: what they write, how they end, how they are ended. */
#include "base/child.h"
#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int run(const char *text, struct child *c, int *status)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char *copy = strdup(text);
	char *argv[] = {shell, option, copy, NULL};
	int err;

	assert_non_null(copy);
	c->argv = argv;
	err = child_run(c, status);
	free(copy);
	return err;
}

static void output_and_status(void **state)
{
	struct str out = STR_INIT;
	struct child c = {.out = child_keep, .err = child_keep, .output_ctx = &out};
	int status;

	(void)state;
	assert_int_equal(run("echo a; exit 3", &c, &status), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_string_equal(out.p, "a\n");
	assert_int_equal(run("kill -9 $$", &c, &status), 0);
	assert_true(WIFSIGNALED(status));
	str_reset(&out);
	assert_int_equal(
	        run("head -c 1000000 /dev/zero; head -c 500000 /dev/zero >&2; cat", &c, &status),
	        0);
	assert_int_equal(out.len, 1500000);
	str_release(&out);
	str_reset(&out);
	c.input = memfd_create("input", MFD_CLOEXEC);
	assert_true(c.input > 0);
	assert_int_equal(write(c.input, "given", 5), 5);
	assert_int_equal(lseek(c.input, 0, SEEK_SET), 0);
	assert_int_equal(run("cat", &c, &status), 0);
	assert_string_equal(out.p, "given");
	close(c.input);
	c = (struct child){0};
	assert_int_equal(run("head -c 1000000 /dev/zero", &c, &status), 0);
	assert_int_equal(status, 0);
	str_release(&out);
}

/* Not even those that somebody opened without FD_CLOEXEC, as libcurl does. */
static void no_descriptors(void **state)
{
	struct child c = {0};
	char text[80];
	int fds[2], status;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_true(fds[0] > 2 && fds[1] > 2);
	snprintf(text, sizeof(text), "! [ -e /proc/self/fd/%d ] && ! [ -e /proc/self/fd/%d ]",
	         fds[0], fds[1]);
	assert_int_equal(run(text, &c, &status), 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(status, 0);
}

static void no_program(void **state)
{
	char name[] = "/no/such/program";
	char *argv[] = {name, NULL};
	struct child c = {.argv = argv};
	struct str path = STR_INIT;
	int status;

	(void)state;
	assert_int_equal(child_run(&c, &status), -ENOENT);
	assert_false(child_find("no-such-program", &path));
	assert_string_equal(path.p, "");
	assert_true(child_find("sh", &path));
	assert_int_equal(path.p[0], '/');
	str_release(&path);
}

/* One that leaves its session and holds the pipes open does not keep us. */
static void a_daemon(void **state)
{
	struct str out = STR_INIT;
	struct child c = {.out = child_keep, .output_ctx = &out};
	int status;
	long pid;

	(void)state;
	assert_int_equal(run("setsid sleep 1000 & echo $!", &c, &status), 0);
	assert_int_equal(status, 0);
	pid = strtol(out.p, NULL, 10);
	assert_true(pid > 1);
	(void)kill((pid_t)pid, SIGKILL);
	str_release(&out);
}

static bool at_once(void *ctx)
{
	return *(bool *)ctx;
}

static bool has_spoken(void *ctx)
{
	return ((struct str *)ctx)->len > 0;
}

static void it_is_ended(void **state)
{
	struct str said = STR_INIT;
	bool yes = true;
	struct child c = {.cancelled = at_once, .cancel_ctx = &yes};
	int status;

	(void)state;
	assert_int_equal(run("sleep 1000", &c, &status), -ECANCELED);
	c = (struct child){.timeout_ms = 100};
	assert_int_equal(run("sleep 1000", &c, &status), -ETIMEDOUT);
	/* One that ignores TERM, and its children. */
	c = (struct child){.out = child_keep,
	                   .output_ctx = &said,
	                   .cancelled = has_spoken,
	                   .cancel_ctx = &said};
	assert_int_equal(
	        run("trap '' TERM; sleep 1000 & echo; while :; do sleep 1; done", &c, &status),
	        -ECANCELED);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	str_release(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(output_and_status), cmocka_unit_test(no_descriptors),
	        cmocka_unit_test(no_program),        cmocka_unit_test(a_daemon),
	        cmocka_unit_test(it_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
