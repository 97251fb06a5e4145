/* scitq init: what a new user wants once: settings that were tried, and a first workflow. */
#ifndef CLI_INIT_H
#define CLI_INIT_H

#include "cli/command.h"

int init(const struct command_call *call);

#endif
