#include "server/lease.h"

#include "model/json.h"
#include "server/change.h"
#include "server/columns.h"
#include "server/contact.h"
#include "server/deadline.h"
#include "server/event.h"
#include "server/filter.h"
#include "server/grant.h"
#include "server/handlers.h"
#include "server/hire.h"
#include "server/job.h"
#include "server/ping.h"
#include "server/record.h"
#include "server/recruit/recruit.h"
#include "server/signals.h"
#include "server/token.h"

#include <string.h>

#define SECOND_NS INT64_C(1000000000)
#define POLL_SECONDS 25
/* Calls of one worker overlap: one may have been sent before the answer to another, which granted
   something, was there. */
#define OVERLAP_NS (60 * SECOND_NS)

/* A call must not wait so long that its worker looks silent. */
static int64_t poll_seconds(const struct core *core)
{
	int64_t half = core->options.offline_seconds / 2;

	return half < 1 ? 1 : half < POLL_SECONDS ? half : POLL_SECONDS;
}

static char *copy_text(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static bool read_register(struct call *call, struct worker *row, const char **own)
{
	uint64_t set;

	*own = NULL;
	if (call->joins) {
		if (!json_member_text(call->body, JOIN_OWN, own, &call->problem))
			return false;
		*own = *own ? arena_strdup(&call->arena, *own) : NULL;
		json_object_del(call->body, JOIN_OWN);
	}
	if (!row_from_json(table_get(TABLE_WORKER), call->body, ROW_CREATE, row, &set, &call->arena,
	                   &call->problem))
		return false;
	if (row->concurrency < 1)
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   "concurrency is %lld, it must be at least 1",
		                   (long long)row->concurrency);
	if (row->instance == NULL || row->boot_id == NULL)
		return problem_set(&call->problem, PROBLEM_MISSING_FIELD,
		                   "a worker that registers needs %s",
		                   row->instance ? "boot_id" : "instance");
	if (row->name[0] == '\0')
		return problem_set(&call->problem, PROBLEM_BAD_VALUE, "name is empty");
	if (row->batch != NULL && strchr(row->batch, '/') != NULL)
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   "batch is \"%.80s\", it must not hold a /", row->batch);
	return true;
}

/* The old session ends; what a supervisor that is gone held is lost. */
static void take_over(struct core *core, struct worker_node *worker, const struct worker *row)
{
	struct call *older = lease_take(core, worker);

	if (older != NULL)
		core_refuse(core, older, PROBLEM_FENCED,
		            "another session of worker %s has begun: this one ends", worker->name);
	if (!text_same(worker->instance, row->instance) ||
	    !text_same(worker->boot_id, row->boot_id))
		contact_lose(core, worker, LOSS_COUNTS);
}

/* A job made it, and not its own command line. */
static bool is_deployed(struct core *core, const struct worker_node *worker)
{
	struct worker row = {.worker_id = worker->id};

	return record_find(core, TABLE_WORKER, &row) && row.provider != NULL && row.permanent != 1;
}

