#include "server/recruit/roster.h"

#include "base/clock.h"
#include "server/columns.h"
#include "server/job.h"
#include "server/record.h"
#include "server/recruit/recruit.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)
/* Rows that somebody changed by SQL are seen after so long. */
#define READ_AGAIN_NS (60 * SECOND_NS)

void roster_init(struct roster *roster)
{
	memset(roster, 0, sizeof(*roster));
	arena_init(&roster->recruiter_arena);
	arena_init(&roster->worker_arena);
	arena_init(&roster->setback_arena);
	offers_init(&roster->offers);
	intern_init(&roster->names);
}

void roster_release(struct roster *roster)
{
	vec_release(&roster->recruiters);
	vec_release(&roster->workers);
	vec_release(&roster->setbacks);
	offers_release(&roster->offers);
	intern_release(&roster->names);
	arena_release(&roster->recruiter_arena);
	arena_release(&roster->worker_arena);
	arena_release(&roster->setback_arena);
}

void roster_changed(struct core *core, enum table_id table)
{
	struct roster *roster = &core->recruit->roster;

	roster->read[table] = false;
	if (table == TABLE_FLAVOR_METRICS)
		roster->refreshed = core->now_us;
	/* What is known of machines of workers comes from there. */
	if (table == TABLE_FLAVOR || table == TABLE_REGION || table == TABLE_FLAVOR_METRICS)
		roster->read[TABLE_FLAVOR] = roster->read[TABLE_WORKER] = false;
}

void roster_forget(struct core *core)
{
	memset(core->recruit->roster.read, 0, sizeof(core->recruit->roster.read));
}

/* Is it to be read? Then it will have been. */
static bool stale(struct core *core, enum table_id table)
{
	struct roster *roster = &core->recruit->roster;

	if (roster->read[table] && core->now_ns - roster->read_ns[table] < READ_AGAIN_NS)
		return false;
	roster->read[table] = true;
	roster->read_ns[table] = core->now_ns;
	return true;
}

static bool read_rows(struct core *core, const struct store_query *query, store_row *row,
                      void *context)
{
	return record_flush(core) &&
	       (store_select(store_own(core->store), query, row, context) == STORE_OK ||
	        core_failed(core, "what recruiters need cannot be read"));
}

static const char *copy(struct arena *arena, const char *text)
{
	return text ? arena_strdup(arena, text) : NULL;
}

/* Recruiters. */

struct reading {
	struct core *core;
	struct roster *roster;
};

static bool add_recruiter(void *context, const void *row_p)
{
	struct reading *r = context;
	struct arena *arena = &r->roster->recruiter_arena;
	struct roster_recruiter node = {.row = *(const struct recruiter *)row_p,
	                                .last = {.date = DATE_NULL, .cost = (double)NAN}};
	struct problem problem = {0};

	node.row.batch = copy(arena, node.row.batch);
	node.row.worker_flavor = copy(arena, node.row.worker_flavor);
	node.row.worker_provider = copy(arena, node.row.worker_provider);
	node.row.worker_region = copy(arena, node.row.worker_region);
	if (!wanted_parse(&node.wanted, "worker_flavor",
	                  node.row.worker_flavor ? node.row.worker_flavor : "", arena, &problem))
		node.problem = arena_strdup(arena, problem.message);
	vec_push(&r->roster->recruiters, node);
	return true;
}

/* A worker that several batches could use goes to the lowest rank, then to the deepest step. */
static int compare_recruiters(const void *x, const void *y, void *context)
{
	const struct roster_recruiter *a = x, *b = y;
	const struct state *state = context;
	const struct batch_node *ba = state_batch_find(state, a->row.batch);
	const struct batch_node *bb = state_batch_find(state, b->row.batch);
	int64_t da = ba ? ba->depth : 0, db = bb ? bb->depth : 0;

	if (a->row.rank != b->row.rank)
		return a->row.rank < b->row.rank ? -1 : 1;
	if (da != db)
		return da > db ? -1 : 1;
	return strcmp(a->row.batch, b->row.batch);
}

static const char *key_of(struct arena *arena, const struct recruiter *row)
{
	return arena_printf(arena, "%lld/%s", (long long)row->rank, row->batch);
}

