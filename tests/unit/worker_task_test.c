/* What a task is given (words, variables, a directory) and what is read of it (output). */
#include "base/clock.h"
#include "base/fd.h"
#include "base/base64.h"
#include "worker/command.h"
#include "worker/options.h"
#include "worker/place.h"
#include "worker/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void make_dir(char path[32])
{
	snprintf(path, 32, "/tmp/scitq-worker-XXXXXX");
	assert_non_null(mkdtemp(path));
}

static void put(const char *dir, const char *name, const char *text)
{
	struct str path = STR_INIT;
	int fd;

	str_addf(&path, "%s/%s", dir, name);
	fd = open(path.p, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
	str_release(&path);
}

static void cpus_are_whole(void **state)
{
	(void)state;
	assert_int_equal(command_cpus(NAN, 0.5, 8), 4);
	assert_int_equal(command_cpus(NAN, 1.0 / 3, 3), 1);
	assert_int_equal(command_cpus(NAN, 1.0 / 3, 8), 2);
	assert_int_equal(command_cpus(NAN, 0.01, 8), 1);
	assert_int_equal(command_cpus(6, 0.01, 8), 6);
	assert_int_equal(command_cpus(8, 1, 8), 8);
	assert_int_equal(command_cpus(64, 1, 8), 8);
	assert_int_equal(command_cpus(64, 1, NAN), 64);
	assert_int_equal(command_cpus(0.5, 1, 8), 1);
	assert_int_equal(command_cpus(-3, 1, 8), 1);
}

static const char *variable(const struct command *c, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < c->nvariables; i++) {
		if (strncmp(c->variables[i], name, len) == 0 && c->variables[i][len] == '=')
			return c->variables[i] + len + 1;
	}
	return NULL;
}

static void a_command_is_built(void **state)
{
	struct command_input in = {.command = "sh -eu 'a b'",
	                           .script = "echo",
	                           .directory = "/w/task/3",
	                           .task_id = 4,
	                           .execution_id = 5,
	                           .cpu = NAN,
	                           .weight = 1,
	                           .worker_cpus = 2};
	struct str error = STR_INIT;
	struct command c;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_true(command_build(&in, &a, &c, &error));
	assert_int_equal(c.nwords, 4);
	assert_string_equal(c.words[2], "a b");
	assert_string_equal(c.words[3], "/w/task/3/script");
	assert_null(c.words[4]);
	assert_string_equal(c.script, "/w/task/3/script");
	assert_string_equal(variable(&c, "CPU"), "2");
	assert_string_equal(variable(&c, "TEMP"), "/w/task/3/tmp");
	assert_string_equal(variable(&c, "SCITQ_TASK_ID"), "4");
	assert_null(variable(&c, "SCITQ_BATCH"));
	assert_string_equal(c.directory, "/w/task/3/tmp");
	in.command = "echo 'a";
	assert_false(command_build(&in, &a, &c, &error));
	assert_non_null(strstr(error.p, "unterminated single quote"));
	arena_release(&a);
	str_release(&error);
}

static void a_shell_is_left_out_where_it_adds_nothing(void **state)
{
	static const char *const skipped[] = {"sh -c /bin/true",
	                                      "sh -c 'sort -k1,1 -o x.txt a=b y'",
	                                      "/bin/sh -c ' samtools  view\t-b x.bam '"};
	static const char *const kept[] = {
	        "sh -c true",        "sh -c 'echo a'",    "sh -c 'a; b'",  "sh -c 'a $B'",
	        "sh -c 'A=b c'",     "sh -c 'ls *.c'",    "sh -c 'a > b'", "sh -c 'a\nb'",
	        "sh -c 'a ~'",       "sh -c 'exec a'",    "sh -c ''",      "sh -c 'a # b'",
	        "sh -c '\"a b\" c'", "sh -c 'a {1,2}'",   "sh -c 'a' b",   "sh -eu -c a",
	        "bash -c a",         "sh -c '[ a = b ]'", "sh -c 'a\\ b'", "sh -c '! a'",
	        "sh -c 'a é'",       "dash -c a",         "sh a",          "sh -c 'a %1'"};
	char normal[] = "PATH=/bin", function[] = "BASH_FUNC_a%%=() { b; }", file[] = "ENV=/x";
	char *plain[] = {normal, NULL}, *with_function[] = {normal, function, NULL};
	char *with_file[] = {file, NULL};
	struct command_input in = {.directory = "/w", .cpu = NAN, .weight = 1, .plain_shell = true};
	struct str error = STR_INIT;
	struct command c;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++) {
		in.command = skipped[i];
		in.plain_shell = true;
		assert_true(command_build(&in, &a, &c, &error));
		assert_string_not_equal(c.words[0], "sh");
		assert_int_equal(c.nfallback, 3);
		assert_string_equal(c.fallback[1], "-c");
		in.plain_shell = false;
		assert_true(command_build(&in, &a, &c, &error));
		assert_int_equal(c.nfallback, 0);
	}
	in.plain_shell = true;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		in.command = kept[i];
		assert_true(command_build(&in, &a, &c, &error));
		assert_int_equal(c.nfallback, 0);
	}
	assert_true(command_shell_is_plain(plain));
	assert_false(command_shell_is_plain(with_function));
	assert_false(command_shell_is_plain(with_file));
	arena_release(&a);
	str_release(&error);
}

