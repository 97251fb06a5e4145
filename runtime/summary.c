#include "runtime/summary.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "runtime/member.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 1000
#define TAIL_BYTES 2000
#define TAIL_LINES 10
#define FAILURES_SHOWN 10

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
	const char *reason = member_text(task, "reason");

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
			after = member_int(task, "task_id");
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
	if (member_int(execution, "worker_id") > 0) {
		snprintf(path, sizeof(path), "/workers/%lld",
		         (long long)member_int(execution, "worker_id"));
		if (client_call(&f->session->client, "GET", path, NULL, 10000, &row) == CLIENT_OK)
			str_adds(worker, member_text(row, "name"));
		json_decref(row);
	}
	return execution;
}

static void show_failure(struct follow *f, json_t *task)
{
	struct str how = STR_INIT, place = STR_INIT, worker = STR_INIT;
	json_t *execution = latest_execution(f, member_int(task, "task_id"), &worker);
	int64_t tries = member_int(task, "attempts");

	follow_add_how(execution ? execution : task, &how);
	if (worker.len > 0)
		str_addf(&how, " on %s", worker.p);
	if (tries > 1)
		str_addf(&how, ", %lld tries", (long long)tries);
	follow_add_place(member_text(task, "source"), member_int(execution, "failed_line"), &place);
	progress_say(f->session->progress, "  %s  %s  %s", member_text(task, "name"), how.p,
	             place.p);
	if (execution != NULL)
		show_tail(f, member_int(execution, "execution_id"));
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

	str_add_shell_quoted(&name, member_text(task, "name"));
	progress_say(f->session->progress,
	             "  scitq logs %lld %s %s scitq shell %lld %s %s scitq retry %lld --failed",
	             run, name.p, between, run, name.p, between, run);
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

void summary_tell(struct follow *f, int64_t started_ns)
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

bool summary_print_result(struct follow *f, const struct reuse *reuse)
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
	output = member_text(json_array_get(reply, 0), "output");
	if (ok)
		err = fd_write_all(STDOUT_FILENO, output, strlen(output));
	/* Whoever read had enough. */
	if (err != 0 && err != -EPIPE)
		ok = session_fail(f->session, EXIT_CODE_INFRASTRUCTURE,
		                  "cannot write to standard output: %s", strerror(-err));
	json_decref(reply);
	return ok;
}
