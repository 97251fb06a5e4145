/* Finding the tasks of a debugged run, and showing what is known of them. */
#include "net/url.h"
#include "runtime/debug_inside.h"

#include <string.h>

/* Tasks shown of a step, or of what failed; of one step alone. */
#define LISTED 5
#define LISTED_ALONE 100

/* ---- finding ---- */

static const struct submission_step *step_of(const struct debug *d, size_t i)
{
	return &d->follow->submission->steps[i];
}

/* Rows of tasks of the run, `most` of them; batch and more may be NULL. */
static json_t *tasks(struct debug *d, const char *batch, const char *more, int most)
{
	struct str path = STR_INIT;
	json_t *rows;

	str_addf(&path, "/tasks/?run_id=%lld&view=full&limit=%d", (long long)d->follow->run_id,
	         most);
	if (batch != NULL) {
		str_adds(&path, "&batch=");
		url_escape(&path, batch, strlen(batch));
	}
	str_adds(&path, more != NULL ? more : "");
	rows = debug_call(d, "GET", path.p, NULL);
	str_release(&path);
	return rows;
}

#define READY "&status=debug&resume_status=pending"

int64_t debug_waiting(const struct debug *d)
{
	int64_t n = 0;

	for (size_t i = 0; i < d->follow->view.nsteps; i++)
		n += d->follow->view.steps[i].debug;
	return n;
}

/* One of them that is not the last spoken of, where there is another. */
static json_t *first_but(const json_t *rows, int64_t task)
{
	json_t *row = json_array_get(rows, 0);

	if (member_int(row, "task_id") == task && json_array_size(rows) > 1)
		row = json_array_get(rows, 1);
	return json_incref(row);
}

json_t *debug_next(struct debug *d)
{
	json_t *next = NULL;

	if (!follow_refresh(d->follow)) {
		d->broken = true;
		return NULL;
	}
	for (size_t i = d->follow->view.nsteps; i-- > 0 && !d->broken;) {
		json_t *rows, *row;

		if (d->follow->view.steps[i].debug == 0)
			continue;
		rows = tasks(d, step_of(d, i)->batch, READY, 2);
		row = first_but(rows, d->task);
		json_decref(rows);
		if (row != NULL && member_int(row, "task_id") != d->task) {
			json_decref(next);
			return row;
		}
		/* Another one of an earlier step goes first. */
		if (next == NULL)
			next = row;
		else
			json_decref(row);
	}
	return next;
}

static json_t *find_named(struct debug *d, const char *name)
{
	struct str more = STR_INIT;
	json_t *rows, *row;

	str_adds(&more, "&name=");
	url_escape(&more, name, strlen(name));
	rows = tasks(d, NULL, more.p, 1);
	row = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	str_release(&more);
	return row;
}

/* Of a step: one that is ready, else one that is there. */
static json_t *find_in_step(struct debug *d, const char *step)
{
	json_t *row = NULL;

	for (size_t i = 0; i < d->follow->view.nsteps && row == NULL && !d->broken; i++) {
		const char *const more[] = {READY, NULL};

		if (strcmp(step_of(d, i)->name, step) != 0)
			continue;
		for (size_t k = 0; k < 2 && row == NULL && !d->broken; k++) {
			json_t *rows = tasks(d, step_of(d, i)->batch, more[k], 2);

			row = k == 0 ? first_but(rows, d->task)
			             : json_incref(json_array_get(rows, 0));
			json_decref(rows);
		}
	}
	return row;
}

json_t *debug_find(struct debug *d, const char *word)
{
	bool is_number = *word != '\0' && word[strspn(word, "0123456789")] == '\0';
	json_t *row = NULL;

	if (*word == '\0' && d->task == 0)
		progress_say(d->out, "which task? `list` shows those that there are");
	else if (*word == '\0')
		return debug_get(d, "/tasks/%lld?view=full", (long long)d->task);
	else if (is_number)
		row = debug_get(d, "/tasks/%s?view=full", word);
	else if ((row = find_named(d, word)) == NULL && !d->broken)
		row = find_in_step(d, word);
	if (row != NULL && member_int(row, "run_id") != d->follow->run_id) {
		progress_say(d->out, "task %s is none of this run", word);
		json_decref(row);
		return NULL;
	}
	if (row == NULL && !is_number && *word != '\0' && !d->broken)
		progress_say(d->out, "there is no task `%s`: `list` shows those that there are",
		             word);
	return row;
}

