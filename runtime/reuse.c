#include "runtime/reuse.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/json.h"
#include "stage/standing.h"
#include "stage/yield.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 5000

void reuse_none(struct reuse *r, uint32_t task_count)
{
	r->task_id = xcalloc(task_count, sizeof(*r->task_id));
	r->anew = xcalloc(task_count, sizeof(*r->anew));
	r->before = NULL;
	r->count = 0;
	r->fresh = false;
}

void reuse_release(struct reuse *r)
{
	free(r->task_id);
	free(r->anew);
	free(r->before);
	r->before = NULL;
	r->task_id = NULL;
	r->anew = NULL;
}

/* The files of an earlier result, found below its output URI. */
static bool files_stand(const char *output, json_t *files)
{
	struct arena arena;
	struct uri uri;
	const char *why;
	bool ok = true;

	if (json_array_size(files) == 0)
		return true;
	if (output == NULL)
		return false;
	arena_init(&arena);
	if (!uri_parse(&arena, output, &uri, &why))
		ok = false;
	/* Remote storage is taken at its word: a listing per task would cost more than it finds. */
	for (size_t i = 0; ok && strcmp(uri.scheme, "file") == 0 && i < json_array_size(files); i++)
		ok = standing_file(uri.place, json_array_get(files, i));
	arena_release(&arena);
	return ok;
}

/* Nothing was written, and somebody takes it: the folder has to be there. Of remote storage as
   above. */
static bool folder_stands(const char *output)
{
	struct arena arena;
	struct stat st;
	struct uri uri;
	const char *why;
	bool ok;

	arena_init(&arena);
	ok = output != NULL && uri_parse(&arena, output, &uri, &why) &&
	     (strcmp(uri.scheme, "file") != 0 ||
	      (stat(uri.place, &st) == 0 && S_ISDIR(st.st_mode)));
	arena_release(&arena);
	return ok;
}

/* Whether one of the files keeps the promise. */
static bool wrote(json_t *files, const char *pattern)
{
	struct yield yield;
	struct arena arena;
	bool found = false;

	arena_init(&arena);
	yield_parse(&arena, pattern, &yield);
	for (size_t i = 0; !found && i < json_array_size(files); i++) {
		const char *name =
		        json_string_value(json_object_get(json_array_get(files, i), "path"));

		found = name != NULL && yield_matches(&yield, name);
	}
	arena_release(&arena);
	return found;
}

static bool wrote_all(json_t *found, const struct submission_task *task)
{
	for (size_t i = 0; i < task->nyields; i++) {
		if (!wrote(json_object_get(found, "outputs"), task->yields[i]))
			return false;
	}
	return true;
}

static bool stands(json_t *found, const struct submission_task *task)
{
	const char *output = json_string_value(json_object_get(found, "output"));
	json_t *outputs = json_object_get(found, "outputs");

	return files_stand(output, outputs) &&
	       (!task->whole || json_array_size(outputs) > 0 || folder_stands(output));
}

/* What tells earlier results apart: equal tasks may have written to several places. */
static void set_key(struct str *key, const char *identity, size_t len, const char *output)
{
	str_reset(key);
	str_add(key, identity, len);
	str_addc(key, ' ');
	str_adds(key, output ? output : "");
}

/* Mark the tasks [first, last) whose identity and place are in the reply. */
static void mark_found(struct reuse *r, const struct identities *ids, uint32_t first, uint32_t last,
                       json_t *reply)
{
	json_t *by_place = json_object(), *found;
	struct submission_task task;
	struct str key = STR_INIT;
	struct arena arena;
	json_int_t id;
	size_t i;

	json_array_foreach(json_object_get(reply, "found"), i, found)
	{
		const char *identity = json_string_value(json_object_get(found, "identity"));
		const char *output = json_string_value(json_object_get(found, "output"));

		if (identity == NULL)
			continue;
		set_key(&key, identity, strlen(identity), output);
		json_object_set(by_place, key.p, found);
	}
	arena_init(&arena);
	for (uint32_t t = first; t < last && json_object_size(by_place) > 0; t++) {
		arena_clear(&arena);
		memset(&task, 0, sizeof(task));
		ids->submission->task(ids->submission, t, &arena, &task);
		set_key(&key, ids->text[t], DIGEST_TEXT_SIZE - 1, task.row.output);
		found = json_object_get(by_place, key.p);
		if (found == NULL || r->anew[t] != ANEW_NOT || !wrote_all(found, &task))
			continue;
		id = json_integer_value(json_object_get(found, "task_id"));
		if (r->before != NULL)
			r->before[t] = id;
		if (stands(found, &task))
			r->task_id[t] = id;
	}
	arena_release(&arena);
	str_release(&key);
	json_decref(by_place);
}

