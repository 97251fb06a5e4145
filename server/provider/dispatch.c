#include "server/provider/dispatch.h"

#include "model/json.h"
#include "server/columns.h"
#include "server/provider/watch.h"
#include "server/record.h"
#include "server/token.h"
#include "store/store.h"

#include <string.h>

#define SECOND_NS INT64_C(1000000000)
/* Orders under way of one provider, and workers in one of them. */
#define ORDERS_MOST 4
#define WORKERS_MOST 100
/* Before the first attempt after a failure; twice as long before each further one. */
#define AGAIN_NS (2 * SECOND_NS)
/* What is left for the worker to do once its machine is there. */
#define MADE_PERCENT 90

/* An order that was handed out. */
struct flight {
	uint64_t number;
	enum order_verb verb;
	char *provider;
	int64_t began_ns, began_us;
	VEC(uint32_t) jobs;
};

struct jobs {
	const struct provider *provider; /* NULL: nobody does anything */
	struct timer timer;              /* when to look again */
	bool look;
	uint64_t last_order;
	struct watch *watch;
	char owner[40]; /* how the tags of this database begin; "" until it is known */
	VEC(struct order *) planned;
	VEC(struct flight *) flights;
};

static const enum order_verb verbs[JOB_ACTION_COUNT] = {ORDER_CREATE, ORDER_CREATE, ORDER_DESTROY};

struct jobs *jobs_new(const struct provider *provider)
{
	struct jobs *jobs = xcalloc(1, sizeof(*jobs));

	jobs->provider = provider;
	jobs->watch = watch_new();
	jobs->look = true;
	return jobs;
}

static void flight_free(struct flight *flight)
{
	free(flight->provider);
	vec_release(&flight->jobs);
	free(flight);
}

void jobs_free(struct core *core, struct jobs *jobs)
{
	jobs_forget(core);
	timer_cancel(&core->timers, &jobs->timer);
	for (size_t i = 0; i < jobs->flights.n; i++)
		flight_free(jobs->flights.v[i]);
	vec_release(&jobs->flights);
	vec_release(&jobs->planned);
	watch_free(jobs->watch);
	free(jobs);
}

void dispatch_look(struct core *core)
{
	core->jobs->look = true;
}

const char *dispatch_provider(const struct core *core, size_t i)
{
	const struct provider *p = core->jobs->provider;

	return p != NULL ? p->name(p->context, i) : NULL;
}

bool dispatch_knows(const struct core *core, const char *provider)
{
	const char *name = NULL;

	for (size_t i = 0; provider != NULL && (name = dispatch_provider(core, i)) != NULL; i++) {
		if (strcmp(name, provider) == 0)
			break;
	}
	return name != NULL;
}

struct watch *dispatch_watch(const struct core *core)
{
	return core->jobs->watch;
}

const char *dispatch_owner(const struct core *core)
{
	return core->jobs->owner;
}

uint64_t dispatch_order_of(const struct core *core, uint32_t job)
{
	for (size_t i = 0; i < core->jobs->flights.n; i++) {
		const struct flight *flight = core->jobs->flights.v[i];

		for (size_t k = 0; k < flight->jobs.n; k++) {
			if (flight->jobs.v[k] == job)
				return flight->number;
		}
	}
	return 0;
}

/* Planning. */

/* Those that are about jobs. */
static size_t orders_of(const struct jobs *jobs, const char *provider)
{
	size_t n = 0;

	for (size_t i = 0; i < jobs->flights.n; i++)
		n += jobs->flights.v[i]->jobs.n > 0 &&
		     strcmp(jobs->flights.v[i]->provider, provider) == 0;
	for (size_t i = 0; i < jobs->planned.n; i++)
		n += jobs->planned.v[i]->jobs.n > 0 &&
		     strcmp(jobs->planned.v[i]->provider, provider) == 0;
	return n;
}

