/*
 * The HTTP side: libmicrohttpd's epoll pool. It reads a request, finds its
 * route, checks who sends it, parses the body, and hands the call to the queue
 * of its route; while another thread works on it the connection is suspended.
 * The answer resumes it. The pool never blocks on anything else.
 *
 * A call lives in the exchange that libmicrohttpd knows, from the first byte of
 * the request until the reply was sent or the peer is gone. A peer that goes
 * away while the connection is suspended is noticed only when it is resumed, so
 * a call that somebody owns is never freed.
 *
 * server.c makes it; call.c tells it of answers.
 */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include "base/log.h"
#include "model/problem.h"
#include "server/call.h"

#include <stdbool.h>

struct auth;

/* call->status of a call that is not answered: its connection closes. */
#define CALL_DROPPED (-1)

struct http_options {
	const char *address; /* "127.0.0.1:5000", "[::1]:0"; port 0 takes a free one */
	unsigned threads;
	unsigned max_connections;
};

struct http;

/*
 * Where a call goes whose route is not QUEUE_HTTP; called on an HTTP thread.
 * From then on whoever got it owns it.
 */
typedef void http_dispatch(struct server *server, struct call *call);

/*
 * Listen and start the pool. `auth`, `log` and the server are borrowed until
 * http_server_free(). NULL with *problem set: the address is not ours, not loopback, or
 * taken.
 */
struct http *http_server_new(const struct http_options *options, struct server *server,
                             struct auth *auth, http_dispatch *dispatch, const struct log *log,
                             struct problem *problem);
/* "http://127.0.0.1:5000" */
const char *http_url(const struct http *http);
/*
 * Take no new connection; from now on calls are refused. Then whoever owns calls
 * answers them, and http_server_free() follows.
 */
void http_refuse(struct http *http);
/* Wait a moment until the last replies are sent, then close everything. Every call must have
   been answered. */
void http_server_free(struct http *http);

/* The call has its answer: send it. From any thread; the caller must not touch it again. */
void http_answer(struct call *call);

#endif
