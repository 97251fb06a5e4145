/* Completion of scitq's command lines in bash, zsh and fish, made of the table of commands. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "cli/command.h"

int completion(const struct command_call *call);

#endif
