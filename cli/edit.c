#include "cli/edit.h"

#include "base/fd.h"
#include "cli/attend.h"
#include "cli/edit_inside.h"
#include "cli/io.h"
#include "runtime/session.h"

#include <stdio.h>
#include <string.h>

const struct command_option edit_how[] = {
        {0, "from", "FILE", "the new text, - is standard input; else $VISUAL or $EDITOR is opened"},
        {0, "retry", NULL, "run those again that failed"},
        {0, "detach", NULL, "with it, on a private server: do not stay until they are done"},
        {0, "apply", NULL, "change the .scitq file too"},
        {0, "patch", "FILE", "write the change of the .scitq file there (standard output)"},
        {0, "alone", NULL, "the tasks alone, without their .scitq file"},
        {0, "source", "FILE", "where the .scitq file is (where the run was started from)"},
        {0, "param", "NAME=VALUE", "in place of what scitq-run got; also several times"},
        {0, "set", "[STEP.]KEY=VALUE", "in place of what scitq-run got; also several times"},
        {0, "profile", "NAME", "in place of what scitq-run got"},
        {0, NULL, NULL, NULL},
};

int edit_status(const json_t *row)
{
	return status_parse(task_status_words, TASK_STATUS_COUNT, member_text(row, "status"));
}

bool edit_may_change(const struct edit *e, const json_t *row)
{
	int status = edit_status(row);

	return status >= 0 && status != TASK_RUNNING &&
	       (status != TASK_SUCCEEDED ||
	        (e->picked != 0 && member_int(row, "task_id") == e->picked));
}

/* ---- which tasks ---- */

static void add_row(void *context, const json_t *row)
{
	json_array_append(context, (json_t *)(uintptr_t)row);
}

bool edit_list(struct edit *e, const char *run, const char *filter, const char *value, json_t *rows)
{
	struct str list = STR_INIT;
	bool ok;

	str_adds(&list, "/tasks/");
	query_add(&list, "run_id", run);
	query_add(&list, "view", "full");
	if (filter != NULL)
		query_add(&list, filter, value);
	ok = object_rows(&e->call, object_named("task"), list.p, add_row, rows);
	str_release(&list);
	return ok;
}

/* RUN STEP:KEY is a task, RUN STEP all of that step. */
static bool choose_in_run(struct edit *e, const char *word, const char *name)
{
	struct keys keys = {0};
	struct str batch = STR_INIT;
	bool ok = object_key(&e->call, object_named("run"), word, &keys);
	const char *run = ok ? keys.list.v[0] : NULL;

	e->run = ok ? object_get(&e->call, object_named("run"), run) : NULL;
	ok = e->run != NULL && edit_list(e, run, "name", name, e->chosen);
	str_addf(&batch, "%s.%s", member_text(e->run, "name"), name);
	if (ok && json_array_size(e->chosen) == 0)
		ok = edit_list(e, run, "batch", batch.p, e->chosen);
	e->whole = ok && text_same(member_string(json_array_get(e->chosen, 0), "batch"), batch.p);
	if (ok && json_array_size(e->chosen) == 0)
		ok = call_fail(&e->call, EXIT_CODE_SERVER,
		               "scitq task list --run shows them; those that were reused are of "
		               "other runs",
		               "run %s has neither a task nor a step named %s", run, name);
	keys_release(&keys);
	str_release(&batch);
	return ok;
}

static bool choose_tasks(struct edit *e)
{
	struct keys keys = {0};
	struct str run = STR_INIT;
	bool ok = object_keys(&e->call, object_named("task"), &keys);
	json_int_t first = 0;

	for (size_t i = 0; ok && i < keys.list.n; i++) {
		json_t *row = object_get(&e->call, object_named("task"), keys.list.v[i]);
		json_int_t of = json_integer_value(json_object_get(row, "run_id"));

		ok = row != NULL;
		if (i == 0)
			first = of;
		else if (ok && of != first)
			ok = call_fail(&e->call, EXIT_CODE_USAGE, NULL,
			               "the tasks are of several runs");
		if (row != NULL)
			json_array_append_new(e->chosen, row);
	}
	if (ok && first > 0) {
		str_addf(&run, "%" JSON_INTEGER_FORMAT, first);
		e->run = object_get(&e->call, object_named("run"), run.p);
		ok = e->run != NULL;
	}
	keys_release(&keys);
	str_release(&run);
	return ok;
}

/* row NULL: of several. */
static bool cannot_change(struct edit *e, const json_t *row)
{
	const char *name = member_string(row, "name");

	return call_fail(&e->call, EXIT_CODE_SERVER, NULL, "nothing can be changed: %s%s",
	                 row == NULL    ? "all of them run or have succeeded"
	                 : name != NULL ? name
	                                : "the task",
	                 row == NULL                        ? ""
	                 : edit_status(row) == TASK_RUNNING ? " runs"
	                                                    : " has succeeded");
}

/* They have one text, and some can be changed. */
static bool check_chosen(struct edit *e)
{
	size_t i;
	json_t *row;

	json_array_foreach(e->chosen, i, row)
	{
		const char *name = member_string(row, "name");

		if (name != NULL)
			json_object_set_new(e->names, name, json_true());
		if (!edit_may_change(e, row))
			continue;
		if (e->first == NULL)
			e->first = row;
		else if (!text_same(member_string(e->first, "source"),
		                    member_string(row, "source")))
			return call_fail(&e->call, EXIT_CODE_USAGE,
			                 "name one of them, RUN STEP:KEY",
			                 "the tasks have several texts");
	}
	return e->first != NULL || cannot_change(e, i == 1 ? json_array_get(e->chosen, 0) : NULL);
}

