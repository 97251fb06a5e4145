#include "server/simulation/simulation.h"

#include "base/fd.h"
#include "model/json.h"
#include "server/handlers.h"
#include "server/provider/order.h"
#include "server/simulation/machine.h"
#include "store/store.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A provider answers no sooner. */
#define ORDER_NS INT64_C(1000000000)
#define BEGIN_NS INT64_C(1000000000)

static int64_t clock_ns(void *context)
{
	return ((struct simulation *)context)->now_ns;
}

static int64_t date_us(void *context)
{
	struct simulation *s = context;

	return s->options.date_us + (s->now_ns - BEGIN_NS) / 1000;
}

static struct machine_node *machine_numbered(const struct simulation *s, uint64_t number)
{
	for (size_t i = 0; i < s->machines.n; i++) {
		if (s->machines.v[i]->number == number)
			return s->machines.v[i];
	}
	return NULL;
}

static bool hung_up(void *context, const struct call *call)
{
	return machine_numbered(context, (uint64_t)(uintptr_t)call->waiter) == NULL;
}

/* Calls. */

static void answered(struct call *call)
{
	struct simulation *s = call->connection;

	vec_push(&s->answered, call);
}

struct call *simulation_submit(struct simulation *s, uint64_t machine, call_handler *handler,
                               int64_t id, const char *name, json_t *body)
{
	struct call *call = xcalloc(1, sizeof(*call));

	arena_init(&call->arena);
	str_init(&call->raw);
	str_init(&call->reply);
	call->body = body ? body : json_object();
	call->ids[0] = id;
	call->names[0] = name;
	call->ours = true;
	call->user = "";
	call->waiter = (void *)(uintptr_t)machine;
	call->connection = s;
	call->answered = answered;
	core_submit(s->core, call, handler);
	return call;
}

static void call_free(struct call *call)
{
	json_decref(call->body);
	str_release(&call->raw);
	str_release(&call->reply);
	arena_release(&call->arena);
	free(call);
}

/* Machines hear what they were answered. */
static void hand_out(struct simulation *s)
{
	for (size_t i = 0; i < s->answered.n; i++) {
		struct call *call = s->answered.v[i];
		struct machine_node *machine =
		        machine_numbered(s, (uint64_t)(uintptr_t)call->waiter);

		if (machine != NULL)
			machine_answered(machine, call);
		call_free(call);
	}
	s->answered.n = 0;
}

int simulation_call(struct simulation *s, call_handler *handler, int64_t id, const char *name,
                    json_t *body, json_t **reply)
{
	struct problem problem = {0};
	struct call *call = simulation_submit(s, 0, handler, id, name, body);
	int status = 0;

	while (status == 0) {
		core_step(s->core);
		for (size_t i = 0; i < s->answered.n && status == 0; i++) {
			if (s->answered.v[i] != call)
				continue;
			status = call->status;
			if (reply != NULL)
				*reply = json_parse(call->reply.p, call->reply.len, &problem);
		}
		hand_out(s);
	}
	return status;
}

/* The provider. */

struct timed_order {
	struct simulation *simulation;
	struct order *order;
	struct timer timer;
};

static void order_drop(struct simulation *s, struct timed_order *timed)
{
	for (size_t i = 0; i < s->orders.n; i++) {
		if (s->orders.v[i] == timed) {
			s->orders.v[i] = s->orders.v[--s->orders.n];
			break;
		}
	}
	timer_cancel(&s->timers, &timed->timer);
	order_free(timed->order);
	free(timed);
}

static size_t machine_place(const struct simulation *s, const char *name)
{
	size_t i = 0;

	while (i < s->machines.n && strcmp(s->machines.v[i]->name, name) != 0)
		i++;
	return i;
}

static void machine_drop(struct simulation *s, size_t i)
{
	struct machine_node *machine = s->machines.v[i];

	s->machines.v[i] = s->machines.v[--s->machines.n];
	machine_free(machine);
}

static char *copy(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? xstrdup(text) : NULL;
}

