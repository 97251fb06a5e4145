#include "server/recruit/choice.h"

#include "server/deadline.h"
#include "server/hire.h"
#include "server/provider/dispatch.h"
#include "server/recruit/recruit.h"

#include <string.h>

/* Where a machine was taken away lately another place may cost a little more. */
#define EVICTED_NS (INT64_C(3600) * 1000000000)
/* For so long the next one there is taken to last no longer than the last one that came. */
#define LASTED_NS (INT64_C(3600) * 1000000000)

static bool can_deploy(const struct recruiter *row)
{
	return row->worker_provider != NULL && row->worker_region != NULL;
}

static bool is_place(const char *wanted, const char *is)
{
	return is_auto(wanted) || (is != NULL && strcmp(wanted, is) == 0);
}

/* Seconds that a worker must last to be of any use to the batch now. */
static int64_t least_of(const struct core *core, const struct roster_recruiter *node)
{
	const struct batch_node *batch = state_batch_find(&core->state, node->row.batch);

	return batch ? state_batch_least(&core->state, batch) : 0;
}

bool choice_could_take(const struct core *core, const struct roster_recruiter *node,
                       const struct worker_node *worker)
{
	const struct roster_worker *known = roster_worker(&core->recruit->roster, worker->id);
	const char *name = worker_batch(worker);
	const struct batch_node *batch = name ? state_batch_find(&core->state, name) : NULL;

	if (known == NULL || node->problem != NULL || worker->shutdown_told ||
	    worker_status_of(worker) != WORKER_RUNNING ||
	    (worker->serve != NULL && worker->serve->wild) ||
	    (name != NULL && strcmp(name, node->row.batch) == 0) ||
	    (batch != NULL && batch->counts[TASK_PENDING] > 0) || worker->drained ||
	    deadline_left(core, worker) < least_of(core, node))
		return false;
	if (can_deploy(&node->row) && !worker_holds_nothing(worker))
		return false;
	return is_place(node->row.worker_provider, known->machine.provider) &&
	       is_place(node->row.worker_region, known->machine.region) &&
	       wanted_holds(&node->wanted, &known->machine);
}

/* Does it serve, by name, a batch of the run for which the recruiter is? */
static bool is_of_run(const struct state *state, const struct roster_recruiter *node,
                      const struct worker_node *worker)
{
	const struct batch_node *batch = state_batch_find(state, node->row.batch);
	const char *name = worker_batch(worker);
	const struct batch_node *served = name ? state_batch_find(state, name) : NULL;

	return batch != NULL && batch->run != 0 && served != NULL && served->run == batch->run;
}

bool choice_may_take(struct core *core, const struct roster_recruiter *node,
                     const struct worker_node *worker)
{
	struct hire hire;

	return is_of_run(&core->state, node, worker) ||
	       (hire_look(core, state_batch_find(&core->state, node->row.batch), &hire) &&
	        hire.room > 0);
}

/* Those of the same run first, then those with the least to do. */
static int compare_takeovers(const void *x, const void *y)
{
	const struct takeover *a = x, *b = y;

	if (a->of_run != b->of_run)
		return a->of_run ? -1 : 1;
	if (a->worker->used < b->worker->used || a->worker->used > b->worker->used)
		return a->worker->used < b->worker->used ? -1 : 1;
	return (a->worker->id > b->worker->id) - (a->worker->id < b->worker->id);
}

size_t choice_takeovers(struct core *core, const struct roster_recruiter *node,
                        struct takeover **found)
{
	const struct state *state = &core->state;
	size_t n = 0;

	*found = arena_array(&core->arena, struct takeover, state->workers.n + 1);
	for (size_t i = 0; i < state->workers.n; i++) {
		struct worker_node *worker = state->workers.v[i];

		if (worker == NULL || !choice_could_take(core, node, worker))
			continue;
		(*found)[n].worker = worker;
		(*found)[n++].of_run = is_of_run(state, node, worker);
	}
	qsort(*found, n, sizeof(**found), compare_takeovers);
	return n;
}

static bool is_there(const struct machine *place, const char *provider, const char *region,
                     const char *flavor)
{
	return provider != NULL && strcmp(place->provider, provider) == 0 && region != NULL &&
	       strcmp(place->region, region) == 0 && flavor != NULL &&
	       strcmp(place->name, flavor) == 0;
}

/* Cpus that were chosen a moment ago from the pool of the place. */
static double pool_chosen(const struct machine *place, const struct placement *chosen, size_t n)
{
	double cpus = 0;

	for (size_t i = 0; i < n; i++) {
		const struct machine *m = &chosen[i].place;

		if (m->pool != NULL && strcmp(m->pool, place->pool) == 0 &&
		    strcmp(m->provider, place->provider) == 0 &&
		    strcmp(m->region, place->region) == 0 && m->cpu > 0)
			cpus += m->cpu * (double)chosen[i].number;
	}
	return cpus;
}

/*
 * What of the quota is left: without those that are being made or destroyed, and those that came
 * since it was told. Where no quota is told there is one all the same.
 */
static int64_t left_of(const struct core *core, const struct machine *place,
                       const struct placement *chosen, size_t nchosen)
{
	const struct roster *roster = &core->recruit->roster;
	bool told = !isnan(place->available);
	int64_t left =
	        (told ? (int64_t)place->available : OFFER_UNTOLD_QUOTA) - jobs_at(core, place);

	for (size_t i = 0; i < roster->workers.n; i++) {
		const struct roster_worker *w = &roster->workers.v[i];

		left -= w->there && (!told || w->since > roster->refreshed) &&
		        is_there(place, w->machine.provider, w->machine.region, w->machine.name);
	}
	/* What others take of the same stock: a part of a machine is none any more. */
	if (told && place->pool != NULL && place->cpu > 0)
		left -= (int64_t)ceil(
		        (pool_taken(core, place) + pool_chosen(place, chosen, nchosen)) /
		        place->cpu);
	return left > 0 ? left : 0;
}

