#include "server/attempt.h"

#include "model/attempt.h"
#include "server/columns.h"
#include "server/deadline.h"
#include "server/record.h"

const uint64_t attempt_columns = BIT(TASK_COL_cpu) | BIT(TASK_COL_memory) | BIT(TASK_COL_gpu) |
                                 BIT(TASK_COL_download_timeout) | BIT(TASK_COL_run_timeout) |
                                 BIT(TASK_COL_upload_timeout) | BIT(TASK_COL_attempt_settings);

void attempt_weigh(struct task_class *class, const struct task *row, unsigned attempt)
{
	struct task now = *row;
	struct problem problem;
	struct arena arena;

	class->varies = row->attempt_settings != NULL;
	if (class->varies) {
		arena_init(&arena);
		/* What a hand has broken is told when the task is granted. */
		(void)attempt_settings_apply(&now, attempt, &arena, &problem);
		arena_release(&arena);
	}
	class->cpu = now.cpu;
	class->memory = now.memory;
	class->gpu = now.gpu > 0 ? now.gpu : 0;
	class->need = deadline_need(&now);
}

void attempt_changed(struct core *core, uint32_t id, struct task_node *task)
{
	struct state *state = &core->state;
	struct execution_node *execution = state_execution(state, task_execution(task));
	struct task_class class = *class_of(state, task);
	struct task row;

	if (!record_task(core, id, attempt_columns, &row))
		return;
	attempt_weigh(&class, &row, task->attempts);
	state_task_reclass(state, id, task, &class);
	if (execution != NULL)
		state_worker_weigh(state, execution->worker);
}

void attempt_set(struct core *core, uint32_t id, struct task_node *task, unsigned attempts)
{
	state_task_dirty(&core->state, id, task);
	task->flags |= TASK_TOLD;
	task->attempts = attempts < UINT16_MAX ? (uint16_t)attempts : UINT16_MAX;
	if (class_of(&core->state, task)->varies)
		attempt_changed(core, id, task);
}

void attempt_apply(struct core *core, const struct task_node *task, struct task *row)
{
	struct problem problem;

	if (class_of(&core->state, task)->varies &&
	    !attempt_settings_apply(row, task->attempts, &core->arena, &problem))
		log_error(core->log, "task %lld: %s: it runs with the settings of the task",
		          (long long)row->task_id, problem.message);
}
