#include "runtime/follow.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "model/json.h"
#include "model/member.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_SECONDS 25
#define POLL_TIMEOUT_MS ((POLL_SECONDS + 15) * 1000)
#define REDRAW_MS 1000
#define SUMMARY_MS 30000
#define FULL_MS 5000  /* between two looks at the disk of a private server */
#define WORKER_MS 250 /* between two looks whether a local worker is wanted */
#define IDLE_NS (10 * INT64_C(1000000000))

void follow_init(struct follow *f, struct session *s, const struct submission *submission,
                 int64_t run_id)
{
	struct run_view *v = &f->view;

	memset(f, 0, sizeof(*f));
	f->session = s;
	f->submission = submission;
	f->run_id = run_id;
	f->status = RUN_RUNNING;
	v->workflow = submission->workflow;
	v->run_id = run_id;
	v->url = s->client.url.p;
	v->nsteps = submission->step_count;
	v->steps = xcalloc(v->nsteps, sizeof(*v->steps));
	for (size_t i = 0; i < v->nsteps; i++) {
		const struct submission_step *step = &submission->steps[i];
		struct str names = STR_INIT;

		v->steps[i].name = step->name;
		v->steps[i].total = step->task_count;
		for (size_t k = 0; k < step->nafter; k++)
			str_addf(&names, "%s%s", k ? ", " : "",
			         submission->steps[step->after[k]].name);
		v->steps[i].waits_for = names.len ? str_detach(&names) : NULL;
		str_release(&names);
	}
}

void follow_release(struct follow *f)
{
	for (size_t i = 0; i < f->view.nsteps; i++)
		free((char *)f->view.steps[i].waits_for);
	free(f->view.steps);
	vec_release(&f->told);
}

static void read_steps(struct follow *f, json_t *steps)
{
	json_t *one;
	size_t k;

	json_array_foreach(steps, k, one)
	{
		const char *batch = member_text(one, "batch");

		for (size_t i = 0; i < f->view.nsteps; i++) {
			struct step_view *v = &f->view.steps[i];

			if (strcmp(f->submission->steps[i].batch, batch) != 0)
				continue;
			v->waiting = member_int(one, "waiting") + member_int(one, "paused");
			v->debug = member_int(one, "debug");
			v->pending = member_int(one, "pending");
			v->running = member_int(one, "running");
			v->succeeded = member_int(one, "succeeded");
			v->failed = member_int(one, "failed");
			/* What the plan has and the run has not stands from an earlier run. */
			v->reused = v->total - v->waiting - v->debug - v->pending - v->running -
			            v->succeeded - v->failed;
			step_view_note(v);
		}
	}
}

void follow_add_how(json_t *incident, struct str *out)
{
	const char *reason = member_text(incident, "reason"),
	           *message = member_text(incident, "message");
	int64_t code = member_int(incident, "return_code");

	if (strcmp(reason, "exit") == 0 || *reason == '\0')
		str_addf(out, "exit %lld", (long long)code);
	else if (strcmp(reason, "signal") == 0)
		str_addf(out, "killed by signal %lld", (long long)(code > 128 ? code - 128 : code));
	else if (strcmp(reason, "timeout") == 0)
		str_adds(out, "out of time");
	else if (strcmp(reason, "memory") == 0)
		str_adds(out, "out of memory");
	else if (strcmp(reason, "evicted") == 0 || strcmp(reason, "lost") == 0 ||
	         strcmp(reason, "cancelled") == 0)
		str_adds(out, reason);
	else
		str_addf(out, "%s failed", reason);
	if (*message != '\0')
		str_addf(out, ": %s", message);
}

void follow_add_place(const char *source, int64_t failed_line, struct str *out)
{
	const char *colon = strrchr(source, ':');

	if (failed_line > 0 && colon != NULL)
		str_addf(out, "%.*s:%lld", (int)(colon - source), source, (long long)failed_line);
	else
		str_adds(out, source);
}

