/* Tables of archives: any bytes are refused or have as many cells as were asked for. */
#include "stage/report.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const columns[] = {"run", "size"};
	const struct report_form forms[] = {{'\t', columns, 2, 2, NULL},
	                                    {',', columns, 2, 1, "run,x,size"}};
	struct arena arena;

	for (int i = 0; i < 2; i++) {
		struct report report;

		arena_init(&arena);
		if (report_parse(arena_strndup(&arena, (const char *)data, size), &forms[i], &arena,
		                 &report)) {
			for (size_t r = 0; r < report.n; r++)
				assert(strlen(report.rows[r][0]) <= size &&
				       strlen(report.rows[r][1]) <= size);
		}
		arena_release(&arena);
	}
	return 0;
}
