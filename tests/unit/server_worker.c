#include "tests/unit/server_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *provider_name(void *context, size_t i)
{
	(void)context;
	return i == 0 ? "p" : NULL;
}

static void take_order(void *context, struct core *core, struct order *order)
{
	(void)context;
	(void)core;
	order_free(order);
}

const struct provider provider_silent = {.name = provider_name, .take = take_order};

struct tworker tworker_new(struct bench *b, const char *name, const char *instance,
                           const char *fields)
{
	char text[400];
	json_t *answer;

	snprintf(text, sizeof(text), "{'name': '%s', 'instance': '%s', 'boot_id': 'boot', %s}",
	         name, instance, fields);
	answer = bench_call(b, 201, handle_worker_register, 0, NULL, json_of(text));
	return (struct tworker){get_int(answer, "worker_id"), get_int(answer, "epoch")};
}

struct call *tworker_lease(struct bench *b, const struct tworker *w, const char *have,
                           json_t *events, double wait)
{
	char text[400];
	json_t *body;

	snprintf(text, sizeof(text), "{'epoch': %lld, 'have': [%s], 'wait': %g}",
	         (long long)w->epoch, have, wait);
	body = json_of(text);
	if (events != NULL)
		json_object_set_new(body, "events", events);
	return bench_send(b, handle_worker_lease, w->id, NULL, body);
}

json_t *tworker_ask(struct bench *b, const struct tworker *w, const char *have, json_t *events)
{
	struct call *call = tworker_lease(b, w, have, events, 0);

	assert_int_equal(call->status, 200);
	return call_answer(call);
}

json_t *grant_of(json_t *answer, size_t n)
{
	json_t *grant = json_array_get(json_object_get(answer, "grants"), n);

	assert_non_null(grant);
	return grant;
}

size_t grants_in(json_t *answer)
{
	return json_array_size(json_object_get(answer, "grants"));
}

json_t *started(json_t *grant)
{
	return json_pack("{s:I, s:I, s:i, s:s, s:s}", "execution_id",
	                 (json_int_t)get_int(grant, "execution_id"), "epoch",
	                 (json_int_t)get_int(grant, "epoch"), "seq", 1, "type", "started", "pid",
	                 "77");
}

json_t *finished(json_t *grant, const char *how)
{
	bool well = strcmp(how, "succeeded") == 0;
	json_t *event =
	        json_pack("{s:I, s:I, s:i, s:s, s:s, s:i}", "execution_id",
	                  (json_int_t)get_int(grant, "execution_id"), "epoch",
	                  (json_int_t)get_int(grant, "epoch"), "seq", 3, "type", "finished",
	                  "status", well ? "succeeded" : "failed", "return_code", well ? 0 : 1);

	if (!well)
		json_object_set_new(event, "reason", json_string(how));
	return event;
}

json_t *both(json_t *a, json_t *b)
{
	json_t *list = json_array();

	json_array_append_new(list, a);
	if (b != NULL)
		json_array_append_new(list, b);
	return list;
}

const char *result_of(json_t *answer, size_t n)
{
	const char *word = json_string_value(json_array_get(json_object_get(answer, "results"), n));

	return word ? word : "(no word)";
}