static void tell_incident(struct follow *f, json_t *incident)
{
	const char *kind = member_text(incident, "kind"), *worker = member_text(incident, "worker");
	const char *reason = member_text(incident, "reason");
	struct str line = STR_INIT;

	if (strcmp(kind, "dependency") == 0)
		return;
	if (strcmp(kind, "told") == 0) {
		progress_say(f->session->progress, "! %s: %s", member_text(incident, "name"),
		             member_text(incident, "message"));
		return;
	}
	/* A worker's disk, or an image that it cannot pull, has a reason and a message of its own.
	 */
	if (strcmp(kind, "lost") == 0 && (*reason == '\0' || strcmp(reason, "lost") == 0))
		str_adds(&line, "lost");
	else
		follow_add_how(incident, &line);
	if (*worker != '\0')
		str_addf(&line, " on %s", worker);
	if (strcmp(kind, "lost") == 0)
		str_adds(&line, " -> runs again");
	else if (strcmp(kind, "retry") == 0 && f->debug)
		str_adds(&line, " -> waits for you");
	else if (strcmp(kind, "retry") == 0)
		str_addf(&line, " -> retry %lld/%lld", (long long)member_int(incident, "attempts"),
		         (long long)member_int(incident, "retry"));
	progress_say(f->session->progress, "! %s %s", member_text(incident, "name"), line.p);
	str_release(&line);
}

/* Nothing is drawn over a question that waits for its answer. */
static void show(struct follow *f)
{
	/* Another server process has another address, and the old text is gone. */
	f->view.url = f->session->client.url.p;
	if (!f->asking && !f->dialog)
		progress_show(f->session->progress, &f->view);
}

/* The dialog tells of it, or did; the news may be late. */
static bool is_told(const struct follow *f, const json_t *incident)
{
	int64_t execution = member_int(incident, "execution_id");

	for (size_t i = f->told.n; i-- > 0;) {
		if (f->told.v[i] == execution)
			return true;
	}
	return f->dialog && member_int(incident, "task_id") == f->watched;
}

static void read_news(struct follow *f, json_t *news)
{
	json_t *run = json_object_get(news, "run"), *incident;
	int status = status_parse(run_status_words, RUN_STATUS_COUNT, member_text(run, "status"));
	size_t i;

	f->event = member_int(news, "event");
	if (status >= 0)
		f->status = (enum run_status)status;
	f->view.workers = member_int(run, "workers");
	f->retried = member_int(run, "retried");
	/* One of them is us. */
	f->others = member_int(run, "followers") - 1;
	f->hooks = member_int(run, "hooks");
	f->debug = json_is_true(json_object_get(run, "debug"));
	read_steps(f, json_object_get(run, "steps"));
	json_array_foreach(json_object_get(news, "incidents"), i, incident)
	{
		telling_line(f->session->telling, "incident", json_incref(incident));
		if (!is_told(f, incident))
			tell_incident(f, incident);
	}
	show(f);
}

bool follow_ended(const struct follow *f)
{
	/* A hook is waited for: a private server would go with us. */
	return f->status != RUN_RUNNING && f->status != RUN_SUBMITTING && f->hooks == 0;
}

static bool detach(struct follow *f)
{
	f->asking = false;
	f->detached = true;
	return session_detach(f->session, f->run_id);
}

/* Nobody said what is to become of the run: it is cancelled where nobody else follows it. */
static bool leave(struct follow *f)
{
	bool ok = session_leave(f->session, f->run_id, &f->others);

	f->asking = false;
	f->left = ok && f->others > 0;
	return ok;
}

bool follow_cancel(struct follow *f)
{
	f->asking = false;
	return session_set_run(f->session, f->run_id, json_pack("{s:s}", "status", "cancelled"));
}

