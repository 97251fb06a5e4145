/* The text that tasks of `scitq edit` have, and the one that they are to have. */
#include "cli/edit_inside.h"

#include "cli/editor.h"
#include "cli/io.h"
#include "runtime/debug.h"
#include "runtime/session.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One that was changed without its file has no identity: what that is made of. */
static bool is_row_of(const json_t *row, const struct task *task)
{
	return text_same(member_string(row, "command"), task->command) &&
	       text_same(member_string(row, "script"), task->script) &&
	       text_same(member_string(row, "container"), task->container) &&
	       text_same(member_string(row, "container_options"), task->container_options) &&
	       text_same(member_string(row, "input"), task->input) &&
	       text_same(member_string(row, "resource"), task->resource) &&
	       text_same(member_string(row, "attempt_settings"), task->attempt_settings);
}

/* As the compiler would cut it: what the run knows of its tasks must be what the file says. */
static bool check_program(struct edit *e)
{
	const struct submission *s = program_before(&e->program);
	struct arena arena;
	struct str help = STR_INIT;
	json_t *rows = json_object(), *row;
	size_t i;
	bool ok = true;

	str_addf(&help, "scitq-run plan --diff tells in what; %s", program_as_run(e->drafts));
	json_array_foreach(e->chosen, i, row)
	{
		if (edit_may_change(e, row))
			json_object_set(rows, member_text(row, "name"), row);
	}
	arena_init(&arena);
	for (uint32_t t = 0; ok && t < s->task_count && json_object_size(rows) > 0; t++) {
		struct submission_task task = {0};
		const char *identity;

		arena_clear(&arena);
		s->task(s, t, &arena, &task);
		row = json_object_get(rows, task.row.name);
		identity = member_string(row, "identity");
		if (row == NULL)
			continue;
		if (identity != NULL ? strncmp(identity, e->program.ids_before.text[t],
		                               DIGEST_TEXT_SIZE - 1) != 0
		                     : !is_row_of(row, &task.row))
			ok = call_fail(&e->call, EXIT_CODE_USAGE, help.p,
			               "task %s is another than %s makes it", task.row.name,
			               e->program.path);
		json_object_del(rows, task.row.name);
	}
	if (ok && json_object_size(rows) > 0)
		ok = call_fail(&e->call, EXIT_CODE_USAGE, program_as_run(e->drafts),
		               "%s makes no task %s", e->program.path,
		               json_object_iter_key(json_object_iter(rows)));
	arena_release(&arena);
	json_decref(rows);
	str_release(&help);
	return ok;
}

/* The text of one task and, where it has a shell, what stands before; in the arena. */
bool edit_written(struct edit *e, const json_t *row, struct arena *arena, struct written *w,
                  const char **text)
{
	const char *command = member_text(row, "command"), *script = member_string(row, "script");
	struct str error = STR_INIT;
	bool ok = written_read(command, script, arena, w, &error);

	if (!ok)
		call_fail(&e->call, EXIT_CODE_SERVER, NULL, "%s", error.p);
	else
		*text = w->shell != NULL ? w->prologue.text : script != NULL ? script : command;
	str_release(&error);
	return ok;
}

static bool read_alone(struct edit *e)
{
	struct written w;
	struct arena arena;
	const char *text = NULL;
	bool ok;

	arena_init(&arena);
	ok = edit_written(e, e->first, &arena, &w, &text);
	if (ok)
		str_adds(&e->text, text);
	if (ok && (e->text.len == 0 || e->text.p[e->text.len - 1] != '\n'))
		str_addc(&e->text, '\n');
	arena_release(&arena);
	return ok;
}

/* The names of those tasks of a step that have the text. */
static void names_sharing(struct edit *e, const struct submission_step *step, json_t *names)
{
	const struct submission *s = program_before(&e->program);
	struct arena arena;

	arena_init(&arena);
	for (uint32_t t = step->first_task; t < step->first_task + step->task_count; t++) {
		struct submission_task task = {0};

		if (!program_shares(&e->program, t))
			continue;
		arena_clear(&arena);
		s->task(s, t, &arena, &task);
		json_object_set_new(names, task.row.name, json_true());
	}
	arena_release(&arena);
}