json_t *debug_execution(struct debug *d, int64_t task_id)
{
	json_t *rows = debug_get(
	        d, "/executions/?task_id=%lld&latest=true&no_output=true&view=full&limit=1",
	        (long long)task_id);
	json_t *row = json_incref(json_array_get(rows, 0));

	json_decref(rows);
	return row;
}

/* ---- list ---- */

static void list_row(struct debug *d, const json_t *task)
{
	int64_t failures = member_int(task, "attempts");
	struct str name = STR_INIT;

	debug_name(task, &name);
	if (failures > 0 && strcmp(member_text(task, "status"), "debug") == 0)
		str_addf(&name, "  failed %lld time%s", (long long)failures,
		         failures == 1 ? "" : "s");
	progress_say(d->out, "  %6lld  %s", (long long)member_int(task, "task_id"), name.p);
	str_release(&name);
}

/* Tasks of a step under their title. */
static void list_tasks(struct debug *d, size_t i, const char *title, const char *more, int most)
{
	json_t *rows = tasks(d, step_of(d, i)->batch, more, most + 1), *row;
	size_t k;

	if (json_array_size(rows) > 0)
		progress_say(d->out, "%s, %s:", step_of(d, i)->name, title);
	json_array_foreach(rows, k, row)
	{
		if (k < (size_t)most)
			list_row(d, row);
	}
	if (json_array_size(rows) > (size_t)most)
		progress_say(d->out, "          and more");
	json_decref(rows);
}

/* "stats: 4 wait for align, 2 done" */
static void list_rest(struct debug *d, size_t i)
{
	const struct step_view *v = &d->follow->view.steps[i];
	struct str line = STR_INIT;
	json_t *rows = v->debug > 0 ? tasks(d, step_of(d, i)->batch,
	                                    "&status=debug&resume_status=waiting", 1)
	                            : NULL;
	const int64_t done = v->succeeded + v->reused;

	if (json_array_size(rows) > 0 && v->waits_for != NULL)
		str_addf(&line, ", waits for %s", v->waits_for);
	else if (json_array_size(rows) > 0)
		str_adds(&line, ", more wait");
	if (done > 0)
		str_addf(&line, ", %lld of %lld done", (long long)done, (long long)v->total);
	if (line.len > 0)
		progress_say(d->out, "%s%s", v->name, line.p);
	json_decref(rows);
	str_release(&line);
}

void debug_list(struct debug *d, const char *step)
{
	const struct run_view *v = &d->follow->view;
	bool found = *step == '\0';
	int most = found ? LISTED : LISTED_ALONE;

	if (!follow_refresh(d->follow)) {
		d->broken = true;
		return;
	}
	for (size_t i = 0; i < v->nsteps && !d->broken; i++) {
		if (*step != '\0' && strcmp(step, v->steps[i].name) != 0)
			continue;
		found = true;
		if (v->steps[i].running > 0)
			list_tasks(d, i, "running", "&status=running", most);
		if (v->steps[i].pending > 0)
			list_tasks(d, i, "pending", "&status=pending", most);
		if (v->steps[i].failed > 0)
			list_tasks(d, i, "failed", "&status=failed", most);
		if (v->steps[i].debug > 0)
			list_tasks(d, i, "ready", READY, most);
		list_rest(d, i);
	}
	if (!found)
		progress_say(d->out, "there is no step `%s`", step);
}

/* ---- show ---- */

