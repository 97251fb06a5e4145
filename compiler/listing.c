/* What a compiled file would do, for people: steps and tasks for `plan`. */
#include "compiler/compilation.h"
#include "model/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define HEAD_WIDTH 72
#define URIS_SHOWN 4

/* The first line of a command's own text that is no comment, cut at a character. */
static void add_head(struct str *out, const char *identity)
{
	const char *last = identity, *line;
	size_t n;

	/* Behind the shell and the bound values: the first line that is neither. */
	line = strchr(identity, '\n');
	for (last = line ? line + 1 : identity; strncmp(last, "export ", 7) == 0 || *last == '#';) {
		const char *next = strchr(last, '\n');

		if (next == NULL)
			break;
		last = next + 1;
	}
	n = strcspn(last, "\n");
	if (n > HEAD_WIDTH) {
		n = HEAD_WIDTH;
		while (n > 0 && ((unsigned char)last[n] & 0xc0) == 0x80)
			n--;
		str_addf(out, "%.*s...", (int)n, last);
	} else {
		str_addf(out, "%.*s%s", (int)n, last, last[n] == '\n' && last[n + 1] ? " ..." : "");
	}
}

static void add_uris(struct str *out, const char *what, const struct submission_uri *uris, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i == URIS_SHOWN && n > URIS_SHOWN + 1) {
			str_addf(out, "      %-8s ... %zu more\n", "", n - i);
			break;
		}
		str_addf(out, "      %-8s %s%s\n", i ? "" : what, uris[i].uri, uris[i].actions);
	}
}

static void add_requirements(const struct submission *s, const struct submission_task *task,
                             struct str *out)
{
	size_t from = 0;

	/* Several tasks of one step have consecutive numbers: one word for all of them. */
	while (from < task->nrequires) {
		uint32_t step = 0;
		size_t to = from;

		while (step + 1 < s->step_count &&
		       s->steps[step + 1].first_task <= task->requires[from])
			step++;
		while (to < task->nrequires &&
		               task->requires[to] <
		                       s -> steps[step].first_task + s->steps[step].task_count)
			to++;
		str_addf(out, "%s%s", from ? ", " : "      waits    ", s->steps[step].name);
		if (s->steps[step].task_count > 1)
			str_addf(out, " (%zu of %u)", to - from, s->steps[step].task_count);
		if (task->gathers != NULL && task->gathers[from] != UINT32_MAX)
			str_addf(out, ", of which %u may fail",
			         task->may_fail[task->gathers[from]]);
		from = to;
	}
	if (task->nrequires > 0)
		str_adds(out, task->row.accept_failure == 1 ? ", failed or not\n" : "\n");
}

/* As the file would have it: memory in bytes, times in seconds. */
static void add_amount(const char *field, json_t *value, struct str *out)
{
	struct value v = VALUE_BAD_INIT;

	if (json_is_integer(value) && strcmp(field, "memory") == 0)
		v = value_number(VALUE_SIZE, json_integer_value(value));
	else if (json_is_integer(value) && strstr(field, "_timeout") != NULL)
		v = value_number(VALUE_DURATION, json_integer_value(value) * 1000);
	if (v.kind != VALUE_BAD)
		value_write(&v, out);
	else if (json_is_string(value))
		str_adds(out, json_string_value(value));
	else
		json_print(value, out);
}

/* "attempt 2 memory=32GB": what an attempt has of its own. */
static void add_attempts(const struct submission_task *task, struct str *out)
{
	const struct table *t = table_get(TABLE_TASK);
	json_t *attempts =
	        task->row.attempt_settings ? json_loads(task->row.attempt_settings, 0, NULL) : NULL;

	for (size_t i = 0; i < json_array_size(attempts); i++) {
		json_t *settings = json_array_get(attempts, i);

		if (json_object_size(settings) == 0)
			continue;
		str_addf(out, "      attempt %zu", i + 1);
		for (unsigned k = 0; k < t->nfields; k++) {
			json_t *value = json_object_get(settings, t->fields[k].name);

			if (value == NULL)
				continue;
			str_addf(out, " %s=", t->fields[k].name);
			add_amount(t->fields[k].name, value, out);
		}
		str_addc(out, '\n');
	}
	json_decref(attempts);
}

