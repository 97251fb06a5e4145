/*
 * A call: one HTTP request on its way through the server, and its reply.
 *
 * An HTTP thread makes it (parsed, authenticated, body complete and already
 * JSON), looks up its route and hands it to the queue that the route names:
 * QUEUE_CORE to the core thread, QUEUE_READ to a reader thread, QUEUE_HTTP is
 * answered on the spot. From then on the call belongs to that side until it
 * calls call_reply(), call_problem() or their kin, exactly once, from whatever
 * thread; then it must not touch the call again. A call may be kept for a while
 * (a long poll): its owner holds the deadline.
 */
#ifndef SERVER_CALL_H
#define SERVER_CALL_H

#include "base/arena.h"
#include "base/str.h"
#include "model/problem.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct server; /* server/server.h: what main owns */
struct core;
struct route;
struct flow;
struct passage;

enum call_queue { QUEUE_HTTP, QUEUE_READ, QUEUE_CORE };

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_WORKER, ROLE_SUBMITTER, ROLE_OPERATOR, ROLE_ADMIN };

#define CALL_IDS 2

struct call {
	struct call *next; /* for whoever owns the call now */
	struct server *server;
	const struct route *route;
	struct arena arena;    /* lives as long as the call */
	json_t *body;          /* always an object for JSON routes ({} where none was sent); query
	                          parameters of a GET are merged in, with the types that the route's
	                          filter gives them */
	struct str raw;        /* body of a route that takes raw bytes */
	int64_t ids[CALL_IDS]; /* numbers in the path, in order */
	const char *names[CALL_IDS]; /* words in the path (batch, status, stream), in order */
	enum role role;
	const char *user;   /* name of the token, "" under --open */
	const char *digest; /* of the token, NULL under --open */
	bool joins;         /* the token is for registering once, and for nothing else */
	const char *worker; /* of a worker's token: the name or pattern that it speaks for */
	/* As called, and from where: of a route with ROUTE_AUDIT, and of a call with a key. */
	const char *path, *address;
	const char *key;        /* of a write that may be sent again: its Idempotency-Key; NULL */
	const char *key_digest; /* of the request, once the core has met it */
	bool repeated;          /* it was, and is answered as before */
	int64_t made_task;      /* the one task that it created, which is its reply; 0 */
	const struct passage
	        *passage;    /* to be passed on to the server that leads (relay.h); NULL */
	bool passed;         /* on by a server that follows */
	bool ours;           /* sent X-Scitq-Client: speaks our protocol */
	bool alone;          /* its connection had the last call of this HTTP thread too */
	int64_t arrived_ns;  /* monotonic */
	int64_t deadline_ns; /* for a call that waits */
	const char **mask;   /* names of the fields wanted, ends with NULL; NULL: all; mask.h */
	void *waiter;        /* owner's own use while the call waits */
	const signed char *known; /* statuses of what is asked, as far as they are known; NULL */
	struct problem problem;   /* scratch for the handler; call_problem() sends it */

	/* The reply; filled by call_reply and its kin. */
	int status;
	const char *content_type, *location; /* location: of a redirection, or NULL */
	struct str reply;
	struct flow *flow; /* instead of it: server/flow.h */
	void *connection;  /* of the HTTP side */
	/* Takes the answered call in place of the HTTP side, which made no such one; NULL. */
	void (*answered)(struct call *call);
};

#define JSON_TYPE "application/json"

/* Answer with JSON text; steals the reference. */
void call_reply(struct call *call, int status, json_t *value);
/* Answer with bytes already in call->reply. */
void call_reply_bytes(struct call *call, int status, const char *content_type);
/* Answer with bytes that come into being later; the call owns the stream from now on. */
void call_reply_flow(struct call *call, int status, const char *content_type, struct flow *flow);
/* Answer with call->problem. */
void call_problem(struct call *call);
/* Close the connection without an answer: what a v1 client retries. */
void call_drop(struct call *call);

typedef void call_handler(struct core *core, struct call *call); /* QUEUE_CORE */
struct reader;
typedef void read_handler(struct reader *reader, struct call *call); /* QUEUE_READ */
typedef void http_handler(struct server *server, struct call *call); /* QUEUE_HTTP */
/* Answers on any thread from what is known of memory (known.h). False: it cannot, and did not; the
   handler of the queue has to. */
struct known;
typedef bool known_answer(struct known *known, struct call *call);

#endif