/* NULL, or why it cannot be done. */
static const char *make(struct simulation *s, const struct order *order, const char *name)
{
	struct machine_node *machine;
	double seconds;

	if (machine_place(s, name) < s->machines.n)
		return NULL;
	seconds = s->options.boot(s->options.context, order->request);
	if (seconds < 0)
		return "there is no machine to be had";
	machine = machine_new(s, name);
	machine->is_made = true;
	machine->provider = xstrdup(order->provider);
	machine->flavor = copy(order->request, "flavor");
	machine->region = copy(order->request, "region");
	machine_boot(machine, seconds);
	return NULL;
}

static void destroy(struct simulation *s, const char *name)
{
	size_t i = machine_place(s, name);

	if (i < s->machines.n)
		machine_drop(s, i);
}

static json_t *list(const struct simulation *s, const struct order *order)
{
	const char *owner = json_string_value(json_object_get(order->request, "owner"));
	json_t *workers = json_array();

	for (size_t i = 0; i < s->machines.n; i++) {
		struct str tag = STR_INIT;

		if (!s->machines.v[i]->is_made ||
		    strcmp(s->machines.v[i]->provider, order->provider) != 0)
			continue;
		str_addf(&tag, "%s-%s", owner, s->machines.v[i]->name);
		json_array_append_new(workers,
		                      json_pack("{s:s, s:s}", "tag", tag.p, "state", "running"));
		str_release(&tag);
	}
	return json_pack("{s:o}", "workers", workers);
}

static void report(struct simulation *s, const struct order *order, uint32_t job, const char *why,
                   json_t *value)
{
	const struct report row = {.core = s->core,
	                           .kind = why ? REPORT_FAILED : REPORT_DONE,
	                           .order = order->number,
	                           .job = job,
	                           .final = true,
	                           .text = why ? xstrdup(why) : NULL,
	                           .value = value};

	report_send(&row);
}

static void carry_out(void *context, struct timer *timer)
{
	struct timed_order *timed = timer_owner(timer, struct timed_order, timer);
	struct simulation *s = context;
	const struct order *order = timed->order;
	json_t *workers = json_object_get(order->request, "workers");

	for (size_t i = 0; i < order->jobs.n; i++) {
		const char *name =
		        json_string_value(json_object_get(json_array_get(workers, i), "name"));
		const char *why = NULL;

		if (order->verb == ORDER_CREATE)
			why = make(s, order, name);
		else
			destroy(s, name);
		report(s, order, order->jobs.v[i].id, why, NULL);
	}
	if (order->verb == ORDER_LIST)
		report(s, order, 0, NULL, list(s, order));
	else if (order->verb == ORDER_OFFERS)
		report(s, order, 0, NULL, s->options.offers(s->options.context, order->provider));
	report_send(&(struct report){.core = s->core, .kind = REPORT_END, .order = order->number});
	order_drop(s, timed);
}

static const char *provider_name(void *context, size_t i)
{
	const struct simulation *s = context;

	return s->options.providers[i];
}

static void take_order(void *context, struct core *core, struct order *order)
{
	struct simulation *s = context;
	struct timed_order *timed = xcalloc(1, sizeof(*timed));

	(void)core;
	timed->simulation = s;
	timed->order = order;
	vec_push(&s->orders, timed);
	timer_set(&s->timers, &timed->timer, s->now_ns + ORDER_NS, carry_out);
}

static void cancel(void *context)
{
	(void)context;
}

/* The whole. */

static bool is_waiting(struct core *core)
{
	bool waits;

	pthread_mutex_lock(&core->lock);
	waits = core->queue.n > 0 || core->told != NULL || core->again;
	pthread_mutex_unlock(&core->lock);
	return waits;
}

static bool start(struct simulation *s, struct problem *problem)
{
	const struct store_options fleeting = {.fleeting = true};
	char uri[128];

	snprintf(uri, sizeof(uri), "sqlite:///%s/scitq.db", s->directory);
	s->store = store_open(uri, &fleeting, problem);
	if (s->store == NULL)
		return false;
	s->core = core_new(s->store, &s->options.core, s->options.log);
	return core_load(s->core, problem);
}

static void stop(struct simulation *s)
{
	while (s->orders.n > 0)
		order_drop(s, s->orders.v[0]);
	if (s->core != NULL) {
		while (is_waiting(s->core))
			core_step(s->core);
		core_end(s->core);
		core_free(s->core);
	}
	if (s->store != NULL)
		store_close(s->store);
	s->core = NULL;
	s->store = NULL;
}

