/* scitq task, worker, batch...: the objects of a server, shown, changed and deleted. */
#ifndef CLI_MANAGE_H
#define CLI_MANAGE_H

#include "cli/command.h"

int manage_get(const struct command_call *call);
int manage_update(const struct command_call *call);
int manage_delete(const struct command_call *call);
int worker_deploy(const struct command_call *call);
int task_relaunch(const struct command_call *call);
int batch_stop(const struct command_call *call);
int batch_go(const struct command_call *call);
int recruiter_create(const struct command_call *call);
int recruiter_change(const struct command_call *call);
int recruiter_delete(const struct command_call *call);

#endif
