/*
 * What the goldens do not show: values of literals, spans, where shell text comes from,
 * the tables of words and codes.
 */
#include "base/vec.h"
#include "dsl/codes.h"
#include "dsl/keywords.h"
#include "dsl/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct sources sources;
	struct diag_sink sink;
	struct ast *ast;
	const char *text;
};

static void parse(struct fixture *f, const char *text)
{
	arena_init(&f->arena);
	sources_init(&f->sources, &f->arena);
	diag_sink_init(&f->sink, &f->arena);
	sources_add(&f->sources, "other", "x", 1);
	sources_add(&f->sources, "test", text, strlen(text));
	f->text = text;
	f->ast = dsl_parse(&f->arena, &f->sources, 1, &f->sink);
	assert_non_null(f->ast);
}

static void release(struct fixture *f)
{
	diag_sink_release(&f->sink);
	sources_release(&f->sources);
	arena_release(&f->arena);
}

static const struct stmt *stmt(const struct fixture *f, size_t i)
{
	assert_true(i < f->ast->body.n);
	return f->ast->body.items[i];
}

static void assert_span(const struct fixture *f, struct span span, const char *want)
{
	assert_int_equal(span.file, 1);
	assert_true(span.start <= span.end && span.end <= strlen(f->text));
	assert_int_equal(span.end - span.start, strlen(want));
	assert_memory_equal(f->text + span.start, want, strlen(want));
}

/* The value of `let a = TEXT`. */
static const struct expr *value(struct fixture *f, const char *text)
{
	char file[256];

	snprintf(file, sizeof(file), "scitq 1\nlet a = %s\n", text);
	parse(f, file);
	assert_int_equal(f->sink.n, 0);
	return stmt(f, 0)->let.value;
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		enum expr_kind kind;
		int64_t want;
	} rows[] = {
	        {"0", EXPR_INT, 0},
	        {"12", EXPR_INT, 12},
	        {"9223372036854775807", EXPR_INT, INT64_MAX},
	        {"10M", EXPR_INT, 10000000},
	        {"1.5k", EXPR_INT, 1500},
	        {"0.001k", EXPR_INT, 1},
	        {"2G", EXPR_INT, 2000000000},
	        {"120GB", EXPR_SIZE, INT64_C(120000000000)},
	        {"120GiB", EXPR_SIZE, INT64_C(120) << 30},
	        {"0.5KiB", EXPR_SIZE, 512},
	        {"1.25MiB", EXPR_SIZE, 1310720},
	        {"8PiB", EXPR_SIZE, INT64_C(8) << 50},
	        {"2h30m", EXPR_DURATION, 9000000},
	        {"1d2h3m4s5ms", EXPR_DURATION, 93784005},
	        {"0.5s", EXPR_DURATION, 500},
	        {"2x10M", EXPR_DEPTH, 10000000},
	        {"1x7", EXPR_DEPTH, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		const struct expr *e = value(&f, rows[i].text);

		assert_int_equal(e->kind, rows[i].kind);
		assert_int_equal(e->kind == EXPR_INT        ? e->integer
		                 : e->kind == EXPR_SIZE     ? e->bytes
		                 : e->kind == EXPR_DURATION ? e->ms
		                                            : e->depth_value.reads,
		                 rows[i].want);
		if (e->kind == EXPR_DEPTH)
			assert_int_equal(e->depth_value.pairs, rows[i].text[0] == '2');
		assert_int_equal(e->span.end - e->span.start, strlen(rows[i].text));
		release(&f);
	}
}

static void reals(void **state)
{
	static const struct {
		const char *text;
		enum expr_kind kind;
		double want;
	} rows[] = {
	        {"0.5", EXPR_FLOAT, 0.5},      {"1e-3", EXPR_FLOAT, 0.001},
	        {"2.5e3", EXPR_FLOAT, 2500},   {"1E+2", EXPR_FLOAT, 100},
	        {"1e2", EXPR_FLOAT, 100},      {"90%", EXPR_PERCENT, 0.9},
	        {"0.5%", EXPR_PERCENT, 0.005},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		const struct expr *e = value(&f, rows[i].text);

		assert_int_equal(e->kind, rows[i].kind);
		assert_float_equal(e->real, rows[i].want, 1e-12);
		release(&f);
	}
}

