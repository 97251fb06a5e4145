/*
 * The canonical layout. Every FILE.scitq of tests/golden/format must come out as FILE.out
 * (UPDATE=1 writes those). Every file of the other directories that parses must come out as the
 * same program, and unchanged when it is laid out again; the examples are laid out so already.
 */
#include "base/fd.h"
#include "dsl/format.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDENS "tests/golden/format"

static enum format_result format(const struct str *text, struct str *out)
{
	struct arena arena;
	struct sources sources;
	struct diag_sink sink;
	enum format_result result;

	arena_init(&arena);
	sources_init(&sources, &arena);
	diag_sink_init(&sink, &arena);
	result = dsl_format(&arena, &sources, sources_add(&sources, "f", text->p, text->len), &sink,
	                    out);
	diag_sink_release(&sink);
	sources_release(&sources);
	arena_release(&arena);
	return result;
}

static bool equal(const struct str *a, const struct str *b)
{
	return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

/* Laid out, it stays. False where it does not, or does not mean the same. */
static bool settles(const char *path, const struct str *text, struct str *once)
{
	struct str twice = STR_INIT;
	enum format_result result = format(text, once);
	bool good = result == FORMAT_ERRORS;

	if (result == FORMAT_UNSURE)
		fprintf(stderr, "%s: another program\n", path);
	if (result == FORMAT_OK) {
		good = format(once, &twice) == FORMAT_OK && equal(once, &twice);
		if (!good)
			fprintf(stderr, "%s: first\n%s--- then\n%s", path, once->p, twice.p);
	}
	str_release(&twice);
	return good;
}

static bool check_golden(const char *path, const struct str *got)
{
	struct str want = STR_INIT;
	char out[512];
	bool same;

	snprintf(out, sizeof(out), "%.*s.out", (int)strlen(path) - 6, path);
	if (getenv("UPDATE") != NULL)
		return file_replace(out, got->p, got->len, 0644) == 0;
	same = file_read(out, &want) == 0 && equal(got, &want);
	if (!same)
		fprintf(stderr, "%s: got\n%s--- instead of\n%s", path, got->p, want.p);
	str_release(&want);
	return same;
}

static int is_input(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 6 && strcmp(entry->d_name + n - 6, ".scitq") == 0;
}

/* How many of a directory fail; *total counts all. */
static int check_directory(const char *dir, int *total)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_input, alphasort), failed = 0;

	if (n <= 0) {
		fprintf(stderr, "%s: nothing there\n", dir);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		struct str text = STR_INIT, once = STR_INIT;
		char path[512];
		bool good;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		good = file_read(path, &text) == 0 && settles(path, &text, &once);
		if (good && strcmp(dir, GOLDENS) == 0)
			good = once.len > 0 && check_golden(path, &once);
		if (good && strncmp(dir, "examples", 8) == 0 && !equal(&text, &once)) {
			fprintf(stderr, "%s: run scitq-run fmt on it\n", path);
			good = false;
		}
		failed += !good;
		str_release(&text);
		str_release(&once);
		free(names[i]);
	}
	free(names);
	*total += n;
	return failed;
}

int main(void)
{
	static const char *const dirs[] = {
	        GOLDENS,    "tests/golden/syntax", "tests/golden/compiler", "tests/bad",
	        "examples", "examples/qc",         "examples/camisim"};
	int failed = 0, total = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		failed += check_directory(dirs[i], &total);
	printf("%d files, %d failed\n", total, failed);
	return failed > 0;
}
