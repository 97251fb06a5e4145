/* The difference of two texts, against what diff -u prints. */
#include "base/linediff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void is(const char *a, const char *b, const char *want)
{
	struct str old_text = STR_INIT, new_text = STR_INIT, got = STR_INIT;

	str_adds(&old_text, a);
	str_adds(&new_text, b);
	linediff(&old_text, &new_text, "a", "b", &got);
	assert_string_equal(got.p, want);
	str_release(&old_text);
	str_release(&new_text);
	str_release(&got);
}

static void small(void **state)
{
	(void)state;
	is("", "", "");
	is("x\n", "x\n", "");
	is("", "x\n", "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n");
	is("x\ny\n", "", "--- a\n+++ b\n@@ -1,2 +0,0 @@\n-x\n-y\n");
	is("x\n", "y\n", "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n");
	is("x", "x\n", "--- a\n+++ b\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n");
}

static void hunks(void **state)
{
	(void)state;
	is("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
	   "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
	/* Six lines between two changes keep them in one hunk, seven do not. */
	is("a\n1\n2\n3\n4\n5\n6\nb\n", "1\n2\n3\n4\n5\n6\n",
	   "--- a\n+++ b\n@@ -1,8 +1,6 @@\n-a\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n");
	is("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "1\n2\n3\n4\n5\n6\n7\n",
	   "--- a\n+++ b\n@@ -1,4 +1,3 @@\n-a\n 1\n 2\n 3\n@@ -6,4 +5,3 @@\n 5\n 6\n 7\n-b\n");
	is("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n",
	   "--- a\n+++ b\n@@ -1,7 +1,6 @@\n-a\n-b\n c\n+b\n a\n b\n-b\n a\n+c\n");
}

static void add_lines(struct str *s, const char *prefix, int n)
{
	for (int i = 0; i < n; i++)
		str_addf(s, "%s%d\n", prefix, i);
}

/* Nothing in common, more than is searched: one for the other, and in time. */
static void large(void **state)
{
	struct str old_text = STR_INIT, new_text = STR_INIT, got = STR_INIT;

	(void)state;
	add_lines(&old_text, "old ", 3000);
	add_lines(&new_text, "new ", 2000);
	linediff(&old_text, &new_text, "a", "b", &got);
	assert_non_null(strstr(got.p, "@@ -1,3000 +1,2000 @@\n-old 0\n-old 1\n"));
	assert_non_null(strstr(got.p, "-old 2999\n+new 0\n"));
	str_release(&old_text);
	str_release(&new_text);
	str_release(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(small),
	        cmocka_unit_test(hunks),
	        cmocka_unit_test(large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