/*
 * Seconds that a new machine there has for a task of the batch: what its provider says, less the
 * time that it takes to begin; or what the last one had when it came, where that is less and not
 * long ago: limits are changed. *until_ns becomes, where that is before, when that is forgotten.
 * INT64_MAX: nobody has said anything.
 */
static int64_t lasts(const struct core *core, const struct machine *place, int64_t *until_ns)
{
	const struct setback *setback = roster_setback(&core->recruit->roster, place, false);
	int64_t told = isnan(place->walltime) ? INT64_MAX : (int64_t)place->walltime;

	if (told != INT64_MAX)
		told -= deadline_margin(told);
	if (setback != NULL && setback->lasted > 0 && setback->lasted - 1 < told &&
	    core->now_ns - setback->lasted_ns < LASTED_NS) {
		told = setback->lasted - 1;
		if (setback->lasted_ns + LASTED_NS < *until_ns)
			*until_ns = setback->lasted_ns + LASTED_NS;
	}
	return told;
}

/* An offer with the price by which it is compared; the offer comes first, for offer_compare(). */
struct candidate {
	struct offer offer;
	double cost; /* its own */
};

static void add_candidate(struct core *core, const struct offer *offer, struct candidate *c)
{
	const struct setback *setback =
	        roster_setback(&core->recruit->roster, &offer->machine, false);

	c->offer = *offer;
	c->cost = offer->machine.cost;
	if (setback != NULL && setback->evicted_ns != 0 &&
	    core->now_ns - setback->evicted_ns < EVICTED_NS)
		c->offer.machine.cost *= 1 + (double)core->options.eviction_margin / 100;
}

/* Those that last as long as the shortest of the tasks may take; *longest is what the others do,
   and *until_ns when one of them may be tried again. */
static size_t without_short(const struct core *core, int64_t least, struct candidate *list,
                            size_t n, int64_t *longest, int64_t *until_ns)
{
	size_t kept = 0;

	*longest = 0;
	for (size_t i = 0; i < n; i++) {
		int64_t until = *until_ns, seconds = INT64_MAX;

		if (least > 0)
			seconds = lasts(core, &list[i].offer.machine, &until);
		if (seconds >= least) {
			list[kept++] = list[i];
			continue;
		}
		*until_ns = until;
		if (seconds > *longest)
			*longest = seconds;
	}
	return kept;
}

static size_t list_candidates(struct core *core, const struct roster_recruiter *node,
                              struct candidate **list)
{
	const struct offers *offers = &core->recruit->roster.offers;
	const struct wish wish = {.wanted = &node->wanted,
	                          .provider = node->row.worker_provider,
	                          .region = node->row.worker_region,
	                          .min_cpu = NAN,
	                          .min_ram = NAN,
	                          .min_disk = NAN,
	                          .max_eviction = NAN};
	struct offer named;
	size_t n = 0;

	*list = arena_array(&core->arena, struct candidate, offers->list.n + 1);
	for (size_t i = 0; i < offers->list.n; i++) {
		/* What a provider offered that this server has no more is still in the tables. */
		if (offer_fits(&offers->list.v[i], &wish) &&
		    dispatch_knows(core, offers->list.v[i].machine.provider))
			add_candidate(core, &offers->list.v[i], &(*list)[n++]);
	}
	if (n == 0 && offer_named(&wish, &named))
		add_candidate(core, &named, &(*list)[n++]);
	return n;
}

size_t choice_deployments(struct core *core, const struct roster_recruiter *node, int64_t number,
                          struct placement **found, enum decision_reason *reason,
                          const char **detail, int64_t *retry_ns)
{
	struct candidate *list;
	const int64_t least = least_of(core, node);
	size_t all = list_candidates(core, node, &list), chosen = 0, n;
	const struct candidate **order =
	        arena_array(&core->arena, const struct candidate *, all + 1);
	int64_t longest;

	n = without_short(core, least, list, all, &longest, retry_ns);
	*found = arena_array(&core->arena, struct placement, n + 1);
	if (!is_auto(node->row.worker_provider) &&
	    !dispatch_knows(core, node->row.worker_provider)) {
		*reason = DECISION_NO_PROVIDER;
		return 0;
	}
	*reason = n > 0 ? DECISION_QUOTA : all > 0 ? DECISION_WALLTIME : DECISION_NO_OFFER;
	if (*reason == DECISION_WALLTIME)
		*detail = arena_printf(&core->arena,
		                       "its tasks may take %lld s, and the longest leaves %lld s",
		                       (long long)least, (long long)longest);
	for (size_t i = 0; i < n; i++)
		order[i] = &list[i];
	qsort(order, n, sizeof(*order), offer_compare);
	for (size_t i = 0; i < n && number > 0; i++) {
		struct machine place = order[i]->offer.machine;
		const struct setback *setback =
		        roster_setback(&core->recruit->roster, &place, false);
		int64_t left;

		if (setback != NULL && setback->until_ns > core->now_ns) {
			*reason = DECISION_SETBACK;
			*retry_ns = setback->until_ns < *retry_ns ? setback->until_ns : *retry_ns;
			continue;
		}
		left = left_of(core, &place, *found, chosen);
		left = left < number ? left : number;
		if (left == 0)
			continue;
		place.cost = order[i]->cost;
		(*found)[chosen++] = (struct placement){.place = place, .number = left};
		number -= left;
	}
	if (number == 0)
		*reason = DECISION_SATISFIED;
	return chosen;
}