static void show_text(struct debug *d, const char *what, const char *value)
{
	const char *line = value;

	while (*line != '\0') {
		size_t n = strcspn(line, "\n");

		progress_say(d->out, "  %-10s %.*s", line == value ? what : "", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

/* URIs stand one below the other. */
static void show_uris(struct debug *d, const char *what, const char *uris)
{
	struct str lines = STR_INIT;

	str_adds(&lines, uris);
	for (size_t i = 0; i < lines.len; i++)
		lines.p[i] = lines.p[i] == ' ' ? '\n' : lines.p[i];
	show_text(d, what, lines.len > 0 ? lines.p : "");
	str_release(&lines);
}

static void show_required(struct debug *d, const json_t *task)
{
	const json_t *ids = json_object_get(task, "required_task_ids");
	const char *what = "requires";
	json_t *rows = NULL, *row;
	size_t i;

	if (json_array_size(ids) > 0)
		rows = debug_call(d, "GET", "/tasks/",
		                  json_pack("{s:O, s:i}", "task_id", ids, "limit", LISTED));
	json_array_foreach(rows, i, row)
	{
		struct str name = STR_INIT;

		debug_name(row, &name);
		progress_say(d->out, "  %-10s %s (%s)", what, name.p, member_text(row, "status"));
		what = "";
		str_release(&name);
	}
	if (json_array_size(ids) > LISTED)
		progress_say(d->out, "  %-10s and %zu more", "", json_array_size(ids) - LISTED);
	json_decref(rows);
}

static void show_limits(struct debug *d, const json_t *task)
{
	static const char *const seconds[] = {"run_timeout", "download_timeout", "upload_timeout"};
	const double cpu = json_number_value(json_object_get(task, "cpu"));
	const int64_t memory = member_int(task, "memory");
	struct str line = STR_INIT;

	if (cpu > 0)
		str_addf(&line, ", cpu %.6g", cpu);
	if (memory > 0)
		str_addf(&line, ", memory %.3g GB", (double)memory / 1e9);
	if (member_int(task, "retry") > 0)
		str_addf(&line, ", retry %lld", (long long)member_int(task, "retry"));
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		if (member_int(task, seconds[i]) > 0)
			str_addf(&line, ", %s %lld s", seconds[i],
			         (long long)member_int(task, seconds[i]));
	}
	show_text(d, "limits", line.len > 0 ? line.p + 2 : "");
	str_release(&line);
}

static void show_command(struct debug *d, const json_t *task)
{
	struct str text = STR_INIT;

	if (d->editor->written(d->editor->context, task, &text)) {
		show_text(d, "command", text.p);
	} else {
		show_text(d, "command", member_text(task, "command"));
		show_text(d, "script", member_text(task, "script"));
	}
	str_release(&text);
}

void debug_show(struct debug *d, const json_t *task)
{
	struct str name = STR_INIT, variables = STR_INIT;

	debug_name(task, &name);
	progress_say(d->out, "%s  task %lld  %s  %s", name.p,
	             (long long)member_int(task, "task_id"), member_text(task, "status"),
	             member_text(task, "source"));
	show_command(d, task);
	show_text(d, "container", member_text(task, "container"));
	show_text(d, "options", member_text(task, "container_options"));
	show_uris(d, "input", member_text(task, "input"));
	show_uris(d, "resource", member_text(task, "resource"));
	show_text(d, "output", member_text(task, "output"));
	show_limits(d, task);
	show_required(d, task);
	str_addf(&variables, "INPUT OUTPUT RESOURCE TEMP CPU\nSCITQ_TASK_NAME=%s SCITQ_BATCH=%s",
	         name.p, member_text(task, "batch"));
	show_text(d, "variables", variables.p);
	str_release(&name);
	str_release(&variables);
}

/* ---- why ---- */

void debug_why(struct debug *d, const json_t *task)
{
	json_t *why = debug_get(d, "/tasks/%lld/why", (long long)member_int(task, "task_id"));

	if (why != NULL)
		progress_say(d->out, "%s", member_text(why, "why"));
	json_decref(why);
}
