#include "server/event.h"

#include "base/base64.h"
#include "model/json.h"
#include "server/change.h"
#include "server/columns.h"
#include "server/contact.h"
#include "server/filter.h"
#include "server/handlers.h"
#include "server/lease.h"
#include "server/logs.h"
#include "server/record.h"
#include "store/store.h"

#include <string.h>

static const char *const type_words[EVENT_TYPES] = {"started", "uploading", "finished",
                                                    "refused", "progress",  "identified"};

static bool missing(struct problem *problem, const char *what, size_t i, const char *member)
{
	return problem_set(problem, PROBLEM_MISSING_FIELD, "%s[%zu] needs %s", what, i, member);
}

static bool is_object(const json_t *item, const char *what, size_t i, struct problem *problem)
{
	return json_is_object(item) ||
	       problem_set(problem, PROBLEM_BAD_TYPE, "%s[%zu] must be an object, not %s", what, i,
	                   json_type_words(item));
}

static bool read_log(struct call *call, json_t *item, size_t i, struct event_log *log)
{
	struct problem *problem = &call->problem;
	const char *stream = NULL, *data = NULL;
	char *bytes;

	*log = (struct event_log){.execution = INT_NULL, .epoch = INT_NULL, .offset = INT_NULL};
	if (!is_object(item, "logs", i, problem) ||
	    !filter_known(&filter_log_chunk, item, problem) ||
	    !json_member_int(item, "execution_id", &log->execution, problem) ||
	    !json_member_int(item, "epoch", &log->epoch, problem) ||
	    !json_member_int(item, "offset", &log->offset, problem) ||
	    !json_member_text(item, "stream", &stream, problem) ||
	    !json_member_text(item, "data", &data, problem))
		return false;
	if (log->execution == INT_NULL)
		return missing(problem, "logs", i, "execution_id");
	if (log->epoch == INT_NULL)
		return missing(problem, "logs", i, "epoch");
	if (log->offset == INT_NULL || log->offset < 0)
		return missing(problem, "logs", i, "offset, a natural number");
	if (stream == NULL || data == NULL)
		return missing(problem, "logs", i, stream ? "data" : "stream");
	if (!log_stream(stream, &log->is_error, problem))
		return false;
	bytes = arena_alloc(&call->arena, BASE64_ROOM(strlen(data)) + 1);
	if (!base64_decode(data, strlen(data), bytes, &log->len))
		return problem_set(problem, PROBLEM_BAD_VALUE, "data of logs[%zu] is not base64",
		                   i);
	log->data = bytes;
	return true;
}

static bool read_outputs(struct call *call, json_t *item, struct event *event)
{
	json_t *outputs = json_object_get(item, "outputs");
	struct str printed = STR_INIT;

	if (outputs == NULL || json_is_null(outputs))
		return true;
	if (!json_is_array(outputs))
		return problem_set(&call->problem, PROBLEM_BAD_TYPE,
		                   "outputs must be an array, not %s", json_type_words(outputs));
	json_print(outputs, &printed);
	event->row.outputs = arena_strndup(&call->arena, printed.p, printed.len);
	event->mask |= BIT(EXECUTION_COL_outputs);
	str_release(&printed);
	return true;
}

static bool read_finished(struct call *call, json_t *item, size_t i, struct event *event)
{
	struct problem *problem = &call->problem;
	struct execution *row = &event->row;
	const char *status = NULL, *reason = NULL;

	if (!json_member_text(item, "status", &status, problem) ||
	    !json_member_text(item, "reason", &reason, problem) ||
	    !json_member_text(item, "message", &row->message, problem) ||
	    !json_member_text(item, "output_files", &row->output_files, problem) ||
	    !json_member_int(item, "return_code", &row->return_code, problem) ||
	    !json_member_int(item, "signal", &row->signal, problem) ||
	    !json_member_int(item, "failed_line", &row->failed_line, problem) ||
	    !json_member_int(item, "peak_memory", &row->peak_memory, problem) ||
	    !json_member_real(item, "cpu_seconds", &row->cpu_seconds, problem) ||
	    !json_member_int(item, "stdout_length", &event->stdout_length, problem) ||
	    !json_member_int(item, "stderr_length", &event->stderr_length, problem) ||
	    !read_outputs(call, item, event))
		return false;
	if (status == NULL)
		return missing(problem, "events", i, "status");
	event->succeeded = strcmp(status, "succeeded") == 0;
	if (!event->succeeded && strcmp(status, "failed") != 0)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "status of events[%zu] is \"%.40s\", not succeeded or failed", i,
		                   status);
	event->reason = reason_parse(reason);
	if (event->reason == REASON_COUNT)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "reason of events[%zu] is \"%.40s\", which is none of ours", i,
		                   reason);
	if (!event->succeeded && event->reason == REASON_NONE)
		event->reason = REASON_FAILED;
	event->mask |= BIT(EXECUTION_COL_return_code) | BIT(EXECUTION_COL_signal) |
	               BIT(EXECUTION_COL_output_files) | BIT(EXECUTION_COL_failed_line) |
	               BIT(EXECUTION_COL_cpu_seconds) | BIT(EXECUTION_COL_peak_memory);
	return true;
}

