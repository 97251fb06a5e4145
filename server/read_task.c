/*
 * Tasks, read. A list holds the requirements of its tasks too; they are asked
 * for by the hundred, so that tasks wait in memory in small numbers only.
 */
#include "base/alloc.h"
#include "server/filter.h"
#include "server/list.h"
#include "server/reader.h"
#include "store/store.h"

#include <stdlib.h>

#define CHUNK 256

struct task_list {
	struct list list;
	size_t n;
	int64_t ids[CHUNK];
	json_t *tasks[CHUNK];
	json_t *required[CHUNK]; /* borrowed from tasks[i] */
	size_t at;               /* edges come in the order of ids */
};

static bool add_edge(void *context, const struct requirement *row)
{
	struct task_list *t = context;

	while (t->at < t->n && t->ids[t->at] != row->task_id)
		t->at++;
	if (t->at < t->n)
		json_array_append_new(t->required[t->at], json_integer(row->other_task_id));
	return true;
}

/* Print the tasks that wait. */
static bool flush(void *context)
{
	struct task_list *t = context;
	struct list *list = &t->list;
	enum store_result result;

	t->at = 0;
	result = store_required(list->reader->store, t->ids, t->n, add_edge, t);
	for (size_t i = 0; i < t->n; i++)
		list_print(list, t->tasks[i]);
	t->n = 0;
	return result == STORE_OK || read_failed(list->reader, list->call, result);
}

static bool add_task(void *context, const void *row)
{
	struct task_list *t = context;
	const struct task *task = row;

	t->ids[t->n] = task->task_id;
	t->tasks[t->n] = row_to_json(t->list.table, row, t->list.view);
	t->required[t->n] = json_array();
	json_object_set_new(t->tasks[t->n], "required_task_ids", t->required[t->n]);
	return ++t->n < CHUNK || flush(t);
}

void read_tasks(struct reader *reader, struct call *call)
{
	/* Not in the call's arena: it outlives the answer. */
	struct task_list *t = xcalloc(1, sizeof(*t));
	struct list *list = &t->list;

	list_init(list, reader, call, TABLE_TASK);
	if (!list_where(list, "task_id", "task_id", false) ||
	    !list_where(list, "batch", "batch", false) ||
	    !list_where(list, "status", "status", false) ||
	    !list_where(list, "name", "name", false) ||
	    !list_where(list, "run_id", "run_id", false) ||
	    !list_where(list, "resume_status", "resume_status", false)) {
		call_problem(call);
	} else {
		list_send(list, add_task, flush, t);
	}
	for (size_t i = 0; i < t->n; i++)
		json_decref(t->tasks[i]);
	free(t);
}

static bool add_required(void *context, const struct requirement *row)
{
	json_array_append_new(context, json_integer(row->other_task_id));
	return true;
}

void read_task(struct reader *reader, struct call *call)
{
	struct task task = {.task_id = call->ids[0]};
	bool full = filter_full(call->body);
	json_t *object, *required = json_array();
	enum store_result result;

	result = store_get(reader->store, TABLE_TASK, &task, STORE_ALL, &call->arena);
	if (result == STORE_OK)
		result = store_required(reader->store, &task.task_id, 1, add_required, required);
	if (result != STORE_OK) {
		json_decref(required);
		if (result == STORE_NONE)
			problem_set(&call->problem, PROBLEM_NOT_FOUND, "there is no task %lld",
			            (long long)call->ids[0]);
		else
			read_failed(reader, call, result);
		call_problem(call);
		return;
	}
	object = row_to_json(table_get(TABLE_TASK), &task, full ? VIEW_FULL : VIEW_V1);
	/* v1 tells them in lists only. */
	if (full || call->ours)
		json_object_set(object, "required_task_ids", required);
	json_decref(required);
	call_reply(call, 200, object);
}
