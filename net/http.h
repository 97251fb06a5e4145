/*
 * HTTP as the rest of scitq needs it, above libcurl. A `struct http` belongs to
 * one thread and keeps its connection between calls; a `struct http_multi` lets
 * an event loop drive several calls at once through one descriptor.
 *
 * No proxy is used for loopback addresses (others: http_proxy, https_proxy and
 * no_proxy of the environment), no signal is raised, Nagle is off, and no child
 * process inherits a connection. The certificate of an https server is verified. Bodies that go to
 * a file: net/download.h.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a call ends with. Whatever status the server answered, the call is HTTP_OK. */
enum http_error {
	HTTP_OK = 0,
	HTTP_BAD_URL = -1,
	HTTP_NO_CONNECTION = -2, /* refused, unreachable, name unknown, closed under way */
	HTTP_TIMEOUT = -3,
	HTTP_TLS = -4,
	HTTP_WRITE = -5, /* the file could not be written; the message has errno's text */
	HTTP_CANCELLED = -6,
	HTTP_OTHER = -7, /* also an answer above HTTP_BODY_MAX, too many redirects */
};

/* "no connection" and the like. */
const char *http_error_text(enum http_error error);
/* What to do about a call to a server of ours that failed so, to stand behind its message: where
   its certificate is nobody's that the system knows, and no `ca` was given. Else empty. */
const char *http_ca_hint(enum http_error error, const char *message, const char *ca);
/* Whether the same call may succeed a little later. */
bool http_error_retriable(enum http_error error);
/* The same of an answered status: 408, 425, 429, 500, 502, 503, 504. */
bool http_status_retriable(long status);

#define HTTP_BODY_MAX ((size_t)1 << 30)

struct http_request {
	const char *method; /* "GET", "PUT"... any of them may have a body */
	const char *url;
	/* NULL-ended "Name: value" lines, or NULL. One with a line break is HTTP_BAD_URL. */
	const char *const *headers;
	const void *body;       /* borrowed until the call has ended */
	size_t body_len;        /* 0: no body */
	const char *ca;         /* file of the authorities trusted over TLS; NULL: the system's */
	int timeout_ms;         /* of the whole call; 0: none */
	int connect_timeout_ms; /* 0: ten seconds */
	bool direct;            /* through no proxy, whatever the environment says */
	bool once;              /* on a connection of its own: never sent again (see http_call) */
	/* Asked now and then, at least about once a second; false ends the call (HTTP_CANCELLED).
	   NULL: nobody. */
	bool (*go_on)(void *context);
	void *context;
};

struct http_response {
	int status;
	struct str body, type; /* type: of the body, as Content-Type says; "" where absent */
	int retry_after;       /* seconds, from Retry-After; -1 where absent */
	struct str message;    /* of an error */
	bool unsent;           /* of an error: nothing of the request has left this machine */
};

void http_response_init(struct http_response *r);
void http_response_release(struct http_response *r);

struct http;

/* NULL only where a lack of memory is tolerated (base/alloc.h). */
struct http *http_new(void);
void http_free(struct http *h);
/*
 * Any status is HTTP_OK; `response` is filled from empty. Redirects are not
 * followed. A request on a kept connection that turns out to be dead is sent again
 * on a new one, provided that not one byte of an answer came, and that it is not to be
 * sent once only.
 */
enum http_error http_call(struct http *h, const struct http_request *request,
                          struct http_response *response);
/* Append a header of the last answer; false: it had none of that name. */
bool http_header(struct http *h, const char *name, struct str *value);

struct http_multi;

/* Called once per call from http_multi_run. `response` is the callee's to read, not to keep. */
typedef void http_done(void *context, enum http_error error, struct http_response *response);
/*
 * Of an answer 200 that goes on: first with its type and no bytes, when its head is there, then
 * with the bytes as they come, also from http_multi_go_on(). False: there is no room, it took none
 * of them; the call stands still until http_multi_go_on(). It starts and cancels nothing.
 */
typedef bool http_piece(void *context, const char *type, const char *data, size_t n);

struct http_multi *http_multi_new(void);
/* Cancels what is under way without calling back. */
void http_multi_free(struct http_multi *m);
/* Readable (level-triggered) when http_multi_run has something to do. */
int http_multi_fd(const struct http_multi *m);
/* Start a call; url and headers are copied, the body is borrowed. The number is for
 * http_multi_cancel. */
uint64_t http_multi_start(struct http_multi *m, const struct http_request *request, http_done *done,
                          void *context);
/* The same, the body of an answer 200 to `piece` instead of into the response. */
uint64_t http_multi_follow(struct http_multi *m, const struct http_request *request,
                           http_piece *piece, http_done *done, void *context);
/* There is room again. */
void http_multi_go_on(struct http_multi *m, uint64_t call);
/* Forget a call without calling back; false where it had ended. */
bool http_multi_cancel(struct http_multi *m, uint64_t call);
/* Move data and call back for what ended. Callbacks may start and cancel calls. */
void http_multi_run(struct http_multi *m);

#endif