static struct place *take(struct places *p)
{
	int err;
	struct place *place = places_take(p, &err);

	assert_non_null(place);
	return place;
}

static void places_are_reused_only_when_clean(void **state)
{
	struct place *first, *second, *third;
	struct places p;
	char dir[32];

	(void)state;
	make_dir(dir);
	assert_int_equal(places_init(&p, dir), 0);
	first = take(&p);
	second = take(&p);
	assert_true(first->number != second->number);
	assert_int_equal(place_output_is_empty(first), 1);
	assert_true(places_give_back(&p, first));
	assert_ptr_equal(take(&p), first);
	/* Long enough in use that dates of files tell. */
	first->taken_ns += INT64_C(1000000000);
	put(first->path, "stdout", "short");
	assert_int_equal(place_output_is_empty(first), 1);
	assert_true(places_give_back(&p, first));
	assert_ptr_equal(take(&p), first);
	put(first->path, "output/x", "");
	assert_int_equal(place_output_is_empty(first), 0);
	assert_false(places_give_back(&p, first));
	assert_int_equal(tree_remove(first->path), 0);
	place_free(first);
	put(second->path, "line", "3");
	assert_false(places_give_back(&p, second));
	place_free(second);
	/* What an earlier agent made is never taken again. */
	third = places_adopt(&p, 40);
	assert_false(places_give_back(&p, third));
	place_free(third);
	third = take(&p);
	assert_int_equal(third->number, 41);
	assert_true(places_any(&p));
	places_sweep(&p, &third, 1);
	assert_int_equal(access(third->path, F_OK), 0);
	assert_true(places_give_back(&p, third));
	places_trim(&p);
	assert_false(places_any(&p));
	places_release(&p);
	assert_int_equal(tree_remove(dir), 0);
}

static void a_stream_is_read_by_offset(void **state)
{
	struct stream s;
	char dir[32], buf[64];

	(void)state;
	make_dir(dir);
	stream_init(&s, dir, "stdout", 10);
	assert_int_equal(stream_look(&s), 0);
	assert_false(stream_is_due(&s));
	assert_true(stream_is_stored(&s));
	put(dir, "stdout", "01234");
	assert_int_equal(stream_look(&s), 0);
	assert_true(stream_is_due(&s));
	assert_int_equal(stream_read(&s, 3, buf, sizeof(buf)), 2);
	assert_memory_equal(buf, "34", 2);
	assert_int_equal(stream_read(&s, 5, buf, sizeof(buf)), 0);
	s.sent = s.stored = 5;
	/* Exactly at the limit nothing is lost, beyond it a line says so. */
	put(dir, "stdout", "56789");
	assert_int_equal(stream_look(&s), 0);
	assert_int_equal(s.size, 10);
	put(dir, "stdout", "lost");
	assert_int_equal(stream_look(&s), 0);
	assert_int_equal(stream_read(&s, 8, buf, sizeof(buf)), (int64_t)s.size - 8);
	assert_memory_equal(buf, "89\n[scitq: output beyond 10 bytes was not kept]\n",
	                    (size_t)s.size - 8);
	assert_int_equal(stream_read(&s, 12, buf, 3), 3);
	assert_memory_equal(buf, "sci", 3);
	/* A task that cuts its output takes nothing back. */
	assert_int_equal(truncate(s.path, 2), 0);
	assert_int_equal(stream_look(&s), 0);
	assert_int_equal(stream_read(&s, 0, buf, 5), 5);
	assert_memory_equal(buf, "01\0\0\0", 5);
	stream_rewind(&s, 4);
	assert_true(stream_is_due(&s));
	s.unsure = true;
	s.sent = 0;
	assert_false(stream_is_stored(&s));
	stream_close(&s);
	assert_true(stream_is_stored(&s));
	assert_false(stream_is_due(&s));
	assert_int_equal(s.size, 4);
	stream_release(&s);
	assert_int_equal(tree_remove(dir), 0);
}

