#include "cli/shell.h"

#include "base/fd.h"
#include "cli/object.h"
#include "cli/written.h"
#include "model/attempt.h"
#include "model/json.h"
#include "model/member.h"
#include "runtime/session.h"
#include "worker/room.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In $TEMP. */
#define COMMAND_FILE "command.sh"
#define START_FILE ".shell"

/* ---- what a worker would be granted ---- */

/* The task's row as its last attempt had it, or its first one will. */
static json_t *grant_of(struct call *c, json_t *task)
{
	struct problem problem = {0};
	struct arena arena;
	struct task row;
	json_t *grant = NULL;

	arena_init(&arena);
	row_default(table_get(TABLE_TASK), &row);
	if (row_from_other_json(table_get(TABLE_TASK), task, &row, &arena, &problem) &&
	    attempt_settings_apply(&row,
	                           row.attempts > 0 && row.status == TASK_FAILED
	                                   ? (unsigned)row.attempts - 1
	                                   : (unsigned)row.attempts,
	                           &arena, &problem)) {
		if (command_has(c->command, "no-inputs"))
			row.input = row.resource = NULL;
		grant = row_to_json(table_get(TABLE_TASK), &row, VIEW_FULL);
		json_object_set_new(grant, "execution_id", json_integer(0));
	} else {
		call_fail(c, EXIT_CODE_SERVER, NULL,
		          "the server tells of the task what cannot be read: %s", problem.message);
	}
	arena_release(&arena);
	return grant;
}

/*
 * What a task of which some requirements failed does without is known once it was granted: its last
 * execution has the inputs as they were. False with the call's code set.
 */
static bool settle_inputs(struct call *c, json_t *task)
{
	static const char *const given[] = {"input", "resource"};
	struct str path = STR_INIT, number = STR_INIT;
	json_t *rows, *last;

	if (!json_is_true(json_object_get(task, "partial")) &&
	    !json_is_true(json_object_get(task, "accept_failure")))
		return true;
	object_row_key(object_named("task"), task, &number);
	str_adds(&path, "/executions/");
	query_add(&path, "task_id", number.p);
	query_add(&path, "latest", "true");
	query_add(&path, "no_output", "true");
	query_add(&path, "view", "full");
	rows = call_json(c, "GET", path.p, NULL);
	last = json_array_get(rows, 0);
	for (size_t i = 0; last != NULL && i < sizeof(given) / sizeof(given[0]); i++)
		json_object_set(task, given[i], json_object_get(last, given[i]));
	str_release(&path);
	str_release(&number);
	json_decref(rows);
	return rows != NULL;
}

/* A directory of our own, to be freed; NULL with the call's code set. */
static char *make_directory(struct call *c)
{
	const char *below = command_value(c->command, "dir");
	struct str path = STR_INIT;

	if (below == NULL || *below == '\0')
		below = temporary_place();
	str_addf(&path, "%s/scitq-shell-XXXXXX", below);
	if (mkdtemp(path.p) != NULL)
		return str_detach(&path);
	call_fail(c, EXIT_CODE_INFRASTRUCTURE, "--dir names another place", "cannot make %s: %s",
	          path.p, strerror(errno));
	str_release(&path);
	return NULL;
}

/* ---- what a person finds there ---- */

struct visit {
	struct call *c;
	const json_t *grant;
	const char *name; /* of the task */
	struct room *room;
	struct written written;
	struct arena arena; /* of all texts */
};

/* What a shell shows before each line; of a foreign name only what no shell reads as more. */
static void add_prompt(struct str *out, const char *name, const char *end)
{
	str_adds(out, "PS1='");
	for (; *name != '\0'; name++)
		str_addc(out, strchr("'\\$`!%\n", *name) == NULL && (unsigned char)*name >= ' '
		                      ? *name
		                      : '?');
	str_addf(out, " %s'\n", end);
}

/* What an interactive shell reads first: lists, which no environment has. */
static bool lay_files(struct visit *v)
{
	struct str text = STR_INIT, start = STR_INIT;
	int err;

	written_script(&v->written, room_script(v->room), &text);
	for (size_t i = 0; i < v->written.prologue.nvalues; i++) {
		if (v->written.prologue.values[i].text == NULL)
			str_addf(&start, "%s\n", v->written.prologue.values[i].assignment);
	}
	add_prompt(&start, v->name,
	           v->written.shell != NULL && !written_is_bash(v->written.shell) ? "$ "
	                                                                          : "\\W \\$ ");
	err = room_lay(v->room, COMMAND_FILE, text.p, text.len, 0755);
	if (err == 0)
		err = room_lay(v->room, START_FILE, start.p, start.len, 0644);
	str_release(&text);
	str_release(&start);
	return err == 0 || call_fail(v->c, EXIT_CODE_INFRASTRUCTURE, NULL,
	                             "cannot write into its directory: %s", strerror(-err));
}

/* In the arena of the room, ended by NULL. */
static char **variables_of(struct visit *v, bool interactive)
{
	const struct prologue *p = &v->written.prologue;
	struct arena *arena = &v->arena;
	char **list = arena_array(arena, char *, p->nvalues + 3);
	size_t n = 0;

	for (size_t i = 0; i < p->nvalues; i++) {
		if (p->values[i].text != NULL)
			list[n++] =
			        arena_printf(arena, "%s=%s", p->values[i].name, p->values[i].text);
	}
	list[n++] = arena_printf(arena, "SCITQ_COMMAND=%s", room_path(v->room, COMMAND_FILE));
	if (interactive)
		list[n] = arena_printf(arena, "ENV=%s", room_path(v->room, START_FILE));
	return list;
}

