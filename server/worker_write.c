/* Workers as v1 clients and people see them: created, changed, deleted, pinged. */
#include "model/json.h"
#include "server/change.h"
#include "server/columns.h"
#include "server/contact.h"
#include "server/deadline.h"
#include "server/filter.h"
#include "server/handlers.h"
#include "server/hire.h"
#include "server/job.h"
#include "server/lease.h"
#include "server/news.h"
#include "server/ping.h"
#include "server/record.h"
#include "server/reply.h"
#include "server/recruit/recruit.h"
#include "server/state_load.h"
#include "server/worker.h"
#include "store/store.h"

#include <string.h>

static bool check(struct call *call, const struct worker *row, uint64_t set)
{
	struct problem *problem = &call->problem;

	if ((set & BIT(WORKER_COL_concurrency)) && row->concurrency < 1)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "concurrency is %lld, it must be at least 1",
		                   (long long)row->concurrency);
	if ((set & BIT(WORKER_COL_name)) && row->name[0] == '\0')
		return problem_set(problem, PROBLEM_BAD_VALUE, "name is empty");
	if ((set & BIT(WORKER_COL_batch)) && row->batch != NULL && strchr(row->batch, '/') != NULL)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "batch is \"%.80s\", it must not hold a /", row->batch);
	return true;
}

static bool name_is_free(struct core *core, struct call *call, const char *name,
                         const struct worker_node *worker)
{
	const struct worker_node *other = state_worker_named(&core->state, name);

	return other == NULL || other == worker ||
	       problem_set(&call->problem, PROBLEM_CONFLICT, "worker %u is called %.80s already",
	                   other->id, name);
}

/* What a status word of v1 says of the three things that make it. */
static void take_status(struct core *core, struct worker_node *worker, enum worker_status status)
{
	worker->alive = status != WORKER_FAILED && status != WORKER_EVICTED;
	worker->evicted = status == WORKER_EVICTED;
	worker->offline = status == WORKER_OFFLINE;
	worker->admin_paused = status == WORKER_PAUSED;
	/* Called back by hand: it has as long to speak as a new one. */
	if (status == WORKER_RUNNING)
		worker->heard_ns = core->now_ns;
}

void handle_worker_create(struct core *core, struct call *call)
{
	struct worker_node *worker;
	struct worker row;
	uint64_t set;

	if (!row_from_json(table_get(TABLE_WORKER), call->body, ROW_CREATE, &row, &set,
	                   &call->arena, &call->problem) ||
	    !check(call, &row, set) || !name_is_free(core, call, row.name, NULL)) {
		core_problem(core, call);
		return;
	}
	row.worker_id = ++core->state.last_worker;
	row.creation_date = row.modification_date = core->now_us;
	row.admin_paused = row.status == WORKER_PAUSED;
	row.life = row.status == WORKER_FAILED    ? "failed"
	           : row.status == WORKER_EVICTED ? "evicted"
	                                          : "alive";
	if (!record_insert(core, TABLE_WORKER, &row))
		return;
	worker = state_worker_add(&core->state, (uint32_t)row.worker_id, row.name);
	state_worker_read(&core->state, worker, &row);
	contact_begin(core, worker);
	deadline_set(core, worker, row.end_date);
	reply_row(core, call, 201, TABLE_WORKER, &row);
}

static void reply_worker(struct core *core, struct call *call, const struct worker_node *worker)
{
	struct worker row = {.worker_id = worker->id};

	if (record_find(core, TABLE_WORKER, &row))
		reply_row(core, call, 200, TABLE_WORKER, &row);
	else
		core_failed(core, "a worker has no row");
}

static void follow_fields(struct core *core, struct worker_node *worker, const struct worker *row,
                          uint64_t set)
{
	struct state *state = &core->state;

	if (set & BIT(WORKER_COL_name))
		state_worker_rename(state, worker, row->name);
	if (set & BIT(WORKER_COL_concurrency))
		worker->concurrency = row->concurrency;
	if (set & BIT(WORKER_COL_prefetch))
		worker->prefetch = row->prefetch;
	if (set & BIT(WORKER_COL_cpus))
		worker->cpus = row->cpus;
	if (set & BIT(WORKER_COL_ram))
		worker->ram = row->ram;
	if (set & BIT(WORKER_COL_task_properties))
		fleet_shares_read(worker, row->task_properties);
	if (set & BIT(WORKER_COL_batch))
		state_worker_serve(state, worker, row->batch);
	state_worker_weigh(state, worker);
	if (set & BIT(WORKER_COL_end_date))
		deadline_set(core, worker, row->end_date);
}