static bool add_step(struct edit *e, const char *batch, const json_t *names)
{
	json_t *rows = json_array(), *row;
	struct str run = STR_INIT;
	size_t i;
	bool ok;

	object_row_key(object_named("run"), e->run, &run);
	ok = edit_list(e, run.p, "batch", batch, rows);
	json_array_foreach(rows, i, row)
	{
		const char *name = member_text(row, "name");

		if (json_object_get(names, name) == NULL)
			continue;
		json_array_append(e->chosen, row);
		json_object_set_new(e->names, name, json_true());
	}
	json_decref(rows);
	str_release(&run);
	return ok;
}

/* A step with parameters has one text for all that use it: their tasks get it, too. */
static bool add_sharing(struct edit *e)
{
	const struct submission *s = program_before(&e->program);
	const char *batch = member_text(e->first, "batch");
	bool ok = true;

	for (uint32_t i = 0; ok && i < s->step_count; i++) {
		json_t *names = json_object();

		if (strcmp(s->steps[i].batch, batch) != 0)
			names_sharing(e, &s->steps[i], names);
		if (json_object_size(names) > 0) {
			fprintf(stderr, "step %s has the same text, and gets the new one, too\n",
			        s->steps[i].name);
			ok = add_step(e, s->steps[i].batch, names);
		}
		json_decref(names);
	}
	return ok;
}

bool edit_read(struct edit *e)
{
	const struct command_call *command = e->call.command;
	const char *path = command_value(command, "source");
	const char *name = member_string(e->first, "name");

	if (path == NULL)
		path = member_string(e->run, "source");
	if (command_has(command, "alone") || path == NULL || name == NULL) {
		if (command_has(command, "apply") || command_has(command, "patch"))
			return call_fail(&e->call, EXIT_CODE_USAGE, NULL,
			                 "without a .scitq file there is nothing to patch");
		return read_alone(e);
	}
	if (access(path, R_OK) != 0)
		return call_fail(&e->call, EXIT_CODE_USAGE,
		                 "--source names it; --alone changes the tasks without it",
		                 "the .scitq file of the run, %s, is not here", path);
	e->with_program = true;
	if (!program_open(&e->program, e->drafts, &e->call, path, e->run, name) ||
	    (e->whole && !add_sharing(e)) || !check_program(e))
		return false;
	str_add(&e->text, e->program.place.text, e->program.place.len);
	return true;
}

static bool wants_again(const struct edit *e)
{
	static const char question[] = "edit it again? [Y/n] ";
	char answer[8];

	if (e->debug != NULL)
		return debug_confirm(e->debug, question, true);
	if (!isatty(STDIN_FILENO))
		return false;
	fputs(question, stderr);
	return fgets(answer, sizeof(answer), stdin) != NULL && answer[0] != 'n' && answer[0] != 'N';
}

static const char *suffix_of(const struct edit *e)
{
	return e->with_program && e->program.place.list ? ".scitq" : ".sh";
}

void edit_keep(const struct edit *e)
{
	if (e->typed)
		editor_keep(suffix_of(e), &e->text);
}

/* What it is to be, compiled where there is a file. False where nothing is to be done. */
bool edit_change(struct edit *e)
{
	const char *from = command_value(e->call.command, "from");
	struct str was = STR_INIT;
	bool ok;

	str_add(&was, e->text.p, e->text.len);
	do {
		e->call.code = EXIT_CODE_OK;
		if (from == NULL) {
			ok = editor_change(&e->call, e->debug, suffix_of(e), &e->text);
		} else {
			str_reset(&e->text);
			ok = io_read(strcmp(from, "-") == 0 ? "/dev/stdin" : from, &e->text);
			if (!ok)
				e->call.code = EXIT_CODE_USAGE;
		}
		if (!ok)
			break;
		if (e->text.len > 0 && e->text.p[e->text.len - 1] != '\n')
			str_addc(&e->text, '\n');
		if (text_same(was.p, e->text.p)) {
			fputs("nothing is changed\n", stderr);
			ok = false;
		} else if (e->with_program) {
			ok = program_change(&e->program, &e->call, &e->text);
		}
	} while (!ok && e->call.code == EXIT_CODE_COMPILE && from == NULL && wants_again(e));
	e->typed = from == NULL && !text_same(was.p, e->text.p);
	str_release(&was);
	return ok;
}
