/* POST /tasks/bulk: thousands of tasks with their requirements, all or none, once per key. */
#include "model/json.h"
#include "server/filter.h"
#include "server/handlers.h"
#include "server/idempotency.h"
#include "server/record.h"
#include "server/reply.h"
#include "server/task_new.h"

#include <string.h>

#define BULK_MOST 10000

struct bulk_task {
	struct task row;
	struct requirement *required; /* other_task_id below 0: -1 - place in this request */
	size_t n;
};

struct bulk {
	struct core *core;
	struct call *call;
	const char *key;
	int64_t run_id;
	json_t *list;
	struct bulk_task *tasks;
	size_t n;
	struct map keys; /* of tasks of this request: place */
};

static bool read_bulk(struct bulk *bulk)
{
	struct problem *problem = &bulk->call->problem;
	json_t *body = bulk->call->body;

	bulk->run_id = INT_NULL;
	if (!filter_known(&filter_bulk, body, problem) ||
	    !json_member_text(body, "key", &bulk->key, problem) ||
	    (bulk->key != NULL && !name_check("key", bulk->key, problem)) ||
	    !json_member_int(body, "run_id", &bulk->run_id, problem))
		return false;
	bulk->list = json_object_get(body, "tasks");
	if (!json_is_array(bulk->list))
		return problem_set(problem, PROBLEM_MISSING_FIELD,
		                   "the call needs tasks, an array");
	bulk->n = json_array_size(bulk->list);
	if (bulk->n > BULK_MOST)
		return problem_set(problem, PROBLEM_BAD_VALUE, "%zu tasks in one call, at most %d",
		                   bulk->n, BULK_MOST);
	return task_new_run(bulk->core, bulk->call, bulk->run_id);
}

/* Who is required: an id, or the key of an earlier task of this request. */
static bool read_other(struct bulk *bulk, size_t i, const json_t *value, int64_t *id)
{
	struct problem *problem = &bulk->call->problem;
	const uint64_t *place;

	if (json_is_integer(value)) {
		*id = json_integer_value(value);
		return core_task(bulk->core, *id) != NULL ||
		       problem_set(problem, PROBLEM_NOT_FOUND,
		                   "tasks[%zu] requires task %lld, which does not exist", i,
		                   (long long)*id);
	}
	if (!json_is_string(value))
		return problem_set(problem, PROBLEM_BAD_TYPE,
		                   "requires of tasks[%zu] must hold ids and keys, not %s", i,
		                   json_type_words(value));
	place = map_get(&bulk->keys, json_string_value(value), json_string_length(value));
	if (place == NULL || *place >= i)
		return problem_set(
		        problem, PROBLEM_BAD_VALUE,
		        "tasks[%zu] requires \"%.80s\", which is no earlier task of this "
		        "call%s",
		        i, json_string_value(value),
		        place ? ": a task cannot wait for a later one" : "");
	*id = -1 - (int64_t)*place;
	return true;
}

/* One entry of `requires`: who, or an object that also says how. */
static bool read_requirement(struct bulk *bulk, size_t i, json_t *value, struct requirement *row)
{
	struct call *call = bulk->call;

	row_default(table_get(TABLE_REQUIREMENT), row);
	if (!json_is_object(value))
		return read_other(bulk, i, value, &row->other_task_id);
	if (!filter_known(&filter_requires, value, &call->problem) ||
	    !json_member_int(value, "gather", &row->gather, &call->problem) ||
	    !json_member_int(value, "may_fail", &row->may_fail, &call->problem) ||
	    !json_member_text(value, "input", &row->input, &call->problem) ||
	    !task_requirement_check(call, row))
		return false;
	/* The list goes before the rows are used. */
	row->input = row->input ? arena_strdup(&call->arena, row->input) : NULL;
	if (row->gather != INT_NULL && (row->gather < 0 || row->may_fail < 0))
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   "gather and may_fail must not be negative");
	value = json_object_get(value, "task");
	if (value == NULL)
		return problem_set(&call->problem, PROBLEM_MISSING_FIELD,
		                   "a requirement of tasks[%zu] needs task", i);
	return read_other(bulk, i, value, &row->other_task_id);
}

static bool read_requires(struct bulk *bulk, size_t i, json_t *requires)
{
	struct bulk_task *task = &bulk->tasks[i];
	const struct ints *more = &task->row.required_task_ids;
	size_t n = json_array_size(requires);

	if (requires != NULL && !json_is_null(requires) && !json_is_array(requires))
		return problem_set(&bulk->call->problem, PROBLEM_BAD_TYPE,
		                   "requires of tasks[%zu] must be an array, not %s", i,
		                   json_type_words(requires));
	if (n + more->n == 0)
		return true;
	task->required = arena_array(&bulk->call->arena, struct requirement, n + more->n);
	for (size_t k = 0; k < n; k++) {
		if (!read_requirement(bulk, i, json_array_get(requires, k), &task->required[k]))
			return false;
	}
	for (size_t k = 0; k < more->n; k++) {
		struct requirement *row = &task->required[n + k];

		if (core_task(bulk->core, more->v[k]) == NULL)
			return problem_set(&bulk->call->problem, PROBLEM_NOT_FOUND,
			                   "tasks[%zu] requires task %lld, which does not exist", i,
			                   (long long)more->v[k]);
		row_default(table_get(TABLE_REQUIREMENT), row);
		row->other_task_id = more->v[k];
	}
	task->n = n + more->n;
	return true;
}

