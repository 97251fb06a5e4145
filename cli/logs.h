/* scitq logs and task output: what tasks wrote, whole or as they write it. */
#ifndef CLI_LOGS_H
#define CLI_LOGS_H

#include "cli/command.h"

/* Standard output to ours, standard error to ours. */
int logs(const struct command_call *call);

#endif