static struct order *plan(struct core *core, enum order_verb verb, const char *provider,
                          const char *region, const char *flavor)
{
	struct jobs *jobs = core->jobs;
	struct order *order = xcalloc(1, sizeof(*order));

	order->number = ++jobs->last_order;
	order->verb = verb;
	order->provider = xstrdup(provider);
	order->request =
	        json_pack("{s:s, s:s, s:s, s:o, s:o, s:[]}", "verb", order_verb_words[verb],
	                  "provider", provider, "owner", jobs->owner, "region", json_text(region),
	                  "flavor", json_text(flavor), "workers");
	vec_push(&jobs->planned, order);
	return order;
}

void dispatch_ask(struct core *core, enum order_verb verb, const char *provider)
{
	plan(core, verb, provider, NULL, NULL);
}

static const char *request_text(const struct order *order, const char *name)
{
	return json_string_value(json_object_get(order->request, name));
}

/* An order that the job may join, or a new one; NULL: its provider has enough to do. */
static struct order *order_for(struct core *core, const struct job_node *job)
{
	struct jobs *jobs = core->jobs;
	enum order_verb verb = verbs[job->action];
	struct order *order;

	for (size_t i = 0; i < jobs->planned.n; i++) {
		order = jobs->planned.v[i];
		if (order->verb == verb && order->jobs.n < WORKERS_MOST &&
		    strcmp(order->provider, job->provider) == 0 &&
		    text_same(request_text(order, "region"), job->region) &&
		    text_same(request_text(order, "flavor"), job->flavor))
			return order;
	}
	if (orders_of(jobs, job->provider) >= ORDERS_MOST)
		return NULL;
	return plan(core, verb, job->provider, job->region, job->flavor);
}

/* What the provider is told of the worker. */
static json_t *describe(struct core *core, const struct job_node *job, const char *tag)
{
	json_t *worker = json_pack("{s:s, s:s}", "tag", tag, "name", job->target), *args;
	struct job row = {.job_id = job->id};
	char token[TOKEN_JOIN_SIZE];

	if (verbs[job->action] != ORDER_CREATE)
		return worker;
	if (!record_find(core, TABLE_JOB, &row) || !token_issue(core, job->target, token)) {
		core_failed(core, "a job has no row");
		return worker;
	}
	args = json_loads(row.args, 0, NULL);
	json_object_set_new(worker, "token", json_string(token));
	json_object_set(worker, "batch", json_object_get(args, "batch"));
	json_object_set(worker, "concurrency", json_object_get(args, "concurrency"));
	json_object_set(worker, "prefetch", json_object_get(args, "prefetch"));
	json_decref(args);
	return worker;
}

static void start(struct core *core, struct job_node *job, struct order *order)
{
	struct order_job entry = {.id = job->id};
	struct str tag = STR_INIT;

	str_addf(&tag, "%s-%s", core->jobs->owner, job->target);
	json_array_append_new(json_object_get(order->request, "workers"),
	                      describe(core, job, tag.p));
	entry.tag = tag.p;
	vec_push(&order->jobs, entry);
	job->order = order->number;
	if (job->status == JOB_PENDING)
		job_move(core, job, JOB_EVENT_START, NULL);
}

/* Something is under way for that name already, of which the job would know nothing. */
static bool is_taken(const struct state *state, const struct job_node *job)
{
	for (size_t i = 0; i < state->jobs.n; i++) {
		const struct job_node *other = state->jobs.v[i];

		if (other != job && other->order != 0 && strcmp(other->target, job->target) == 0)
			return true;
	}
	return false;
}

/* The worker that the job was to make is not to be, or to be no more. */
static void give_up(struct core *core, struct job_node *job, const char *why)
{
	struct worker gone = {.worker_id = INT_NULL,
	                      .name = job->target,
	                      .provider = job->provider,
	                      .region = job->region,
	                      .flavor = job->flavor};

	log_warn(core->log, "job %u, %s of %s by %s failed: %s", job->id,
	         job_action_words[job->action], job->target, job->provider, why);
	job_move(core, job, JOB_EVENT_FAIL, why);
	if (job->action != JOB_DESTROY)
		job_destroy(core, &gone, "what was made of it goes");
}

static void look(void *context, struct timer *timer)
{
	struct core *core = context;

	(void)timer;
	core->jobs->look = true;
}

