/* Containers without an engine: options, words, links that are led through mounts. */
#include "base/fd.h"
#include "worker/container.h"
#include "worker/container_options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static bool read_options(const char *text, const char *allow, struct str *printed)
{
	struct str error = STR_INIT;
	struct arena arena;
	char **words;
	size_t n;
	bool ok;

	arena_init(&arena);
	str_reset(printed);
	ok = container_options_read(text, allow, &arena, &words, &n, &error);
	for (size_t i = 0; ok && i < n; i++)
		str_addf(printed, "%s[%s]", i > 0 ? " " : "", words[i]);
	assert_true(ok == (error.len == 0));
	if (!ok)
		str_adds(printed, error.p);
	arena_release(&arena);
	str_release(&error);
	return ok;
}

static void options_are_read(void **state)
{
	struct str s = STR_INIT;

	(void)state;
	assert_true(read_options(NULL, "", &s));
	assert_string_equal(s.p, "");
	assert_true(read_options(
	        "--gpus all -m 4g -m4g -m=4g --init -e 'A=b c' --env=X --network none", "", &s));
	assert_string_equal(s.p, "[--gpus=all] [--memory=4g] [--memory=4g] [--memory=4g] [--init] "
	                         "[--env=A=b c] [--env=X] [--network=none]");
	assert_true(read_options("--entrypoint ''", "", &s));
	assert_string_equal(s.p, "[--entrypoint=]");
	str_release(&s);
}

static void options_are_refused(void **state)
{
	static const char *const bad[] = {
	        "--privileged",
	        "--privileged=true",
	        "-v /:/x",
	        "-v/:/x",
	        "--pid host",
	        "--network=host",
	        "--net=host",
	        "--unknown",
	        "--unknown=",
	        "word",
	        "-",
	        "--",
	        "---v",
	        "-it",
	        "-Z",
	        "--security-opt=",
	        "--cidfile=/x",
	        "-v",
	        "--env",
	        "--label=x=y",
	        "'",
	};
	struct str s = STR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (read_options(bad[i], "", &s))
			fail_msg("%s is allowed", bad[i]);
	}
	assert_false(read_options("--privileged", "--volume", &s));
	assert_non_null(strstr(s.p, "--privileged"));
	assert_non_null(strstr(s.p, "container_allow"));
	assert_false(read_options("--init", "'", &s));
	str_release(&s);
}

static void an_operator_opens(void **state)
{
	struct str s = STR_INIT;
	const char *allow = "--privileged --volume=/scratch -v=/data/ --strange";

	(void)state;
	assert_true(
	        read_options("--privileged -v /scratch:/s --volume /scratch/a:/a:ro", allow, &s));
	assert_true(read_options("-v /data/x:/x --strange --strange=5", allow, &s));
	assert_false(read_options("-v /scratching:/s", allow, &s));
	assert_false(read_options("-v /scratch/../etc:/s", allow, &s));
	assert_false(read_options("-v /data:/x", allow, &s));
	assert_false(read_options("-v /data/../etc:/x", allow, &s));
	assert_false(read_options("-v /:/x", allow, &s));
	assert_true(read_options("-v /scratch/a..b:/x", allow, &s));
	assert_false(read_options("--name=x", "--name", &s));
	assert_false(read_options("--rm=false", "--rm", &s));
	str_release(&s);
}