/* What is to be found for the tasks [first, last): each identity with each of its places once. */
static json_t *sought(const struct identities *ids, uint32_t first, uint32_t last)
{
	json_t *identities = json_array(), *places = json_array();
	struct map seen = MAP_INIT;
	struct submission_task task;
	struct str key = STR_INIT;
	struct arena arena;
	bool is_new;

	arena_init(&arena);
	for (uint32_t t = first; t < last; t++) {
		arena_clear(&arena);
		memset(&task, 0, sizeof(task));
		ids->submission->task(ids->submission, t, &arena, &task);
		set_key(&key, ids->text[t], DIGEST_TEXT_SIZE - 1, task.row.output);
		map_put(&seen, key.p, key.len, &is_new);
		if (!is_new)
			continue;
		json_array_append_new(identities, json_stringn(ids->text[t], DIGEST_TEXT_SIZE - 1));
		json_array_append_new(places, task.row.output != NULL ? json_text(task.row.output)
		                                                      : json_null());
	}
	arena_release(&arena);
	str_release(&key);
	map_release(&seen);
	return json_pack("{s:o, s:o}", "identities", identities, "places", places);
}

/* What is made anew may come out differently, though its identity cannot tell. */
static void find_anew(struct reuse *r, const struct submission *s)
{
	struct arena arena;

	arena_init(&arena);
	for (uint32_t t = 0; s->some_fresh && t < s->task_count; t++) {
		struct submission_task task = {0};

		arena_clear(&arena);
		s->task(s, t, &arena, &task);
		for (size_t i = 0; i < task.nrequires; i++) {
			if (r->anew[task.requires[i]] != ANEW_NOT)
				r->anew[t] = ANEW_BELOW;
		}
		if (task.fresh)
			r->anew[t] = ANEW_ITSELF;
	}
	arena_release(&arena);
}

/* Nothing that takes from the task must run. */
static bool is_consumed(const struct reuse *r, const struct submission_task *removal)
{
	for (size_t i = 0; i < removal->nrequires; i++) {
		if (removal->requires[i] != removal->removes &&
		    r->task_id[removal->requires[i]] == 0)
			return false;
	}
	return true;
}

/*
 * Tasks whose output is deleted when it is consumed, the last ones first: what takes from them may
 * be such a task itself. A removal that was made before the task ran says nothing of its output.
 */
static void settle_removals(struct reuse *r, const struct submission *s)
{
	struct arena arena;

	arena_init(&arena);
	for (uint32_t n = s->task_count; n-- > s->first_removal;) {
		struct submission_task removal = {0};
		bool removed;
		uint32_t t;

		arena_clear(&arena);
		s->task(s, n, &arena, &removal);
		t = removal.removes;
		removed = r->task_id[n] > r->before[t];
		if (is_consumed(r, &removal))
			r->task_id[t] = r->before[t];
		else if (removed)
			r->task_id[t] = 0;
		if (r->task_id[t] == 0 || !removed)
			r->task_id[n] = 0;
	}
	arena_release(&arena);
}

bool reuse_find(struct reuse *r, struct session *s, const struct identities *ids)
{
	uint32_t n = ids->submission->task_count;

	reuse_none(r, n);
	find_anew(r, ids->submission);
	if (ids->submission->first_removal < n)
		r->before = xcalloc(n, sizeof(*r->before));
	for (uint32_t first = 0; first < n; first += CHUNK) {
		uint32_t last = n - first > CHUNK ? first + CHUNK : n;
		json_t *body = sought(ids, first, last), *reply = NULL;
		bool ok;

		ok = session_call(s, "POST", "/identities/find", body, &reply);
		if (ok)
			mark_found(r, ids, first, last, reply);
		json_decref(reply);
		json_decref(body);
		if (!ok)
			return false;
	}
	if (r->before != NULL)
		settle_removals(r, ids->submission);
	for (uint32_t t = 0; t < n; t++)
		r->count += r->task_id[t] != 0;
	return true;
}

/* Tasks of one step that run again for one reason. */
struct cause {
	char *text;
	char *example;
	uint32_t count;
};

struct causes {
	VEC(struct cause) list;
};

