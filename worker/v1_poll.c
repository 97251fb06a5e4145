#include "worker/v1_poll.h"

#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/vec.h"
#include "model/json.h"
#include "worker/v1_log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)
#define POLL_NS (4 * SECOND_NS)
#define CALL_TIMEOUT_MS 60000
/* Nothing is taken from a worker of v1 for being silent. */
#define NO_LEASE INT64_C(1000000000)
#define STREAMS 2

static const char *const streams[STREAMS] = {"stdout", "stderr"};
static const char *const columns[STREAMS] = {"output", "error"};

/* An execution as far as the server knows it. */
struct v1_known {
	int64_t id, task_id;
	bool accepted;  /* and its grant is still to be made */
	bool explained; /* why it failed is in its error text */
	struct v1_log logs[STREAMS];
};

/* ---- calls to the server ---- */

/* The answer and its status; NULL with status 0 where there was none, or 403, which v1 means as
   "later". A body is borrowed. */
static json_t *ask(struct v1_poll *v, const char *method, const char *path, const json_t *body,
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

static bool went_well(int status)
{
	return status >= 200 && status <= 299;
}

/* PUT or POST; the body is released. The status, 0: not answered. */
static int tell(struct v1_poll *v, const char *method, const char *path, json_t *body)
{
	int status;

	json_decref(ask(v, method, path, body, &status));
	json_decref(body);
	return status;
}

/* A GET whose answer is an array; NULL where it could not be had. */
static json_t *list(struct v1_poll *v, const char *path)
{
	int status;
	json_t *reply = ask(v, "GET", path, NULL, &status);

	if (went_well(status) && json_is_array(reply))
		return reply;
	json_decref(reply);
	return NULL;
}

static int64_t number_in(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? json_integer_value(value) : INT_NULL;
}

/* ---- what is known ---- */

static struct v1_known *find(struct v1_poll *v, int64_t id)
{
	for (size_t i = 0; i < v->known.n; i++) {
		if (v->known.v[i]->id == id)
			return v->known.v[i];
	}
	return NULL;
}

static struct v1_known *add_known(struct v1_poll *v, int64_t id, int64_t task_id)
{
	struct v1_known *k = xcalloc(1, sizeof(*k));

	k->id = id;
	k->task_id = task_id;
	vec_push(&v->known, k);
	return k;
}

static void forget(struct v1_poll *v, int64_t id)
{
	for (size_t i = 0; i < v->known.n; i++) {
		if (v->known.v[i]->id == id) {
			free(v->known.v[i]);
			v->known.v[i] = v->known.v[--v->known.n];
			return;
		}
	}
}

/* ---- logs ---- */

/* What the server has of a log beyond `chars` characters. False where it does not say. */
static bool beyond(struct v1_poll *v, const struct v1_known *k, int i, uint64_t *bytes,
                   uint64_t *chars)
{
	json_t *data = json_object(), *body, *reply;
	char path[64], position[32];
	struct v1_log none = {0};
	struct str text = STR_INIT;
	const char *got;
	int status;

	snprintf(path, sizeof(path), "/executions/%" PRId64 "/output", k->id);
	snprintf(position, sizeof(position), "%s_position", columns[i]);
	for (int s = 0; s < STREAMS; s++)
		json_object_set_new(data, columns[s], json_boolean(s == i));
	json_object_set_new(data, position, json_integer((json_int_t)k->logs[i].chars + 1));
	body = json_pack("{s:o}", "data", data);
	reply = ask(v, "GET", path, body, &status);
	got = json_string_value(json_object_get(reply, columns[i]));
	*bytes = got != NULL ? strlen(got) : 0;
	*chars = got != NULL ? v1_log_text(&none, got, *bytes, true, &text) : 0;
	json_decref(body);
	json_decref(reply);
	str_release(&text);
	return went_well(status);
}

/*
 * The last text was not answered: what the server has of it need not go again, so many of the
 * bytes that begin with the same. False where the server does not say.
 */
static bool settle(struct v1_poll *v, struct v1_known *k, int i, const char *data, size_t n,
                   size_t *had)
{
	struct v1_log *log = &k->logs[i];
	struct str text = STR_INIT;
	uint64_t bytes, chars;

	*had = 0;
	if (!log->unsure)
		return true;
	if (!beyond(v, k, i, &bytes, &chars))
		return false;
	log->unsure = false;
	if (chars == 0)
		return true;
	*had = log->tried < n ? log->tried : n;
	(void)v1_log_text(log, data, *had, false, &text);
	log->chars += chars;
	log->bytes += *had;
	str_release(&text);
	return true;
}

/* Append; false where that was not answered. */
static bool append(struct v1_poll *v, struct v1_known *k, int i, const char *data, size_t n,
                   bool last)
{
	struct v1_log *log = &k->logs[i], before;
	struct str text = STR_INIT;
	uint64_t chars;
	char path[64];
	bool ok = true;
	size_t had;

	if (!settle(v, k, i, data, n, &had))
		return false;
	before = *log;
	data += had;
	n -= had;
	chars = v1_log_text(log, data, n, last, &text);
	snprintf(path, sizeof(path), "/executions/%" PRId64 "/%s", k->id, columns[i]);
	if (chars > 0)
		ok = tell(v, "PUT", path, json_pack("{s:o}", "text", json_text(text.p))) != 0;
	if (ok) {
		log->bytes += n;
		log->chars += chars;
	} else {
		*log = before;
		log->unsure = true;
		log->tried = n;
	}
	str_release(&text);
	return ok;
}

/* One an earlier worker began: what the server has of its logs. */
static struct v1_known *adopt(struct v1_poll *v, int64_t id)
{
	struct v1_known *k = add_known(v, id, INT_NULL);

	for (int i = 0; i < STREAMS; i++) {
		uint64_t bytes, chars;

		if (!beyond(v, k, i, &bytes, &chars)) {
			forget(v, id);
			return NULL;
		}
		k->logs[i].bytes = bytes;
		k->logs[i].chars = chars;
	}
	return k;
}

/* One member of "logs": its answer, NULL where the server did not answer. */
static json_t *take_log(struct v1_poll *v, json_t *chunk)
{
	const char *stream = json_string_value(json_object_get(chunk, "stream"));
	const char *text = json_string_value(json_object_get(chunk, "data"));
	int64_t offset = number_in(chunk, "offset"), id = number_in(chunk, "execution_id");
	int i = stream != NULL && strcmp(stream, streams[1]) == 0;
	struct v1_known *k = find(v, id);
	size_t len = text != NULL ? strlen(text) : 0, n = 0, skip;
	char *data;
	bool ok;

	if (k == NULL)
		k = adopt(v, id);
	if (k == NULL)
		return NULL;
	if (offset > (int64_t)k->logs[i].bytes)
		return json_pack("{s:I}", "wanted", (json_int_t)k->logs[i].bytes);
	data = xmalloc(BASE64_ROOM(len) + 1);
	ok = text != NULL && base64_decode(text, len, data, &n);
	skip = (size_t)(k->logs[i].bytes - (uint64_t)offset);
	ok = ok && (skip >= n || append(v, k, i, data + skip, n - skip, false));
	free(data);
	return ok ? json_pack("{s:I}", "length", (json_int_t)k->logs[i].bytes) : NULL;
}

/* ---- events ---- */

static int set_status(struct v1_poll *v, int64_t id, json_t *body)
{
	char path[64];

	snprintf(path, sizeof(path), "/executions/%" PRId64, id);
	return tell(v, "PUT", path, body);
}

/* v1 has minus the signal's number for one that a signal ended. */
static json_t *return_code(json_t *event)
{
	int64_t sig = number_in(event, "signal"), code = number_in(event, "return_code");

	return sig != INT_NULL    ? json_integer((json_int_t)-sig)
	       : code != INT_NULL ? json_integer((json_int_t)code)
	                          : json_integer(-1);
}

static int finish(struct v1_poll *v, int64_t id, json_t *event)
{
	const char *files = json_string_value(json_object_get(event, "output_files"));
	const char *status = json_string_value(json_object_get(event, "status"));
	const char *message = json_string_value(json_object_get(event, "message"));
	bool succeeded = status != NULL && strcmp(status, "succeeded") == 0;
	struct v1_known *k = find(v, id);
	struct str line = STR_INIT;
	char path[64];
	int told = 200;

	/* v1 has no place for why a task failed but its error text. */
	if (message != NULL && !succeeded && k != NULL && !k->explained)
		str_addf(&line, "\nscitq-worker: %s\n", message);
	for (int i = 0; k != NULL && i < STREAMS; i++) {
		bool mine = columns[i] == columns[1] && line.len > 0;

		if (k->logs[i].npart == 0 && !mine)
			continue;
		if (!append(v, k, i, mine ? line.p : "", mine ? line.len : 0, true))
			told = 0;
		else if (mine)
			k->explained = true;
	}
	str_release(&line);
	snprintf(path, sizeof(path), "/executions/%" PRId64 "/output_files", id);
	if (told != 0 && files != NULL && *files != '\0')
		told = tell(v, "PUT", path, json_pack("{s:s}", "text", files));
	if (told != 0)
		told = set_status(v, id,
		                  json_pack("{s:s, s:o, s:b}", "status",
		                            succeeded ? "succeeded" : "failed", "return_code",
		                            return_code(event), "freeze", succeeded));
	if (told != 0)
		forget(v, id);
	return told;
}

/* The answer to one event; NULL where the server did not answer. */
static json_t *take_event(struct v1_poll *v, json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	const char *pid = json_string_value(json_object_get(event, "pid"));
	int64_t id = number_in(event, "execution_id");
	int status = 200;

	if (type == NULL)
		return json_string("fenced");
	if (strcmp(type, "started") == 0)
		status = set_status(v, id,
		                    json_pack("{s:s, s:I, s:b}", "status", "running", "pid",
		                              (json_int_t)strtol(pid ? pid : "0", NULL, 10),
		                              "freeze", 0));
	else if (strcmp(type, "refused") == 0)
		status = set_status(v, id,
		                    json_pack("{s:s, s:b}", "status", "refused", "freeze", 0));
	else if (strcmp(type, "finished") == 0)
		status = finish(v, id, event);
	if (status == 0)
		return NULL;
	/* An end that is refused has come from elsewhere already. */
	return json_string(went_well(status) || strcmp(type, "finished") == 0 ? "ok" : "fenced");
}

/* ---- polling ---- */

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
	task = ask(v, "GET", path, NULL, &status);
	if (!went_well(status)) {
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
	char path[64];
	json_t *pending, *one;
	size_t i;

	snprintf(path, sizeof(path), "/workers/%" PRId64 "/executions/pending", v->worker_id);
	pending = list(v, path);
	if (pending == NULL)
		return false;
	json_array_foreach(pending, i, one)
	{
		int64_t id = number_in(one, "execution_id");

		if (find(v, id) == NULL &&
		    went_well(set_status(
		            v, id, json_pack("{s:s, s:b}", "status", "accepted", "freeze", 0))))
			add_known(v, id, number_in(one, "task_id"))->accepted = true;
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
	char path[64];
	json_t *told, *one;
	size_t i;

	snprintf(path, sizeof(path), "/workers/%" PRId64 "/signals", v->worker_id);
	told = list(v, path);
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
	char path[64];
	size_t i;

	snprintf(path, sizeof(path), "/workers/%" PRId64 "/executions", v->worker_id);
	there = list(v, path);
	if (there == NULL) {
		json_decref(ids);
		return false;
	}
	json_array_foreach(there, i, one)
	{
		int64_t id = number_in(one, "execution_id");

		json_array_append_new(ids, json_integer((json_int_t)id));
		if (!v->greeted && !in_list(have, id) && find(v, id) == NULL)
			(void)set_status(v, id,
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
		ok = tell(v, "PUT", path, json_incref(ping)) != 0;
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
			id = number_in(one, "worker_id");
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
		made = ask(v, "POST", "/workers/", body, &status);
		id = number_in(made, "worker_id");
		json_decref(body);
		json_decref(made);
	}
	if (id == INT_NULL)
		return false;
	v->worker_id = id;
	v->greeted = false;
	snprintf(path, sizeof(path), "/workers/%" PRId64, id);
	if (!went_well(tell(v, "PUT", path, json_pack("{s:s}", "status", "running"))))
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
		told = take_log(v, one);
		if (told == NULL)
			return false;
		json_array_append_new(logs, told);
		spoke = true;
	}
	json_array_foreach(json_object_get(call, "events"), i, one)
	{
		told = take_event(v, one);
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
