#include "cli/doc.h"

#include "base/fd.h"
#include "cli/io.h"
#include "runtime/session.h"

#include <string.h>

/* Modules that import modules, one upon the other. */
#define IMPORT_DEPTH 16

/* What is being read, and where it goes. */
struct reading {
	struct arena arena;
	struct sources sources;
	struct diag_sink sink;
};

/* A path in the file at `of` starts from the directory of that one. */
static const char *beside(struct arena *arena, const char *of, const char *path)
{
	const char *slash = strrchr(of, '/');

	if (path[0] == '/' || slash == NULL)
		return path;
	return arena_printf(arena, "%.*s/%s", (int)(slash - of), of, path);
}

/* A module that cannot be read is left out: the compiler says what is wrong with it. */
static void add_modules(struct reading *r, struct document *d, const char *path, unsigned depth)
{
	for (size_t i = 0; depth < IMPORT_DEPTH && i < d->nimports; i++) {
		const char *other = beside(&r->arena, path, d->imports[i].path);
		struct diag_sink sink;
		struct document module;
		struct str text = STR_INIT;

		diag_sink_init(&sink, &r->arena);
		if (file_read(other, &text) == 0 && text.len < INT32_MAX &&
		    document_read(&module, &r->arena, &r->sources,
		                  sources_add(&r->sources, other, text.p, text.len), &sink)) {
			add_modules(r, &module, other, depth + 1);
			document_add_params(d, &module, d->imports[i].as, &r->arena);
		}
		diag_sink_release(&sink);
		str_release(&text);
	}
}

int doc_file(const struct run_options *o,
             void (*report)(const struct diag_sink *sink, struct sources *sources))
{
	const char *path = o->files.v[0];
	struct reading r;
	struct document d;
	struct str text = STR_INIT, out = STR_INIT;
	int code = EXIT_CODE_COMPILE;

	if (!io_read(path, &text))
		return EXIT_CODE_USAGE;
	arena_init(&r.arena);
	sources_init(&r.sources, &r.arena);
	diag_sink_init(&r.sink, &r.arena);
	if (document_read(&d, &r.arena, &r.sources, sources_add(&r.sources, path, text.p, text.len),
	                  &r.sink)) {
		add_modules(&r, &d, path, 0);
		if (o->help)
			document_print_help(&d, &out);
		else
			document_print(&d, o->form, &out);
		code = io_print(&out);
	}
	diag_sort(&r.sink);
	report(&r.sink, &r.sources);
	str_release(&text);
	diag_sink_release(&r.sink);
	sources_release(&r.sources);
	arena_release(&r.arena);
	return code;
}
