/* Single calls to a server of scitq v1, and the executions that it is known to have. */
#include "worker/v1_inside.h"

#include "base/alloc.h"
#include "base/vec.h"
#include "model/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_TIMEOUT_MS 60000

/* The answer and its status; NULL with status 0 where there was none, or 403, which v1 means as
   "later". A body is borrowed. */
json_t *v1_ask(struct v1_poll *v, const char *method, const char *path, const json_t *body,
               int *status)
{
	struct str url = STR_INIT, text = STR_INIT, authorization = STR_INIT;
	const char *headers[3] = {"Content-Type: application/json", NULL, NULL};
	struct http_request request = {.method = method,
	                               .headers = headers,
	                               .ca = v->options->ca,
	                               .timeout_ms = CALL_TIMEOUT_MS};
	struct http_response response;
	struct problem problem;
	enum http_error error;
	json_t *reply = NULL;

	str_addf(&url, "%s%s", v->options->url.p, path);
	/* A body with every call, as v1's clients send it. */
	if (body != NULL)
		json_print(body, &text);
	else
		str_adds(&text, "{}");
	if (v->options->token.len > 0) {
		str_addf(&authorization, "Authorization: Bearer %s", v->options->token.p);
		headers[1] = authorization.p;
	}
	request.url = url.p;
	request.body = text.p;
	request.body_len = text.len;
	http_response_init(&response);
	error = http_call(v->http, &request, &response);
	*status = error == HTTP_OK && response.status != 403 ? response.status : 0;
	str_reset(&v->why);
	if (error != HTTP_OK)
		str_adds(&v->why,
		         response.message.len > 0 ? response.message.p : http_error_text(error));
	else if (response.status == 403)
		str_adds(&v->why, "the server is busy (403)");
	else
		reply = json_parse(response.body.p, response.body.len, &problem);
	if (*status != 0 && reply == NULL)
		str_adds(&v->why, "the answer is not JSON");
	http_response_release(&response);
	str_release(&url);
	str_release(&text);
	str_release(&authorization);
	return reply;
}

bool v1_went_well(int status)
{
	return status >= 200 && status <= 299;
}

/* PUT or POST; the body is released. The status, 0: not answered. */
int v1_tell(struct v1_poll *v, const char *method, const char *path, json_t *body)
{
	int status;

	json_decref(v1_ask(v, method, path, body, &status));
	json_decref(body);
	return status;
}

int64_t v1_number(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? json_integer_value(value) : INT_NULL;
}

int v1_set_status(struct v1_poll *v, int64_t id, json_t *body)
{
	char path[64];

	snprintf(path, sizeof(path), "/executions/%" PRId64, id);
	return v1_tell(v, "PUT", path, body);
}

struct v1_known *v1_find(struct v1_poll *v, int64_t id)
{
	for (size_t i = 0; i < v->known.n; i++) {
		if (v->known.v[i]->id == id)
			return v->known.v[i];
	}
	return NULL;
}

struct v1_known *v1_add_known(struct v1_poll *v, int64_t id, int64_t task_id)
{
	struct v1_known *k = xcalloc(1, sizeof(*k));

	k->id = id;
	k->task_id = task_id;
	vec_push(&v->known, k);
	return k;
}

void v1_forget(struct v1_poll *v, int64_t id)
{
	for (size_t i = 0; i < v->known.n; i++) {
		if (v->known.v[i]->id == id) {
			free(v->known.v[i]);
			v->known.v[i] = v->known.v[--v->known.n];
			return;
		}
	}
}