/* What decides what it costs, and whom. */
static const uint64_t charged_columns = BIT(WORKER_COL_batch) | BIT(WORKER_COL_flavor) |
                                        BIT(WORKER_COL_provider) | BIT(WORKER_COL_region);

bool worker_change(struct core *core, struct worker_node *worker, struct worker *row, uint64_t mask)
{
	row->worker_id = worker->id;
	row->modification_date = core->now_us;
	if ((mask & charged_columns) && !hire_charge(core, worker))
		return false;
	if (!record_update(core, TABLE_WORKER, row,
	                   (mask & ~BIT(WORKER_COL_status)) | BIT(WORKER_COL_modification_date)))
		return false;
	follow_fields(core, worker, row, mask);
	if (mask & BIT(WORKER_COL_status))
		take_status(core, worker, (enum worker_status)row->status);
	contact_status(core, worker);
	/* Nobody will end what it holds; that its machine was taken away counts against no task. */
	if ((mask & BIT(WORKER_COL_status)) && worker->evicted) {
		contact_lose(core, worker, LOSS_EVICTED);
		/* That it would end was known: no other place is better. */
		if (!worker->drained)
			recruit_evicted(core, worker);
	}
	contact_watch(core, worker);
	return !core->group_failed;
}

void handle_worker_update(struct core *core, struct call *call)
{
	struct worker_node *worker = state_worker(&core->state, call->ids[0]);
	struct worker row;
	uint64_t set;

	if (worker == NULL) {
		reply_missing(core, call, "worker", call->ids[0]);
		return;
	}
	row_clear(table_get(TABLE_WORKER), &row);
	if (!row_from_json(table_get(TABLE_WORKER), call->body, ROW_UPDATE, &row, &set,
	                   &call->arena, &call->problem) ||
	    !check(call, &row, set) ||
	    ((set & BIT(WORKER_COL_name)) && !name_is_free(core, call, row.name, worker))) {
		core_problem(core, call);
		return;
	}
	/* The session that holds its tasks says which one it is; nobody else does. */
	if (set & (BIT(WORKER_COL_boot_id) | BIT(WORKER_COL_instance))) {
		core_refuse(core, call, PROBLEM_READ_ONLY,
		            "boot_id and instance of a worker are set when it registers");
		return;
	}
	/* From now on it belongs there. */
	if (set & BIT(WORKER_COL_batch))
		set |= BIT(WORKER_COL_home);
	if (set == 0 || worker_change(core, worker, &row, set))
		reply_worker(core, call, worker);
}

void worker_drop(struct core *core, struct worker_node *worker)
{
	struct call *waiting = lease_take(core, worker);

	if (waiting != NULL)
		core_refuse(core, waiting, PROBLEM_FENCED, "worker %s was deleted", worker->name);
	/* Somebody meant it: no loss that counts. */
	contact_lose(core, worker, LOSS_FORGIVEN);
	if (!record_flush(core) || !hire_charge(core, worker) || !core_write(core))
		return;
	if (store_delete_worker(core->store, worker->id) != STORE_OK) {
		core_failed(core, "a worker cannot be deleted");
		return;
	}
	recruit_note(core, TABLE_WORKER, STORE_ALL);
	news_row(core, TABLE_WORKER, &(struct worker){.worker_id = worker->id},
	         BIT(WORKER_COL_name), FEED_DELETED);
	lease_forget(core, worker);
	state_worker_remove(&core->state, worker);
}

void handle_worker_delete(struct core *core, struct call *call)
{
	struct worker_node *worker = state_worker(&core->state, call->ids[0]);
	struct worker row = {.worker_id = call->ids[0]};

	if (worker == NULL) {
		reply_missing(core, call, "worker", call->ids[0]);
		return;
	}
	if (!record_find(core, TABLE_WORKER, &row)) {
		core_failed(core, "a worker has no row");
		return;
	}
	if (row.provider != NULL && row.permanent != 1)
		job_destroy(core, &row, NULL);
	worker_drop(core, worker);
	if (!core->group_failed)
		reply_row(core, call, 200, TABLE_WORKER, &row);
}

void handle_worker_ping(struct core *core, struct call *call)
{
	struct worker_node *worker = state_worker(&core->state, call->ids[0]);
	struct worker row;

	if (!ping_read(call, call->body, &row)) {
		core_problem(core, call);
		return;
	}
	if (worker == NULL) {
		reply_missing(core, call, "worker", call->ids[0]);
		return;
	}
	contact_made(core, worker);
	if (ping_record(core, worker, &row))
		reply_worker(core, call, worker);
}
