/*
 * Why a task is where it is: a word (why.def), fields, and one sentence (G7). The
 * state is asked, and few rows: no question takes longer for a larger queue.
 */
#include "server/why.h"

#include "model/json.h"
#include "model/weight.h"
#include "server/columns.h"
#include "server/contact.h"
#include "server/deadline.h"
#include "server/handlers.h"
#include "server/hire.h"
#include "server/record.h"
#include "server/reply.h"
#include "server/run.h"
#include "store/store.h"

#include <string.h>

#define LISTED 20
/* Steps to what a waiting task waits for in the end. */
#define CHAIN_MOST 10000

#define CAUSE(name, word, help) word,
const char *const cause_words[CAUSE_COUNT] = {
#include "server/why.def"
};
#undef CAUSE

static void pending(struct why *why);

/* "task 3 qc:S1, which is pending" */
static void tell_other(struct why *why, uint32_t id)
{
	if (record_add_task(why->core, id, &why->sentence))
		str_addf(&why->sentence, ", which is %s",
		         task_status_words[state_task(&why->core->state, id)->status]);
}

/* The first task at the end of the chain that does not wait itself. */
static uint32_t root_of(const struct state *state, uint32_t id)
{
	for (int i = 0; i < CHAIN_MOST; i++) {
		const struct task_node *task = state_task(state, id);

		if (task->status != TASK_WAITING || task->requires == 0 ||
		    task->reason == REASON_DEPENDENCY)
			break;
		id = state->edges.v[task->requires].other;
	}
	return id;
}

/* "; in the end for task 3, which is pending: ..." */
static void tell_root(struct why *why, uint32_t first)
{
	const struct state *state = &why->core->state;
	uint32_t root = root_of(state, first);
	struct why other = {.core = why->core,
	                    .id = root,
	                    .task = state_task(state, root),
	                    .row = why->row,
	                    .sentence = STR_INIT,
	                    .fields = json_object()};

	json_object_set_new(why->fields, "root_task_id", json_integer(root));
	if (root != first) {
		str_adds(&why->sentence, "; in the end for ");
		tell_other(why, root);
	}
	if (other.task->status == TASK_PENDING) {
		other.batch = batch_of(state, other.task);
		if (why_last_execution(&other))
			pending(&other);
		str_addf(&why->sentence, ": %s", other.sentence.p);
	}
	str_release(&other.sentence);
	json_decref(other.fields);
}

/* Set `waiting_for` and `unmet`; what holds it up, how many, and how many of them failed. */
static uint32_t list_unmet(struct why *why, uint32_t *unmet, uint32_t *n_failed)
{
	const struct state *state = &why->core->state;
	uint32_t shown = 0, failed = 0, first = 0;
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
	*unmet = state_unmet(state, why->task);
	*n_failed = failed;
	json_object_set_new(why->fields, "waiting_for", list);
	json_object_set_new(why->fields, "unmet", json_integer(*unmet));
	return first;
}

/* The first of what it waits for, and how many there are beside it. */
static void tell_unmet(struct why *why, uint32_t first, uint32_t unmet)
{
	tell_other(why, first);
	if (unmet > 1)
		str_addf(&why->sentence, ", and for %u more", unmet - 1);
}

static void waiting_for(struct why *why)
{
	bool lost = why->task->reason == REASON_DEPENDENCY;
	uint32_t failed, unmet, first = list_unmet(why, &unmet, &failed);

	why->cause = lost ? CAUSE_REQUIREMENT_FAILED : CAUSE_REQUIREMENT;
	if (first == 0)
		return;
	str_adds(&why->sentence, "it waits for ");
	tell_unmet(why, first, unmet);
	if (lost) {
		str_adds(&why->sentence, "; relaunch what failed, and it goes on");
		return;
	}
	if (failed > 0)
		str_addf(&why->sentence, "; %u failed, as many as may or less", failed);
	tell_root(why, first);
}

struct fleet {
	uint32_t serving, alive, present, lacking, paused, late, full, able, fit;
	int64_t gpus;        /* of the worker with the most */
	int64_t left;        /* seconds of the late worker that lasts longest */
	double weight, room; /* of the worker with the most room; what it takes there */
};

