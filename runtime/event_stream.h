/*
 * GET /events of a server, followed beside other calls of a struct http_multi. One that ends, or on
 * which nothing comes though the server always says something, is asked for again after a while.
 */
#ifndef RUNTIME_EVENT_STREAM_H
#define RUNTIME_EVENT_STREAM_H

#include "client/client.h"
#include "client/events.h"

struct event_stream {
	struct client *client;
	struct http_multi *multi;
	const char *path; /* "/events?kind=task"; the owner's to set before it is tended */
	struct events events;
	/* It has ended, or there was none: as of http_done. */
	void (*ended)(void *context, enum http_error error, struct http_response *response);
	uint64_t call; /* 0: none is under way */
	int64_t heard_ns, again_ns;
};

/* What is given is borrowed; `context` is that of `each` and of `ended`. Nothing is asked yet. */
void event_stream_init(struct event_stream *s, struct client *client, struct http_multi *multi,
                       bool (*each)(void *context, const char *kind, const struct str *data),
                       void (*ended)(void *context, enum http_error error,
                                     struct http_response *response),
                       void *context);
void event_stream_release(struct event_stream *s);
/* Ask for it where it is not there and it is time to; to be called when event_stream_due() says. */
void event_stream_tend(struct event_stream *s);
/* Monotonic ns. */
int64_t event_stream_due(const struct event_stream *s);

#endif
