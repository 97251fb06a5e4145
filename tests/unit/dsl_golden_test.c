/*
 * Every FILE.scitq of a directory is parsed; what the parser says about it, or the tree
 * where it says nothing, must be FILE.out. UPDATE=1 writes the .out files instead.
 * With files as arguments: print that for each of them.
 */
#include "base/fd.h"
#include "dsl/codes.h"
#include "dsl/parse.h"
#include "tests/unit/goldens.h"

#include <stdio.h>
#include <string.h>

#define DIRECTORY "tests/golden/syntax"

/* 0, or -errno where the file cannot be read. */
static int print_parse(const char *path, const char *name, bool *used, struct str *out)
{
	struct arena arena;
	struct sources sources;
	struct diag_sink sink;
	struct str text = STR_INIT;
	int err;

	arena_init(&arena);
	sources_init(&sources, &arena);
	diag_sink_init(&sink, &arena);
	err = file_read(path, &text);
	if (err == 0) {
		uint32_t file = sources_add(&sources, name, text.p, text.len);
		struct ast *ast = dsl_parse(&arena, &sources, file, &sink);

		diag_sort(&sink);
		for (size_t i = 0; i < sink.n; i++) {
			diag_render(&sink.list[i], &sources, false, out);
			used[sink.list[i].code - diag_codes] = true;
		}
		if (sink.n == 0)
			ast_dump(ast, out);
	}
	str_release(&text);
	diag_sink_release(&sink);
	sources_release(&sources);
	arena_release(&arena);
	return err;
}

static bool check(const char *dir, const char *name, void *used)
{
	struct str got = STR_INIT;
	char path[512];
	bool same;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	same = print_parse(path, name, used, &got) == 0 && goldens_equal(dir, name, &got);
	str_release(&got);
	return same;
}

int main(int argc, char **argv)
{
	bool used[CODES] = {false};
	int n, failed = 0;

	for (int i = 1; i < argc; i++) {
		struct str out = STR_INIT;

		if (print_parse(argv[i], argv[i], used, &out) != 0)
			return 2;
		fputs(out.p, stdout);
		str_release(&out);
	}
	if (argc > 1)
		return 0;
	n = goldens_each(DIRECTORY, check, used, &failed);
	for (size_t i = 0; i < CODES; i++) {
		/* The other ranges have their goldens in the compiler's tests. */
		if (strncmp(diag_codes[i].code, "E01", 3) == 0 && !used[i]) {
			fprintf(stderr, "%s has no golden\n", diag_codes[i].code);
			failed++;
		}
	}
	printf("%d goldens, %d failed\n", n, failed);
	return failed > 0;
}
