/* Why a task is where it is: in fields, and in one sentence. */
#include "model/json.h"
#include "server/columns.h"
#include "server/handlers.h"
#include "server/record.h"
#include "server/reply.h"
#include "server/run.h"
#include "store/store.h"

#define LISTED 20

struct why {
	struct core *core;
	uint32_t id;
	const struct task_node *task;
	const struct batch_node *batch;
	struct str sentence;
	json_t *fields;
};

static void waiting_for(struct why *why)
{
	const struct state *state = &why->core->state;
	uint32_t shown = 0, failed = 0, first = 0, unmet = state_unmet(state, why->task);
	bool lost = why->task->reason == REASON_DEPENDENCY;
	json_t *list = json_array();

	for (uint32_t e = why->task->requires; e != 0; e = state->edges.v[e].next_required) {
		uint32_t other = state->edges.v[e].other;
		uint8_t status = state_task(state, other)->status;

		failed += status == TASK_FAILED;
		/* What holds it up: a failure that may not be, else what is not done. */
		if (first == 0 || (status == TASK_FAILED) == lost)
			first = other;
		if (shown++ < LISTED)
			json_array_append_new(list,
			                      json_pack("{s:I, s:s}", "task_id", (json_int_t)other,
			                                "status", task_status_words[status]));
	}
	json_object_set_new(why->fields, "waiting_for", list);
	json_object_set_new(why->fields, "unmet", json_integer(unmet));
	if (first == 0)
		return;
	str_addf(&why->sentence, "it waits for task %u, which is %s", first,
	         task_status_words[state_task(state, first)->status]);
	if (unmet > 1)
		str_addf(&why->sentence, ", and for %u more", unmet - 1);
	if (lost)
		str_adds(&why->sentence, "; relaunch what failed, and it goes on");
	else if (failed > 0)
		str_addf(&why->sentence, "; %u failed, as many as may or less", failed);
}

struct fleet {
	uint32_t serving, present, paused, full, able;
};

/* The workers that serve its batch, by what keeps them from taking it. */
static struct fleet survey(const struct state *state, const struct batch_node *batch)
{
	struct fleet fleet = {0};

	for (size_t i = 0; i < state->workers.n && batch->serves.n > 0; i++) {
		const struct worker_node *worker = state->workers.v[i];

		if (worker == NULL || worker->serve == NULL ||
		    !pattern_matches(worker->serve->pattern, batch->name))
			continue;
		fleet.serving++;
		if (!worker->alive || worker->offline)
			continue;
		fleet.present++;
		if (worker->admin_paused)
			fleet.paused++;
		else if (!worker->counted)
			fleet.full++;
		else
			fleet.able++;
	}
	return fleet;
}

static void pending(struct why *why)
{
	const struct state *state = &why->core->state;
	struct fleet fleet = survey(state, why->batch);
	const char *batch = why->batch->name;
	struct str *s = &why->sentence;

	json_object_set_new(why->fields, "workers",
	                    json_pack("{s:I, s:I, s:I, s:I}", "serving", (json_int_t)fleet.serving,
	                              "present", (json_int_t)fleet.present, "paused",
	                              (json_int_t)fleet.paused, "full", (json_int_t)fleet.full));
	json_object_set_new(why->fields, "ready", json_integer(why->batch->ready));
	if (task_execution(why->task) != 0)
		str_addf(s, "its execution %u was told to stop and has not ended yet",
		         task_execution(why->task));
	else if (why->batch->paused)
		str_addf(s, "batch %s is stopped", batch);
	else if (fleet.serving == 0)
		str_addf(s, "no worker serves batch %s", batch);
	else if (fleet.present == 0)
		str_addf(s, "%s of batch %s offline",
		         fleet.serving == 1 ? "the worker" : "all workers", batch);
	else if (fleet.present == fleet.paused)
		str_addf(s, "%s of batch %s paused",
		         fleet.present == 1 ? "the worker" : "all workers", batch);
	else if (fleet.able == 0)
		str_addf(s, "%s of batch %s full; %u tasks of the batch are ready",
		         fleet.full == 1 ? "the worker" : "all workers", batch, why->batch->ready);
	else
		str_addf(s, "a worker of batch %s takes it when it asks next; %u tasks are ready",
		         batch, why->batch->ready);
}