static bool read_event(struct call *call, json_t *item, size_t i, struct event *event)
{
	struct problem *problem = &call->problem;
	const char *type = NULL;
	int t;

	memset(event, 0, sizeof(*event));
	row_clear(table_get(TABLE_EXECUTION), &event->row);
	event->execution = event->epoch = event->seq = INT_NULL;
	if (!is_object(item, "events", i, problem) || !filter_known(&filter_event, item, problem) ||
	    !json_member_int(item, "execution_id", &event->execution, problem) ||
	    !json_member_int(item, "epoch", &event->epoch, problem) ||
	    !json_member_int(item, "seq", &event->seq, problem) ||
	    !json_member_text(item, "type", &type, problem))
		return false;
	if (event->execution == INT_NULL)
		return missing(problem, "events", i, "execution_id");
	if (event->epoch == INT_NULL)
		return missing(problem, "events", i, "epoch");
	t = type ? status_parse(type_words, EVENT_TYPES, type) : -1;
	if (t < 0)
		return problem_set(
		        problem, type ? PROBLEM_BAD_VALUE : PROBLEM_MISSING_FIELD,
		        "type of events[%zu] must be started, uploading, finished, refused, "
		        "progress or identified",
		        i);
	event->type = (enum event_type)t;
	if (event->type != EVENT_PROGRESS && event->type != EVENT_IDENTIFIED &&
	    (event->seq == INT_NULL || event->seq < 1 || event->seq > UINT32_MAX))
		return missing(problem, "events", i, "seq, from 1");
	switch (event->type) {
	case EVENT_STARTED:
		/* What was said of its way to the start is over. */
		event->mask = BIT(EXECUTION_COL_pid) | BIT(EXECUTION_COL_message);
		return json_member_text(item, "pid", &event->row.pid, problem);
	case EVENT_FINISHED:
		return read_finished(call, item, i, event);
	case EVENT_PROGRESS:
		event->mask = BIT(EXECUTION_COL_message);
		return json_member_text(item, "message", &event->row.message, problem);
	case EVENT_REFUSED:
		return json_member_text(item, "message", &event->row.message, problem);
	case EVENT_IDENTIFIED:
		if (!json_member_text(item, "identity", &event->identity, problem) ||
		    !json_member_text(item, "identity_parts", &event->parts, problem) ||
		    !json_member_text(item, "output", &event->output, problem))
			return false;
		return event->identity != NULL || missing(problem, "events", i, "identity");
	case EVENT_UPLOADING:
	case EVENT_TYPES:
		break;
	}
	return true;
}

static bool read_list(struct call *call, const char *name, json_t **list)
{
	*list = json_object_get(call->body, name);
	if (*list == NULL || json_is_null(*list)) {
		*list = NULL;
		return true;
	}
	return json_is_array(*list) ||
	       problem_set(&call->problem, PROBLEM_BAD_TYPE, "%s must be an array, not %s", name,
	                   json_type_words(*list));
}

bool event_report_read(struct call *call, struct event_report *report)
{
	json_t *logs, *events;

	memset(report, 0, sizeof(*report));
	if (!read_list(call, "logs", &logs) || !read_list(call, "events", &events))
		return false;
	report->nlogs = json_array_size(logs);
	report->nevents = json_array_size(events);
	report->logs = arena_array(&call->arena, struct event_log, report->nlogs);
	report->events = arena_array(&call->arena, struct event, report->nevents);
	for (size_t i = 0; i < report->nlogs; i++) {
		if (!read_log(call, json_array_get(logs, i), i, &report->logs[i]))
			return false;
	}
	for (size_t i = 0; i < report->nevents; i++) {
		if (!read_event(call, json_array_get(events, i), i, &report->events[i]))
			return false;
	}
	return true;
}

