/*
 * The HTTP side: libmicrohttpd's epoll pool. It reads a request, finds its
 * route, checks who sends it, parses the body, and hands the call to the queue
 * of its route; while another thread works on it the connection is suspended.
 * The answer resumes it. The pool blocks on nothing else but a short call that one of its threads
 * runs itself (`here`).
 *
 * server.c makes it; call.c tells it of answers. Here is what listens; exchange.c has what becomes
 * of a request.
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

typedef bool http_leads(struct server *server);
/* Answers the call and returns true, or does nothing; on an HTTP thread. */
typedef bool http_here(struct server *server, struct call *call);

struct http_options {
	const char *address; /* "127.0.0.1:5000", "[::1]:0"; port 0 takes a free one */
	/* PEM files: `address` then speaks TLS and may be reached by everybody, and plain HTTP is
	   spoken at plain_address. NULL: `address` speaks plain HTTP. */
	const char *cert, *key;
	const char *plain_address; /* NULL: a free port of 127.0.0.1 */
	const char *plain; /* networks whose plain HTTP is admitted, "10.0.0.0/8,..."; or NULL */
	unsigned threads;
	unsigned connections; /* of both addresses */
	unsigned per_address; /* of one peer's address; 0: seven eighths of them */
	int64_t head_seconds; /* that a peer may take for the head of a request, */
	int64_t body_seconds; /* for its body, */
	int64_t idle_seconds; /* and between two requests */
	size_t body_bytes;    /* of a body; four times as many of a bulk */
	/* Whether this server leads its database, else the call gets a passage to the one that
	   does; called on an HTTP thread. */
	http_leads *leads;
	http_here *here; /* before the call is handed over */
};

struct http;

/*
 * Where a call goes whose route is not QUEUE_HTTP; called on an HTTP thread.
 * From then on whoever got it owns it.
 */
typedef void http_dispatch(struct server *server, struct call *call);

/*
 * Listen and start the pool. `auth`, `log` and the server are borrowed until
 * http_server_free(). NULL with *problem set: the address is not ours, reached by
 * others without TLS, or taken; a file is not what it should be; the options contradict each other.
 */
struct http *http_server_new(const struct http_options *options, struct server *server,
                             struct auth *auth, http_dispatch *dispatch, const struct log *log,
                             struct problem *problem);
/* "http://127.0.0.1:5000" */
const char *http_url(const struct http *http);
/* Where programs of this machine find it, in plain HTTP. */
const char *http_local_url(const struct http *http);
/* End the connections that take too long; to be called about every head_seconds / 2. */
void http_sweep(struct http *http);
/*
 * Take no new connection; from now on calls are refused. Then whoever owns calls
 * answers them, and http_server_free() follows.
 */
void http_refuse(struct http *http);
/* Wait a moment until the last replies are sent, then close everything. Every call must have
   been answered. */
void http_server_free(struct http *http);

/* Another server was to answer it, but this one leads now: it is looked at anew, as if it had just
   arrived. From any thread; the caller must not touch it again. */
void http_again(struct call *call);
/* The call has its answer: send it. From any thread; the caller must not touch it again. */
void http_answer(struct call *call);

#endif