static void words_of_a_container(void **state)
{
	static char one[] = "/data/a \"b\", c";
	char *paths[] = {one};
	struct mounts mounts = {paths, 1, 1};
	struct engine engine = {STR_INIT, STR_INIT, STR_INIT};
	struct command_input in = {"tool 'a b'", NULL, "/w/task/1", 7, 8,    NULL,
	                           NULL,         2,    1,           4, true, true};
	static const char *const attach[] = {"--interactive", NULL};
	struct container_input box = {&engine, "img:1", "--cpus 2", "/w", &mounts, 1000000, NULL};
	struct str error = STR_INIT, all = STR_INIT;
	struct command c;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	str_adds(&engine.program, "/usr/bin/podman");
	assert_true(command_build(&in, &arena, &c, &error));
	assert_true(container_wrap(&box, "/w/task/1", 8, &arena, &c, &error));
	assert_true(c.contained);
	assert_int_equal(c.nvariables, 1);
	assert_string_equal(c.variables[0], "SCITQ_TASK_DIR=/w/task/1");
	for (size_t i = 0; i < c.nwords; i++)
		str_addf(&all, "%s\n", c.words[i]);
	assert_null(c.words[c.nwords]);
	assert_memory_equal(all.p, "scitq-worker\n--container\n/usr/bin/podman\nscitq-", 47);
	assert_non_null(strstr(all.p, "\nrun\n--rm\n--workdir=/tmp\n--memory=1000000\n--cpus=2\n"));
	assert_non_null(strstr(all.p, "--mount=type=bind,\"source=/w/task/1/resource\","
	                              "destination=/resource,readonly\n"));
	assert_non_null(strstr(all.p, "--mount=type=bind,\"source=/data/a \"\"b\"\", c\","
	                              "destination=/scitq/in/0,readonly\n"));
	assert_non_null(strstr(all.p, "--env=CPU=2\n--env=INPUT=/input\n"));
	assert_non_null(strstr(all.p, "\nimg:1\ntool\na b\n"));
	/* For a person it is the engine itself that runs. */
	box.attach = attach;
	str_reset(&all);
	assert_true(command_build(&in, &arena, &c, &error));
	assert_true(container_wrap(&box, "/w/task/1", 8, &arena, &c, &error));
	assert_false(c.contained);
	for (size_t i = 0; i < c.nwords; i++)
		str_addf(&all, "%s\n", c.words[i]);
	assert_memory_equal(all.p, "/usr/bin/podman\nrun\n--interactive\n--rm\n", 39);
	assert_non_null(strstr(all.p, "\nimg:1\ntool\na b\n"));
	str_release(&error);
	str_release(&all);
	engine_release(&engine);
	arena_release(&arena);
}

static void put(const char *path)
{
	assert_int_equal(file_replace(path, "x", 1, 0600), 0);
}

static void links_are_led(void **state)
{
	char root[] = "/tmp/scitq-mounts-XXXXXX", text[256];
	struct mounts mounts = {0};
	ssize_t n;

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(chdir(root), 0);
	assert_int_equal(dir_make("in/below", 0700), 0);
	assert_int_equal(dir_make("data/folder", 0700), 0);
	put("data/x");
	put("data/y");
	put("in/own");
	snprintf(text, sizeof(text), "%s/data/x", root);
	assert_int_equal(symlink(text, "in/x"), 0);
	snprintf(text, sizeof(text), "%s/data/y", root);
	assert_int_equal(symlink(text, "in/below/y"), 0);
	snprintf(text, sizeof(text), "%s/data/folder", root);
	assert_int_equal(symlink(text, "in/folder"), 0);
	assert_int_equal(symlink("/no/such/file", "in/dangling"), 0);
	assert_int_equal(symlink("own", "in/relative"), 0);
	snprintf(text, sizeof(text), "%s/in", root);
	assert_int_equal(mounts_take(&mounts, text), 0);
	assert_int_equal(mounts.n, 2);
	for (size_t i = 0; i < mounts.n; i++) {
		bool folder = strstr(mounts.v[i], "/data/folder") != NULL;
		char wanted[64];

		snprintf(wanted, sizeof(wanted), "/scitq/in/%zu%s", i, folder ? "" : "/x");
		n = readlink(folder ? "in/folder" : "in/x", text, sizeof(text) - 1);
		assert_true(n > 0);
		text[n] = '\0';
		assert_string_equal(text, wanted);
	}
	n = readlink("in/dangling", text, sizeof(text) - 1);
	assert_int_equal(n, strlen("/no/such/file"));
	mounts_release(&mounts);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(tree_remove(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(options_are_read),  cmocka_unit_test(options_are_refused),
	        cmocka_unit_test(an_operator_opens), cmocka_unit_test(words_of_a_container),
	        cmocka_unit_test(links_are_led),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
