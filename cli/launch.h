/* scitq launch: one command as a task, with the options of v1's scitq-launch. */
#ifndef CLI_LAUNCH_H
#define CLI_LAUNCH_H

#include "cli/command.h"

int launch(const struct command_call *call);

#endif
