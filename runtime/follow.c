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
	f->failures = json_array();
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
	json_decref(f->failures);
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
			v->pending = count(one, "pending");
			v->running = count(one, "running");
			v->succeeded = count(one, "succeeded");
			v->failed = count(one, "failed");
			/* What the plan has and the run has not stands from an earlier run. */
			v->reused = v->total - v->waiting - v->pending - v->running - v->succeeded -
			            v->failed;
		}
	}
}

/* "exit 3", "killed by signal 9", "out of time": how an execution failed. */
static void add_how(json_t *incident, struct str *out)
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

/* "qc.scitq:47": the line that failed where it is known, else that of the step. */
static void add_place(json_t *incident, struct str *out)
{
	const char *source = text(incident, "source"), *colon = strrchr(source, ':');
	int64_t line = count(incident, "failed_line");

	if (line > 0 && colon != NULL)
		str_addf(out, "%.*s:%lld", (int)(colon - source), source, (long long)line);
	else
		str_adds(out, source);
}

static void tell_incident(struct follow *f, json_t *incident)
{
	const char *kind = text(incident, "kind"), *worker = text(incident, "worker");
	struct str how = STR_INIT;

	if (strcmp(kind, "failed") == 0)
		json_array_append(f->failures, incident);
	if (strcmp(kind, "dependency") == 0)
		return;
	if (strcmp(kind, "lost") == 0) {
		str_adds(&how, "lost with its worker -> runs again");
	} else {
		add_how(incident, &how);
		if (strcmp(kind, "retry") == 0) {
			f->retried++;
			str_addf(&how, " -> retry %lld/%lld",
			         (long long)count(incident, "attempts"),
			         (long long)count(incident, "retry"));
		}
	}
	progress_say(f->session->progress, "! %s %s%s%s", text(incident, "name"), how.p,
	             *worker ? " on " : "", worker);
	str_release(&how);
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
	f->view.url = f->session->client.url.p;
	read_steps(f, json_object_get(run, "steps"));
	json_array_foreach(json_object_get(news, "incidents"), i, incident)
	        tell_incident(f, incident);
	progress_show(f->session->progress, &f->view);
}

static bool ended(const struct follow *f)
{
	return f->status != RUN_RUNNING && f->status != RUN_SUBMITTING;
}

/* PUT one member of the run. */
static bool set_run(struct follow *f, json_t *body)
{
	char path[64];
	bool ok;

	snprintf(path, sizeof(path), "/runs/%lld", (long long)f->run_id);
	ok = session_call(f->session, "PUT", path, body, NULL);
	json_decref(body);
	return ok;
}

/* Ctrl-C at a terminal: what shall happen to the run? */
static bool ask(struct follow *f)
{
	struct progress *p = f->session->progress;
	struct pollfd in = {STDIN_FILENO, POLLIN, 0};
	char answer[64];
	ssize_t n = 0;

	progress_say(p, "detach (the run goes on) or cancel? [d/c, anything else continues]");
	for (;;) {
		struct pollfd both[2] = {in, {f->session->signals, POLLIN, 0}};

		if (poll(both, 2, -1) < 0)
			continue;
		if (both[1].revents != 0 && session_wait(f->session, NULL, 0, 0) == SIGINT) {
			answer[0] = 'c'; /* a second Ctrl-C means it */
			break;
		}
		if (both[0].revents != 0) {
			n = fd_read(STDIN_FILENO, answer, sizeof(answer));
			if (n <= 0)
				answer[0] = 'c';
			break;
		}
	}
	if (answer[0] == 'd' || answer[0] == 'D') {
		f->detached = true;
		return set_run(f, json_pack("{s:b}", "detached", 1));
	}
	if (answer[0] == 'c' || answer[0] == 'C') {
		progress_say(p, "cancelling");
		return set_run(f, json_pack("{s:s}", "status", "cancelled"));
	}
	return true;
}

static bool handle_signal(struct follow *f, int signal)
{
	switch (signal) {
	case SIGWINCH:
		progress_resize(f->session->progress);
		return true;
	case SIGHUP: /* the terminal went away; the work need not */
		f->detached = true;
		return set_run(f, json_pack("{s:b}", "detached", 1));
	case SIGINT:
		if (f->session->progress->terminal && isatty(STDIN_FILENO))
			return ask(f);
		return set_run(f, json_pack("{s:s}", "status", "cancelled"));
	case SIGTERM:
		return set_run(f, json_pack("{s:s}", "status", "cancelled"));
	default:
		return true;
	}
}

struct poll_state {
	struct follow *follow;
	bool waiting; /* a poll is under way */
	bool lost;    /* it found nobody */
	bool refused;
};

