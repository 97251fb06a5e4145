/*
 * HTTP as the rest of scitq needs it, above libcurl. A `struct http` belongs to
 * one thread and keeps its connection between calls; a `struct http_multi` lets
 * an event loop drive several calls at once through one descriptor.
 *
 * No proxy is used for loopback addresses, no signal is raised, Nagle is off.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_error {
	HTTP_OK = 0,
	HTTP_BAD_URL = -1,
	HTTP_NO_CONNECTION = -2, /* refused, unreachable, name unknown, closed under way */
	HTTP_TIMEOUT = -3,
	HTTP_TLS = -4,
	HTTP_WRITE = -5, /* the file could not be written; the message has errno's text */
	HTTP_CANCELLED = -6,
	HTTP_OTHER = -7,
};

struct http_request {
	const char *method; /* "GET", "PUT"... any of them may have a body */
	const char *url;
	const char *const *headers; /* NULL-ended "Name: value" lines, or NULL */
	const void *body;           /* borrowed until the call has ended */
	size_t body_len;            /* 0: no body */
	int timeout_ms;             /* of the whole call; 0: none */
	int connect_timeout_ms;     /* 0: ten seconds */
};

struct http_response {
	int status;
	struct str body;
	int retry_after;    /* seconds, from Retry-After; -1 where absent */
	struct str message; /* of an error */
};

void http_response_init(struct http_response *r);
void http_response_release(struct http_response *r);

struct http;

struct http *http_new(void);
void http_free(struct http *h);
/* Any status is HTTP_OK; `response` is filled from empty. Redirects are not followed. */
enum http_error http_call(struct http *h, const struct http_request *request,
                          struct http_response *response);

struct http_download {
	const char *url;   /* http, https or ftp; up to ten redirects within http(s) */
	int fd;            /* written at its offset */
	uint64_t offset;   /* resume from here; the server must then answer 206 */
	int stall_seconds; /* abort when nothing came for so long; 0: 60 */
	/* Called now and then; true stops with HTTP_CANCELLED. May be NULL. total is 0 where
	 * unknown. */
	bool (*progress)(void *context, uint64_t done, uint64_t total);
	void *context;
};

/*
 * status gets the answer's status. A status other than 200 and 206 (or an
 * ignored resume) writes nothing to fd and is HTTP_OK: look at status.
 */
enum http_error http_download(struct http *h, const struct http_download *d, int *status,
                              uint64_t *written, struct str *message);

struct http_multi;

/* Called once per call from http_multi_run. `response` is the callee's to read, not to keep. */
typedef void http_done(void *context, enum http_error error, struct http_response *response);

struct http_multi *http_multi_new(void);
/* Cancels what is under way without calling back. */
void http_multi_free(struct http_multi *m);
/* Readable (level-triggered) when http_multi_run has something to do. */
int http_multi_fd(const struct http_multi *m);
/* Start a call; url and headers are copied, the body is borrowed. The number is for
 * http_multi_cancel. */
uint64_t http_multi_start(struct http_multi *m, const struct http_request *request, http_done *done,
                          void *context);
/* Forget a call without calling back; false where it had ended. */
bool http_multi_cancel(struct http_multi *m, uint64_t call);
/* Move data and call back for what ended. Callbacks may start and cancel calls. */
void http_multi_run(struct http_multi *m);

#endif