struct simulation *simulation_new(const struct simulation_options *options, struct problem *problem)
{
	struct simulation *s = xcalloc(1, sizeof(*s));
	const char *place = temporary_place();

	s->options = *options;
	s->now_ns = BEGIN_NS;
	s->provider = xcalloc(1, sizeof(*s->provider));
	*s->provider = (struct provider){provider_name, take_order, cancel, s};
	s->options.core.clock_ns = clock_ns;
	s->options.core.date_us = date_us;
	s->options.core.hung_up = hung_up;
	s->options.core.provider = s->provider;
	s->options.core.context = s;
	snprintf(s->directory, sizeof(s->directory), "%s/scitq-simulation-XXXXXX",
	         strlen(place) < 32 ? place : "/tmp");
	if (mkdtemp(s->directory) == NULL) {
		problem_set(problem, PROBLEM_UNAVAILABLE, "cannot make %s: %s", s->directory,
		            strerror(errno));
		s->directory[0] = '\0';
	} else if (start(s, problem)) {
		return s;
	}
	simulation_free(s);
	return NULL;
}

void simulation_free(struct simulation *s)
{
	stop(s);
	hand_out(s);
	while (s->machines.n > 0)
		machine_drop(s, 0);
	if (s->directory[0] != '\0')
		(void)tree_remove(s->directory);
	vec_release(&s->machines);
	vec_release(&s->answered);
	vec_release(&s->orders);
	timers_release(&s->timers);
	free(s->provider);
	free(s);
}

struct core *simulation_core(struct simulation *s)
{
	return s->core;
}

double simulation_seconds(const struct simulation *s)
{
	return (double)(s->now_ns - BEGIN_NS) / 1e9;
}

void simulation_worker(struct simulation *s, const char *name, const char *batch,
                       int64_t concurrency, double cpus, int64_t gpus)
{
	struct machine_node *machine = machine_new(s, name);

	machine->batch = xstrdup(batch);
	machine->concurrency = concurrency;
	machine->cpus = cpus;
	machine->gpus = gpus;
	machine_boot(machine, 0);
}

bool simulation_restart(struct simulation *s, struct problem *problem)
{
	stop(s);
	if (!start(s, problem))
		return false;
	hand_out(s);
	return true;
}

bool simulation_step(struct simulation *s, double until)
{
	const int64_t end = isfinite(until) ? BEGIN_NS + (int64_t)(until * 1e9) : INT64_MAX - 1;
	int64_t next = timers_next(&s->timers), of_core = timers_next(&s->core->timers);

	next = of_core < next ? of_core : next;
	if (!is_waiting(s->core)) {
		if (next > end) {
			s->now_ns = end > s->now_ns ? end : s->now_ns;
			return false;
		}
		s->now_ns = next > s->now_ns ? next : s->now_ns;
	}
	timers_run(&s->timers, s->now_ns, s);
	core_step(s->core);
	hand_out(s);
	return true;
}

size_t simulation_machines(const struct simulation *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->machines.n; i++)
		n += s->machines.v[i]->is_made;
	return n;
}

/* The place of the ith of them. */
static size_t made_place(const struct simulation *s, size_t i)
{
	size_t at = 0;

	while (!s->machines.v[at]->is_made || i-- > 0)
		at++;
	return at;
}

const char *simulation_machine(const struct simulation *s, size_t i)
{
	return s->machines.v[made_place(s, i)]->name;
}

size_t simulation_machines_at(const struct simulation *s, const char *provider, const char *flavor,
                              const char *region)
{
	size_t n = 0;

	for (size_t i = 0; i < s->machines.n; i++) {
		const struct machine_node *machine = s->machines.v[i];

		n += machine->is_made && strcmp(machine->provider, provider) == 0 &&
		     machine->flavor != NULL && strcmp(machine->flavor, flavor) == 0 &&
		     machine->region != NULL && strcmp(machine->region, region) == 0;
	}
	return n;
}

void simulation_evict(struct simulation *s, size_t i, bool told)
{
	size_t at = made_place(s, i);
	int64_t worker = s->machines.v[at]->worker;

	machine_drop(s, at);
	if (told && worker != 0)
		simulation_call(s, handle_worker_update, worker, NULL,
		                json_pack("{s:s}", "status", "evicted"), NULL);
}
