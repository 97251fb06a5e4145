#include "runtime/submit.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/uri_list.h"
#include "model/json.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BULK_TASKS 10000
#define BULK_BYTES (16u << 20)
#define SUBMIT_TRIES 5 /* after another one's bulks were in the way */

/* A task number's id on the server: new, found in the joined run, or 0. */
struct sender {
	struct session *session;
	const struct identities *ids;
	const struct reuse *reuse;
	int64_t run_id;
	int64_t *task_id;
	bool conflict; /* another scitq-run sent the same tasks cut in other bulks */
	/* The bulk being filled. */
	json_t *tasks;
	uint32_t *numbers;
	size_t n, bytes;
	uint32_t sent;
};

static void add_hook(json_t *body, const struct submission_hook *hook)
{
	struct task row = hook->row;
	struct str text = STR_INIT;
	json_t *task;

	/* The server gives both. */
	row.status = STATUS_NULL;
	row.batch = NULL;
	task = row_to_request(table_get(TABLE_TASK), &row);
	json_print(task, &text);
	json_object_set_new(body, hook->word, json_string(text.p));
	json_decref(task);
	str_release(&text);
}

static json_t *run_body(const struct identities *ids, const struct reuse *reuse, const char *path,
                        const char *arguments, const char *who, bool debug)
{
	const struct submission *sub = ids->submission;
	json_t *body = json_object(), *batches = json_array(), *recruiters = json_array();
	char digest[DIGEST_TEXT_SIZE], key[33];
	const char *owner = getenv("USER");

	identities_plan_digest(ids, digest);
	random_hex(key, sizeof(key) - 1);
	json_object_set_new(body, "name", json_string(sub->workflow));
	json_object_set_new(body, "digest", json_string(digest));
	json_object_set_new(body, "key", json_string(key));
	json_object_set_new(body, "who", json_string(who));
	json_object_set_new(body, "task_count", json_integer(sub->task_count - reuse->count));
	json_object_set_new(body, "reused_count", json_integer(reuse->count));
	json_object_set_new(body, "source", json_string(path));
	if (arguments != NULL)
		json_object_set_new(body, "arguments", json_text(arguments));
	if (debug)
		json_object_set_new(body, "debug", json_true());
	if (owner != NULL && *owner != '\0')
		json_object_set_new(body, "owner", json_string(owner));
	if (sub->maximum_workers != INT_NULL)
		json_object_set_new(body, "maximum_workers", json_integer(sub->maximum_workers));
	if (!isnan(sub->max_cost))
		json_object_set_new(body, "max_cost", json_real(sub->max_cost));
	for (uint32_t i = 0; i < sub->step_count; i++) {
		const struct submission_step *step = &sub->steps[i];
		json_t *batch = json_object();

		json_object_set_new(batch, "batch", json_string(step->batch));
		json_object_set_new(batch, "depth", json_integer(step->depth));
		if (step->concurrency != INT_NULL)
			json_object_set_new(batch, "concurrency", json_integer(step->concurrency));
		json_array_append_new(batches, batch);
	}
	for (size_t i = 0; i < sub->recruiter_count; i++)
		json_array_append_new(recruiters, row_to_request(table_get(TABLE_RECRUITER),
		                                                 &sub->recruiters[i]));
	for (size_t i = 0; i < sub->hook_count; i++)
		add_hook(body, &sub->hooks[i]);
	json_object_set_new(body, "batches", batches);
	json_object_set_new(body, "recruiters", recruiters);
	return body;
}

static bool set_status(struct session *s, int64_t run_id, const char *status)
{
	return session_set_run(s, run_id, json_pack("{s:s}", "status", status));
}

/* A person who wants to stop is heard between two bulks. */
static bool may_go_on(struct sender *b)
{
	struct session *s = b->session;
	int64_t others = 0;

	switch (session_wait(s, NULL, 0, 0)) {
	case SIGINT:
	case SIGTERM:
		break;
	case SIGHUP:
		s->hung_up = true;
		return true;
	default:
		return true;
	}
	if (session_leave(s, b->run_id, &others))
		session_fail(s, EXIT_CODE_INTERRUPTED, "interrupted while submitting; run %lld %s",
		             (long long)b->run_id,
		             others > 0 ? "goes on for others who follow it" : "is cancelled");
	return false;
}

/*
 * The key is that of the first task: two that submit one run at the same time, or
 * one after the other was killed, make the same bulks, and each is created once.
 */
