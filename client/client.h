/*
 * JSON calls to a scitq server: one connection, one owner. The token is sent
 * with every call; an error answer becomes its message.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "base/str.h"
#include "net/http.h"

#include <jansson.h>
#include <stdbool.h>

enum client_result {
	CLIENT_OK,
	CLIENT_UNREACHABLE,  /* no connection, timeout, 429, 502 to 504: worth another try */
	CLIENT_UNAUTHORIZED, /* 401 */
	CLIENT_REFUSED,      /* another 4xx: the same call would be refused again */
	CLIENT_BROKEN,       /* 500, or an answer that is not JSON */
};

/* Which server, and what it takes to speak to it. */
struct server_access {
	const char *server; /* as client/address.h says */
	const char *token;  /* NULL: none (an --open server); one in `server` comes before it */
	const char *ca;     /* file that its certificate is checked with; NULL: the system's */
};

struct client {
	struct http *http;
	struct str url;  /* "http://host:port", no slash at the end */
	struct str auth; /* header line, "" without a token */
	struct str key;  /* header line, "" without one */
	const char *headers[5];
	struct str error; /* of the last call that did not succeed: one sentence */
	struct str code;  /* its permanent word, "" where the server gave none */
	const char *ca;
	int status; /* HTTP status of the last answer, 0 for none */
};

/* ca is borrowed until client_release(). */
void client_init(struct client *c, const struct server_access *access);
void client_release(struct client *c);
/*
 * The calls from here on are one write that may be sent again: the server knows it by `key`, and
 * does it once. NULL: they are not.
 */
void client_set_key(struct client *c, const char *key);

/*
 * One call, waiting at most timeout_ms for its answer. `body` is borrowed and
 * may be NULL. *reply is the caller's (NULL where there is none, and after an
 * error); reply may be NULL.
 */
enum client_result client_call(struct client *c, const char *method, const char *path,
                               const json_t *body, int timeout_ms, json_t **reply);
/* GET whose answer is bytes, appended to `out`. */
enum client_result client_get_bytes(struct client *c, const char *path, int timeout_ms,
                                    struct str *out);

/*
 * For calls that an event loop makes itself: a request to `path` (the URL is put
 * into `url`, which must outlive it; body borrowed), and what its end means.
 */
void client_request(const struct client *c, const char *method, const char *path,
                    const struct str *body, int timeout_ms, struct str *url,
                    struct http_request *request);
enum client_result client_answer(struct client *c, enum http_error error,
                                 const struct http_response *response, json_t **reply);

#endif