bool edit_choose_like(struct edit *e, const json_t *task)
{
	json_t *rows = json_array(), *row;
	struct str run = STR_INIT;
	size_t i;
	bool ok;

	e->picked = member_int(task, "task_id");
	ok = edit_may_change(e, task) || cannot_change(e, task);
	str_addf(&run, "%" JSON_INTEGER_FORMAT,
	         json_integer_value(json_object_get(task, "run_id")));
	e->whole = true;
	e->run = ok ? object_get(&e->call, object_named("run"), run.p) : NULL;
	ok = e->run != NULL && edit_list(e, run.p, "batch", member_text(task, "batch"), rows);
	json_array_foreach(rows, i, row)
	{
		if (text_same(member_string(row, "source"), member_string(task, "source")))
			json_array_append(e->chosen, row);
	}
	json_decref(rows);
	str_release(&run);
	return ok && check_chosen(e);
}

static bool choose(struct edit *e)
{
	const struct command_call *command = e->call.command;

	return (command->nwords == 2 ? choose_in_run(e, command->words[0], command->words[1])
	                             : object_no_run_alone(&e->call) && choose_tasks(e)) &&
	       check_chosen(e);
}

/* ---- what is told ---- */

static size_t count(const struct edit *e, enum task_status status)
{
	size_t i, n = 0;
	json_t *row;

	json_array_foreach(e->chosen, i, row)
	{
		n += edit_status(row) == (int)status;
	}
	return n;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

void edit_tell(const struct edit *e)
{
	size_t done = count(e, TASK_SUCCEEDED) - e->reopened, all = json_array_size(e->chosen);
	/* Some may have begun while we looked. */
	size_t run = all - e->changed - done, failed = json_array_size(e->failed);

	fprintf(stderr, "%zu task%s changed", e->changed, plural(e->changed));
	if (e->withdrawn > 0)
		fprintf(stderr, ", %zu of them taken back from workers", e->withdrawn);
	if (done + run > 0)
		fputs("; as before:", stderr);
	if (run > 0)
		fprintf(stderr, " %zu that run%s", run, run == 1 ? "s" : "");
	if (done > 0)
		fprintf(stderr, "%s %zu that succeeded", run > 0 ? "," : "", done);
	fputc('\n', stderr);
	if (e->debug != NULL)
		return;
	if (failed > 0 && command_has(e->call.command, "retry"))
		fprintf(stderr, "%zu that had failed run%s again\n", failed,
		        failed == 1 ? "s" : "");
	else if (failed > 0)
		fprintf(stderr, "%zu had failed, and wait%s for scitq retry\n", failed,
		        failed == 1 ? "s" : "");
}

/* The run is that of the file as it is now: scitq-run joins it, or finds what it made. */
static bool name_plan(struct edit *e)
{
	struct str path = STR_INIT, key = STR_INIT;
	json_t *reply;

	if (e->apart)
		return true;
	object_row_key(object_named("run"), e->run, &key);
	object_path(object_named("run"), key.p, &path);
	reply = call_json(&e->call, "PUT", path.p, json_pack("{s:s}", "digest", e->program.digest));
	json_decref(reply);
	str_release(&path);
	str_release(&key);
	return reply != NULL;
}

/* The patch, where it is wanted; the file, where that is. */
static bool tell_patch(struct edit *e)
{
	const struct command_call *command = e->call.command;
	const char *path = command_value(command, "patch");
	struct str patch = STR_INIT;
	int err = 0;

	program_patch(&e->program, &patch);
	if (path != NULL)
		err = file_replace(path, patch.p, patch.len, 0644);
	else
		e->call.code = io_print(&patch);
	if (err != 0)
		call_fail(&e->call, EXIT_CODE_INFRASTRUCTURE, NULL, "%s: %s", path, strerror(-err));
	str_release(&patch);
	if (e->call.code != EXIT_CODE_OK)
		return false;
	if (!command_has(command, "apply"))
		fprintf(stderr, "%s is as it was; this patch is its part of the change\n",
		        e->program.text_path);
	else if (program_write(&e->program, &e->call))
		program_tell_written(e->program.text_path, e->program.place.path != NULL);
	return e->call.code == EXIT_CODE_OK;
}

/* Who works on it, where nobody does. */
static void add_work(const struct edit *e, struct attend *attend)
{
	const struct command_call *command = e->call.command;
	bool again = command_has(command, "retry") && json_array_size(e->failed) > 0;

	if (again || e->changed > json_array_size(e->failed))
		attend_task(attend, e->first);
}

void edit_init(struct edit *e)
{
	*e = (struct edit){.chosen = json_array(),
	                   .names = json_object(),
	                   .failed = json_array(),
	                   .text = STR_INIT};
}

void edit_release(struct edit *e)
{
	if (e->with_program)
		program_close(&e->program);
	json_decref(e->run);
	json_decref(e->chosen);
	json_decref(e->names);
	json_decref(e->failed);
	str_release(&e->text);
}

int edit(const struct command_call *command)
{
	struct attend attend = {0};
	struct edit e;
	int code;

	edit_init(&e);
	if (call_open(&e.call, command) && choose(&e) && edit_read(&e) && edit_change(&e) &&
	    edit_tasks(&e)) {
		edit_tell(&e);
		if (!e.with_program || (tell_patch(&e) && name_plan(&e)))
			add_work(&e, &attend);
	} else {
		edit_keep(&e);
	}
	if (command_has(command, "retry")) {
		code = attend_carry(&attend, &e.call, command_has(command, "detach"));
	} else {
		attend_tell(&attend, &e.call);
		code = call_close(&e.call);
	}
	attend_release(&attend);
	edit_release(&e);
	return code;
}
