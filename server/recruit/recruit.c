#include "server/recruit/recruit.h"

#include "server/columns.h"
#include "server/deadline.h"
#include "server/hire.h"
#include "server/job.h"
#include "server/news.h"
#include "server/record.h"
#include "server/recruit/choice.h"
#include "server/recruit/home.h"
#include "server/recruit/idle.h"
#include "server/worker.h"

#include <string.h>

#define SECOND_NS INT64_C(1000000000)
/* What happens within so long is looked at together. */
#define DEBOUNCE_NS (SECOND_NS / 5)
#define SETBACK_NS (30 * SECOND_NS)
#define SETBACK_DOUBLINGS 6

static timer_function look;

struct recruit *recruit_new(void)
{
	struct recruit *recruit = xcalloc(1, sizeof(*recruit));

	roster_init(&recruit->roster);
	return recruit;
}

void recruit_free(struct core *core)
{
	timer_cancel(&core->timers, &core->recruit->timer);
	roster_release(&core->recruit->roster);
	free(core->recruit);
}

void recruit_at(struct core *core, int64_t at_ns)
{
	struct timer *timer = &core->recruit->timer;

	if (!timer_is_set(timer) || timer->due_ns > at_ns)
		timer_set(&core->timers, timer, at_ns, look);
}

void recruit_begin(struct core *core)
{
	roster_forget(core);
	recruit_at(core, core->now_ns + DEBOUNCE_NS);
}

void recruit_note(struct core *core, enum table_id table, uint64_t mask)
{
	/* What a worker says of itself all the time, and what it costs, changes nothing. */
	const uint64_t pulse = BIT(WORKER_COL_load) | BIT(WORKER_COL_memory) |
	                       BIT(WORKER_COL_stats) | BIT(WORKER_COL_last_contact_date) |
	                       BIT(WORKER_COL_charged_date);

	switch (table) {
	case TABLE_WORKER:
		if ((mask & ~pulse) == 0)
			break;
		roster_changed(core, table);
		core->recruit->stirred = true;
		break;
	case TABLE_JOB:
		core->recruit->stirred |= (mask & BIT(JOB_COL_status)) != 0;
		break;
	case TABLE_RECRUITER:
	case TABLE_FLAVOR:
	case TABLE_REGION:
	case TABLE_FLAVOR_METRICS:
		roster_changed(core, table);
		core->recruit->stirred = true;
		break;
	case TABLE_RUN:
	case TABLE_BATCH:
		core->recruit->stirred = true;
		break;
	default:
		break;
	}
}

void recruit_finish(struct core *core)
{
	if (core->recruit->stirred || core->state.stirred)
		recruit_at(core, core->now_ns + DEBOUNCE_NS);
	core->recruit->stirred = core->state.stirred = false;
}

void recruit_evicted(struct core *core, const struct worker_node *worker)
{
	struct roster *roster = &core->recruit->roster;
	const struct roster_worker *row;

	if (!roster_workers(core))
		return;
	row = roster_worker(roster, worker->id);
	if (row != NULL && row->machine.provider != NULL)
		roster_setback(roster, &row->machine, true)->evicted_ns = core->now_ns;
}

void recruit_lasts(struct core *core, const struct worker_node *worker)
{
	struct worker row = {.worker_id = worker->id};
	struct setback *setback;
	struct machine place;

	if (worker->end_us == DATE_NULL || !record_find(core, TABLE_WORKER, &row) ||
	    row.permanent == 1 || row.provider == NULL)
		return;
	place = (struct machine){
	        .provider = row.provider, .region = row.region, .name = row.flavor};
	setback = roster_setback(&core->recruit->roster, &place, true);
	setback->lasted = (worker->end_us - worker->since_us) / 1000000;
	setback->lasted_ns = core->now_ns;
}

/* It is left alone for a while, longer each time. */
static int64_t setback_ns(unsigned failures)
{
	unsigned doublings = failures - 1 < SETBACK_DOUBLINGS ? failures - 1 : SETBACK_DOUBLINGS;

	return SETBACK_NS << doublings;
}

void recruit_learn(struct core *core, const struct job_node *job)
{
	const struct machine place = {
	        .provider = job->provider, .region = job->region, .name = job->flavor};
	bool failed = job->status == JOB_FAILED;
	struct setback *setback = roster_setback(&core->recruit->roster, &place, failed);

	if (setback == NULL)
		return;
	setback->failures = failed ? setback->failures + 1 : 0;
	if (failed)
		setback->until_ns = core->now_ns + setback_ns(setback->failures);
}

/*
 * Workers of the batch that are there and last too short for any of its tasks: they are no more to
 * it. *again_ns becomes, where that is before, when that will be so of the next one.
 */
