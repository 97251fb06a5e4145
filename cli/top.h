/* scitq top: a full screen of runs, workers and failures that keeps up with the server. */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include "cli/command.h"

int top(const struct command_call *call);

#endif
