/* A body that comes little by little and is looked at as it comes: server-sent events, logs. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "net/http.h"

struct http_stream {
	/* Bytes of the body of an answer below 300. False ends the call. */
	bool (*data)(void *context, const char *data, size_t n);
	void *context;
	int silence_seconds; /* HTTP_TIMEOUT when nothing came for so long */
};

/*
 * As http_call(), but the body of an answer below 300 goes to stream->data, and request->timeout_ms
 * is of no account. HTTP_CANCELLED where a callback ended it; HTTP_OK where the server did.
 */
enum http_error http_stream(struct http *h, const struct http_request *request,
                            const struct http_stream *stream, struct http_response *response);

#endif
