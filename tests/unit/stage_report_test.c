/* Tables of archives: columns found by name, quotes, lines of names left out or repeated. */
#include "stage/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const wanted[] = {"run", "size", "name"};

/* "1,2,3;4,5,6;": the rows, or "refused". */
static const char *read(struct arena *a, struct report_form form, const char *text)
{
	struct report report;
	const char *out = "";

	form.columns = wanted;
	form.ncolumns = 3;
	if (!report_parse(arena_strdup(a, text), &form, a, &report))
		return "refused";
	for (size_t i = 0; i < report.n; i++)
		out = arena_printf(a, "%s%s,%s,%s;", out, report.rows[i][0], report.rows[i][1],
		                   report.rows[i][2]);
	return out;
}

static void tables(void **state)
{
	const struct report_form tsv = {.separator = '\t', .required = 3};
	const struct report_form csv = {.separator = ',', .required = 1};
	const struct report_form nameless = {
	        .separator = ',', .required = 1, .usual = "run,other,size"};
	const struct {
		struct report_form form;
		const char *text, *rows;
	} all[] = {
	        {tsv, "", ""},
	        {tsv, "name\trun\tsize\n", ""},
	        {tsv, "name\trun\tsize\nA b\tR1\t7\r\n\nC\tR2\t\n", "R1,7,A b;R2,,C;"},
	        {tsv, "name\trun\tsize\nA\tR1", "R1,,A;"},
	        {tsv, "name\trun\nA\tR1\n", "refused"},
	        {tsv, "<html>busy</html>\n", "refused"},
	        {csv, "run,name\nR1,\"a, \"\"b\"\"\"\n", "R1,,a, \"b\";"},
	        {csv, "run,name\nR1,\"a\n", "refused"},
	        {csv, "run,name\nR1\n", "refused"},
	        {csv, "R1,x\n", "refused"},
	        {csv, "run,size\nR1,1\n\nsize,run\n2,R2\n", "R1,1,;R2,2,;"},
	        {nameless, "R1,x,5\nR2,y,6\n", "R1,5,;R2,6,;"},
	        {nameless, "size,run\n5,R1\n", "R1,5,;"},
	        {nameless, "Error occurred\n", "refused"},
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_string_equal(read(&a, all[i].form, all[i].text), all[i].rows);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(tables)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
