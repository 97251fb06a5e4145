/*
 * What files say about themselves: every FILE.scitq of tests/golden/document in every form must
 * be FILE.out. UPDATE=1 writes those.
 */
#include "base/fd.h"
#include "dsl/document.h"
#include "tests/unit/goldens.h"

#include <stdio.h>

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

static bool check(const char *dir, const char *name, void *context)
{
	struct str text = STR_INIT, got = STR_INIT;
	char path[512];
	bool good;

	(void)context;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	good = file_read(path, &text) == 0 && print_all(name, &text, &got) &&
	       goldens_equal(dir, name, &got);
	str_release(&text);
	str_release(&got);
	return good;
}

int main(void)
{
	int failed = 0, n = goldens_each("tests/golden/document", check, NULL, &failed);

	printf("%d documents, %d failed\n", n, failed);
	return failed > 0;
}
