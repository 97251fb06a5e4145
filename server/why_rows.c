#include "server/why.h"

#include "model/json.h"
#include "server/columns.h"
#include "server/handlers.h"
#include "server/record.h"
#include "server/recruit/recruit.h"
#include "store/store.h"

#include <string.h>

/* Tasks of that name that are looked at for one of the same step. */
#define EARLIER_MOST 20

static bool selected(struct why *why, const struct store_query *query, store_row *row,
                     void *context)
{
	return store_select(store_own(why->core->store), query, row, context) == STORE_OK ||
	       core_failed(why->core, "rows about a task cannot be read");
}

static const char *keep(struct why *why, const char *text)
{
	return text ? arena_strdup(&why->core->arena, text) : NULL;
}

/* The latest execution. */

static bool take_execution(void *context, const void *row_p)
{
	struct why *why = context;
	const struct execution *row = row_p;

	why->last.execution_id = row->execution_id;
	why->last.worker_id = row->worker_id;
	why->last.status = row->status;
	why->last.return_code = row->return_code;
	why->last.signal = row->signal;
	why->last.failed_line = row->failed_line;
	why->last.reason = keep(why, row->reason);
	why->last.message = keep(why, row->message);
	return false;
}

static void set_integer(json_t *object, const char *name, int64_t value)
{
	json_object_set_new(object, name, value == INT_NULL ? json_null() : json_integer(value));
}

bool why_last_execution(struct why *why)
{
	const struct store_filter filters[] = {
	        {.field = EXECUTION_COL_task_id, .op = STORE_EQ, .number = why->id},
	        {.field = EXECUTION_COL_latest, .op = STORE_EQ, .number = 1}};
	const struct store_query query = {
	        .table = TABLE_EXECUTION,
	        .filters = filters,
	        .nfilters = 2,
	        .limit = 1,
	        .mask = BIT(EXECUTION_COL_execution_id) | BIT(EXECUTION_COL_worker_id) |
	                BIT(EXECUTION_COL_status) | BIT(EXECUTION_COL_return_code) |
	                BIT(EXECUTION_COL_signal) | BIT(EXECUTION_COL_failed_line) |
	                BIT(EXECUTION_COL_reason) | BIT(EXECUTION_COL_message)};
	json_t *last;

	if (why->task->epoch == 0)
		return true;
	if (!selected(why, &query, take_execution, why))
		return false;
	if (why->last.execution_id == 0)
		return true;
	last = json_object();
	set_integer(last, "execution_id", why->last.execution_id);
	set_integer(last, "worker_id", why->last.worker_id);
	json_object_set_new(last, "status", json_text(execution_status_words[why->last.status]));
	json_object_set_new(last, "reason", json_text(why->last.reason));
	json_object_set_new(last, "message", json_text(why->last.message));
	set_integer(last, "return_code", why->last.return_code);
	set_integer(last, "signal", why->last.signal);
	set_integer(last, "failed_line", why->last.failed_line);
	json_object_set_new(why->fields, "last_execution", last);
	return true;
}

/* Recruiters. */

/* What it decided last; before it has, what it would decide now. */
static bool decision_of(struct core *core, const struct roster_recruiter *node,
                        struct decision *decision)
{
	*decision = node->last;
	if (node->last.date != DATE_NULL)
		return true;
	if (!recruit_weigh(core, node, decision))
		return false;
	decision->date = DATE_NULL;
	return true;
}

bool why_recruiters(struct why *why, const char **first)
{
	const struct roster *roster = &why->core->recruit->roster;
	json_t *list = json_array();

	*first = NULL;
	json_object_set_new(why->fields, "recruiters", list);
	if (!recruit_ready(why->core))
		return false;
	for (size_t i = 0; i < roster->recruiters.n; i++) {
		const struct roster_recruiter *node = &roster->recruiters.v[i];
		struct decision decision;

		if (strcmp(node->row.batch, why->batch->name) != 0)
			continue;
		if (!decision_of(why->core, node, &decision))
			return false;
		json_array_append_new(list, decision_json(&decision, &node->row));
	}
	*first = keep(why, json_string_value(json_object_get(json_array_get(list, 0), "why")));
	return true;
}

