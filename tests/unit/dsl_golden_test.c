/*
 * Every FILE.scitq of a directory is parsed; what the parser says about it, or the tree
 * where it says nothing, must be FILE.out. UPDATE=1 writes the .out files instead.
 * With files as arguments: print that for each of them.
 */
#include "base/fd.h"
#include "dsl/codes.h"
#include "dsl/parse.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

static int is_input(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 6 && strcmp(entry->d_name + n - 6, ".scitq") == 0;
}

static int write_file(const char *path, const struct str *text)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		return -errno;
	if (fwrite(text->p, 1, text->len, f) != text->len) {
		fclose(f);
		return -EIO;
	}
	return fclose(f) == 0 ? 0 : -errno;
}

/* True where the file is as it should be. */
static bool check(const char *name, bool update, bool *used)
{
	struct str got = STR_INIT, want = STR_INIT;
	char in[512], out[512];
	bool same;
	int err;

	snprintf(in, sizeof(in), DIRECTORY "/%s", name);
	snprintf(out, sizeof(out), DIRECTORY "/%.*s.out", (int)strlen(name) - 6, name);
	err = print_parse(in, name, used, &got);
	if (err == 0)
		err = update ? write_file(out, &got) : file_read(out, &want);
	if (err != 0)
		fprintf(stderr, "%s: %s\n", update ? in : out, strerror(-err));
	same = err == 0 && (update || (got.len == want.len && memcmp(got.p, want.p, got.len) == 0));
	if (!same)
		fprintf(stderr, "%s: got\n%s--- instead of\n%s", in, got.p, want.p);
	str_release(&got);
	str_release(&want);
	return same;
}

int main(int argc, char **argv)
{
	bool used[CODES] = {false}, update = getenv("UPDATE") != NULL;
	struct dirent **names;
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
	n = scandir(DIRECTORY, &names, is_input, alphasort);
	if (n <= 0) {
		fprintf(stderr, "%s: no goldens\n", DIRECTORY);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		failed += !check(names[i]->d_name, update, used);
		free(names[i]);
	}
	free(names);
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
