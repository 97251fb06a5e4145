#include "server/prune.h"

#include "base/clock.h"
#include "model/json.h"
#include "server/audit.h"
#include "server/filter.h"
#include "server/handlers.h"
#include "server/news.h"
#include "server/record.h"
#include "server/run.h"
#include "server/task_drop.h"
#include "store/store.h"

/* Numbers of tasks that one group looks at, and rows of the other kinds. */
#define TASKS_AT_ONCE 500
#define ROWS_AT_ONCE 500
/* Others wait for the group: where the database is slow it takes fewer tasks. */
#define BUSY_NS (INT64_C(100) * 1000000)

enum phase { PHASE_TASKS, PHASE_RUNS, PHASE_JOBS, PHASE_AUDIT, PHASE_END };

struct prune {
	struct call *call;
	int64_t before_us;
	enum phase phase;
	int64_t at, last; /* what was looked at, and how far to go */
	int64_t tasks, runs, jobs, audit;
	struct timer timer;
};

struct ids {
	VEC(int64_t) list;
};

static bool add_id(void *context, int64_t id)
{
	struct ids *ids = context;

	vec_push(&ids->list, id);
	return true;
}

static void drop_task(struct core *core, struct prune *prune, int64_t id)
{
	struct task_node *task = core_task(core, id);

	/* Its row was flushed: memory and database agree. */
	if (task == NULL || !task_is_done(task->status))
		return;
	news_task(core, (uint32_t)id, task, FEED_DELETED);
	task_drop(core, (uint32_t)id, task);
	if (core->group_failed)
		return;
	if (store_delete_task(core->store, id) != STORE_OK)
		core_failed(core, "a task cannot be deleted");
	prune->tasks++;
}

static void prune_tasks(struct core *core, struct prune *prune)
{
	int64_t upto = prune->at + TASKS_AT_ONCE, until_ns = clock_monotonic_ns() + BUSY_NS;
	struct ids ids = {0};

	upto = upto < prune->last ? upto : prune->last;
	if (!record_flush(core) || !core_write(core))
		return;
	if (store_prunable_tasks(core->store, prune->at, upto, prune->before_us, add_id, &ids) !=
	    STORE_OK)
		core_failed(core, "tasks to be pruned cannot be found");
	for (size_t i = 0; i < ids.list.n && !core->group_failed; i++) {
		drop_task(core, prune, ids.list.v[i]);
		if (clock_monotonic_ns() > until_ns) {
			upto = ids.list.v[i];
			break;
		}
	}
	vec_release(&ids.list);
	prune->at = upto;
	if (upto == prune->last) {
		prune->phase = PHASE_RUNS;
		prune->at = 0;
	}
}

static void prune_runs(struct core *core, struct prune *prune)
{
	struct ids ids = {0};

	if (!record_flush(core) || !core_write(core))
		return;
	if (store_prunable_runs(core->store, prune->at, prune->before_us, ROWS_AT_ONCE, add_id,
	                        &ids) != STORE_OK)
		core_failed(core, "runs to be pruned cannot be found");
	for (size_t i = 0; i < ids.list.n && !core->group_failed; i++) {
		struct run run = {.run_id = ids.list.v[i]};

		prune->at = ids.list.v[i];
		/* One that somebody looks at stays until the next time. */
		if (run_drop(&core->state, (uint32_t)run.run_id) &&
		    record_delete(core, TABLE_RUN, &run))
			prune->runs++;
	}
	if (ids.list.n < ROWS_AT_ONCE)
		prune->phase = PHASE_JOBS;
	vec_release(&ids.list);
}

typedef enum store_result prune_rows(struct store *s, int64_t before_us, int64_t limit, int64_t *n);

static void prune_rest(struct core *core, struct prune *prune, prune_rows *rows, int64_t *total)
{
	int64_t n = 0;

	if (!core_write(core))
		return;
	if (rows(core->store, prune->before_us, ROWS_AT_ONCE, &n) != STORE_OK)
		core_failed(core, "old rows cannot be deleted");
	*total += n;
	if (n < ROWS_AT_ONCE)
		prune->phase++;
}

struct call *prune_take(struct core *core)
{
	struct prune *prune = core->prune;
	struct call *call = prune ? prune->call : NULL;

	if (prune != NULL)
		timer_cancel(&core->timers, &prune->timer);
	free(prune);
	core->prune = NULL;
	return call;
}

static void end(struct core *core, struct prune *prune)
{
	json_t *reply = json_pack("{s:I, s:I, s:I, s:I}", "tasks", (json_int_t)prune->tasks, "runs",
	                          (json_int_t)prune->runs, "jobs", (json_int_t)prune->jobs, "audit",
	                          (json_int_t)prune->audit);
	struct call *call = prune_take(core);

	audit_write(core, call);
	core_reply(core, call, 200, reply);
}

static void step(void *context, struct timer *timer)
{
	struct core *core = context;
	struct prune *prune = timer_owner(timer, struct prune, timer);

	if (core->group_failed)
		return;
	switch (prune->phase) {
	case PHASE_TASKS:
		prune_tasks(core, prune);
		break;
	case PHASE_RUNS:
		prune_runs(core, prune);
		break;
	case PHASE_JOBS:
		prune_rest(core, prune, store_prune_jobs, &prune->jobs);
		break;
	case PHASE_AUDIT:
		prune_rest(core, prune, store_prune_audit, &prune->audit);
		break;
	case PHASE_END:
		end(core, prune);
		return;
	}
	/* In the next group; where this one fails, prune_take() comes first. */
	timer_set(&core->timers, &prune->timer, core->now_ns + 1, step);
}

static bool read_before(struct core *core, struct call *call, int64_t *before_us)
{
	struct problem *problem = &call->problem;
	const char *text = NULL;

	if (!filter_known(&filter_prune, call->body, problem) ||
	    !json_member_text(call->body, "before", &text, problem))
		return false;
	if (text == NULL)
		return problem_set(problem, PROBLEM_MISSING_FIELD, "pruning needs before, a date");
	if (!date_parse(text, before_us))
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "before is \"%.40s\", not YYYY-MM-DDTHH:MM:SS.ffffff", text);
	if (*before_us > core->now_us)
		return problem_set(problem, PROBLEM_BAD_VALUE, "before is %.40s, in the future",
		                   text);
	return true;
}

void handle_prune(struct core *core, struct call *call)
{
	int64_t before_us;

	if (!read_before(core, call, &before_us)) {
		core_problem(core, call);
		return;
	}
	if (core->prune != NULL) {
		core_refuse(core, call, PROBLEM_CONFLICT, "pruning is under way");
		return;
	}
	core->prune = xcalloc(1, sizeof(*core->prune));
	core->prune->call = call;
	core->prune->before_us = before_us;
	core->prune->last = core->state.last_task;
	core_park(core);
	step(core, &core->prune->timer);
}