static void strings(void **state)
{
	struct fixture f;
	const struct expr *e = value(&f, "\"a\\\"b\\n$x.y${z + 1}\\$é\"");

	(void)state;
	assert_int_equal(e->kind, EXPR_STRING);
	assert_int_equal(e->string.n, 5);
	assert_string_equal(e->string.parts[0].text, "a\"b\n");
	assert_int_equal(e->string.parts[0].len, 4);
	assert_string_equal(e->string.parts[1].expr->name.text, "x");
	assert_false(e->string.parts[1].braces);
	assert_string_equal(e->string.parts[2].text, ".y");
	assert_true(e->string.parts[3].braces);
	assert_int_equal(e->string.parts[3].expr->kind, EXPR_BINARY);
	assert_string_equal(e->string.parts[4].text, "$é");
	assert_null(expr_plain_string(e));
	release(&f);
	e = value(&f, "\"\"");
	assert_string_equal(expr_plain_string(e), "");
	release(&f);
	e = value(&f, "\"plain\"");
	assert_string_equal(expr_plain_string(e), "plain");
	release(&f);
}

static void spans(void **state)
{
	static const char text[] = "scitq 1 # é\n"
	                           "foreach s in t(\"x\", key = \"y\") where s.n >= 2 {\n"
	                           "  step a { input = [b.c |> mv(\"d\"), e { cpu = 1 }] }\n"
	                           "}\n"
	                           "param p: [int?] = \"$q ${ r }\" in 1..2 help \"h\"\n"
	                           "if u { let v = if a then b else c }\n"
	                           "else { let w = not x }\n"
	                           "step t = m.n { o = gather k.l into \"i\" min 9% }\n";
	struct fixture f;
	const struct stmt *s;
	const struct expr *e;

	(void)state;
	parse(&f, text);
	assert_int_equal(f.sink.n, 0);
	assert_span(&f, f.ast->version_span, "scitq 1");
	s = stmt(&f, 0);
	assert_span(&f, s->head, "foreach s in t(\"x\", key = \"y\") where s.n >= 2");
	assert_span(&f, s->keyword, "foreach");
	assert_span(&f, s->foreach.loops[0].span, "s in t(\"x\", key = \"y\")");
	assert_span(&f, s->foreach.loops[0].var.span, "s");
	e = s->foreach.loops[0].source;
	assert_span(&f, e->span, "t(\"x\", key = \"y\")");
	assert_span(&f, e->call.args[1].span, "key = \"y\"");
	assert_span(&f, e->call.args[1].name.span, "key");
	assert_span(&f, s->foreach.where->span, "s.n >= 2");
	assert_span(&f, s->foreach.where->binary.op_span, ">=");
	assert_span(&f, s->foreach.where->binary.left->field.name.span, "n");
	s = s->foreach.body->items[0];
	assert_span(&f, s->head, "step a");
	assert_span(&f, s->step.name.span, "a");
	assert_span(&f, s->step.body->span, "{ input = [b.c |> mv(\"d\"), e { cpu = 1 }] }");
	s = s->step.body->items[0];
	assert_span(&f, s->span, "input = [b.c |> mv(\"d\"), e { cpu = 1 }]");
	assert_span(&f, s->keyword, "input");
	e = s->attr.value;
	assert_span(&f, e->list.items[0]->span, "b.c |> mv(\"d\")");
	assert_span(&f, e->list.items[0]->pipe.of->span, "b.c");
	assert_span(&f, e->list.items[0]->pipe.action.span, "mv");
	assert_span(&f, e->list.items[1]->span, "e { cpu = 1 }");
	assert_span(&f, e->list.items[1]->refine.body->span, "{ cpu = 1 }");
	s = stmt(&f, 1);
	assert_span(&f, s->param.type->span, "[int?]");
	assert_span(&f, s->param.type->element->span, "int?");
	assert_span(&f, s->param.value->span, "\"$q ${ r }\"");
	assert_span(&f, s->param.value->string.parts[0].span, "$q");
	assert_span(&f, s->param.value->string.parts[0].expr->span, "q");
	assert_span(&f, s->param.value->string.parts[1].span, " ");
	assert_span(&f, s->param.value->string.parts[2].span, "${ r }");
	assert_span(&f, s->param.value->string.parts[2].expr->span, "r");
	assert_span(&f, s->param.in->span, "1..2");
	s = stmt(&f, 2);
	assert_span(&f, s->head, "if u");
	assert_span(&f, s->branch.then->items[0]->let.value->span, "if a then b else c");
	assert_span(&f, s->branch.otherwise->items[0]->let.value->span, "not x");
	s = stmt(&f, 3);
	assert_span(&f, s->head, "step t = m.n");
	assert_span(&f, s->use.module.span, "m");
	assert_span(&f, s->use.step.span, "n");
	e = s->use.body->items[0]->attr.value;
	assert_span(&f, e->span, "gather k.l into \"i\" min 9%");
	assert_span(&f, e->gather.keyword, "gather");
	assert_span(&f, e->gather.min->span, "9%");
	release(&f);
}