/* The live execution that this worker speaks of under the epoch of its grant, or NULL. */
static struct execution_node *theirs(const struct core *core, const struct worker_node *worker,
                                     int64_t id, int64_t epoch)
{
	struct execution_node *execution = state_execution(&core->state, id);

	return execution != NULL && execution->worker == worker && execution->epoch == epoch
	               ? execution
	               : NULL;
}

/* It ended, by this worker's own report under this epoch: not taken from it. */
static bool ended_by(struct core *core, const struct worker_node *worker, int64_t id, int64_t epoch,
                     struct execution *row)
{
	return record_find_execution(core, id, row) && row->worker_id == worker->id &&
	       row->epoch == epoch && execution_is_done((enum execution_status)row->status) &&
	       !reason_gives_up(row->reason);
}

static json_t *apply_log(struct core *core, struct worker_node *worker, const struct event_log *log)
{
	struct execution_node *execution = theirs(core, worker, log->execution, log->epoch);
	struct execution row;
	int64_t length = 0;

	if (execution == NULL) {
		if (!ended_by(core, worker, log->execution, log->epoch, &row))
			return json_pack("{s:b}", "fenced", 1);
		/* Its end was accepted with its log complete: this is a repetition. */
		length = log_length(core, NULL, log->execution, log->is_error);
		return json_pack("{s:I}", "length", (json_int_t)length);
	}
	switch (log_append(core, execution, log->execution, log->is_error, log->offset, log->data,
	                   log->len, &length)) {
	case LOG_STORED:
		return json_pack("{s:I}", "length", (json_int_t)length);
	case LOG_GAP:
		return json_pack("{s:I}", "wanted", (json_int_t)length);
	case LOG_DIFFERENT:
		return json_pack("{s:b}", "fenced", 1);
	case LOG_GROUP_FAILED:
		break;
	}
	return NULL;
}

static json_t *apply_finished(struct core *core, struct execution_node *execution,
                              const struct event *event)
{
	int64_t out = log_length(core, execution, execution->id, false);
	int64_t err = log_length(core, execution, execution->id, true);
	struct outcome outcome = {
	        .event = event->succeeded ? EXECUTION_EVENT_SUCCEED : EXECUTION_EVENT_FAIL,
	        .reason = event->reason,
	        .return_code = event->row.return_code,
	        .failed_line = event->row.failed_line,
	        .message = event->row.message,
	};

	if (out < 0 || err < 0)
		return NULL;
	if ((event->stdout_length != INT_NULL && event->stdout_length > out) ||
	    (event->stderr_length != INT_NULL && event->stderr_length > err))
		return json_pack("{s:{s:I, s:I}}", "wanted", "stdout", (json_int_t)out, "stderr",
		                 (json_int_t)err);
	record_execution_set(core, execution, &event->row, event->mask);
	return json_string(change_end(core, execution, &outcome) ? "ok" : "fenced");
}

static json_t *apply_refused(struct core *core, struct execution_node *execution,
                             const struct event *event)
{
	struct outcome outcome = {.event = EXECUTION_EVENT_REFUSE,
	                          .return_code = INT_NULL,
	                          .failed_line = INT_NULL,
	                          .message = event->row.message};

	return json_string(change_end(core, execution, &outcome) ? "ok" : "fenced");
}

static bool take_cached(void *context, size_t i, const struct task *task, const char *outputs)
{
	json_t **found = context;
	json_t *files = outputs != NULL ? json_loads(outputs, 0, NULL) : NULL;

	(void)i;
	*found = json_pack("{s:I, s:o, s:o}", "task_id", (json_int_t)task->task_id, "output",
	                   task->output != NULL ? json_text(task->output) : json_null(), "outputs",
	                   files != NULL ? files : json_array());
	return false;
}

/* Whether an identical task has a result. The task is known by its identity from here on. */
static json_t *apply_identified(struct core *core, struct execution_node *execution,
                                const struct event *event)
{
	struct task row = {.task_id = execution->task,
	                   .identity = event->identity,
	                   .identity_parts = event->parts};
	json_t *found = NULL;

	if (event->parts != NULL &&
	    !record_update(core, TABLE_TASK, &row,
	                   BIT(TASK_COL_identity) | BIT(TASK_COL_identity_parts)))
		return NULL;
	if (!record_flush(core))
		return NULL;
	if (store_find_identities(store_own(core->store), &event->identity,
	                          event->output ? &event->output : NULL, 1, take_cached,
	                          &found) != STORE_OK) {
		json_decref(found);
		core_failed(core, "identities cannot be read");
		return NULL;
	}
	return found != NULL ? json_pack("{s:o}", "cached", found) : json_string("ok");
}