void handle_worker_register(struct core *core, struct call *call)
{
	const uint64_t all = BIT(WORKER_COL_concurrency) | BIT(WORKER_COL_prefetch) |
	                     BIT(WORKER_COL_batch) | BIT(WORKER_COL_permanent) |
	                     BIT(WORKER_COL_flavor) | BIT(WORKER_COL_region) |
	                     BIT(WORKER_COL_provider) | BIT(WORKER_COL_home);
	uint64_t mask = BIT(WORKER_COL_hostname) | BIT(WORKER_COL_boot_id) |
	                BIT(WORKER_COL_instance) | BIT(WORKER_COL_cpus) | BIT(WORKER_COL_ram) |
	                BIT(WORKER_COL_gpus) | BIT(WORKER_COL_epoch) | BIT(WORKER_COL_leases) |
	                BIT(WORKER_COL_life) | BIT(WORKER_COL_status) |
	                BIT(WORKER_COL_modification_date) | BIT(WORKER_COL_last_contact_date);
	struct worker_node *worker;
	struct job_node *job;
	struct worker row;
	const char *own;
	bool again = false;

	if (!read_register(call, &row, &own) || !job_admits(core, call, &row, &job)) {
		if (!core->group_failed)
			core_problem(core, call);
		return;
	}
	if (!core_write(core) || (call->joins && !token_exchange(core, call, row.name, own)))
		return;
	worker = state_worker_named(&core->state, row.name);
	if (worker != NULL) {
		again = text_same(worker->instance, row.instance);
		take_over(core, worker, &row);
		/* It may come back for another batch, or as another machine. */
		if (!again && !hire_charge(core, worker))
			return;
		row.worker_id = worker->id;
	} else {
		row.worker_id = ++core->state.last_worker;
		worker = state_worker_add(&core->state, (uint32_t)row.worker_id, row.name);
		contact_begin(core, worker);
		row.creation_date = worker->since_us = core->now_us;
		row.status = WORKER_RUNNING;
		mask = 0;
	}
	worker->leases = true;
	worker->alive = true;
	worker->offline = false;
	worker->epoch++;
	free(worker->instance);
	free(worker->boot_id);
	worker->instance = copy_text(row.instance);
	worker->boot_id = copy_text(row.boot_id);
	worker->cpus = row.cpus;
	worker->ram = row.ram;
	worker->gpus = row.gpus;
	if (job != NULL)
		job_joined(core, job);
	/* The same supervisor with a new agent, or the machine of a job begins anew: what was
	   changed here meanwhile stands. */
	if (!again && (mask == 0 || job != NULL || !is_deployed(core, worker))) {
		mask |= mask ? all : 0;
		worker->concurrency = row.concurrency;
		worker->prefetch = row.prefetch;
		state_worker_serve(&core->state, worker, row.batch);
	}
	row.epoch = worker->epoch;
	row.leases = true;
	row.life = "alive";
	row.status = (int8_t)worker_status_of(worker);
	row.modification_date = row.last_contact_date = core->now_us;
	/* The same supervisor may say what was true when it began. */
	if (!again) {
		mask |= mask ? BIT(WORKER_COL_end_date) : 0;
		deadline_set(core, worker, row.end_date);
	}
	if (mask == 0)
		record_insert(core, TABLE_WORKER, &row);
	else
		record_update(core, TABLE_WORKER, &row, mask);
	if (!again)
		recruit_lasts(core, worker);
	contact_made(core, worker);
	state_worker_weigh(&core->state, worker);
	core_reply(core, call, 201,
	           json_pack("{s:I, s:I, s:I, s:I, s:b}", "worker_id", (json_int_t)worker->id,
	                     "epoch", (json_int_t)worker->epoch, "lease",
	                     (json_int_t)core->options.lease_seconds, "poll",
	                     (json_int_t)poll_seconds(core), "shutdown", core->ending));
}

void lease_look(struct core *core, struct worker_node *worker)
{
	if (worker->looked || worker->waiting == NULL)
		return;
	worker->looked = true;
	vec_push(&core->asking, worker);
}

void lease_answer(struct core *core, struct worker_node *worker)
{
	if (worker->waiting == NULL)
		return;
	worker->answer = true;
	lease_look(core, worker);
}

/* The reply under construction. */
static json_t *reply_of(struct worker_node *worker)
{
	if (worker->reply == NULL)
		worker->reply = json_object();
	return worker->reply;
}

void lease_grant(struct core *core, struct worker_node *worker, struct execution_node *execution,
                 const struct task *task)
{
	execution->granted_ns = core->now_ns;
	grant_print(&worker->grants, execution, task);
	lease_answer(core, worker);
}

/* The same once more: what the first grant said stands, whatever became of the task's row since. */
static void grant_again(struct core *core, struct worker_node *worker,
                        struct execution_node *execution)
{
	struct execution frozen;
	struct task task;
	uint32_t left;

	if (!grant_read(core, execution->task, state_task(&core->state, execution->task), &task,
	                &left) ||
	    !record_execution(core, execution->id, &frozen))
		return;
	task.command = frozen.command;
	task.container = frozen.container;
	task.container_options = frozen.container_options;
	task.input = frozen.input;
	task.output = frozen.output_uri;
	task.resource = frozen.resource;
	lease_grant(core, worker, execution, &task);
}

/* What is said of results, logs and executions to forget goes. */
static void drop_reply(struct worker_node *worker)
{
	json_decref(worker->reply);
	worker->reply = NULL;
	str_release(&worker->grants);
}

struct call *lease_take(struct core *core, struct worker_node *worker)
{
	struct call *call = worker->waiting;

	worker->waiting = NULL;
	worker->answer = false;
	worker->extra = 0;
	drop_reply(worker);
	timer_cancel(&core->timers, &worker->poll);
	state_worker_place(&core->state, worker);
	return call;
}

