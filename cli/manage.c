#include "cli/manage.h"

#include "cli/attend.h"
#include "cli/io.h"
#include "cli/ndjson.h"
#include "cli/object.h"
#include "cli/table.h"
#include "runtime/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one by one ---- */

/* The change of a task after which a worker is wanted. */
static bool is_made_pending(const struct command_call *command, const char *method,
                            const json_t *reply)
{
	const char *status = json_string_value(json_object_get(reply, "status"));

	return strcmp(object_of(command->command)->noun, "task") == 0 &&
	       strcmp(method, "PUT") == 0 && status != NULL &&
	       (strcmp(status, "pending") == 0 || strcmp(status, "waiting") == 0);
}

/* A call about each object that the command line names; `each` says what to do with the answer. */
static int for_each(const struct command_call *command, const char *method, const char *tail,
                    json_t *body, bool (*each)(struct call *c, const char *key, json_t *reply))
{
	const struct object *o = object_of(command->command);
	struct attend attend = {0};
	struct keys keys = {0};
	struct call c;

	if (call_open(&c, command) && object_keys(&c, o, &keys)) {
		for (size_t i = 0; c.code == EXIT_CODE_OK && i < keys.list.n; i++) {
			struct str path = STR_INIT;
			json_t *reply;

			object_path(o, keys.list.v[i], &path);
			str_adds(&path, tail);
			reply = call_json(&c, method, path.p, json_incref(body));
			str_release(&path);
			if (reply != NULL)
				each(&c, keys.list.v[i], reply);
			if (is_made_pending(command, method, reply))
				attend_task(&attend, reply);
			json_decref(reply);
		}
	}
	attend_tell(&attend, &c);
	attend_release(&attend);
	keys_release(&keys);
	json_decref(body);
	return call_close(&c);
}

static bool print_object(struct call *c, const char *key, json_t *reply)
{
	struct str out = STR_INIT;

	(void)key;
	if (command_has(c->command, "json"))
		ndjson_line(&out, object_of(c->command->command)->noun, json_incref(reply));
	else
		table_add_object(reply, &out);
	c->code = io_print(&out);
	return c->code == EXIT_CODE_OK;
}

int manage_get(const struct command_call *command)
{
	return for_each(command, "GET", "?view=full", NULL, print_object);
}

/* "task 12 deleted": the last word of the command says what was done. */
static bool say_done(struct call *c, const char *key, const char *done)
{
	struct str out = STR_INIT;

	str_addf(&out, "%s %s %s\n", object_of(c->command->command)->noun, key, done);
	c->code = io_print(&out);
	return c->code == EXIT_CODE_OK;
}

static bool say_deleted(struct call *c, const char *key, json_t *reply)
{
	(void)reply;
	return say_done(c, key, "deleted");
}

static bool say_changed(struct call *c, const char *key, json_t *reply)
{
	(void)reply;
	return say_done(c, key, "changed");
}

static bool say_queued(struct call *c, const char *key, json_t *reply)
{
	(void)reply;
	return say_done(c, key, "is pending again");
}

static bool say_stopped(struct call *c, const char *key, json_t *reply)
{
	(void)reply;
	return say_done(c, key, "stopped");
}

static bool say_goes(struct call *c, const char *key, json_t *reply)
{
	(void)reply;
	return say_done(c, key, "goes on");
}

int manage_delete(const struct command_call *command)
{
	return for_each(command, "DELETE", "", NULL, say_deleted);
}

/* The fields that are given; NULL with an exit code where none is, or one is wrong. */
static json_t *read_changes(const struct command_call *command, int *code)
{
	struct call c = {.command = command};
	json_t *members = object_members(&c, object_of(command->command));

	*code = c.code;
	if (members != NULL && json_object_size(members) == 0) {
		*code = command_misused(command, "nothing to change is given");
		json_decref(members);
		members = NULL;
	}
	return members;
}

int manage_update(const struct command_call *command)
{
	int code;
	json_t *members = read_changes(command, &code);

	return members != NULL ? for_each(command, "PUT", "", members, say_changed) : code;
}

int task_relaunch(const struct command_call *command)
{
	return for_each(command, "PUT", "", json_pack("{s:s}", "status", "pending"), say_queued);
}