static void poll_done(void *context, enum http_error error, struct http_response *response)
{
	struct poll_state *p = context;
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

static void start_poll(struct follow *f, struct http_multi *multi, struct poll_state *state,
                       struct str *url)
{
	struct http_request request;
	char path[96];

	snprintf(path, sizeof(path), "/runs/%lld/follow?since=%lld&wait=%d", (long long)f->run_id,
	         (long long)f->event, POLL_SECONDS);
	client_request(&f->session->client, "GET", path, NULL, POLL_TIMEOUT_MS, url, &request);
	http_multi_start(multi, &request, poll_done, state);
	state->waiting = true;
}

/* The server is back, perhaps another process with its own count of events. */
static bool reach_again(struct follow *f)
{
	char path[96];
	json_t *news = NULL;

	snprintf(path, sizeof(path), "/runs/%lld/follow?since=0&wait=0", (long long)f->run_id);
	if (!session_call(f->session, "GET", path, NULL, &news))
		return false;
	f->event = 0;
	json_array_clear(f->failures);
	f->retried = 0;
	json_object_del(news, "incidents");
	read_news(f, news);
	f->event = 0;
	json_decref(news);
	return true;
}

bool follow_run(struct follow *f)
{
	struct http_multi *multi = http_multi_new();
	struct poll_state state = {.follow = f};
	struct str url = STR_INIT;
	bool ok = true;

	while (ok && !ended(f) && !f->detached) {
		int fd = http_multi_fd(multi), signal;

		if (!state.waiting)
			start_poll(f, multi, &state, &url);
		signal = session_wait(f->session, &fd, 1,
		                      f->session->progress->terminal ? REDRAW_MS : -1);
		http_multi_run(multi);
		ok = !state.refused && session_tend(f->session);
		if (ok && signal != 0)
			ok = handle_signal(f, signal);
		if (ok && state.lost) {
			state.lost = false;
			ok = reach_again(f);
		}
		if (ok && f->session->progress->terminal)
			progress_show(f->session->progress, &f->view);
	}
	progress_clear(f->session->progress);
	http_multi_free(multi);
	str_release(&url);
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
		for (char *c = line; *c != '\0'; c++) {
			if ((unsigned char)*c < ' ' && *c != '\t')
				*c = '?'; /* no escape sequence of a task reaches the terminal */
		}
		progress_say(f->session->progress, "  | %s", line);
		line = end ? end + 1 : NULL;
	}
	str_release(&out);
}

static void show_failure(struct follow *f, json_t *incident)
{
	struct str how = STR_INIT, place = STR_INIT;
	int64_t tries = count(incident, "attempts");
	const char *worker = text(incident, "worker");

	add_how(incident, &how);
	if (*worker != '\0')
		str_addf(&how, " on %s", worker);
	if (tries > 1)
		str_addf(&how, ", %lld tries", (long long)tries);
	add_place(incident, &place);
	progress_say(f->session->progress, "  %s  %s  %s", text(incident, "name"), how.p, place.p);
	if (count(incident, "execution_id") > 0)
		show_tail(f, count(incident, "execution_id"));
	str_release(&how);
	str_release(&place);
}

void follow_summary(struct follow *f, int64_t started_ns)
{
	struct progress *p = f->session->progress;
	int64_t ok = 0, reused = 0, failed = 0, waiting = 0;
	size_t shown = json_array_size(f->failures);
	struct str line = STR_INIT;
	char elapsed[24];

	for (size_t i = 0; i < f->view.nsteps; i++) {
		ok += f->view.steps[i].succeeded;
		reused += f->view.steps[i].reused;
		failed += f->view.steps[i].failed;
		waiting += f->view.steps[i].waiting + f->view.steps[i].pending +
		           f->view.steps[i].running;
	}
	duration_text(clock_monotonic_ns() - started_ns, elapsed);
	if (f->detached) {
		progress_say(p, "%s run %lld goes on: %lld done, %lld to do", f->view.workflow,
		             (long long)f->run_id, (long long)(ok + reused), (long long)waiting);
		return;
	}
	str_addf(&line, "%s %s run %lld: %lld ok, %lld reused",
	         f->status == RUN_SUCCEEDED ? (p->unicode ? "\xe2\x9c\x93" : "ok")
	                                    : (p->unicode ? "\xe2\x9c\x97" : "failed"),
	         f->view.workflow, (long long)f->run_id, (long long)ok, (long long)reused);
	if (failed > 0)
		str_addf(&line, ", %lld failed", (long long)failed);
	if (f->retried > 0)
		str_addf(&line, ", %lld retried", (long long)f->retried);
	if (f->status == RUN_CANCELLED)
		str_adds(&line, ", cancelled");
	progress_say(p, "%s  %s", line.p, elapsed);
	str_release(&line);
	if (shown > FAILURES_SHOWN)
		shown = FAILURES_SHOWN;
	for (size_t i = 0; i < shown; i++)
		show_failure(f, json_array_get(f->failures, i));
	if (json_array_size(f->failures) > shown)
		progress_say(p, "  and %zu more", json_array_size(f->failures) - shown);
	if (failed > (int64_t)json_array_size(f->failures) && json_array_size(f->failures) > 0)
		progress_say(p, "  %lld more could not start: what they require failed",
		             (long long)(failed - (int64_t)json_array_size(f->failures)));
}

/* The one step that no other waits for, where it is a single task; or NULL. */
static const struct submission_step *last_step(const struct submission *s)
{
	const struct submission_step *last = NULL;
	bool *used = xcalloc(s->step_count, sizeof(*used));

	for (uint32_t i = 0; i < s->step_count; i++) {
		for (size_t k = 0; k < s->steps[i].nafter; k++)
			used[s->steps[i].after[k]] = true;
	}
	for (uint32_t i = 0; i < s->step_count; i++) {
		if (used[i] || s->steps[i].task_count == 0)
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
	if (ok && fd_write_all(STDOUT_FILENO, output, strlen(output)) != 0)
		ok = session_fail(f->session, EXIT_CODE_INFRASTRUCTURE,
		                  "cannot write to standard output: %s", strerror(errno));
	json_decref(reply);
	return ok;
}
