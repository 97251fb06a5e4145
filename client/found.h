/* What a program that names only a server, or not even that, means: environment, files, this
 * machine. */
#ifndef CLIENT_FOUND_H
#define CLIENT_FOUND_H

#include "base/str.h"
#include "client/client.h"

#include <stdbool.h>

struct found {
	struct str server, token, ca;
};

/*
 * Fill `found` from `given`: the server from SCITQ_SERVER where none is named, else the one that
 * this user runs here, else 127.0.0.1; the certificate from SCITQ_CA; the token from SCITQ_TOKEN,
 * else, for a server of this machine and user, from its state directory. Each is a setting of
 * base/config.h. found_release() follows in any case.
 */
void found_init(struct found *found, const struct server_access *given);
void found_release(struct found *found);

#endif
