#include "runtime/submit.h"

#include "base/alloc.h"
#include "base/map.h"
#include "model/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BULK_TASKS 10000
#define BULK_BYTES (16u << 20)

/* A task number's id on the server: new, found in the joined run, or 0. */
struct sender {
	struct session *session;
	const struct identities *ids;
	const struct reuse *reuse;
	int64_t run_id;
	int64_t *task_id;
	char key[33];
	unsigned bulks;
	/* The bulk being filled. */
	json_t *tasks;
	uint32_t *numbers;
	size_t n, bytes;
	uint32_t sent;
};

static json_t *run_body(const struct identities *ids, const struct reuse *reuse, const char *path)
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
	json_object_set_new(body, "task_count", json_integer(sub->task_count - reuse->count));
	json_object_set_new(body, "reused_count", json_integer(reuse->count));
	json_object_set_new(body, "source", json_string(path));
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
	json_object_set_new(body, "batches", batches);
	json_object_set_new(body, "recruiters", recruiters);
	return body;
}

static bool flush(struct sender *b)
{
	json_t *body, *reply = NULL, *ids;
	char key[64];
	bool ok;

	if (b->n == 0)
		return true;
	snprintf(key, sizeof(key), "%s.%u", b->key, b->bulks++);
	body = json_pack("{s:s, s:I, s:o}", "key", key, "run_id", (json_int_t)b->run_id, "tasks",
	                 b->tasks);
	ok = session_call(b->session, "POST", "/tasks/bulk", body, &reply);
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
	return ok;
}

static json_t *requirements(const struct sender *b, const struct submission_task *task,
                            struct arena *arena)
{
	json_t *list = json_array();

	for (size_t i = 0; i < task->nrequires; i++) {
		uint32_t r = task->requires[i];

		if (b->reuse->task_id[r] != 0)
			continue;
		if (b->task_id[r] != 0)
			json_array_append_new(list, json_integer(b->task_id[r]));
		else
			json_array_append_new(list, json_string(arena_printf(arena, "%u", r)));
	}
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

static bool mark_running(struct session *s, int64_t run_id)
{
	json_t *body = json_pack("{s:s}", "status", "running");
	char path[64];
	bool ok;

	snprintf(path, sizeof(path), "/runs/%lld", (long long)run_id);
	ok = session_call(s, "PUT", path, body, NULL);
	json_decref(body);
	return ok;
}

bool submit_run(struct submitted *out, struct session *s, const struct identities *ids,
                const struct reuse *reuse, const char *path)
{
	uint32_t count = ids->submission->task_count;
	struct sender b = {.session = s, .ids = ids, .reuse = reuse};
	json_t *body = run_body(ids, reuse, path), *run = NULL;
	const char *status;
	bool *here, ok;

	memset(out, 0, sizeof(*out));
	ok = session_call(s, "POST", "/runs/", body, &run);
	json_decref(body);
	if (!ok)
		return false;
	out->run_id = b.run_id = json_integer_value(json_object_get(run, "run_id"));
	out->joined = json_is_true(json_object_get(run, "joined"));
	status = json_string_value(json_object_get(run, "status"));
	out->complete = out->joined && status != NULL && strcmp(status, "submitting") != 0;
	json_decref(run);
	if (out->complete)
		return true;
	random_hex(b.key, sizeof(b.key) - 1);
	b.task_id = xcalloc(count, sizeof(*b.task_id));
	b.numbers = xcalloc(BULK_TASKS, sizeof(*b.numbers));
	b.tasks = json_array();
	here = xcalloc(count, sizeof(*here));
	ok = (!out->joined || find_here(&b, here)) && send_tasks(&b, here) &&
	     mark_running(s, out->run_id);
	out->sent = b.sent;
	json_decref(b.tasks);
	free(b.task_id);
	free(b.numbers);
	free(here);
	return ok;
}
