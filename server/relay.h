/*
 * Several servers on one database: what only the leader can answer is passed on to
 * it, and its answer handed back. One thread with a client for all calls under way;
 * it asks the database where the leader listens.
 *
 * A call is passed on once: a server that got it so and does not lead refuses it. Where nobody
 * leads, or the leader ends, a call is held until somebody does: some seconds, then it is answered
 * unavailable, and its client tries again. One that may have been done is sent again only where
 * that does no harm. Replies that go on are handed on as they come. Where this server begins to
 * lead, what it holds is its own. Only for a database that is shared.
 */
#ifndef SERVER_RELAY_H
#define SERVER_RELAY_H

#include "model/problem.h"
#include "server/call.h"

/* What a call is passed on with; texts live as long as the call. */
struct passage {
	const char *method, *uri; /* as received, query included */
	const char *passed;       /* of PASSED_HEADER */
	/* Headers; NULL: absent. */
	const char *authorization, *client, *content_type, *mask, *key, *last_event;
};

/* The header by which a write can be known when it is sent again. */
#define KEY_HEADER "Idempotency-Key"

/*
 * The header by which a call tells that it was passed on: "1", or the address of the client and
 * auth_vouch()'s word for it.
 */
#define PASSED_HEADER "X-Scitq-Passed"

struct relay;

/* NULL with *problem set. The server with its store and log is borrowed until relay_free(). */
struct relay *relay_new(struct server *server, struct problem *problem);
/* A call with its passage; any thread. */
void relay_submit(struct relay *relay, struct call *call);
/* Refuse what waits and what is under way, end the thread. */
void relay_stop(struct relay *relay);
void relay_free(struct relay *relay);

#endif
