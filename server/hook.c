#include "server/hook.h"

#include "base/str.h"
#include "model/json.h"
#include "server/columns.h"
#include "server/record.h"
#include "server/run.h"
#include "server/task_new.h"

#include <string.h>

/* One for each end: the status, and the word in the names of task and batch. */
static const struct hook_kind {
	enum run_status status;
	const char *word;
	enum run_column column;
} kinds[] = {
        {RUN_SUCCEEDED, "on_success", RUN_COL_on_success},
        {RUN_FAILED, "on_failure", RUN_COL_on_failure},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *text_of(const struct hook_kind *kind, const struct run *row)
{
	const struct field *f = &table_get(TABLE_RUN)->fields[kind->column];

	return *(const char *const *)field_in(f, row);
}

/* The text as a new task. */
static bool read_hook(struct call *call, const char *text, struct task *task)
{
	json_t *object = json_parse(text, strlen(text), &call->problem);
	bool ok = object != NULL && task_new_read(call, object, task);

	json_decref(object);
	return ok;
}

bool hook_check(struct call *call, const struct run *row)
{
	for (size_t i = 0; i < KINDS; i++) {
		const char *text = text_of(&kinds[i], row);
		char message[sizeof(call->problem.message)];
		struct task task;

		if (text == NULL || read_hook(call, text, &task))
			continue;
		memcpy(message, call->problem.message, sizeof(message));
		return problem_set(&call->problem, call->problem.code, "%s: %s", kinds[i].word,
		                   message);
	}
	return true;
}

static const char *batch_name(struct core *core, const char *run, const struct hook_kind *kind)
{
	return arena_printf(&core->arena, "%s.%s", run, kind->word);
}

void hook_batches(struct core *core, const struct run *row)
{
	for (size_t i = 0; i < KINDS && !core->group_failed; i++) {
		const char *name = batch_name(core, row->name, &kinds[i]);
		struct batch batch;

		if (text_of(&kinds[i], row) == NULL)
			continue;
		row_default(table_get(TABLE_BATCH), &batch);
		batch.batch = name;
		batch.run_id = row->run_id;
		batch.hook = true;
		batch_put(core, &batch);
	}
}

/* What a person wants to know, as variables in front of the command. */
static const char *command_with(struct core *core, const struct run_node *run,
                                const struct run *row, const char *command)
{
	const struct {
		const char *name;
		int64_t number;
	} counts[] = {
	        {"RUN_ID", run->id},
	        {"RUN_TASKS", row->task_count + row->reused_count},
	        {"RUN_SUCCEEDED", (int64_t)run_outcome(&core->state, run, TASK_SUCCEEDED)},
	        {"RUN_FAILED", (int64_t)run->failed},
	        {"RUN_REUSED", row->reused_count},
	};
	struct str line = STR_INIT;
	const char *kept;

	str_adds(&line, "env RUN_NAME=");
	str_add_shell_quoted(&line, row->name);
	str_addf(&line, " RUN_STATUS=%s", run_status_words[run->status]);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		str_addf(&line, " %s=%lld", counts[i].name, (long long)counts[i].number);
	str_addf(&line, " %s", command);
	kept = arena_strndup(&core->arena, line.p, line.len);
	str_release(&line);
	return kept;
}

void hook_start(struct core *core, struct run_node *run, enum run_status status)
{
	struct call scratch = {.ours = true};
	struct run row = {.run_id = run->id};
	const struct hook_kind *kind = NULL;
	struct task task;
	const char *text;

	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].status == status)
			kind = &kinds[i];
	}
	if (kind == NULL || !record_find(core, TABLE_RUN, &row))
		return;
	text = text_of(kind, &row);
	if (text == NULL)
		return;
	arena_init(&scratch.arena);
	if (read_hook(&scratch, text, &task)) {
		task.name = kind->word;
		task.batch = batch_name(core, run->name, kind);
		task.run_id = run->id;
		task.status = TASK_PENDING;
		task.command = command_with(core, run, &row, task.command);
		task_new_enter(core, &task, NULL, 0);
		core->hooked = true;
	} else {
		/* It was right when it came: a hand has changed it. */
		log_error(core->log, "run %u: %s: %s", run->id, kind->word,
		          scratch.problem.message);
	}
	arena_release(&scratch.arena);
}
