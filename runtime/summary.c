#include "runtime/summary.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "runtime/failures.h"
#include "model/member.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Folders that are named; of more the number is. */
#define FOLDERS 3

static void show_results(struct follow *f, const json_t *folders)
{
	const json_t *folder;
	struct str line = STR_INIT;
	size_t i, n = json_array_size(folders);

	json_array_foreach(folders, i, folder)
	{
		if (i < FOLDERS)
			str_addf(&line, "%s%s", i > 0 ? ", " : "", json_string_value(folder));
	}
	if (n > FOLDERS)
		str_addf(&line, " and %zu more", n - FOLDERS);
	if (n > 0)
		progress_say(f->session->progress, "  results in %s", line.p);
	str_release(&line);
}

/* The same for a program. A run that goes on has no end, but is left. */
static void tell_end(struct follow *f, const struct failures *failures, json_t *folders, int64_t ok,
                     int64_t reused, int64_t ns)
{
	telling_line(f->session->telling, "end",
	             json_pack("{s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:O, s:O}", "run_id",
	                       (json_int_t)f->run_id, "status", run_status_words[f->status],
	                       "succeeded", (json_int_t)ok, "reused", (json_int_t)reused, "failed",
	                       (json_int_t)failures->failed, "not_run",
	                       (json_int_t)failures->not_run, "cancelled",
	                       (json_int_t)failures->cancelled, "retried", (json_int_t)f->retried,
	                       "seconds", (double)ns / 1e9, "results", folders, "failures",
	                       failures->list));
}

static void show_end(struct follow *f, const struct results *results, int64_t ok, int64_t reused,
                     int64_t ns)
{
	struct progress *p = f->session->progress;
	json_t *folders = results_folders(results, f->view.steps);
	struct failures failures;
	struct str line = STR_INIT;
	char elapsed[24];

	duration_text(ns, elapsed);
	failures_init(&failures);
	if (f->status != RUN_SUCCEEDED && !failures_find(&failures, f->session, f->run_id))
		progress_say(p, "! %s", f->session->error.p);
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
	show_results(f, folders);
	failures_show(&failures, f->session);
	if (json_array_size(failures.list) > 0)
		show_ways(f, json_array_get(failures.list, 0));
	tell_end(f, &failures, folders, ok, reused, ns);
	json_decref(folders);
	failures_release(&failures);
}

static void tell_detached(struct follow *f, int64_t done, int64_t left)
{
	struct str line = STR_INIT;
	int64_t failed = 0;

	for (size_t i = 0; i < f->view.nsteps; i++)
		failed += f->view.steps[i].failed;
	str_addf(&line, "%s run %lld %s: %lld done", f->view.workflow, (long long)f->run_id,
	         f->debug ? "waits for you" : "goes on", (long long)done);
	add_count(&line, failed, "failed");
	str_addf(&line, ", %lld to do", (long long)left);
	if (f->debug)
		str_addf(&line, "; %s %s", f->brief ? "scitq-run --debug" : "the same command",
		         f->another ? "begins another run" : "goes on with it");
	progress_say(f->session->progress, "%s", line.p);
	str_release(&line);
}

void summary_tell(struct follow *f, const struct results *results, int64_t started_ns)
{
	int64_t ok = 0, reused = f->reused_before, left = 0;

	for (size_t i = 0; i < f->view.nsteps; i++) {
		const struct step_view *v = &f->view.steps[i];

		ok += v->succeeded;
		reused += v->reused;
		left += v->waiting + v->debug + v->pending + v->running;
	}
	if (f->left)
		progress_say(f->session->progress, "%s run %lld goes on: %lld other%s follow%s it",
		             f->view.workflow, (long long)f->run_id, (long long)f->others,
		             f->others == 1 ? "" : "s", f->others == 1 ? "s" : "");
	else if (f->detached)
		tell_detached(f, ok + reused, left);
	else
		show_end(f, results, ok, reused, clock_monotonic_ns() - started_ns);
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
	if (ok && f->session->telling != NULL)
		telling_line(f->session->telling, "output",
		             json_pack("{s:s, s:s}", "step", step->name, "text", output));
	else if (ok)
		err = fd_write_all(STDOUT_FILENO, output, strlen(output));
	/* Whoever read had enough. */
	if (err != 0 && err != -EPIPE)
		ok = session_fail(f->session, EXIT_CODE_INFRASTRUCTURE,
		                  "cannot write to standard output: %s", strerror(-err));
	json_decref(reply);
	return ok;
}
