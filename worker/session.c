#include "worker/session.h"

#include "model/json.h"
#include "worker/boot.h"
#include "worker/life.h"
#include "worker/report.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_FIRST_NS (50 * MS_NS)
#define BACKOFF_MAX_NS (5 * SECOND_NS)
/* A private server comes back at once or not at all. */
#define BACKOFF_PRIVATE_NS SECOND_NS
#define CALL_TIMEOUT_MS 60000
#define LEASE_MAX_S INT64_C(1000000000)
#define POLL_SLACK_MS 20000
/* What the machine does is told with a call that is made anyway, not oftener than this. */
#define STATS_NS (10 * SECOND_NS)
/* Between a report that filled the worker with short tasks and the poll: the next report may take
   its place. */
#define POLL_LATER_NS (30 * MS_NS)
/* Reports of short tasks are collected that long while enough others are at hand. */
#define COLLECT_NS (20 * MS_NS)
#define COLLECT_EVENTS 64
/* Polls that are answered at once and empty: the wait grows from there on. */
#define EMPTY_POLLS 3
#define EMPTY_WAIT_NS (50 * MS_NS)
#define EXIT_TOKEN 4
#define EXIT_TAKEN_OVER 5

enum call_kind { CALL_REGISTER, CALL_POLL, CALL_REPORT };

struct call {
	struct agent *agent;
	enum call_kind kind;
	uint64_t number; /* of net/ */
	int64_t sent_ns, sent_boot_ns;
	struct str body;
	struct flight flight;
	struct ints_list acks; /* that it carries */
	struct call *next;
};

static void call_done(void *context, enum http_error error, struct http_response *response);

void session_init(struct agent *a)
{
	struct session *s = &a->session;

	memset(s, 0, sizeof(*s));
	s->poll_s = 25;
	s->backoff_ns = BACKOFF_FIRST_NS;
	s->begun_boot_ns = clock_boot_ns();
}