bool lease_stands(struct core *core, struct worker_node *worker)
{
	const struct core_options *options = &core->options;
	struct call *call = worker->waiting;

	/* Asked once for all that one reply grants. */
	if (call == NULL || worker->grants.len > 0)
		return true;
	if (options->hung_up != NULL && options->hung_up(options->context, call)) {
		lease_take(core, worker);
		core_refuse(core, call, PROBLEM_UNAVAILABLE, "worker %s has hung up", worker->name);
		return false;
	}
	if (options->admitted != NULL && !options->admitted(options->context, call)) {
		lease_take(core, worker);
		core_refuse(core, call, PROBLEM_UNAUTHORIZED, "the token is not valid any more");
		return false;
	}
	return true;
}

void lease_forget(struct core *core, struct worker_node *worker)
{
	for (size_t i = 0; i < core->asking.n; i++) {
		if (core->asking.v[i] == worker) {
			core->asking.v[i] = core->asking.v[--core->asking.n];
			return;
		}
	}
}

/* The shortest lease of what it holds: it stops everything when that is over. */
static int64_t lease_of(const struct core *core, const struct worker_node *worker)
{
	const struct execution_list *lists[] = {&worker->running, &worker->spare};
	int64_t lease = core->options.lease_seconds;

	for (int i = 0; i < 2; i++) {
		const struct execution_node *execution;

		TAILQ_FOREACH(execution, lists[i], held)
		{
			int64_t own =
			        lease_seconds(core, state_task(&core->state, execution->task));

			lease = own < lease ? own : lease;
		}
	}
	return lease;
}

/* ,"name":[...], the list that the reply has under that name or an empty one. */
static void add_list(struct str *out, const json_t *reply, const char *name)
{
	const json_t *list = json_object_get(reply, name);

	str_addf(out, ",\"%s\":", name);
	if (list != NULL)
		json_print(list, out);
	else
		str_adds(out, "[]");
}

static void answer(struct core *core, struct worker_node *worker)
{
	json_t *signals = json_array();
	struct call *call = worker->waiting;
	struct str *out = &call->reply;

	signals_due(core, worker, signals);
	str_reset(out);
	str_adds(out, "{\"grants\":[");
	str_add(out, worker->grants.p, worker->grants.len);
	str_addc(out, ']');
	add_list(out, worker->reply, "results");
	add_list(out, worker->reply, "logs");
	add_list(out, worker->reply, "forget");
	str_adds(out, ",\"signals\":");
	json_print(signals, out);
	json_decref(signals);
	str_addf(out, ",\"lease\":%lld,\"shutdown\":%s}\n", (long long)lease_of(core, worker),
	         core->ending ? "true" : "false");
	if (core->ending) {
		worker->shutdown_told = true;
		/* Whoever comes after this server does not count on it. */
		worker->offline = true;
		contact_status(core, worker);
	}
	worker->leased_ns = core->now_ns;
	lease_take(core, worker);
	core_reply_bytes(core, call, 200, "application/json");
}

static void poll_over(void *context, struct timer *timer)
{
	struct core *core = context;
	struct worker_node *worker = timer_owner(timer, struct worker_node, poll);

	if (worker->waiting->deadline_ns <= core->now_ns)
		lease_answer(core, worker);
	else
		lease_look(core, worker);
}

void lease_finish(struct core *core)
{
	for (size_t i = 0; i < core->asking.n && !core->group_failed; i++) {
		struct worker_node *worker = core->asking.v[i];
		int64_t next;

		worker->looked = false;
		if (worker->waiting == NULL)
			continue;
		next = signals_next_ns(worker);
		if (worker->answer || core->ending || next <= core->now_ns ||
		    worker->waiting->deadline_ns <= core->now_ns) {
			if (lease_stands(core, worker))
				answer(core, worker);
			continue;
		}
		/* Thousands may wait: they hold nothing that can be made when they are answered. */
		drop_reply(worker);
		json_decref(worker->waiting->body);
		worker->waiting->body = NULL;
		if (next > worker->waiting->deadline_ns)
			next = worker->waiting->deadline_ns;
		timer_set(&core->timers, &worker->poll, next, poll_over);
	}
	core->asking.n = 0;
}

