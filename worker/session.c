#include "worker/session.h"

#include "base/gpus.h"
#include "model/digest.h"
#include "model/join.h"
#include "model/json.h"
#include "worker/boot.h"
#include "worker/session_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_TIMEOUT_MS 60000
#define POLL_SLACK_MS 20000
/* What the machine does is told with a call that is made anyway, not oftener than this. */
#define STATS_NS (10 * SECOND_NS)
/* Reports of short tasks are collected that long while enough others are at hand. */
#define COLLECT_NS (20 * MS_NS)
#define COLLECT_EVENTS 64

void session_init(struct agent *a)
{
	struct session *s = &a->session;

	memset(s, 0, sizeof(*s));
	s->poll_s = 25;
	s->backoff_ns = BACKOFF_FIRST_NS;
	s->log_bytes = LOG_CALL_MOST;
	str_init(&s->log_room);
	s->begun_boot_ns = clock_boot_ns();
}

void session_call_free(struct call *c)
{
	if (c == NULL)
		return;
	str_release(&c->body);
	flight_release(&c->flight);
	vec_release(&c->acks);
	free(c);
}

void session_release(struct agent *a)
{
	struct session *s = &a->session;

	session_call_free(s->registering);
	session_call_free(s->report);
	for (int i = 0; i < LOG_CALLS; i++)
		session_call_free(s->logs[i]);
	str_release(&s->log_room);
	session_call_free(s->poll);
	while (s->older != NULL) {
		struct call *c = s->older;

		s->older = c->next;
		session_call_free(c);
	}
	vec_release(&s->acks);
}

void session_urge(struct agent *a, int64_t at_ns)
{
	a->session.report_at_ns = earlier(a->session.report_at_ns, at_ns);
}

void session_move(struct agent *a)
{
	a->session.moved = true;
	session_urge(a, a->now_ns);
}

static struct call *call_new(struct agent *a, enum call_kind kind)
{
	struct call *c = xcalloc(1, sizeof(*c));

	c->agent = a;
	c->kind = kind;
	str_init(&c->body);
	return c;
}

/* Send its body to the server. */
static void send_body(struct call *c, const char *method, const char *path, const char *type,
                      int timeout_ms)
{
	struct agent *a = c->agent;
	struct str url = STR_INIT, authorization = STR_INIT;
	const struct str *token = &a->options->token;
	const char *headers[4];
	struct http_request request = {.method = method, .headers = headers};
	size_t n = 0;

	c->sent_ns = a->now_ns;
	c->sent_boot_ns = clock_boot_ns();
	str_addf(&url, "%s%s", a->options->url.p, path);
	headers[n++] = type;
	headers[n++] = "X-Scitq-Client: scitq-worker/" SCITQ_VERSION;
	/* What it was given is for joining alone. */
	if (a->options->own.len > 0 && c->kind != CALL_REGISTER)
		token = &a->options->own;
	if (token->len > 0) {
		str_addf(&authorization, "Authorization: Bearer %s", token->p);
		headers[n++] = authorization.p;
	}
	headers[n] = NULL;
	request.url = url.p;
	request.ca = a->options->ca;
	request.body = c->body.p;
	request.body_len = c->body.len;
	request.timeout_ms = timeout_ms;
	c->number = http_multi_start(a->http, &request, session_answered, c);
	str_release(&url);
	str_release(&authorization);
}

/* Send it; the JSON is released. */
static void send_call(struct call *c, const char *path, json_t *body, int timeout_ms)
{
	struct agent *a = c->agent;

	json_print(body, &c->body);
	json_decref(body);
	if (a->v1 == NULL) {
		send_body(c, "POST", path, "Content-Type: application/json", timeout_ms);
		return;
	}
	c->sent_ns = a->now_ns;
	c->sent_boot_ns = clock_boot_ns();
	c->number = v1_start(a->v1, path, &c->body, session_answered, c);
}

/* Calls of the session before: what they would be answered is nothing to this one. */
static void drop_polls(struct agent *a)
{
	struct session *s = &a->session;

	while (s->poll != NULL || s->older != NULL) {
		struct call *c = s->poll != NULL ? s->poll : s->older;

		if (c == s->poll)
			s->poll = NULL;
		else
			s->older = c->next;
		if (a->v1 != NULL)
			v1_cancel(a->v1, c->number);
		else
			(void)http_multi_cancel(a->http, c->number);
		session_call_free(c);
	}
}

