#include "model/json.h"
#include "server/contact.h"
#include "server/filter.h"
#include "server/handlers.h"
#include "server/record.h"
#include "server/reply.h"
#include "server/signals.h"

/* -3 to the largest Unix signal. */
#define SIGNAL_LEAST (-3)
#define SIGNAL_MOST 64

void handle_signals_take(struct core *core, struct call *call)
{
	struct worker_node *worker = state_worker(&core->state, call->ids[0]);
	json_t *array;

	if (worker == NULL) {
		reply_missing(core, call, "worker", call->ids[0]);
		return;
	}
	array = json_array();
	/* Somebody else may look at what a leasing worker will get; it is not taken away. */
	if (worker->leases) {
		for (size_t i = 0; i < worker->signals.n; i++)
			json_array_append_new(array, signal_json(worker, &worker->signals.v[i]));
	} else {
		contact_made(core, worker);
		signals_hand_over(core, worker, array);
	}
	core_reply(core, call, 200, array);
}

void handle_signal_create(struct core *core, struct call *call)
{
	struct worker_node *worker = state_worker(&core->state, call->ids[0]);
	int64_t id = INT_NULL, number = INT_NULL, worker_id = call->ids[0];
	struct execution_node *execution;
	struct execution row;

	if (!filter_check(&filter_signal_body, call->body, &call->problem) ||
	    !json_member_int(call->body, "execution_id", &id, &call->problem) ||
	    !json_member_int(call->body, "signal", &number, &call->problem) ||
	    !json_member_int(call->body, "worker_id", &worker_id, &call->problem)) {
		core_problem(core, call);
		return;
	}
	if (worker == NULL) {
		reply_missing(core, call, "worker", call->ids[0]);
		return;
	}
	if (number == INT_NULL) {
		core_refuse(core, call, PROBLEM_MISSING_FIELD, "a signal needs signal");
		return;
	}
	if (number < SIGNAL_LEAST || number > SIGNAL_MOST || worker_id != call->ids[0]) {
		core_refuse(core, call, PROBLEM_BAD_VALUE, "%s is %lld",
		            worker_id != call->ids[0] ? "worker_id" : "signal",
		            (long long)(worker_id != call->ids[0] ? worker_id : number));
		return;
	}
	if (id == INT_NULL) {
		signal_add(core, worker, 0, (int)number);
		core_reply(core, call, 200, json_null());
		return;
	}
	execution = state_execution(&core->state, id);
	if (execution == NULL && !record_find_execution(core, id, &row)) {
		reply_missing(core, call, "execution", id);
		return;
	}
	/* An execution that has ended needs no signal any more. */
	if (execution != NULL && execution->worker != worker) {
		core_refuse(core, call, PROBLEM_BAD_VALUE, "execution %lld is not with worker %u",
		            (long long)id, worker->id);
		return;
	}
	if (execution != NULL)
		signal_add(core, worker, execution->id, (int)number);
	core_reply(core, call, 200, json_null());
}
