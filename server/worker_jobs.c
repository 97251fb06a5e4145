/* Deploying workers, giving them back, and what they are doing. */
#include "model/json.h"
#include "server/columns.h"
#include "server/contact.h"
#include "server/filter.h"
#include "server/handlers.h"
#include "server/hire.h"
#include "server/job.h"
#include "server/known_show.h"
#include "server/record.h"
#include "server/recruiter.h"
#include "server/reply.h"
#include "server/tally.h"
#include "server/worker.h"
#include "store/store.h"

#include <string.h>

#define DEPLOY_MOST 1000
#define LISTED_MOST 10000

struct providers {
	const char *flavor, *region;
	struct core *core;
	const char *found; /* the last one */
	size_t n;
	struct str names;
};

static bool add_provider(void *context, const void *row_p)
{
	struct providers *p = context;
	const struct flavor_metrics *row = row_p;

	if (strcmp(row->flavor_name, p->flavor) != 0 ||
	    (p->region != NULL && strcmp(row->region_name, p->region) != 0) ||
	    (p->found != NULL && strcmp(p->found, row->provider) == 0))
		return true;
	p->found = arena_strdup(&p->core->arena, row->provider);
	str_addf(&p->names, "%s%s", p->n++ ? ", " : "", p->found);
	return true;
}

/* The one that offers the flavor in that region. */
static const char *provider_of(struct core *core, struct call *call, const char *flavor,
                               const char *region)
{
	struct providers p = {.flavor = flavor, .region = region, .core = core, .names = STR_INIT};
	struct store_query query = {.table = TABLE_FLAVOR_METRICS};

	if (store_select(store_own(core->store), &query, add_provider, &p) != STORE_OK)
		core_failed(core, "the flavors cannot be read");
	else if (p.n != 1)
		problem_set(&call->problem, PROBLEM_BAD_VALUE,
		            "provider is not given, and %s offers flavor %.80s in region %.80s",
		            p.n ? p.names.p : "nobody", flavor, region ? region : "(any)");
	str_release(&p.names);
	return p.n == 1 ? p.found : NULL;
}

static void refuse_hire(struct core *core, struct call *call, const struct hire *hire,
                        int64_t number)
{
	struct str why = STR_INIT;

	if (hire->limit == HIRE_FREE)
		str_addf(&why, "run %u has %lld workers of at most %lld", hire->run,
		         (long long)hire->workers, (long long)hire->most_workers);
	else
		hire_explain(hire, &why);
	core_refuse(core, call, PROBLEM_CONFLICT, "%s: %lld more cannot be hired", why.p,
	            (long long)number);
	str_release(&why);
}

void handle_worker_deploy(struct core *core, struct call *call)
{
	struct hire hire;
	struct deployment deployment;
	const char *region = NULL, *provider = NULL, *flavor = NULL, *batch = "Default";
	int64_t number = 1, concurrency = 1, prefetch = 0;
	struct problem *problem = &call->problem;

	if (!filter_check(&filter_deploy, call->body, problem) ||
	    !json_member_int(call->body, "number", &number, problem) ||
	    !json_member_int(call->body, "concurrency", &concurrency, problem) ||
	    !json_member_int(call->body, "prefetch", &prefetch, problem) ||
	    !json_member_text(call->body, "region", &region, problem) ||
	    !json_member_text(call->body, "provider", &provider, problem) ||
	    !json_member_text(call->body, "flavor", &flavor, problem) ||
	    !json_member_text(call->body, "batch", &batch, problem) ||
	    !batch_name_read(call, batch)) {
		core_problem(core, call);
		return;
	}
	if (flavor == NULL) {
		core_refuse(core, call, PROBLEM_MISSING_FIELD, "a deployment needs flavor");
		return;
	}
	if (number < 1 || number > DEPLOY_MOST || concurrency < 1 || prefetch < 0) {
		core_refuse(core, call, PROBLEM_BAD_VALUE,
		            "number is %lld (1 to %d), concurrency %lld (from 1), prefetch %lld "
		            "(from 0)",
		            (long long)number, DEPLOY_MOST, (long long)concurrency,
		            (long long)prefetch);
		return;
	}
	if (provider == NULL)
		provider = provider_of(core, call, flavor, region);
	if (provider == NULL) {
		core_problem(core, call);
		return;
	}
	if (!hire_look(core, state_batch_find(&core->state, batch), &hire))
		return;
	if (hire.room < number) {
		refuse_hire(core, call, &hire, number);
		return;
	}
	deployment = (struct deployment){provider, region, flavor, batch, concurrency, prefetch};
	for (int64_t i = 0; i < number && !core->group_failed; i++)
		job_deploy(core, &deployment);
	reply_result(core, call, "ok");
}

