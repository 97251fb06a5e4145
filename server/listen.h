/*
 * The listening socket: made here rather than by libmicrohttpd, so that the
 * port of ":0" is known, errors have words, and every accepted connection
 * inherits TCP_NODELAY.
 */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "model/problem.h"

#include <stdbool.h>

struct listener {
	int fd; /* -1 after listener_close() */
	char url[80];
	char local_url[80]; /* for this machine: where url has no address (0.0.0.0), loopback */
};

/*
 * "127.0.0.1:5000", "localhost:0", "[::1]:5000". An address that other machines reach is
 * refused unless `beyond`. `scheme` is that of the URLs.
 */
bool listener_open(struct listener *l, const char *scheme, const char *address, bool beyond,
                   struct problem *problem);
void listener_close(struct listener *l);

#endif
