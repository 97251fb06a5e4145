#include "server/core.h"

#include "server/contact.h"
#include "server/core_answer.h"
#include "server/core_inside.h"
#include "server/follow.h"
#include "server/idempotency.h"
#include "server/known.h"
#include "server/lease.h"
#include "server/log_put.h"
#include "server/owner.h"
#include "server/provider/dispatch.h"
#include "server/prune.h"
#include "server/record.h"
#include "server/recruit/recruit.h"
#include "server/run.h"
#include "server/schedule.h"
#include "server/state_load.h"
#include "server/tally.h"
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TIDY_NS INT64_C(1000000000)
#define RETRY_NS INT64_C(1000000000)
/* Calls of one group at most, so that nobody waits for a very long one. */
#define GROUP_LIMIT 4096

const double core_group_bounds[HISTOGRAM_BOUNDS] = {1,   2,   4,   8,    16,   32,  64,
                                                    128, 256, 512, 1024, 2048, 4096};
const double core_commit_bounds[HISTOGRAM_BOUNDS] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                                                     0.1,    0.2,   0.5,   1,     2,    5};

struct core *core_new(struct store *store, const struct core_options *options,
                      const struct log *log)
{
	struct core *core = xcalloc(1, sizeof(*core));

	core->store = store;
	core->options = *options;
	core->log = log;
	core->counts.start_us = clock_date_us();
	if (core->options.lease_seconds <= 0)
		core->options.lease_seconds = 2400;
	if (core->options.offline_seconds <= 0)
		core->options.offline_seconds = 60;
	if (core->options.grace_seconds <= 0)
		core->options.grace_seconds = 60;
	if (core->options.look_seconds <= 0)
		core->options.look_seconds = 30;
	if (core->options.join_seconds <= 0)
		core->options.join_seconds = 900;
	if (core->options.worker_idle_seconds <= 0)
		core->options.worker_idle_seconds = 300;
	if (core->options.worker_new_seconds <= 0)
		core->options.worker_new_seconds = 900;
	pthread_mutex_init(&core->lock, NULL);
	pthread_cond_init(&core->released, NULL);
	core->recruit = recruit_new();
	core->wake = -1;
	core->told_end = &core->told;
	core->key_seen = core->refusal = (struct str)STR_INIT;
	core->jobs = jobs_new(core->options.provider);
	state_init(&core->state, &core->timers);
	core->known = known_new();
	arena_init(&core->arena);
	return core;
}

/* What others had to tell; `heard`: and what is done about it. */
static void take_messages(struct core *core, bool heard)
{
	struct core_message *message, *next;

	pthread_mutex_lock(&core->lock);
	message = core->told;
	core->told = NULL;
	core->told_end = &core->told;
	pthread_mutex_unlock(&core->lock);
	for (; message != NULL; message = next) {
		next = message->next;
		if (heard && !core->group_failed)
			message->take(core, message);
		message->free(message);
	}
}

void core_free(struct core *core)
{
	if (core == NULL)
		return;
	assert(!core->started && core->queue.n == 0);
	take_messages(core, false);
	jobs_free(core, core->jobs);
	timer_cancel(&core->timers, &core->attention);
	timer_cancel(&core->timers, &core->tidy);
	timer_cancel(&core->timers, &core->retry);
	timer_cancel(&core->timers, &core->lead);
	timer_cancel(&core->timers, &core->counters);
	timer_cancel(&core->timers, &core->tally);
	log_puts_free(core->puts);
	recruit_free(core);
	state_release(&core->state);
	known_free(core->known);
	timers_release(&core->timers);
	vec_release(&core->queue);
	vec_release(&core->taken);
	vec_release(&core->answers);
	vec_release(&core->news);
	vec_release(&core->tallied);
	vec_release(&core->grown);
	vec_release(&core->asking);
	vec_release(&core->granted);
	vec_release(&core->endings);
	arena_release(&core->arena);
	pthread_mutex_destroy(&core->lock);
	pthread_cond_destroy(&core->released);
	free(core->url);
	str_release(&core->key_seen);
	str_release(&core->refusal);
	if (core->wake >= 0)
		close(core->wake);
	free(core);
}

/* Every call that waits is answered with this group. */
static void take_waiting(struct core *core)
{
	struct call *pruning;

	for (size_t i = 0; i < core->state.workers.n; i++) {
		struct worker_node *worker = core->state.workers.v[i];
		struct call *call = worker ? lease_take(core, worker) : NULL;

		if (call != NULL)
			answer_push(core, (struct core_answer){.call = call});
	}
	follow_take_all(core);
	tally_take_all(core);
	log_puts_refuse_early(core);
	pruning = prune_take(core);
	if (pruning != NULL)
		answer_push(core, (struct core_answer){.call = pruning});
}

static void tidy(void *context, struct timer *timer)
{
	(void)context;
	(void)timer;
	malloc_trim(0);
}

