/* scitq-run plan: what would run, and where asked for how, without submitting anything. */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include "cli/run_options.h"

/* An exit code; what was found, or is wrong, has been printed. Of a compilation that is ok. */
int plan(struct run_options *o, struct compilation *c);

#endif
