#include "worker/v1_poll.h"

#include "base/clock.h"
#include "base/vec.h"
#include "model/json.h"
#include "worker/v1_inside.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)
#define POLL_NS (4 * SECOND_NS)
/* Nothing is taken from a worker of v1 for being silent. */
#define NO_LEASE INT64_C(1000000000)

/* ---- polling ---- */

/* A GET whose answer is an array; NULL where it could not be had. */
static json_t *list(struct v1_poll *v, const char *path)
{
	int status;
	json_t *reply = v1_ask(v, "GET", path, NULL, &status);

	if (v1_went_well(status) && json_is_array(reply))
		return reply;
	json_decref(reply);
	return NULL;
}

/* An array that the server has of this worker: /workers/N/WHAT. NULL where it could not be had. */
static json_t *list_of_worker(struct v1_poll *v, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/workers/%" PRId64 "/%s", v->worker_id, what);
	return list(v, path);
}

static bool in_list(json_t *have, int64_t id)
{
	json_t *one;
	size_t i;

	json_array_foreach(have, i, one)
	{
		if (json_integer_value(one) == id)
			return true;
	}
	return false;
}

/* The task as it was frozen for the execution, as a grant; NULL where it could not be had. */
static json_t *make_grant(struct v1_poll *v, const struct v1_known *k)
{
	static const char *const same[] = {"name",
	                                   "batch",
	                                   "command",
	                                   "input",
	                                   "output",
	                                   "resource",
	                                   "container",
	                                   "container_options",
	                                   "download_timeout",
	                                   "run_timeout"};
	json_t *task, *grant;
	char path[96];
	int status;

	snprintf(path, sizeof(path), "/tasks/%" PRId64 "/freeze/%" PRId64, k->task_id, k->id);
	task = v1_ask(v, "GET", path, NULL, &status);
	if (!v1_went_well(status)) {
		json_decref(task);
		return NULL;
	}
	grant = json_pack("{s:I, s:i, s:I, s:f}", "execution_id", (json_int_t)k->id, "epoch", 1,
	                  "task_id", (json_int_t)k->task_id, "weight",
	                  1.0 / (double)v->options->concurrency);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		json_t *value = json_object_get(task, same[i]);

		/* v1 writes an empty text where it has none. */
		if (value != NULL && !(json_is_string(value) && json_string_length(value) == 0))
			json_object_set(grant, same[i], value);
	}
	json_decref(task);
	return grant;
}

/* Pending executions are accepted; those that are become grants. */
static bool take_pending(struct v1_poll *v, json_t *grants)
{
	json_t *pending, *one;
	size_t i;

	pending = list_of_worker(v, "executions/pending");
	if (pending == NULL)
		return false;
	json_array_foreach(pending, i, one)
	{
		int64_t id = v1_number(one, "execution_id");

		if (v1_find(v, id) == NULL &&
		    v1_went_well(v1_set_status(
		            v, id, json_pack("{s:s, s:b}", "status", "accepted", "freeze", 0))))
			v1_add_known(v, id, v1_number(one, "task_id"))->accepted = true;
	}
	json_decref(pending);
	for (size_t k = 0; k < v->known.n; k++) {
		struct v1_known *known = v->known.v[k];
		json_t *grant = known->accepted ? make_grant(v, known) : NULL;

		if (grant == NULL)
			continue;
		known->accepted = false;
		json_array_append_new(grants, grant);
	}
	return true;
}

static bool take_signals(struct v1_poll *v, json_t *signals)
{
	json_t *told, *one;
	size_t i;

	told = list_of_worker(v, "signals");
	if (told == NULL)
		return false;
	json_array_foreach(told, i, one)
	{
		json_t *copy = json_object();

		json_object_set_new(copy, "signal_id", json_integer((json_int_t)++v->signals));
		json_object_set(copy, "execution_id", json_object_get(one, "execution_id"));
		json_object_set(copy, "signal", json_object_get(one, "signal"));
		json_array_append_new(signals, copy);
	}
	json_decref(told);
	return true;
}

/* What does not live there any more is let go; what lives there and was begun by a worker that
   is gone with all it held has failed. */
static bool compare(struct v1_poll *v, json_t *have, json_t *let_go)
{
	json_t *there, *one, *ids = json_array();
	size_t i;

	there = list_of_worker(v, "executions");
	if (there == NULL) {
		json_decref(ids);
		return false;
	}
	json_array_foreach(there, i, one)
	{
		int64_t id = v1_number(one, "execution_id");

		json_array_append_new(ids, json_integer((json_int_t)id));
		if (!v->greeted && !in_list(have, id) && v1_find(v, id) == NULL)
			(void)v1_set_status(v, id,
			                    json_pack("{s:s, s:i, s:b}", "status", "failed",
			                              "return_code", -SIGKILL, "freeze", 0));
	}
	v->greeted = true;
	json_array_foreach(have, i, one)
	{
		if (!in_list(ids, json_integer_value(one)))
			json_array_append(let_go, one);
	}
	json_decref(there);
	json_decref(ids);
	return true;
}

