#include "server/reply.h"

#include "model/json.h"
#include "server/record.h"
#include "store/store.h"

json_t *reply_integer(int64_t value)
{
	return value == INT_NULL ? json_null() : json_integer(value);
}

void reply_row(struct core *core, struct call *call, int status, enum table_id table,
               const void *row)
{
	core_reply(core, call, status,
	           row_to_json(table_get(table), row, call->ours ? VIEW_FULL : VIEW_V1));
}

void reply_task(struct core *core, struct call *call, int status, uint32_t id)
{
	struct task row;

	if (record_flush(core) && record_task(core, id, STORE_ALL, &row))
		reply_row(core, call, status, TABLE_TASK, &row);
}

void reply_result(struct core *core, struct call *call, const char *word)
{
	core_reply(core, call, 200, json_pack("{s:s}", "result", word));
}

void reply_missing(struct core *core, struct call *call, const char *what, int64_t id)
{
	core_refuse(core, call, PROBLEM_NOT_FOUND, "there is no %s %lld", what, (long long)id);
}
