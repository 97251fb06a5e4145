/*
 * What files say about themselves: every FILE.scitq of tests/golden/document in every form must
 * be FILE.out. UPDATE=1 writes those.
 */
#include "base/fd.h"
#include "dsl/document.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDENS "tests/golden/document"

static bool print_all(const char *name, const struct str *text, struct str *out)
{
	static const char *const forms[] = {"text", "man", "markdown"};
	struct arena arena;
	struct sources sources;
	struct diag_sink sink;
	struct document d;
	bool ok;

	arena_init(&arena);
	sources_init(&sources, &arena);
	diag_sink_init(&sink, &arena);
	ok = document_read(&d, &arena, &sources, sources_add(&sources, name, text->p, text->len),
	                   &sink);
	if (ok) {
		str_adds(out, "--- help\n");
		document_print_help(&d, out);
	}
	for (size_t i = 0; ok && i < sizeof(forms) / sizeof(*forms); i++) {
		str_addf(out, "--- %s\n", forms[i]);
		document_print(&d, (enum document_form)document_form_find(forms[i]), out);
	}
	ok = ok && document_form_find("html") < 0;
	diag_sink_release(&sink);
	sources_release(&sources);
	arena_release(&arena);
	return ok;
}

static bool check(const char *name)
{
	struct str text = STR_INIT, got = STR_INIT, want = STR_INIT;
	char path[512], out[512];
	bool good;

	snprintf(path, sizeof(path), GOLDENS "/%s", name);
	snprintf(out, sizeof(out), "%.*s.out", (int)strlen(path) - 6, path);
	good = file_read(path, &text) == 0 && print_all(name, &text, &got);
	if (good && getenv("UPDATE") != NULL)
		good = file_replace(out, got.p, got.len, 0644) == 0;
	else if (good)
		good = file_read(out, &want) == 0 && got.len == want.len &&
		       memcmp(got.p, want.p, got.len) == 0;
	if (!good)
		fprintf(stderr, "%s: got\n%s--- instead of\n%s", path, got.p, want.p);
	str_release(&text);
	str_release(&got);
	str_release(&want);
	return good;
}

static int is_input(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 6 && strcmp(entry->d_name + n - 6, ".scitq") == 0;
}

int main(void)
{
	struct dirent **names;
	int n = scandir(GOLDENS, &names, is_input, alphasort), failed = 0;

	for (int i = 0; i < n; i++) {
		failed += !check(names[i]->d_name);
		free(names[i]);
	}
	if (n > 0)
		free(names);
	printf("%d documents, %d failed\n", n, failed);
	return n <= 0 || failed > 0;
}
