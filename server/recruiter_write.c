#include "model/json.h"
#include "server/columns.h"
#include "server/handlers.h"
#include "server/hire.h"
#include "server/record.h"
#include "server/recruiter.h"
#include "server/reply.h"
#include "store/store.h"

#include <string.h>

#define RECRUITER_SETTINGS                                                                         \
	(BIT(RECRUITER_COL_tasks_per_worker) | BIT(RECRUITER_COL_worker_flavor) |                  \
	 BIT(RECRUITER_COL_worker_provider) | BIT(RECRUITER_COL_worker_region) |                   \
	 BIT(RECRUITER_COL_worker_concurrency) | BIT(RECRUITER_COL_worker_prefetch) |              \
	 BIT(RECRUITER_COL_minimum_tasks) | BIT(RECRUITER_COL_maximum_workers))

bool batch_name_read(struct call *call, const char *name)
{
	if (name == NULL || name[0] == '\0')
		return problem_set(&call->problem, PROBLEM_BAD_VALUE, "batch is empty");
	if (strchr(name, '/') != NULL)
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   "batch is \"%.80s\", it must not hold a /", name);
	return name_check("batch", name, &call->problem);
}

static bool check(struct call *call, const struct recruiter *row)
{
	if (!batch_name_read(call, row->batch))
		return false;
	if (row->rank < 1)
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   "rank is %lld, it must be at least 1", (long long)row->rank);
	if (row->tasks_per_worker < 1 && row->tasks_per_worker != INT_NULL)
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   "tasks_per_worker is %lld, it must be at least 1",
		                   (long long)row->tasks_per_worker);
	if (row->worker_concurrency < 1 && row->worker_concurrency != INT_NULL)
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   "worker_concurrency is %lld, it must be at least 1",
		                   (long long)row->worker_concurrency);
	return true;
}

bool recruiter_read(struct call *call, json_t *object, struct recruiter *row)
{
	uint64_t set;

	return row_from_json(table_get(TABLE_RECRUITER), object, ROW_CREATE, row, &set,
	                     &call->arena, &call->problem) &&
	       check(call, row);
}

bool recruiter_put(struct core *core, const struct recruiter *row)
{
	return record_upsert(core, TABLE_RECRUITER, row, RECRUITER_SETTINGS);
}

/* The one that the body names, where it is there already. */
static bool existing(struct core *core, struct call *call, struct recruiter *row)
{
	int64_t rank = 1;

	memset(row, 0, sizeof(*row));
	if (!json_member_text(call->body, "batch", &row->batch, &call->problem) ||
	    !json_member_int(call->body, "rank", &rank, &call->problem) || row->batch == NULL)
		return false;
	/* The body loses it before the row is used. */
	row->batch = arena_strdup(&call->arena, row->batch);
	row->rank = rank;
	return record_find(core, TABLE_RECRUITER, row);
}

static void update(struct core *core, struct call *call, struct recruiter *row, int status)
{
	uint64_t set;

	if (!row_from_json(table_get(TABLE_RECRUITER), call->body, ROW_UPDATE, row, &set,
	                   &call->arena, &call->problem) ||
	    !check(call, row)) {
		core_problem(core, call);
		return;
	}
	if (set == 0 || record_update(core, TABLE_RECRUITER, row, set))
		reply_row(core, call, status, TABLE_RECRUITER, row);
}

void handle_recruiter_create(struct core *core, struct call *call)
{
	struct recruiter row;

	call->problem.code = PROBLEM_NONE;
	if (existing(core, call, &row)) {
		json_object_del(call->body, "batch");
		json_object_del(call->body, "rank");
		update(core, call, &row, 201);
		return;
	}
	if (core->group_failed)
		return;
	if (!recruiter_read(call, call->body, &row)) {
		core_problem(core, call);
		return;
	}
	if (recruiter_put(core, &row))
		reply_row(core, call, 201, TABLE_RECRUITER, &row);
}

