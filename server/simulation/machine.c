#include "server/simulation/machine.h"

#include "model/json.h"
#include "model/member.h"
#include "model/weight.h"
#include "server/handlers.h"
#include "server/recruit/offers.h"
#include "store/store.h"

#include <math.h>
#include <string.h>

/* Of a call that waits, as a worker asks for it. */
#define WAIT_SECONDS 25.0

static timer_function begin, finish;

static int64_t after(const struct simulation *s, double seconds)
{
	return s->now_ns + (int64_t)(seconds * 1e9);
}

struct machine_node *machine_new(struct simulation *s, const char *name)
{
	struct machine_node *machine = xcalloc(1, sizeof(*machine));

	machine->simulation = s;
	machine->number = ++s->last_machine;
	machine->name = xstrdup(name);
	machine->concurrency = 1;
	machine->cpus = (double)NAN;
	machine->gpus = INT_NULL;
	machine->events = json_array();
	vec_push(&s->machines, machine);
	return machine;
}

static void drop_held(struct machine_node *machine, size_t i)
{
	struct held *held = machine->held.v[i];

	timer_cancel(&machine->simulation->timers, &held->timer);
	if (held->begun)
		machine->used -= held->weight;
	memmove(&machine->held.v[i], &machine->held.v[i + 1],
	        (--machine->held.n - i) * sizeof(*machine->held.v));
	free(held);
}

void machine_free(struct machine_node *machine)
{
	while (machine->held.n > 0)
		drop_held(machine, machine->held.n - 1);
	timer_cancel(&machine->simulation->timers, &machine->boot);
	vec_release(&machine->held);
	json_decref(machine->events);
	free(machine->name);
	free(machine->provider);
	free(machine->flavor);
	free(machine->region);
	free(machine->batch);
	free(machine);
}

void machine_boot(struct machine_node *machine, double seconds)
{
	if (isfinite(seconds))
		timer_set(&machine->simulation->timers, &machine->boot,
		          after(machine->simulation, seconds), begin);
}

static json_int_t gpus_of(const struct machine_node *machine)
{
	struct flavor flavor = {.name = machine->flavor, .provider = machine->provider};
	struct arena arena;
	double gpus = 0;

	if (machine->gpus != INT_NULL)
		return machine->gpus;
	arena_init(&arena);
	if (machine->flavor != NULL && machine->provider != NULL &&
	    store_get(store_own(machine->simulation->store), TABLE_FLAVOR, &flavor, STORE_ALL,
	              &arena) == STORE_OK)
		gpus = offers_gpus(&flavor);
	arena_release(&arena);
	return isnan(gpus) ? 0 : (json_int_t)gpus;
}

static void begin(void *context, struct timer *timer)
{
	struct machine_node *machine = timer_owner(timer, struct machine_node, boot);
	json_t *body = json_pack("{s:s, s:s, s:s, s:I}", "name", machine->name, "instance",
	                         machine->name, "boot_id", machine->name, "concurrency",
	                         (json_int_t)machine->concurrency);

	(void)context;
	if (machine->batch != NULL)
		json_object_set_new(body, "batch", json_string(machine->batch));
	if (!isnan(machine->cpus))
		json_object_set_new(body, "cpus", json_real(machine->cpus));
	json_object_set_new(body, "gpus", json_integer(gpus_of(machine)));
	machine->calls++;
	simulation_submit(machine->simulation, machine->number, handle_worker_register, 0, NULL,
	                  body);
}

static void ask(struct machine_node *machine)
{
	json_t *have = json_array();

	for (size_t i = 0; i < machine->held.n; i++)
		json_array_append_new(have,
		                      json_integer((json_int_t)machine->held.v[i]->execution));
	machine->calls++;
	simulation_submit(machine->simulation, machine->number, handle_worker_lease,
	                  machine->worker, NULL,
	                  json_pack("{s:I, s:o, s:o, s:f}", "epoch", (json_int_t)machine->epoch,
	                            "have", have, "events", machine->events, "wait", WAIT_SECONDS));
	machine->events = json_array();
}