/* The workers that serve its batch, by what keeps them from taking it. */
static struct fleet survey(const struct why *why)
{
	const struct state *state = &why->core->state;
	const int64_t need = class_of(state, why->task)->need;
	struct fleet fleet = {0};

	for (size_t i = 0; i < state->workers.n && why->batch->serves.n > 0; i++) {
		const struct worker_node *worker = state->workers.v[i];
		double weight, room;
		int64_t left;

		if (worker == NULL || worker->serve == NULL ||
		    !pattern_matches(worker->serve->pattern, why->batch->name))
			continue;
		fleet.serving++;
		fleet.alive += worker->alive;
		if (!worker->alive || worker->offline)
			continue;
		fleet.present++;
		if (worker->gpus > fleet.gpus)
			fleet.gpus = worker->gpus;
		if (!gpus_suffice(class_of(state, why->task)->gpu, worker->gpus)) {
			fleet.lacking++;
			continue;
		}
		if (worker->admin_paused) {
			fleet.paused++;
			continue;
		}
		left = deadline_left(why->core, worker);
		if (worker->drained || left < need) {
			fleet.late++;
			fleet.left = left > fleet.left ? left : fleet.left;
			continue;
		}
		if (!worker->counted) {
			fleet.full++;
			continue;
		}
		fleet.able++;
		weight = state_task_weight(state, why->task, worker);
		room = 1 - worker->used;
		fleet.fit += weight_fits(worker, weight);
		if (room > fleet.room) {
			fleet.room = room;
			fleet.weight = weight;
		}
	}
	return fleet;
}

/* "the worker of batch x is paused", "all workers of batch x are paused" */
static void all_are(struct why *why, uint32_t n, const char *what)
{
	str_addf(&why->sentence, "%s of batch %s %s %s", n == 1 ? "the worker" : "all workers",
	         why->batch->name, n == 1 ? "is" : "are", what);
}

/* "it takes 2 GPUs, and no worker of batch x has more than 1" */
static void lack_gpus(struct why *why, int64_t most)
{
	int64_t gpu = class_of(&why->core->state, why->task)->gpu;

	str_addf(&why->sentence, "it takes %lld GPU%s, and no worker of batch %s has ",
	         (long long)gpu, gpu == 1 ? "" : "s", why->batch->name);
	if (most > 0)
		str_addf(&why->sentence, "more than %lld", (long long)most);
	else
		str_adds(&why->sentence, "any");
}

/* "it may take 7200 s, and the worker of batch b ends in 300 s" */
static void too_late(struct why *why, const struct fleet *fleet, const char *recruiter)
{
	const int64_t need = class_of(&why->core->state, why->task)->need;
	struct str *s = &why->sentence;

	why->cause = CAUSE_WALLTIME;
	if (need > 0)
		str_addf(s, "it may take %lld s, and ", (long long)need);
	str_addf(s, "%s of batch %s %s in %lld s", fleet->late == 1 ? "the worker" : "all workers",
	         why->batch->name, fleet->late == 1 ? "ends" : "end, the last of them",
	         (long long)fleet->left);
	if (need == 0)
		str_adds(s, ": too soon for another task");
	if (recruiter != NULL)
		str_addf(s, "; %s", recruiter);
}

static void no_worker(struct why *why, const char *recruiter)
{
	why->cause = recruiter ? CAUSE_RECRUITER : CAUSE_NO_WORKER;
	str_addf(&why->sentence, "no worker serves batch %s", why->batch->name);
	if (recruiter != NULL)
		str_addf(&why->sentence, ", and %s", recruiter);
}

static void queued(struct why *why)
{
	uint32_t head = state_batch_head(&why->core->state, why->batch);

	why->cause = CAUSE_QUEUED;
	if (head == why->id || head == 0)
		str_addf(&why->sentence, "a worker of batch %s takes it when it asks next",
		         why->batch->name);
	else if (record_add_task(why->core, head, &why->sentence))
		str_addf(&why->sentence, " of batch %s goes first; %u tasks are ready",
		         why->batch->name, why->batch->ready);
}

