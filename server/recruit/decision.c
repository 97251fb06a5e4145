#include "server/recruit/decision.h"

#include "model/json.h"

#include <math.h>

#define DECISION_REASON(name, word) word,
const char *const decision_words[DECISION_REASON_COUNT] = {DECISION_REASONS(DECISION_REASON)};
#undef DECISION_REASON

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t decision_need(const struct recruiter *rule, const struct demand *demand,
                      enum decision_reason *reason)
{
	const int64_t per_worker = rule->tasks_per_worker > 0 ? rule->tasks_per_worker : 1;
	const int64_t there = demand->workers + demand->deploying;
	int64_t wanted = demand->pending / per_worker + (demand->pending % per_worker > 0);

	if (demand->pending == 0)
		*reason = DECISION_NO_TASKS;
	else if (demand->stopped)
		*reason = DECISION_STOPPED;
	else if (rule->minimum_tasks != INT_NULL && demand->pending < rule->minimum_tasks)
		*reason = DECISION_MINIMUM_TASKS;
	else if (rule->maximum_workers != INT_NULL && there >= rule->maximum_workers)
		*reason = DECISION_MAXIMUM_WORKERS;
	else if (wanted <= there)
		*reason = DECISION_ENOUGH;
	else
		*reason = DECISION_SATISFIED;
	if (*reason != DECISION_SATISFIED)
		return 0;
	if (rule->maximum_workers != INT_NULL)
		wanted = least(wanted, rule->maximum_workers);
	return wanted - there;
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

static void add_count(struct str *out, const char *verb, int64_t n)
{
	str_addf(out, "%s %lld worker%s", verb, (long long)n, plural(n));
}

static void add_place(const struct decision *d, struct str *out)
{
	str_addf(out, " of flavor %s in %s of %s", d->flavor, d->region, d->provider);
}

static void add_reason(const struct decision *d, const struct recruiter *rule, struct str *out)
{
	const struct demand *demand = &d->demand;
	const long long there = (long long)(demand->workers + demand->deploying);

	switch (d->reason) {
	case DECISION_NO_TASKS:
		str_addf(out, "waits for tasks: none of batch %s is pending", rule->batch);
		break;
	case DECISION_MINIMUM_TASKS:
		str_addf(out, "waits for %lld pending tasks, there are %lld",
		         (long long)rule->minimum_tasks, (long long)demand->pending);
		break;
	case DECISION_MAXIMUM_WORKERS:
		str_addf(out, "has its maximum of %lld workers", (long long)rule->maximum_workers);
		break;
	case DECISION_ENOUGH:
		str_addf(out, "has enough workers: %lld for %lld pending tasks", there,
		         (long long)demand->pending);
		break;
	case DECISION_STOPPED:
		str_addf(out, "waits: batch %s is stopped", rule->batch);
		break;
	case DECISION_INVALID:
		str_addf(out, "recruits nobody: %s", d->detail);
		break;
	case DECISION_RECYCLE_ONLY:
		str_addf(out, "only takes over workers of flavor %s, and none is free",
		         rule->worker_flavor);
		break;
	case DECISION_RUN_LIMIT:
		str_addf(out, "hires nobody more: %s", d->detail);
		break;
	case DECISION_NO_PROVIDER:
		str_addf(out, "would deploy %s in %s: no provider %s", rule->worker_flavor,
		         rule->worker_region, rule->worker_provider);
		break;
	case DECISION_NO_OFFER:
		str_addf(out, "finds no machine of flavor %s among the offers of providers",
		         rule->worker_flavor);
		break;
	case DECISION_QUOTA:
		str_addf(out, "finds no more machines of flavor %s within the quota",
		         rule->worker_flavor);
		break;
	case DECISION_WALLTIME:
		str_addf(out, "finds no machine of flavor %s that lasts: %s", rule->worker_flavor,
		         d->detail);
		break;
	case DECISION_SETBACK:
		str_adds(out, "waits before it deploys again");
		if (d->flavor != NULL)
			add_place(d, out);
		str_adds(out, ", which has failed");
		break;
	case DECISION_SATISFIED:
	case DECISION_REASON_COUNT:
		break;
	}
}

void decision_explain(const struct decision *d, const struct recruiter *rule, struct str *out)
{
	str_addf(out, "recruiter %lld ", (long long)rule->rank);
	if (d->recycled > 0)
		add_count(out, "takes over", d->recycled);
	if (d->deployed > 0) {
		add_count(out, d->recycled > 0 ? " and deploys" : "deploys", d->deployed);
		add_place(d, out);
	}
	if (d->reason == DECISION_SATISFIED)
		return;
	if (d->recycled + d->deployed > 0)
		str_addf(out, " of %lld needed; it ", (long long)d->need);
	add_reason(d, rule, out);
}

static json_t *integer(int64_t value)
{
	return value == INT_NULL ? json_null() : json_integer((json_int_t)value);
}

json_t *decision_json(const struct decision *d, const struct recruiter *rule)
{
	struct str sentence = STR_INIT;
	json_t *object;
	char date[DATE_TEXT_SIZE];

	decision_explain(d, rule, &sentence);
	if (d->date != DATE_NULL)
		date_format(d->date, date);
	object = json_pack("{s:s, s:I, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:I}",
	                   "batch", rule->batch, "rank", (json_int_t)rule->rank, "state",
	                   decision_words[d->reason], "why", json_text(sentence.p), "date",
	                   d->date != DATE_NULL ? json_string(date) : json_null(), "pending",
	                   (json_int_t)d->demand.pending, "workers", (json_int_t)d->demand.workers,
	                   "deploying", (json_int_t)d->demand.deploying, "tasks_per_worker",
	                   integer(rule->tasks_per_worker), "minimum_tasks",
	                   integer(rule->minimum_tasks), "maximum_workers",
	                   integer(rule->maximum_workers), "need", (json_int_t)d->need, "recycled",
	                   (json_int_t)d->recycled, "deployed", (json_int_t)d->deployed);
	json_object_set_new(object, "provider", json_text(d->provider));
	json_object_set_new(object, "region", json_text(d->region));
	json_object_set_new(object, "flavor", json_text(d->flavor));
	json_object_set_new(object, "cost", isnan(d->cost) ? json_null() : json_real(d->cost));
	str_release(&sentence);
	return object;
}

bool decision_repeats(const struct decision *d, const struct decision *before)
{
	return before->date != DATE_NULL && d->recycled + d->deployed == 0 &&
	       before->recycled + before->deployed == 0 && d->reason == before->reason &&
	       d->need == before->need;
}
