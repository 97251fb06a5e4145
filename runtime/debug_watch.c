/*
 * One task from the moment it may run to its end. GET /events says that something happened; what
 * did is read from the rows and told where it was not told before, so that nothing depends on
 * having heard of every event. Both logs are followed from the grant on.
 */
#include "base/clock.h"
#include "model/json.h"
#include "model/status.h"
#include "net/url.h"
#include "runtime/debug_inside.h"
#include "runtime/event_stream.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)
/* What a worker says of its staging is no event. */
#define STAGING_MS 500
/* A log whose end does not come is not waited for. */
#define LOG_NS (10 * SECOND_NS)
#define FILES_SHOWN 5
/* How often, and how long each time, a stream of events is waited for. */
#define FEED_TURNS 40
#define FEED_MS 50

struct watch;

/* One stream of events. */
struct feed {
	struct watch *watch;
	struct event_stream events;
	bool ready; /* what happens from here on is heard */
};

struct watch {
	struct debug *d;
	int64_t task_id;
	struct str name, batch, query;
	struct feed feeds[2];
	size_t nfeeds; /* that are wanted */
	struct debug_logs logs;
	bool look;         /* something happened */
	bool done;         /* and all of it was told */
	int64_t before;    /* executions up to this one are not of this attempt */
	int64_t execution; /* 0: none yet */
	int told;          /* its status, -1: nothing of it */
	int64_t ended_ns;  /* when its end was seen */
	struct str message, worker;
	int64_t waits_ns; /* since when it is pending; 0: it is not */
	struct str why;   /* as it was told last */
	unsigned rank;    /* of a recruiter that decided, 0: none did */
	int64_t job;      /* that moved, 0: none did */
	struct str job_told;
};

/* ---- streams ---- */

/* What it did is in the event, and in its row only until it decides again. */
static void take_decision(struct watch *w, const json_t *event)
{
	static const struct {
		const char *member, *done;
	} acts[] = {{"recycled", "takes over"}, {"deployed", "deploys"}};

	w->rank = (unsigned)member_int(event, "rank");
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		long long n = (long long)member_int(event, acts[i].member);

		if (n == 0 || w->execution != 0)
			continue;
		progress_say(w->d->out, "  recruiter %u %s %lld worker%s", w->rank, acts[i].done, n,
		             n == 1 ? "" : "s");
		w->rank = 0;
	}
}

static void take_event(struct watch *w, const char *kind, const json_t *event)
{
	if (strcmp(kind, "recruiter") == 0)
		take_decision(w, event);
	else if (strcmp(kind, "job") == 0)
		w->job = member_int(event, "job_id");
	else if (member_int(event, "task_id") == w->task_id)
		w->look = true;
}

static bool each_event(void *context, const char *kind, const struct str *data)
{
	struct feed *feed = context;
	struct problem problem;
	json_t *event;

	if (strcmp(kind, "ready") == 0 || strcmp(kind, "reset") == 0) {
		feed->ready = feed->watch->look = true;
		return true;
	}
	event = json_parse(data->p, data->len, &problem);
	take_event(feed->watch, kind, event);
	json_decref(event);
	return true;
}

static void feed_done(void *context, enum http_error error, struct http_response *response)
{
	struct feed *feed = context;

	(void)error;
	(void)response;
	feed->watch->look = true;
}

/* ---- what is told ---- */

/* "0.4s" between two dates of a row; "" where one is not there. */
static void duration_between(const json_t *row, const char *from, const char *to, char text[24])
{
	int64_t begin, end;

	text[0] = '\0';
	if (date_parse(member_text(row, from), &begin) && date_parse(member_text(row, to), &end))
		duration_text((end - begin) * 1000, text);
}

static void tell_worker(struct watch *w, int64_t worker_id)
{
	static const char *const more[] = {"hostname", "flavor", "provider", "region"};
	json_t *worker = debug_get(w->d, "/workers/%lld?view=full", (long long)worker_id);
	struct str about = STR_INIT;

	str_reset(&w->worker);
	str_adds(&w->worker,
	         worker != NULL ? member_text(worker, "name") : "a worker that is gone");
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		const char *value = member_text(worker, more[i]);

		if (*value != '\0' && strcmp(value, w->worker.p) != 0)
			str_addf(&about, "%s%s", about.len > 0 ? ", " : " (", value);
	}
	if (about.len > 0)
		str_addc(&about, ')');
	progress_say(w->d->out, "  taken by %s%s", w->worker.p, about.len > 0 ? about.p : "");
	str_release(&about);
	json_decref(worker);
}

