/* What a meter shows of a transfer. */
#include "cli/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)

static void texts(void **state)
{
	static const struct {
		uint64_t done, total;
		int64_t elapsed_ns;
		const char *text;
	} rows[] = {
	        {0, 0, SECOND, "0 B, 0 B/s"},
	        {500, 1000, SECOND, "500 B of 1.0 kB, 50 %, 500 B/s"},
	        {12345678, 45000000, 2 * SECOND, "12.3 MB of 45.0 MB, 27 %, 6.2 MB/s"},
	        {999999, 999999, SECOND, "1.0 MB of 1.0 MB, 100 %, 1.0 MB/s"},
	        {2000, 1000, SECOND, "2.0 kB, 2.0 kB/s"},
	        {UINT64_MAX, UINT64_MAX, 0, "18446.7 PB of 18446.7 PB, 100 %, 0 B/s"},
	};
	char text[96];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		meter_text(rows[i].done, rows[i].total, rows[i].elapsed_ns, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(texts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