static void add_cause(struct causes *c, const char *text, const char *task)
{
	struct cause new;

	for (size_t i = 0; i < c->list.n; i++) {
		if (strcmp(c->list.v[i].text, text) == 0) {
			c->list.v[i].count++;
			return;
		}
	}
	new = (struct cause){xstrdup(text), xstrdup(task), 1};
	vec_push(&c->list, new);
}

static void say_causes(struct session *s, const char *step, struct causes *c)
{
	for (size_t i = 0; i < c->list.n; i++) {
		struct cause *one = &c->list.v[i];

		if (one->count == 1)
			progress_say(s->progress, "%s runs again: %s", one->example, one->text);
		else
			progress_say(s->progress, "%s: %u tasks run again: %s", step, one->count,
			             one->text);
		free(one->text);
		free(one->example);
	}
	vec_release(&c->list);
}

/* As somebody reads it who knows the storage: a path of this machine alone. */
static void add_place(struct str *out, const char *uri, size_t len)
{
	static const char local[] = "file://";
	const size_t n = sizeof(local) - 1;
	const bool here = len > n && strncmp(uri, local, n) == 0;

	str_add(out, here ? uri + n : uri, here ? len - n : len);
}

/* "its result is in /old, and this run writes to /new": both without the end that they share. */
static void add_elsewhere(struct str *out, const char *then, const char *now)
{
	size_t a = strlen(then), b = strlen(now), shared = 0;

	for (size_t n = 1; n < a && n < b && then[a - n] == now[b - n]; n++) {
		if (then[a - n] == '/' && then[a - n - 1] != '/' && now[b - n - 1] != '/')
			shared = n;
	}
	str_adds(out, "its result is in ");
	add_place(out, then, a - shared);
	str_adds(out, ", and this run writes to ");
	add_place(out, now, b - shared);
}

/* What became of a result that is not taken though nothing that decides it differs. */
static void add_lost(struct str *out, const char *then, const char *now)
{
	if (then != NULL && now != NULL && strcmp(then, now) != 0)
		add_elsewhere(out, then, now);
	else
		str_adds(out, "its output is gone or was changed");
}

/* Why a task that ran before runs again, in words; false where it simply has not succeeded yet. */
static bool cause_of(const struct reuse *r, const struct identities *ids,
                     const struct submission_task *task, json_t *then, uint32_t number,
                     struct str *out)
{
	const char *parts = json_string_value(json_object_get(then, "identity_parts"));
	const char *identity = json_string_value(json_object_get(then, "identity"));
	const char *status = json_string_value(json_object_get(then, "status"));
	struct str names = STR_INIT, why = STR_INIT;
	struct identity now;

	if (parts == NULL || identity == NULL || status == NULL)
		return false;
	if (strncmp(identity, ids->text[number], DIGEST_TEXT_SIZE - 1) == 0) {
		if (strcmp(status, "succeeded") != 0)
			return false;
		if (r->anew[number] == ANEW_ITSELF)
			str_adds(out, "its `cache` is false");
		else if (r->anew[number] == ANEW_BELOW)
			str_adds(out, "what it takes is made anew");
		else if (json_is_true(json_object_get(then, "partial")))
			str_adds(out, "it was made without what had failed before it");
		else
			add_lost(out, json_string_value(json_object_get(then, "output")),
			         task->row.output);
		return true;
	}
	if (identities_parts(ids, task, &now, &why)) {
		if (identity_difference(&now, parts, &names) && names.len > 0)
			str_addf(out, "%s differ%s", names.p, strchr(names.p, ',') ? "" : "s");
	}
	str_release(&names);
	str_release(&why);
	return out->len > 0;
}

/* The latest tasks of these names in runs of this workflow; a name -> task object, or NULL. */
static json_t *latest(struct session *s, const char *workflow, json_t *names)
{
	json_t *body = json_pack("{s:s, s:o}", "workflow", workflow, "names", names);
	json_t *reply = NULL, *by_name = NULL, *task;
	size_t i;

	if (session_call(s, "POST", "/identities/latest", body, &reply)) {
		by_name = json_object();
		json_array_foreach(json_object_get(reply, "tasks"), i, task)
		{
			const char *name = json_string_value(json_object_get(task, "name"));

			if (name != NULL)
				json_object_set(by_name, name, task);
		}
	}
	json_decref(reply);
	json_decref(body);
	return by_name;
}

/*
 * The files that an earlier execution of the task wrote to the place where it will
 * write again: they go, where they still are as they were written, so that none of
 * them is taken for a part of the new result. Whatever else stands there stays.
 */