void core_tidy_later(struct core *core)
{
	timer_set(&core->timers, &core->tidy, core->now_ns + TIDY_NS, tidy);
}

/* The group. */

bool core_failed(struct core *core, const char *what)
{
	if (!core->group_failed)
		log_error(core->log, "%s: nothing of this group is kept", what);
	core->group_failed = true;
	return false;
}

static void try_again(void *context, struct timer *timer)
{
	(void)context;
	(void)timer;
}

/* A server that leads says something at least so often, or another one takes its place. */
static void check_lead(void *context, struct timer *timer)
{
	struct core *core = context;

	if (!core->broken && store_lead_check(core->store) != STORE_OK)
		core_failed(core, store_error(core->store));
	timer_set(&core->timers, timer, core->now_ns + LEAD_CHECK_SECONDS * INT64_C(1000000000),
	          check_lead);
}

static void begin_to_lead(struct core *core)
{
	if (store_shared(core->store))
		timer_set(&core->timers, &core->lead, core->now_ns, check_lead);
}

/* Those who look need not know the term. */
static void tell_lead(struct core *core)
{
	bool leads = store_leads(core->store);

	if (atomic_exchange(&core->leads, leads) == leads)
		return;
	if (leads)
		begin_to_lead(core);
	else
		timer_cancel(&core->timers, &core->lead);
	if (store_shared(core->store))
		log_info(core->log, leads ? "this server leads now" : "another server leads now");
}

bool core_leads(struct core *core)
{
	return atomic_load(&core->leads);
}

void core_announce(struct core *core, const char *url)
{
	pthread_mutex_lock(&core->lock);
	free(core->url);
	core->url = xstrdup(url);
	pthread_mutex_unlock(&core->lock);
	core_wake(core);
}

struct known *core_known(struct core *core)
{
	return core->known;
}

/* Between groups. What fails here is told again with the next term. */
static void announce(struct core *core)
{
	char *url;

	pthread_mutex_lock(&core->lock);
	url = core->url;
	core->url = NULL;
	pthread_mutex_unlock(&core->lock);
	if (url != NULL && store_announce(core->store, url) != STORE_OK)
		core_failed(core, store_error(core->store));
	free(url);
}

/* A token that was revoked stays in force until they are read. */
static void read_tokens(struct core *core)
{
	core->tokens_changed = core->options.tokens_changed != NULL &&
	                       !core->options.tokens_changed(core->options.context);
	if (core->tokens_changed)
		timer_set(&core->timers, &core->retry, core->now_ns + RETRY_NS, try_again);
}

/* What others change: who may call, and what those wait for who look on. */
static void follow_leader(struct core *core)
{
	read_tokens(core);
	if (core->options.published != NULL)
		core->options.published(core->options.context);
}

/* Memory anew from the database. Until that can be read nothing can be done, and nothing is lost.
 */
static void rebuild(struct core *core)
{
	struct problem problem = {0};
	enum store_result result;

	known_forget(core->known);
	state_release(&core->state);
	state_init(&core->state, &core->timers);
	core->group_failed = false;
	result = store_recover(core->store);
	core->broken = result != STORE_OK;
	tell_lead(core);
	if (core->broken)
		problem_set(&problem, PROBLEM_UNAVAILABLE, "%s", store_error(core->store));
	else
		core->broken = !state_load(core, &problem);
	if (result == STORE_DEPOSED) {
		jobs_deposed(core);
		follow_leader(core);
	} else if (core->broken) {
		log_error(core->log, "cannot read the database: %s", problem.message);
	} else {
		/* A COMMIT that seemed to fail may have come through; another one led before. */
		read_tokens(core);
		/* What the rows had left open, if anything. */
		record_commit(core);
	}
	if (core->group_failed || core->broken) {
		record_rollback(core);
		state_release(&core->state);
		state_init(&core->state, &core->timers);
		core->group_failed = false;
		core->broken = true;
	} else {
		recruit_begin(core);
	}
}

static void roll_back(struct core *core)
{
	record_rollback(core);
	jobs_forget(core);
	take_waiting(core);
	core->asking.n = 0;
	rebuild(core);
	/* Work is handed out in another group at once; where that fails too, after a while. */
	core->again = !core->broken && core->failures++ == 0;
	if (!core->again)
		timer_set(&core->timers, &core->retry, core->now_ns + RETRY_NS, try_again);
	answers_take_back(core);
}

int64_t core_clock(const struct core *core)
{
	return core->options.clock_ns ? core->options.clock_ns(core->options.context)
	                              : clock_monotonic_ns();
}

static void begin_group(struct core *core)
{
	core->now_ns = core_clock(core);
	core->now_us = core->options.date_us ? core->options.date_us(core->options.context)
	                                     : clock_date_us();
}