void handle_recruiter_why(struct core *core, struct call *call)
{
	const struct roster *roster = &core->recruit->roster;
	struct decision decision;

	if (!recruit_ready(core))
		return;
	for (size_t i = 0; i < roster->recruiters.n; i++) {
		const struct roster_recruiter *node = &roster->recruiters.v[i];

		if (node->row.rank != call->ids[0] || strcmp(node->row.batch, call->names[0]) != 0)
			continue;
		if (decision_of(core, node, &decision))
			core_reply(core, call, 200, decision_json(&decision, &node->row));
		return;
	}
	core_refuse(core, call, PROBLEM_NOT_FOUND,
	            "there is no recruiter of batch %.200s with rank %lld", call->names[0],
	            (long long)call->ids[0]);
}

/* Identities. */

struct earlier {
	struct why *why;
	struct task row; /* task_id 0: none found */
};

static bool look_at_earlier(void *context, const void *row_p)
{
	struct earlier *e = context;
	const struct task *row = row_p;

	if (row->identity == NULL || strcmp(row->batch, e->why->row->batch) != 0)
		return true;
	e->row.task_id = row->task_id;
	e->row.run_id = row->run_id;
	e->row.status = row->status;
	e->row.identity = keep(e->why, row->identity);
	e->row.identity_parts = keep(e->why, row->identity_parts);
	return false;
}

static json_t *parts_of(const char *text)
{
	struct problem ignored = {0};
	json_t *parts = text ? json_parse(text, strlen(text), &ignored) : NULL;

	if (json_is_object(parts))
		return parts;
	json_decref(parts);
	return json_object();
}

/* Names of the parts that are not the same in both. */
static json_t *differing(const char *ours, const char *theirs)
{
	json_t *a = parts_of(ours), *b = parts_of(theirs), *list = json_array(), *value;
	const char *key;

	json_object_foreach(a, key, value)
	{
		if (!json_equal(value, json_object_get(b, key)))
			json_array_append_new(list, json_string(key));
	}
	json_object_foreach(b, key, value)
	{
		if (json_object_get(a, key) == NULL)
			json_array_append_new(list, json_string(key));
	}
	json_decref(a);
	json_decref(b);
	return list;
}

bool why_identity(struct why *why)
{
	const struct store_filter named = {
	        .field = TASK_COL_name, .op = STORE_EQ, .text = why->row->name};
	const struct store_query query = {.table = TABLE_TASK,
	                                  .filters = &named,
	                                  .nfilters = 1,
	                                  .reverse = true,
	                                  .after = why->id,
	                                  .limit = EARLIER_MOST,
	                                  .mask = BIT(TASK_COL_task_id) | BIT(TASK_COL_batch) |
	                                          BIT(TASK_COL_run_id) | BIT(TASK_COL_status) |
	                                          BIT(TASK_COL_identity) |
	                                          BIT(TASK_COL_identity_parts)};
	struct earlier e = {.why = why};
	json_t *told, *differs;
	size_t i;
	json_t *part;

	if (why->row->identity == NULL || why->row->name == NULL)
		return true;
	if (!selected(why, &query, look_at_earlier, &e))
		return false;
	if (e.row.task_id == 0)
		return true;
	differs = differing(why->row->identity_parts, e.row.identity_parts);
	told = json_object();
	set_integer(told, "task_id", e.row.task_id);
	set_integer(told, "run_id", e.row.run_id);
	json_object_set_new(told, "status", json_text(task_status_words[e.row.status]));
	json_object_set(told, "differs", differs);
	json_object_set_new(why->fields, "identity", told);
	if (json_array_size(differs) > 0) {
		str_adds(&why->sentence, "; it was not reused: ");
		json_array_foreach(differs, i, part)
		{
			str_addf(&why->sentence, "%s%s", i ? ", " : "", json_string_value(part));
		}
		str_addf(&why->sentence, " differ%s from task %lld",
		         json_array_size(differs) == 1 ? "s" : "", (long long)e.row.task_id);
	} else if (strcmp(why->row->identity, e.row.identity) == 0) {
		str_addf(&why->sentence, "; it was run again: task %lld is the same and %s",
		         (long long)e.row.task_id,
		         e.row.status == TASK_SUCCEEDED ? "succeeded, but its files do not stand"
		                                        : task_status_words[e.row.status]);
	}
	json_decref(differs);
	return true;
}
