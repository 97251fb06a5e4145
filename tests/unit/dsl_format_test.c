/*
 * The canonical layout. Every FILE.scitq of tests/golden/format must come out as FILE.out
 * (UPDATE=1 writes those). Every file of the other directories that parses must come out as the
 * same program, and unchanged when it is laid out again; the examples are laid out so already.
 */
#include "base/fd.h"
#include "dsl/format.h"
#include "tests/unit/goldens.h"

#include <stdio.h>
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

static bool check(const char *dir, const char *name, void *context)
{
	struct str text = STR_INIT, once = STR_INIT;
	char path[512];
	bool good;

	(void)context;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	good = file_read(path, &text) == 0 && settles(path, &text, &once);
	if (good && strcmp(dir, GOLDENS) == 0)
		good = once.len > 0 && goldens_equal(dir, name, &once);
	if (good && strncmp(dir, "examples", 8) == 0 && !equal(&text, &once)) {
		fprintf(stderr, "%s: run scitq-run fmt on it\n", path);
		good = false;
	}
	str_release(&text);
	str_release(&once);
	return good;
}

int main(void)
{
	static const char *const dirs[] = {
	        GOLDENS,    "tests/golden/syntax", "tests/golden/compiler", "tests/bad",
	        "examples", "examples/qc",         "examples/camisim"};
	int failed = 0, total = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		total += goldens_each(dirs[i], check, NULL, &failed);
	printf("%d files, %d failed\n", total, failed);
	return failed > 0;
}
