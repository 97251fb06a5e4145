#include "server/why.h"

#include "model/json.h"
#include "server/columns.h"
#include "server/handlers.h"
#include "server/hire.h"
#include "server/record.h"
#include "server/recruiter.h"
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

struct hiring {
	struct why *why;
	VEC(struct recruiter) recruiters;
	VEC(const char *) match; /* for each: a worker that it could take over, NULL: none */
	struct hire limits;      /* of the run */
};

static bool take_recruiter(void *context, const void *row_p)
{
	struct hiring *h = context;
	struct recruiter row = *(const struct recruiter *)row_p;

	row.batch = keep(h->why, row.batch);
	row.worker_flavor = keep(h->why, row.worker_flavor);
	row.worker_provider = keep(h->why, row.worker_provider);
	row.worker_region = keep(h->why, row.worker_region);
	vec_push(&h->recruiters, row);
	vec_push(&h->match, NULL);
	return true;
}

static bool look_at_worker(void *context, const void *row_p)
{
	struct hiring *h = context;
	const struct worker *row = row_p;

	for (size_t i = 0; i < h->recruiters.n; i++) {
		if (h->match.v[i] == NULL &&
		    recruiter_matches(&h->why->core->state, &h->recruiters.v[i], row))
			h->match.v[i] = keep(h->why, row->name);
	}
	return true;
}

static uint32_t workers_of(const struct batch_node *batch)
{
	uint32_t n = 0;

	for (size_t i = 0; i < batch->serves.n; i++)
		n += batch->serves.v[i]->workers;
	return n;
}

/* What keeps it from hiring, in a word and in a sentence. */
static const char *no_hire(const struct hiring *h, size_t i, struct str *sentence)
{
	const struct recruiter *r = &h->recruiters.v[i];
	const struct batch_node *batch = h->why->batch;
	uint32_t pending = batch->counts[TASK_PENDING], workers = workers_of(batch);

	str_addf(sentence, "recruiter %lld ", (long long)r->rank);
	if (r->minimum_tasks != INT_NULL && pending < (uint64_t)r->minimum_tasks) {
		str_addf(sentence, "waits for %lld pending tasks, there are %u",
		         (long long)r->minimum_tasks, pending);
		return "minimum_tasks";
	}
	if (r->maximum_workers != INT_NULL && workers >= (uint64_t)r->maximum_workers) {
		str_addf(sentence, "has its maximum of %lld workers",
		         (long long)r->maximum_workers);
		return "maximum_workers";
	}
	if (h->limits.room == 0) {
		str_adds(sentence, "hires nobody more: ");
		hire_explain(&h->limits, sentence);
		return "run_limit";
	}
	if (h->match.v[i] != NULL) {
		str_addf(sentence, "could take over worker %s, which has nothing to do",
		         h->match.v[i]);
		return "match";
	}
	if (r->worker_provider == NULL || r->worker_region == NULL) {
		str_addf(sentence, "only takes over workers of flavor %s, and none is free",
		         r->worker_flavor);
		return "recycle_only";
	}
	str_addf(sentence, "would deploy %s in %s: no provider %s", r->worker_flavor,
	         r->worker_region, r->worker_provider);
	return "no_provider";
}

bool why_recruiters(struct why *why, const char **first)
{
	const struct store_filter of_batch = {
	        .field = RECRUITER_COL_batch, .op = STORE_EQ, .text = why->batch->name};
	const struct store_query recruiters = {
	        .table = TABLE_RECRUITER, .filters = &of_batch, .nfilters = 1};
	const struct store_query workers = {.table = TABLE_WORKER};
	struct hiring h = {.why = why};
	bool ok = hire_look(why->core, why->batch, &h.limits) &&
	          selected(why, &recruiters, take_recruiter, &h) &&
	          (h.recruiters.n == 0 || selected(why, &workers, look_at_worker, &h));
	json_t *list = json_array();

	*first = NULL;
	for (size_t i = 0; i < h.recruiters.n && ok; i++) {
		struct str sentence = STR_INIT;
		const char *word = no_hire(&h, i, &sentence);

		json_array_append_new(list, json_pack("{s:I, s:s, s:o}", "rank",
		                                      (json_int_t)h.recruiters.v[i].rank, "state",
		                                      word, "why", json_text(sentence.p)));
		if (i == 0)
			*first = arena_strdup(&why->core->arena, sentence.p);
		str_release(&sentence);
	}
	json_object_set_new(why->fields, "recruiters", list);
	vec_release(&h.recruiters);
	vec_release(&h.match);
	return ok;
}

void handle_recruiter_why(struct core *core, struct call *call)
{
	struct recruiter row = {.batch = call->names[0], .rank = call->ids[0]};
	struct why why = {.core = core};
	const char *first;
	json_t *entry;
	size_t i;

	if (!record_flush(core))
		return;
	if (!record_find(core, TABLE_RECRUITER, &row)) {
		core_refuse(core, call, PROBLEM_NOT_FOUND,
		            "there is no recruiter of batch %.200s with rank %lld", call->names[0],
		            (long long)call->ids[0]);
		return;
	}
	why.batch = state_batch(&core->state, call->names[0]);
	why.fields = json_object();
	if (why_recruiters(&why, &first)) {
		json_array_foreach(json_object_get(why.fields, "recruiters"), i, entry)
		{
			if (json_integer_value(json_object_get(entry, "rank")) == call->ids[0])
				core_reply(core, call, 200, json_incref(entry));
		}
	}
	json_decref(why.fields);
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
