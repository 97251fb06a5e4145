/* scitq token, user: who may call the server. */
#ifndef CLI_ACCESS_H
#define CLI_ACCESS_H

#include "cli/command.h"

int access_create(const struct command_call *call);
int access_revoke(const struct command_call *call);
int access_users(const struct command_call *call);
int access_mine(const struct command_call *call);

#endif
