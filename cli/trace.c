#include "cli/trace.h"

#include "base/clock.h"
#include "cli/object.h"
#include "model/field.h"
#include "model/member.h"
#include "runtime/session.h"

#include <math.h>
#include <string.h>

static const char *text_of(struct trace *t, const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? arena_strdup(&t->arena, text) : NULL;
}

static int64_t date_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));
	int64_t date;

	return text != NULL && date_parse(text, &date) ? date : DATE_NULL;
}

static int64_t number_of(const json_t *row, const char *name)
{
	const json_t *v = json_object_get(row, name);

	return json_is_integer(v) ? json_integer_value(v) : INT_NULL;
}

/* The number of the step that the batch is; a new one is behind the others. */
static size_t step_of(struct trace *t, const char *batch)
{
	const char *dot = strrchr(batch, '.');
	struct trace_step step = {0};

	for (size_t i = t->steps.n; i > 0; i--) {
		if (strcmp(t->steps.v[i - 1].batch, batch) == 0)
			return i - 1;
	}
	step.batch = arena_strdup(&t->arena, batch);
	step.name = dot != NULL ? step.batch + (dot + 1 - batch) : step.batch;
	vec_push(&t->steps, step);
	return t->steps.n - 1;
}

/* Index of the task, or the count of tasks where it is none of the run's. */
static size_t task_of(const struct trace *t, int64_t id)
{
	size_t low = 0, high = t->tasks.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->tasks.v[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < t->tasks.n && t->tasks.v[low].id == id ? low : t->tasks.n;
}

static void add_after(struct trace_step *step, size_t before)
{
	for (size_t i = 0; i < step->after.n; i++) {
		if (step->after.v[i] == before)
			return;
	}
	vec_push(&step->after, before);
}

/* Required tasks have smaller numbers: they are there already. */
static void add_task(void *context, const json_t *row)
{
	struct trace *t = context;
	const char *batch = json_string_value(json_object_get(row, "batch"));
	struct trace_task task = {.id = number_of(row, "task_id"),
	                          .step = step_of(t, batch != NULL ? batch : ""),
	                          .name = text_of(t, row, "name"),
	                          .status = text_of(t, row, "status"),
	                          .command = text_of(t, row, "command"),
	                          .container = text_of(t, row, "container"),
	                          .input = text_of(t, row, "input"),
	                          .output = text_of(t, row, "output"),
	                          .source = text_of(t, row, "source")};
	struct trace_step *step = &t->steps.v[task.step];
	json_t *required = json_object_get(row, "required_task_ids"), *id;
	bool failed;
	size_t i;

	step->tasks++;
	step->succeeded += task.status != NULL && strcmp(task.status, "succeeded") == 0;
	failed = task.status != NULL && strcmp(task.status, "failed") == 0;
	task.not_run = failed && strcmp(member_text(row, "reason"), "dependency") == 0;
	step->not_run += task.not_run;
	step->failed += failed && !task.not_run;
	json_array_foreach(required, i, id)
	{
		size_t k = task_of(t, json_integer_value(id));

		if (k < t->tasks.n && t->tasks.v[k].step != task.step)
			add_after(step, t->tasks.v[k].step);
	}
	vec_push(&t->tasks, task);
}

static void add_execution(void *context, const json_t *row)
{
	struct trace *t = context;
	struct trace_execution e = {.id = number_of(row, "execution_id"),
	                            .worker_id = number_of(row, "worker_id"),
	                            .task = task_of(t, number_of(row, "task_id")),
	                            .status = text_of(t, row, "status"),
	                            .reason = text_of(t, row, "reason"),
	                            .message = text_of(t, row, "message"),
	                            .outputs = text_of(t, row, "outputs"),
	                            .granted_us = date_of(row, "creation_date"),
	                            .start_us = date_of(row, "start_date"),
	                            .end_us = date_of(row, "end_date"),
	                            .return_code = number_of(row, "return_code"),
	                            .peak_memory = number_of(row, "peak_memory"),
	                            .cpu_seconds = NAN};

	if (e.task == t->tasks.n)
		return; /* of a task that was made meanwhile */
	/* Most are the task's. */
	if (text_same(member_string(row, "command"), t->tasks.v[e.task].command))
		e.command = NULL;
	else
		e.command = text_of(t, row, "command");
	if (json_is_number(json_object_get(row, "cpu_seconds")))
		e.cpu_seconds = json_number_value(json_object_get(row, "cpu_seconds"));
	t->steps.v[t->tasks.v[e.task].step].executions++;
	vec_push(&t->executions, e);
}

/* Every row of a list of the run. */
static bool read_rows(struct trace *t, struct call *c, const char *noun, const char *run,
                      void (*add)(void *context, const json_t *row))
{
	const struct object *o = object_named(noun);
	struct str list = STR_INIT;
	bool ok;

	str_adds(&list, o->path);
	query_add(&list, "run_id", run);
	query_add(&list, "view", "full");
	if (strcmp(noun, "execution") == 0)
		query_add(&list, "no_output", "true");
	ok = object_rows(c, o, list.p, add, t);
	str_release(&list);
	return ok;
}

static bool read_workers(struct trace *t, struct call *c)
{
	json_t *rows = call_json(c, "GET", "/workers/", NULL), *row;
	size_t i;

	if (rows == NULL)
		return false;
	json_array_foreach(rows, i, row)
	{
		char number[32];

		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
		         json_integer_value(json_object_get(row, "worker_id")));
		json_object_set(t->workers, number, json_object_get(row, "name"));
	}
	json_decref(rows);
	return true;
}

bool trace_read(struct trace *t, struct call *c, const char *run)
{
	struct str path = STR_INIT;
	json_t *row;

	memset(t, 0, sizeof(*t));
	arena_init(&t->arena);
	t->workers = json_object();
	object_path(object_named("run"), run, &path);
	row = call_json(c, "GET", path.p, NULL);
	str_release(&path);
	if (row == NULL)
		return false;
	t->run_id = number_of(row, "run_id");
	t->workflow = text_of(t, row, "name");
	t->status = text_of(t, row, "status");
	t->owner = text_of(t, row, "owner");
	t->source = text_of(t, row, "source");
	t->begin_us = date_of(row, "creation_date");
	t->end_us = date_of(row, "end_date");
	t->reused = number_of(row, "reused_count");
	json_decref(row);
	return read_rows(t, c, "task", run, add_task) &&
	       read_rows(t, c, "execution", run, add_execution) && read_workers(t, c);
}

void trace_release(struct trace *t)
{
	for (size_t i = 0; i < t->steps.n; i++)
		vec_release(&t->steps.v[i].after);
	vec_release(&t->steps);
	vec_release(&t->tasks);
	vec_release(&t->executions);
	json_decref(t->workers);
	arena_release(&t->arena);
}

const char *trace_worker(struct trace *t, int64_t worker_id)
{
	char number[32];
	const char *name;

	snprintf(number, sizeof(number), "%lld", (long long)worker_id);
	name = json_string_value(json_object_get(t->workers, number));
	return name != NULL ? name : arena_printf(&t->arena, "worker %s", number);
}
