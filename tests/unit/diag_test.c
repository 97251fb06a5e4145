/* Positions in source texts and the caret form of diagnostics. */
#include "base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct diag_code bad = {"E9999", SEVERITY_ERROR, "a test", ""};
static const struct diag_code odd = {"W9999", SEVERITY_WARNING, "a test", ""};

struct fixture {
	struct arena arena;
	struct sources sources;
	struct diag_sink sink;
	struct str out;
};

static int setup(void **state)
{
	static struct fixture f;

	arena_init(&f.arena);
	sources_init(&f.sources, &f.arena);
	diag_sink_init(&f.sink, &f.arena);
	str_init(&f.out);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	diag_sink_release(&f->sink);
	sources_release(&f->sources);
	arena_release(&f->arena);
	str_release(&f->out);
	return 0;
}

static void positions_count_characters(void **state)
{
	struct fixture *f = *state;
	const char text[] = "one\nh\xc3\xa9 x\r\n\nend";
	uint32_t file = sources_add(&f->sources, "a", text, sizeof(text) - 1);
	struct position p = source_position(&f->sources, file, 8);
	size_t len;

	assert_int_equal(p.line, 2);
	assert_int_equal(p.column, 4);
	assert_int_equal(source_line_count(&f->sources, file), 4);
	assert_memory_equal(source_line(&f->sources, file, 2, &len), "h\xc3\xa9 x", 5);
	assert_int_equal(len, 5);
	source_line(&f->sources, file, 3, &len);
	assert_int_equal(len, 0);
	p = source_position(&f->sources, file, 9999);
	assert_int_equal(p.line, 4);
	assert_int_equal(p.column, 4);
}

static void carets_stand_under_what_they_mean(void **state)
{
	struct fixture *f = *state;
	const char text[] = "foreach s in all {\n}\nstep x {\n\tinput = a.b\n}\n";
	uint32_t file = sources_add(&f->sources, "qc.scitq", text, sizeof(text) - 1);
	struct diag *d =
	        diag_add(&f->sink, &bad, (struct span){file, 39, 42}, "too many `%s`", "a.b");

	diag_label(&f->sink, d, "needs one");
	diag_relate(&f->sink, d, (struct span){file, 0, 16}, "made here");
	diag_help(&f->sink, d, "write less");
	diag_render(&f->sink.list[0], &f->sources, false, &f->out);
	assert_string_equal(f->out.p, "error[E9999]: too many `a.b`\n"
	                              " --> qc.scitq:4:10\n"
	                              "  |\n"
	                              "1 | foreach s in all {\n"
	                              "  | ---------------- made here\n"
	                              "...\n"
	                              "4 | \tinput = a.b\n"
	                              "  | \t        ^^^ needs one\n"
	                              "  = help: write less\n");
}

static void a_span_over_lines_ends_with_its_first(void **state)
{
	struct fixture *f = *state;
	uint32_t file = sources_add(&f->sources, "a", "ab cd\nef", 8);

	diag_add(&f->sink, &odd, (struct span){file, 3, 8}, "long");
	diag_render(&f->sink.list[0], &f->sources, false, &f->out);
	assert_string_equal(f->out.p,
	                    "warning[W9999]: long\n --> a:1:4\n  |\n1 | ab cd\n  |    ^^\n");
}

static void an_error_is_told_once_and_counted_past_the_limit(void **state)
{
	struct fixture *f = *state;
	uint32_t file = sources_add(&f->sources, "a", "abcdef", 6);

	f->sink.limit = 2;
	for (uint32_t i = 4; i-- > 0;) {
		diag_add(&f->sink, &bad, (struct span){file, i, i + 1}, "at %u", i);
		diag_add(&f->sink, &bad, (struct span){file, i, i + 1}, "again");
	}
	assert_int_equal(f->sink.n, 2);
	assert_true(f->sink.errors >= 4);
	diag_sort(&f->sink);
	assert_string_equal(f->sink.list[0].message, "at 2");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
	struct fixture *f = *state;
	uint32_t file = sources_add(&f->sources, "a", "x\033[2J y", 7);

	diag_add(&f->sink, &bad, (struct span){file, 6, 7}, "odd");
	diag_render(&f->sink.list[0], &f->sources, false, &f->out);
	assert_null(strchr(f->out.p, '\033'));
	assert_non_null(strstr(f->out.p, "1 | x?[2J y\n  |       ^\n"));
}

static void the_end_of_an_empty_file_has_a_place(void **state)
{
	struct fixture *f = *state;
	uint32_t file = sources_add(&f->sources, "empty", "", 0);

	diag_add(&f->sink, &bad, (struct span){file, 0, 0}, "nothing here");
	diag_render(&f->sink.list[0], &f->sources, true, &f->out);
	assert_non_null(strstr(f->out.p, "empty:1:1"));
	str_reset(&f->out);
	diag_add(&f->sink, &odd, NO_SPAN, "no place");
	diag_render(&f->sink.list[1], &f->sources, false, &f->out);
	assert_string_equal(f->out.p, "warning[W9999]: no place\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(positions_count_characters),
	        TEST(carets_stand_under_what_they_mean),
	        TEST(a_span_over_lines_ends_with_its_first),
	        TEST(an_error_is_told_once_and_counted_past_the_limit),
	        TEST(control_characters_do_not_reach_the_terminal),
	        TEST(the_end_of_an_empty_file_has_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