void handle_worker_callback(struct core *core, struct call *call)
{
	struct worker_node *worker = state_worker(&core->state, call->ids[0]);
	struct worker row = {.worker_id = call->ids[0]};
	const char *message = NULL, *name;
	const struct batch_node *batch;

	if (!filter_check(&filter_callback, call->body, &call->problem) ||
	    !json_member_text(call->body, "message", &message, &call->problem)) {
		core_problem(core, call);
		return;
	}
	if (worker == NULL) {
		reply_missing(core, call, "worker", call->ids[0]);
		return;
	}
	contact_made(core, worker);
	if (message == NULL || strcmp(message, "idle") != 0) {
		reply_result(core, call, "nothing to do");
		return;
	}
	if (!record_find(core, TABLE_WORKER, &row)) {
		core_failed(core, "a worker has no row");
		return;
	}
	name = worker_batch(worker);
	batch = name ? state_batch_find(&core->state, name) : NULL;
	if (row.permanent == 1) {
		/* It begins anew with weights of its tasks. */
		row.task_properties = "{}";
		if (record_update(core, TABLE_WORKER, &row, BIT(WORKER_COL_task_properties)))
			reply_result(core, call, "ok");
	} else if (!worker_holds_nothing(worker)) {
		reply_result(core, call, "it still has tasks");
	} else if (batch != NULL && batch->counts[TASK_PENDING] > 0) {
		reply_result(core, call, "its batch still has tasks");
	} else {
		job_destroy(core, &row, NULL);
		worker_drop(core, worker);
		reply_result(core, call, "ok");
	}
}

/* v1's view of an execution of a worker. */
static json_t *execution_json(const struct core *core, const struct execution *row)
{
	static const enum execution_column columns[] = {
	        EXECUTION_COL_execution_id,  EXECUTION_COL_task_id,
	        EXECUTION_COL_status,        EXECUTION_COL_pid,
	        EXECUTION_COL_creation_date, EXECUTION_COL_modification_date,
	        EXECUTION_COL_output_files,  EXECUTION_COL_command,
	        EXECUTION_COL_latest};
	const struct task_node *task = state_task(&core->state, (uint32_t)row->task_id);
	json_t *value = json_object();

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		const struct field *f = &table_get(TABLE_EXECUTION)->fields[columns[i]];

		json_object_set_new(value, f->name, field_to_json(f, row));
	}
	json_object_set_new(value, "batch",
	                    task ? json_text(batch_of(&core->state, task)->name) : json_null());
	json_object_set_new(value, "taskstatus",
	                    task ? json_text(task_status_words[task->status]) : json_null());
	return value;
}

struct listing {
	struct core *core;
	json_t *array;
};

static bool add_ended(void *context, const void *row_p)
{
	struct listing *listing = context;
	const struct execution *row = row_p;

	core_task(listing->core, row->task_id);
	json_array_append_new(listing->array, execution_json(listing->core, row));
	return !listing->core->group_failed;
}

static void add_live(struct core *core, const struct worker_node *worker, int status, json_t *array)
{
	const struct execution_list *lists[] = {&worker->running, &worker->spare};

	for (int i = 0; i < 2; i++) {
		const struct execution_node *node;

		TAILQ_FOREACH(node, lists[i], held)
		{
			struct execution row;

			if (status < 0 ? node->status == EXECUTION_PENDING : node->status != status)
				continue;
			if (!record_execution(core, node->id, &row))
				return;
			row.status = (int8_t)node->status;
			json_array_append_new(array, execution_json(core, &row));
		}
	}
}

void handle_worker_executions(struct core *core, struct call *call)
{
	struct worker_node *worker = state_worker(&core->state, call->ids[0]);
	struct store_filter filters[2] = {
	        {.field = EXECUTION_COL_worker_id, .op = STORE_EQ, .number = call->ids[0]},
	        {.field = EXECUTION_COL_status, .op = STORE_EQ}};
	struct store_query query = {
	        .table = TABLE_EXECUTION, .filters = filters, .nfilters = 2, .limit = LISTED_MOST};
	struct listing listing = {core, NULL};
	int status = -1;

	if (worker == NULL) {
		reply_missing(core, call, "worker", call->ids[0]);
		return;
	}
	if (call->names[0] != NULL) {
		status = status_parse(execution_status_words, EXECUTION_STATUS_COUNT,
		                      call->names[0]);
		if (status < 0) {
			core_refuse(core, call, PROBLEM_BAD_VALUE,
			            "status is \"%.40s\", which is none of an execution",
			            call->names[0]);
			return;
		}
	}
	if (!worker->leases)
		contact_made(core, worker);
	listing.array = json_array();
	if (status < 0 || !execution_is_done((enum execution_status)status)) {
		add_live(core, worker, status, listing.array);
	} else {
		filters[1].number = status;
		if (record_flush(core) &&
		    store_select(store_own(core->store), &query, add_ended, &listing) != STORE_OK)
			core_failed(core, "executions cannot be read");
	}
	core_reply(core, call, 200, listing.array);
}

void handle_workers_tasks(struct core *core, struct call *call)
{
	if (tally_executions(core, call, handle_workers_tasks))
		core_reply_known(core, call, known_workers_tasks, handle_workers_tasks);
}
