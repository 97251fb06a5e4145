/*
 * Commands that the compiler makes, run by the real shells: the values arrive as
 * they are, and the line of a failing command is that of the .scitq file.
 */
#include "base/fd.h"
#include "base/words.h"
#include "compiler/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "scitq 1\nworkflow \"w\" { storage = \"s3://b/r\" }\n"

struct outcome {
	int status; /* as waitpid gives it */
	char line[64];
	struct str out;
};

static struct compilation *compile_text(const char *text, const struct compile_param *params,
                                        size_t nparams)
{
	struct compilation *c = compile_file(&(struct compile_options){
	        .path = "test.scitq",
	        .text = text,
	        .text_len = strlen(text),
	        .params = params,
	        .nparams = nparams,
	});
	const struct diag_sink *sink = compile_diagnostics(c);
	struct str out = STR_INIT;

	for (size_t i = 0; i < sink->n; i++)
		diag_render(&sink->list[i], compile_sources(c), false, &out);
	if (!compile_ok(c))
		fputs(out.p, stderr);
	str_release(&out);
	assert_true(compile_ok(c));
	return c;
}

static void run_words(char **words, struct outcome *o)
{
	char line[] = "SCITQ_LINE=/tmp/scitq-line-XXXXXX", *path = line + strlen("SCITQ_LINE=");
	char *environment[] = {line, (char[]){"PATH=/usr/bin:/bin"}, (char[]){"OUTPUT=/tmp"}, NULL};
	posix_spawn_file_actions_t actions;
	int pipe_fds[2], fd = mkostemp(path, O_CLOEXEC);
	struct str text = STR_INIT;
	pid_t pid;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawnp(&pid, words[0], &actions, NULL, words, environment), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(pipe_fds[1]);
	assert_int_equal(fd_read_all(pipe_fds[0], &o->out), 0);
	close(pipe_fds[0]);
	while (waitpid(pid, &o->status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_int_equal(file_read(path, &text), 0);
	snprintf(o->line, sizeof(o->line), "%.*s", (int)strcspn(text.p, "\n"), text.p);
	str_release(&text);
	unlink(path);
}

/* The first task of the text. */
static void run_text(const char *text, const struct compile_param *params, size_t nparams,
                     struct outcome *o)
{
	struct compilation *c = compile_text(text, params, nparams);
	const struct submission *s = compile_submission(c);
	struct arena arena;
	struct submission_task task;
	char **words, script[] = "/tmp/scitq-script-XXXXXX";
	size_t n;

	memset(o, 0, sizeof(*o));
	str_init(&o->out);
	arena_init(&arena);
	s->task(s, 0, &arena, &task);
	assert_int_equal(words_split(task.row.command, &arena, &words, &n), WORDS_OK);
	if (task.row.script != NULL) {
		char **more = arena_array(&arena, char *, n + 2);
		int fd = mkostemp(script, O_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(fd_write_all(fd, task.row.script, strlen(task.row.script)), 0);
		close(fd);
		memcpy(more, words, n * sizeof(*words));
		more[n] = script;
		words = more;
	}
	run_words(words, o);
	if (task.row.script != NULL)
		unlink(script);
	arena_release(&arena);
	compile_release(c);
}

/* The lines of the text below count from 4: HEAD has two, `step s {` is the third. */
static void assert_fails_at(const char *run, const char *line)
{
	struct str text = STR_INIT;
	struct outcome o;

	str_addf(&text, HEAD "step s {\n%s}\n", run);
	run_text(text.p, NULL, 0, &o);
	assert_true(WIFEXITED(o.status) && WEXITSTATUS(o.status) != 0);
	assert_string_equal(o.line, line);
	str_release(&text);
	str_release(&o.out);
}

static void lines_of_bash(void **state)
{
	(void)state;
	assert_fails_at("  run | false\n", "4");
	assert_fails_at("  run |\n    true\n    false\n    true\n", "6");
	assert_fails_at("\n\n  run |\n\n    # comment\n    true\n    grep x /dev/null\n", "10");
	/* The failing command of a function, not its call. */
	assert_fails_at("  run |\n    f() {\n      false\n      true\n    }\n    true\n    f\n",
	                "6");
	assert_fails_at("  run |\n    for i in 1 2; do\n      true\n      ls /none\n    done\n",
	                "7");
	assert_fails_at("  run |\n    echo \\\n      a b\n    false\n", "7");
	/* A pipe, and a substitution, is one command: bash counts it from its last line. */
	assert_fails_at("  run |\n    cat /dev/null |\n      grep x |\n      cat\n    true\n", "7");
	assert_fails_at("  run |\n    x=$(\n      true\n      false\n    )\n", "8");
	assert_fails_at("  shell = bash\n  bind { a = \"1\\n2\\n3\", b = \"\" }\n"
	                "  run |\n    true\n    test \"$a\" = \"$b\"\n",
	                "8");
}

static void failures_that_are_none(void **state)
{
	struct outcome o;

	(void)state;
	run_text(HEAD "step s {\n  run |\n    false || true\n    if false; then true; fi\n"
	              "    ! true || echo done\n}\n",
	         NULL, 0, &o);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.line, "");
	str_release(&o.out);
}

static void values_arrive(void **state)
{
	static const char *const values[] = {"plain",
	                                     "",
	                                     "it's",
	                                     "\"quoted\" $HOME `id` $(id) \\ \\n %s",
	                                     "two\nlines\n\nand  blanks ",
	                                     "-n",
	                                     "'''",
	                                     "\xc3\xa9\xe2\x82\xac *?[a]",
	                                     "a\tb"};
	static const char *const shells[] = {"bash", "sh", "python3"};
	static const char *const texts[] = {
	        "printf '%s' \"$value\"", "printf '%s' \"$value\"",
	        "import os, sys\n    sys.stdout.write(os.environ[\"value\"])"};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct compile_param p = {"value", values[i]};

		for (size_t k = 0; k < 3; k++) {
			struct str text = STR_INIT;
			struct outcome o;

			str_addf(&text,
			         "scitq 1\nparam value: string\nworkflow \"w\" { }\n"
			         "step s {\n  bind { value }\n  run %s |\n    %s\n}\n",
			         shells[k], texts[k]);
			run_text(text.p, &p, 1, &o);
			assert_int_equal(o.status, 0);
			assert_string_equal(o.out.p, values[i]);
			str_release(&text);
			str_release(&o.out);
		}
	}
}

static void lists_are_arrays(void **state)
{
	struct outcome o;

	(void)state;
	run_text(HEAD "let xs = [\"a b\", \"c'd\", \"\", \"\\$x\"]\n"
	              "step s {\n  run | printf '<%s>' \"${#xs[@]}\" \"${xs[@]}\"\n}\n",
	         NULL, 0, &o);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.out.p, "<4><a b><c'd><><$x>");
	str_release(&o.out);
}

