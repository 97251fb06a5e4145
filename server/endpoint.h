/*
 * One address that is listened on, with the libmicrohttpd pool behind it: by TLS
 * for everybody, or in plain HTTP for this machine and the networks that were named.
 * A server has one or two of them; http.c is the user and has the callbacks.
 */
#ifndef SERVER_ENDPOINT_H
#define SERVER_ENDPOINT_H

#include "base/log.h"
#include "model/problem.h"
#include "server/listen.h"

#include <microhttpd.h>

struct networks;

struct endpoint_options {
	const char *address;
	/* PEM text; both, or NULL for plain HTTP. */
	const char *cert, *key;
	/* Of plain HTTP: who is admitted beside this machine. Without any, the address must be a
	   loopback one. Borrowed until endpoint_stop(). */
	const struct networks *admitted;
	bool loopback_only; /* whatever the others say */
	unsigned threads, connections, per_address;
	unsigned silence_seconds; /* a connection that neither sends nor takes for so long ends */
	size_t head_bytes;        /* of a request */
};

/* All get the same context; see MHD_start_daemon(). */
struct endpoint_callbacks {
	void *context;
	void *(*start)(void *context, const char *uri, struct MHD_Connection *connection);
	enum MHD_Result (*handle)(void *context, struct MHD_Connection *connection,
	                          const char *path, const char *method, const char *version,
	                          const char *data, size_t *size, void **state);
	void (*completed)(void *context, struct MHD_Connection *connection, void **state,
	                  enum MHD_RequestTerminationCode why);
	void (*connection)(void *context, struct MHD_Connection *connection, void **link,
	                   enum MHD_ConnectionNotificationCode what);
	size_t (*unescape)(void *context, struct MHD_Connection *connection, char *text);
};

struct endpoint {
	struct listener listener;
	struct MHD_Daemon *daemon; /* NULL: not started */
	const struct networks *admitted;
	const struct log *log;
};

/* False with *problem set; endpoint_stop() follows in any case. The log is borrowed. */
bool endpoint_start(struct endpoint *e, const struct endpoint_options *options,
                    const struct endpoint_callbacks *callbacks, const struct log *log,
                    struct problem *problem);
/* Take no new connection. */
void endpoint_refuse(struct endpoint *e);
void endpoint_stop(struct endpoint *e);

#endif
