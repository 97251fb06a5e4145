/*
 * Mistakes of every kind: tokens of the examples are deleted, doubled and swapped, and
 * the compiler must say so where it happened. Prints the score and every mutant that
 * compiles, with what it does to the plan. The mutations follow from the seed.
 *
 * compiler_mutation_test [MUTATIONS [SEED]]: 50 of each file by default. With -v as the first
 * argument: shows each mutant that is told of elsewhere.
 */
#include "base/fd.h"
#include "base/linediff.h"
#include "compiler/compilation.h"
#include "dsl/pieces.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARE 0.9 /* of the mutants with errors, told on their line */

static const char *const files[] = {
        "examples/hello.scitq", "examples/qc/qc.scitq", "examples/camisim/camisim.scitq",
        "examples/sweep/sweep.scitq", "examples/profile/profile.scitq",
        "examples/variants/variants.scitq", "tests/golden/compiler/all_page.scitq", "tests/golden/compiler/all_when.scitq"};

enum mutation { MUTATION_DELETE, MUTATION_DOUBLE, MUTATION_SWAP, MUTATIONS };

static const char *const mutation_words[MUTATIONS] = {"deleted", "doubled", "swapped"};

struct score {
	unsigned mutants, told, here, same, other;
	bool verbose;
};

/* xorshift64*, so that the mutations are the same everywhere. Source: S. Vigna, 2014. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717u;
}

/* ---- files that need not be there ---- */

static int invented_read(void *context, const char *path, struct str *out)
{
	int err = compile_disk.read(context, path, out);

	if (err != -ENOENT)
		return err;
	str_adds(out, strstr(path, "genomes") != NULL
	                      ? "genome\tfasta\nX\tx.fa\nY\ty.fa\n"
	                      : "sample\tr1\tr2\nA\tA_1.fq\tA_2.fq\nB\tB_1.fq\tB_2.fq\n");
	return 0;
}

static enum place_kind invented_kind(void *context, const char *path)
{
	enum place_kind kind = compile_disk.kind(context, path);

	return kind == PLACE_MISSING ? PLACE_FILE : kind;
}

static struct compilation *compile(const char *dir, const struct str *text)
{
	const struct compile_files invented = {
	        .read = invented_read, .kind = invented_kind, .list = compile_disk.list};

	return compile_file(&(struct compile_options){
	        .path = "mutant.scitq",
	        .text = text->p,
	        .text_len = text->len,
	        .cwd = dir,
	        .files = &invented,
	        .offline = true,
	});
}

/* ---- mutants ---- */

static void add_piece(struct str *out, const char *text, const struct piece *p)
{
	str_add(out, text + p->span.start, p->span.end - p->span.start);
}

/* *line: that of the mutated token in the mutant. */
static void mutate(const struct pieces *pieces, const struct str *text, size_t i,
                   enum mutation mutation, struct str *out, unsigned *line)
{
	const struct piece *p = &pieces->list.v[i], *next = p + 1;
	uint32_t end = p->span.end;

	str_add(out, text->p, p->span.start);
	*line = 1;
	for (size_t k = 0; k < out->len; k++)
		*line += out->p[k] == '\n';
	if (mutation == MUTATION_DOUBLE) {
		add_piece(out, text->p, p);
		str_addc(out, ' ');
		add_piece(out, text->p, p);
	} else if (mutation == MUTATION_SWAP) {
		add_piece(out, text->p, next);
		str_add(out, text->p + end, next->span.start - end);
		add_piece(out, text->p, p);
		end = next->span.end;
	}
	str_add(out, text->p + end, text->len - end);
}

static bool same_task(const struct submission *a, const struct submission *b, uint32_t i)
{
	struct submission_task x, y;
	struct arena arena;
	bool same;

	arena_init(&arena);
	a->task(a, i, &arena, &x);
	b->task(b, i, &arena, &y);
	same = strcmp(x.row.name, y.row.name) == 0 &&
	       strcmp(x.identity_command, y.identity_command) == 0 &&
	       strcmp(x.row.output, y.row.output) == 0 && x.ninputs == y.ninputs &&
	       x.nrequires == y.nrequires && x.row.retry == y.row.retry;
	arena_release(&arena);
	return same;
}

/* The plan of a mutant that compiles, against the one of the file. */
static bool same_plan(const struct submission *a, const struct submission *b)
{
	bool same = a->task_count == b->task_count && strcmp(a->workflow, b->workflow) == 0;

	for (uint32_t i = 0; same && i < a->task_count; i++)
		same = same_task(a, b, i);
	return same;
}

static bool on_line(struct compilation *c, struct span span, unsigned line)
{
	return span_known(span) && span.file == 0 &&
	       source_position(compile_sources(c), 0, span.start).line <= line &&
	       source_position(compile_sources(c), 0, span.end).line >= line;
}

