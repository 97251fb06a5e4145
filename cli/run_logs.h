/* scitq logs RUN: what the tasks of a run wrote, each line behind the name of its task. */
#ifndef CLI_RUN_LOGS_H
#define CLI_RUN_LOGS_H

#include "cli/call.h"

/* Of the last execution of each task; with --follow until the run has ended, and of those that
   begin meanwhile. False with the call's code set. */
bool run_logs(struct call *c, const char *run);

#endif
