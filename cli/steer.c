#include "cli/steer.h"

#include "cli/io.h"
#include "cli/ndjson.h"
#include "cli/object.h"
#include "model/json.h"
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

static bool print_line(struct call *c, struct str *line)
{
	c->code = io_print(line);
	return c->code == EXIT_CODE_OK;
}

/* Do it to each object of that noun which the command line names, until it fails. */
static int for_each(const struct command_call *command, const char *noun,
                    bool (*each)(struct call *c, const char *key))
{
	struct keys keys = {0};
	struct call c;

	if (call_open(&c, command) && object_keys(&c, object_named(noun), &keys)) {
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

/* ---- retry ---- */

/* 64GB, 64GiB, 2h: as the language writes them, for the fields that are counted in bytes and
   seconds. Other texts stay as they are. */
static json_t *read_amount(const struct field *f, const char *text)
{
	static const struct {
		const char *unit;
		double factor;
	} units[] = {{"kB", 1e3},
	             {"MB", 1e6},
	             {"GB", 1e9},
	             {"TB", 1e12},
	             {"KiB", 1024.0},
	             {"MiB", 1048576.0},
	             {"GiB", 1073741824.0},
	             {"TiB", 1099511627776.0},
	             {"s", 1},
	             {"m", 60},
	             {"h", 3600},
	             {"d", 86400},
	             {"", 1}};
	char *end;
	double n = strtod(text, &end);

	if (f->kind != KIND_INT && f->kind != KIND_REAL)
		return f->kind == KIND_BOOL ? json_boolean(strcmp(text, "true") == 0)
		                            : json_text(text);
	for (size_t i = 0; end != text && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) == 0)
			return f->kind == KIND_INT ? json_integer((json_int_t)(n * units[i].factor))
			                           : json_real(n * units[i].factor);
	}
	return NULL;
}

/* --set KEY=VALUE into the members of a PUT. */
static bool read_settings(struct call *c, json_t *members)
{
	const struct table *t = table_get(TABLE_TASK);

	for (size_t i = 0; i < c->command->given.n; i++) {
		const struct command_given *g = &c->command->given.v[i];
		const char *equals = strchr(g->value, '=');
		char key[64] = "";
		int field;
		json_t *value;

		if (strcmp(g->option->name, "set") != 0)
			continue;
		if (equals != NULL && equals - g->value < (ptrdiff_t)sizeof(key))
			memcpy(key, g->value, (size_t)(equals - g->value));
		field = table_field(t, key);
		if (field < 0 || !(t->fields[field].flags & FIELD_UPDATE))
			return call_fail(
			        c, EXIT_CODE_USAGE,
			        "such as cpu, memory, container, container_options, command, "
			        "retry, run_timeout, priority",
			        "--set is '%s', not KEY=VALUE with a field of a task", g->value);
		value = read_amount(&t->fields[field], equals + 1);
		if (value == NULL)
			return call_fail(c, EXIT_CODE_USAGE, NULL,
			                 "--set %s is '%s', not a number or amount", key,
			                 equals + 1);
		json_object_set_new(members, key, value);
	}
	return true;
}

static void add_failed_task(void *context, const json_t *row)
{
	const char *reason = json_string_value(json_object_get(row, "reason"));
	struct keys *keys = context;
	struct str key = STR_INIT;

	if (reason != NULL && strcmp(reason, "dependency") == 0)
		return;
	str_addf(&key, "%" JSON_INTEGER_FORMAT,
	         json_integer_value(json_object_get(row, "task_id")));
	vec_push(&keys->list, str_detach(&key));
}

/* The failed tasks of a run; those that wait for one of them come back with it. */
static bool add_failed(struct call *c, const char *run, struct keys *keys)
{
	const struct object *o = object_named("task");
	struct str list = STR_INIT;
	bool ok;

	str_adds(&list, o->path);
	query_add(&list, "run_id", run);
	query_add(&list, "status", "failed");
	query_add(&list, "view", "full");
	ok = object_rows(c, o, list.p, add_failed_task, keys);
	str_release(&list);
	return ok;
}

static bool find_failed(struct call *c, struct keys *keys)
{
	struct keys runs = {0};
	bool ok = object_keys(c, object_named("run"), &runs);

	for (size_t i = 0; ok && i < runs.list.n; i++)
		ok = add_failed(c, runs.list.v[i], keys);
	keys_release(&runs);
	return ok;
}

/* The new fields first: a task that is pending may be granted at once. */
static bool retry_task(struct call *c, const char *key, json_t *members)
{
	struct str path = STR_INIT;
	json_t *reply = NULL;
	bool ok = true;

	object_path(object_named("task"), key, &path);
	if (json_object_size(members) > 0) {
		reply = call_json(c, "PUT", path.p, json_incref(members));
		ok = reply != NULL;
		json_decref(reply);
	}
	if (ok) {
		reply = call_json(c, "PUT", path.p, json_pack("{s:s}", "status", "pending"));
		ok = reply != NULL;
		json_decref(reply);
	}
	str_release(&path);
	return ok;
}

int steer_retry(const struct command_call *command)
{
	struct keys keys = {0};
	struct call c;
	json_t *members = json_object();
	struct str out = STR_INIT;
	size_t n = 0;

	if (call_open(&c, command) && read_settings(&c, members) &&
	    (command_has(command, "failed") ? find_failed(&c, &keys)
	                                    : object_keys(&c, object_named("task"), &keys))) {
		while (n < keys.list.n && retry_task(&c, keys.list.v[n], members))
			n++;
		str_addf(&out, "%zu task%s pending again\n", n, n == 1 ? "" : "s");
		if (c.code == EXIT_CODE_OK)
			print_line(&c, &out);
		else
			io_print(&out);
	}
	json_decref(members);
	keys_release(&keys);
	return call_close(&c);
}

/* ---- runs ---- */

/* PUT /batch/{name}/VERB for each step of the run. */
static bool steer_run(struct call *c, const char *key, const char *verb, const char *done)
{
	struct str path = STR_INIT, out = STR_INIT;
	json_t *run, *step;
	size_t i;

	object_path(object_named("run"), key, &path);
	run = call_json(c, "GET", path.p, NULL);
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
	json_decref(run);
	str_release(&path);
	if (c->code != EXIT_CODE_OK)
		return false;
	str_addf(&out, "run %s %s\n", key, done);
	return print_line(c, &out);
}

static bool pause_run(struct call *c, const char *key)
{
	return steer_run(c, key, "stop", "is paused");
}

int steer_pause(const struct command_call *command)
{
	return for_each(command, "run", pause_run);
}

static bool resume_run(struct call *c, const char *key)
{
	return steer_run(c, key, "go", "goes on");
}

int steer_resume(const struct command_call *command)
{
	return for_each(command, "run", resume_run);
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
