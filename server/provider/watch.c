#include "server/provider/watch.h"

#include "base/map.h"
#include "model/json.h"
#include "server/columns.h"
#include "server/deadline.h"
#include "server/job.h"
#include "server/provider/dispatch.h"
#include "server/provider/offers.h"
#include "server/record.h"
#include "server/worker.h"
#include "store/store.h"

#include <string.h>

#define SECOND_NS INT64_C(1000000000)
#define OFFERS_NS (600 * SECOND_NS)
/* Many jobs end together. */
#define SETTLE_NS SECOND_NS
/* Seconds since 1970 that are a date. */
#define ENDS_MOST INT64_C(253402300799)

struct destroyed {
	char *name; /* of its worker */
	int64_t at_ns;
};

struct watched {
	char *provider;
	VEC(struct destroyed)
	destroyed;                  /* since the last list was asked for, which may show them */
	int64_t list_ns, offers_ns; /* when to ask, INT64_MAX: not */
	bool listing, offering;     /* asked, and not answered yet */
	char *offers;               /* as written last, NULL: not yet */
};

struct watch {
	VEC(struct watched *) providers;
};

struct watch *watch_new(void)
{
	return xcalloc(1, sizeof(struct watch));
}

/* What a list that was asked for then can still show stays. */
static void forget_destroyed(struct watched *w, int64_t asked_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->destroyed.n; i++) {
		if (w->destroyed.v[i].at_ns >= asked_ns)
			w->destroyed.v[kept++] = w->destroyed.v[i];
		else
			free(w->destroyed.v[i].name);
	}
	w->destroyed.n = kept;
}

void watch_free(struct watch *watch)
{
	for (size_t i = 0; i < watch->providers.n; i++) {
		forget_destroyed(watch->providers.v[i], INT64_MAX);
		vec_release(&watch->providers.v[i]->destroyed);
		free(watch->providers.v[i]->provider);
		free(watch->providers.v[i]->offers);
		free(watch->providers.v[i]);
	}
	vec_release(&watch->providers);
	free(watch);
}

static struct watched *find(struct watch *watch, const char *provider)
{
	struct watched *w;

	for (size_t i = 0; i < watch->providers.n; i++) {
		if (strcmp(watch->providers.v[i]->provider, provider) == 0)
			return watch->providers.v[i];
	}
	w = xcalloc(1, sizeof(*w));
	w->provider = xstrdup(provider);
	vec_push(&watch->providers, w);
	return w;
}