/* The one in the path. */
static bool named(struct core *core, struct call *call, struct recruiter *row)
{
	memset(row, 0, sizeof(*row));
	row->batch = call->names[0];
	row->rank = call->ids[0];
	if (record_find(core, TABLE_RECRUITER, row))
		return true;
	if (!core->group_failed)
		core_refuse(core, call, PROBLEM_NOT_FOUND,
		            "batch %.80s has no recruiter of rank %lld", call->names[0],
		            (long long)call->ids[0]);
	return false;
}

void handle_recruiter_update(struct core *core, struct call *call)
{
	struct recruiter row;

	if (named(core, call, &row))
		update(core, call, &row, 200);
}

void handle_recruiter_delete(struct core *core, struct call *call)
{
	struct recruiter row;

	if (named(core, call, &row) && record_delete(core, TABLE_RECRUITER, &row))
		reply_row(core, call, 200, TABLE_RECRUITER, &row);
}

struct match {
	struct core *core;
	struct call *call;
	const char *batch; /* NULL: of all batches */
	json_t *found;
	VEC(struct recruiter) recruiters;
};

static bool add_recruiter(void *context, const void *row_p)
{
	struct match *match = context;
	const struct recruiter *row = row_p;
	struct recruiter copy = *row;
	struct hire hire;

	if (match->batch != NULL && strcmp(match->batch, row->batch) != 0)
		return true;
	/* A run that may hire nobody takes nobody over either. */
	if (!hire_look(match->core, state_batch_find(&match->core->state, row->batch), &hire))
		return false;
	if (hire.room == 0)
		return true;
	copy.batch = arena_strdup(&match->core->arena, row->batch);
	copy.worker_flavor =
	        row->worker_flavor ? arena_strdup(&match->core->arena, row->worker_flavor) : NULL;
	copy.worker_provider = row->worker_provider
	                               ? arena_strdup(&match->core->arena, row->worker_provider)
	                               : NULL;
	copy.worker_region =
	        row->worker_region ? arena_strdup(&match->core->arena, row->worker_region) : NULL;
	vec_push(&match->recruiters, copy);
	return true;
}

static bool same_where_given(const char *wanted, const char *is)
{
	return wanted == NULL || (is != NULL && strcmp(wanted, is) == 0);
}

bool recruiter_matches(const struct state *state, const struct recruiter *recruiter,
                       const struct worker *row)
{
	const struct batch_node *batch = row->batch ? state_batch_find(state, row->batch) : NULL;

	return row->status == WORKER_RUNNING && row->flavor != NULL &&
	       strcmp(row->flavor, recruiter->worker_flavor) == 0 &&
	       same_where_given(recruiter->worker_provider, row->provider) &&
	       same_where_given(recruiter->worker_region, row->region) &&
	       (row->batch == NULL || strcmp(row->batch, recruiter->batch) != 0) &&
	       (batch == NULL || batch->counts[TASK_PENDING] == 0);
}

static bool add_worker(void *context, const void *row)
{
	struct match *match = context;

	for (size_t i = 0; i < match->recruiters.n; i++) {
		if (recruiter_matches(&match->core->state, &match->recruiters.v[i], row)) {
			json_array_append_new(match->found,
			                      row_to_json(table_get(TABLE_WORKER), row,
			                                  match->call->ours ? VIEW_FULL : VIEW_V1));
			break;
		}
	}
	return true;
}

void handle_recruiter_match(struct core *core, struct call *call)
{
	struct store_reader *own = store_own(core->store);
	struct match match = {.core = core, .call = call};
	struct store_query recruiters = {.table = TABLE_RECRUITER},
	                   workers = {.table = TABLE_WORKER};

	if (!json_member_text(call->body, "batch", &match.batch, &call->problem)) {
		core_problem(core, call);
		return;
	}
	match.found = json_array();
	if (record_flush(core) &&
	    store_select(own, &recruiters, add_recruiter, &match) == STORE_OK &&
	    store_select(own, &workers, add_worker, &match) == STORE_OK) {
		core_reply(core, call, 200, match.found);
	} else {
		json_decref(match.found);
		core_failed(core, "the recruiters cannot be read");
	}
	vec_release(&match.recruiters);
}
