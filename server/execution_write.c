/* What polling v1 workers and people do with executions. */
#include "model/json.h"
#include "server/change.h"
#include "server/columns.h"
#include "server/contact.h"
#include "server/filter.h"
#include "server/handlers.h"
#include "server/lease.h"
#include "server/log_text.h"
#include "server/logs.h"
#include "server/news.h"
#include "server/record.h"
#include "server/reply.h"
#include "server/schedule.h"
#include "server/tally.h"
#include "server/task_drop.h"
#include "store/store.h"

#include <string.h>

/* Of a log in the reply to a change; the rest is a GET away. */
#define LOG_SHOWN (INT64_C(1) << 20)

/* The last of the log as text, NULL where there is none. */
static const char *log_shown(struct core *core, struct call *call, int64_t id,
                             enum store_stream stream)
{
	struct str bytes = STR_INIT, text = STR_INIT;
	const char *shown = NULL;
	struct log_text decoder;
	int64_t length = log_length(core, NULL, id, stream == STORE_STDERR);
	int64_t from = length > LOG_SHOWN ? length - LOG_SHOWN : 0;

	if (length <= 0)
		return NULL;
	if (store_log_read(store_own(core->store), id, stream, from, (size_t)(length - from),
	                   &bytes) != STORE_OK) {
		core_failed(core, "a log cannot be read");
	} else {
		log_text_init(&decoder, &text, 0);
		log_text_add(&decoder, bytes.p, bytes.len);
		log_text_end(&decoder);
		shown = arena_strndup(&call->arena, text.p, text.len);
	}
	str_release(&bytes);
	str_release(&text);
	return shown;
}

static void reply_execution(struct core *core, struct call *call, int status, int64_t id)
{
	struct execution row;

	if (!record_flush(core) || !record_execution(core, (uint32_t)id, &row))
		return;
	row.output = log_shown(core, call, id, STORE_STDOUT);
	row.error = log_shown(core, call, id, STORE_STDERR);
	if (!core->group_failed)
		reply_row(core, call, status, TABLE_EXECUTION, &row);
}

void handle_execution_create(struct core *core, struct call *call)
{
	struct execution row;
	struct worker_node *worker;
	struct task_node *task;
	struct execution_node *execution;
	uint64_t set;

	if (!row_from_json(table_get(TABLE_EXECUTION), call->body, ROW_CREATE, &row, &set,
	                   &call->arena, &call->problem)) {
		core_problem(core, call);
		return;
	}
	worker = state_worker(&core->state, row.worker_id);
	task = core_task(core, row.task_id);
	if (worker == NULL || task == NULL) {
		if (task == NULL)
			reply_missing(core, call, "task", row.task_id);
		else
			reply_missing(core, call, "worker", row.worker_id);
		return;
	}
	if (row.status != EXECUTION_PENDING && row.status != EXECUTION_RUNNING) {
		core_refuse(core, call, PROBLEM_BAD_VALUE,
		            "status is %s: a new execution is pending, an offer, or running",
		            execution_status_words[row.status]);
		return;
	}
	if (task_execution(task) != 0 || task->requires != 0 ||
	    (task->status != TASK_PENDING && task->status != TASK_PAUSED)) {
		core_refuse(core, call, PROBLEM_CONFLICT,
		            "a new execution for task %lld is not possible: it is %s",
		            (long long)row.task_id, task_status_words[task->status]);
		return;
	}
	if (worker->leases) {
		core_refuse(core, call, PROBLEM_CONFLICT,
		            "worker %s takes its work itself, nothing can be offered to it",
		            worker->name);
		return;
	}
	if (task->status == TASK_PAUSED)
		change_task(core, (uint32_t)row.task_id, task, TASK_EVENT_RESUME, REASON_NONE);
	execution = schedule_give(core, worker, (uint32_t)row.task_id);
	if (execution != NULL && row.status == EXECUTION_RUNNING) {
		change_execution(core, execution, EXECUTION_EVENT_ACCEPT);
		change_execution(core, execution, EXECUTION_EVENT_START);
	}
	if (execution != NULL && !core->group_failed)
		reply_execution(core, call, 201, execution->id);
}

