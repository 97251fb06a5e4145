/*
 * Several HTTP calls at once, driven by the caller's own event loop: long polls
 * beside reports. One thread owns a struct http_multi.
 *
 *	add http_multi_fd(m) to the loop's epoll set (EPOLLIN), once;
 *	each turn wait no longer than http_multi_timeout_ms(m);
 *	after each wait call http_multi_run(m).
 *
 * Callbacks run inside http_multi_run only, never inside http_multi_start, so a
 * caller may start calls from anywhere, also from a callback.
 */
#ifndef NET_MULTI_H
#define NET_MULTI_H

#include "net/http.h"

struct http_multi;
struct http_transfer;

/*
 * The call has ended: error is 0 or -HTTP_E.... The response is valid during the
 * callback; a body to keep is taken by str_detach. The transfer no longer exists.
 */
typedef void http_done_fn(void *ctx, int error, struct http_response *response);

/* options may be NULL. NULL only where libcurl or the kernel cannot start. */
struct http_multi *http_multi_new(const struct http_options *options);
/* Calls in flight are dropped without their callbacks. Not from a callback. */
void http_multi_free(struct http_multi *m);

/*
 * Begin a call; the request is sent at once where a connection is open. Nothing
 * of `request` needs to live on: url, headers and body are copied. What fails at
 * once (a bad URL) is reported by the callback too. Never NULL.
 */
struct http_transfer *http_multi_start(struct http_multi *m, const struct http_request *request,
                                       http_done_fn *done, void *ctx);
/* Drop a call that has not ended; its callback does not run. */
void http_multi_cancel(struct http_multi *m, struct http_transfer *t);

/* Becomes readable when http_multi_run has something to do. */
int http_multi_fd(const struct http_multi *m);
/* Milliseconds until http_multi_run must be called anyway: 0 at once, -1 never. */
int http_multi_timeout_ms(const struct http_multi *m);
/* Do what can be done without waiting; number of callbacks made. */
unsigned http_multi_run(struct http_multi *m);
/* Calls that have not ended. */
unsigned http_multi_active(const struct http_multi *m);
/* http_multi_run once after at most timeout_ms (-1: no limit): for callers without a loop. */
unsigned http_multi_wait(struct http_multi *m, int timeout_ms);

#endif