/* What each has decided last stays with it. */
static void keep_decisions(struct roster *roster, const struct roster_recruiter *before, size_t n)
{
	struct map places = MAP_INIT;
	struct arena scratch;

	arena_init(&scratch);
	for (size_t i = 0; i < n; i++) {
		const char *key = key_of(&scratch, &before[i].row);

		*map_put(&places, key, strlen(key), NULL) = i;
	}
	for (size_t i = 0; i < roster->recruiters.n; i++) {
		const char *key = key_of(&scratch, &roster->recruiters.v[i].row);
		const uint64_t *place = map_get(&places, key, strlen(key));

		if (place != NULL)
			roster->recruiters.v[i].last = before[*place].last;
	}
	map_release(&places);
	arena_release(&scratch);
}

bool roster_recruiters(struct core *core)
{
	struct roster *roster = &core->recruit->roster;
	struct reading reading = {core, roster};
	const struct store_query query = {.table = TABLE_RECRUITER};
	VEC(struct roster_recruiter) before = {0};
	struct arena arena = roster->recruiter_arena;
	bool ok;

	if (!stale(core, TABLE_RECRUITER))
		return true;
	before.v = roster->recruiters.v;
	before.n = roster->recruiters.n;
	memset(&roster->recruiters, 0, sizeof(roster->recruiters));
	arena_init(&roster->recruiter_arena);
	ok = read_rows(core, &query, add_recruiter, &reading);
	if (roster->recruiters.n > 0)
		qsort_r(roster->recruiters.v, roster->recruiters.n, sizeof(*roster->recruiters.v),
		        compare_recruiters, &core->state);
	keep_decisions(roster, before.v, before.n);
	vec_release(&before);
	arena_release(&arena);
	return ok;
}

/* Offers. */

bool roster_offers(struct core *core)
{
	if (!stale(core, TABLE_FLAVOR))
		return true;
	return record_flush(core) &&
	       (offers_read(&core->recruit->roster.offers, store_own(core->store)) == STORE_OK ||
	        core_failed(core, "the offers cannot be read"));
}

/* Workers. */

static void read_machine(struct roster *roster, const struct worker *row, struct machine *machine)
{
	struct arena *arena = &roster->worker_arena;
	const struct offer *offer =
	        offers_find(&roster->offers, row->provider, row->region, row->flavor);

	*machine = offer != NULL ? offer->machine : machine_unknown;
	machine->name = copy(arena, row->flavor);
	machine->provider = copy(arena, row->provider);
	machine->region = copy(arena, row->region);
	machine->tags = copy(arena, machine->tags);
	machine->gpu = copy(arena, machine->gpu);
	if (isnan(machine->cpu))
		machine->cpu = row->cpus;
	if (isnan(machine->ram) && row->ram != INT_NULL)
		machine->ram = (double)row->ram / (double)(1 << 30);
	/* What it gives out itself is known better. */
	if (row->gpus != INT_NULL)
		machine->gpus = (double)row->gpus;
}

static bool add_worker(void *context, const void *row_p)
{
	struct reading *r = context;
	const struct worker *row = row_p;
	struct roster_worker none = {.there = false};
	struct roster_worker *node;

	while (r->roster->workers.n <= (size_t)row->worker_id)
		vec_push(&r->roster->workers, none);
	node = &r->roster->workers.v[row->worker_id];
	node->there = true;
	node->permanent = row->permanent == 1;
	node->since = row->creation_date;
	node->home = copy(&r->roster->worker_arena, row->home);
	read_machine(r->roster, row, &node->machine);
	return true;
}

bool roster_workers(struct core *core)
{
	struct roster *roster = &core->recruit->roster;
	struct reading reading = {core, roster};
	const struct store_query query = {
	        .table = TABLE_WORKER,
	        .mask = BIT(WORKER_COL_worker_id) | BIT(WORKER_COL_permanent) |
	                BIT(WORKER_COL_creation_date) | BIT(WORKER_COL_flavor) |
	                BIT(WORKER_COL_region) | BIT(WORKER_COL_provider) | BIT(WORKER_COL_cpus) |
	                BIT(WORKER_COL_ram) | BIT(WORKER_COL_gpus) | BIT(WORKER_COL_home)};

	if (!roster_offers(core) || !stale(core, TABLE_WORKER))
		return !core->group_failed;
	roster->workers.n = 0;
	arena_clear(&roster->worker_arena);
	return read_rows(core, &query, add_worker, &reading);
}

const struct roster_worker *roster_worker(const struct roster *roster, uint32_t id)
{
	return id < roster->workers.n && roster->workers.v[id].there ? &roster->workers.v[id]
	                                                             : NULL;
}

