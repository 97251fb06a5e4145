/* `scitq shell`: the environment of a task, here. */
#ifndef CLI_SHELL_H
#define CLI_SHELL_H

#include "cli/command.h"

int shell(const struct command_call *command);

#endif