static const struct run_text *run_of(const struct fixture *f)
{
	const struct stmt *s = stmt(f, 0)->step.body->items[0];

	assert_int_equal(s->kind, STMT_RUN);
	return s->run;
}

/* Every byte of the text is the byte of the source that it is said to come from. */
static void assert_origin(const struct fixture *f, const struct run_text *run)
{
	for (size_t i = 0; i < run->len; i++) {
		uint32_t at = run_source_offset(run, i);

		assert_true(at <= strlen(f->text));
		if (run->text[i] != '\n')
			assert_int_equal(f->text[at], run->text[i]);
	}
	assert_int_equal(run_source_offset(run, run->len), run->span.end);
}

static void run_blocks(void **state)
{
	static const char text[] = "scitq 1\r\n"
	                           "step a {\r\n"
	                           "  run bash -x | # note\r\n"
	                           "\r\n"
	                           "      one\r\n"
	                           "    two  \r\n"
	                           "   \t\r\n"
	                           "    \tthree }\r\n"
	                           "\r\n"
	                           "  \r\n"
	                           "}\r\n";
	struct fixture f;
	const struct run_text *run;

	(void)state;
	parse(&f, text);
	assert_int_equal(f.sink.n, 0);
	run = run_of(&f);
	assert_string_equal(run->text, "\n  one\ntwo  \n\n\tthree }\n");
	assert_int_equal(run->len, strlen(run->text));
	assert_int_equal(run->nlines, 5);
	assert_int_equal(run->first_line, 4);
	assert_int_equal(run_source_line(run, 3), 6);
	assert_false(run->one_line);
	assert_int_equal(run->nwords, 2);
	assert_string_equal(run->words[0].text, "bash");
	assert_span(&f, run->words[1].span, "-x");
	assert_span(&f, run->keyword, "run");
	assert_span(&f, run->bar, "|");
	assert_origin(&f, run);
	assert_span(&f, run_source_span(run, 3, 3), "one");
	assert_span(&f, run_source_span(run, 16, 5), "hree ");
	assert_span(&f, run_source_span(run, 3, 0), "");
	release(&f);
}

static void run_lines(void **state)
{
	struct fixture f;
	const struct run_text *run;

	(void)state;
	parse(&f, "scitq 1\nstep a {\n\trun |  a | b } # c \t\n}");
	assert_int_equal(f.sink.n, 0);
	run = run_of(&f);
	assert_string_equal(run->text, "a | b } # c\n");
	assert_true(run->one_line);
	assert_int_equal(run->nwords, 0);
	assert_int_equal(run->first_line, 3);
	assert_span(&f, run->span, "a | b } # c");
	assert_origin(&f, run);
	release(&f);
	/* To the end of the file. */
	parse(&f, "scitq 1\nstep a {\n run |\n  x\n\n");
	assert_int_equal(f.sink.errors, 1);
	assert_string_equal(run_of(&f)->text, "x\n");
	release(&f);
	/* A name, where it cannot be the keyword. */
	parse(&f, "scitq 1\nstep a {\n run = 3\n run { b = 1 }\n x = [\n run\n ]\n bind { \n run\n "
	          "}\n}");
	assert_int_equal(f.sink.n, 0);
	assert_int_equal(stmt(&f, 0)->step.body->n, 4);
	release(&f);
}