/* The name of this database for others. False: the group failed. */
static bool know_owner(struct core *core)
{
	struct jobs *jobs = core->jobs;
	int64_t made;

	if (jobs->owner[0] != '\0')
		return true;
	if (store_made(store_own(core->store), &made) != STORE_OK)
		return core_failed(core, "the age of the database cannot be read");
	snprintf(jobs->owner, sizeof(jobs->owner), "scitq-%llx", (unsigned long long)made);
	return true;
}

/* Start it, or say when to look again. */
static int64_t consider(struct core *core, struct job_node *job)
{
	struct order *order;

	if (!job_is_to_do(job) || job->order != 0 || !dispatch_knows(core, job->provider))
		return INT64_MAX;
	if (core->ending && job->action != JOB_DESTROY) {
		give_up(core, job, "the server ends");
		return INT64_MAX;
	}
	if (job->made && job->due_ns <= core->now_ns) {
		give_up(core, job, "its worker did not register in time");
		return INT64_MAX;
	}
	if (job->due_ns > core->now_ns)
		return job->due_ns;
	if (is_taken(&core->state, job))
		return INT64_MAX;
	order = order_for(core, job);
	if (order != NULL)
		start(core, job, order);
	return INT64_MAX;
}

void jobs_run(struct core *core)
{
	struct jobs *jobs = core->jobs;
	int64_t next = INT64_MAX;

	if (!jobs->look)
		return;
	jobs->look = false;
	if (jobs->provider != NULL) {
		if (!know_owner(core))
			return;
		next = watch_run(core, jobs->watch);
	}
	for (size_t i = 0; i < core->state.jobs.n && !core->group_failed; i++) {
		int64_t at = consider(core, core->state.jobs.v[i]);

		next = at < next ? at : next;
	}
	jobs_sweep(&core->state);
	if (next < INT64_MAX)
		timer_set(&core->timers, &jobs->timer, next, look);
}

void jobs_launch(struct core *core)
{
	struct jobs *jobs = core->jobs;

	for (size_t i = 0; i < jobs->planned.n; i++) {
		struct order *order = jobs->planned.v[i];
		struct flight *flight = xcalloc(1, sizeof(*flight));

		flight->number = order->number;
		flight->verb = order->verb;
		flight->began_ns = core->now_ns;
		flight->began_us = core->now_us;
		flight->provider = xstrdup(order->provider);
		for (size_t k = 0; k < order->jobs.n; k++)
			vec_push(&flight->jobs, order->jobs.v[k].id);
		vec_push(&jobs->flights, flight);
		jobs->provider->take(jobs->provider->context, core, order);
	}
	jobs->planned.n = 0;
}

void jobs_forget(struct core *core)
{
	struct jobs *jobs = core->jobs;

	for (size_t i = 0; i < jobs->planned.n; i++)
		order_free(jobs->planned.v[i]);
	jobs->planned.n = 0;
	jobs->look = true;
	watch_forget(jobs->watch);
}

void jobs_end(struct core *core)
{
	jobs_deposed(core);
	core->jobs->look = true;
}

bool jobs_are_open(const struct core *core)
{
	for (size_t i = 0; i < core->state.jobs.n; i++) {
		const struct job_node *job = core->state.jobs.v[i];

		if (job->order != 0 || (job_is_to_do(job) && dispatch_knows(core, job->provider)))
			return true;
	}
	return false;
}

void jobs_deposed(struct core *core)
{
	const struct provider *p = core->jobs->provider;

	if (p != NULL)
		p->cancel(p->context);
}

/* Reports. */

void dispatch_fail(struct core *core, struct job_node *job, const char *why, bool final)
{
	const int64_t tries = job_retries[job->action] - job->retry;

	job_log(core, job, arena_printf(&core->arena, "failed: %s\n", why));
	job->order = 0;
	job->made = false;
	if (final || job->retry <= 0) {
		give_up(core, job, why);
		return;
	}
	job->retry--;
	job->due_ns = core->now_ns + (AGAIN_NS << (tries > 0 ? tries : 0));
	job_move(core, job, JOB_EVENT_RETRY, why);
}

