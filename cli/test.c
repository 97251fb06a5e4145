#include "cli/test.h"

#include "cli/lock.h"

#include <stdio.h>
#include <string.h>

/* What the tests are, or why that cannot be told. 0 or an exit code. */
static int count_tests(const struct run_options *o, struct compile_options options, size_t *n,
                       void (*report)(const struct diag_sink *sink, struct sources *sources))
{
	struct compilation *c;
	int code = 0;

	options.stop_after = COMPILE_PARSE;
	c = compile_file(&options);
	*n = compile_test_count(c);
	if (compile_read_error(c) != 0) {
		fprintf(stderr, "scitq-run: %s: %s\n", options.path,
		        strerror(-compile_read_error(c)));
		code = EXIT_CODE_USAGE;
	} else if (!compile_ok(c)) {
		report(compile_diagnostics(c), compile_sources(c));
		code = EXIT_CODE_COMPILE;
	} else if (*n == 0) {
		code = usage_error("%s has no tests", o->files.v[0]);
	}
	compile_release(c);
	return code;
}

int test_file(const struct run_options *o,
              void (*report)(const struct diag_sink *sink, struct sources *sources))
{
	struct compile_options options = run_options_compile(o);
	size_t n, failed = 0;
	struct lock lock;
	int code = lock_open(&lock, o);

	options.files = &lock.frozen.files;
	if (code == 0)
		code = count_tests(o, options, &n, report);
	if (code != 0) {
		lock_close(&lock);
		return code;
	}
	for (size_t i = 0; i < n; i++) {
		struct compilation *c;
		bool passed;

		options.test = i + 1;
		c = compile_file(&options);
		passed = compile_read_error(c) == 0 && compile_test_passed(c);
		printf("%-7s %s\n", passed ? "ok" : "FAILED", compile_test_name(c, i));
		/* In the order in which it happens, also where both go to one place. */
		if (fflush(stdout) != 0)
			code = EXIT_CODE_INFRASTRUCTURE;
		if (!passed)
			report(compile_diagnostics(c), compile_sources(c));
		failed += !passed;
		compile_release(c);
	}
	lock_close(&lock);
	if (failed > 0)
		fprintf(stderr, "%zu of %zu tests failed\n", failed, n);
	return code != 0 ? code : failed > 0 ? EXIT_CODE_TASKS_FAILED : EXIT_CODE_OK;
}