/* Name the task in what was said about its fields. */
static bool blame(struct bulk *bulk, size_t i)
{
	struct problem *problem = &bulk->call->problem;
	char message[sizeof(problem->message)];

	memcpy(message, problem->message, sizeof(message));
	return problem_set(problem, problem->code, "tasks[%zu]: %s", i, message);
}

static bool read_task(struct bulk *bulk, size_t i)
{
	struct problem *problem = &bulk->call->problem;
	json_t *item = json_array_get(bulk->list, i);
	struct bulk_task *task = &bulk->tasks[i];
	json_t *requires;
	json_t *key;
	bool is_new = true, ok;

	if (!json_is_object(item))
		return problem_set(problem, PROBLEM_BAD_TYPE,
		                   "tasks[%zu] must be an object, not %s", i,
		                   json_type_words(item));
	key = json_object_get(item, "key");
	if (key != NULL && !json_is_string(key))
		return problem_set(problem, PROBLEM_BAD_TYPE,
		                   "key of tasks[%zu] must be a string, not %s", i,
		                   json_type_words(key));
	if (key != NULL) {
		/* Kept alive for the map. */
		const char *text = arena_strdup(&bulk->call->arena, json_string_value(key));

		*map_put(&bulk->keys, text, strlen(text), &is_new) = i;
		if (!is_new)
			return problem_set(problem, PROBLEM_BAD_VALUE,
			                   "key \"%.80s\" stands twice in this call", text);
		json_object_del(item, "key");
	}
	requires = json_incref(json_object_get(item, "requires"));
	json_object_del(item, "requires");
	ok = task_new_read(bulk->call, item, &task->row) || blame(bulk, i);
	if (ok && bulk->run_id != INT_NULL) {
		ok = task->row.run_id == INT_NULL || task->row.run_id == bulk->run_id ||
		     problem_set(problem, PROBLEM_BAD_VALUE,
		                 "run_id of tasks[%zu] is not that of the call", i);
		task->row.run_id = bulk->run_id;
	} else if (ok) {
		ok = task_new_run(bulk->core, bulk->call, task->row.run_id);
	}
	ok = ok && read_requires(bulk, i, requires);
	json_decref(requires);
	return ok;
}

static void enter(struct bulk *bulk, const char *digest)
{
	struct core *core = bulk->core;
	struct task *rows = arena_array(&bulk->call->arena, struct task, bulk->n + 1);
	json_t *ids = json_array(), *reply;
	VEC(struct requirement) required = {0};
	bool ok = true;

	for (size_t i = 0; i < bulk->n && ok; i++) {
		struct bulk_task *task = &bulk->tasks[i];

		for (size_t k = 0; k < task->n; k++) {
			int64_t *other = &task->required[k].other_task_id;

			if (*other < 0)
				*other = bulk->tasks[-1 - *other].row.task_id;
		}
		task->n = task_requirements_unique(task->required, task->n);
		ok = task_new_place(core, &task->row, task->required, task->n);
		rows[i] = task->row;
		for (size_t k = 0; k < task->n; k++)
			vec_push(&required, task->required[k]);
		json_array_append_new(ids, json_integer(task->row.task_id));
	}
	ok = ok && record_insert_rows(core, TABLE_TASK, rows, bulk->n) &&
	     record_insert_rows(core, TABLE_REQUIREMENT, required.v, required.n);
	vec_release(&required);
	for (size_t i = 0; i < bulk->n && ok; i++)
		ok = task_new_settle(core, (uint32_t)rows[i].task_id);
	if (bulk->n > 100)
		core_tidy_later(core);
	reply = json_pack("{s:o}", "task_ids", ids);
	if (bulk->key != NULL && !core->group_failed)
		idempotency_keep(core, bulk->key, digest, reply);
	core_reply(core, bulk->call, 201, reply);
}

void handle_task_bulk(struct core *core, struct call *call)
{
	struct bulk bulk = {.core = core, .call = call, .keys = MAP_INIT};
	const char *key = NULL;
	char digest[DIGEST_TEXT_SIZE];
	bool ok;

	/* A repetition is answered whatever became of the run since. */
	if (json_member_text(call->body, "key", &key, &call->problem) && key != NULL) {
		request_digest(call, digest);
		bulk.key = key;
		if (idempotency_answer(core, call, key, digest, 200) || core->group_failed)
			return;
	}
	ok = read_bulk(&bulk);
	if (ok) {
		bulk.tasks = arena_array(&call->arena, struct bulk_task, bulk.n);
		for (size_t i = 0; ok && i < bulk.n; i++)
			ok = read_task(&bulk, i);
	}
	if (ok)
		enter(&bulk, digest);
	else
		core_problem(core, call);
	map_release(&bulk.keys);
}
