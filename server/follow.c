#include "server/follow.h"

#include "model/json.h"
#include "server/contact.h"
#include "server/filter.h"
#include "server/handlers.h"
#include "server/job.h"
#include "server/lease.h"
#include "server/provider/dispatch.h"
#include "server/record.h"
#include "server/route.h"
#include "server/tally.h"
#include "server/worker.h"

#define SECOND_NS INT64_C(1000000000)
#define ANSWER_EVERY_NS (SECOND_NS / 10)
#define WAIT_MOST_SECONDS 60
/* Who was answered calls again within this. */
#define RETURN_NS (10 * SECOND_NS)
/* What a private server still waits for workers that were asked to stop. */
#define ENDING_NS (10 * SECOND_NS)
/* Who called may call again. */
#define HEARD_NS (10 * SECOND_NS)
/* Somebody who left may have company that is just between two calls. */
#define LEAVE_NS (SECOND_NS / 2)

static json_t *incidents_since(const struct run_node *run, int64_t since)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->incidents.n; i++) {
		json_t *entry = run->incidents.v[(run->oldest + i) % run->incidents.n];

		if (json_integer_value(json_object_get(entry, "event")) > since)
			json_array_append(list, entry);
	}
	return list;
}

/* A run in the list of changed ones is looked at when the group ends. */
static void look_again(void *context, struct timer *timer)
{
	struct core *core = context;
	struct run_node *run = timer_owner(timer, struct run_node, follow);

	run_look(&core->state, run);
}

/* Answer those who are to be told now; when to look at the others. */
static int64_t tell(struct core *core, struct run_node *run)
{
	int64_t may = run_ended(run) ? INT64_MIN : run->answered_ns + ANSWER_EVERY_NS;
	int64_t next = INT64_MAX;
	json_t *value = NULL;
	size_t kept = 0;

	/* It is looked at again once it is counted. */
	if (run->followers.n > 0 && !tally_run_now(core, run))
		return INT64_MAX;
	for (size_t i = 0; i < run->followers.n; i++) {
		struct run_follower *f = &run->followers.v[i];
		bool news = f->since == 0 || run->event > f->since;
		int64_t at = f->call->deadline_ns;

		if (news && f->since == 0)
			at = core->now_ns;
		else if (news && may < at)
			at = may;
		if (at > core->now_ns) {
			next = at < next ? at : next;
			run->followers.v[kept++] = *f;
			continue;
		}
		if (value == NULL)
			value = run_json(core, run);
		if (value == NULL)
			return INT64_MAX;
		run->answered_ns = core->now_ns;
		run_attached(core, run);
		core_reply(core, f->call, 200,
		           json_pack("{s:I, s:O, s:o}", "event", (json_int_t)run->event, "run",
		                     value, "incidents", incidents_since(run, f->since)));
	}
	run->followers.n = kept;
	json_decref(value);
	return next;
}

void follow_finish(struct core *core)
{
	struct state *state = &core->state;

	for (size_t i = 0; i < state->changed_runs.n && !core->group_failed; i++) {
		struct run_node *run = state->changed_runs.v[i];
		int64_t next;

		run->changed = run->looked = false;
		next = tell(core, run);
		if (next < INT64_MAX)
			timer_set(&core->timers, &run->follow, next, look_again);
		else
			timer_cancel(&core->timers, &run->follow);
	}
	state->changed_runs.n = 0;
	runs_forget(core);
}

void follow_take_all(struct core *core)
{
	for (size_t i = 0; i < core->state.runs.n; i++) {
		struct run_node *run = core->state.runs.v[i];

		for (size_t k = 0; k < run->followers.n; k++)
			core_problem(core, run->followers.v[k].call);
		run->followers.n = 0;
	}
}