static void choose(struct why *why, const struct fleet *fleet, const char *recruiter)
{
	struct str *s = &why->sentence;

	if (task_execution(why->task) != 0) {
		why->cause = CAUSE_STOPPING;
		str_addf(s, "its execution %u was told to stop and has not ended yet",
		         task_execution(why->task));
	} else if (why->batch->paused) {
		why->cause = CAUSE_BATCH_STOPPED;
		str_addf(s, "batch %s is stopped", why->batch->name);
	} else if (fleet->serving == 0) {
		no_worker(why, recruiter);
	} else if (fleet->alive == 0) {
		why->cause = CAUSE_WORKER_GONE;
		all_are(why, fleet->serving, "gone");
	} else if (fleet->present == 0) {
		why->cause = CAUSE_WORKER_OFFLINE;
		all_are(why, fleet->alive, "offline");
	} else if (fleet->present == fleet->lacking) {
		why->cause = CAUSE_GPU;
		lack_gpus(why, fleet->gpus);
	} else if (fleet->present == fleet->lacking + fleet->paused) {
		why->cause = CAUSE_WORKER_PAUSED;
		all_are(why, fleet->paused, "paused");
	} else if (fleet->present == fleet->lacking + fleet->paused + fleet->late) {
		too_late(why, fleet, recruiter);
	} else if (why->last.execution_id != 0 && why->last.status == EXECUTION_REFUSED &&
	           why->last.message != NULL) {
		why->cause = CAUSE_REFUSED;
		str_addf(s, "worker %lld refused it: %s", (long long)why->last.worker_id,
		         why->last.message);
	} else if (fleet->able == 0) {
		why->cause = CAUSE_FULL;
		all_are(why, fleet->full, "full");
		str_addf(s, "; %u tasks of the batch are ready", why->batch->ready);
	} else if (fleet->fit == 0) {
		why->cause = CAUSE_WEIGHT;
		str_addf(s,
		         "it takes %.0f %% of a worker, and no worker of batch %s has more than "
		         "%.0f %% free",
		         fleet->weight * 100, why->batch->name, fleet->room * 100);
	} else {
		queued(why);
	}
}

/* What the limits of its run say to hiring somebody for it. */
static void hiring(struct why *why, bool wanted)
{
	struct hire hire;
	json_t *limits;

	if (!hire_look(why->core, why->batch, &hire))
		return;
	limits = hire_json(&hire);
	if (limits != NULL)
		json_object_set_new(why->fields, "hiring", limits);
	if (!wanted || hire.limit == HIRE_FREE)
		return;
	str_adds(&why->sentence, "; nobody more is hired: ");
	hire_explain(&hire, &why->sentence);
}

static void pending(struct why *why)
{
	struct fleet fleet = survey(why);
	const char *recruiter;

	json_object_set_new(why->fields, "workers",
	                    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "serving",
	                              (json_int_t)fleet.serving, "present",
	                              (json_int_t)fleet.present, "paused", (json_int_t)fleet.paused,
	                              "late", (json_int_t)fleet.late, "full",
	                              (json_int_t)fleet.full, "fit", (json_int_t)fleet.fit));
	json_object_set_new(why->fields, "ready", json_integer(why->batch->ready));
	if (!why_recruiters(why, &recruiter))
		return;
	choose(why, &fleet, recruiter);
	/* Where nobody serves it the recruiter says the same. */
	hiring(why, fleet.able == 0 && (fleet.serving > 0 || recruiter == NULL));
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
	if (execution->worker->offline) {
		why->cause = CAUSE_LEASE;
		str_addf(&why->sentence,
		         ", which is offline: it is lost when its lease is over, in %lld s, or the "
		         "worker is deleted",
		         (long long)((contact_expiry_ns(why->core, execution) - why->core->now_ns) /
		                     1000000000));
	} else if (execution->status == EXECUTION_RUNNING) {
		why->cause = CAUSE_RUNNING;
	} else if (execution->spare) {
		why->cause = CAUSE_HELD;
		str_adds(&why->sentence, ", which holds it ready until a slot is free");
	} else {
		why->cause = execution->status == EXECUTION_PENDING ? CAUSE_OFFERED : CAUSE_GRANTED;
	}
}

/* "exit 3 in line 12: message" */
static void tell_end(struct why *why)
{
	const struct execution *last = &why->last;

	if (last->execution_id == 0)
		return;
	if (last->signal != INT_NULL && last->signal != 0)
		str_addf(&why->sentence, ", the last time by signal %lld", (long long)last->signal);
	else if (last->return_code != INT_NULL)
		str_addf(&why->sentence, ", the last time with exit code %lld",
		         (long long)last->return_code);
	if (last->failed_line != INT_NULL && last->failed_line != 0)
		str_addf(&why->sentence, " in line %lld", (long long)last->failed_line);
	if (last->message != NULL)
		str_addf(&why->sentence, ": %s", last->message);
}

