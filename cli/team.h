/*
 * Which team's server a command speaks to: what its command line says, else the
 * environment, else the configuration files (SCITQ_SERVER, SCITQ_TOKEN, SCITQ_CA).
 */
#ifndef CLI_TEAM_H
#define CLI_TEAM_H

#include "base/config.h"
#include "client/client.h"

#include <stdbool.h>

/*
 * Fill what *team leaves open; its texts live as long as `config`, which has been read. `own`: the
 * command line asks for something of a server of one's own, so that a server in a file is not
 * meant; one in the environment is. server stays NULL where nobody names one. False, with the
 * sentence appended to `error`, where the name is none.
 */
bool team_choose(struct server_access *team, const struct config *config, bool own,
                 struct str *error);

#endif
