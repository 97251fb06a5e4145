#include "cli/launch.h"

#include "cli/attend.h"
#include "cli/io.h"
#include "cli/object.h"
#include "model/json.h"
#include "runtime/session.h"

#include <stdio.h>
#include <string.h>

/*
 * A word alone is a command line as it stands. Of several each is quoted where it must be, so that
 * the task's command splits into the same words again.
 */
static void join(const struct command_call *command, struct str *line)
{
	if (command->nwords == 1)
		str_adds(line, command->words[0]);
	for (size_t i = 0; command->nwords > 1 && i < command->nwords; i++) {
		const char *word = command->words[i];

		if (i > 0)
			str_addc(line, ' ');
		if (*word == '\0' || word[strcspn(word, " \t\n'\"\\")] != '\0')
			str_add_shell_quoted(line, word);
		else
			str_adds(line, word);
	}
}

/* --input and --resource may be given several times: one list of all. */
static void join_lists(const struct command_call *command, json_t *task)
{
	static const char *const names[] = {"input", "resource"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str all = STR_INIT;

		for (size_t k = 0; k < command->given.n; k++) {
			if (strcmp(command->given.v[k].option->name, names[i]) == 0)
				str_addf(&all, "%s%s", all.len > 0 ? " " : "",
				         command->given.v[k].value);
		}
		if (all.len > 0)
			json_object_set_new(task, names[i], json_text(all.p));
		str_release(&all);
	}
}

/* As another user: the container's, or by sudo outside one, as v1 did it. */
static void add_user(const struct command_call *command, json_t *task, struct str *line)
{
	const char *uid = command_value(command, "uid"), *gid = command_value(command, "gid");
	const char *given = json_string_value(json_object_get(task, "container_options"));
	struct str text = STR_INIT;

	if (uid == NULL && gid == NULL)
		return;
	if (json_object_get(task, "container") != NULL) {
		str_addf(&text, "-u %s%s%s", uid != NULL ? uid : "0", gid != NULL ? ":" : "",
		         gid != NULL ? gid : "");
		str_addf(&text, "%s%s", given != NULL ? " " : "", given != NULL ? given : "");
		json_object_set_new(task, "container_options", json_text(text.p));
	} else {
		str_adds(&text, "sudo");
		if (uid != NULL)
			str_addf(&text, " -u '#%s'", uid);
		if (gid != NULL)
			str_addf(&text, " -g '#%s'", gid);
		str_addf(&text, " %s", line->p);
		str_reset(line);
		str_add(line, text.p, text.len);
	}
	str_release(&text);
}

static int send_task(const struct command_call *command, json_t *task)
{
	struct attend attend = {.loose = true};
	struct call c;
	struct str out = STR_INIT;
	json_t *reply;

	if (!call_open(&c, command))
		return call_close(&c);
	reply = call_json(&c, "POST", "/tasks/", json_incref(task));
	if (reply != NULL) {
		str_addf(&out, "Task queued with task id: %" JSON_INTEGER_FORMAT "\n",
		         json_integer_value(json_object_get(reply, "task_id")));
		c.code = io_print(&out);
		attend_tell(&attend, &c);
	}
	json_decref(reply);
	return call_close(&c);
}

int launch(const struct command_call *command)
{
	struct call c = {.command = command};
	struct str line = STR_INIT;
	json_t *task = object_members(&c, object_named("task"));
	int code;

	if (task == NULL)
		return c.code;
	if (json_object_get(task, "container_options") != NULL &&
	    json_object_get(task, "container") == NULL) {
		json_decref(task);
		return command_misused(command,
		                       "--option is for a container, and --docker names none");
	}
	join(command, &line);
	if (line.p[strspn(line.p, " \t\n")] == '\0') {
		str_release(&line);
		json_decref(task);
		return command_misused(command, "COMMAND is empty");
	}
	join_lists(command, task);
	add_user(command, task, &line);
	json_object_set_new(task, "command", json_text(line.p));
	if (command_has(command, "test")) {
		str_reset(&line);
		json_print(task, &line);
		str_addc(&line, '\n');
		code = io_print(&line);
	} else {
		code = send_task(command, task);
		str_release(&line);
	}
	json_decref(task);
	return code;
}