static void start_register(struct agent *a)
{
	const struct options *o = a->options;
	const struct machine *m = &a->machine;
	json_t *body = json_object();

	drop_polls(a);
	json_object_set_new_nocheck(body, "name", json_text(o->name.p));
	json_object_set_new_nocheck(body, "hostname", json_text(m->hostname));
	json_object_set_new_nocheck(body, "concurrency", json_integer(o->concurrency));
	json_object_set_new_nocheck(body, "prefetch", json_integer(o->prefetch));
	if (o->batch != NULL)
		json_object_set_new_nocheck(body, "batch", json_text(o->batch));
	json_object_set_new_nocheck(body, "boot_id", json_string(m->boot_id));
	json_object_set_new_nocheck(body, "instance", json_string(a->holder.instance.p));
	json_object_set_new_nocheck(body, "cpus", json_real(m->cpus));
	if (m->ram > 0)
		json_object_set_new_nocheck(body, "ram", json_integer(m->ram));
	json_object_set_new_nocheck(body, "gpus", json_integer((json_int_t)gpus_count(m->gpus.p)));
	json_object_set_new_nocheck(body, "permanent", json_true());
	if (o->own.len > 0) {
		char digest[DIGEST_TEXT_SIZE];

		digest_bytes(o->own.p, o->own.len, digest);
		json_object_set_new_nocheck(body, JOIN_OWN, json_string(digest));
	}
	if (o->ends_s > 0) {
		char date[DATE_TEXT_SIZE];

		date_format(o->ends_s * 1000000, date);
		json_object_set_new_nocheck(body, "end_date", json_string(date));
	}
	a->session.registering = call_new(a, CALL_REGISTER);
	send_call(a->session.registering, "/workers/register", body, CALL_TIMEOUT_MS);
}

/* Seconds that a poll may wait: contact counts from when it was sent, so several fit into a lease.
 */
static int64_t poll_seconds(const struct session *s)
{
	int64_t part = s->lease_ns / SECOND_NS / 4;

	return s->lease_ns <= 0 || s->poll_s < part ? s->poll_s : part < 1 ? 1 : part;
}

/* One that is to begin anew waits for its acknowledgement alone. */
static int64_t wait_seconds(const struct agent *a, enum call_kind kind)
{
	return kind == CALL_POLL && !a->restart ? poll_seconds(&a->session) : 0;
}

/* A lease call; of the report kind it tells what is due. False where there was nothing to tell. */
static bool start_lease(struct agent *a, enum call_kind kind)
{
	struct session *s = &a->session;
	struct call *c = call_new(a, kind);
	json_t *body = json_object();
	bool moved = s->moved;
	char path[64];

	if (kind == CALL_REPORT && !report_build(a, &c->flight, body)) {
		json_decref(body);
		session_call_free(c);
		return false;
	}
	json_object_set_new_nocheck(body, "epoch", json_integer(s->epoch));
	if (moved) {
		json_object_set_new_nocheck(body, "worker_id", json_integer(s->worker_id));
		snprintf(path, sizeof(path), "/executions/events");
	} else {
		json_t *acks = json_array();

		for (size_t i = 0; i < s->acks.n; i++) {
			json_array_append_new(acks, json_integer(s->acks.v[i]));
			vec_push(&c->acks, s->acks.v[i]);
		}
		json_object_set_new_nocheck(body, "acks", acks);
		json_object_set_new_nocheck(body, "have", report_have(a));
		json_object_set_new_nocheck(
		        body, "extra",
		        json_integer(a->end != AGENT_RUNS
		                             ? 0
		                             : slots_extra(&a->pace,
		                                           (unsigned)a->options->concurrency)));
		json_object_set_new_nocheck(body, "wait", json_integer(wait_seconds(a, kind)));
		if (a->stats.at_ns == 0 || a->now_ns - a->stats.at_ns >= STATS_NS)
			json_object_set_new_nocheck(body, "ping",
			                            stats_sample(&a->stats, a->now_ns));
		snprintf(path, sizeof(path), "/workers/%" PRId64 "/lease", s->worker_id);
	}
	/* The server answers the older poll now. */
	if (s->poll != NULL) {
		s->poll->next = s->older;
		s->older = s->poll;
		s->poll = NULL;
	}
	if (kind == CALL_REPORT)
		s->report = c;
	else
		s->poll = c;
	send_call(c, path, body,
	          kind == CALL_POLL ? (int)s->poll_s * 1000 + POLL_SLACK_MS : CALL_TIMEOUT_MS);
	return true;
}

