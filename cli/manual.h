/* Manual pages as scdoc source, made of the table of commands. */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "cli/command.h"

int manual(const struct command_call *call);

#endif