/* v1 clients do not say why; the code they choose tells some of it. */
static enum reason reason_of(const struct execution *row, uint64_t set)
{
	if (!(set & BIT(EXECUTION_COL_return_code)) || row->return_code == INT_NULL)
		return REASON_FAILED;
	if (row->return_code == -1001)
		return REASON_DOWNLOAD;
	if (row->return_code == -1000)
		return REASON_UPLOAD;
	return row->return_code < 0 ? REASON_SIGNAL : REASON_EXIT;
}

/* May the execution go there? Through accepted, where it was only offered. */
static bool allowed(const struct execution_node *execution, enum execution_status to)
{
	enum execution_status from = (enum execution_status)execution->status;

	switch (to) {
	case EXECUTION_ACCEPTED:
		return execution_transition(from, EXECUTION_EVENT_ACCEPT) != NULL;
	case EXECUTION_RUNNING:
		return from == EXECUTION_PENDING ||
		       execution_transition(from, EXECUTION_EVENT_START) != NULL;
	case EXECUTION_SUCCEEDED:
		return from == EXECUTION_PENDING ||
		       execution_transition(from, EXECUTION_EVENT_SUCCEED) != NULL;
	case EXECUTION_FAILED:
		return execution_transition(from, EXECUTION_EVENT_FAIL) != NULL;
	case EXECUTION_REFUSED:
		return execution_transition(from, EXECUTION_EVENT_REFUSE) != NULL;
	case EXECUTION_PENDING:
	case EXECUTION_STATUS_COUNT:
		break;
	}
	return false;
}

static void go(struct core *core, struct execution_node *execution, const struct execution *row,
               uint64_t set)
{
	struct worker_node *worker = execution->worker;
	struct outcome outcome = {
	        .return_code = set & BIT(EXECUTION_COL_return_code) ? row->return_code : INT_NULL,
	        .failed_line = INT_NULL};

	if (execution->status == EXECUTION_PENDING &&
	    (row->status == EXECUTION_RUNNING || row->status == EXECUTION_SUCCEEDED))
		change_execution(core, execution, EXECUTION_EVENT_ACCEPT);
	switch ((enum execution_status)row->status) {
	case EXECUTION_ACCEPTED:
		change_execution(core, execution, EXECUTION_EVENT_ACCEPT);
		return;
	case EXECUTION_RUNNING:
		change_execution(core, execution, EXECUTION_EVENT_START);
		return;
	case EXECUTION_SUCCEEDED:
		outcome.event = EXECUTION_EVENT_SUCCEED;
		break;
	case EXECUTION_FAILED:
		outcome.event = EXECUTION_EVENT_FAIL;
		outcome.reason = reason_of(row, set);
		break;
	case EXECUTION_REFUSED:
		outcome.event = EXECUTION_EVENT_REFUSE;
		break;
	case EXECUTION_PENDING:
	case EXECUTION_STATUS_COUNT:
		return;
	}
	change_end(core, execution, &outcome);
	/* A worker that leases and still holds it is told to drop it. */
	lease_answer(core, worker);
}

/*
 * The whole text of a log, as v1 clients send it with the end of an execution.
 * What was appended before stands: only what it lacks is added.
 */
static bool set_log(struct core *core, struct execution_node *execution, int64_t id, bool is_error,
                    const char *text)
{
	int64_t length;

	return text == NULL || log_append(core, execution, id, is_error, 0, text, strlen(text),
	                                  &length) != LOG_GROUP_FAILED;
}