/* Workers that are being made. */

static const struct worker_node *made_by(const struct core *core, const struct job_node *job)
{
	const struct worker_node *worker = state_worker_named(&core->state, job->target);

	return worker != NULL && worker->alive ? worker : NULL;
}

static bool is_there(const struct core *core, const struct job_node *job)
{
	const struct worker_node *worker = made_by(core, job);

	return worker != NULL && !worker->offline;
}

int64_t making_for_batch(const struct core *core, const char *batch)
{
	const struct state *state = &core->state;
	int64_t n = 0;

	for (size_t i = 0; i < state->jobs.n; i++) {
		const struct job_node *job = state->jobs.v[i];

		n += job_makes(job) && text_same(job->batch, batch) && !is_there(core, job);
	}
	return n;
}

int64_t making_for_run(const struct core *core, uint32_t run)
{
	const struct state *state = &core->state;
	int64_t n = 0;

	for (size_t i = 0; i < state->jobs.n; i++) {
		const struct job_node *job = state->jobs.v[i];
		const struct batch_node *batch =
		        job->batch ? state_batch_find(state, job->batch) : NULL;

		n += job_makes(job) && batch != NULL && batch->run == run &&
		     made_by(core, job) == NULL;
	}
	return n;
}

/* Its machine is being made, or is not destroyed yet. */
static bool takes_quota(const struct core *core, const struct job_node *job)
{
	return job_makes(job) ? !is_there(core, job)
	                      : job->action == JOB_DESTROY && job_is_to_do(job);
}

int64_t jobs_at(const struct core *core, const struct machine *place)
{
	const struct state *state = &core->state;
	int64_t n = 0;

	for (size_t i = 0; i < state->jobs.n; i++) {
		const struct job_node *job = state->jobs.v[i];

		n += takes_quota(core, job) && text_same(job->provider, place->provider) &&
		     text_same(job->region, place->region) && text_same(job->flavor, place->name);
	}
	return n;
}

/* Of another flavor that shares its pool; NULL: it does not. */
static const struct machine *sharing(const struct core *core, const struct machine *place,
                                     const char *provider, const char *region, const char *flavor)
{
	const struct offer *offer =
	        offers_find(&core->recruit->roster.offers, provider, region, flavor);

	return offer != NULL && offer->machine.pool != NULL &&
	                       text_same(offer->machine.pool, place->pool) &&
	                       text_same(provider, place->provider) &&
	                       text_same(region, place->region) &&
	                       !text_same(flavor, place->name) && !isnan(offer->machine.cpu)
	               ? &offer->machine
	               : NULL;
}

double pool_taken(const struct core *core, const struct machine *place)
{
	const struct roster *roster = &core->recruit->roster;
	const struct machine *other;
	double cpus = 0;

	for (size_t i = 0; i < core->state.jobs.n; i++) {
		const struct job_node *job = core->state.jobs.v[i];

		other = takes_quota(core, job)
		                ? sharing(core, place, job->provider, job->region, job->flavor)
		                : NULL;
		cpus += other != NULL ? other->cpu : 0;
	}
	for (size_t i = 0; i < roster->workers.n; i++) {
		const struct roster_worker *w = &roster->workers.v[i];

		other = w->there && w->since > roster->refreshed
		                ? sharing(core, place, w->machine.provider, w->machine.region,
		                          w->machine.name)
		                : NULL;
		cpus += other != NULL ? other->cpu : 0;
	}
	return cpus;
}

/* Setbacks. */

struct setback *roster_setback(struct roster *roster, const struct machine *place, bool make)
{
	struct setback setback = {.failures = 0};
	struct str name = STR_INIT;
	struct setback *found = NULL;

	str_addf(&name, "%s/%s/%s", place->provider ? place->provider : "",
	         place->region ? place->region : "", place->name ? place->name : "");
	for (size_t i = 0; i < roster->setbacks.n && found == NULL; i++) {
		if (strcmp(roster->setbacks.v[i].place, name.p) == 0)
			found = &roster->setbacks.v[i];
	}
	if (found == NULL && make) {
		setback.place = arena_strdup(&roster->setback_arena, name.p);
		vec_push(&roster->setbacks, setback);
		found = &roster->setbacks.v[roster->setbacks.n - 1];
	}
	str_release(&name);
	return found;
}
