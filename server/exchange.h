/*
 * An exchange: a request and its reply, from the first byte until libmicrohttpd is done with it.
 * What http.c has libmicrohttpd call, and what all exchanges of a server share.
 *
 * A call lives in its exchange. A peer that goes away while the connection is suspended is noticed
 * only when it is resumed, so a call that somebody owns is never freed.
 */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include "server/http.h"
#include "server/link.h"
#include "server/body_room.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

struct exchanges {
	struct links links;
	struct body_room room; /* of bodies that are bytes */
	size_t body_bytes;
	struct server *server;
	struct auth *auth;
	http_dispatch *dispatch;
	http_leads *leads;
	http_here *here;
	atomic_bool refusing; /* the server is stopping */

	pthread_mutex_t lock;
	pthread_cond_t sent;
	unsigned unsent; /* calls handed over whose exchange has not ended */
};

enum exchange_phase {
	PHASE_START,   /* the request line was read */
	PHASE_BODY,    /* the body arrives, or was all read */
	PHASE_OWNED,   /* suspended; another thread has the call */
	PHASE_REPLIED, /* libmicrohttpd sends */
};

struct exchange {
	struct call call;
	struct exchanges *all;
	struct MHD_Connection *connection;
	enum exchange_phase phase;
	const char *uri; /* as received, query included */
	size_t received, limit;
	const char *allow;
	struct link *link;
	struct body_room_claim room;
	bool waited;  /* for it */
	bool head;    /* HEAD: no body is wanted */
	bool close;   /* the connection cannot go on after the reply */
	bool counted; /* in unsent */
};

void exchanges_init(struct exchanges *all, const struct http_options *options,
                    struct server *server, struct auth *auth, http_dispatch *dispatch);
/* Wait a moment until what was handed over has been sent. */
void exchanges_wait(struct exchanges *all);
/* All of them have ended. */
void exchanges_release(struct exchanges *all);

/* For libmicrohttpd; the context is a struct exchanges. */
void *exchange_start(void *context, const char *uri, struct MHD_Connection *connection);
enum MHD_Result exchange_handle(void *context, struct MHD_Connection *connection, const char *path,
                                const char *method, const char *version, const char *data,
                                size_t *size, void **state);
void exchange_completed(void *context, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode why);
void exchange_connection(void *context, struct MHD_Connection *connection, void **link,
                         enum MHD_ConnectionNotificationCode what);
size_t exchange_unescape(void *context, struct MHD_Connection *connection, char *text);

#endif
