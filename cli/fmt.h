/* `scitq-run fmt`: files in their canonical layout (dsl/format.h). */
#ifndef CLI_FMT_H
#define CLI_FMT_H

#include "base/diag.h"
#include "base/source.h"
#include "base/str.h"

#include <stdbool.h>

struct fmt_options {
	bool check; /* change nothing; name the files that would change */
	bool diff;  /* change nothing; print how they would change */
	/* Prints what is wrong with a file. */
	void (*report)(const struct diag_sink *sink, struct sources *sources);
};

/*
 * One file, "/dev/stdin" being printed to standard output. An exit code of
 * runtime/session.h: with `check` EXIT_CODE_TASKS_FAILED where the file would change.
 */
int fmt_file(const struct fmt_options *options, const char *path);

#endif
