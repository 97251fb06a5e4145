#include "cli/shellcheck.h"

#include "base/child.h"
#include "base/fd.h"
#include "model/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A text is seconds of work at most; this is for one that hangs. */
#define TIMEOUT_MS 120000

static bool failed(const char *what)
{
	fprintf(stderr, "scitq-run: shellcheck: %s\n", what);
	return false;
}

/* A new file; 0 or -errno. Nothing of it has to outlive a power cut. */
static int write_text(const char *path, const struct str *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : fd_write_all(fd, text->p, text->len);

	if (fd >= 0 && close(fd) != 0 && err == 0)
		err = -errno;
	return err;
}

/* Every text as a file of its number in the directory. */
static bool write_texts(struct compilation *c, size_t n, const char *dir)
{
	for (size_t i = 0; i < n; i++) {
		struct str text = STR_INIT, path = STR_INIT;
		int err;

		str_addf(&path, "%s/%zu", dir, i);
		compile_script_text(c, i, &text);
		err = write_text(path.p, &text);
		str_release(&text);
		str_release(&path);
		if (err != 0)
			return failed(strerror(-err));
	}
	return true;
}

/* 0, or -errno; its answer to *out. It exits 1 where it found something. */
static int ask(const char *program, size_t n, const char *dir, struct arena *arena, struct str *out)
{
	static const char *const options[] = {"--norc", "--format=json1", "--severity=info",
	                                      "--color=never"};
	size_t noptions = sizeof(options) / sizeof(*options);
	char **argv = arena_array(arena, char *, n + noptions + 2);
	struct child child = {
	        .argv = argv,
	        .out = child_keep,
	        .output_ctx = out,
	        .timeout_ms = TIMEOUT_MS,
	};
	int status, err;

	argv[0] = arena_strdup(arena, program);
	for (size_t i = 0; i < noptions; i++)
		argv[i + 1] = arena_strdup(arena, options[i]);
	for (size_t i = 0; i < n; i++)
		argv[noptions + 1 + i] = arena_printf(arena, "%s/%zu", dir, i);
	err = child_run(&child, &status);
	if (err == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) > 1))
		err = -EIO;
	return err;
}

static unsigned number(json_t *object, const char *name)
{
	json_int_t i = json_integer_value(json_object_get(object, name));

	return i > 0 && i < 1000000000 ? (unsigned)i : 0;
}

/* One comment of the answer; what has no place in a text is left out. */
static void add_comment(struct compilation *c, size_t n, json_t *comment)
{
	const char *file = json_string_value(json_object_get(comment, "file"));
	const char *message = json_string_value(json_object_get(comment, "message"));
	const char *slash = file != NULL ? strrchr(file, '/') : NULL;
	struct script_finding f = {
	        .line = number(comment, "line"),
	        .column = number(comment, "column"),
	        .end_line = number(comment, "endLine"),
	        .end_column = number(comment, "endColumn"),
	};
	struct str text = STR_INIT;
	char code[24];
	size_t i;

	if (slash == NULL || message == NULL || f.line == 0)
		return;
	i = strtoul(slash + 1, NULL, 10);
	if (i >= n)
		return;
	snprintf(code, sizeof(code), "SC%u", number(comment, "code"));
	str_adds(&text, message);
	while (text.len > 0 && text.p[text.len - 1] == '.')
		text.p[--text.len] = '\0';
	f.code = code;
	f.message = text.p;
	compile_script_finding(c, i, &f);
	str_release(&text);
}

static bool add_answer(struct compilation *c, size_t n, const struct str *answer)
{
	struct problem problem = {0};
	json_t *json = json_parse(answer->p, answer->len, &problem);
	json_t *comments = json_object_get(json, "comments"), *comment;
	size_t i;

	if (!json_is_array(comments)) {
		json_decref(json);
		return failed("its answer is not what was expected");
	}
	json_array_foreach(comments, i, comment) add_comment(c, n, comment);
	json_decref(json);
	return true;
}

static bool check_in(struct compilation *c, size_t n, const char *program, const char *dir)
{
	struct str answer = STR_INIT;
	struct arena arena;
	bool ok = write_texts(c, n, dir);
	int err;

	if (!ok)
		return false;
	arena_init(&arena);
	err = ask(program, n, dir, &arena, &answer);
	ok = err == 0 ? add_answer(c, n, &answer) : failed(strerror(-err));
	arena_release(&arena);
	str_release(&answer);
	return ok;
}

bool shellcheck_run(struct compilation *c)
{
	struct str program = STR_INIT, dir = STR_INIT;
	size_t n = compile_script_count(c);
	bool ok = true;
	int err;

	if (n > 0 && child_find("shellcheck", &program)) {
		str_addf(&dir, "%s/scitq-check.XXXXXX", temporary_place());
		ok = mkdtemp(dir.p) != NULL;
		if (!ok) {
			failed(strerror(errno));
		} else {
			ok = check_in(c, n, program.p, dir.p);
			err = tree_remove(dir.p);
			if (err != 0)
				ok = failed(strerror(-err));
		}
	}
	str_release(&program);
	str_release(&dir);
	return ok;
}