static void tell_outputs(struct watch *w, const json_t *task, const json_t *execution)
{
	const char *text = member_text(execution, "outputs");
	json_t *files = json_loads(text, 0, NULL), *file;
	struct str line = STR_INIT;
	size_t i;

	json_array_foreach(files, i, file)
	{
		if (i < FILES_SHOWN)
			str_addf(&line, "%s%s", i ? ", " : "", member_text(file, "path"));
	}
	if (i > FILES_SHOWN)
		str_addf(&line, ", and %zu more", i - FILES_SHOWN);
	if (i > 0)
		progress_say(w->d->out, "  wrote %s  in %s", line.p, member_text(task, "output"));
	json_decref(files);
	str_release(&line);
}

/* What can be done about a failure. */
static void tell_remedy(struct watch *w, const json_t *task)
{
	int64_t failures = member_int(task, "attempts"), retry = member_int(task, "retry");

	if (strcmp(member_text(task, "status"), "debug") == 0 && failures > 0)
		progress_say(
		        w->d->out,
		        "  failure %lld of %lld; `retry` runs it again, `edit` changes its text",
		        (long long)failures, (long long)retry + 1);
	else
		progress_say(w->d->out, "  `retry` runs it again, `edit` changes its text");
}

static void tell_end(struct watch *w, json_t *task, json_t *execution)
{
	struct str how = STR_INIT, place = STR_INIT;
	char lasted[24];

	duration_between(execution, "start_date", "end_date", lasted);
	if (strcmp(member_text(execution, "status"), "succeeded") == 0) {
		progress_say(w->d->out, "%s succeeded on %s%s%s", w->name.p, w->worker.p,
		             *lasted ? " in " : "", lasted);
		tell_outputs(w, task, execution);
	} else {
		follow_add_how(execution, &how);
		follow_add_place(member_text(task, "source"), member_int(execution, "failed_line"),
		                 &place);
		progress_say(w->d->out, "%s failed on %s%s%s: %s  %s", w->name.p, w->worker.p,
		             *lasted ? " after " : "", lasted, how.p, place.len > 0 ? place.p : "");
		tell_remedy(w, task);
	}
	str_release(&how);
	str_release(&place);
}

/* The grant, staging, and start of its execution, where they were not told. */
static void tell_progress(struct watch *w, const json_t *execution, int status)
{
	const char *message = member_text(execution, "message");
	char staged[24];

	if (member_int(execution, "execution_id") != w->execution) {
		debug_logs_clear(&w->logs);
		w->execution = member_int(execution, "execution_id");
		vec_push(&w->d->follow->told, w->execution);
		w->told = -1;
		w->waits_ns = w->ended_ns = 0;
		str_reset(&w->message);
		tell_worker(w, member_int(execution, "worker_id"));
	}
	if (status == EXECUTION_ACCEPTED && *message != '\0' && strcmp(message, w->message.p)) {
		str_reset(&w->message);
		str_adds(&w->message, message);
		progress_say(w->d->out, "  %s", message);
	}
	duration_between(execution, "creation_date", "start_date", staged);
	if (w->told < EXECUTION_RUNNING && status >= EXECUTION_RUNNING && *staged != '\0')
		progress_say(w->d->out, "  staged in %s, runs", staged);
	w->told = status > w->told ? status : w->told;
}

/* The worker was lost, or refused it: another one takes it. */
static void tell_loss(struct watch *w, json_t *execution, int status)
{
	struct str how = STR_INIT;

	if (status == EXECUTION_REFUSED)
		str_addf(&how, "refused it: %s", member_text(execution, "message"));
	else if (strcmp(member_text(execution, "reason"), "lost") == 0)
		str_adds(&how, "was lost with it");
	else
		follow_add_how(execution, &how);
	progress_say(w->d->out, "  %s %s -> runs again", w->worker.p, how.p);
	str_release(&how);
	w->before = w->execution;
	w->execution = 0;
	w->told = -1;
	debug_logs_clear(&w->logs);
}

/* A task without an execution of this attempt. */
static void tell_idle(struct watch *w, int status)
{
	if (status == TASK_PENDING || status == TASK_ASSIGNED) {
		if (w->waits_ns == 0)
			w->waits_ns = clock_monotonic_ns();
		return;
	}
	progress_say(w->d->out, "%s is %s", w->name.p, task_status_words[status]);
	w->done = true;
}

static int status_of(const json_t *row, const char *const *words, size_t n)
{
	return status_parse(words, n, member_text(row, "status"));
}

static bool logs_ended(const struct watch *w)
{
	return debug_logs_ended(&w->logs) ||
	       (w->ended_ns != 0 && clock_monotonic_ns() - w->ended_ns > LOG_NS);
}