static void limits(void **state)
{
	static const struct {
		const char *before, *piece, *after;
	} rows[] = {
	        {"let a = ", "(", ""},
	        {"let a = ", "[", ""},
	        {"let a = ", "{ b = ", ""},
	        {"let a = \"", "${\"", ""},
	        {"let a = ", "not ", "b"},
	        {"let a = ", "-", "1"},
	        {"let a = ", "1 + ", "1"},
	        {"let a = ", "if b then c else ", "d"},
	        {"let a = b", ".c", ""},
	        {"let a = b", " |> c", ""},
	        {"let a = ", "f(", ""},
	        {"", "step a {\n", ""},
	        {"", "if a { } else ", "{ }"},
	        {"param p: ", "[", ""},
	        {"", "}", ""},
	        {"", ")", ""},
	        {"", "a = (\n", ""},
	        {"let a = [", "1, ", "]"},
	        {"", "a\n", ""},
	        {"", "run |\n", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str text = STR_INIT;
		struct fixture f;

		str_adds(&text, "scitq 1\n");
		str_adds(&text, rows[i].before);
		for (unsigned k = 0; k < 20000; k++)
			str_adds(&text, rows[i].piece);
		str_adds(&text, rows[i].after);
		str_addc(&text, '\n');
		parse(&f, text.p);
		assert_true(f.sink.errors > 0 || i == 17);
		release(&f);
		str_release(&text);
	}
}

static void codes(void **state)
{
	(void)state;
	for (size_t i = 0; i < CODES; i++) {
		const struct diag_code *c = &diag_codes[i];

		assert_int_equal(strlen(c->code), 5);
		assert_true(strchr("EW", c->code[0]) != NULL);
		assert_int_equal(c->severity,
		                 c->code[0] == 'E' ? SEVERITY_ERROR : SEVERITY_WARNING);
		assert_true(strlen(c->title) > 0 && strlen(c->explain) > strlen(c->title));
		assert_ptr_equal(diag_code_find(c->code), c);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(diag_codes[k].code, c->code);
	}
	assert_ptr_equal(diag_code_find("e0100"), code_of(E0100));
	assert_null(diag_code_find("E9999"));
	assert_null(diag_code_find(""));
}

static void tables(void **state)
{
	const char *const candidates[] = {"step", "foreach", "output", "input"};

	(void)state;
	assert_true(word_is_reserved("gather"));
	assert_false(word_is_reserved("step"));
	assert_non_null(word_find("untar", WORD_ACTION));
	assert_null(word_find("untar", WORD_TYPE));
	assert_non_null(attr_find("container", ATTR_STEP));
	assert_null(attr_find("container", ATTR_RECRUITER));
	assert_int_equal(attr_find("cpu", ATTR_FLAVOR)->type, ATTR_INT);
	assert_int_equal(attr_find("cpu", ATTR_STEP)->type, ATTR_NUMBER);
	for (size_t i = 0; i < nattrs; i++) {
		assert_true(attrs[i].homes != 0 && strlen(attrs[i].help) > 0);
		for (size_t k = 0; k < i; k++)
			assert_true(strcmp(attrs[i].key, attrs[k].key) != 0 ||
			            (attrs[i].homes & attrs[k].homes) == 0);
	}
	for (size_t i = 0; i < nwords; i++)
		assert_true(strlen(words[i].form) > 0 && strlen(words[i].help) > 0);
	assert_string_equal(word_nearest("ouput", candidates, 4), "output");
	assert_string_equal(word_nearest("stpe", candidates, 4), "step");
	assert_string_equal(word_nearest("inptu", candidates, 4), "input");
	assert_null(word_nearest("banana", candidates, 4));
	assert_null(word_nearest("", candidates, 4));
	assert_string_equal(word_nearest("step", (const char *[]){"step", "steps"}, 2), "steps");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(numbers),    cmocka_unit_test(reals),
	        cmocka_unit_test(strings),    cmocka_unit_test(spans),
	        cmocka_unit_test(run_blocks), cmocka_unit_test(run_lines),
	        cmocka_unit_test(limits),     cmocka_unit_test(codes),
	        cmocka_unit_test(tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
