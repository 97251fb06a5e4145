/* What the server's answers mean for the session; of executions they tell report.h and life.h. */
#include "worker/session_inside.h"

#include "client/state_server.h"
#include "model/json.h"
#include "worker/life.h"
#include "worker/session.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define BACKOFF_MAX_NS (5 * SECOND_NS)
/* A private server comes back at once or not at all. */
#define BACKOFF_PRIVATE_NS SECOND_NS
#define LEASE_MAX_S INT64_C(1000000000)
/* Between a report that filled the worker with short tasks and the poll: the next report may take
   its place. */
#define POLL_LATER_NS (30 * MS_NS)
/* Polls that are answered at once and empty: the wait grows from there on. */
#define EMPTY_POLLS 3
#define EMPTY_WAIT_NS (50 * MS_NS)
#define EXIT_TOKEN 4
#define EXIT_TAKEN_OVER 5

/* Those of v1 for a worker itself. */
enum worker_signal { WORKER_CLEAN = -1, WORKER_RESTART = -2, WORKER_FORGET_RESOURCES = -3 };

/* Take the call out of where the session keeps it. True where another poll has its place. */
static bool take_call(struct session *s, const struct call *c)
{
	struct call **places[3 + LOG_CALLS] = {&s->registering, &s->report, &s->poll};
	struct call **p = &s->older;

	for (int i = 0; i < LOG_CALLS; i++)
		places[3 + i] = &s->logs[i];
	for (int i = 0; i < 3 + LOG_CALLS; i++) {
		if (*places[i] == c) {
			*places[i] = NULL;
			return false;
		}
	}
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	return true;
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
	if (!a->options->private_mode)
		return;
	(void)options_find_private(a->options);
	if (!state_server_has_left(a->options->state.p))
		s->left_ns = 0;
	else if (s->left_ns == 0)
		s->left_ns = a->now_ns;
}

static void no_answer(struct agent *a, enum http_error error, const struct http_response *response)
{
	struct str why = STR_INIT;

	str_adds(&why, response->message.len > 0 ? response->message.p : http_error_text(error));
	str_adds(&why, http_ca_hint(error, response->message.p, a->options->ca));
	server_is_away(a, why.p);
	str_release(&why);
}

static void server_is_there(struct agent *a, const struct call *c)
{
	struct session *s = &a->session;

	if (s->lost)
		log_info(a->log, "in contact with %s again", a->options->url.p);
	s->lost = false;
	s->left_ns = 0;
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

/* It has no room, or is about to stop. What is long is sent again later, or in reports. */
static void log_not_taken(struct agent *a, const char *why)
{
	struct session *s = &a->session;

	if (s->log_backoff_ns == 0) {
		log_warn(a->log, "%s takes no long log: %s", a->options->url.p, why);
		s->log_backoff_ns = BACKOFF_FIRST_NS;
	}
	s->log_retry_at_ns = a->now_ns + s->log_backoff_ns;
	if (s->log_backoff_ns < BACKOFF_MAX_NS)
		s->log_backoff_ns *= 2;
}

/* It says nothing of the session: reports and polls find out how that stands. */
static void log_answered(struct agent *a, const struct call *c, int status, json_t *reply)
{
	struct session *s = &a->session;
	const char *message = json_string_value(json_object_get(reply, "message"));
	json_t *fenced = json_pack("{s:b}", "fenced", 1);

	if (status >= 200 && status <= 299) {
		s->log_retry_at_ns = s->log_backoff_ns = 0;
		report_log_answer(a, &c->flight, reply);
	} else if (status == 413 && c->body.len > LOG_CALL_LEAST) {
		/* Another one may have been refused before. */
		while (s->log_bytes >= c->body.len)
			s->log_bytes /= 2;
		if (s->log_bytes < LOG_CALL_LEAST)
			s->log_bytes = LOG_CALL_LEAST;
		report_log_answer(a, &c->flight, NULL);
	} else if (status == 409 && json_is_integer(json_object_get(reply, "wanted"))) {
		report_log_answer(a, &c->flight, reply);
	} else if (status == 404 || status == 409 || status == 413) {
		report_log_answer(a, &c->flight, fenced);
	} else {
		report_log_answer(a, &c->flight, NULL);
		log_not_taken(a, message != NULL ? message : "it does not say why");
	}
	json_decref(fenced);
}

void session_answered(void *context, enum http_error error, struct http_response *response)
{
	struct call *c = context;
	struct agent *a = c->agent;
	bool superseded = take_call(&a->session, c), empty;
	struct problem problem = {0};
	json_t *reply = NULL;

	if (error == HTTP_OK)
		reply = json_parse(response->body.p, response->body.len, &problem);
	if (c->kind == CALL_LOG && error == HTTP_OK) {
		log_answered(a, c, response->status, reply);
	} else if (error != HTTP_OK || response->status < 200 || response->status > 299 ||
	           !json_is_object(reply)) {
		if (c->kind == CALL_LOG)
			report_log_answer(a, &c->flight, NULL);
		else
			report_failed(a, &c->flight);
		if (error != HTTP_OK)
			no_answer(a, error, response);
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
	if (c->kind == CALL_LOG) {
		str_release(&a->session.log_room);
		a->session.log_room = c->body;
		str_init(&c->body);
		str_reset(&a->session.log_room);
	}
	session_call_free(c);
}