static bool flush(struct sender *b)
{
	json_t *body, *reply = NULL, *ids;
	char key[64];
	bool ok;

	if (b->n == 0)
		return true;
	snprintf(key, sizeof(key), "run-%lld.%u", (long long)b->run_id, b->numbers[0]);
	body = json_pack("{s:s, s:I, s:o}", "key", key, "run_id", (json_int_t)b->run_id, "tasks",
	                 b->tasks);
	ok = session_call(b->session, "POST", "/tasks/bulk", body, &reply);
	b->conflict = !ok && b->session->client.status == 409;
	ids = json_object_get(reply, "task_ids");
	if (ok && json_array_size(ids) != b->n)
		ok = session_fail(b->session, EXIT_CODE_SERVER,
		                  "the server answered %zu ids for %zu tasks", json_array_size(ids),
		                  b->n);
	for (size_t i = 0; ok && i < b->n; i++)
		b->task_id[b->numbers[i]] = json_integer_value(json_array_get(ids, i));
	b->sent += (uint32_t)b->n;
	json_decref(reply);
	json_decref(body);
	b->tasks = json_array();
	b->n = b->bytes = 0;
	return ok && may_go_on(b);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* What the task takes from each that it requires, as lists; NULL where it must succeed anyway. */
static struct str *taken(const struct submission_task *task)
{
	const struct submission_uri *lists[] = {task->inputs, task->resources};
	const size_t n[] = {task->ninputs, task->nresources};
	struct str word = STR_INIT, *words;

	if (task->gathers == NULL && task->row.accept_failure != 1)
		return NULL;
	words = xcalloc(task->nrequires, sizeof(*words));
	for (size_t k = 0; k < task->nrequires; k++)
		str_init(&words[k]);
	for (int l = 0; l < 2; l++) {
		for (size_t i = 0; i < n[l]; i++) {
			const struct submission_uri *u = &lists[l][i];
			const uint32_t *at = bsearch(&u->producer, task->requires, task->nrequires,
			                             sizeof(*at), by_number);

			if (at == NULL)
				continue;
			str_reset(&word);
			str_addf(&word, "%s%s", u->uri, u->actions);
			uri_list_add(&words[at - task->requires], word.p);
		}
	}
	str_release(&word);
	return words;
}

/* Who must have ended before, and how: an id or a key, or an object around it. */
static json_t *requirements(const struct sender *b, const struct submission_task *task,
                            struct arena *arena)
{
	struct str *words = taken(task);
	json_t *list = json_array();

	for (size_t i = 0; i < task->nrequires; i++) {
		uint32_t r = task->requires[i];
		uint32_t gather = task->gathers ? task->gathers[i] : UINT32_MAX;
		json_t *other = NULL;

		if (b->task_id[r] != 0)
			other = json_integer(b->task_id[r]);
		else if (b->reuse->task_id[r] == 0)
			other = json_string(arena_printf(arena, "%u", r));
		if (other != NULL && (gather != UINT32_MAX || (words && words[i].len > 0)))
			other = json_pack("{s:o}", "task", other);
		if (other != NULL && gather != UINT32_MAX) {
			json_object_set_new(other, "gather", json_integer(gather));
			json_object_set_new(other, "may_fail",
			                    json_integer(task->may_fail[gather]));
		}
		if (words != NULL && words[i].len > 0 && other != NULL)
			json_object_set_new(other, "input", json_string(words[i].p));
		if (other != NULL)
			json_array_append_new(list, other);
		if (words != NULL)
			str_release(&words[i]);
	}
	free(words);
	return list;
}

static bool add_task(struct sender *b, uint32_t number, struct arena *arena, struct str *text)
{
	const struct submission *sub = b->ids->submission;
	struct submission_task task = {0};
	struct identity id;
	struct str why = STR_INIT;
	json_t *j;

	arena_clear(arena);
	sub->task(sub, number, arena, &task);
	identities_complete(b->ids, number, &task, arena);
	if (!identities_parts(b->ids, &task, &id, &why)) {
		session_fail(b->session, EXIT_CODE_COMPILE, "%s", why.p);
		str_release(&why);
		return false;
	}
	str_reset(text);
	identity_parts_print(&id, text);
	task.row.identity = id.text;
	task.row.identity_parts = text->p;
	task.row.run_id = INT_NULL; /* the bulk says it once */
	task.row.status = STATUS_NULL;
	if (b->reuse->fresh || b->reuse->anew[number] != ANEW_NOT)
		task.row.use_cache = false;
	j = row_to_request(table_get(TABLE_TASK), &task.row);
	json_object_set_new(j, "key", json_string(arena_printf(arena, "%u", number)));
	json_object_set_new(j, "requires", requirements(b, &task, arena));
	json_array_append_new(b->tasks, j);
	b->numbers[b->n++] = number;
	b->bytes += strlen(task.row.command) + (task.row.script ? strlen(task.row.script) : 0) +
	            (task.row.input ? strlen(task.row.input) : 0) + 500;
	return (b->n < BULK_TASKS && b->bytes < BULK_BYTES) || flush(b);
}

static bool send_tasks(struct sender *b, const bool *here)
{
	uint32_t count = b->ids->submission->task_count;
	struct str text = STR_INIT;
	struct arena arena;
	bool ok = true;

	arena_init(&arena);
	for (uint32_t i = 0; i < count && ok; i++) {
		if (b->reuse->task_id[i] == 0 && !here[i])
			ok = add_task(b, i, &arena, &text);
	}
	ok = ok && flush(b);
	arena_release(&arena);
	str_release(&text);
	return ok;
}

/* Which tasks a run that was cut short has already, found by their names. */
static bool find_here(struct sender *b, bool *here)
{
	const struct submission *sub = b->ids->submission;
	struct map names = MAP_INIT;
	struct arena scratch;
	json_t *reply = NULL, *task;
	char path[64];
	size_t i;

	snprintf(path, sizeof(path), "/runs/%lld/identities", (long long)b->run_id);
	if (!session_call(b->session, "GET", path, NULL, &reply))
		return false;
	arena_init(&scratch);
	json_array_foreach(json_object_get(reply, "tasks"), i, task)
	{
		const char *name = json_string_value(json_object_get(task, "name"));

		if (name != NULL)
			*map_put(&names, name, strlen(name), NULL) =
			        (uint64_t)json_integer_value(json_object_get(task, "task_id"));
	}
	for (uint32_t t = 0; t < sub->task_count; t++) {
		struct submission_task full = {0};
		const uint64_t *id;

		arena_clear(&scratch);
		sub->task(sub, t, &scratch, &full);
		id = map_get(&names, full.row.name, strlen(full.row.name));
		if (id != NULL) {
			here[t] = true;
			b->task_id[t] = (int64_t)*id;
		}
	}
	map_release(&names);
	arena_release(&scratch);
	json_decref(reply);
	return true;
}

/* The latest run of this name, which is the live one where there is one; NULL where none is told.
 */
static json_t *latest_run(struct session *s, const char *workflow)
{
	json_t *list = NULL, *run;
	char path[160];

	snprintf(path, sizeof(path), "/runs/?name=%s&limit=1", workflow);
	if (!session_call(s, "GET", path, NULL, &list))
		return NULL;
	run = json_incref(json_array_get(list, 0));
	json_decref(list);
	return run;
}

bool submit_joins(struct session *s, const struct identities *ids, bool *joins)
{
	json_t *run = latest_run(s, ids->submission->workflow);
	const char *status = json_string_value(json_object_get(run, "status"));
	const char *known = json_string_value(json_object_get(run, "digest"));
	char digest[DIGEST_TEXT_SIZE];

	identities_plan_digest(ids, digest);
	*joins = status != NULL && known != NULL && strcmp(known, digest) == 0 &&
	         (strcmp(status, "running") == 0 || strcmp(status, "submitting") == 0);
	json_decref(run);
	return s->exit_code == EXIT_CODE_OK;
}

/* Nothing of it moves without whoever debugs it. */
static bool stands_still(struct session *s, int64_t run_id)
{
	json_t *run = NULL, *step;
	char path[64];
	int64_t out = 0;
	size_t i;
	bool ok;

	snprintf(path, sizeof(path), "/runs/%lld", (long long)run_id);
	if (!session_call(s, "GET", path, NULL, &run))
		return false;
	json_array_foreach(json_object_get(run, "steps"), i, step)
	{
		out += json_integer_value(json_object_get(step, "pending")) +
		       json_integer_value(json_object_get(step, "running"));
	}
	ok = json_is_true(json_object_get(run, "debug")) && out == 0;
	json_decref(run);
	return ok;
}

/*
 * The live run of this name has another plan. Where its scitq-run died and nobody
 * detached it, it is only in the way: cancel it. False where it is somebody's.
 */
static bool clear_left(struct session *s, const char *workflow, json_t *run)
{
	int64_t id = json_integer_value(json_object_get(run, "run_id"));

	if (!s->private_server || !local_is_left(&s->local, workflow) || id <= 0 ||
	    (json_is_true(json_object_get(run, "detached")) && !stands_still(s, id)))
		return false;
	progress_say(s->progress, "run %lld of another plan was left behind: it is cancelled",
	             (long long)id);
	return set_status(s, id, "cancelled");
}

static bool fail_other_plan(struct session *s, const char *workflow, json_t *run)
{
	const char *source = json_string_value(json_object_get(run, "source"));
	const char *owner = json_string_value(json_object_get(run, "owner"));
	struct str who = STR_INIT;

	if (owner != NULL)
		str_addf(&who, " by %s", owner);
	if (source != NULL)
		str_addf(&who, " from %s", source);
	session_fail(s, EXIT_CODE_SERVER,
	             "run %lld of \"%s\", started%s, goes on and has another plan than this file "
	             "has now: wait for its end, cancel it (Ctrl-C where it is followed), or start "
	             "this one beside it under another name: --as NAME",
	             (long long)json_integer_value(json_object_get(run, "run_id")), workflow,
	             who.len > 0 ? who.p : " earlier");
	str_release(&who);
	return false;
}

static bool create_run(struct session *s, const char *workflow, const json_t *body, json_t **run)
{
	bool ok = session_call(s, "POST", "/runs/", body, run);
	json_t *other;

	if (!ok && s->client.status == 409) {
		other = latest_run(s, workflow);
		if (other != NULL && clear_left(s, workflow, other))
			ok = session_call(s, "POST", "/runs/", body, run);
		else if (other != NULL)
			fail_other_plan(s, workflow, other);
		json_decref(other);
	}
	if (ok)
		session_forgive(s);
	return ok;
}

/* From now on the run is somebody's. */
static bool hold(struct session *s, const char *workflow)
{
	int err = s->private_server ? local_hold(&s->local, workflow) : 0;

	return err == 0 ||
	       session_fail(s, EXIT_CODE_INFRASTRUCTURE, "cannot lock %s/run/%s.lock: %s",
	                    s->local.state, workflow, strerror(-err));
}

bool submit_run(struct submitted *out, struct session *s, const struct identities *ids,
                const struct reuse *reuse, const char *path, const char *arguments, bool debug)
{
	uint32_t count = ids->submission->task_count;
	struct sender b = {.session = s, .ids = ids, .reuse = reuse};
	json_t *body = run_body(ids, reuse, path, arguments, s->who, debug), *run = NULL;
	const char *status;
	bool *here, ok;

	memset(out, 0, sizeof(*out));
	ok = create_run(s, ids->submission->workflow, body, &run) &&
	     hold(s, ids->submission->workflow);
	json_decref(body);
	if (!ok) {
		json_decref(run);
		return false;
	}
	out->run_id = b.run_id = json_integer_value(json_object_get(run, "run_id"));
	out->joined = json_is_true(json_object_get(run, "joined"));
	status = json_string_value(json_object_get(run, "status"));
	out->turned = out->joined && json_is_true(json_object_get(run, "debug")) != debug;
	out->complete = out->joined && status != NULL && strcmp(status, "submitting") != 0;
	json_decref(run);
	if (out->turned && !session_set_run(s, out->run_id, json_pack("{s:b}", "debug", debug)))
		return false;
	if (out->complete)
		return true;
	b.task_id = xcalloc(count, sizeof(*b.task_id));
	b.numbers = xcalloc(BULK_TASKS, sizeof(*b.numbers));
	b.tasks = json_array();
	here = xcalloc(count, sizeof(*here));
	for (int tries = 0; tries == 0 || (!ok && b.conflict && tries < SUBMIT_TRIES); tries++) {
		b.conflict = false;
		ok = (!(out->joined || tries > 0) || find_here(&b, here)) && send_tasks(&b, here);
	}
	ok = ok && set_status(s, out->run_id, "running");
	if (ok)
		session_forgive(s);
	out->sent = b.sent;
	json_decref(b.tasks);
	free(b.task_id);
	free(b.numbers);
	free(here);
	return ok;
}