static int64_t count_late(const struct core *core, const struct batch_node *batch,
                          int64_t *again_ns)
{
	const struct state *state = &core->state;
	const int64_t need = state_batch_least(state, batch);
	int64_t n = 0;

	for (size_t i = 0; i < state->workers.n && state->ending > 0 && need > 0; i++) {
		const struct worker_node *worker = state->workers.v[i];
		int64_t late_ns;

		if (worker == NULL || !worker->present || worker->end_ns == INT64_MAX ||
		    !pattern_matches(worker->serve->pattern, batch->name))
			continue;
		late_ns = worker->end_ns - need * SECOND_NS + 1;
		if (late_ns <= core->now_ns)
			n++;
		else
			*again_ns = late_ns < *again_ns ? late_ns : *again_ns;
	}
	return n;
}

/* The batch as it is at this moment. */
static struct demand demand_of(struct core *core, const char *name, int64_t *again_ns)
{
	const struct batch_node *batch = state_batch_find(&core->state, name);
	struct demand demand = {.deploying = making_for_batch(core, name)};

	if (batch == NULL)
		return demand;
	demand.pending = batch->counts[TASK_PENDING];
	demand.stopped = batch->paused;
	for (size_t i = 0; i < batch->serves.n; i++)
		demand.workers += batch->serves.v[i]->present;
	demand.workers -= count_late(core, batch, again_ns);
	return demand;
}

/* What it will do, and with whom. */
struct plan {
	struct takeover *takeovers;
	size_t ntakeovers; /* of the list: those that are taken */
	struct placement *deployments;
	size_t ndeployments;
	int64_t retry_ns; /* when it is worth looking again without a cause */
};

static void cut_detail(struct decision *decision, const char *text)
{
	snprintf(decision->detail, sizeof(decision->detail), "%s", text ? text : "");
}

/* As many of those that are there as are needed, and as the run allows. */
static int64_t choose_takeovers(struct core *core, const struct roster_recruiter *node,
                                int64_t need, int64_t *room, struct plan *plan)
{
	struct takeover *list;
	size_t n = choice_takeovers(core, node, &list), kept = 0;

	for (size_t i = 0; i < n && (int64_t)kept < need; i++) {
		if (!list[i].of_run && *room <= 0)
			continue;
		*room -= list[i].of_run || *room == INT64_MAX ? 0 : 1;
		list[kept++] = list[i];
	}
	plan->takeovers = list;
	plan->ntakeovers = kept;
	return (int64_t)kept;
}

static const char *kept_name(struct core *core, const char *name)
{
	struct intern *names = &core->recruit->roster.names;

	return name ? intern_text(names, intern_add(names, name, strlen(name))) : NULL;
}

static void name_place(struct core *core, const struct machine *place, struct decision *decision)
{
	decision->provider = kept_name(core, place->provider);
	decision->region = kept_name(core, place->region);
	decision->flavor = kept_name(core, place->name);
	decision->cost = place->cost;
}

static void choose_deployments(struct core *core, const struct roster_recruiter *node,
                               int64_t number, struct decision *decision, struct plan *plan)
{
	const char *detail = NULL;

	plan->ndeployments = choice_deployments(core, node, number, &plan->deployments,
	                                        &decision->reason, &detail, &plan->retry_ns);
	if (detail != NULL)
		cut_detail(decision, detail);
	for (size_t i = 0; i < plan->ndeployments; i++) {
		decision->deployed += plan->deployments[i].number;
		name_place(core, &plan->deployments[i].place, decision);
	}
}

static bool weigh(struct core *core, const struct roster_recruiter *node, struct decision *decision,
                  struct plan *plan)
{
	const struct recruiter *row = &node->row;
	struct str why = STR_INIT;
	struct hire hire;
	int64_t left;

	*plan = (struct plan){.retry_ns = INT64_MAX};
	*decision = (struct decision){.date = core->now_us, .cost = (double)NAN};
	decision->demand = demand_of(core, row->batch, &plan->retry_ns);
	decision->need = left = decision_need(row, &decision->demand, &decision->reason);
	if (left == 0)
		return true;
	if (node->problem != NULL) {
		decision->reason = DECISION_INVALID;
		cut_detail(decision, node->problem);
		return true;
	}
	if (!hire_look(core, state_batch_find(&core->state, row->batch), &hire))
		return false;
	decision->recycled = choose_takeovers(core, node, left, &hire.room, plan);
	left -= decision->recycled;
	if (left == 0)
		return true;
	if (hire.room > 0 && (row->worker_provider == NULL || row->worker_region == NULL)) {
		decision->reason = DECISION_RECYCLE_ONLY;
	} else if (hire.room > 0) {
		choose_deployments(core, node, left < hire.room ? left : hire.room, decision, plan);
		left -= decision->deployed;
		hire.room -= hire.room == INT64_MAX ? 0 : decision->deployed;
	}
	if (left > 0 && hire.room <= 0) {
		decision->reason = DECISION_RUN_LIMIT;
		/* Counted with those that are hired now. */
		hire.workers = hire.most_workers;
		hire.limit = hire.limit == HIRE_FREE ? HIRE_WORKERS : hire.limit;
		hire_explain(&hire, &why);
		cut_detail(decision, why.p);
		str_release(&why);
	}
	return true;
}

