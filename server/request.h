/*
 * What a request says, taken from libmicrohttpd into a call: who sends it, and
 * what its body and its query string hold. For exchange.c.
 */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include "server/auth.h"
#include "server/call.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Set call->role, user, worker and ours; false with call->problem set where the caller
 * may not use the route. A web page of another origin is refused whatever it
 * knows, so that no page can use a browser's stored password, or --open.
 */
bool request_authenticate(struct MHD_Connection *connection, struct auth *auth, struct call *call);
/* The address of who calls, in numbers: of a call that was passed on, what the server that did so
   vouches for, else the peer's; "" where it is not known. */
const char *request_client(struct MHD_Connection *connection, const struct auth *auth,
                           const char *uri, struct call *call);
/* Whether the query string asks for an answer that goes on. */
bool request_follows(struct MHD_Connection *connection);
/*
 * call->key, where the call has one and may: a write of the core, but for those whose answers are
 * secret and those that have keys in their bodies. False with the problem set where it is none.
 */
bool request_key(struct MHD_Connection *connection, struct call *call);
/* call->passage, for a call that another server answers. */
void request_passage(struct MHD_Connection *connection, const struct auth *auth, const char *uri,
                     struct call *call);
bool text_is_utf8(const char *text);
/* The length that the request declares; -1: none (chunked or no body). */
int64_t request_length(struct MHD_Connection *connection);
/* Whether the client sends the body only when told to go on. */
bool request_waits(struct MHD_Connection *connection);
/*
 * call->raw (what was received) and the query string into call->body, checked
 * against the filter of the route. For a RAW route the bytes stay in raw.
 */
bool request_body(struct MHD_Connection *connection, struct call *call);
/* A header of the request, NULL: none; for handlers of QUEUE_HTTP. */
const char *request_header(const struct call *call, const char *name);

#endif
