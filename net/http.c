#include "net/http.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "net/easy.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000
#define STALL_SECONDS 60
#define REDIRECTS 10

static void global_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		abort();
}

void easy_global(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, global_init);
}

void http_response_init(struct http_response *r)
{
	r->status = 0;
	r->retry_after = -1;
	str_init(&r->body);
	str_init(&r->message);
}

void http_response_release(struct http_response *r)
{
	str_release(&r->body);
	str_release(&r->message);
}

enum http_error easy_error(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return HTTP_OK;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return HTTP_BAD_URL;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
		return HTTP_NO_CONNECTION;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMEOUT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return HTTP_TLS;
	case CURLE_WRITE_ERROR:
		return HTTP_WRITE;
	case CURLE_ABORTED_BY_CALLBACK:
		return HTTP_CANCELLED;
	default:
		return HTTP_OTHER;
	}
}

static size_t keep_body(char *data, size_t size, size_t n, void *response)
{
	str_add(&((struct http_response *)response)->body, data, size * n);
	return size * n;
}

static void set_common(CURL *easy, char error[CURL_ERROR_SIZE])
{
	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
	error[0] = '\0';
}

struct curl_slist *easy_prepare(CURL *easy, const struct http_request *request,
                                struct http_response *response, char error[CURL_ERROR_SIZE])
{
	/* No "100 Continue" round trip before a body. */
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");

	set_common(easy, error);
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	                 (long)(request->connect_timeout_ms ? request->connect_timeout_ms
	                                                    : CONNECT_TIMEOUT_MS));
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, response);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (request->body_len > 0) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
	} else if (strcmp(request->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(request->method, "GET") != 0) {
		/* A length of 0 rather than none. */
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, 0L);
	}
	for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
		struct curl_slist *more = curl_slist_append(headers, request->headers[i]);

		assert(more != NULL);
		headers = more;
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	return headers;
}

enum http_error easy_result(CURL *easy, CURLcode code, const char *error,
                            struct http_response *response)
{
	struct curl_header *header;
	long status = 0;

	if (code != CURLE_OK) {
		str_reset(&response->message);
		str_adds(&response->message, error[0] ? error : curl_easy_strerror(code));
		return easy_error(code);
	}
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	response->status = (int)status;
	if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
		char *end;
		long seconds = strtol(header->value, &end, 10);

		if (end != header->value && *end == '\0' && seconds >= 0 && seconds < 86400)
			response->retry_after = (int)seconds;
	}
	return HTTP_OK;
}

struct http {
	CURL *easy;
	char error[CURL_ERROR_SIZE];
};

struct http *http_new(void)
{
	struct http *h = xcalloc(1, sizeof(*h));

	easy_global();
	h->easy = curl_easy_init();
	if (h->easy == NULL)
		abort();
	return h;
}

void http_free(struct http *h)
{
	if (h == NULL)
		return;
	curl_easy_cleanup(h->easy);
	free(h);
}

enum http_error http_call(struct http *h, const struct http_request *request,
                          struct http_response *response)
{
	struct curl_slist *headers;
	enum http_error err;

	response->status = 0;
	response->retry_after = -1;
	str_reset(&response->body);
	headers = easy_prepare(h->easy, request, response, h->error);
	err = easy_result(h->easy, curl_easy_perform(h->easy), h->error, response);
	curl_slist_free_all(headers);
	return err;
}

struct download {
	const struct http_download *d;
	CURL *easy;
	uint64_t written;
	int write_error; /* errno of a failed write */
	bool unwanted;   /* the answer's body is not the file */
};

static size_t write_file(char *data, size_t size, size_t n, void *context)
{
	struct download *dl = context;
	long status = 0;
	int err;

	curl_easy_getinfo(dl->easy, CURLINFO_RESPONSE_CODE, &status);
	/* ftp says 150 or 226; an HTTP answer that ignores the range starts at 0. */
	if (status >= 300 || (status == 200 && dl->d->offset > 0)) {
		dl->unwanted = true;
		return size * n;
	}
	err = fd_write_all(dl->d->fd, data, size * n);
	if (err != 0) {
		dl->write_error = -err;
		return CURL_WRITEFUNC_ERROR;
	}
	dl->written += size * n;
	return size * n;
}

static int report(void *context, curl_off_t total, curl_off_t done, curl_off_t up, curl_off_t sent)
{
	const struct http_download *d = ((struct download *)context)->d;

	(void)up;
	(void)sent;
	return d->progress != NULL && d->progress(d->context, (uint64_t)done, (uint64_t)total);
}

enum http_error http_download(struct http *h, const struct http_download *d, int *status,
                              uint64_t *written, struct str *message)
{
	struct download dl = {d, h->easy, 0, 0, false};
	CURLcode code;
	long answer = 0;

	set_common(h->easy, h->error);
	curl_easy_setopt(h->easy, CURLOPT_URL, d->url);
	curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http,https,ftp");
	curl_easy_setopt(h->easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h->easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(h->easy, CURLOPT_MAXREDIRS, (long)REDIRECTS);
	curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_TIME,
	                 (long)(d->stall_seconds ? d->stall_seconds : STALL_SECONDS));
	curl_easy_setopt(h->easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)d->offset);
	curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, write_file);
	curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, &dl);
	curl_easy_setopt(h->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h->easy, CURLOPT_XFERINFOFUNCTION, report);
	curl_easy_setopt(h->easy, CURLOPT_XFERINFODATA, &dl);
	code = curl_easy_perform(h->easy);
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &answer);
	*status = (int)answer;
	*written = dl.written;
	str_reset(message);
	if (dl.write_error != 0) {
		str_adds(message, strerror(dl.write_error));
		errno = dl.write_error;
		return HTTP_WRITE;
	}
	/* libcurl calls an answer that ignores the range an error; the status tells it. */
	if (code == CURLE_RANGE_ERROR)
		return HTTP_OK;
	if (code != CURLE_OK)
		str_adds(message, h->error[0] ? h->error : curl_easy_strerror(code));
	return easy_error(code);
}