static void add_task(const struct submission *s, uint32_t i, struct arena *arena, struct str *out)
{
	struct submission_task task;

	s->task(s, i, arena, &task);
	str_addf(out, "    %s\n", task.row.name);
	if (i >= s->first_removal) {
		add_uris(out, "deletes", task.inputs, task.ninputs);
	} else {
		str_adds(out, "      runs     ");
		add_head(out, task.identity_command);
		str_addc(out, '\n');
		add_uris(out, "takes", task.inputs, task.ninputs);
		add_uris(out, "with", task.resources, task.nresources);
		str_addf(out, "      writes   %s\n", task.row.output);
	}
	add_requirements(s, &task, out);
	if (task.row.retry > 0)
		str_addf(out, "      retries  %" PRId64 "\n", task.row.retry);
	add_attempts(&task, out);
	if (task.row.priority != 0)
		str_addf(out, "      priority %" PRId64 "\n", task.row.priority);
}

/* Who hires workers for the step, where somebody does. */
static void add_recruiters(const struct submission *s, const struct submission_step *step,
                           struct str *out)
{
	for (size_t i = 0; i < s->recruiter_count; i++) {
		const struct recruiter *r = &s->recruiters[i];

		if (strcmp(r->batch, step->batch) != 0 ||
		    (r->worker_provider == NULL && r->maximum_workers == INT_NULL))
			continue;
		str_addf(out, "    workers  %s", r->worker_flavor);
		if (r->worker_provider != NULL)
			str_addf(out, " of %s", r->worker_provider);
		if (r->worker_region != NULL)
			str_addf(out, " in %s", r->worker_region);
		if (r->maximum_workers != INT_NULL)
			str_addf(out, ", at most %" PRId64, r->maximum_workers);
		str_addf(out, ", one per %" PRId64 " task%s\n", r->tasks_per_worker,
		         r->tasks_per_worker == 1 ? "" : "s");
	}
}

/* What follows, and what it is given. */
static void add_next(const struct submission_next *next, struct str *out)
{
	str_addf(out, "  then %s\n", next->path);
	for (size_t i = 0; i < next->nparams; i++) {
		const struct submission_param *p = &next->params[i];

		if (p->text != NULL)
			str_addf(out, "    %s = %s\n", p->name, p->text);
		for (size_t k = 0; k < p->nuris && k < URIS_SHOWN; k++)
			str_addf(out, "    %s from %s\n", p->name, p->uris[k]);
		if (p->nuris > URIS_SHOWN)
			str_addf(out, "    %s ... %zu more\n", p->name, p->nuris - URIS_SHOWN);
	}
}

void compile_listing(const struct compilation *c, size_t tasks, struct str *out)
{
	const struct submission *s = compile_submission(c);
	struct arena arena;

	if (s == NULL)
		return;
	arena_init(&arena);
	str_addf(out, "%s: %u step%s, %u task%s\n", s->workflow, s->step_count,
	         s->step_count == 1 ? "" : "s", s->task_count, s->task_count == 1 ? "" : "s");
	if (s->maximum_workers != INT_NULL)
		str_addf(out, "  at most %" PRId64 " workers for all steps\n", s->maximum_workers);
	if (!isnan(s->max_cost))
		str_addf(out, "  nobody is hired beyond a cost of %g\n", s->max_cost);
	for (uint32_t i = 0; i < s->step_count; i++) {
		const struct submission_step *step = &s->steps[i];

		str_addf(out, "  %s  %u task%s  %s", step->name, step->task_count,
		         step->task_count == 1 ? "" : "s", step->source);
		for (size_t k = 0; k < step->nafter; k++)
			str_addf(out, "%s%s", k ? ", " : "  after ", s->steps[step->after[k]].name);
		str_addc(out, '\n');
		add_recruiters(s, step, out);
		for (uint32_t t = 0; t < step->task_count; t++) {
			if (tasks > 0 && t >= tasks) {
				str_addf(out, "    ... %u more\n", step->task_count - t);
				break;
			}
			arena_clear(&arena);
			add_task(s, step->first_task + t, &arena, out);
		}
	}
	for (size_t i = 0; i < s->hook_count; i++) {
		str_addf(out, "  %s  %s\n      runs     ", s->hooks[i].word,
		         s->hooks[i].row.source);
		add_head(out, s->hooks[i].text);
		str_addc(out, '\n');
	}
	for (size_t i = 0; i < s->next_count; i++)
		add_next(&s->nexts[i], out);
	arena_release(&arena);
}