static bool remove_stale(struct session *s, const struct submission_task *task, json_t *then)
{
	json_t *body =
	        json_pack("{s:O, s:b, s:b, s:s}", "task_id", json_object_get(then, "task_id"),
	                  "latest", 1, "no_output", 1, "view", "full");
	json_t *reply = NULL, *row, *files = NULL;
	const char *text, *output, *why = NULL;
	struct arena arena;
	struct uri uri;
	bool ok = session_call(s, "GET", "/executions/", body, &reply);

	json_decref(body);
	row = json_array_get(reply, 0);
	text = json_string_value(json_object_get(row, "outputs"));
	output = json_string_value(json_object_get(row, "output_uri"));
	arena_init(&arena);
	if (text != NULL && output != NULL && task->row.output != NULL &&
	    strcmp(output, task->row.output) == 0 && uri_parse(&arena, output, &uri, &why) &&
	    strcmp(uri.scheme, "file") == 0)
		files = json_loads(text, 0, NULL);
	for (size_t i = 0; ok && i < json_array_size(files); i++) {
		json_t *file = json_array_get(files, i);
		const char *path;

		if (!standing_file(uri.place, file))
			continue;
		path = arena_printf(&arena, "%s/%s", uri.place,
		                    json_string_value(json_object_get(file, "path")));
		if (unlink(path) != 0 && errno != ENOENT)
			ok = session_fail(s, EXIT_CODE_INFRASTRUCTURE,
			                  "cannot remove %s, which an earlier run wrote: %s", path,
			                  strerror(errno));
	}
	json_decref(files);
	json_decref(reply);
	arena_release(&arena);
	return ok;
}

static bool is_live(json_t *then)
{
	const char *status = json_string_value(json_object_get(then, "status"));

	return status == NULL ||
	       (strcmp(status, "succeeded") != 0 && strcmp(status, "failed") != 0);
}

/* The tasks of one step, a chunk at a time. */
static bool prepare_step(const struct reuse *r, struct session *s, const struct identities *ids,
                         const struct submission_step *step, bool tell)
{
	uint32_t end = step->first_task + step->task_count;
	struct causes causes = {0};
	struct str why = STR_INIT;
	struct arena arena;
	bool ok = true;

	arena_init(&arena);
	for (uint32_t first = step->first_task; first < end && ok; first += CHUNK) {
		uint32_t last = end - first > CHUNK ? first + CHUNK : end;
		json_t *names = json_array(), *all;

		for (uint32_t t = first; t < last; t++) {
			struct submission_task task = {0};

			arena_clear(&arena);
			ids->submission->task(ids->submission, t, &arena, &task);
			if (r->task_id[t] == 0)
				json_array_append_new(names, json_string(task.row.name));
		}
		all = latest(s, ids->submission->workflow, names);
		ok = all != NULL;
		for (uint32_t t = first; ok && t < last && json_object_size(all) > 0; t++) {
			struct submission_task task = {0};
			json_t *then;

			if (r->task_id[t] != 0)
				continue;
			arena_clear(&arena);
			ids->submission->task(ids->submission, t, &arena, &task);
			then = json_object_get(all, task.row.name);
			str_reset(&why);
			if (tell && cause_of(r, ids, &task, then, t, &why))
				add_cause(&causes, why.p, task.row.name);
			if (then != NULL && !is_live(then))
				ok = remove_stale(s, &task, then);
		}
		json_decref(all);
	}
	say_causes(s, step->name, &causes);
	arena_release(&arena);
	str_release(&why);
	return ok;
}

/* Whether the workflow ever ran on this server. */
static bool has_run(struct session *s, const char *workflow, bool *yes)
{
	json_t *body = json_pack("{s:s, s:i}", "name", workflow, "limit", 1), *reply = NULL;
	bool ok = session_call(s, "GET", "/runs/", body, &reply);

	*yes = json_array_size(reply) > 0;
	json_decref(body);
	json_decref(reply);
	return ok;
}

bool reuse_prepare(const struct reuse *r, struct session *s, const struct identities *ids,
                   bool tell)
{
	const struct submission *sub = ids->submission;
	bool before = false, ok = has_run(s, sub->workflow, &before);

	/* A removal leaves nothing, and runs whenever there is something to delete. */
	for (uint32_t i = 0; ok && before && i < sub->step_count; i++)
		ok = sub->steps[i].first_task >= sub->first_removal ||
		     prepare_step(r, s, ids, &sub->steps[i], tell);
	return ok;
}