/* Long logs go beside the reports; v1 knows no such call. */
static void start_logs(struct agent *a)
{
	struct session *s = &a->session;
	bool any = a->v1 == NULL && s->log_retry_at_ns <= a->now_ns;

	if (any)
		s->log_retry_at_ns = 0;
	for (int i = 0; i < LOG_CALLS && any; i++) {
		struct str body = s->log_room, path = STR_INIT;
		struct flight flight = {0};

		if (s->logs[i] != NULL)
			continue;
		str_init(&s->log_room);
		any = report_build_log(a, &flight, s->log_bytes, &body, &path);
		if (any) {
			s->logs[i] = call_new(a, CALL_LOG);
			s->logs[i]->flight = flight;
			s->logs[i]->body = body;
			send_body(s->logs[i], "PUT", path.p,
			          "Content-Type: application/octet-stream", CALL_TIMEOUT_MS);
		} else {
			str_release(&body);
		}
		str_release(&path);
	}
}

/* Tasks that wait in the supervisor, and those that run there. */
static void count_held(const struct agent *a, unsigned *waiting, unsigned *running)
{
	*waiting = *running = 0;
	for (size_t i = 0; i < a->executions.n; i++) {
		const struct execution *e = a->executions.v[i];

		if (e->phase == PHASE_HELD && !e->forgotten)
			++*(e->started ? running : waiting);
	}
}

/* When to report: now, or later where reports are worth collecting; 0: nothing is due. */
static int64_t report_time(const struct agent *a)
{
	const struct session *s = &a->session;
	int64_t oldest = 0;
	unsigned waiting, running;

	if (s->report_at_ns == 0 || s->report_at_ns > a->now_ns || !slots_are_short(&a->pace) ||
	    a->due.n >= COLLECT_EVENTS || a->end != AGENT_RUNS)
		return s->report_at_ns;
	count_held(a, &waiting, &running);
	if (waiting < 2 * running || waiting == 0)
		return s->report_at_ns;
	for (size_t i = 0; i < a->due.n && oldest == 0; i++) {
		if (a->due.v[i] != NULL)
			oldest = a->due.v[i]->due_ns;
	}
	return oldest + COLLECT_NS;
}

void session_step(struct agent *a)
{
	struct session *s = &a->session;
	int64_t at;

	if (s->retry_at_ns > a->now_ns || a->over)
		return;
	if (!s->registered) {
		if (s->registering == NULL && a->end == AGENT_RUNS)
			start_register(a);
		return;
	}
	start_logs(a);
	if (s->report == NULL) {
		at = report_time(a);
		if (at != 0 && at <= a->now_ns) {
			s->report_at_ns = 0;
			(void)start_lease(a, CALL_REPORT);
		}
	}
	if (s->moved) {
		/* The old session is over once all of it is told. */
		if (a->executions.n == 0 && s->report == NULL) {
			s->moved = false;
			s->registered = false;
			start_register(a);
		}
		return;
	}
	if (s->report == NULL && s->poll == NULL && s->poll_at_ns <= a->now_ns)
		(void)start_lease(a, CALL_POLL);
}

int64_t session_next(const struct agent *a)
{
	const struct session *s = &a->session;
	int64_t next = 0;

	if (s->retry_at_ns > a->now_ns)
		return s->retry_at_ns;
	if (!s->registered)
		return 0;
	next = earlier(next, s->log_retry_at_ns);
	if (s->report == NULL)
		next = earlier(next, report_time(a));
	if (s->report == NULL && s->poll == NULL && !s->moved)
		next = earlier(next, s->poll_at_ns);
	return next;
}