static void exec_words(void **state)
{
	struct outcome o;

	(void)state;
	run_text(HEAD "let v = \"it's \\\"q\\\" \\$x `id`\"\nstep s {\n"
	              "  exec = [\"printf\", \"<%s>\", v, \"a b\", \"$OUTPUT/x\"]\n}\n",
	         NULL, 0, &o);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.out.p, "<it's \"q\" $x `id`><a b></tmp/x>");
	str_release(&o.out);
}

static void long_texts_are_scripts(void **state)
{
	struct str text = STR_INIT;
	struct outcome o;

	(void)state;
	str_adds(&text, HEAD "let v = \"x\"\nstep s {\n  run |\n");
	for (int i = 0; i < 3000; i++)
		str_addf(&text, "    : this line has the number %d and says nothing else\n", i);
	str_adds(&text, "    printf '%s' \"$v\"\n    false\n}\n");
	run_text(text.p, NULL, 0, &o);
	assert_string_equal(o.out.p, "x");
	assert_string_equal(o.line, "3007");
	str_release(&text);
	str_release(&o.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lines_of_bash), cmocka_unit_test(failures_that_are_none),
	        cmocka_unit_test(values_arrive), cmocka_unit_test(lists_are_arrays),
	        cmocka_unit_test(exec_words),    cmocka_unit_test(long_texts_are_scripts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