/* Parts of a long log travel in calls of their own, whose answers come in any order. */
static void parts_of_a_stream_travel_at_once(void **state)
{
	const uint64_t mib = 1 << 20;
	struct stream s;
	char dir[32];

	(void)state;
	make_dir(dir);
	stream_init(&s, dir, "stdout", 100 * mib);
	s.size = mib / 4 - 1;
	assert_false(stream_is_long(&s));
	s.size = 10 * mib;
	assert_true(stream_is_long(&s));
	/* A report has some of it. */
	s.sent = 10;
	assert_false(stream_is_long(&s));
	s.sent = 8 * mib;
	s.apart = 2;
	assert_true(stream_is_long(&s));
	/* The second of two, with what lies behind it; the first too. */
	stream_resend(&s, 4 * mib);
	assert_int_equal(s.sent, 4 * mib);
	stream_resend(&s, 6 * mib);
	assert_int_equal(s.sent, 4 * mib);
	s.stored = 2 * mib;
	stream_resend(&s, 0);
	assert_int_equal(s.sent, 2 * mib);
	s.sent = 10 * mib - 5;
	assert_true(stream_is_due(&s));
	assert_false(stream_is_long(&s));
	stream_release(&s);
	assert_int_equal(tree_remove(dir), 0);
}

static void base64_has_its_padding(void **state)
{
	static const char *const pairs[][2] = {{"", ""},
	                                       {"f", "Zg=="},
	                                       {"fo", "Zm8="},
	                                       {"foo", "Zm9v"},
	                                       {"foob", "Zm9vYg=="},
	                                       {"\xff\xfe", "//4="},
	                                       {"\xfb\xef\xbe", "++++"}};
	struct str out = STR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		str_reset(&out);
		base64_add(&out, pairs[i][0], strlen(pairs[i][0]));
		assert_string_equal(out.p, pairs[i][1]);
	}
	str_release(&out);
}

static void a_token_of_this_machine_stays_here(void **state)
{
	static const struct {
		const char *server, *url;
		bool told;
	} cases[] = {{"127.0.0.1", "http://127.0.0.1:5000", true},
	             {"localhost:5001", "http://localhost:5001", true},
	             {"[::1]", "http://[::1]:5000", true},
	             {"https://localhost/", "https://localhost", true},
	             {"http://127.0.0.1:80/", "http://127.0.0.1:80", true},
	             {"localhost.example.org", "http://localhost.example.org:5000", false},
	             {"node7", "http://node7:5000", false}};
	struct options o;
	char dir[32];

	(void)state;
	make_dir(dir);
	assert_int_equal(setenv("XDG_STATE_HOME", dir, 1), 0);
	assert_int_equal(unsetenv("SCITQ_TOKEN"), 0);
	put(dir, "x", "");
	{
		struct str path = STR_INIT;

		str_addf(&path, "%s/scitq", dir);
		assert_int_equal(dir_make(path.p, 0700), 0);
		put(path.p, "token", "secret\n");
		str_release(&path);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char program[] = "scitq-worker", number[] = "3", server[64];
		char *argv[] = {program, server, number, NULL};

		snprintf(server, sizeof(server), "%s", cases[i].server);
		assert_int_equal(options_read(&o, 3, argv), OPTIONS_OK);
		assert_string_equal(o.url.p, cases[i].url);
		assert_string_equal(o.token.p, cases[i].told ? "secret" : "");
		options_release(&o);
	}
	assert_int_equal(setenv("SCITQ_TOKEN", "given", 1), 0);
	{
		char program[] = "scitq-worker", number[] = "3", server[] = "node7";
		char *argv[] = {program, server, number, NULL};

		assert_int_equal(options_read(&o, 3, argv), OPTIONS_OK);
		assert_string_equal(o.token.p, "given");
		options_release(&o);
	}
	assert_int_equal(tree_remove(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(cpus_are_whole),
	        cmocka_unit_test(a_command_is_built),
	        cmocka_unit_test(a_shell_is_left_out_where_it_adds_nothing),
	        cmocka_unit_test(places_are_reused_only_when_clean),
	        cmocka_unit_test(a_stream_is_read_by_offset),
	        cmocka_unit_test(parts_of_a_stream_travel_at_once),
	        cmocka_unit_test(base64_has_its_padding),
	        cmocka_unit_test(a_token_of_this_machine_stays_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
