/* `scitq edit`: another text for tasks of a run, and for the .scitq file that they come from. */
#ifndef CLI_EDIT_H
#define CLI_EDIT_H

#include "cli/command.h"

/* Its options. */
extern const struct command_option edit_how[];

int edit(const struct command_call *command);

#endif
