#include "server/contact.h"

#include "server/change.h"
#include "server/columns.h"
#include "server/lease.h"
#include "server/record.h"
#include "server/worker.h"

#define SECOND_NS INT64_C(1000000000)
/* What is between the clocks of both ends: a reply under way, a stop that takes a moment. */
#define LEASE_MARGIN_NS(lease) ((lease)*SECOND_NS / 40)

static timer_function silence;

int64_t lease_seconds(const struct core *core, const struct task_node *task)
{
	if (task != NULL) {
		int64_t own = batch_of(&core->state, task)->lease_seconds;

		if (own != INT_NULL && own > 0)
			return own;
	}
	return core->options.lease_seconds;
}

int64_t contact_expiry_ns(const struct core *core, const struct execution_node *execution)
{
	int64_t lease = lease_seconds(core, state_task(&core->state, execution->task));
	const struct worker_node *worker = execution->worker;
	int64_t from = worker->leased_ns;

	/* A call that waits will be answered by then, and the worker counts from that. */
	if (worker->waiting != NULL && worker->waiting->deadline_ns > from)
		from = worker->waiting->deadline_ns;
	return from + lease * SECOND_NS + LEASE_MARGIN_NS(lease);
}

static int64_t offline_ns(const struct core *core, const struct worker_node *worker)
{
	return worker->heard_ns + core->options.offline_seconds * SECOND_NS;
}

void contact_status(struct core *core, struct worker_node *worker)
{
	struct worker row = {.worker_id = worker->id,
	                     .status = (int8_t)worker_status_of(worker),
	                     .life = worker->alive     ? "alive"
	                             : worker->evicted ? "evicted"
	                                               : "failed",
	                     .admin_paused = worker->admin_paused};

	record_update(core, TABLE_WORKER, &row,
	              BIT(WORKER_COL_status) | BIT(WORKER_COL_life) | BIT(WORKER_COL_admin_paused));
	state_worker_place(&core->state, worker);
	contact_withdraw(core, worker);
}

void contact_withdraw(struct core *core, struct worker_node *worker)
{
	struct execution_list *lists[] = {&worker->running, &worker->spare};

	if (worker->leases)
		return;
	for (int i = 0; i < 2; i++) {
		struct execution_node *execution = TAILQ_FIRST(lists[i]);

		while (execution != NULL && !core->group_failed) {
			struct execution_node *next = TAILQ_NEXT(execution, held);
			const struct task_node *task = state_task(&core->state, execution->task);
			const char *batch = batch_of(&core->state, task)->name;

			if (execution->status == EXECUTION_PENDING &&
			    (!worker_may_take(worker) ||
			     !pattern_matches(worker_batch(worker), batch))) {
				change_lost(core, execution, LOSS_FORGIVEN);
				/* Spares may have moved up meanwhile: begin again. */
				next = TAILQ_FIRST(lists[i]);
			}
			execution = next;
		}
	}
}

void contact_lose(struct core *core, struct worker_node *worker, enum loss loss)
{
	struct execution_node *execution;

	while (!core->group_failed && ((execution = TAILQ_FIRST(&worker->running)) != NULL ||
	                               (execution = TAILQ_FIRST(&worker->spare)) != NULL))
		change_lost(core, execution, loss);
}

/* The next moment at which its silence will mean something; INT64_MAX: none. */
static int64_t next_ns(const struct core *core, const struct worker_node *worker)
{
	const struct execution_list *lists[] = {&worker->running, &worker->spare};
	int64_t next = INT64_MAX;

	if (!worker->offline)
		return offline_ns(core, worker);
	for (int i = 0; i < 2; i++) {
		const struct execution_node *execution;

		TAILQ_FOREACH(execution, lists[i], held)
		{
			int64_t at = contact_expiry_ns(core, execution);

			next = at < next ? at : next;
		}
	}
	return next;
}

void contact_watch(struct core *core, struct worker_node *worker)
{
	int64_t next = next_ns(core, worker);

	if (next < INT64_MAX)
		timer_set(&core->timers, &worker->silence, next, silence);
}

void contact_begin(struct core *core, struct worker_node *worker)
{
	worker->heard_ns = worker->leased_ns = worker->recorded_ns = core->now_ns;
	contact_watch(core, worker);
}

static void expire(struct core *core, struct worker_node *worker)
{
	struct execution_list *lists[] = {&worker->running, &worker->spare};

	for (int i = 0; i < 2; i++) {
		struct execution_node *execution = TAILQ_FIRST(lists[i]);

		while (execution != NULL && !core->group_failed) {
			struct execution_node *next = TAILQ_NEXT(execution, held);

			if (contact_expiry_ns(core, execution) <= core->now_ns) {
				log_info(core->log,
				         "worker %s was silent for the lease of %u: lost",
				         worker->name, execution->id);
				change_lost(core, execution, LOSS_COUNTS);
				next = TAILQ_FIRST(lists[i]);
			}
			execution = next;
		}
	}
}

/* It is due when the worker would be silent for too long; it may have spoken since. */
static void silence(void *context, struct timer *timer)
{
	struct core *core = context;
	struct worker_node *worker = timer_owner(timer, struct worker_node, silence);
	struct worker evicted = {.status = WORKER_EVICTED};

	if (worker->alive && !worker->offline && worker->end_ns <= core->now_ns &&
	    offline_ns(core, worker) <= core->now_ns) {
		log_info(core->log, "worker %s is silent and its machine had to end: evicted",
		         worker->name);
		worker_change(core, worker, &evicted, BIT(WORKER_COL_status));
		return;
	}
	if (!worker->offline && offline_ns(core, worker) <= core->now_ns) {
		log_info(core->log, "worker %s is offline", worker->name);
		worker->offline = true;
		contact_status(core, worker);
	}
	if (worker->offline)
		expire(core, worker);
	contact_watch(core, worker);
}

void contact_made(struct core *core, struct worker_node *worker)
{
	worker->heard_ns = worker->leased_ns = core->now_ns;
	if (!worker->spoke) {
		worker->spoke = true;
		vec_push(&core->state.spoken, worker);
	}
	if (worker->offline) {
		log_info(core->log, "worker %s is back", worker->name);
		worker->offline = false;
		contact_status(core, worker);
		/* While it was offline the end of its leases was waited for. */
		contact_watch(core, worker);
	}
	if (!timer_is_set(&worker->silence))
		contact_watch(core, worker);
}