/* The shell that the task's text is for. */
static char **shell_words(struct visit *v, bool interactive)
{
	struct arena *arena = &v->arena;
	const char *program = v->written.shell != NULL ? v->written.shell : "sh";
	char **words = arena_array(arena, char *, 6);
	size_t n = 0;

	words[n++] = arena_strdup(arena, program);
	if (written_is_bash(program) && interactive) {
		words[n++] = arena_strdup(arena, "--rcfile");
		words[n++] = arena_strdup(arena, room_path(v->room, START_FILE));
	} else if (strstr(program, "busybox") != NULL) {
		words[n++] = arena_strdup(arena, "sh");
	}
	if (interactive)
		words[n++] = arena_strdup(arena, "-i");
	return words;
}

static void introduce(const struct visit *v, const char *work)
{
	const struct prologue *p = &v->written.prologue;
	const char *image = member_string(v->grant, "container");
	int64_t memory = room_memory_each(v->room);

	fprintf(stderr, "task %" JSON_INTEGER_FORMAT "%s%s: ./" COMMAND_FILE " is its command\n",
	        json_integer_value(json_object_get(v->grant, "task_id")),
	        *v->name != '\0' ? ", " : "", v->name);
	for (size_t i = 0; i < p->nvalues; i++) {
		const char *text = p->values[i].assignment;

		if (text == NULL)
			fprintf(stderr, "  %s=%s\n", p->values[i].name, p->values[i].text);
		else
			fprintf(stderr, "  %s\n",
			        strncmp(text, "export ", 7) == 0 ? text + 7 : text);
	}
	if (image != NULL)
		fprintf(stderr, "  in %s\n", image);
	if (memory > 0)
		fprintf(stderr,
		        "  memory: %.1f GB for each process; no control group can be made here\n",
		        (double)memory / 1e9);
	fprintf(stderr, "  %s %s when you leave\n", work,
	        command_has(v->c->command, "keep") ? "stays" : "goes");
}

/* One line that is written over by the next. */
static void tell(const char *line)
{
	fprintf(stderr, "\r\033[K%s", line);
}

static bool furnish(struct visit *v)
{
	struct str error = STR_INIT;
	bool terminal = isatty(STDERR_FILENO);
	bool ok = room_furnish(v->room, terminal ? tell : NULL, &error);

	if (terminal)
		fputs("\r\033[K", stderr);
	if (!ok && error.len == 0)
		v->c->code = EXIT_CODE_INTERRUPTED;
	else if (!ok)
		call_fail(v->c, EXIT_CODE_INFRASTRUCTURE,
		          "--no-inputs goes without inputs and resources",
		          "what the task is given cannot be had: %s", error.p);
	str_release(&error);
	return ok;
}

static void go_in(struct visit *v, const char *work)
{
	const struct command_call *command = v->c->command;
	bool interactive = command->nbehind == 0 && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	char **words = command->nbehind > 0 ? command->behind : shell_words(v, interactive);
	struct str error = STR_INIT;
	int status = 0;

	if (interactive)
		introduce(v, work);
	if (room_run(v->room, words, variables_of(v, interactive), &status, &error) != 0)
		call_fail(v->c, EXIT_CODE_INFRASTRUCTURE, NULL, "%s", error.p);
	else
		v->c->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	str_release(&error);
}

static void visit(struct call *c, json_t *grant, const char *work)
{
	const char *name = member_string(grant, "name");
	struct visit v = {.c = c, .grant = grant, .name = name != NULL ? name : ""};
	bool keep = command_has(c->command, "keep");
	struct str error = STR_INIT;
	int err;

	arena_init(&v.arena);
	v.room = room_open(work, grant, &error);
	if (v.room == NULL ||
	    !written_read(member_string(grant, "command"), member_string(grant, "script"), &v.arena,
	                  &v.written, &error))
		call_fail(c, EXIT_CODE_INFRASTRUCTURE, NULL, "%s", error.p);
	else if (furnish(&v) && lay_files(&v))
		go_in(&v, work);
	err = v.room != NULL ? room_close(v.room, keep) : tree_remove(work);
	if (err != 0)
		call_fail(c, EXIT_CODE_INFRASTRUCTURE, NULL, "cannot remove %s: %s", work,
		          strerror(-err));
	else if (keep && v.room != NULL)
		fprintf(stderr, "%s: %s/task/0 is kept\n", c->command->program, work);
	arena_release(&v.arena);
	str_release(&error);
}

int shell(const struct command_call *command)
{
	struct keys keys = {0};
	struct call c;
	json_t *task = NULL, *grant = NULL;
	char *work = NULL;

	if (call_open(&c, command) && object_task(&c, &keys))
		task = object_get(&c, object_named("task"), keys.list.v[0]);
	if (task != NULL && settle_inputs(&c, task))
		grant = grant_of(&c, task);
	if (grant != NULL)
		work = make_directory(&c);
	if (work != NULL)
		visit(&c, grant, work);
	free(work);
	json_decref(grant);
	json_decref(task);
	keys_release(&keys);
	return call_close(&c);
}
