#include "server/hire.h"

#include "model/json.h"
#include "server/columns.h"
#include "server/record.h"
#include "server/recruit/recruit.h"
#include "server/run.h"
#include "store/store.h"

#include <math.h>
#include <string.h>

#define HOUR_US (3600 * 1e6)

/* The run of a batch that a worker serves by name; 0: none. */
static uint32_t run_served(const struct state *state, const struct worker_node *worker)
{
	const char *name = worker_batch(worker);
	const struct batch_node *batch = name ? state_batch_find(state, name) : NULL;

	return batch ? batch->run : 0;
}

static int64_t later(int64_t a, int64_t b)
{
	return b == DATE_NULL || a > b ? a : b;
}

/* What the worker has cost the run and was not charged yet. False: the group failed. */
static bool uncharged(struct core *core, const struct worker *row, const struct run *run,
                      double *cost)
{
	struct flavor_metrics price = {
	        .flavor_name = row->flavor, .provider = row->provider, .region_name = row->region};
	int64_t from = later(later(run->creation_date, row->creation_date), row->charged_date);
	int64_t to = run->end_date == DATE_NULL ? core->now_us : run->end_date;

	*cost = 0;
	if (row->flavor == NULL || row->provider == NULL || row->region == NULL || to <= from)
		return true;
	if (record_find(core, TABLE_FLAVOR_METRICS, &price) && !isnan(price.cost))
		*cost = price.cost * (double)(to - from) / HOUR_US;
	return !core->group_failed;
}

bool hire_charge(struct core *core, const struct worker_node *worker)
{
	struct run run = {.run_id = run_served(&core->state, worker)};
	struct worker row = {.worker_id = worker->id};
	double cost;

	if (run.run_id == 0 || !record_find(core, TABLE_RUN, &run) ||
	    !record_find(core, TABLE_WORKER, &row) || !uncharged(core, &row, &run, &cost))
		return !core->group_failed;
	row.charged_date = core->now_us;
	run.cost = (isnan(run.cost) ? 0 : run.cost) + cost;
	return record_update(core, TABLE_WORKER, &row, BIT(WORKER_COL_charged_date)) &&
	       (cost == 0 || record_update(core, TABLE_RUN, &run, BIT(RUN_COL_cost)));
}

void hire_charge_run(struct core *core, uint32_t run)
{
	const struct state *state = &core->state;

	for (size_t i = 0; i < state->workers.n && !core->group_failed; i++) {
		if (state->workers.v[i] != NULL && run_served(state, state->workers.v[i]) == run)
			hire_charge(core, state->workers.v[i]);
	}
}

/* Does it serve a batch of the run, by name or by a pattern? */
static bool serves_run(const struct state *state, const struct worker_node *worker, uint32_t run)
{
	for (size_t i = 0; worker->serve != NULL && i < state->batches.n; i++) {
		const struct batch_node *batch = state->batches.v[i];

		if (batch->run == run && pattern_matches(worker->serve->pattern, batch->name))
			return true;
	}
	return false;
}

static bool count_workers(struct core *core, const struct run *run, struct hire *hire)
{
	const struct state *state = &core->state;

	for (size_t i = 0; i < state->workers.n; i++) {
		const struct worker_node *worker = state->workers.v[i];
		struct worker row;
		double cost;

		if (worker == NULL || !worker->alive || !serves_run(state, worker, hire->run))
			continue;
		hire->workers++;
		if (run_served(state, worker) != hire->run)
			continue;
		row.worker_id = worker->id;
		if (!record_find(core, TABLE_WORKER, &row) || !uncharged(core, &row, run, &cost))
			return core->group_failed ? false
			                          : core_failed(core, "a worker has no row");
		hire->cost += cost;
	}
	hire->workers += making_for_run(core, hire->run);
	return true;
}

bool hire_look(struct core *core, const struct batch_node *batch, struct hire *hire)
{
	struct run run = {.run_id = batch ? batch->run : 0};

	*hire = (struct hire){.most_workers = INT_NULL, .most_cost = NAN, .room = INT64_MAX};
	if (run.run_id == 0 || !record_find(core, TABLE_RUN, &run))
		return !core->group_failed;
	hire->run = (uint32_t)run.run_id;
	hire->most_workers = run.maximum_workers;
	hire->most_cost = run.max_cost;
	hire->cost = isnan(run.cost) ? 0 : run.cost;
	/* Most runs have no limit: nothing is counted for them. */
	if (hire->most_workers == INT_NULL && isnan(hire->most_cost))
		return true;
	if (!record_flush(core) || !count_workers(core, &run, hire))
		return false;
	if (hire->most_workers != INT_NULL) {
		hire->room = hire->most_workers - hire->workers;
		hire->room = hire->room > 0 ? hire->room : 0;
		hire->limit = hire->room == 0 ? HIRE_WORKERS : HIRE_FREE;
	}
	if (!isnan(hire->most_cost) && hire->cost >= hire->most_cost) {
		hire->room = 0;
		hire->limit = HIRE_COST;
	}
	return true;
}

void hire_explain(const struct hire *hire, struct str *out)
{
	if (hire->limit == HIRE_WORKERS)
		str_addf(out, "run %u has %lld workers of at most %lld", hire->run,
		         (long long)hire->workers, (long long)hire->most_workers);
	else if (hire->limit == HIRE_COST)
		str_addf(out, "run %u has cost %.2f of at most %.2f", hire->run, hire->cost,
		         hire->most_cost);
}

json_t *hire_json(const struct hire *hire)
{
	static const char *const words[] = {NULL, "maximum_workers", "max_cost"};

	if (hire->most_workers == INT_NULL && isnan(hire->most_cost))
		return NULL;
	return json_pack("{s:I, s:o, s:f, s:o, s:o}", "workers", (json_int_t)hire->workers,
	                 "maximum_workers",
	                 hire->most_workers == INT_NULL
	                         ? json_null()
	                         : json_integer((json_int_t)hire->most_workers),
	                 "cost", hire->cost, "max_cost",
	                 isnan(hire->most_cost) ? json_null() : json_real(hire->most_cost), "limit",
	                 json_text(words[hire->limit]));
}
