/*
 * Any bytes through the front end: the parse, the print of its tree, the rendering of what it
 * reports, the scan of every shell text in it, and its canonical layout. Seeds:
 * tests/fuzz/corpus/dsl and the goldens of tests/golden/syntax.
 */
#undef NDEBUG /* the assertions are the test */

#include "dsl/format.h"
#include "dsl/parse.h"
#include "dsl/shelltext.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ref(const struct shell_ref *r, size_t len)
{
	assert(r->whole <= r->offset);
	assert(r->offset + r->length <= r->whole + r->whole_length);
	assert(r->whole + r->whole_length <= len);
}

static void check_run(struct arena *arena, const struct run_text *run, size_t size)
{
	struct shelltext st;

	for (size_t i = 0; i <= run->len; i++)
		assert(run_source_offset(run, i) <= size);
	shelltext_scan(arena, run->text, run->len, &st);
	for (size_t i = 0; i < st.nrefs; i++)
		check_ref(&st.refs[i], run->len);
	for (size_t i = 0; i < st.nsets; i++)
		assert(st.sets[i].offset + st.sets[i].length <= run->len);
	for (size_t i = 0; i < st.npaths; i++)
		assert(st.paths[i].offset + st.paths[i].length <= run->len);
	for (size_t i = 0; i < st.npipes; i++)
		assert(run->text[st.pipes[i]] == '|');
}

static void check_block(struct arena *arena, const struct block *b, size_t size)
{
	for (size_t i = 0; b != NULL && i < b->n; i++) {
		const struct stmt *s = b->items[i];

		assert(s->span.start <= s->span.end && s->span.end <= size);
		assert(s->depth >= 1 && s->depth <= AST_DEPTH);
		if (s->kind == STMT_RUN)
			check_run(arena, s->run, size);
		else if (s->kind == STMT_STEP)
			check_block(arena, s->step.body, size);
		else if (s->kind == STMT_FOREACH)
			check_block(arena, s->foreach.body, size);
		else if (s->kind == STMT_IF)
			check_block(arena, s->branch.then, size);
	}
}

/* The canonical layout is the same program, and stays. */
static void check_layout(struct arena *arena, struct sources *sources)
{
	struct diag_sink sink;
	struct str once = STR_INIT, twice = STR_INIT;
	enum format_result result;

	diag_sink_init(&sink, arena);
	result = dsl_format(arena, sources, 0, &sink, &once);
	assert(result != FORMAT_UNSURE);
	if (result == FORMAT_OK) {
		uint32_t file = sources_add(sources, "once", once.p, once.len);

		assert(dsl_format(arena, sources, file, &sink, &twice) == FORMAT_OK);
		assert(once.len == twice.len && memcmp(once.p, twice.p, once.len) == 0);
	}
	str_release(&once);
	str_release(&twice);
	diag_sink_release(&sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct sources sources;
	struct diag_sink sink;
	struct shelltext st;
	struct str out = STR_INIT;
	struct ast *ast;

	arena_init(&arena);
	sources_init(&sources, &arena);
	diag_sink_init(&sink, &arena);
	sources_add(&sources, "fuzz.scitq", (const char *)data, size);
	ast = dsl_parse(&arena, &sources, 0, &sink);
	ast_dump(ast, &out);
	diag_sort(&sink);
	for (size_t i = 0; i < sink.n; i++) {
		assert(sink.list[i].span.end <= size);
		diag_render(&sink.list[i], &sources, false, &out);
	}
	check_block(&arena, &ast->body, size);
	shelltext_scan(&arena, sources.files[0].text, size, &st);
	check_layout(&arena, &sources);
	str_release(&out);
	diag_sink_release(&sink);
	sources_release(&sources);
	arena_release(&arena);
	return 0;
}
