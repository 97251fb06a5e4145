#include "net/http.h"

#include "base/alloc.h"
#include "net/easy.h"

#include <string.h>

const char *http_error_text(enum http_error error)
{
	switch (error) {
	case HTTP_OK:
		return "no error";
	case HTTP_BAD_URL:
		return "bad URL";
	case HTTP_NO_CONNECTION:
		return "no connection";
	case HTTP_TIMEOUT:
		return "timeout";
	case HTTP_TLS:
		return "TLS failure";
	case HTTP_WRITE:
		return "cannot write the file";
	case HTTP_CANCELLED:
		return "cancelled";
	case HTTP_OTHER:
		return "failure";
	}
	return "unknown error";
}

const char *http_ca_hint(enum http_error error, const char *message, const char *ca)
{
	bool unknown = strstr(message, "issuer") != NULL || strstr(message, "self-signed") != NULL;

	if (error != HTTP_TLS || ca != NULL || !unknown)
		return "";
	return "; --ca FILE or SCITQ_CA names who vouches for it";
}

bool http_error_retriable(enum http_error error)
{
	return error == HTTP_NO_CONNECTION || error == HTTP_TIMEOUT;
}

bool http_status_retriable(long status)
{
	return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 ||
	       status == 503 || status == 504;
}

void http_response_init(struct http_response *r)
{
	r->status = 0;
	r->retry_after = -1;
	r->unsent = false;
	str_init(&r->body);
	str_init(&r->type);
	str_init(&r->message);
}

void http_response_release(struct http_response *r)
{
	str_release(&r->body);
	str_release(&r->type);
	str_release(&r->message);
}

struct http *http_new(void)
{
	struct http *h = xcalloc(1, sizeof(*h));

	if (h == NULL || !easy_global_init()) {
		free(h);
		return NULL;
	}
	h->easy = curl_easy_init();
	if (h->easy == NULL) {
		alloc_exhausted();
		easy_global_release();
		free(h);
		return NULL;
	}
	return h;
}

void http_free(struct http *h)
{
	if (h == NULL)
		return;
	curl_easy_cleanup(h->easy);
	free(h);
	easy_global_release();
}

enum http_error http_call(struct http *h, const struct http_request *request,
                          struct http_response *response)
{
	struct curl_slist *headers;
	enum http_error err = easy_prepare(h->easy, request, response, &headers, h->error);

	if (err == HTTP_OK)
		err = easy_result(h->easy, curl_easy_perform(h->easy), h->error, response);
	/* The handle outlives the list. */
	easy_set(h->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return err;
}

bool http_header(struct http *h, const char *name, struct str *value)
{
	struct curl_header *header;

	if (curl_easy_header(h->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return false;
	str_adds(value, header->value);
	return true;
}