void handle_run_follow(struct core *core, struct call *call)
{
	struct run_follower follower = {call, 0};
	const char *who = NULL;
	double wait = 0;
	struct run_node *run;

	if (!json_member_int(call->body, "since", &follower.since, &call->problem) ||
	    !json_member_real(call->body, "wait", &wait, &call->problem) ||
	    !json_member_text(call->body, "who", &who, &call->problem) ||
	    (who != NULL && !name_check("who", who, &call->problem))) {
		core_problem(core, call);
		return;
	}
	run = run_get(core, call->ids[0]);
	if (run == NULL) {
		core_refuse(core, call, PROBLEM_NOT_FOUND, "there is no run %lld",
		            (long long)call->ids[0]);
		return;
	}
	/* A number from a server whose clock was ahead: what it saw is not what we know. */
	if (follower.since > run->event)
		follower.since = 0;
	wait = wait > 0 ? wait : 0;
	wait = wait > WAIT_MOST_SECONDS ? WAIT_MOST_SECONDS : wait;
	call->deadline_ns = core->now_ns + (int64_t)(wait * (double)SECOND_NS);
	if (who != NULL &&
	    !company_note(&run->company, who, core->now_ns, call->deadline_ns + RETURN_NS)) {
		core_refuse(core, call, PROBLEM_BUSY, "%d follow run %u already", COMPANY_MOST,
		            run->id);
		return;
	}
	/* It was on its way when he left, and nobody reads the answer. */
	if (who != NULL && company_has_left(&run->company, who))
		call->deadline_ns = core->now_ns;
	else
		run_attached(core, run);
	vec_push(&run->followers, follower);
	core_park(core);
	run_look(&core->state, run);
}

/* The private server. */

void follow_heard(struct core *core, const struct call *call)
{
	int64_t until = core->now_ns + HEARD_NS;

	if (call->route != NULL && call->route->role != ROLE_WORKER && core->attached_until < until)
		core->attached_until = until;
}

/* Until when somebody is attached; INT64_MAX: as long as things stay as they are. */
static int64_t attached_until(const struct core *core)
{
	int64_t until = core->attached_until;

	for (size_t i = 0; i < core->state.runs.n; i++) {
		const struct run_node *run = core->state.runs.v[i];

		if (run->followers.n > 0 ||
		    (run->detached && (run_moves(&core->state, run) || run->hooks > 0)))
			return INT64_MAX;
		until = run->attached_until > until ? run->attached_until : until;
	}
	return until;
}

/* Whatever still runs is taken back: pending again, without a loss. */
static void end_all(void *context, struct timer *timer)
{
	struct core *core = context;

	(void)timer;
	for (size_t i = 0; i < core->state.workers.n; i++) {
		if (core->state.workers.v[i] != NULL)
			contact_lose(core, core->state.workers.v[i], LOSS_FORGIVEN);
	}
}

/* Machines outlive nobody's interest in them. */
static void give_back_workers(struct core *core)
{
	jobs_end(core);
	for (size_t i = 0; i < core->state.workers.n && !core->group_failed; i++) {
		struct worker_node *worker = core->state.workers.v[i];
		struct worker row = {.worker_id = worker ? worker->id : 0};

		if (worker != NULL && record_find(core, TABLE_WORKER, &row) &&
		    row.provider != NULL && row.permanent != 1 &&
		    job_destroy(core, &row, "the server ends"))
			worker_drop(core, worker);
	}
}

static void begin_ending(void *context, struct timer *timer)
{
	struct core *core = context;

	/* It may have been set for a time that has moved since. */
	if (attached_until(core) > core->now_ns)
		return;
	log_info(core->log, "nobody is attached: the private server ends");
	core->ending = true;
	give_back_workers(core);
	for (size_t i = 0; i < core->state.workers.n; i++) {
		if (core->state.workers.v[i] != NULL)
			lease_answer(core, core->state.workers.v[i]);
	}
	timer_set(&core->timers, timer, core->now_ns + ENDING_NS, end_all);
}

void follow_attention(struct core *core)
{
	int64_t until;

	if (!core->options.private_mode || core->ended)
		return;
	if (core->ending) {
		if (core->state.live == 0 && !jobs_are_open(core)) {
			core->ended = true;
			timer_cancel(&core->timers, &core->attention);
			core->options.may_end(core->options.context);
		}
		return;
	}
	until = attached_until(core);
	if (until == INT64_MAX)
		timer_cancel(&core->timers, &core->attention);
	else if (!timer_is_set(&core->attention) || core->attention.due_ns != until)
		timer_set(&core->timers, &core->attention, until, begin_ending);
}

void handle_private_leave(struct core *core, struct call *call)
{
	int64_t id = INT_NULL, until = core->now_ns + LEAVE_NS;

	if (!filter_known(&filter_leave, call->body, &call->problem) ||
	    !json_member_int(call->body, "run_id", &id, &call->problem)) {
		core_problem(core, call);
		return;
	}
	if (core->attached_until > until)
		core->attached_until = until;
	for (size_t i = 0; i < core->state.runs.n; i++) {
		struct run_node *run = core->state.runs.v[i];

		if ((id == INT_NULL || run->id == id) && run->attached_until > until)
			run->attached_until = until;
	}
	core_reply(core, call, 200, json_pack("{s:s}", "result", "ok"));
}
