/* The server of a state directory: what it wrote into server.json and token. */
#ifndef CLIENT_STATE_SERVER_H
#define CLIENT_STATE_SERVER_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Replace *token by STATE/token. False where it cannot be read. */
bool state_token(const char *state, struct str *token);
/*
 * Replace *url, without a slash at its end, *token, and *pid (which may be NULL). False
 * where a file is missing or damaged: no server runs there, or it is about to start.
 */
bool state_server(const char *state, struct str *url, struct str *token, int64_t *pid);
/*
 * Whether the server of it has ended by itself, and no other one is there: it takes server.json
 * along, while one that was killed leaves it.
 */
bool state_server_has_left(const char *state);
/* Whether the server that wrote it was told to ask this provider for workers. */
bool state_server_provides(const char *state, const char *provider);

#endif