static void look(struct watch *w)
{
	json_t *task = debug_get(w->d, "/tasks/%lld?view=full", (long long)w->task_id);
	json_t *execution = task != NULL ? debug_execution(w->d, w->task_id) : NULL;
	int status = status_of(task, task_status_words, TASK_STATUS_COUNT);
	int how = status_of(execution, execution_status_words, EXECUTION_STATUS_COUNT);

	w->look = false;
	if (task == NULL) {
		w->done = true;
	} else if (execution == NULL || member_int(execution, "execution_id") <= w->before) {
		tell_idle(w, status);
	} else if (how >= 0) {
		tell_progress(w, execution, how);
		if (execution_is_done((enum execution_status)how) && w->ended_ns == 0)
			w->ended_ns = clock_monotonic_ns();
		if (w->ended_ns != 0 && logs_ended(w)) {
			if (how == EXECUTION_REFUSED || status == TASK_PENDING) {
				tell_loss(w, execution, how);
				w->look = true;
			} else {
				tell_end(w, task, execution);
				w->done = true;
			}
		}
	}
	json_decref(task);
	json_decref(execution);
}

/* Why nobody has taken it, where that goes on. */
static void tell_why(struct watch *w)
{
	json_t *why = debug_get(w->d, "/tasks/%lld/why", (long long)w->task_id);
	const char *sentence = member_text(why, "why"), *begin;
	struct str state = STR_INIT;

	/* Asked again in a while. */
	w->waits_ns = clock_monotonic_ns() + 4 * SECOND_NS;
	str_addf(&state, " is %s: ", member_text(why, "status"));
	if ((begin = strstr(sentence, state.p)) != NULL)
		sentence = begin + state.len;
	str_release(&state);
	if (strcmp(sentence, w->why.p) != 0 && *sentence != '\0')
		progress_say(w->d->out, "  %s", sentence);
	str_reset(&w->why);
	str_adds(&w->why, sentence);
	json_decref(why);
}

static void tell_decision(struct watch *w)
{
	struct str path = STR_INIT;
	json_t *decision;

	str_adds(&path, "/recruiter/");
	url_escape(&path, w->batch.p, w->batch.len);
	str_addf(&path, "/%u/why", w->rank);
	decision = debug_call(w->d, "GET", path.p, NULL);
	if (*member_text(decision, "why") != '\0')
		progress_say(w->d->out, "  %s", member_text(decision, "why"));
	json_decref(decision);
	str_release(&path);
}

/* A machine is made for the batch. */
static void tell_job(struct watch *w)
{
	json_t *job = debug_get(w->d, "/jobs/%lld", (long long)w->job), *args;
	struct str line = STR_INIT;

	w->job = 0;
	args = json_loads(member_text(job, "args"), 0, NULL);
	str_addf(&line, "%s %s: %s", member_text(job, "action"), member_text(job, "target"),
	         member_text(job, "status"));
	if (member_int(job, "progress") > 0)
		str_addf(&line, ", %lld %%", (long long)member_int(job, "progress"));
	if (*member_text(job, "reason") != '\0')
		str_addf(&line, ", %s", member_text(job, "reason"));
	if (strcmp(member_text(args, "batch"), w->batch.p) == 0 &&
	    strcmp(line.p, w->job_told.p) != 0) {
		progress_say(w->d->out, "  %s", line.p);
		str_reset(&w->job_told);
		str_adds(&w->job_told, line.p);
	}
	json_decref(args);
	json_decref(job);
	str_release(&line);
}

/* ---- the watch ---- */

static void watch_init(struct watch *w, struct debug *d, const json_t *task)
{
	*w = (struct watch){.d = d,
	                    .task_id = member_int(task, "task_id"),
	                    .told = -1,
	                    .name = STR_INIT,
	                    .batch = STR_INIT,
	                    .query = STR_INIT,
	                    .message = STR_INIT,
	                    .worker = STR_INIT,
	                    .why = STR_INIT,
	                    .job_told = STR_INIT};
	debug_name(task, &w->name);
	str_adds(&w->batch, member_text(task, "batch"));
	str_adds(&w->query, "/events?kind=task,execution,recruiter&batch=");
	url_escape(&w->query, w->batch.p, w->batch.len);
	for (size_t i = 0; i < 2; i++) {
		w->feeds[i].watch = w;
		event_stream_init(&w->feeds[i].events, &d->session->client, d->poll.multi,
		                  each_event, feed_done, &w->feeds[i]);
	}
	debug_logs_init(&w->logs, d, &w->look);
	w->feeds[0].events.path = w->query.p;
	/* Machines are made only where somebody recruits. */
	w->feeds[1].events.path = "/events?kind=job";
}