/* The signal that a stop or go sends to what runs; 0: none. -1: it is no number. */
static long signal_of(const struct command_call *command)
{
	static const struct {
		const char *option;
		long number;
	} signals[] = {{"term", 15}, {"kill", 9}, {"pause", 20}, {"cont", 18}};
	const char *text = NULL;
	char *end;
	long number = 0;

	for (size_t i = 0; i < command->given.n; i++) {
		const struct command_given *g = &command->given.v[i];

		for (size_t k = 0; k < sizeof(signals) / sizeof(signals[0]); k++) {
			if (strcmp(g->option->name, signals[k].option) == 0)
				number = signals[k].number;
		}
		if (strcmp(g->option->name, "number") == 0)
			text = g->value;
	}
	if (text == NULL)
		return number;
	number = strtol(text, &end, 10);
	return *text != '\0' && *end == '\0' && number >= 0 && number < 65 ? number : -1;
}

/* The server takes any name, as v1's does: who mistypes one should know. */
static int find_batches(const struct command_call *command)
{
	struct keys keys = {0};
	struct call c;
	json_t *rows = NULL, *row;
	size_t k;

	if (call_open(&c, command) && object_keys(&c, object_named("batch"), &keys))
		rows = call_json(&c, "GET", "/batch/", NULL);
	for (size_t i = 0; rows != NULL && i < keys.list.n; i++) {
		bool found = false;

		json_array_foreach(rows, k, row)
		{
			const char *name = json_string_value(json_object_get(row, "batch"));

			found = found || (name != NULL && strcmp(name, keys.list.v[i]) == 0);
		}
		if (!found)
			call_fail(&c, EXIT_CODE_SERVER, "scitq batch list has them",
			          "there is no batch %s", keys.list.v[i]);
	}
	json_decref(rows);
	keys_release(&keys);
	return call_close(&c);
}

static int steer_batches(const struct command_call *command, const char *tail,
                         bool (*each)(struct call *c, const char *key, json_t *reply))
{
	long number = signal_of(command);
	int code;

	if (number < 0)
		return command_misused(command, "--number is a signal's");
	code = find_batches(command);
	if (code != EXIT_CODE_OK)
		return code;
	return for_each(command, "PUT", tail, json_pack("{s:I}", "signal", (json_int_t)number),
	                each);
}

int batch_stop(const struct command_call *command)
{
	return steer_batches(command, "/stop", say_stopped);
}

int batch_go(const struct command_call *command)
{
	return steer_batches(command, "/go", say_goes);
}

/* ---- workers and recruiters ---- */

/* One call without an object of its own; prints what it was answered, or `done`. */
static int call_once(const struct command_call *command, const char *method, const char *path,
                     json_t *body, const char *done)
{
	struct call c;
	struct str out = STR_INIT;
	json_t *reply;

	if (call_open(&c, command)) {
		reply = call_json(&c, method, path, json_incref(body));
		if (reply != NULL) {
			str_addf(&out, "%s\n", done);
			c.code = io_print(&out);
		}
		json_decref(reply);
	}
	json_decref(body);
	return call_close(&c);
}

int worker_deploy(const struct command_call *command)
{
	struct call c = {.command = command};
	json_t *members = object_members(&c, object_named("worker"));

	if (members == NULL)
		return c.code;
	if (json_object_get(members, "flavor") == NULL) {
		json_decref(members);
		return command_misused(command, "--flavor is wanted");
	}
	return call_once(command, "PUT", "/workers/deploy", members,
	                 "queued; scitq job list tells how far it is");
}

/* --batch and --rank name one; without a rank it is the first. */
static int steer_recruiter(const struct command_call *command, const char *method, json_t *body,
                           const char *done)
{
	const char *batch = command_value(command, "batch"), *rank = command_value(command, "rank");
	struct str path = STR_INIT;
	int code;

	if (batch == NULL) {
		json_decref(body);
		return command_misused(command, "--batch is wanted");
	}
	object_path(object_named("recruiter"), batch, &path);
	str_addf(&path, "/%s", rank != NULL ? rank : "1");
	code = call_once(command, method, path.p, body, done);
	str_release(&path);
	return code;
}

int recruiter_create(const struct command_call *command)
{
	struct call c = {.command = command};
	json_t *members = object_members(&c, object_named("recruiter"));

	if (members == NULL)
		return c.code;
	if (json_object_get(members, "batch") == NULL) {
		json_decref(members);
		return command_misused(command, "--batch is wanted");
	}
	return call_once(command, "POST", "/recruiter/", members, "recruiter set");
}

int recruiter_change(const struct command_call *command)
{
	int code;
	json_t *members = read_changes(command, &code);

	if (members == NULL)
		return code;
	json_object_del(members, "batch");
	json_object_del(members, "rank");
	return steer_recruiter(command, "PUT", members, "recruiter changed");
}

int recruiter_delete(const struct command_call *command)
{
	return steer_recruiter(command, "DELETE", NULL, "recruiter deleted");
}
