/*
 * scitq-run test: the tests in a file, each by a compilation of its own.
 */
#ifndef CLI_TEST_H
#define CLI_TEST_H

#include "base/diag.h"
#include "cli/run_options.h"

/* A line for each test on standard output; why one failed goes to `report`. An exit code. */
int test_file(const struct run_options *o,
              void (*report)(const struct diag_sink *sink, struct sources *sources));

#endif
