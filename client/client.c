#include "client/client.h"

#include "client/address.h"
#include "model/json.h"

#include <string.h>

void client_init(struct client *c, const struct server_access *access)
{
	struct str secret = STR_INIT;

	memset(c, 0, sizeof(*c));
	c->ca = access->ca;
	c->http = http_new();
	str_init(&c->url);
	str_init(&c->auth);
	str_init(&c->error);
	str_init(&c->code);
	str_init(&c->key);
	/* A name that is none makes a URL that is none: the first call says so. */
	if (!client_address(access->server, &c->url, &secret))
		str_adds(&c->url, "http://");
	if (secret.len == 0 && access->token != NULL)
		str_adds(&secret, access->token);
	c->headers[0] = "Content-Type: application/json";
	c->headers[1] = "X-Scitq-Client: scitq/" SCITQ_VERSION;
	if (secret.len > 0) {
		str_addf(&c->auth, "Authorization: Bearer %s", secret.p);
		c->headers[2] = c->auth.p;
	}
	str_release(&secret);
}

void client_release(struct client *c)
{
	http_free(c->http);
	str_release(&c->url);
	str_release(&c->auth);
	str_release(&c->error);
	str_release(&c->code);
	str_release(&c->key);
}

void client_set_key(struct client *c, const char *key)
{
	size_t last = c->auth.len > 0 ? 3 : 2;

	str_reset(&c->key);
	if (key != NULL)
		str_addf(&c->key, "Idempotency-Key: %s", key);
	c->headers[last] = key != NULL ? c->key.p : NULL;
}

void client_request(const struct client *c, const char *method, const char *path,
                    const struct str *body, int timeout_ms, struct str *url,
                    struct http_request *request)
{
	str_reset(url);
	str_adds(url, c->url.p);
	str_adds(url, path);
	*request = (struct http_request){
	        .method = method,
	        .url = url->p,
	        .headers = c->headers,
	        .body = body ? body->p : NULL,
	        .body_len = body ? body->len : 0,
	        .ca = c->ca,
	        .timeout_ms = timeout_ms,
	};
}

static enum client_result fail(struct client *c, enum client_result result, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

static enum client_result fail(struct client *c, enum client_result result, const char *fmt, ...)
{
	va_list ap;

	str_reset(&c->error);
	va_start(ap, fmt);
	str_vaddf(&c->error, fmt, ap);
	va_end(ap);
	return result;
}

static enum client_result error_answer(struct client *c, const struct str *body)
{
	struct problem problem;
	json_t *j = json_parse(body->p, body->len, &problem);
	const char *message = NULL, *code = NULL;
	enum client_result result = c->status == 401                       ? CLIENT_UNAUTHORIZED
	                            : c->status == 429                     ? CLIENT_UNREACHABLE
	                            : c->status >= 502 && c->status <= 504 ? CLIENT_UNREACHABLE
	                            : c->status >= 500                     ? CLIENT_BROKEN
	                                                                   : CLIENT_REFUSED;

	if (json_is_object(j)) {
		message = json_string_value(json_object_get(j, "message"));
		code = json_string_value(json_object_get(j, "code"));
	}
	if (code != NULL)
		str_adds(&c->code, code);
	if (message != NULL)
		fail(c, result, "%s", message);
	else
		fail(c, result, "%s answers %d", c->url.p, c->status);
	json_decref(j);
	return result;
}

/* Everything up to a 2xx answer with its bytes. */
static enum client_result answered(struct client *c, enum http_error error,
                                   const struct http_response *response)
{
	str_reset(&c->error);
	str_reset(&c->code);
	c->status = 0;
	switch (error) {
	case HTTP_OK:
		break;
	case HTTP_NO_CONNECTION:
	case HTTP_TIMEOUT:
		return fail(c, CLIENT_UNREACHABLE, "no answer from %s: %s", c->url.p,
		            response->message.p);
	case HTTP_BAD_URL:
		return fail(c, CLIENT_REFUSED, "%s is no server address: %s", c->url.p,
		            response->message.p);
	default:
		return fail(c, CLIENT_BROKEN, "%s: %s%s", c->url.p, response->message.p,
		            http_ca_hint(error, response->message.p, c->ca));
	}
	c->status = response->status;
	if (c->status < 200 || c->status > 299)
		return error_answer(c, &response->body);
	return CLIENT_OK;
}

enum client_result client_answer(struct client *c, enum http_error error,
                                 const struct http_response *response, json_t **reply)
{
	enum client_result result = answered(c, error, response);
	struct problem problem;

	if (reply != NULL)
		*reply = NULL;
	if (result != CLIENT_OK || reply == NULL || response->body.len == 0)
		return result;
	*reply = json_parse(response->body.p, response->body.len, &problem);
	if (*reply == NULL)
		return fail(c, CLIENT_BROKEN, "the answer of %s is not JSON", c->url.p);
	return CLIENT_OK;
}

enum client_result client_call(struct client *c, const char *method, const char *path,
                               const json_t *body, int timeout_ms, json_t **reply)
{
	struct str url = STR_INIT, text = STR_INIT;
	struct http_response response;
	struct http_request request;
	enum client_result result;
	enum http_error error;

	if (body != NULL)
		json_print(body, &text);
	http_response_init(&response);
	client_request(c, method, path, body ? &text : NULL, timeout_ms, &url, &request);
	error = http_call(c->http, &request, &response);
	result = client_answer(c, error, &response, reply);
	http_response_release(&response);
	str_release(&text);
	str_release(&url);
	return result;
}

enum client_result client_get_bytes(struct client *c, const char *path, int timeout_ms,
                                    struct str *out)
{
	struct str url = STR_INIT;
	struct http_response response;
	struct http_request request;
	enum client_result result;

	http_response_init(&response);
	client_request(c, "GET", path, NULL, timeout_ms, &url, &request);
	result = answered(c, http_call(c->http, &request, &response), &response);
	if (result == CLIENT_OK)
		str_add(out, response.body.p, response.body.len);
	http_response_release(&response);
	str_release(&url);
	return result;
}
