/*
 * The lock file beside a workflow: qc.lock of qc.scitq. It says what modules, sheets, listings
 * and images were when it was written, and keeps the answers of other machines, which are
 * not asked again until it is written anew.
 */
#ifndef CLI_LOCK_H
#define CLI_LOCK_H

#include "cli/frozen.h"
#include "cli/lock_file.h"
#include "cli/run_options.h"

struct lock {
	struct lock_file file; /* as it was */
	struct frozen frozen;  /* .files is for the compilation */
};

/* Reads the file, if there is one. 0 or an exit code, with what is wrong said. */
int lock_open(struct lock *l, const struct run_options *o);
/*
 * Of a compilation that is ok: what differs from the file is added to the diagnostics; or the
 * file is written, and the difference printed, as the options say. 0 or an exit code.
 */
int lock_use(struct lock *l, const struct run_options *o, struct compilation *c);
void lock_close(struct lock *l);

#endif