static void failed(struct why *why)
{
	why->cause = CAUSE_FAILED;
	if (why->task->reason == REASON_DEPENDENCY) {
		why->cause = CAUSE_DEPENDENCY;
		str_adds(&why->sentence,
		         "a task that it requires failed, or too many of a gather; relaunch those");
	} else if (why->task->reason == REASON_LOST) {
		why->cause = CAUSE_LOST;
		str_addf(&why->sentence, "its workers were lost %u times", why->task->losses);
	} else if (why->task->reason == REASON_EVICTED) {
		why->cause = CAUSE_EVICTED;
		str_addf(&why->sentence,
		         "its machines were taken away %u times: it may need one that lasts longer",
		         why->task->evictions);
	} else if (why->task->reason == REASON_CANCELLED) {
		why->cause = CAUSE_CANCELLED;
		str_adds(&why->sentence, "it was cancelled");
	} else {
		str_addf(&why->sentence, "it failed %u time%s (%s), retry is %lld",
		         why->task->attempts, why->task->attempts == 1 ? "" : "s",
		         why->row->reason ? why->row->reason : "no reason given",
		         (long long)why->row->retry);
		tell_end(why);
	}
}

/* Whoever debugs the run sets it to pending, once what it requires is there. */
static void debugged(struct why *why)
{
	const struct state *state = &why->core->state;
	uint32_t run = class_of(state, why->task)->run;
	uint32_t first, unmet, failed;

	why->cause = CAUSE_DEBUG;
	str_adds(&why->sentence, "it waits for its user");
	if (run_holds(state, run, why->batch))
		str_addf(&why->sentence, ", who debugs run %u,", run);
	if (state_edges_over(state, why->task)) {
		str_adds(&why->sentence, " to let it run");
		return;
	}
	first = list_unmet(why, &unmet, &failed);
	str_adds(&why->sentence, " and for ");
	tell_unmet(why, first, unmet);
}

static void explain(struct why *why)
{
	bool over = why->task->status == TASK_SUCCEEDED || why->task->status == TASK_FAILED;

	if (!record_add_task(why->core, why->id, &why->sentence))
		return;
	str_addf(&why->sentence, " %s %s: ", over ? "has" : "is",
	         task_status_words[why->task->status]);
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
		why->cause = CAUSE_PAUSED;
		str_adds(&why->sentence, "somebody paused it");
		break;
	case TASK_DEBUG:
		debugged(why);
		break;
	case TASK_FAILED:
		failed(why);
		break;
	case TASK_SUCCEEDED:
		why->cause = CAUSE_SUCCEEDED;
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
	if (!record_flush(core) || !record_task(core, why.id, STORE_ALL, &row))
		return;
	why.row = &row;
	why.batch = batch_of(&core->state, why.task);
	why.fields = json_object();
	json_object_set_new(why.fields, "task_id", json_integer(why.id));
	json_object_set_new(why.fields, "name", json_text(row.name));
	json_object_set_new(why.fields, "batch", json_text(row.batch));
	json_object_set_new(why.fields, "status", json_string(task_status_words[why.task->status]));
	json_object_set_new(why.fields, "reason", json_text(reason_words[why.task->reason]));
	json_object_set_new(why.fields, "attempts", json_integer(why.task->attempts));
	json_object_set_new(why.fields, "losses", json_integer(why.task->losses));
	json_object_set_new(why.fields, "evictions", json_integer(why.task->evictions));
	json_object_set_new(why.fields, "retry", json_integer(row.retry));
	json_object_set_new(why.fields, "partial",
	                    json_boolean((why.task->flags & TASK_PARTIAL) != 0));
	if (why_last_execution(&why)) {
		explain(&why);
		why_identity(&why);
	}
	json_object_set_new(why.fields, "cause", json_string(cause_words[why.cause]));
	json_object_set_new(why.fields, "why", json_text(why.sentence.p));
	str_release(&why.sentence);
	core_reply(core, call, 200, why.fields);
}
