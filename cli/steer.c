#include "cli/steer.h"

#include "cli/attend.h"
#include "cli/io.h"
#include "cli/ndjson.h"
#include "cli/object.h"
#include "model/member.h"
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

static bool print_line(struct call *c, struct str *line)
{
	c->code = io_print(line);
	return c->code == EXIT_CODE_OK;
}

/* Do it to each task or run which the command line names, until it fails. */
static int for_each(const struct command_call *command, const char *noun,
                    bool (*each)(struct call *c, const char *key))
{
	struct keys keys = {0};
	struct call c;

	if (call_open(&c, command) &&
	    (strcmp(noun, "task") == 0 ? object_tasks(&c, true, &keys)
	                               : object_keys(&c, object_named(noun), &keys))) {
		for (size_t i = 0; i < keys.list.n && each(&c, keys.list.v[i]); i++)
			;
	}
	keys_release(&keys);
	return call_close(&c);
}

/* ---- why ---- */

static bool print_why(struct call *c, const char *key)
{
	struct str path = STR_INIT, out = STR_INIT;
	json_t *why;

	object_path(object_named("task"), key, &path);
	str_adds(&path, "/why");
	why = call_json(c, "GET", path.p, NULL);
	str_release(&path);
	if (why == NULL)
		return false;
	if (command_has(c->command, "json"))
		ndjson_line(&out, "why", json_incref(why));
	else
		str_addf(&out, "%s\n", json_string_value(json_object_get(why, "why")));
	json_decref(why);
	return print_line(c, &out);
}

int steer_why(const struct command_call *command)
{
	return for_each(command, "task", print_why);
}

/* ---- runs ---- */

/* Of a run that has ended the steps of the next one would be paused. */
static bool check_live(struct call *c, const json_t *run, const char *key)
{
	return object_run_lives(run) ||
	       call_fail(c, EXIT_CODE_SERVER, NULL, "run %s has ended already (%s)", key,
	                 member_text(run, "status"));
}

/* PUT /batch/{name}/VERB for each step of the run. */
static bool steer_run(struct call *c, const char *key, const char *verb, bool live,
                      const char *done)
{
	struct str path = STR_INIT, out = STR_INIT;
	json_t *run, *step;
	bool lives;
	size_t i;

	object_path(object_named("run"), key, &path);
	run = call_json(c, "GET", path.p, NULL);
	if (run == NULL || (live && !check_live(c, run, key))) {
		json_decref(run);
		str_release(&path);
		return false;
	}
	json_array_foreach(json_object_get(run, "steps"), i, step)
	{
		const char *batch = json_string_value(json_object_get(step, "batch"));
		json_t *reply;

		str_reset(&path);
		object_path(object_named("batch"), batch != NULL ? batch : "", &path);
		str_addf(&path, "/%s", verb);
		reply = call_json(c, "PUT", path.p, json_pack("{s:i}", "signal", 0));
		json_decref(reply);
		if (reply == NULL)
			break;
	}
	lives = object_run_lives(run);
	if (lives)
		str_addf(&out, "run %s %s\n", key, done);
	else
		str_addf(&out, "run %s has ended (%s); none of its steps is paused\n", key,
		         member_text(run, "status"));
	json_decref(run);
	str_release(&path);
	if (c->code != EXIT_CODE_OK) {
		str_release(&out);
		return false;
	}
	return print_line(c, &out);
}

static bool pause_run(struct call *c, const char *key)
{
	return steer_run(c, key, "stop", true, "is paused");
}

int steer_pause(const struct command_call *command)
{
	return for_each(command, "run", pause_run);
}

static bool resume_run(struct call *c, const char *key)
{
	return steer_run(c, key, "go", false, "goes on");
}

int steer_resume(const struct command_call *command)
{
	struct keys keys = {0};
	struct attend attend = {0};
	struct call c;
	int code;

	if (call_open(&c, command) && object_keys(&c, object_named("run"), &keys)) {
		for (size_t i = 0; i < keys.list.n && resume_run(&c, keys.list.v[i]); i++)
			attend_run(&attend, strtoll(keys.list.v[i], NULL, 10));
	}
	keys_release(&keys);
	code = attend_carry(&attend, &c, command_has(command, "detach"));
	attend_release(&attend);
	return code;
}

static bool cancel_run(struct call *c, const char *key)
{
	struct str path = STR_INIT, out = STR_INIT;
	json_t *reply;

	object_path(object_named("run"), key, &path);
	reply = call_json(c, "PUT", path.p, json_pack("{s:s}", "status", "cancelled"));
	str_release(&path);
	if (reply == NULL)
		return false;
	json_decref(reply);
	str_addf(&out, "run %s cancelled\n", key);
	return print_line(c, &out);
}

int steer_cancel(const struct command_call *command)
{
	return for_each(command, "run", cancel_run);
}
