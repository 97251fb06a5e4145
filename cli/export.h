/* scitq export: what happened in a run, for other programs. */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include "cli/command.h"

int export_run(const struct command_call *call);

#endif
