/*
 * What follows a workflow that has succeeded: its `then` files, each compiled with the
 * outputs that are listed now, and launched.
 */
#ifndef CLI_THEN_H
#define CLI_THEN_H

#include "cli/run_options.h"

/*
 * Params of the next file, its files listed; texts lie in the arena. False, and said on
 * standard error, where they cannot be.
 */
bool then_params(const struct submission_next *next, struct arena *arena,
                 struct compile_param *params);
/*
 * The run was left to go on by itself: a scitq-run of its own joins it and goes on with what
 * follows, writing to a log in the state directory. 0 or an exit code.
 */
int then_detached(const struct run_options *o);

#endif
