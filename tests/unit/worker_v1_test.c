/* Bytes of a log as the text that a server of v1 takes. */
#include "worker/v1_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NONE "\xef\xbf\xbd"

static void bytes_become_characters(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *text;
		uint64_t chars;
	} rows[] = {
	        {"abc", 3, "abc", 3},
	        {"n\xc3\xa9", 3, "n\xc3\xa9", 2},
	        {"\xe2\x82\xac\xf0\x9f\x98\x80", 7, "\xe2\x82\xac\xf0\x9f\x98\x80", 2},
	        {"a\0b", 3, "a" NONE "b", 3},
	        {"\xff\xfe", 2, NONE NONE, 2},
	        {"\xc0\x80", 2, NONE NONE, 2},                   /* overlong */
	        {"\xe0\x80\x80", 3, NONE NONE NONE, 3},          /* overlong */
	        {"\xed\xa0\x80", 3, NONE NONE NONE, 3},          /* a surrogate */
	        {"\xf4\x90\x80\x80", 4, NONE NONE NONE NONE, 4}, /* beyond Unicode */
	        {"\xc3(", 2, NONE "(", 2},
	        {"\x80x", 2, NONE "x", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct v1_log whole = {0};
		struct str text = STR_INIT;

		assert_int_equal(v1_log_text(&whole, rows[i].bytes, rows[i].n, true, &text),
		                 rows[i].chars);
		assert_string_equal(text.p, rows[i].text);
		/* Wherever it is cut. */
		for (size_t cut = 0; cut <= rows[i].n; cut++) {
			struct v1_log log = {0};
			uint64_t chars;

			str_reset(&text);
			chars = v1_log_text(&log, rows[i].bytes, cut, false, &text);
			chars += v1_log_text(&log, rows[i].bytes + cut, rows[i].n - cut, true,
			                     &text);
			assert_int_equal(chars, rows[i].chars);
			assert_string_equal(text.p, rows[i].text);
			assert_int_equal(log.npart, 0);
		}
		str_release(&text);
	}
}

static void a_beginning_waits_for_its_end(void **state)
{
	struct v1_log log = {0};
	struct str text = STR_INIT;

	(void)state;
	assert_int_equal(v1_log_text(&log, "x\xf0\x9f\x98", 4, false, &text), 1);
	assert_string_equal(text.p, "x");
	assert_int_equal(log.npart, 3);
	assert_int_equal(v1_log_text(&log, "", 0, true, &text), 3);
	assert_string_equal(text.p, "x" NONE NONE NONE);
	str_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(bytes_become_characters),
	        cmocka_unit_test(a_beginning_waits_for_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
