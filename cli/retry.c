/* scitq retry: failed tasks, or those that are named, run again, and on a private server to their
 * end. */
#include "cli/attend.h"
#include "cli/io.h"
#include "cli/object.h"
#include "cli/several.h"
#include "cli/steer.h"
#include "model/json.h"
#include "runtime/session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

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
	json_t *row = object_get(c, object_named("run"), run);
	bool ok;

	json_decref(row);
	if (row == NULL)
		return false;
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

/*
 * The new fields first: a task that is pending may be granted at once. *task is then its row, the
 * caller's.
 */
static bool retry_task(struct call *c, const char *key, json_t *members, json_t **task)
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
	if (ok)
		*task = call_json(c, "PUT", path.p, json_pack("{s:s}", "status", "pending"));
	str_release(&path);
	return ok && *task != NULL;
}

struct retrying {
	const struct keys *keys;
	json_t *members;
	pthread_mutex_t lock;
	/* Under lock. */
	size_t done;
	struct attend attend;
};

static bool retry_one(void *context, struct call *c, size_t i)
{
	struct retrying *r = context;
	json_t *task = NULL, *members = json_deep_copy(r->members);
	bool ok = retry_task(c, r->keys->list.v[i], members, &task);

	if (ok) {
		pthread_mutex_lock(&r->lock);
		attend_task(&r->attend, task);
		r->done++;
		pthread_mutex_unlock(&r->lock);
	}
	json_decref(task);
	json_decref(members);
	return ok;
}

int steer_retry(const struct command_call *command)
{
	struct keys keys = {0};
	struct retrying r = {.keys = &keys, .members = json_object()};
	struct str out = STR_INIT;
	struct call c;
	int code;

	pthread_mutex_init(&r.lock, NULL);
	if (call_open(&c, command) && read_settings(&c, r.members) &&
	    (command_has(command, "failed") ? find_failed(&c, &keys)
	                                    : object_tasks(&c, false, &keys))) {
		several(&c, keys.list.n, retry_one, &r);
		if (keys.list.n == 0)
			str_adds(&out, "no task has failed\n");
		else if (r.done > 0 || c.code == EXIT_CODE_OK)
			str_addf(&out, "%zu task%s pending again\n", r.done,
			         r.done == 1 ? "" : "s");
		code = io_print(&out);
		c.code = c.code == EXIT_CODE_OK ? code : c.code;
	}
	pthread_mutex_destroy(&r.lock);
	json_decref(r.members);
	keys_release(&keys);
	code = attend_carry(&r.attend, &c, command_has(command, "detach"));
	attend_release(&r.attend);
	return code;
}
