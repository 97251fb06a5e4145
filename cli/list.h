/* scitq task list, worker list...: the objects of a server as a table, printed once or kept up to
 * date. */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli/command.h"

int list_objects(const struct command_call *call);

#endif