void handle_execution_update(struct core *core, struct call *call)
{
	const uint64_t virtual = BIT(EXECUTION_COL_status) | BIT(EXECUTION_COL_output) |
	                         BIT(EXECUTION_COL_error) | BIT(EXECUTION_COL_freeze);
	struct execution_node *execution = state_execution(&core->state, call->ids[0]);
	int64_t id = call->ids[0];
	struct execution row, old;
	uint64_t set, columns;
	bool moves;

	if (!record_find_execution(core, id, &old)) {
		reply_missing(core, call, "execution", id);
		return;
	}
	row_clear(table_get(TABLE_EXECUTION), &row);
	if (!row_from_json(table_get(TABLE_EXECUTION), call->body, ROW_UPDATE, &row, &set,
	                   &call->arena, &call->problem)) {
		core_problem(core, call);
		return;
	}
	if (execution != NULL)
		old.status = (int8_t)execution->status;
	moves = (set & BIT(EXECUTION_COL_status)) && row.status != old.status;
	if (moves &&
	    (execution == NULL || !allowed(execution, (enum execution_status)row.status))) {
		core_refuse(core, call, PROBLEM_CONFLICT,
		            "execution %lld is %s: it cannot become %s", (long long)id,
		            execution_status_words[old.status], execution_status_words[row.status]);
		return;
	}
	row.execution_id = id;
	columns = set & ~virtual;
	if (!set_log(core, execution, id, false, row.output) ||
	    !set_log(core, execution, id, true, row.error))
		return;
	if (execution != NULL && columns != 0) {
		record_execution_set(core, execution, &row, columns);
	} else if (columns != 0) {
		row.modification_date = core->now_us;
		record_update(core, TABLE_EXECUTION, &row,
		              columns | BIT(EXECUTION_COL_modification_date));
	}
	if (columns & BIT(EXECUTION_COL_latest))
		tally_again(core);
	if (moves)
		go(core, execution, &row, set);
	reply_execution(core, call, 200, id);
}

void handle_execution_delete(struct core *core, struct call *call)
{
	struct execution_node *execution = state_execution(&core->state, call->ids[0]);
	struct execution row;
	enum store_result result;

	/* As v1 has it: what is not there is deleted. */
	if (!record_find_execution(core, call->ids[0], &row)) {
		reply_result(core, call, "ok");
		return;
	}
	/* Its processes may live, and its task must not be given to somebody else meanwhile. */
	if (execution != NULL && execution->status != EXECUTION_PENDING) {
		core_refuse(core, call, PROBLEM_CONFLICT,
		            "execution %u is %s: it can be deleted when it has ended",
		            execution->id, execution_status_words[execution->status]);
		return;
	}
	if (!record_flush(core) || !core_write(core))
		return;
	news_execution(core, (uint32_t)row.execution_id, (uint32_t)row.task_id,
	               row.worker_id > 0 ? (uint32_t)row.worker_id : 0,
	               (enum execution_status)row.status, FEED_DELETED);
	if (execution != NULL)
		execution_drop(core, execution);
	result = store_delete_execution(core->store, call->ids[0]);
	if (result != STORE_OK)
		core_failed(core, "an execution cannot be deleted");
	tally_again(core);
	reply_result(core, call, "ok");
}

static bool read_text(struct core *core, struct call *call, const char **text)
{
	struct execution row;

	*text = NULL;
	if (!filter_check(&filter_text, call->body, &call->problem) ||
	    !json_member_text(call->body, "text", text, &call->problem)) {
		core_problem(core, call);
		return false;
	}
	if (state_execution(&core->state, call->ids[0]) == NULL &&
	    !record_find_execution(core, call->ids[0], &row)) {
		reply_missing(core, call, "execution", call->ids[0]);
		return false;
	}
	return true;
}

static void append(struct core *core, struct call *call, bool is_error)
{
	struct execution_node *execution = state_execution(&core->state, call->ids[0]);
	const char *text;
	int64_t length;

	if (!read_text(core, call, &text))
		return;
	if (text != NULL && text[0] != '\0') {
		length = log_length(core, execution, call->ids[0], is_error);
		if (length < 0 || log_append(core, execution, call->ids[0], is_error, length, text,
		                             strlen(text), &length) == LOG_GROUP_FAILED)
			return;
	}
	reply_result(core, call, "Ok");
}

void handle_execution_output(struct core *core, struct call *call)
{
	append(core, call, false);
}

void handle_execution_error(struct core *core, struct call *call)
{
	append(core, call, true);
}

void handle_execution_output_files(struct core *core, struct call *call)
{
	struct execution_node *execution = state_execution(&core->state, call->ids[0]);
	struct execution row = {.execution_id = call->ids[0]};
	const char *text;

	if (!read_text(core, call, &text))
		return;
	row.output_files = text;
	row.modification_date = core->now_us;
	if (execution != NULL)
		record_execution_set(core, execution, &row, BIT(EXECUTION_COL_output_files));
	else
		record_update(core, TABLE_EXECUTION, &row,
		              BIT(EXECUTION_COL_output_files) |
		                      BIT(EXECUTION_COL_modification_date));
	if (!core->group_failed)
		reply_result(core, call, "Ok");
}
