#include "model/json.h"
#include "server/columns.h"
#include "server/handlers.h"
#include "server/record.h"
#include "server/recruit/choice.h"
#include "server/recruit/recruit.h"
#include "server/recruiter.h"
#include "server/reply.h"

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
	struct wanted wanted;

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
	return row->worker_flavor == NULL ||
	       wanted_parse(&wanted, "worker_flavor", row->worker_flavor, &call->arena,
	                    &call->problem);
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

void handle_recruiter_match(struct core *core, struct call *call)
{
	const struct roster *roster = &core->recruit->roster;
	const char *batch = NULL;
	json_t *found;

	if (!json_member_text(call->body, "batch", &batch, &call->problem)) {
		core_problem(core, call);
		return;
	}
	if (!recruit_ready(core))
		return;
	found = json_array();
	for (size_t i = 0; i < core->state.workers.n && !core->group_failed; i++) {
		const struct worker_node *worker = core->state.workers.v[i];
		struct worker row = {.worker_id = (int64_t)i};

		for (size_t k = 0; worker != NULL && k < roster->recruiters.n; k++) {
			const struct roster_recruiter *node = &roster->recruiters.v[k];

			if ((batch != NULL && strcmp(batch, node->row.batch) != 0) ||
			    !choice_could_take(core, node, worker) ||
			    !choice_may_take(core, node, worker))
				continue;
			if (record_find(core, TABLE_WORKER, &row))
				json_array_append_new(
				        found, row_to_json(table_get(TABLE_WORKER), &row,
				                           call->ours ? VIEW_FULL : VIEW_V1));
			break;
		}
	}
	core_reply(core, call, 200, found);
}
