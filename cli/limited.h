/* How long tasks may run at most, by their run_timeout. */
#ifndef CLI_LIMITED_H
#define CLI_LIMITED_H

#include "model/submission.h"

/* Seconds of all attempts of all tasks of the step, one after the other; NaN where one has no
 * limit. */
double limited_seconds(const struct submission *s, const struct submission_step *step);

#endif
