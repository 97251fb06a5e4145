#include "server/task_drop.h"

#include "server/change.h"
#include "server/lease.h"
#include "server/record.h"
#include "server/run.h"
#include "server/signals.h"
#include "server/tally.h"

static void forget(struct core *core, struct execution_node *execution)
{
	struct worker_node *worker = execution->worker;

	if (!signals_ended(core, execution))
		return;
	state_execution_remove(&core->state, execution);
	/* Its next call says what it holds, and is told to drop this. */
	lease_answer(core, worker);
}

void task_drop(struct core *core, uint32_t id, struct task_node *task)
{
	struct execution_node *execution = state_execution(&core->state, task_execution(task));

	if (!run_need(core, class_of(&core->state, task)->run))
		return;
	if (task->epoch > 0 && !tally_superseded(core, id))
		return;
	change_release(core, task);
	if (execution != NULL)
		forget(core, execution);
	/* What follows from the others is written with them; this row is gone. */
	if (!core->group_failed)
		state_task_remove(&core->state, id, task);
}

void execution_drop(struct core *core, struct execution_node *execution)
{
	struct task_node *task = state_task(&core->state, execution->task);
	uint32_t id = execution->task;
	bool current = execution->current;

	forget(core, execution);
	if (current && !core->group_failed)
		change_task(core, id, task, TASK_EVENT_WITHDRAW, REASON_NONE);
}