bool recruit_weigh(struct core *core, const struct roster_recruiter *node,
                   struct decision *decision)
{
	struct plan plan;

	return weigh(core, node, decision, &plan);
}

static void take_over(struct core *core, const struct roster_recruiter *node,
                      struct worker_node *worker)
{
	struct worker row = {
	        .worker_id = worker->id,
	        .batch = node->row.batch,
	        .concurrency = node->row.worker_concurrency,
	        .prefetch = node->row.worker_prefetch,
	        .home = home_text(core, worker, roster_worker(&core->recruit->roster, worker->id)),
	        .task_properties =
	                fleet_shares_text(&core->state, worker, node->row.batch, &core->arena)};

	log_info(core->log, "recruiter %lld of batch %s takes over worker %s",
	         (long long)node->row.rank, node->row.batch, worker->name);
	worker_change(core, worker, &row,
	              BIT(WORKER_COL_batch) | BIT(WORKER_COL_concurrency) |
	                      BIT(WORKER_COL_prefetch) | BIT(WORKER_COL_task_properties) |
	                      BIT(WORKER_COL_home));
	core->recruit->recycled++;
}

static void deploy(struct core *core, const struct roster_recruiter *node,
                   const struct placement *placement)
{
	const struct deployment order = {.provider = placement->place.provider,
	                                 .region = placement->place.region,
	                                 .flavor = placement->place.name,
	                                 .batch = node->row.batch,
	                                 .concurrency = node->row.worker_concurrency,
	                                 .prefetch = node->row.worker_prefetch};

	log_info(core->log, "recruiter %lld of batch %s deploys %lld of %s in %s of %s",
	         (long long)node->row.rank, node->row.batch, (long long)placement->number,
	         order.flavor, order.region, order.provider);
	for (int64_t i = 0; i < placement->number && !core->group_failed; i++)
		job_deploy(core, &order);
	core->recruit->deployed += (uint64_t)placement->number;
}

/* Most of them are of steps that are over: nothing is looked up for those. */
static bool rests(const struct core *core, const struct roster_recruiter *node)
{
	const struct batch_node *batch = state_batch_find(&core->state, node->row.batch);

	return node->last.date != DATE_NULL && node->last.reason == DECISION_NO_TASKS &&
	       (batch == NULL || batch->counts[TASK_PENDING] == 0);
}

/* One recruiter: what it decides is done. */
static void run(struct core *core, struct roster_recruiter *node, int64_t *retry_ns)
{
	struct decision decision;
	struct plan plan;

	if (!weigh(core, node, &decision, &plan))
		return;
	for (size_t i = 0; i < plan.ntakeovers && !core->group_failed; i++)
		take_over(core, node, plan.takeovers[i].worker);
	for (size_t i = 0; i < plan.ndeployments && !core->group_failed; i++)
		deploy(core, node, &plan.deployments[i]);
	*retry_ns = plan.retry_ns < *retry_ns ? plan.retry_ns : *retry_ns;
	if (!decision_repeats(&decision, &node->last)) {
		core->recruit->decisions[decision.reason]++;
		news_decision(core, &node->row, &decision);
	}
	node->last = decision;
}

bool recruit_ready(struct core *core)
{
	return roster_recruiters(core) && roster_workers(core);
}

static void look(void *context, struct timer *timer)
{
	struct core *core = context;
	struct roster *roster = &core->recruit->roster;
	int64_t again_ns = INT64_MAX;

	(void)timer;
	if (core->broken || !recruit_ready(core))
		return;
	/* What one does the next one sees. */
	for (size_t i = 0; i < roster->recruiters.n && !core->group_failed; i++) {
		if (!rests(core, &roster->recruiters.v[i]) && roster_workers(core))
			run(core, &roster->recruiters.v[i], &again_ns);
	}
	if (!core->group_failed)
		idle_look(core, &again_ns);
	if (again_ns < INT64_MAX)
		recruit_at(core, again_ns);
}
