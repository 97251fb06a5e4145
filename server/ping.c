#include "server/ping.h"

#include "model/json.h"
#include "server/columns.h"
#include "server/filter.h"
#include "server/record.h"

bool ping_read(struct call *call, json_t *body, struct worker *row)
{
	row->load = row->stats = NULL;
	row->memory = (double)NAN;
	if (body == NULL || json_is_null(body))
		return true;
	if (!json_is_object(body))
		return problem_set(&call->problem, PROBLEM_BAD_TYPE,
		                   "ping must be an object, not %s", json_type_words(body));
	return filter_check(&filter_ping, body, &call->problem) &&
	       json_member_text(body, "load", &row->load, &call->problem) &&
	       json_member_real(body, "memory", &row->memory, &call->problem) &&
	       json_member_text(body, "stats", &row->stats, &call->problem);
}

bool ping_record(struct core *core, struct worker_node *worker, struct worker *row)
{
	row->worker_id = worker->id;
	row->last_contact_date = core->now_us;
	worker->recorded_ns = worker->heard_ns;
	return record_update(core, TABLE_WORKER, row,
	                     BIT(WORKER_COL_load) | BIT(WORKER_COL_memory) | BIT(WORKER_COL_stats) |
	                             BIT(WORKER_COL_last_contact_date));
}
