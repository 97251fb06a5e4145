/*
 * The real core on a virtual clock: random recruiters, offers, arrivals, evictions, failures of
 * the provider and deaths of the server. Whatever comes, the limits are kept, nobody is idle
 * beside work, everything ends, and nothing is left. A seed gives the same again:
 * server_simulation_test SEED.
 */
#include "server/columns.h"
#include "server/handlers.h"
#include "server/job.h"
#include "server/record.h"
#include "server/recruit/roster.h"
#include "server/simulation/simulation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SCENARIOS 200
#define FLAVORS 3
#define BATCHES 4
/* A virtual week: nothing of this takes so long. */
#define TOO_LONG (7 * 86400.0)

struct random {
	uint64_t state;
};

static uint64_t draw(struct random *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* From least to most. */
static int64_t between(struct random *r, int64_t least, int64_t most)
{
	return least + (int64_t)((draw(r) >> 11) % (uint64_t)(most - least + 1));
}

static bool chance(struct random *r, int percent)
{
	return between(r, 1, 100) <= percent;
}

struct seen {
	uint32_t given;         /* the last execution as of then */
	const char *batches[8]; /* that it has served since */
	unsigned n;
};

struct scenario {
	uint64_t seed;
	struct random random;
	struct simulation *simulation;
	struct log log;
	int flavors, batches;
	int64_t quota[FLAVORS]; /* INT_NULL: none */
	int cost[FLAVORS], eviction[FLAVORS];
	int64_t most[BATCHES];               /* workers, whichever rank; INT_NULL: any number */
	int64_t run_most;                    /* INT_NULL: any number */
	int64_t last[BATCHES];               /* a task of it, 0: none */
	VEC(struct seen) seen;               /* by worker */
	unsigned tasks, evictions, restarts; /* that are still to come */
	const char *broken;                  /* the rule that was */
	uint32_t worker;                     /* and by whom */
};

static const char *one; /* the only seed to play */

static const char *const names[BATCHES] = {"q.a", "q.b", "q.c", "q.d"};

static struct simulated_end execute(void *context, const json_t *grant)
{
	struct scenario *c = context;

	(void)grant;
	return (struct simulated_end){(double)between(&c->random, 1, 200), chance(&c->random, 5)};
}

static double boot(void *context, const json_t *request)
{
	struct scenario *c = context;

	(void)request;
	if (chance(&c->random, 10))
		return -1;
	if (chance(&c->random, 3))
		return INFINITY;
	return (double)between(&c->random, 5, 90);
}

/* The rules. */

static void broken(struct scenario *c, const char *rule, uint32_t worker)
{
	if (c->broken == NULL) {
		c->broken = rule;
		c->worker = worker;
	}
}

static int64_t present_of(const struct core *core, const struct batch_node *batch)
{
	int64_t n = making_for_batch(core, batch->name);

	for (size_t i = 0; i < batch->serves.n; i++)
		n += batch->serves.v[i]->present;
	return n;
}

static void check_limits(struct scenario *c, const struct core *core)
{
	int64_t of_run = making_for_run(core, 1);

	for (int i = 0; i < c->batches; i++) {
		const struct batch_node *batch = state_batch_find(&core->state, names[i]);

		if (batch == NULL)
			continue;
		if (c->most[i] != INT_NULL && present_of(core, batch) > c->most[i])
			broken(c, "maximum_workers of a batch", 0);
		for (size_t k = 0; k < batch->serves.n; k++)
			of_run += batch->serves.v[k]->present;
	}
	if (c->run_most != INT_NULL && of_run > c->run_most)
		broken(c, "maximum_workers of the run", 0);
	for (int i = 0; i < c->flavors; i++) {
		const char flavor[] = {(char)('f' + i), '\0'};

		if (c->quota[i] != INT_NULL &&
		    (int64_t)simulation_machines_at(c->simulation, "p", flavor, "r") > c->quota[i])
			broken(c, "quota", 0);
	}
}

/* It may go from batch to batch, but not back to one before it had anything to do. */
static void check_moves(struct scenario *c, const struct worker_node *worker)
{
	const char *batch = worker_batch(worker);
	const struct seen none = {.given = 0};
	struct seen *seen;

	while (c->seen.n <= worker->id)
		vec_push(&c->seen, none);
	seen = &c->seen.v[worker->id];
	if (seen->given != worker->given)
		*seen = (struct seen){.given = worker->given};
	if (batch == NULL || (seen->n > 0 && strcmp(seen->batches[seen->n - 1], batch) == 0))
		return;
	for (unsigned i = 0; i < seen->n; i++) {
		if (strcmp(seen->batches[i], batch) == 0)
			broken(c, "no oscillation", worker->id);
	}
	for (int i = 0; i < c->batches; i++) {
		if (strcmp(names[i], batch) == 0 && seen->n < 8)
			seen->batches[seen->n++] = names[i];
	}
}

static void check(struct scenario *c)
{
	const struct core *core = simulation_core(c->simulation);

	check_limits(c, core);
	for (size_t i = 0; i < core->state.workers.n; i++) {
		const struct worker_node *worker = core->state.workers.v[i];

		if (worker == NULL)
			continue;
		check_moves(c, worker);
		/* Who asks and holds nothing can take whatever there is. */
		if (worker->room == ROOM_RUN && TAILQ_EMPTY(&worker->running) &&
		    worker->serve->ready.n > 0)
			broken(c, "nobody is idle beside work", worker->id);
	}
}

/* What happens. */

static void call(struct scenario *c, call_handler *handler, int64_t id, int wanted, json_t *body)
{
	json_t *reply = NULL;
	int status = simulation_call(c->simulation, handler, id, NULL, body, &reply);

	if (status != wanted) {
		char *text = json_dumps(reply, 0);

		fail_msg("scenario %llu: %d %s", (unsigned long long)c->seed, status, text);
	}
	json_decref(reply);
}

static json_t *offers(void *context, const char *provider)
{
	const struct scenario *c = context;
	json_t *flavors = json_array(), *metrics = json_array();

	for (int i = 0; i < c->flavors; i++) {
		const char name[] = {(char)('f' + i), '\0'};
		json_t *row = json_pack("{s:s, s:s, s:i, s:i}", "flavor", name, "region", "r",
		                        "cost", c->cost[i], "eviction", c->eviction[i]);

		json_array_append_new(flavors, json_pack("{s:s, s:i, s:i}", "name", name, "cpu",
		                                         2 << i, "ram", 8));
		if (c->quota[i] != INT_NULL)
			json_object_set_new(
			        row, "available",
			        json_integer(c->quota[i] -
			                     (json_int_t)simulation_machines_at(
			                             c->simulation, provider, name, "r")));
		json_array_append_new(metrics, row);
	}
	return json_pack("{s:[{s:s}], s:o, s:o}", "regions", "name", "r", "flavors", flavors,
	                 "metrics", metrics);
}

static void draw_offers(struct scenario *c)
{
	c->flavors = (int)between(&c->random, 1, FLAVORS);
	for (int i = 0; i < c->flavors; i++) {
		c->quota[i] = chance(&c->random, 50) ? between(&c->random, 1, 5) : INT_NULL;
		c->cost[i] = (int)between(&c->random, 1, 9);
		c->eviction[i] = (int)between(&c->random, 0, 5);
	}
}

static json_t *some(struct random *r, int percent, int64_t least, int64_t most)
{
	return chance(r, percent) ? json_integer((json_int_t)between(r, least, most)) : json_null();
}

static json_t *recruiter(struct scenario *c, int batch, int rank, bool is_last)
{
	struct random *r = &c->random;
	json_t *row =
	        json_pack("{s:s, s:i, s:I, s:I, s:I, s:o, s:o}", "batch", names[batch], "rank",
	                  rank, "tasks_per_worker", (json_int_t)between(r, 1, 5),
	                  "worker_concurrency", (json_int_t)between(r, 1, 4), "worker_prefetch",
	                  (json_int_t)between(r, 0, 2), "maximum_workers", some(r, 60, 1, 5),
	                  "minimum_tasks", is_last ? json_null() : some(r, 50, 0, 6));
	bool deploys = is_last || chance(r, 50);

	json_object_set_new(row, "worker_flavor",
	                    json_string(is_last || chance(r, 50) ? "auto" : "auto:cpu>=4"));
	if (deploys) {
		json_object_set_new(row, "worker_provider", json_string("p"));
		json_object_set_new(row, "worker_region", json_string("auto"));
	}
	return row;
}

/* The workers that a batch may have at most: those of its most generous recruiter. */
static void note_most(struct scenario *c, int batch, const json_t *row)
{
	const json_t *most = json_object_get(row, "maximum_workers");

	if (json_is_null(most) || c->most[batch] == INT_NULL)
		c->most[batch] = INT_NULL;
	else if (json_integer_value(most) > c->most[batch])
		c->most[batch] = json_integer_value(most);
}

static void make_run(struct scenario *c)
{
	json_t *batches = json_array(), *recruiters = json_array();
	json_t *run = json_pack("{s:s, s:s, s:o, s:o}", "name", "q", "digest", "d", "batches",
	                        batches, "recruiters", recruiters);

	c->batches = (int)between(&c->random, 1, BATCHES);
	c->run_most = chance(&c->random, 40) ? between(&c->random, 1, 6) : INT_NULL;
	if (c->run_most != INT_NULL)
		json_object_set_new(run, "maximum_workers", json_integer((json_int_t)c->run_most));
	for (int i = 0; i < c->batches; i++) {
		int ranks = (int)between(&c->random, 1, 3);

		json_array_append_new(batches,
		                      json_pack("{s:s, s:i}", "batch", names[i], "depth", i));
		for (int rank = 1; rank <= ranks; rank++) {
			json_t *row = recruiter(c, i, rank, rank == ranks);

			note_most(c, i, row);
			json_array_append_new(recruiters, row);
		}
	}
	call(c, handle_run_create, 0, 201, run);
}

/* Some tasks of a batch, which wait for one of the batch before it or for nothing. */
static void arrive(struct scenario *c)
{
	int batch = (int)between(&c->random, 0, c->batches - 1);
	int64_t n = between(&c->random, 1, 12);
	json_t *tasks = json_array();

	if (n > (int64_t)c->tasks)
		n = c->tasks;
	c->tasks -= (unsigned)n;
	while (n-- > 0) {
		json_t *task = json_pack("{s:s, s:s, s:i}", "command", "x", "batch", names[batch],
		                         "retry", chance(&c->random, 80) ? 2 : 0);

		if (batch > 0 && c->last[batch - 1] != 0)
			json_object_set_new(task, "requires",
			                    json_pack("[I]", (json_int_t)c->last[batch - 1]));
		json_array_append_new(tasks, task);
	}
	call(c, handle_task_bulk, 0, 201, json_pack("{s:i, s:o}", "run_id", 1, "tasks", tasks));
	c->last[batch] = simulation_core(c->simulation)->state.last_task;
	/* All that it will have is there: it may end. */
	if (c->tasks == 0)
		call(c, handle_run_update, 1, 200, json_pack("{s:s}", "status", "running"));
}

static void evict(struct scenario *c)
{
	size_t n = simulation_machines(c->simulation);

	c->evictions--;
	if (n > 0)
		simulation_evict(c->simulation, (size_t)between(&c->random, 0, (int64_t)n - 1),
		                 chance(&c->random, 60));
}

static void happen(struct scenario *c)
{
	struct problem problem = {0};

	if (c->tasks > 0 && chance(&c->random, 60)) {
		arrive(c);
	} else if (c->evictions > 0 && chance(&c->random, 60)) {
		evict(c);
	} else if (c->restarts > 0 && chance(&c->random, 20)) {
		c->restarts--;
		if (!simulation_restart(c->simulation, &problem))
			fail_msg("%s", problem.message);
		/* What was held in memory only is seen anew. */
		c->seen.n = 0;
	}
}

static bool is_over(const struct scenario *c)
{
	const struct core *core = simulation_core(c->simulation);

	return c->tasks == 0 && core->state.undone == 0 && core->state.jobs.n == 0 &&
	       simulation_machines(c->simulation) == 0;
}

static void play(uint64_t seed)
{
	static const char *const providers[] = {"p", NULL};
	struct scenario c = {.seed = seed,
	                     .random = {(seed + 1) * UINT64_C(0x9e3779b97f4a7c15)},
	                     .tasks = 40,
	                     .evictions = 6,
	                     .restarts = 2};
	struct simulation_options options = {.core = {.lease_seconds = 300,
	                                              .offline_seconds = 60,
	                                              .join_seconds = 300,
	                                              .worker_idle_seconds = 60,
	                                              .worker_new_seconds = 120,
	                                              .eviction_margin = 20},
	                                     .date_us = INT64_C(1800000000000000),
	                                     .execute = execute,
	                                     .offers = offers,
	                                     .providers = providers,
	                                     .boot = boot,
	                                     .context = &c,
	                                     .log = &c.log};
	struct problem problem = {0};
	double next = 0;

	draw_offers(&c);
	log_init(&c.log, "simulation", LOG_LEVEL_ERROR, 2);
	c.simulation = simulation_new(&options, &problem);
	if (c.simulation == NULL)
		fail_msg("%s", problem.message);
	make_run(&c);
	while (!is_over(&c) && c.broken == NULL && simulation_seconds(c.simulation) < TOO_LONG) {
		while (simulation_step(c.simulation, next) && c.broken == NULL)
			check(&c);
		next += (double)between(&c.random, 1, 120);
		happen(&c);
	}
	if (c.broken != NULL)
		fail_msg("scenario %llu after %.1f s: %s: worker %u", (unsigned long long)seed,
		         simulation_seconds(c.simulation), c.broken, c.worker);
	if (!is_over(&c)) {
		const struct core *core = simulation_core(c.simulation);

		for (size_t i = 0; i < core->state.jobs.n; i++) {
			const struct job_node *job = core->state.jobs.v[i];

			print_message("job %u %s of %s is %s, order %llu\n", job->id,
			              job_action_words[job->action], job->target,
			              job_status_words[job->status],
			              (unsigned long long)job->order);
		}
		fail_msg("scenario %llu does not end: %llu tasks, %zu jobs, %zu machines",
		         (unsigned long long)seed, (unsigned long long)core->state.undone,
		         core->state.jobs.n, simulation_machines(c.simulation));
	}
	if (one != NULL) {
		const struct state *state = &simulation_core(c.simulation)->state;

		print_message("%.0f seconds, %u executions of %u tasks, %u workers, %u jobs; left: "
		              "%u evictions, %u restarts\n",
		              simulation_seconds(c.simulation), state->last_execution,
		              state->last_task, state->last_worker, state->last_job, c.evictions,
		              c.restarts);
	}
	vec_release(&c.seen);
	simulation_free(c.simulation);
}

static void test_random_scenarios(void **unused)
{
	(void)unused;
	if (one != NULL) {
		play(strtoull(one, NULL, 10));
		return;
	}
	for (uint64_t seed = 0; seed < SCENARIOS; seed++)
		play(seed);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_scenarios)};

	one = argc > 1 ? argv[1] : NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