static void done(struct core *core, struct job_node *job)
{
	job->order = 0;
	if (job->action == JOB_DESTROY) {
		watch_destroyed(core, core->jobs->watch, job->provider, job->target);
		job_move(core, job, JOB_EVENT_SUCCEED, NULL);
		return;
	}
	job->made = true;
	job->made_ns = core->now_ns;
	job->due_ns = core->now_ns + core->options.join_seconds * SECOND_NS;
	job_set_progress(core, job, MADE_PERCENT, "its worker is awaited");
	dispatch_look(core);
}

static void end(struct core *core, uint64_t order)
{
	for (size_t i = 0; i < core->state.jobs.n; i++) {
		struct job_node *job = core->state.jobs.v[i];

		if (job->order == order)
			job->order = 0;
	}
}

static const struct flight *find_flight(const struct jobs *jobs, uint64_t order)
{
	for (size_t i = 0; i < jobs->flights.n; i++) {
		if (jobs->flights.v[i]->number == order)
			return jobs->flights.v[i];
	}
	return NULL;
}

/* Of an order without jobs. */
static void take_answer(struct core *core, const struct report *report)
{
	struct watch *watch = core->jobs->watch;
	const struct flight *flight = find_flight(core->jobs, report->order);

	if (flight == NULL)
		return;
	if (report->kind == REPORT_FAILED)
		watch_failed(core, flight->provider, flight->verb, report->text);
	else if (report->kind == REPORT_DONE && flight->verb == ORDER_LIST)
		watch_listed(core, watch, flight->provider, report->value, flight->began_ns,
		             flight->began_us);
	else if (report->kind == REPORT_DONE)
		watch_offered(core, watch, flight->provider, report->value);
}

static void take_of_job(struct core *core, struct job_node *job, const struct report *report)
{
	switch (report->kind) {
	case REPORT_PROGRESS:
		if (job->status == JOB_RUNNING)
			job_set_progress(core, job, report->percent * MADE_PERCENT / 100,
			                 report->text);
		break;
	case REPORT_LOG:
		job_log(core, job, report->text);
		break;
	case REPORT_DONE:
	case REPORT_FAILED:
		watch_stir(core, core->jobs->watch, job->provider);
		/* Where it is done already its worker was quicker. */
		if (job->status != JOB_RUNNING)
			job->order = 0;
		else if (report->kind == REPORT_DONE)
			done(core, job);
		else
			dispatch_fail(core, job, report->text, report->final);
		break;
	case REPORT_END:
		break;
	}
}

static void take(struct core *core, struct core_message *message)
{
	const struct report *report = (const struct report *)message;
	struct job_node *job = job_find(&core->state, report->job);

	dispatch_look(core);
	if (report->kind == REPORT_END)
		end(core, report->order);
	else if (report->job == 0)
		take_answer(core, report);
	else if (job != NULL && job->order == report->order)
		take_of_job(core, job, report);
}

static void forget_flight(struct jobs *jobs, uint64_t order)
{
	for (size_t i = 0; i < jobs->flights.n; i++) {
		if (jobs->flights.v[i]->number == order) {
			flight_free(jobs->flights.v[i]);
			jobs->flights.v[i] = jobs->flights.v[--jobs->flights.n];
			return;
		}
	}
}

/* On the core thread, taken or not. */
static void report_free(struct core_message *message)
{
	struct report *report = (struct report *)message;

	if (report->kind == REPORT_END)
		forget_flight(report->core->jobs, report->order);
	free(report->text);
	json_decref(report->value);
	free(report);
}

void report_send(const struct report *report)
{
	struct report *copy = xmalloc(sizeof(*copy));

	*copy = *report;
	copy->message = (struct core_message){.take = take, .free = report_free};
	core_tell(copy->core, &copy->message);
}

const char *const order_verb_words[ORDER_VERB_COUNT] = {"create", "destroy", "list", "flavors"};

void order_free(struct order *order)
{
	for (size_t i = 0; i < order->jobs.n; i++)
		free(order->jobs.v[i].tag);
	vec_release(&order->jobs);
	free(order->provider);
	json_decref(order->request);
	free(order);
}
