/*
 * Several servers on one database: what only the leader can answer is passed on to
 * it, and its answer handed back. One thread with a client for all calls under way;
 * it asks the database where the leader listens.
 *
 * A call is passed on once: a server that got it so and does not lead refuses it.
 * Where there is no leader, or it ends in the middle, the call is answered
 * unavailable, and its client tries again. Only for a database that is shared.
 */
#ifndef SERVER_RELAY_H
#define SERVER_RELAY_H

#include "model/problem.h"
#include "server/call.h"

/* What a call is passed on with; texts live as long as the call. */
struct passage {
	const char *method, *uri;                                 /* as received, query included */
	const char *authorization, *client, *content_type, *mask, *key; /* headers; NULL: absent */
	bool passed; /* it comes from a server that follows */
};

/* The header by which a write can be known when it is sent again. */
#define KEY_HEADER "Idempotency-Key"

/* The header by which a call tells that it was passed on. */
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
