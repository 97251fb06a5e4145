/*
 * A reply that goes on and that the server that leads sends: its bytes come on the thread of the
 * relay and leave as a flow. It holds RELAY_STREAM_MOST bytes and a piece; who reads slowly makes
 * the leader wait. The relay and the flow each let go of it once, in either order.
 */
#ifndef SERVER_RELAY_STREAM_H
#define SERVER_RELAY_STREAM_H

#include "server/flow.h"

#define RELAY_STREAM_MOST ((size_t)256 << 10)

struct relay_stream;

/* One that was admitted (flows_admit()). `stir` is an eventfd that is written when there is room
   again or the flow has let go; borrowed until then. */
struct relay_stream *relay_stream_new(struct flows *flows, int stir);
/* For call_reply_flow(), once. */
struct flow *relay_stream_flow(struct relay_stream *s);

/* For the thread of the relay. */

/* False: it is full, nothing was taken; relay_stream_has_room() tells when to try again. */
bool relay_stream_put(struct relay_stream *s, const char *bytes, size_t n);
/* Whether there is room again; true once per refusal. */
bool relay_stream_has_room(struct relay_stream *s);
/* Nobody wants it any more. */
bool relay_stream_gone(struct relay_stream *s);
/* No more will come, and what came is the whole or not; the relay lets go of it. */
void relay_stream_end(struct relay_stream *s, bool whole);

#endif
