/*
 * The whole front end and the compiler on any bytes: no crash, no leak, and every
 * submission keeps its promises. Files are invented: a name says what it holds.
 */
#include "compiler/compile.h"
#include "compiler/lookup.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

static int invented_runs(void *context, enum seq_archive archive, const char *accession,
                         struct arena *arena, struct seq_runs *runs, struct str *why)
{
	(void)context;
	(void)archive;
	(void)why;
	for (int i = 0; i < 3; i++) {
		struct seq_run run = {.reads = 10, .version = i > 0 ? "v" : NULL};

		for (int k = 0; k < SEQ_FIELD_COUNT; k++)
			run.text[k] = accession;
		run.text[SEQ_run] = arena_printf(arena, "R%d", i);
		run.text[SEQ_library_layout] = i > 0 ? "PAIRED" : "SINGLE";
		vec_push(&runs->list, run);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int invented_read(void *context, const char *path, struct str *out)
{
	(void)context;
	if (strstr(path, "none") != NULL)
		return -ENOENT;
	if (strstr(path, ".scitq") != NULL)
		str_adds(out, "scitq 1\nparam a: int = 1 in 0..9\nparam fs: [file] = []\n"
		              "param how: (x | y) = x\nparam t: [[string?]] = []\nlet l = 1..a\n"
		              "recruiter big { }\nif a > 1 or how == y {\n  let m = a\n} else {\n"
		              "  let m = \"m\"\n  step small(s) { exec = [m, s] }\n}\n"
		              "step trim(sample, reads) {\n  when = a > 0\n  input = reads\n"
		              "  yields { out = \"$sample\" }\n  run | echo \"$sample $a\"\n}\n");
	else if (strstr(path, ".csv") != NULL)
		str_adds(out, "sample,r1,n\r\n\"A\",\"x, \"\"y\"\"\",1\r\nB,,ten\r\n");
	else if (strstr(path, "bad") != NULL)
		str_adds(out, "a\ta\tb\n1\n");
	else
		str_adds(out, "sample\tr1\tr2\tn\nA\ta1.fq\ta2.fq\t5\nB\tb1.fq\t\tten\n");
	return 0;
}

static int invented_fetch(void *context, const char *uri, struct str *out, struct str *why)
{
	if (strstr(uri, "away") != NULL) {
		str_addf(why, "%s: is away\n", uri);
		return -EIO;
	}
	return invented_read(context, uri, out);
}

static enum place_kind invented_kind(void *context, const char *path)
{
	size_t n = strlen(path);

	(void)context;
	if (strstr(path, "none") != NULL)
		return PLACE_MISSING;
	return n > 0 && path[n - 1] == '/' ? PLACE_FOLDER : PLACE_FILE;
}

static int invented_list(void *context, const char *uri, compile_found_fn *found,
                         void *found_context, struct str *why)
{
	static const struct compile_found files[] = {{"/d/one/S1_R1.fq", "one/S1_R1.fq", NULL},
	                                             {"/d/one/S1_R2.fq", "one/S1_R2.fq", "v1"},
	                                             {"/d/two/S2.fq", "two/S2.fq", NULL}};

	(void)context;
	if (strstr(uri, "none") != NULL)
		return -ENOENT;
	if (strstr(uri, "away") != NULL) {
		str_addf(why, "%s: is away\n", uri);
		return -EIO;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		found(found_context, &files[i]);
	return 0;
}

static void look_at(const struct submission *s)
{
	struct arena arena;

	arena_init(&arena);
	for (uint32_t i = 0; i < s->task_count && i < 50; i++) {
		struct submission_task task;

		s->task(s, i, &arena, &task);
		for (size_t k = 0; k < task.nrequires; k++)
			assert(task.requires[k] < i);
		arena_clear(&arena);
	}
	arena_release(&arena);
}

static void is_place(void *context, struct span name)
{
	assert(name.start <= name.end && name.end <= *(const size_t *)context);
}

static void is_symbol(void *context, const struct lookup_symbol *symbol)
{
	str_addf(context, "%s %s %s\n", symbol->kind, symbol->name,
	         symbol->type ? symbol->type : "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct compile_files files = {.read = invented_read,
	                                           .kind = invented_kind,
	                                           .list = invented_list,
	                                           .runs = invented_runs,
	                                           .fetch = invented_fetch};
	static const struct compile_param params[] = {{"n", "3"}, {"sheet", "s.tsv"}};
	struct compile_options options = {
	        .path = "fuzz.scitq",
	        .text = (const char *)data,
	        .text_len = size,
	        .cwd = "/d",
	        .params = params,
	        .nparams = size % 2 ? 2 : 0,
	        .test = size % 3 == 0 ? 1 : 0,
	        .module = size % 5 == 0,
	        .lenient = true,
	        .files = &files,
	};
	struct compilation *c = compile_file(&options);
	struct arena arena;
	const struct diag_sink *sink = compile_diagnostics(c);
	struct str out = STR_INIT;

	for (size_t i = 0; i < sink->n && i < 20; i++)
		diag_render(&sink->list[i], compile_sources(c), i % 2, &out);
	if (compile_submission(c) != NULL)
		look_at(compile_submission(c));
	for (int stage = COMPILE_RESOLVE; stage <= COMPILE_PLAN; stage++)
		compile_dump(c, (enum compile_stage)stage, &out);
	arena_init(&arena);
	for (uint32_t at = 0; at <= size; at += 1 + (uint32_t)size / 16) {
		struct lookup_symbol symbol;
		struct span name;

		if (lookup_at(c, at, &arena, &symbol, &name))
			lookup_places(c, symbol.id, is_place, &size);
		lookup_visible(c, at, &arena, is_symbol, &out);
	}
	for (size_t i = 0; compile_ast(c) != NULL && i < compile_ast(c)->body.n; i++)
		lookup_wanted(c, compile_ast(c)->body.items[i], &arena, is_symbol, &out);
	lookup_members(c, "m", &arena, is_symbol, &out);
	arena_release(&arena);
	compile_graph_dot(c, &out);
	compile_graph_mermaid(c, &out);
	compile_graph_svg(c, &out);
	compile_listing(c, 3, &out);
	str_release(&out);
	compile_release(c);
	return 0;
}
