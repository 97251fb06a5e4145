#include "client/send.h"

#include "base/clock.h"
#include "client/address.h"
#include "client/wait.h"
#include "model/json.h"

#include <stdlib.h>
#include <string.h>

/* Connections beyond these are closed after their call. */
#define IDLE_MOST 16
#define MOST_MS 2000000000.0

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

bool sender_init(struct sender *sender, const struct server_access *access)
{
	struct str url = STR_INIT, token = STR_INIT;
	bool ok = client_address(access->server, &url, &token);

	memset(sender, 0, sizeof(*sender));
	pthread_mutex_init(&sender->lock, NULL);
	sender->access = (struct server_access){.server = copy(access->server),
	                                        .token = copy(access->token),
	                                        .ca = copy(access->ca)};
	str_release(&url);
	str_release(&token);
	return ok && !alloc_failed();
}

void sender_release(struct sender *sender)
{
	for (size_t i = 0; i < sender->idle.n; i++) {
		client_release(sender->idle.v[i]);
		free(sender->idle.v[i]);
	}
	vec_release(&sender->idle);
	free((char *)sender->access.server);
	free((char *)sender->access.token);
	free((char *)sender->access.ca);
	pthread_mutex_destroy(&sender->lock);
}

struct client *sender_take(struct sender *sender)
{
	struct client *client = NULL;

	pthread_mutex_lock(&sender->lock);
	if (sender->idle.n > 0)
		client = sender->idle.v[--sender->idle.n];
	pthread_mutex_unlock(&sender->lock);
	if (client == NULL) {
		client = xmalloc(sizeof(*client));
		if (client != NULL)
			client_init(client, &sender->access);
	}
	if (client != NULL && (client->http == NULL || alloc_failed())) {
		client_release(client);
		free(client);
		client = NULL;
	}
	return client;
}

void sender_give(struct sender *sender, struct client *client)
{
	pthread_mutex_lock(&sender->lock);
	if (sender->idle.n < IDLE_MOST)
		vec_reserve(&sender->idle, sender->idle.n + 1);
	if (sender->idle.n < IDLE_MOST && sender->idle.n < sender->idle.cap) {
		vec_push(&sender->idle, client);
		client = NULL;
	}
	pthread_mutex_unlock(&sender->lock);
	if (client != NULL) {
		client_release(client);
		free(client);
	}
}

void sent_init(struct sent *outcome)
{
	outcome->result = SCITQ_OK;
	outcome->json = NULL;
	str_init(&outcome->error);
	str_init(&outcome->code);
}

void sent_release(struct sent *outcome)
{
	json_decref(outcome->json);
	str_release(&outcome->error);
	str_release(&outcome->code);
}

json_t *sent_detach(struct sent *outcome)
{
	json_t *json = outcome->json;

	outcome->json = NULL;
	return json;
}

static enum scitq_result result_of(enum client_result result)
{
	switch (result) {
	case CLIENT_OK:
		return SCITQ_OK;
	case CLIENT_UNREACHABLE:
		return SCITQ_UNREACHABLE;
	case CLIENT_UNAUTHORIZED:
		return SCITQ_UNAUTHORIZED;
	case CLIENT_REFUSED:
		return SCITQ_REFUSED;
	case CLIENT_BROKEN:
		break;
	}
	return SCITQ_BROKEN;
}

static int milliseconds(double seconds)
{
	double ms = seconds * 1000;

	/* 0 would be no limit at all. */
	return ms < 1 ? 1 : ms > MOST_MS ? (int)MOST_MS : (int)ms;
}

/* The headers of every call, and the key. */
static void add_key(struct http_request *request, const char **headers, size_t room,
                    const char *line)
{
	size_t n = 0;

	while (request->headers[n] != NULL && n + 2 < room) {
		headers[n] = request->headers[n];
		n++;
	}
	headers[n++] = line;
	headers[n] = NULL;
	request->headers = headers;
}

static bool goes_on(void *context)
{
	struct watch *watch = context;
	const int64_t now = clock_monotonic_ns();

	if (now - watch->asked_ns < ASK_NS)
		return true;
	watch->asked_ns = now;
	return !watch->stops(watch->context);
}

static bool has_shape(const struct call_row *row, const json_t *json)
{
	return row->gives == GIVES_ANY || (row->gives == GIVES_LIST && json_is_array(json)) ||
	       (row->gives == GIVES_ONE && json_is_object(json));
}

/* Something else than scitq may answer there. */
static void check_shape(const struct call_row *row, const char *url, struct sent *outcome)
{
	if (outcome->result != SCITQ_OK || has_shape(row, outcome->json))
		return;
	outcome->result = SCITQ_BROKEN;
	str_addf(&outcome->error, "%s does not answer %s as scitq-server does", url, row->name);
	json_decref(outcome->json);
	outcome->json = NULL;
}

static void exchange(struct client *client, const struct request *r, const char *path,
                     const struct str *body, double seconds, struct watch *watch,
                     struct sent *outcome)
{
	const char *headers[8];
	struct http_request request;
	struct http_response response;
	struct str url = STR_INIT, line = STR_INIT;
	enum client_result result;
	enum http_error error;

	http_response_init(&response);
	client_request(client, r->row->method, path, body, milliseconds(seconds), &url, &request);
	if (r->key[0] != '\0') {
		str_addf(&line, "Idempotency-Key: %s", r->key);
		add_key(&request, headers, sizeof(headers) / sizeof(headers[0]), line.p);
	}
	if (watch->stops != NULL) {
		request.go_on = goes_on;
		request.context = watch;
	}
	error = alloc_failed() ? HTTP_OTHER : http_call(client->http, &request, &response);
	result = client_answer(client, error, &response, &outcome->json);
	outcome->result = error == HTTP_CANCELLED ? SCITQ_INTERRUPTED : result_of(result);
	/* Whatever it is called: that is why. */
	if (result != CLIENT_OK && alloc_failed())
		outcome->result = SCITQ_MEMORY;
	str_adds(&outcome->error, client->error.p);
	str_adds(&outcome->code, client->code.p);
	check_shape(r->row, client->url.p, outcome);
	http_response_release(&response);
	str_release(&line);
	str_release(&url);
}

void sender_try(struct sender *sender, struct request *r, double seconds, struct watch watch,
                struct sent *outcome)
{
	struct str path = STR_INIT, text = STR_INIT;
	struct client *client;
	json_t *body;

	sent_release(outcome);
	sent_init(outcome);
	if (!call_build(r->row, r->arguments, &path, &body, &outcome->error)) {
		outcome->result = SCITQ_USAGE;
	} else {
		json_print(body, &text);
		json_decref(body);
		/* Nothing that lacks a part is sent. */
		client = alloc_failed() ? NULL : sender_take(sender);
		if (client != NULL) {
			exchange(client, r, path.p, &text, seconds, &watch, outcome);
			sender_give(sender, client);
		} else {
			outcome->result = SCITQ_MEMORY;
		}
	}
	str_release(&path);
	str_release(&text);
}
