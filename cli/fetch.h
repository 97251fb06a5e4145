/* scitq fetch: files and folders between this machine and the storages that URIs name. */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "cli/command.h"

int fetch_list(const struct command_call *call);
int fetch_nlist(const struct command_call *call);
int fetch_nrlist(const struct command_call *call);
int fetch_info(const struct command_call *call);
int fetch_ncdu(const struct command_call *call);
int fetch_copy(const struct command_call *call);
int fetch_sync(const struct command_call *call);
int fetch_delete(const struct command_call *call);

#endif