void watch_forget(struct watch *watch)
{
	for (size_t i = 0; i < watch->providers.n; i++) {
		struct watched *w = watch->providers.v[i];

		free(w->offers);
		w->offers = NULL;
		w->listing = w->offering = false;
		w->list_ns = w->offers_ns = 0;
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t watch_run(struct core *core, struct watch *watch)
{
	int64_t next = INT64_MAX;
	const char *provider;

	for (size_t i = 0; (provider = dispatch_provider(core, i)) != NULL; i++) {
		struct watched *w = find(watch, provider);

		if (!w->listing && w->list_ns <= core->now_ns) {
			w->listing = true;
			dispatch_ask(core, ORDER_LIST, provider);
		}
		if (!w->offering && w->offers_ns <= core->now_ns) {
			w->offering = true;
			dispatch_ask(core, ORDER_OFFERS, provider);
		}
		next = earlier(next, w->listing ? INT64_MAX : w->list_ns);
		next = earlier(next, w->offering ? INT64_MAX : w->offers_ns);
	}
	return next;
}

void watch_stir(struct core *core, struct watch *watch, const char *provider)
{
	struct watched *w = find(watch, provider);

	w->list_ns = earlier(w->list_ns, core->now_ns + core->options.look_seconds * SECOND_NS);
	w->offers_ns = earlier(w->offers_ns, core->now_ns + SETTLE_NS);
}

void watch_joined(struct core *core, struct watch *watch, const char *provider)
{
	struct watched *w = find(watch, provider);

	w->list_ns = earlier(w->list_ns, core->now_ns + SETTLE_NS);
}

void watch_destroyed(struct core *core, struct watch *watch, const char *provider, const char *name)
{
	struct watched *w = find(watch, provider);

	vec_push(&w->destroyed, ((struct destroyed){.name = xstrdup(name), .at_ns = core->now_ns}));
}

void watch_failed(struct core *core, const char *provider, enum order_verb verb, const char *why)
{
	struct watched *w = find(dispatch_watch(core), provider);

	log_warn(core->log, "provider %s does not say its %s: %s", provider,
	         verb == ORDER_LIST ? "machines" : "flavors", why);
	if (verb == ORDER_LIST) {
		w->listing = false;
		w->list_ns = core->now_ns + core->options.look_seconds * SECOND_NS;
	} else {
		w->offering = false;
		w->offers_ns = core->now_ns + OFFERS_NS;
	}
}

void watch_offered(struct core *core, struct watch *watch, const char *provider, json_t *value)
{
	struct watched *w = find(watch, provider);
	struct str text = STR_INIT;

	w->offering = false;
	w->offers_ns = core->now_ns + OFFERS_NS;
	json_print(value, &text);
	if ((w->offers == NULL || strcmp(w->offers, text.p) != 0) &&
	    offers_write(core, provider, value)) {
		free(w->offers);
		w->offers = xstrdup(text.p);
	}
	str_release(&text);
}

/* What was listed. */

struct listed {
	struct core *core;
	const char *provider;
	const struct watched *watched;
	struct map machines; /* name of the worker -> its object, once */
	int64_t asked_ns, asked_us;
	VEC(struct worker) workers; /* deployed ones of the provider; name in the group's arena */
};

static const char *text_of(const json_t *machine, const char *name, const char *without)
{
	const char *text = json_string_value(json_object_get(machine, name));

	return text ? text : without;
}

static json_t *machine_of(const struct listed *l, const char *name)
{
	const uint64_t *found = map_get(&l->machines, name, strlen(name));

	return found ? (json_t *)(uintptr_t)*found : NULL;
}

static bool add_worker(void *context, const void *row_p)
{
	struct listed *l = context;
	struct worker row = *(const struct worker *)row_p;

	if (row.permanent == 1)
		return true;
	row.name = arena_strdup(&l->core->arena, row.name);
	vec_push(&l->workers, row);
	return true;
}

static void evict(struct core *core, struct worker_node *worker, const char *why)
{
	struct worker row = {.status = WORKER_EVICTED};

	log_warn(core->log, "worker %s is evicted: %s", worker->name, why);
	worker_change(core, worker, &row, BIT(WORKER_COL_status));
}

/* When it ends, where its provider says so: a number, or null for never. */
static void look_at_end(struct listed *l, struct worker_node *worker, const json_t *machine)
{
	const json_t *ends = json_object_get(machine, "ends");
	json_int_t seconds = json_integer_value(ends);

	if (json_is_null(ends))
		deadline_told(l->core, worker, DATE_NULL);
	else if (json_is_integer(ends) && seconds > 0 && seconds <= ENDS_MOST)
		deadline_told(l->core, worker, (int64_t)seconds * 1000000);
}

static void look_at_worker(struct listed *l, const struct worker *row)
{
	struct worker_node *worker = state_worker(&l->core->state, row->worker_id);
	json_t *machine = machine_of(l, row->name);
	const char *state = text_of(machine, "state", "gone");

	if (worker != NULL && worker->alive)
		look_at_end(l, worker, machine);
	/* It has spoken since: what was said is old. */
	if (worker == NULL || !worker->alive || row->creation_date >= l->asked_us ||
	    worker->heard_ns >= l->asked_ns || strcmp(state, "running") == 0)
		return;
	evict(l->core, worker, machine ? text_of(machine, "text", state) : "its machine is gone");
}

/* The worker of a job that its provider has done its part of. */
static void look_at_job(struct listed *l, struct job_node *job)
{
	struct core *core = l->core;
	const int64_t patience = core->options.join_seconds * SECOND_NS;
	json_t *machine = machine_of(l, job->target);
	const char *state = text_of(machine, "state", "gone");

	if (strcmp(state, "pending") == 0) {
		const char *why = arena_printf(&core->arena, "its machine is not there yet: %s",
		                               text_of(machine, "text", "no reason is told"));

		job->due_ns = core->now_ns + patience;
		job_set_progress(core, job, job->progress, why);
	} else if (strcmp(state, "running") != 0 && job->made_ns < l->asked_ns) {
		dispatch_fail(core, job,
		              machine ? text_of(machine, "text", state) : "its machine is gone",
		              false);
	}
}

/* It stood in the list, as it was there when that was asked for. */
static bool was_destroyed(const struct listed *l, const char *name)
{
	const struct watched *w = l->watched;

	for (size_t i = 0; i < w->destroyed.n; i++) {
		if (w->destroyed.v[i].at_ns >= l->asked_ns &&
		    strcmp(w->destroyed.v[i].name, name) == 0)
			return true;
	}
	return false;
}

/* A machine that this server made, and that no row speaks of. */
static void look_at_machine(struct listed *l, const char *name)
{
	struct core *core = l->core;
	struct worker gone = {.worker_id = INT_NULL, .name = name, .provider = l->provider};

	if (state_worker_named(&core->state, name) != NULL || job_is_open(&core->state, name) ||
	    was_destroyed(l, name))
		return;
	log_warn(core->log, "provider %s has %s, which nobody knows: it is destroyed", l->provider,
	         name);
	job_destroy(core, &gone, "nobody knows it");
}

static void compare(struct listed *l, json_t *machines)
{
	struct core *core = l->core;
	const size_t skip = strlen(dispatch_owner(core)) + 1;
	json_t *machine;
	size_t i;

	json_array_foreach(machines, i, machine)
	{
		const char *tag = text_of(machine, "tag", "");

		if (strlen(tag) > skip && strncmp(tag, dispatch_owner(core), skip - 1) == 0 &&
		    tag[skip - 1] == '-')
			*map_put(&l->machines, tag + skip, strlen(tag + skip), NULL) =
			        (uint64_t)(uintptr_t)machine;
	}
	for (i = 0; i < l->workers.n && !core->group_failed; i++)
		look_at_worker(l, &l->workers.v[i]);
	for (i = 0; i < core->state.jobs.n && !core->group_failed; i++) {
		struct job_node *job = core->state.jobs.v[i];

		if (job->made && job->status == JOB_RUNNING &&
		    strcmp(job->provider, l->provider) == 0)
			look_at_job(l, job);
	}
	json_array_foreach(machines, i, machine)
	{
		const char *tag = text_of(machine, "tag", "");

		if (strlen(tag) > skip && machine_of(l, tag + skip) == machine &&
		    !core->group_failed)
			look_at_machine(l, tag + skip);
	}
}

static bool has_jobs(const struct state *state, const char *provider)
{
	for (size_t i = 0; i < state->jobs.n; i++) {
		const struct job_node *job = state->jobs.v[i];

		if (job->provider != NULL && strcmp(job->provider, provider) == 0)
			return true;
	}
	return false;
}

void watch_listed(struct core *core, struct watch *watch, const char *provider, json_t *value,
                  int64_t asked_ns, int64_t asked_us)
{
	const struct store_filter filter = {
	        .field = WORKER_COL_provider, .op = STORE_EQ, .text = provider};
	const struct store_query query = {.table = TABLE_WORKER,
	                                  .filters = &filter,
	                                  .nfilters = 1,
	                                  .mask = BIT(WORKER_COL_worker_id) | BIT(WORKER_COL_name) |
	                                          BIT(WORKER_COL_permanent) |
	                                          BIT(WORKER_COL_creation_date)};
	struct watched *w = find(watch, provider);
	struct listed l = {.core = core,
	                   .provider = provider,
	                   .watched = w,
	                   .asked_ns = asked_ns,
	                   .asked_us = asked_us};
	json_t *machines = json_object_get(value, "workers");

	w->listing = false;
	if (!json_is_array(machines)) {
		watch_failed(core, provider, ORDER_LIST, "there is no array workers");
		return;
	}
	if (store_select(store_own(core->store), &query, add_worker, &l) == STORE_OK)
		compare(&l, machines);
	else
		core_failed(core, "the workers cannot be read");
	forget_destroyed(w, asked_ns);
	/* While there is nothing, nothing is asked. */
	w->list_ns =
	        json_array_size(machines) > 0 || l.workers.n > 0 || has_jobs(&core->state, provider)
	                ? core->now_ns + core->options.look_seconds * SECOND_NS
	                : INT64_MAX;
	map_release(&l.machines);
	vec_release(&l.workers);
}
