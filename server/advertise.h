/*
 * Where workers find the server, and that they find it there again: TLS with a certificate of its
 * own for --advertise, and for a private server with providers the port of its last start. Both are
 * kept in the state directory.
 */
#ifndef SERVER_ADVERTISE_H
#define SERVER_ADVERTISE_H

#include "server/http.h"
#include "server/private.h"
#include "server/settings.h"

struct advertised {
	struct str address, cert, key; /* what http_options points to */
	struct str url;                /* what workers are told */
	bool keeps_port;
};

/* Fill what http_options lacks for it. `dir` is open. */
bool advertise_begin(struct advertised *a, const struct settings *settings,
                     const struct state_dir *dir, struct http_options *http,
                     struct problem *problem);
/* Its port is taken: try another. False where that is what was asked for. */
bool advertise_move(struct advertised *a, const struct settings *settings,
                    struct http_options *http);
/* It listens at this URL. */
bool advertise_end(struct advertised *a, const struct settings *settings,
                   const struct state_dir *dir, const char *url, struct problem *problem);
void advertise_release(struct advertised *a);

#endif
