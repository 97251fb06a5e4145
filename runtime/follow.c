#include "runtime/follow.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "model/json.h"

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
#define IDLE_NS (10 * INT64_C(1000000000))
#define PAGE 1000
#define TAIL_BYTES 2000
#define TAIL_LINES 10
#define FAILURES_SHOWN 10

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
}

static int64_t count(json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *text(json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value ? value : "";
}

static void read_steps(struct follow *f, json_t *steps)
{
	json_t *one;
	size_t k;

	json_array_foreach(steps, k, one)
	{
		const char *batch = text(one, "batch");

		for (size_t i = 0; i < f->view.nsteps; i++) {
			struct step_view *v = &f->view.steps[i];

			if (strcmp(f->submission->steps[i].batch, batch) != 0)
				continue;
			v->waiting = count(one, "waiting") + count(one, "paused");
			v->debug = count(one, "debug");
			v->pending = count(one, "pending");
			v->running = count(one, "running");
			v->succeeded = count(one, "succeeded");
			v->failed = count(one, "failed");
			/* What the plan has and the run has not stands from an earlier run. */
			v->reused = v->total - v->waiting - v->debug - v->pending - v->running -
			            v->succeeded - v->failed;
		}
	}
}

void follow_add_how(json_t *incident, struct str *out)
{
	const char *reason = text(incident, "reason"), *message = text(incident, "message");
	int64_t code = count(incident, "return_code");

	if (strcmp(reason, "exit") == 0 || *reason == '\0')
		str_addf(out, "exit %lld", (long long)code);
	else if (strcmp(reason, "signal") == 0)
		str_addf(out, "killed by signal %lld", (long long)(code > 128 ? code - 128 : code));
	else if (strcmp(reason, "timeout") == 0)
		str_adds(out, "out of time");
	else if (strcmp(reason, "memory") == 0)
		str_adds(out, "out of memory");
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
	const char *kind = text(incident, "kind"), *worker = text(incident, "worker");
	const char *reason = text(incident, "reason");
	struct str line = STR_INIT;

	if (strcmp(kind, "dependency") == 0)
		return;
	if (strcmp(kind, "told") == 0) {
		progress_say(f->session->progress, "! %s: %s", text(incident, "name"),
		             text(incident, "message"));
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
		str_addf(&line, " -> retry %lld/%lld", (long long)count(incident, "attempts"),
		         (long long)count(incident, "retry"));
	progress_say(f->session->progress, "! %s %s", text(incident, "name"), line.p);
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

static void read_news(struct follow *f, json_t *news)
{
	json_t *run = json_object_get(news, "run"), *incident;
	int status = status_parse(run_status_words, RUN_STATUS_COUNT, text(run, "status"));
	size_t i;

	f->event = count(news, "event");
	if (status >= 0)
		f->status = (enum run_status)status;
	f->view.workers = count(run, "workers");
	f->retried = count(run, "retried");
	/* One of them is us. */
	f->others = count(run, "followers") - 1;
	f->hooks = count(run, "hooks");
	f->debug = json_is_true(json_object_get(run, "debug"));
	read_steps(f, json_object_get(run, "steps"));
	json_array_foreach(json_object_get(news, "incidents"), i, incident)
	{
		if (!f->dialog || count(incident, "task_id") != f->watched)
			tell_incident(f, incident);
	}
	show(f);
}

bool follow_ended(const struct follow *f)
{
	/* A hook is waited for: a private server would go with us. */
	return f->status != RUN_RUNNING && f->status != RUN_SUBMITTING && f->hooks == 0;
}

/* PUT one member of the run. */
static bool set_run(struct follow *f, json_t *body)
{
	bool ok = session_set_run(f->session, f->run_id, body);

	json_decref(body);
	return ok;
}

static bool detach(struct follow *f)
{
	f->asking = false;
	f->detached = true;
	return set_run(f, json_pack("{s:b, s:s}", "detached", 1, "left", f->session->who));
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
	return set_run(f, json_pack("{s:s}", "status", "cancelled"));
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

/* Until when nothing but news needs us. */
static int wait_ms(const struct follow *f)
{
	if (f->session->progress->terminal)
		return REDRAW_MS;
	if (standstill_wait_ms(&f->standstill) >= 0)
		return standstill_wait_ms(&f->standstill);
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
	json_t *body = json_pack("{s:b}", "debug", 0);
	bool ok = !f->released || !f->debug || session_set_run(f->session, f->run_id, body);

	json_decref(body);
	return ok;
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
		tell_idle(f);
		standstill_look(&f->standstill, f->session, &f->view, f->event);
		show(f);
	}
	progress_clear(f->session->progress);
	follow_poll_release(&poll);
	return ok;
}

/* The last lines that a failed execution wrote to standard error. */
static void show_tail(struct follow *f, int64_t execution)
{
	struct str out = STR_INIT;
	char path[96];
	unsigned lines = 0;
	char *from;

	snprintf(path, sizeof(path), "/executions/%lld/log/stderr?tail=%d", (long long)execution,
	         TAIL_BYTES);
	/* The failure itself has been told; a log that cannot be had takes nothing from it. */
	if (client_get_bytes(&f->session->client, path, 10000, &out) != CLIENT_OK)
		progress_say(f->session->progress, "  | (no log: %s)", f->session->client.error.p);
	while (out.len > 0 && out.p[out.len - 1] == '\n')
		out.p[--out.len] = '\0';
	for (from = out.p + out.len; from > out.p; from--) {
		if (from[-1] == '\n' && ++lines == TAIL_LINES)
			break;
	}
	for (char *line = from; out.len > 0 && line != NULL;) {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end = '\0';
		progress_say(f->session->progress, "  | %s", line);
		line = end ? end + 1 : NULL;
	}
	str_release(&out);
}

/* What is told of the tasks that failed: the database is asked, which outlives any server. */
struct failures {
	json_t *list; /* the first that failed by themselves, by number */
	int64_t failed;
	int64_t not_run; /* what they require failed */
	int64_t cancelled;
};

static void add_failure(struct failures *out, json_t *task)
{
	const char *reason = text(task, "reason");

	if (strcmp(reason, "dependency") == 0) {
		out->not_run++;
	} else if (strcmp(reason, "cancelled") == 0) {
		out->cancelled++;
	} else {
		out->failed++;
		if (json_array_size(out->list) < FAILURES_SHOWN)
			json_array_append(out->list, task);
	}
}

static bool find_failures(struct follow *f, struct failures *out)
{
	int64_t after = 0;
	size_t n;

	*out = (struct failures){.list = json_array()};
	do {
		json_t *body = json_pack("{s:I, s:s, s:s, s:i, s:I}", "run_id",
		                         (json_int_t)f->run_id, "status", "failed", "view", "full",
		                         "limit", PAGE, "after", (json_int_t)after);
		json_t *reply = NULL, *task;
		size_t i;
		bool ok = session_call(f->session, "GET", "/tasks/", body, &reply);

		json_decref(body);
		n = json_array_size(reply);
		json_array_foreach(reply, i, task)
		{
			add_failure(out, task);
			after = count(task, "task_id");
		}
		json_decref(reply);
		if (!ok)
			return false;
	} while (n == PAGE);
	return true;
}

/* The latest execution of a task and the name of its worker, or NULL and "". */
static json_t *latest_execution(struct follow *f, int64_t task_id, struct str *worker)
{
	json_t *body = json_pack("{s:I, s:b, s:b, s:s}", "task_id", (json_int_t)task_id, "latest",
	                         1, "no_output", 1, "view", "full");
	json_t *reply = NULL, *execution = NULL, *row = NULL;
	char path[64];

	if (session_call(f->session, "GET", "/executions/", body, &reply))
		execution = json_incref(json_array_get(reply, 0));
	json_decref(body);
	json_decref(reply);
	if (count(execution, "worker_id") > 0) {
		snprintf(path, sizeof(path), "/workers/%lld",
		         (long long)count(execution, "worker_id"));
		if (client_call(&f->session->client, "GET", path, NULL, 10000, &row) == CLIENT_OK)
			str_adds(worker, text(row, "name"));
		json_decref(row);
	}
	return execution;
}

static void show_failure(struct follow *f, json_t *task)
{
	struct str how = STR_INIT, place = STR_INIT, worker = STR_INIT;
	json_t *execution = latest_execution(f, count(task, "task_id"), &worker);
	int64_t tries = count(task, "attempts");

	follow_add_how(execution ? execution : task, &how);
	if (worker.len > 0)
		str_addf(&how, " on %s", worker.p);
	if (tries > 1)
		str_addf(&how, ", %lld tries", (long long)tries);
	follow_add_place(text(task, "source"), count(execution, "failed_line"), &place);
	progress_say(f->session->progress, "  %s  %s  %s", text(task, "name"), how.p, place.p);
	if (execution != NULL)
		show_tail(f, count(execution, "execution_id"));
	json_decref(execution);
	str_release(&how);
	str_release(&place);
	str_release(&worker);
}

static void add_count(struct str *line, int64_t n, const char *what)
{
	if (n > 0)
		str_addf(line, ", %lld %s", (long long)n, what);
}

/* What a person does next about the first that failed. */
static void show_ways(struct follow *f, json_t *task)
{
	const char *between = f->session->progress->unicode ? "\xc2\xb7" : "|";
	long long run = (long long)f->run_id;
	struct str name = STR_INIT;

	str_add_shell_quoted(&name, text(task, "name"));
	progress_say(f->session->progress,
	             "  scitq logs %lld %s %s scitq shell %lld %s %s scitq retry %lld --failed", run,
	             name.p, between, run, name.p, between, run);
	str_release(&name);
}

static void show_end(struct follow *f, int64_t ok, int64_t reused, const char *elapsed)
{
	struct progress *p = f->session->progress;
	struct failures failures = {0};
	struct str line = STR_INIT;
	size_t shown;

	if (f->status != RUN_SUCCEEDED && !find_failures(f, &failures))
		progress_say(p, "! %s", f->session->error.p);
	shown = json_array_size(failures.list);
	str_addf(&line, "%s %s run %lld: %lld ok, %lld reused",
	         f->status == RUN_SUCCEEDED ? (p->unicode ? "\xe2\x9c\x93" : "ok")
	                                    : (p->unicode ? "\xe2\x9c\x97" : "failed"),
	         f->view.workflow, (long long)f->run_id, (long long)ok, (long long)reused);
	add_count(&line, failures.failed, "failed");
	add_count(&line, failures.not_run, "not run");
	add_count(&line, failures.cancelled, "cancelled");
	add_count(&line, f->retried, f->retried == 1 ? "retry" : "retries");
	progress_say(p, "%s  %s", line.p, elapsed);
	str_release(&line);
	for (size_t i = 0; i < shown; i++)
		show_failure(f, json_array_get(failures.list, i));
	if (failures.failed > (int64_t)shown)
		progress_say(p, "  and %lld more", (long long)failures.failed - (long long)shown);
	if (shown > 0)
		show_ways(f, json_array_get(failures.list, 0));
	json_decref(failures.list);
}

void follow_summary(struct follow *f, int64_t started_ns)
{
	int64_t ok = 0, reused = f->reused_before, left = 0;
	char elapsed[24];

	for (size_t i = 0; i < f->view.nsteps; i++) {
		const struct step_view *v = &f->view.steps[i];

		ok += v->succeeded;
		reused += v->reused;
		left += v->waiting + v->debug + v->pending + v->running;
	}
	duration_text(clock_monotonic_ns() - started_ns, elapsed);
	if (f->left)
		progress_say(f->session->progress, "%s run %lld goes on: %lld other%s follow%s it",
		             f->view.workflow, (long long)f->run_id, (long long)f->others,
		             f->others == 1 ? "" : "s", f->others == 1 ? "s" : "");
	else if (f->detached)
		progress_say(f->session->progress, "%s run %lld %s: %lld done, %lld to do%s",
		             f->view.workflow, (long long)f->run_id,
		             f->debug ? "waits for you" : "goes on", (long long)(ok + reused),
		             (long long)left, f->debug ? "; the same command goes on with it" : "");
	else
		show_end(f, ok, reused, elapsed);
}

static bool removes(const struct submission *s, uint32_t step)
{
	return s->steps[step].first_task >= s->first_removal;
}

/* The one step that no other waits for, where it is a single task; or NULL. */
static const struct submission_step *last_step(const struct submission *s)
{
	const struct submission_step *last = NULL;
	bool *used = xcalloc(s->step_count, sizeof(*used));

	for (uint32_t i = 0; i < s->step_count; i++) {
		for (size_t k = 0; !removes(s, i) && k < s->steps[i].nafter; k++)
			used[s->steps[i].after[k]] = true;
	}
	for (uint32_t i = 0; i < s->step_count; i++) {
		if (used[i] || s->steps[i].task_count == 0 || removes(s, i))
			continue;
		if (last != NULL || s->steps[i].task_count != 1) {
			last = NULL;
			break;
		}
		last = &s->steps[i];
	}
	free(used);
	return last;
}

bool follow_print_result(struct follow *f, const struct reuse *reuse)
{
	const struct submission_step *step = last_step(f->submission);
	struct submission_task task = {0};
	json_t *body, *reply = NULL;
	const char *output;
	struct arena arena;
	int err = 0;
	bool ok;

	if (step == NULL)
		return true;
	if (reuse->task_id[step->first_task] != 0) {
		body = json_pack("{s:I, s:b}", "task_id",
		                 (json_int_t)reuse->task_id[step->first_task], "latest", 1);
	} else {
		arena_init(&arena);
		f->submission->task(f->submission, step->first_task, &arena, &task);
		body = json_pack("{s:s, s:s, s:b}", "batch", step->batch, "task_name",
		                 task.row.name, "latest", 1);
		arena_release(&arena);
	}
	json_object_set_new(body, "limit", json_integer(1));
	json_object_set_new(body, "reverse", json_true());
	ok = session_call(f->session, "GET", "/executions/", body, &reply);
	json_decref(body);
	output = text(json_array_get(reply, 0), "output");
	if (ok)
		err = fd_write_all(STDOUT_FILENO, output, strlen(output));
	/* Whoever read had enough. */
	if (err != 0 && err != -EPIPE)
		ok = session_fail(f->session, EXIT_CODE_INFRASTRUCTURE,
		                  "cannot write to standard output: %s", strerror(-err));
	json_decref(reply);
	return ok;
}