static void call_free(struct call *c)
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

	call_free(s->registering);
	call_free(s->report);
	call_free(s->poll);
	while (s->older != NULL) {
		struct call *c = s->older;

		s->older = c->next;
		call_free(c);
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

/* Send it; the JSON is released. */
static void send_call(struct call *c, const char *path, json_t *body, int timeout_ms)
{
	struct agent *a = c->agent;
	struct str url = STR_INIT, authorization = STR_INIT;
	const char *headers[4];
	struct http_request request = {.method = "POST", .headers = headers};
	size_t n = 0;

	json_print(body, &c->body);
	json_decref(body);
	c->sent_ns = a->now_ns;
	c->sent_boot_ns = clock_boot_ns();
	if (a->v1 != NULL) {
		c->number = v1_start(a->v1, path, &c->body, call_done, c);
		return;
	}
	str_addf(&url, "%s%s", a->options->url.p, path);
	headers[n++] = "Content-Type: application/json";
	headers[n++] = "X-Scitq-Client: scitq-worker/" SCITQ_VERSION;
	if (a->options->token.len > 0) {
		str_addf(&authorization, "Authorization: Bearer %s", a->options->token.p);
		headers[n++] = authorization.p;
	}
	headers[n] = NULL;
	request.url = url.p;
	request.ca = a->options->ca;
	request.body = c->body.p;
	request.body_len = c->body.len;
	request.timeout_ms = timeout_ms;
	c->number = http_multi_start(a->http, &request, call_done, c);
	str_release(&url);
	str_release(&authorization);
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
		call_free(c);
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
	json_object_set_new_nocheck(body, "permanent", json_true());
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
		call_free(c);
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
		json_object_set_new_nocheck(body, "wait",
		                            json_integer(kind == CALL_POLL ? poll_seconds(s) : 0));
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

/* Take the call out of where the session keeps it. */
static bool take_call(struct session *s, const struct call *c)
{
	bool superseded = false;

	if (s->registering == c) {
		s->registering = NULL;
	} else if (s->report == c) {
		s->report = NULL;
	} else if (s->poll == c) {
		s->poll = NULL;
	} else {
		struct call **p = &s->older;

		while (*p != c)
			p = &(*p)->next;
		*p = c->next;
		superseded = true;
	}
	return superseded;
}

static void server_is_away(struct agent *a, const char *why)
{
	struct session *s = &a->session;
	int64_t most = a->options->private_mode ? BACKOFF_PRIVATE_NS : BACKOFF_MAX_NS;

	if (!s->lost)
		log_warn(a->log, "no contact with %s: %s", a->options->url.p, why);
	s->lost = true;
	s->retry_at_ns = a->now_ns + s->backoff_ns;
	s->backoff_ns = s->backoff_ns * 2 < most ? s->backoff_ns * 2 : most;
	if (a->options->private_mode)
		(void)options_find_private(a->options);
}

static void server_is_there(struct agent *a, const struct call *c)
{
	struct session *s = &a->session;

	if (s->lost)
		log_info(a->log, "in contact with %s again", a->options->url.p);
	s->lost = false;
	s->retry_at_ns = 0;
	s->backoff_ns = BACKOFF_FIRST_NS;
	if (c->sent_boot_ns > s->contact_boot_ns)
		s->contact_boot_ns = c->sent_boot_ns;
}

/* The supervisor stops the tasks when the lease is over; it is told as seldom as will do. */
static void tell_lease(struct agent *a)
{
	struct session *s = &a->session;

	if (s->lease_ns <= 0 || (s->lease_told_boot_ns != 0 &&
	                         s->contact_boot_ns - s->lease_told_boot_ns < s->lease_ns / 16))
		return;
	s->lease_told_boot_ns = s->contact_boot_ns;
	holder_lease(&a->holder, s->contact_boot_ns + s->lease_ns, s->lease_ns);
}

static void set_lease(struct agent *a, int64_t seconds)
{
	struct session *s = &a->session;

	if (seconds > LEASE_MAX_S)
		seconds = LEASE_MAX_S;
	if (seconds > 0 && seconds * SECOND_NS != s->lease_ns) {
		s->lease_ns = seconds * SECOND_NS;
		s->lease_told_boot_ns = 0;
	}
	tell_lease(a);
}

static void registered(struct agent *a, json_t *reply)
{
	struct session *s = &a->session;
	struct problem problem = {0};
	int64_t lease = 0;

	if (!json_member_int(reply, "worker_id", &s->worker_id, &problem) ||
	    !json_member_int(reply, "epoch", &s->epoch, &problem) ||
	    !json_member_int(reply, "lease", &lease, &problem) ||
	    !json_member_int(reply, "poll", &s->poll_s, &problem)) {
		server_is_away(a, problem.message);
		return;
	}
	if (s->poll_s < 1 || s->poll_s > 3600)
		s->poll_s = 25;
	s->registered = true;
	s->poll_at_ns = 0;
	log_info(a->log, "worker %s is number %" PRId64 " of %s", a->options->name.p, s->worker_id,
	         a->options->url.p);
	set_lease(a, lease);
	if (a->due.n > 0)
		session_urge(a, a->now_ns);
}

/* Those of v1 for a worker itself. */
enum worker_signal { WORKER_CLEAN = -1, WORKER_RESTART = -2, WORKER_FORGET_RESOURCES = -3 };

static void take_signal(struct agent *a, int64_t execution, int64_t sig)
{
	if (sig > 0 && sig < NSIG)
		life_signal(a, execution, (int)sig);
	else if (sig == WORKER_CLEAN)
		life_clean(a);
	else if (sig == WORKER_FORGET_RESOURCES)
		life_forget_resources(a);
	else if (sig == WORKER_RESTART)
		a->restart = true; /* once the server has heard that it took effect */
}

static void take_signals(struct agent *a, json_t *signals)
{
	struct session *s = &a->session;
	struct problem problem;
	json_t *item;
	size_t i;

	json_array_foreach(signals, i, item)
	{
		int64_t id = INT_NULL, execution = INT_NULL, sig = 0;
		bool known = false;

		if (!json_member_int(item, "signal_id", &id, &problem) ||
		    !json_member_int(item, "execution_id", &execution, &problem) ||
		    !json_member_int(item, "signal", &sig, &problem) || id == INT_NULL)
			continue;
		if (!recent_has(&s->signals, id)) {
			recent_add(&s->signals, id);
			take_signal(a, execution, sig);
		}
		for (size_t k = 0; k < s->acks.n; k++)
			known = known || s->acks.v[k] == id;
		if (!known)
			vec_push(&s->acks, id);
	}
}

/* The signals that the call acknowledged. */
static void drop_acks(struct agent *a, const struct call *c)
{
	struct session *s = &a->session;
	size_t kept = 0;

	for (size_t i = 0; i < s->acks.n; i++) {
		bool sent = false;

		for (size_t k = 0; k < c->acks.n; k++)
			sent = sent || c->acks.v[k] == s->acks.v[i];
		if (!sent)
			s->acks.v[kept++] = s->acks.v[i];
	}
	s->acks.n = kept;
	if (a->restart && kept == 0)
		agent_end(a, AGENT_LEAVES, AGENT_RESTARTS);
}

/* First of all, so that a place that is free does not wait. True where there was one. */
static bool take_grants(struct agent *a, json_t *reply)
{
	json_t *grants = json_object_get(reply, "grants"), *item;
	bool news = false;
	size_t i;

	if (a->end != AGENT_RUNS || a->session.moved)
		return false;
	json_array_foreach(grants, i, item)
	{
		news = life_grant(a, item) || news;
	}
	if (news)
		(void)holder_flush(&a->holder, false);
	return news;
}

/* True where the rest of the reply brought something. */
static bool take_reply(struct agent *a, json_t *reply)
{
	json_t *signals = json_object_get(reply, "signals");
	json_t *forget = json_object_get(reply, "forget");
	struct problem problem;
	int64_t lease = 0;
	json_t *item;
	size_t i;

	if (json_member_int(reply, "lease", &lease, &problem))
		set_lease(a, lease);
	take_signals(a, signals);
	json_array_foreach(forget, i, item)
	{
		struct execution *e = executions_find(&a->executions, json_integer_value(item));

		if (e != NULL)
			life_forget(a, e);
	}
	if (json_is_true(json_object_get(reply, "shutdown")) &&
	    (a->options->private_mode || a->executions.n == 0))
		agent_end(a, AGENT_STOPS, 0);
	return json_array_size(signals) + json_array_size(forget) > 0;
}

/* When the next poll may be made. */
static void plan_poll(struct agent *a, const struct call *c, bool empty, bool superseded)
{
	struct session *s = &a->session;

	if (c->kind == CALL_REPORT) {
		double weight = 0;

		for (size_t i = 0; i < a->executions.n; i++)
			weight += a->executions.v[i]->weight;
		s->poll_at_ns =
		        weight >= 1 && slots_are_short(&a->pace) ? a->now_ns + POLL_LATER_NS : 0;
		return;
	}
	if (superseded)
		return;
	if (!empty || a->now_ns - c->sent_ns > 100 * MS_NS) {
		s->empty_polls = 0;
		s->poll_at_ns = 0;
	} else if (++s->empty_polls >= EMPTY_POLLS) {
		unsigned times = s->empty_polls - EMPTY_POLLS;

		s->poll_at_ns = a->now_ns + (EMPTY_WAIT_NS << (times < 5 ? times : 5));
	}
}

/* An answer that is no 2xx. */
static void refused(struct agent *a, const struct call *c, int status, json_t *reply)
{
	struct session *s = &a->session;
	struct problem problem;
	const char *message = NULL, *code = "";
	char text[64];

	(void)(json_member_text(reply, "message", &message, &problem) &&
	       json_member_text(reply, "code", &code, &problem));
	if (message == NULL) {
		snprintf(text, sizeof(text), "status %d", status);
		message = text;
	}
	if (status == 409 && code != NULL && strcmp(code, "fenced") == 0 &&
	    c->kind != CALL_REGISTER) {
		log_error(a->log, "another worker took over the name %s: %s", a->options->name.p,
		          message);
		agent_end(a, AGENT_STOPS, EXIT_TAKEN_OVER);
		a->over = true;
	} else if ((status == 401 || status == 403) && s->contact_boot_ns == 0) {
		log_error(a->log,
		          "%s refuses the token (%s): set SCITQ_TOKEN, or --state DIR to the state "
		          "directory of that server",
		          a->options->url.p, message);
		agent_end(a, AGENT_STOPS, EXIT_TOKEN);
		a->over = true;
	} else if (c->kind == CALL_REGISTER && status >= 400 && status < 500 && status != 401 &&
	           status != 403 && !http_status_retriable(status)) {
		log_error(a->log, "%s does not take this worker: %s", a->options->url.p, message);
		agent_end(a, AGENT_STOPS, 1);
		a->over = true;
	} else {
		if (status == 404 && c->kind != CALL_REGISTER)
			s->registered = false;
		server_is_away(a, message);
	}
}

static void call_done(void *context, enum http_error error, struct http_response *response)
{
	struct call *c = context;
	struct agent *a = c->agent;
	bool superseded = take_call(&a->session, c), empty;
	struct problem problem = {0};
	json_t *reply = NULL;

	if (error == HTTP_OK)
		reply = json_parse(response->body.p, response->body.len, &problem);
	if (error != HTTP_OK || response->status < 200 || response->status > 299 ||
	    !json_is_object(reply)) {
		report_failed(a, &c->flight);
		if (error != HTTP_OK)
			server_is_away(a, response->message.len > 0 ? response->message.p
			                                            : http_error_text(error));
		else if (response->status >= 200 && response->status <= 299)
			server_is_away(a, "the answer is not JSON of ours");
		else
			refused(a, c, response->status, reply);
	} else if (c->kind == CALL_REGISTER) {
		server_is_there(a, c);
		registered(a, reply);
	} else {
		server_is_there(a, c);
		drop_acks(a, c);
		empty = !take_grants(a, reply);
		report_answer(a, &c->flight, reply);
		empty = !take_reply(a, reply) && empty;
		plan_poll(a, c, empty, superseded);
	}
	json_decref(reply);
	call_free(c);
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
	if (s->report == NULL)
		next = earlier(next, report_time(a));
	if (s->report == NULL && s->poll == NULL && !s->moved)
		next = earlier(next, s->poll_at_ns);
	return next;
}