static json_t *event_of(const struct held *held, int seq, const char *type)
{
	return json_pack("{s:I, s:I, s:i, s:s}", "execution_id", (json_int_t)held->execution,
	                 "epoch", (json_int_t)held->epoch, "seq", seq, "type", type);
}

/* What fits is begun, in the order in which it was granted. */
static void begin_held(struct machine_node *machine)
{
	for (size_t i = 0; i < machine->held.n; i++) {
		struct held *held = machine->held.v[i];

		if (held->begun)
			continue;
		if (machine->used + held->weight > 1 + WEIGHT_EPSILON)
			break;
		held->begun = true;
		machine->used += held->weight;
		json_array_append_new(machine->events, event_of(held, 1, "started"));
		timer_set(&machine->simulation->timers, &held->timer,
		          after(machine->simulation, held->end.seconds), finish);
	}
}

static void finish(void *context, struct timer *timer)
{
	struct held *held = timer_owner(timer, struct held, timer);
	struct machine_node *machine = held->machine;
	json_t *event = event_of(held, 2, "finished");

	(void)context;
	json_object_set_new(event, "status",
	                    json_string(held->end.failed ? "failed" : "succeeded"));
	json_object_set_new(event, "return_code", json_integer(held->end.failed));
	if (held->end.failed)
		json_object_set_new(event, "reason", json_string("exit"));
	json_array_append_new(machine->events, event);
	for (size_t i = 0; i < machine->held.n; i++) {
		if (machine->held.v[i] == held) {
			drop_held(machine, i);
			break;
		}
	}
	begin_held(machine);
	ask(machine);
}

static struct held *find_held(const struct machine_node *machine, int64_t execution)
{
	for (size_t i = 0; i < machine->held.n; i++) {
		if (machine->held.v[i]->execution == execution)
			return machine->held.v[i];
	}
	return NULL;
}

static void take_grant(struct machine_node *machine, const json_t *grant)
{
	const struct simulation_options *options = &machine->simulation->options;
	int64_t execution = member_int(grant, "execution_id");
	struct held *held;

	/* It is repeated until the worker says that it has it. */
	if (find_held(machine, execution) != NULL)
		return;
	held = xcalloc(1, sizeof(*held));
	held->machine = machine;
	held->execution = execution;
	held->epoch = member_int(grant, "epoch");
	held->weight = json_number_value(json_object_get(grant, "weight"));
	held->end = options->execute(options->context, grant);
	vec_push(&machine->held, held);
}

static void forget(struct machine_node *machine, int64_t execution)
{
	for (size_t i = 0; i < machine->held.n; i++) {
		if (machine->held.v[i]->execution == execution) {
			drop_held(machine, i);
			return;
		}
	}
}

static void take_answer(struct machine_node *machine, const json_t *answer)
{
	json_t *item;
	size_t i;

	if (machine->worker == 0) {
		machine->worker = member_int(answer, "worker_id");
		machine->epoch = member_int(answer, "epoch");
		return;
	}
	json_array_foreach(json_object_get(answer, "forget"), i, item)
	{
		forget(machine, json_integer_value(item));
	}
	json_array_foreach(json_object_get(answer, "grants"), i, item)
	{
		take_grant(machine, item);
	}
	begin_held(machine);
}

void machine_answered(struct machine_node *machine, struct call *call)
{
	struct problem ignored = {0};
	json_t *answer;

	machine->calls--;
	/* Who is fenced off has nothing more to say; who could not be answered comes again. */
	if (call->status == problem_http_status(PROBLEM_UNAVAILABLE)) {
		machine_boot(machine, 1);
		machine->worker = 0;
		return;
	}
	if (call->status >= 300)
		return;
	answer = json_parse(call->reply.p, call->reply.len, &ignored);
	take_answer(machine, answer);
	json_decref(answer);
	if (machine->calls == 0)
		ask(machine);
}
