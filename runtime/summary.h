/* What is said of a run when it has ended, or is left. */
#ifndef RUNTIME_SUMMARY_H
#define RUNTIME_SUMMARY_H

#include "runtime/follow.h"
#include "runtime/results.h"

/* Steps' results and failures, on the progress descriptor. started_ns is monotonic. Of a run that
   is left `results` is not looked at. */
void summary_tell(struct follow *f, const struct results *results, int64_t started_ns);
/* The standard output of the run's last step, where that is one task, to standard output, or to the
   program that listens. */
bool summary_print_result(struct follow *f, const struct reuse *reuse);

#endif
