/*
 * What a server process is made of. main owns it; a QUEUE_HTTP handler gets it.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/log.h"
#include "base/str.h"
#include "server/call.h"

#include <stdatomic.h>

struct advertised;
struct auth;
struct feed;
struct http;
struct log_board;
struct metrics;
struct readers;
struct relay;
struct runner;
struct store;
struct flows;

struct server {
	struct log log;
	struct store *store;
	struct core *core;
	struct readers *readers;
	struct readers *tellers; /* of a database that is shared: they tell what is known, beside
	                            lists that take long; else NULL */
	struct advertised *advertised;
	struct runner *runner; /* of providers' programs */
	struct relay *relay;   /* of a database that is shared; else NULL */
	const char *ca;        /* checks the certificates of those others; NULL: the system's */
	struct auth *auth;
	struct http *http;
	struct feed *feed;
	struct log_board *board;
	struct metrics *metrics;
	struct flows *flows;
	const char *rclone;    /* path of the rclone.conf that workers ask for */
	const char *remote;    /* URI that /config/remote tells, "" where there is none */
	struct str swagger_ui; /* directory of its files, which may be missing */
	atomic_bool backing_up;
	int wake; /* eventfd; readable: the private server may end */
};

http_handler show_health;  /* GET /healthz */
http_handler show_caller;  /* GET /tokens/mine */
http_handler show_events;  /* GET /events; feed_show.c */
http_handler show_swagger; /* GET /swagger.json; swagger.c */

#endif