static void count_group(struct core *core, bool wrote)
{
	core->counts.failed += core->group_failed;
	if (core->calls > 0)
		histogram_add(&core->counts.group, core_group_bounds, (double)core->calls);
	if (wrote && !core->group_failed)
		histogram_add(&core->counts.commit, core_commit_bounds,
		              (double)(core_clock(core) - core->now_ns) / 1e9);
}

static void end_group(struct core *core)
{
	bool wrote = false;

	if (!core->group_failed) {
		jobs_run(core);
		schedule_run(core);
		core->hooked = false;
		runs_settle(core);
		if (core->hooked)
			schedule_run(core);
		lease_finish(core);
		follow_finish(core);
		recruit_finish(core);
		wrote = core->writing || core->logging || core->state.dirty_tasks.n > 0 ||
		        core->state.dirty_executions.n > 0 || core->endings.n > 0;
		record_commit(core);
	}
	count_group(core, wrote);
	if (core->group_failed) {
		roll_back(core);
	} else {
		core->failures = 0;
		jobs_launch(core);
		if (core->tokens_changed)
			read_tokens(core);
		known_publish(core->known, &core->state, store_term(core->store));
		answers_send(core);
		state_trim(&core->state);
	}
	arena_clear(&core->arena);
	follow_attention(core);
}

static void run_call(struct core *core, struct core_item item)
{
	if (!core->group_failed && !core->broken) {
		core->current = item.call;
		follow_heard(core, item.call);
		if (!owner_allows(core, item.call))
			core_problem(core, item.call);
		else if (!idempotency_repeat(core, item.call) && !core->group_failed)
			item.handler(core, item.call);
		/* Answered and parked calls are nobody's current one. */
		if (core->current == NULL)
			return;
		assert(core->group_failed);
		core->current = NULL;
	}
	answer_push(core, (struct core_answer){.call = item.call});
}

static void run_group(struct core *core)
{
	begin_group(core);
	core->again = false;
	if (core->broken)
		rebuild(core);
	announce(core);
	timers_run(&core->timers, core->now_ns, core);
	if (core->broken) {
		for (size_t i = 0; i < core->taken.n; i++)
			answer_push(core, (struct core_answer){.call = core->taken.v[i].call});
		core->taken.n = 0;
		timer_set(&core->timers, &core->retry, core->now_ns + RETRY_NS, try_again);
		answers_refuse(core, store_leads(core->store) ? "the database cannot be read"
		                                              : "another server leads");
		arena_clear(&core->arena);
		return;
	}
	take_messages(core, true);
	for (size_t i = 0; i < core->taken.n; i++)
		run_call(core, core->taken.v[i]);
	core->calls = core->taken.n;
	core->taken.n = 0;
	end_group(core);
}

static void take(struct core *core)
{
	size_t n;

	pthread_mutex_lock(&core->lock);
	n = core->queue.n < GROUP_LIMIT ? core->queue.n : GROUP_LIMIT;
	core->taken.n = n;
	if (n > 0) {
		vec_reserve(&core->taken, n);
		memcpy(core->taken.v, core->queue.v, n * sizeof(*core->queue.v));
		core->queue.n -= n;
		memmove(core->queue.v, core->queue.v + n, core->queue.n * sizeof(*core->queue.v));
	}
	core->woken = core->queue.n > 0;
	pthread_mutex_unlock(&core->lock);
}

void core_step(struct core *core)
{
	int64_t took;

	take(core);
	atomic_store(&core->group_began_ns, clock_monotonic_ns());
	run_group(core);
	/* One that follows has its calls answered by the leader. */
	atomic_store(&core->is_broken, core->broken && store_leads(core->store));
	took = clock_monotonic_ns() - atomic_exchange(&core->group_began_ns, 0);
	/* One without calls does not tell how long they take. */
	if (core->calls > 0)
		core->group_ns = took;
}

int64_t core_busy_ns(const struct core *core)
{
	int64_t began = atomic_load(&core->group_began_ns);

	return began ? clock_monotonic_ns() - began : 0;
}

bool core_serves(const struct core *core)
{
	return !atomic_load(&core->is_broken);
}

bool core_load(struct core *core, struct problem *problem)
{
	core->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (core->wake < 0)
		return problem_set(problem, PROBLEM_UNAVAILABLE, "eventfd: %s", strerror(errno));
	begin_group(core);
	tell_lead(core);
	core->broken = !store_leads(core->store);
	if (!core->broken && !state_load(core, problem))
		return false;
	core->attached_until = core->now_ns + core->options.grace_seconds * INT64_C(1000000000);
	follow_attention(core);
	recruit_begin(core);
	arena_clear(&core->arena);
	return true;
}

void core_end(struct core *core)
{
	/* Those who wait come again, to whoever serves then. */
	take_messages(core, false);
	take_waiting(core);
	answers_refuse(core, "the server is stopping");
}