/* Some message points at the line, with its carets or as the cause. */
static bool is_told(struct compilation *c, unsigned line)
{
	const struct diag_sink *sink = compile_diagnostics(c);

	for (size_t i = 0; i < sink->n; i++) {
		const struct diag *d = &sink->list[i];

		if (d->code->severity != SEVERITY_ERROR)
			continue;
		if (on_line(c, d->span, line))
			return true;
		for (unsigned k = 0; k < d->nrelated; k++) {
			if (on_line(c, d->related[k].span, line))
				return true;
		}
	}
	return false;
}

static void show_mutant(struct compilation *c, const char *file, const char *word,
                        const char *mutation, unsigned line)
{
	const struct diag_sink *sink = compile_diagnostics(c);
	struct str out = STR_INIT;

	printf("--- %s:%u: `%s` %s\n", file, line, word, mutation);
	for (size_t i = 0; i < sink->n && i < 3; i++)
		diag_render(&sink->list[i], compile_sources(c), false, &out);
	fputs(out.p, stdout);
	str_release(&out);
}

/* In what the plan of a mutant differs, as plan would print both. */
static void show_difference(struct compilation *base, struct compilation *c)
{
	struct str before = STR_INIT, after = STR_INIT, shown = STR_INIT;

	compile_listing(base, 2, &before);
	compile_listing(c, 2, &after);
	linediff(&before, &after, "plan", "plan of the mutant", &shown);
	fputs(shown.p, stdout);
	str_release(&before);
	str_release(&after);
	str_release(&shown);
}

static void judge(struct score *score, const char *file, const char *dir,
                  struct compilation *base, const struct pieces *pieces,
                  const struct str *text, size_t i, enum mutation mutation)
{
	const struct piece *p = &pieces->list.v[i];
	struct str mutant = STR_INIT;
	struct compilation *c;
	char word[32];
	unsigned line;
	bool same;

	mutate(pieces, text, i, mutation, &mutant, &line);
	snprintf(word, sizeof(word), "%.*s", (int)(p->span.end - p->span.start),
	         text->p + p->span.start);
	word[strcspn(word, "\n")] = '\0';
	c = compile(dir, &mutant);
	score->mutants++;
	if (compile_submission(c) != NULL) {
		same = same_plan(compile_submission(base), compile_submission(c));
		score->same += same;
		score->other += !same;
		printf("%s:%u: `%s` %s: compiles, %s plan\n", file, line, word,
		       mutation_words[mutation], same ? "the same" : "another");
		if (!same)
			show_difference(base, c);
	} else {
		score->told++;
		if (is_told(c, line))
			score->here++;
		else if (score->verbose)
			show_mutant(c, file, word, mutation_words[mutation], line);
	}
	compile_release(c);
	str_release(&mutant);
}

static bool mutate_file(struct score *score, const char *file, unsigned n, uint64_t *seed)
{
	struct arena arena;
	struct sources sources;
	struct diag_sink sink;
	struct pieces pieces;
	struct str text = STR_INIT;
	struct compilation *base;
	char *path = realpath(file, NULL), *slash = path != NULL ? strrchr(path, '/') : NULL;
	bool ok = slash != NULL && file_read(file, &text) == 0;

	if (!ok) {
		fprintf(stderr, "%s: cannot be read\n", file);
		free(path);
		return false;
	}
	*slash = '\0';
	arena_init(&arena);
	sources_init(&sources, &arena);
	diag_sink_init(&sink, &arena);
	base = compile(path, &text);
	ok = compile_submission(base) != NULL &&
	     pieces_read(&pieces, &arena, &sources, sources_add(&sources, file, text.p, text.len),
	                 &sink) != NULL;
	if (!ok)
		fprintf(stderr, "%s: does not compile\n", file);
	for (unsigned k = 0; ok && k < n; k++) {
		/* The last piece is the end of the file, and the last one has no next. */
		size_t i = next_random(seed) % (pieces.list.n - 2);

		judge(score, file, path, base, &pieces, &text, i,
		      (enum mutation)(next_random(seed) % MUTATIONS));
	}
	if (ok)
		pieces_release(&pieces);
	compile_release(base);
	diag_sink_release(&sink);
	sources_release(&sources);
	arena_release(&arena);
	str_release(&text);
	free(path);
	return ok;
}

int main(int argc, char **argv)
{
	struct score score = {.verbose = argc > 1 && strcmp(argv[1], "-v") == 0};
	int first = score.verbose ? 2 : 1;
	unsigned n = argc > first ? (unsigned)strtoul(argv[first], NULL, 10) : 50;
	uint64_t seed = argc > first + 1 ? strtoull(argv[first + 1], NULL, 10) : 20261126;
	bool ok = true;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		ok = mutate_file(&score, files[i], n, &seed) && ok;
	printf("%u mutants: %u have errors, %u of them told on the line (%.1f %%); %u compile, %u "
	       "to "
	       "another plan\n",
	       score.mutants, score.told, score.here,
	       score.told > 0 ? 100.0 * score.here / score.told : 0, score.same + score.other,
	       score.other);
	return !ok || score.here < SHARE * score.told;
}
