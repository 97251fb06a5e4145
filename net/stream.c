#include "net/stream.h"

#include "net/easy.h"

struct reading {
	struct http *h;
	const struct http_stream *stream;
	struct http_response *response;
	bool ended;
};

static size_t take(char *data, size_t size, size_t n, void *context)
{
	struct reading *r = context;
	long status = 0;

	n *= size;
	curl_easy_getinfo(r->h->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 300)
		return easy_keep(data, 1, n, r->response);
	if (!r->ended && !r->stream->data(r->stream->context, data, n))
		r->ended = true;
	return r->ended ? 0 : n;
}

enum http_error http_stream(struct http *h, const struct http_request *request,
                            const struct http_stream *stream, struct http_response *response)
{
	struct reading reading = {.h = h, .stream = stream, .response = response};
	struct curl_slist *headers;
	enum http_error err = easy_prepare(h->easy, request, response, &headers, h->error);

	if (err == HTTP_OK) {
		easy_set(h->easy, CURLOPT_TIMEOUT_MS, 0L);
		easy_set(h->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		easy_set(h->easy, CURLOPT_LOW_SPEED_TIME, (long)stream->silence_seconds);
		easy_set(h->easy, CURLOPT_WRITEFUNCTION, take);
		easy_set(h->easy, CURLOPT_WRITEDATA, &reading);
		err = easy_result(h->easy, curl_easy_perform(h->easy), h->error, response);
		if (reading.ended)
			err = HTTP_CANCELLED;
	}
	/* The handle outlives the list. */
	easy_set(h->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return err;
}
