#include "server/deadline.h"

#include "server/contact.h"
#include "server/fleet.h"
#include "server/record.h"
#include "server/recruit/recruit.h"

#define SECOND_NS INT64_C(1000000000)
#define SECOND_US INT64_C(1000000)
#define MARGIN_SECONDS 60
#define MARGIN_PART 10
/* A date further away is none. */
#define FAR_US (INT64_C(100) * 366 * 86400 * SECOND_US)

static timer_function comes;

static int64_t seconds_of(int64_t timeout)
{
	return timeout == INT_NULL || timeout < 0 ? 0 : timeout < UINT32_MAX ? timeout : UINT32_MAX;
}

int64_t deadline_need(const struct task *row)
{
	int64_t run = seconds_of(row->run_timeout);
	int64_t all = run + seconds_of(row->download_timeout) + seconds_of(row->upload_timeout);

	return run == 0 ? 0 : all < UINT32_MAX ? all : UINT32_MAX;
}

int64_t deadline_margin(int64_t seconds)
{
	int64_t part = seconds / MARGIN_PART;

	return part < 0 ? 0 : part < MARGIN_SECONDS ? part : MARGIN_SECONDS;
}

int64_t deadline_left(const struct core *core, const struct worker_node *worker)
{
	return worker->end_ns == INT64_MAX ? INT64_MAX
	                                   : (worker->end_ns - core->now_ns) / SECOND_NS;
}

bool deadline_spares(const struct core *core, const struct worker_node *worker, int64_t need)
{
	const struct execution_list *lists[] = {&worker->running, &worker->spare};
	int64_t longest = 0;

	if (worker->end_ns == INT64_MAX || need == 0)
		return true;
	for (int i = 0; i < 2; i++) {
		const struct execution_node *execution;

		TAILQ_FOREACH(execution, lists[i], held)
		{
			const struct task_node *task = state_task(&core->state, execution->task);
			int64_t its = task ? class_of(&core->state, task)->need : 0;

			if (its == 0)
				return false;
			longest = its > longest ? its : longest;
		}
	}
	return need + longest * ((int64_t)worker->spares + 1) <= deadline_left(core, worker);
}

/* When it is drained; INT64_MAX: never. */
static int64_t drain_ns(const struct worker_node *worker)
{
	int64_t lasts;

	if (worker->end_ns == INT64_MAX)
		return INT64_MAX;
	/* A row that a hand has written may not say since when it is there. */
	lasts = worker->since_us > 0 ? (worker->end_us - worker->since_us) / SECOND_US : 0;
	return worker->end_ns - deadline_margin(lasts) * SECOND_NS;
}

/* Is it to be drained, or not any more? */
static void look(struct core *core, struct worker_node *worker)
{
	int64_t at_ns = drain_ns(worker);
	bool drained = at_ns <= core->now_ns;

	if (at_ns == INT64_MAX || drained)
		timer_cancel(&core->timers, &worker->end);
	else
		timer_set(&core->timers, &worker->end, at_ns, comes);
	if (drained != worker->drained) {
		worker->drained = drained;
		core->state.stirred = true;
		log_info(core->log, "the machine of worker %s %s", worker->name,
		         drained ? "ends soon: it gets no more tasks" : "lasts longer");
	}
	state_worker_place(&core->state, worker);
	contact_withdraw(core, worker);
}

static void comes(void *context, struct timer *timer)
{
	look(context, timer_owner(timer, struct worker_node, end));
}

void deadline_set(struct core *core, struct worker_node *worker, int64_t end_us)
{
	int64_t left_us = 0;

	/* Nothing can come of a date of the year 5000 but an overflow. */
	if (end_us != DATE_NULL && end_us / 2 - core->now_us / 2 > FAR_US / 2)
		end_us = DATE_NULL;
	core->state.ending += (end_us != DATE_NULL) - (worker->end_us != DATE_NULL);
	worker->end_us = end_us;
	worker->end_ns = INT64_MAX;
	if (end_us != DATE_NULL) {
		left_us = end_us - core->now_us;
		worker->end_ns = core->now_ns + (left_us < -FAR_US ? -FAR_US : left_us) * 1000;
	}
	look(core, worker);
}

bool deadline_told(struct core *core, struct worker_node *worker, int64_t end_us)
{
	struct worker row = {.worker_id = worker->id, .end_date = end_us};
	bool first;

	/* Also where nothing is new: clocks are set. */
	if (worker->end_us != end_us &&
	    !record_update(core, TABLE_WORKER, &row, BIT(WORKER_COL_end_date)))
		return false;
	first = worker->end_us == DATE_NULL;
	deadline_set(core, worker, end_us);
	if (first)
		recruit_lasts(core, worker);
	return !core->group_failed;
}