/* What both sides hold is compared. */
static void reconcile(struct core *core, struct worker_node *worker, const struct ints *have,
                      const struct event_report *report)
{
	struct execution_list *lists[] = {&worker->running, &worker->spare};
	json_t *forget = NULL;

	for (size_t i = 0; i < have->n; i++) {
		struct execution_node *execution = state_execution(&core->state, have->v[i]);

		if (execution != NULL && execution->worker == worker) {
			execution->have = true;
			continue;
		}
		/* Its end is answered in this same reply. */
		if (event_report_ends(report, have->v[i]))
			continue;
		if (forget == NULL)
			forget = json_array();
		json_array_append_new(forget, json_integer(have->v[i]));
	}
	if (forget != NULL) {
		json_object_set_new_nocheck(reply_of(worker), "forget", forget);
		lease_answer(core, worker);
	}
	for (int i = 0; i < 2; i++) {
		struct execution_node *execution = TAILQ_FIRST(lists[i]);

		while (execution != NULL && !core->group_failed) {
			struct execution_node *next = TAILQ_NEXT(execution, held);

			if (!execution->have && execution->current) {
				grant_again(core, worker, execution);
				execution->have = true;
			} else if (!execution->have &&
			           execution->granted_ns + OVERLAP_NS < core->now_ns) {
				/* Its task let go of it, and the worker does not know it: it never
				   was there, or its end was forgotten. Spares may move up. */
				change_lost(core, execution, LOSS_FORGIVEN);
				next = TAILQ_FIRST(lists[i]);
			}
			execution = next;
		}
	}
	for (int i = 0; i < 2; i++) {
		struct execution_node *execution;

		TAILQ_FOREACH(execution, lists[i], held)
		{
			execution->have = false;
		}
	}
}

struct lease_request {
	int64_t epoch, extra;
	double wait;
	struct ints have, acks;
	struct worker ping; /* load, memory, stats */
	struct event_report report;
};

static bool read_lease(struct call *call, struct lease_request *request)
{
	struct problem *problem = &call->problem;

	*request = (struct lease_request){.epoch = INT_NULL, .wait = 0};
	if (!filter_known(&filter_lease, call->body, problem) ||
	    !json_member_int(call->body, "epoch", &request->epoch, problem) ||
	    !json_member_int(call->body, "extra", &request->extra, problem) ||
	    !json_member_real(call->body, "wait", &request->wait, problem) ||
	    !json_member_ints(call->body, "have", &request->have, &call->arena, problem) ||
	    !json_member_ints(call->body, "acks", &request->acks, &call->arena, problem) ||
	    !ping_read(call, json_object_get(call->body, "ping"), &request->ping) ||
	    !event_report_read(call, &request->report))
		return false;
	if (request->epoch == INT_NULL)
		return problem_set(problem, PROBLEM_MISSING_FIELD, "a lease call needs epoch");
	if (request->extra < 0 || request->extra > 100000)
		return problem_set(problem, PROBLEM_BAD_VALUE, "extra is %lld, not 0 to 100000",
		                   (long long)request->extra);
	if (!(request->wait >= 0))
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "wait is %g, it must not be negative", request->wait);
	return true;
}

void handle_worker_lease(struct core *core, struct call *call)
{
	struct worker_node *worker = state_worker(&core->state, call->ids[0]);
	struct lease_request request;
	double wait = (double)poll_seconds(core);

	if (!read_lease(call, &request)) {
		core_problem(core, call);
		return;
	}
	if (worker == NULL) {
		core_refuse(core, call, PROBLEM_NOT_FOUND, "there is no worker %lld",
		            (long long)call->ids[0]);
		return;
	}
	if (!worker->leases || worker->epoch != request.epoch) {
		core_refuse(core, call, PROBLEM_FENCED,
		            "worker %s is at epoch %u, this call at %lld: its session has ended",
		            worker->name, worker->epoch, (long long)request.epoch);
		return;
	}
	contact_made(core, worker);
	if (request.ping.stats != NULL && !ping_record(core, worker, &request.ping))
		return;
	if (worker->waiting != NULL)
		answer(core, worker);
	wait = request.wait < wait ? request.wait : wait;
	call->deadline_ns = core->now_ns + (int64_t)(wait * (double)SECOND_NS);
	worker->waiting = call;
	worker->extra = request.extra;
	core_park(core);
	lease_look(core, worker);
	if (!event_report_apply(core, worker, &request.report, reply_of(worker)))
		return;
	if (request.report.nlogs + request.report.nevents > 0)
		lease_answer(core, worker);
	for (size_t i = 0; i < request.acks.n; i++)
		signal_acknowledged(core, worker, request.acks.v[i]);
	reconcile(core, worker, &request.have, &request.report);
	state_worker_place(&core->state, worker);
}
