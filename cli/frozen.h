/*
 * Answers of other machines that a lock file keeps: a listing, the runs of an accession, a sheet.
 * While a file is compiled what is kept is given without asking; what is not is asked, and
 * collected for the lock file.
 */
#ifndef CLI_FROZEN_H
#define CLI_FROZEN_H

#include "compiler/compile.h"

#include <jansson.h>

struct frozen {
	json_t *known; /* by question; NULL: nothing is kept. Borrowed. */
	json_t *used;  /* the answers that a compilation got; ours */
	struct compile_files files;
};

void frozen_init(struct frozen *f, json_t *known);
void frozen_release(struct frozen *f);

#endif