static void watch_release(struct watch *w)
{
	debug_logs_release(&w->logs);
	for (size_t i = 0; i < 2; i++)
		event_stream_release(&w->feeds[i].events);
	str_release(&w->name);
	str_release(&w->batch);
	str_release(&w->query);
	str_release(&w->message);
	str_release(&w->worker);
	str_release(&w->why);
	str_release(&w->job_told);
}

static bool has_recruiter(struct watch *w)
{
	struct str path = STR_INIT;
	json_t *rows;
	bool some;

	str_adds(&path, "/recruiter/?batch=");
	url_escape(&path, w->batch.p, w->batch.len);
	rows = debug_call(w->d, "GET", path.p, NULL);
	some = json_array_size(rows) > 0;
	json_decref(rows);
	str_release(&path);
	return some;
}

/* Let it run. False, told, where that cannot be. */
static bool begin(struct watch *w, const json_t *task)
{
	json_t *last = debug_execution(w->d, w->task_id), *reply;
	const char *status = member_text(task, "status");
	char path[64];

	if (strcmp(status, "assigned") == 0 || strcmp(status, "accepted") == 0 ||
	    strcmp(status, "running") == 0) {
		/* What it has done so far is told, too. */
		w->before = member_int(last, "execution_id") - 1;
		json_decref(last);
		return !w->d->broken;
	}
	w->before = member_int(last, "execution_id");
	json_decref(last);
	snprintf(path, sizeof(path), "/tasks/%lld", (long long)w->task_id);
	reply = w->d->broken
	                ? NULL
	                : debug_call(w->d, "PUT", path, json_pack("{s:s}", "status", "pending"));
	json_decref(reply);
	return reply != NULL;
}

/* Until the streams are there: what a recruiter decides at once is told by nothing else. */
static void await_feeds(struct watch *w)
{
	int signal = 0;

	for (size_t i = 0; i < w->nfeeds; i++)
		event_stream_tend(&w->feeds[i].events);
	for (size_t i = 0; i < w->nfeeds; i++) {
		struct feed *feed = &w->feeds[i];

		for (int k = 0; k < FEED_TURNS && feed->events.call != 0 && !feed->ready &&
		                !w->d->broken && signal == 0;
		     k++)
			w->d->broken = !follow_turn(&w->d->poll, NULL, 0, FEED_MS, &signal);
	}
	if (signal != 0)
		debug_signal(w->d, signal);
}

static int wait_ms(const struct watch *w)
{
	if (w->execution == 0 && w->waits_ns != 0)
		return 1000;
	if (w->execution != 0 && w->told < EXECUTION_RUNNING)
		return STAGING_MS;
	return 1000;
}

static void turn(struct watch *w)
{
	if (w->rank != 0 && w->execution == 0)
		tell_decision(w);
	w->rank = 0;
	if (w->job != 0)
		tell_job(w);
	if (w->look || (w->execution != 0 && w->told < EXECUTION_RUNNING) || w->ended_ns != 0)
		look(w);
	if (w->waits_ns != 0 && clock_monotonic_ns() - w->waits_ns > SECOND_NS && !w->done)
		tell_why(w);
	for (size_t i = 0; i < w->nfeeds && !w->done; i++)
		event_stream_tend(&w->feeds[i].events);
	/* Its lines come behind the one that says that it runs. */
	if (!w->done && w->told >= EXECUTION_RUNNING)
		debug_logs_tend(&w->logs, w->execution);
}

void debug_watch(struct debug *d, const json_t *task)
{
	struct watch w;

	watch_init(&w, d, task);
	w.nfeeds = has_recruiter(&w) ? 2 : 1;
	await_feeds(&w);
	w.look = true;
	w.done = d->broken || d->over || !begin(&w, task);
	if (!w.done)
		progress_say(d->out, "%s  task %lld of %s", w.name.p, (long long)w.task_id,
		             w.batch.p);
	d->follow->watched = w.task_id;
	while (!w.done && !d->broken && !d->over) {
		int signal;

		turn(&w);
		if (w.done || d->broken)
			break;
		if (!follow_turn(&d->poll, NULL, 0, w.look ? 0 : wait_ms(&w), &signal)) {
			d->broken = true;
			break;
		}
		if (signal != 0 && debug_signal(d, signal)) {
			d->follow->watched = 0;
			if (w.execution != 0)
				d->follow->told.n--;
			if (!d->over)
				progress_say(d->out, "%s goes on; `run %s` follows it again",
				             w.name.p, w.name.p);
			break;
		}
	}
	watch_release(&w);
}