/* What came before and its answer was lost. */
static json_t *repeated(struct core *core, const struct worker_node *worker,
                        const struct event *event)
{
	struct execution row;

	return json_string(ended_by(core, worker, event->execution, event->epoch, &row)
	                           ? "duplicate"
	                           : "fenced");
}

static json_t *apply_event(struct core *core, struct worker_node *worker, const struct event *event)
{
	struct execution_node *execution = theirs(core, worker, event->execution, event->epoch);
	json_t *result = NULL;

	if (execution == NULL)
		return repeated(core, worker, event);
	if (event->type == EVENT_PROGRESS) {
		record_execution_set(core, execution, &event->row, event->mask);
		return json_string("ok");
	}
	if (event->type == EVENT_IDENTIFIED)
		return apply_identified(core, execution, event);
	if (event->seq <= execution->seq)
		return json_string("duplicate");
	switch (event->type) {
	case EVENT_STARTED:
		/* Applied before a restart of the server, which forgets the numbers. */
		if (execution->status == EXECUTION_RUNNING) {
			result = json_string("duplicate");
		} else {
			record_execution_set(core, execution, &event->row, event->mask);
			result =
			        json_string(change_execution(core, execution, EXECUTION_EVENT_START)
			                            ? "ok"
			                            : "fenced");
		}
		break;
	case EVENT_UPLOADING:
		result = json_string(execution->current ? "ok" : "fenced");
		break;
	case EVENT_FINISHED:
		/* It may be freed, or asked for again after its log. */
		return apply_finished(core, execution, event);
	case EVENT_REFUSED:
		return apply_refused(core, execution, event);
	case EVENT_PROGRESS:
	case EVENT_IDENTIFIED:
	case EVENT_TYPES:
		break;
	}
	execution->seq = (uint32_t)event->seq;
	return result;
}

bool event_report_apply(struct core *core, struct worker_node *worker,
                        const struct event_report *report, json_t *reply)
{
	json_t *list;

	if (report->nlogs > 0) {
		list = json_array();
		json_object_set_new_nocheck(reply, "logs", list);
		for (size_t i = 0; i < report->nlogs && !core->group_failed; i++)
			json_array_append_new(list, apply_log(core, worker, &report->logs[i]));
	}
	if (report->nevents > 0) {
		list = json_array();
		json_object_set_new_nocheck(reply, "results", list);
		for (size_t i = 0; i < report->nevents && !core->group_failed; i++)
			json_array_append_new(list, apply_event(core, worker, &report->events[i]));
	}
	return !core->group_failed;
}

bool event_report_ends(const struct event_report *report, int64_t execution)
{
	for (size_t i = 0; i < report->nevents; i++) {
		const struct event *event = &report->events[i];

		if (event->execution == execution &&
		    (event->type == EVENT_FINISHED || event->type == EVENT_REFUSED))
			return true;
	}
	return false;
}

void handle_execution_events(struct core *core, struct call *call)
{
	int64_t id = INT_NULL, epoch = INT_NULL;
	struct event_report report;
	struct worker_node *worker;
	json_t *reply;

	if (!filter_known(&filter_report, call->body, &call->problem) ||
	    !json_member_int(call->body, "worker_id", &id, &call->problem) ||
	    !json_member_int(call->body, "epoch", &epoch, &call->problem) ||
	    !event_report_read(call, &report)) {
		core_problem(core, call);
		return;
	}
	worker = state_worker(&core->state, id);
	if (worker == NULL) {
		core_refuse(core, call, PROBLEM_NOT_FOUND, "there is no worker %lld",
		            id == INT_NULL ? 0LL : (long long)id);
		return;
	}
	if (!worker->leases || worker->epoch != epoch) {
		core_refuse(core, call, PROBLEM_FENCED, "worker %s is at epoch %u, not this call's",
		            worker->name, worker->epoch);
		return;
	}
	contact_made(core, worker);
	reply = json_object();
	if (event_report_apply(core, worker, &report, reply)) {
		if (report.nlogs == 0)
			json_object_set_new_nocheck(reply, "logs", json_array());
		if (report.nevents == 0)
			json_object_set_new_nocheck(reply, "results", json_array());
	}
	core_reply(core, call, 200, reply);
}
