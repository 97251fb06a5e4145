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

/* Rows asked for at a time. */
#define PAGE 1000

/* ---- lists ---- */

/* How many executions each worker has in each status, as members of its row. */
static bool add_counts(struct call *c, json_t *rows)
{
	json_t *counts = call_json(c, "GET", "/workers/tasks", NULL), *count, *row;
	size_t i, k;

	if (counts == NULL)
		return false;
	json_array_foreach(counts, i, count)
	{
		json_int_t worker = json_integer_value(json_object_get(count, "worker_id"));

		json_array_foreach(rows, k, row)
		{
			if (json_integer_value(json_object_get(row, "worker_id")) == worker)
				json_object_set(row,
				                json_string_value(json_object_get(count, "status")),
				                json_object_get(count, "count"));
		}
	}
	json_decref(counts);
	return true;
}

struct listing {
	struct call call;
	const struct object *object;
	struct table_print table;
	bool json, longer;
};

static bool print_page(struct listing *l, json_t *rows)
{
	struct str out = STR_INIT;
	json_t *row;
	size_t i;

	if (l->longer && strcmp(l->object->noun, "worker") == 0 && !add_counts(&l->call, rows)) {
		str_release(&out);
		return false;
	}
	if (!l->json)
		table_add(&l->table, rows, &out);
	json_array_foreach(rows, i, row)
	{
		if (l->json)
			ndjson_line(&out, l->object->noun, json_incref(row));
	}
	l->call.code = io_print(&out);
	return l->call.code == EXIT_CODE_OK;
}

/* The path of a page: behind the row of that key, where it is not the first. */
static void page_path(const struct listing *l, const json_t *last, struct str *path)
{
	str_adds(path, l->object->path);
	object_filters(&l->call, path);
	if (l->object->full)
		query_add(path, "view", "full");
	if (strcmp(l->object->noun, "execution") == 0)
		query_add(path, "no_output", "true");
	if (last != NULL) {
		struct str number = STR_INIT;

		str_addf(&number, "%" JSON_INTEGER_FORMAT,
		         json_integer_value(json_object_get(last, l->object->key)));
		query_add(path, "after", number.p);
		str_release(&number);
	}
}

static void print_pages(struct listing *l)
{
	json_t *rows = NULL;
	size_t n;

	do {
		struct str path = STR_INIT;
		json_t *before = rows;

		page_path(l, before ? json_array_get(before, json_array_size(before) - 1) : NULL,
		          &path);
		rows = call_json(&l->call, "GET", path.p, NULL);
		str_release(&path);
		n = rows != NULL ? json_array_size(rows) : 0;
		/* An empty table has its header; an empty page behind others is their end. */
		if (rows == NULL || ((before == NULL || n > 0) && !print_page(l, rows)))
			n = 0;
		json_decref(before);
	} while (l->object->pages && n == PAGE);
	json_decref(rows);
}

int manage_list(const struct command_call *command)
{
	struct listing l = {.object = object_of(command->command),
	                    .json = command_has(command, "json"),
	                    .longer = command_has(command, "long")};
	struct str columns = STR_INIT, head = STR_INIT;

	str_adds(&columns, l.object->columns);
	if (l.longer && *l.object->more != '\0')
		str_addf(&columns, " %s", l.object->more);
	table_init(&l.table, columns.p, !command_has(command, "no-header"));
	if (l.longer)
		l.table.width = 0;
	if (call_open(&l.call, command)) {
		if (l.json) {
			ndjson_begin(&head);
			l.call.code = io_print(&head);
		}
		print_pages(&l);
	}
	str_release(&columns);
	return call_close(&l.call);
}

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

static int steer_batches(const struct command_call *command, const char *tail,
                         bool (*each)(struct call *c, const char *key, json_t *reply))
{
	long number = signal_of(command);

	if (number < 0)
		return command_misused(command, "--number is a signal's");
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
	int code;
	json_t *members = read_changes(command, &code);

	return members != NULL ? call_once(command, "POST", "/recruiter/", members, "recruiter set")
	                       : code;
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