static bool poll_server(struct v1_poll *v, json_t *call, json_t *reply)
{
	json_t *grants = json_array(), *signals = json_array(), *let_go = json_array();
	json_t *ping = json_object_get(call, "ping");
	char path[64];
	bool ok = true;

	json_object_set_new(reply, "grants", grants);
	json_object_set_new(reply, "signals", signals);
	json_object_set_new(reply, "forget", let_go);
	v->polled_ns = clock_monotonic_ns();
	snprintf(path, sizeof(path), "/workers/%" PRId64 "/ping", v->worker_id);
	if (ping != NULL)
		ok = v1_tell(v, "PUT", path, json_incref(ping)) != 0;
	return ok && take_pending(v, grants) && take_signals(v, signals) &&
	       compare(v, json_object_get(call, "have"), let_go);
}

/* ---- the calls of the agent ---- */

static bool registers(struct v1_poll *v, json_t *call, json_t *reply)
{
	json_t *all = list(v, "/workers/"), *one, *made = NULL;
	const char *name = v->options->name.p;
	int64_t id = INT_NULL;
	char path[64];
	int status;
	size_t i;

	if (all == NULL)
		return false;
	json_array_foreach(all, i, one)
	{
		const char *its = json_string_value(json_object_get(one, "name"));

		if (its != NULL && strcmp(its, name) == 0)
			id = v1_number(one, "worker_id");
	}
	json_decref(all);
	if (id == INT_NULL) {
		json_t *body = json_pack(
		        "{s:O, s:O, s:O, s:s, s:b, s:O}", "name", json_object_get(call, "name"),
		        "hostname", json_object_get(call, "hostname"), "concurrency",
		        json_object_get(call, "concurrency"), "status", "paused", "permanent", 1,
		        "prefetch", json_object_get(call, "prefetch"));

		if (v->options->batch != NULL)
			json_object_set_new(body, "batch", json_text(v->options->batch));
		made = v1_ask(v, "POST", "/workers/", body, &status);
		id = v1_number(made, "worker_id");
		json_decref(body);
		json_decref(made);
	}
	if (id == INT_NULL)
		return false;
	v->worker_id = id;
	v->greeted = false;
	snprintf(path, sizeof(path), "/workers/%" PRId64, id);
	if (!v1_went_well(v1_tell(v, "PUT", path, json_pack("{s:s}", "status", "running"))))
		return false;
	json_object_set_new(reply, "worker_id", json_integer((json_int_t)id));
	json_object_set_new(reply, "epoch", json_integer(1));
	json_object_set_new(reply, "lease", json_integer((json_int_t)NO_LEASE));
	json_object_set_new(reply, "poll", json_integer(25));
	return true;
}

static bool lease(struct v1_poll *v, json_t *call, json_t *reply, v1_wait *wait_until,
                  void *context)
{
	json_t *logs = json_array(), *results = json_array(), *one, *told;
	json_t *wait = json_object_get(call, "wait");
	bool spoke = false;
	size_t i;

	json_object_set_new(reply, "logs", logs);
	json_object_set_new(reply, "results", results);
	json_object_set_new(reply, "lease", json_integer((json_int_t)NO_LEASE));
	json_array_foreach(json_object_get(call, "logs"), i, one)
	{
		told = v1_take_log(v, one);
		if (told == NULL)
			return false;
		json_array_append_new(logs, told);
		spoke = true;
	}
	json_array_foreach(json_object_get(call, "events"), i, one)
	{
		told = v1_take_event(v, one);
		if (told == NULL)
			return false;
		json_array_append_new(results, told);
		spoke = true;
	}
	if (wait == NULL ||
	    (!spoke && json_number_value(wait) > 0 && !wait_until(context, v->polled_ns + POLL_NS)))
		return true;
	if (clock_monotonic_ns() - v->polled_ns < POLL_NS && v->polled_ns != 0)
		return true;
	return poll_server(v, call, reply);
}

bool v1_poll_answer(struct v1_poll *p, const char *path, json_t *call, json_t *reply, v1_wait *wait,
                    void *context)
{
	if (strcmp(path, "/workers/register") == 0)
		return registers(p, call, reply);
	return lease(p, call, reply, wait, context);
}

void v1_poll_init(struct v1_poll *p, const struct options *options)
{
	*p = (struct v1_poll){.options = options, .http = http_new()};
	str_init(&p->why);
}

void v1_poll_release(struct v1_poll *p)
{
	for (size_t i = 0; i < p->known.n; i++)
		free(p->known.v[i]);
	vec_release(&p->known);
	str_release(&p->why);
	http_free(p->http);
}