static void out(struct why *why)
{
	const struct execution_node *execution =
	        state_execution(&why->core->state, task_execution(why->task));

	if (execution == NULL)
		return;
	json_object_set_new(why->fields, "execution_id", json_integer(execution->id));
	json_object_set_new(why->fields, "worker", json_text(execution->worker->name));
	str_addf(&why->sentence, "execution %u of it is %s with worker %s", execution->id,
	         execution_status_words[execution->status], execution->worker->name);
	if (execution->worker->offline)
		str_adds(&why->sentence, ", which is offline: it is lost when its lease is over");
	else if (execution->spare)
		str_adds(&why->sentence, ", which holds it ready until a slot is free");
}

static void failed(struct why *why, const struct task *row)
{
	if (why->task->reason == REASON_DEPENDENCY)
		str_adds(&why->sentence,
		         "a task that it requires failed, or too many of a gather; relaunch those");
	else if (why->task->reason == REASON_LOST)
		str_addf(&why->sentence, "its workers were lost %u times", why->task->losses);
	else if (why->task->reason == REASON_CANCELLED)
		str_adds(&why->sentence, "it was cancelled");
	else
		str_addf(&why->sentence, "it failed %u times (%s), retry is %lld",
		         why->task->attempts, row->reason ? row->reason : "no reason given",
		         (long long)row->retry);
}

static void explain(struct why *why, const struct task *row)
{
	str_addf(&why->sentence, "task %u is %s: ", why->id, task_status_words[why->task->status]);
	switch ((enum task_status)why->task->status) {
	case TASK_WAITING:
		waiting_for(why);
		break;
	case TASK_PENDING:
		pending(why);
		break;
	case TASK_ASSIGNED:
	case TASK_ACCEPTED:
	case TASK_RUNNING:
		out(why);
		break;
	case TASK_PAUSED:
		str_adds(&why->sentence, "somebody paused it");
		break;
	case TASK_DEBUG:
		str_adds(&why->sentence, "it waits for a person");
		break;
	case TASK_FAILED:
		failed(why, row);
		break;
	case TASK_SUCCEEDED:
		str_addf(&why->sentence, "its command ended well and its output is published%s",
		         why->task->flags & TASK_PARTIAL ? ", made without what failed before it"
		                                         : "");
		break;
	case TASK_STATUS_COUNT:
		break;
	}
}

void handle_task_why(struct core *core, struct call *call)
{
	struct why why = {.core = core, .id = (uint32_t)call->ids[0], .sentence = STR_INIT};
	struct task row;

	why.task = core_task(core, call->ids[0]);
	if (why.task == NULL) {
		reply_missing(core, call, "task", call->ids[0]);
		return;
	}
	if (!record_task(core, why.id, STORE_ALL, &row))
		return;
	why.batch = batch_of(&core->state, why.task);
	why.fields = json_object();
	json_object_set_new(why.fields, "task_id", json_integer(why.id));
	json_object_set_new(why.fields, "name", json_text(row.name));
	json_object_set_new(why.fields, "batch", json_text(row.batch));
	json_object_set_new(why.fields, "status", json_string(task_status_words[why.task->status]));
	json_object_set_new(why.fields, "reason", json_text(reason_words[why.task->reason]));
	json_object_set_new(why.fields, "attempts", json_integer(why.task->attempts));
	json_object_set_new(why.fields, "losses", json_integer(why.task->losses));
	json_object_set_new(why.fields, "retry", json_integer(row.retry));
	json_object_set_new(why.fields, "partial",
	                    json_boolean((why.task->flags & TASK_PARTIAL) != 0));
	explain(&why, &row);
	json_object_set_new(why.fields, "why", json_text(why.sentence.p));
	str_release(&why.sentence);
	core_reply(core, call, 200, why.fields);
}
