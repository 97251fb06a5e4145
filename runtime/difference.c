#include "runtime/difference.h"

#include "base/str.h"
#include "model/json.h"

#include <string.h>

#define CHUNK 5000

struct difference {
	struct session *session;
	const struct identities *ids;
	json_t *then; /* by name, of the run and of what it reused */
	uint32_t same;
	struct str *out;
};

/* The objects of a list under their names. */
static void add_by_name(json_t *by_name, json_t *list)
{
	json_t *task;
	size_t i;

	json_array_foreach(list, i, task)
	{
		const char *name = json_string_value(json_object_get(task, "name"));

		if (name != NULL)
			json_object_set(by_name, name, task);
	}
}

static bool ask_run(struct difference *d, int64_t run_id, json_t *in_run)
{
	char path[64];
	json_t *reply = NULL;
	bool ok;

	snprintf(path, sizeof(path), "/runs/%lld/identities", (long long)run_id);
	ok = session_call(d->session, "GET", path, NULL, &reply);
	if (ok)
		add_by_name(in_run, json_object_get(reply, "tasks"));
	json_decref(reply);
	return ok;
}

static bool ask_latest(struct difference *d, json_t *names)
{
	json_t *body =
	        json_pack("{s:s, s:O}", "workflow", d->ids->submission->workflow, "names", names);
	json_t *reply = NULL;
	bool ok = json_array_size(names) == 0 ||
	          session_call(d->session, "POST", "/identities/latest", body, &reply);

	if (ok)
		add_by_name(d->then, json_object_get(reply, "tasks"));
	json_decref(reply);
	json_decref(body);
	return ok;
}

static bool compare(struct difference *d, const struct submission_task *task, uint32_t number)
{
	json_t *then = json_object_get(d->then, task->row.name);
	const char *identity = json_string_value(json_object_get(then, "identity"));
	const char *parts = json_string_value(json_object_get(then, "identity_parts"));
	struct str names = STR_INIT, why = STR_INIT;
	struct identity now;

	if (then == NULL) {
		str_addf(d->out, "+ %s\n", task->row.name);
		return true;
	}
	if (identity != NULL &&
	    strncmp(identity, d->ids->text[number], DIGEST_TEXT_SIZE - 1) == 0) {
		d->same++;
		return true;
	}
	if (!identities_parts(d->ids, task, &now, &why)) {
		session_fail(d->session, EXIT_CODE_COMPILE, "%s", why.p);
		str_release(&why);
		return false;
	}
	if (parts == NULL || !identity_difference(&now, parts, &names) || names.len == 0)
		str_adds(&names, "differs");
	str_addf(d->out, "~ %s  %s\n", task->row.name, names.p);
	str_release(&names);
	str_release(&why);
	return true;
}

/* Tasks [first, last); those that the run has leave in_run. */
static bool compare_chunk(struct difference *d, json_t *in_run, uint32_t first, uint32_t last)
{
	const struct submission *s = d->ids->submission;
	json_t *names = json_array();
	struct arena arena;
	bool ok;

	json_object_clear(d->then);
	arena_init(&arena);
	for (uint32_t t = first; t < last; t++) {
		struct submission_task task = {0};
		json_t *then;

		arena_clear(&arena);
		s->task(s, t, &arena, &task);
		then = json_object_get(in_run, task.row.name);
		if (then != NULL) {
			json_object_set(d->then, task.row.name, then);
			json_object_del(in_run, task.row.name);
		} else {
			json_array_append_new(names, json_text(task.row.name));
		}
	}
	ok = ask_latest(d, names);
	for (uint32_t t = first; ok && t < last; t++) {
		struct submission_task task = {0};

		arena_clear(&arena);
		s->task(s, t, &arena, &task);
		ok = compare(d, &task, t);
	}
	arena_release(&arena);
	json_decref(names);
	return ok;
}

bool difference_tell(struct session *s, const struct identities *ids, int64_t run_id,
                     struct str *out)
{
	struct difference d = {.session = s, .ids = ids, .then = json_object(), .out = out};
	uint32_t n = ids->submission->task_count;
	json_t *in_run = json_object(), *gone;
	const char *name;
	bool ok = ask_run(&d, run_id, in_run);

	for (uint32_t first = 0; ok && first < n; first += CHUNK)
		ok = compare_chunk(&d, in_run, first, n - first > CHUNK ? first + CHUNK : n);
	/* What is left in it has no task any more. */
	if (ok) {
		json_object_foreach(in_run, name, gone) str_addf(out, "- %s\n", name);
		str_addf(out, "%u of %u tasks are as in run %lld\n", d.same, n, (long long)run_id);
	}
	json_decref(in_run);
	json_decref(d.then);
	return ok;
}
