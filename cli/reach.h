/*
 * The server that a command is about: the one that its command line or the environment names, else
 * that of a state directory, else the one that the configuration files name. A private server comes
 * after these where nobody names its directory: scitq-run would not ask it either.
 */
#ifndef CLI_REACH_H
#define CLI_REACH_H

#include "base/config.h"
#include "client/client.h"

struct reach {
	struct client client;
	struct config config;
	struct str url, token;
	struct str state; /* the state directory that was looked at; "": a server is named */
};

enum reach_result {
	REACH_OK,
	REACH_MISUSED,   /* what names it is no name, or a file of settings is none */
	REACH_NO_SERVER, /* nobody names one, and none runs on the state directory */
};

/*
 * What is given on the command line; NULL members: nothing. Not REACH_OK: with the sentence
 * appended to `error`. Always to be closed.
 */
enum reach_result reach_open(struct reach *r, const struct server_access *given, const char *state,
                             struct str *error);
void reach_close(struct reach *r);
/* scitq-run has used the state directory: its server is one that comes and goes. */
bool reach_is_private(const char *state);

#endif
