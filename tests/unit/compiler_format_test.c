/*
 * A file in its canonical layout compiles to the same plan: every golden and example that
 * compiles is laid out and compiled again, and the tasks are compared but for their places in
 * the file.
 */
#include "base/fd.h"
#include "compiler/compile.h"
#include "dsl/format.h"
#include "tests/unit/goldens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool lay_out(const char *path, const struct str *text, struct str *out)
{
	struct arena arena;
	struct sources sources;
	struct diag_sink sink;
	bool ok;

	arena_init(&arena);
	sources_init(&sources, &arena);
	diag_sink_init(&sink, &arena);
	ok = dsl_format(&arena, &sources, sources_add(&sources, path, text->p, text->len), &sink,
	                out) == FORMAT_OK;
	diag_sink_release(&sink);
	sources_release(&sources);
	arena_release(&arena);
	return ok;
}

static bool same_text(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool same_row(const struct task *a, const struct task *b)
{
	return same_text(a->name, b->name) && same_text(a->batch, b->batch) &&
	       same_text(a->input, b->input) && same_text(a->output, b->output) &&
	       same_text(a->resource, b->resource) && same_text(a->container, b->container) &&
	       same_text(a->container_options, b->container_options) && a->retry == b->retry &&
	       a->priority == b->priority && a->memory == b->memory &&
	       a->run_timeout == b->run_timeout && a->accept_failure == b->accept_failure;
}

static bool same_task(const struct submission *a, const struct submission *b, uint32_t i)
{
	struct submission_task x, y;
	struct arena arena;
	bool same;

	arena_init(&arena);
	a->task(a, i, &arena, &x);
	b->task(b, i, &arena, &y);
	same = same_row(&x.row, &y.row) && same_text(x.identity_command, y.identity_command) &&
	       x.nrequires == y.nrequires && x.nyields == y.nyields &&
	       (x.nrequires == 0 ||
	        memcmp(x.requires, y.requires, x.nrequires * sizeof(*x.requires)) == 0);
	if (!same)
		fprintf(stderr, "task %s differs\n", x.row.name);
	arena_release(&arena);
	return same;
}

static bool same_plan(const struct submission *a, const struct submission *b)
{
	bool same = b != NULL && a->task_count == b->task_count && a->step_count == b->step_count &&
	            a->recruiter_count == b->recruiter_count;

	for (uint32_t i = 0; same && i < a->task_count && i < 2000; i++)
		same = same_task(a, b, i);
	return same;
}

static struct compilation *compile(const char *dir, const struct str *text)
{
	return compile_file(&(struct compile_options){
	        .path = "f.scitq",
	        .text = text->p,
	        .text_len = text->len,
	        .cwd = dir,
	});
}

/* 1: compiles and is the same; 0: does not compile; -1: another plan. */
static int look_at(const char *dir, const char *name)
{
	char cwd[4096], path[4500];
	struct str text = STR_INIT, laid = STR_INIT;
	struct compilation *before, *after;
	int result = 0;

	if (realpath(dir, cwd) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/%s", cwd, name);
	if (file_read(path, &text) != 0)
		return -1;
	before = compile(cwd, &text);
	if (compile_submission(before) != NULL) {
		result = -1;
		if (lay_out(path, &text, &laid)) {
			after = compile(cwd, &laid);
			if (same_plan(compile_submission(before), compile_submission(after)))
				result = 1;
			compile_release(after);
		}
	}
	compile_release(before);
	str_release(&text);
	str_release(&laid);
	if (result < 0)
		fprintf(stderr, "%s: another plan when laid out\n", path);
	return result;
}

static bool check(const char *dir, const char *name, void *compared)
{
	int result = look_at(dir, name);

	*(int *)compared += result > 0;
	return result >= 0;
}

int main(void)
{
	static const char *const dirs[] = {"tests/golden/compiler", "tests/bad", "examples",
	                                   "examples/camisim"};
	int compared = 0, failed = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		goldens_each(dirs[i], check, &compared, &failed);
	printf("%d plans compared, %d differ\n", compared, failed);
	return failed > 0 || compared < 10;
}
