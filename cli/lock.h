/*
 * The lock file beside a workflow: qc.lock of qc.scitq, which says what modules, sheets,
 * listings and images were when it was written.
 */
#ifndef CLI_LOCK_H
#define CLI_LOCK_H

#include "cli/run_options.h"

/*
 * Of a compilation that is ok: compares it with the lock file, where there is one, and
 * adds what differs to the diagnostics; or writes the file and prints the difference, as
 * the options say. 0 or an exit code.
 */
int lock_use(const struct run_options *o, struct compilation *c);

#endif
