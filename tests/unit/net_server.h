/*
 * A small HTTP server inside a test: one thread per connection, kept open, with
 * paths that misbehave on purpose. See serve() in net_server.c for the paths.
 */
#ifndef TESTS_UNIT_NET_SERVER_H
#define TESTS_UNIT_NET_SERVER_H

#include "base/str.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define SERVER_CONNECTIONS 256

struct server {
	int listener, port;
	pthread_t acceptor;
	pthread_mutex_t lock;
	pthread_t threads[SERVER_CONNECTIONS];
	int fds[SERVER_CONNECTIONS];
	int connections; /* accepted so far */
	int requests;    /* answered or begun so far */
	atomic_bool stopping;
	atomic_bool released; /* what /held waits for */
	/* /file/...: these bytes, in answers of at most `cut` of them (0: whole), then a hang-up.
	 */
	const char *data;
	size_t data_len;
	size_t cut;
	const char *etag;  /* NULL: none */
	const char *extra; /* header lines of the answers, each with its CRLF; NULL: none */
	bool no_ranges;
	int fail;               /* this many requests for /file get 503 first */
	struct str last_header; /* of the last request */
};

void server_start(struct server *s);
void server_stop(struct server *s);
/* "http://127.0.0.1:PORT" and the path; a buffer of the caller. */
const char *server_url(const struct server *s, const char *path, char buffer[256]);

#endif