/* Somebody sits there who can answer; a job in the background would be stopped by asking. */
static bool can_ask(const struct follow *f)
{
	return f->session->progress->terminal && isatty(STDIN_FILENO) &&
	       tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* What was typed, once there is something. The run is followed meanwhile: it may end. */
static bool read_answer(struct follow *f)
{
	struct pollfd in = {STDIN_FILENO, POLLIN, 0};
	char answer[64] = "";

	if (poll(&in, 1, 0) <= 0)
		return true;
	/* The terminal went away with the question, which its SIGHUP may tell later. */
	if ((in.revents & (POLLHUP | POLLERR)) != 0)
		return detach(f);
	if (fd_read(STDIN_FILENO, answer, sizeof(answer)) <= 0)
		return leave(f);
	if (answer[0] == 'd' || answer[0] == 'D')
		return detach(f);
	if (answer[0] == 'c' || answer[0] == 'C') {
		progress_say(f->session->progress, "cancelling");
		return follow_cancel(f);
	}
	f->asking = false;
	f->session->interrupted = false;
	return true;
}

static bool handle_signal(struct follow *f, int signal)
{
	switch (signal) {
	case SIGWINCH:
		progress_resize(f->session->progress);
		return true;
	case SIGHUP: /* the terminal went away; the work need not */
		return detach(f);
	case SIGINT:
		if (f->asking || !can_ask(f)) /* a second Ctrl-C means it */
			return leave(f);
		progress_say(f->session->progress,
		             "detach (the run goes on) or cancel%s? [d/c, anything else continues]",
		             f->others > 0 ? " it for all who follow it" : "");
		f->asking = true;
		return true;
	case SIGTERM:
		return leave(f);
	default:
		return true;
	}
}

/* A run that waits for somebody who does not come must not do so in silence. */
static void tell_idle(struct follow *f)
{
	int64_t now = clock_monotonic_ns(), ready = 0;

	for (size_t i = 0; i < f->view.nsteps; i++)
		ready += f->view.steps[i].pending;
	if (f->view.workers > 0 || ready == 0) {
		f->idle_ns = 0;
	} else if (f->idle_ns == 0) {
		f->idle_ns = now;
	} else if (!f->idle_said && now - f->idle_ns > IDLE_NS) {
		f->idle_said = true;
		progress_say(f->session->progress,
		             "! no worker serves run %lld, %lld tasks wait: start one with "
		             "scitq-worker %s N -b '%s.*'",
		             (long long)f->run_id, (long long)ready, f->session->client.url.p,
		             f->view.workflow);
	}
}

/* A private server that cannot write anything down answers nobody's changes, and nothing moves. */
static void tell_full(struct follow *f)
{
	bool full = f->session->private_server && local_is_full(&f->session->local);

	if (full && !f->full)
		progress_say(
		        f->session->progress,
		        "! no space is left in %s: nothing that happens can be written down, and "
		        "the run waits for room",
		        f->session->local.state);
	f->full = full;
}

/* Until when nothing but news needs us. */
static int wait_ms(const struct follow *f)
{
	if (f->session->progress->terminal)
		return REDRAW_MS;
	if (standstill_wait_ms(&f->standstill) >= 0)
		return standstill_wait_ms(&f->standstill);
	/* One that is about to end holds the place of ours: that it lets go is told nowhere. */
	if (f->session->private_server)
		return f->idle_ns != 0 && f->session->workers > 0 ? WORKER_MS : FULL_MS;
	return f->idle_ns != 0 && !f->idle_said ? IDLE_NS / 1000000 : SUMMARY_MS;
}

static void poll_done(void *context, enum http_error error, struct http_response *response)
{
	struct follow_poll *p = context;
	struct follow *f = p->follow;
	json_t *news = NULL;

	p->waiting = false;
	switch (client_answer(&f->session->client, error, response, &news)) {
	case CLIENT_OK:
		read_news(f, news);
		break;
	case CLIENT_UNREACHABLE:
		p->lost = true;
		break;
	case CLIENT_UNAUTHORIZED:
	case CLIENT_REFUSED:
	case CLIENT_BROKEN:
		p->refused = true;
		session_fail(f->session, EXIT_CODE_SERVER, "following run %lld: %s",
		             (long long)f->run_id, f->session->client.error.p);
	}
	json_decref(news);
}

static void start_poll(struct follow_poll *p)
{
	struct follow *f = p->follow;
	struct http_request request;
	char path[160];

	snprintf(path, sizeof(path), "/runs/%lld/follow?since=%lld&wait=%d&who=%s",
	         (long long)f->run_id, (long long)f->event, POLL_SECONDS, f->session->who);
	client_request(&f->session->client, "GET", path, NULL, POLL_TIMEOUT_MS, &p->url, &request);
	http_multi_start(p->multi, &request, poll_done, p);
	p->waiting = true;
}

void follow_poll_init(struct follow_poll *p, struct follow *f)
{
	*p = (struct follow_poll){.follow = f, .multi = http_multi_new(), .url = STR_INIT};
}

void follow_poll_release(struct follow_poll *p)
{
	http_multi_free(p->multi);
	str_release(&p->url);
}

static bool look(struct follow *f, int64_t since)
{
	char path[96];
	json_t *news = NULL;

	snprintf(path, sizeof(path), "/runs/%lld/follow?since=%lld&wait=0", (long long)f->run_id,
	         (long long)since);
	if (!session_call(f->session, "GET", path, NULL, &news))
		return false;
	if (since == 0)
		json_object_del(news, "incidents");
	read_news(f, news);
	json_decref(news);
	return true;
}

bool follow_look(struct follow *f)
{
	bool ok = look(f, 0);

	if (ok)
		f->event = 0;
	return ok;
}

bool follow_refresh(struct follow *f)
{
	return look(f, f->event);
}

/* What was asked of a server that ended with a part of it done. */
static bool release_again(struct follow *f)
{
	return !f->released || !f->debug ||
	       session_set_run(f->session, f->run_id, json_pack("{s:b}", "debug", 0));
}

bool follow_turn(struct follow_poll *p, const int *fds, size_t nfds, int timeout_ms, int *signal)
{
	int all[4] = {http_multi_fd(p->multi)};

	if (p->lost) {
		p->lost = false;
		if (!follow_look(p->follow) || !release_again(p->follow))
			return false;
	}
	if (!p->waiting && !follow_ended(p->follow))
		start_poll(p);
	for (size_t i = 0; i < nfds; i++)
		all[i + 1] = fds[i];
	*signal = session_wait(p->follow->session, all, nfds + 1, timeout_ms);
	http_multi_run(p->multi);
	return !p->refused && session_tend(p->follow->session);
}

/* Nothing is to be seen until somebody debugs on. */
static bool waits_for_user(const struct follow *f)
{
	int64_t out = 0;

	for (size_t i = 0; i < f->view.nsteps; i++)
		out += f->view.steps[i].pending + f->view.steps[i].running;
	return f->brief && f->debug && !follow_ended(f) && out == 0;
}

bool follow_run(struct follow *f)
{
	const int typed = STDIN_FILENO;
	struct follow_poll poll;
	bool ok = true;

	follow_poll_init(&poll, f);
	while (ok && !follow_ended(f) && !f->detached && !f->left) {
		int signal;

		ok = follow_turn(&poll, &typed, f->asking, wait_ms(f), &signal);
		if (ok && f->asking)
			ok = read_answer(f);
		if (ok && signal != 0)
			ok = handle_signal(f, signal);
		f->detached = f->detached || waits_for_user(f);
		tell_idle(f);
		tell_full(f);
		standstill_look(&f->standstill, f->session, &f->view, f->event);
		show(f);
	}
	progress_clear(f->session->progress);
	follow_poll_release(&poll);
	return ok;
}
