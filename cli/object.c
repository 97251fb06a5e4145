#include "cli/object.h"

#include "base/alloc.h"
#include "model/json.h"
#include "model/member.h"
#include "model/status.h"
#include "net/url.h"
#include "runtime/session.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* To add an object: a row here, its commands in commands.c. */
static const struct object objects[] = {
        {"task", "/tasks/", "task_id",
         "task_id name status batch command creation_date modification_date",
         "run_id retry attempts reason container container_options input output resource",
         "creation_date modification_date command batch", "task", TABLE_TASK, true, true, true},
        {"worker", "/workers/", "worker_id",
         "worker_id name status concurrency batch creation_date last_contact_date",
         "prefetch assigned accepted running failed succeeded load memory gpus permanent flavor "
         "region "
         "provider hostname",
         "creation_date concurrency last_contact_date batch", "worker,execution", TABLE_WORKER,
         true, false, true},
        {"batch", "/batch/", "batch", "batch pending accepted running failed succeeded workers",
         "waiting paused debug", "accepted workers pending running", "batch,worker", TABLE_BATCH,
         false, false, false},
        {"execution", "/executions/", "execution_id",
         "execution_id task_id worker_id status return_code latest creation_date modification_date",
         "reason message start_date end_date cpu_seconds peak_memory command",
         "latest creation_date modification_date worker_id", "execution", TABLE_EXECUTION, false,
         true, true},
        {"recruiter", "/recruiter/", "batch",
         "batch rank tasks_per_worker worker_flavor worker_provider worker_region "
         "worker_concurrency worker_prefetch minimum_tasks maximum_workers",
         "",
         "worker_prefetch minimum_tasks tasks_per_worker maximum_workers worker_concurrency "
         "worker_region worker_provider",
         "recruiter", TABLE_RECRUITER, false, false, false},
        {"flavor", "/flavor/", "name",
         "name provider region cpu ram disk gpus gpumem tags cost eviction available walltime", "",
         "tags walltime gpumem disk available eviction gpus provider region", NULL, TABLE_FLAVOR,
         false, false, false},
        {"job", "/jobs/", "job_id", "job_id target action status progress reason creation_date",
         "modification_date retry args log", "creation_date progress reason", "job", TABLE_JOB,
         false, true, false},
        {"token", "/tokens/", "token_id", "name role worker creation_date expiry_date", "token_id",
         "creation_date worker", NULL, TABLE_TOKEN, false, false, false},
        {"run", "/runs/", "run_id",
         "run_id name status task_count reused_count creation_date end_date",
         "maximum_workers max_cost cost owner digest", "creation_date end_date reused_count", "run",
         TABLE_RUN, true, true, false},
};

#define OBJECTS (sizeof(objects) / sizeof(objects[0]))

const struct object *object_named(const char *noun)
{
	size_t n = strcspn(noun, " ");

	for (size_t i = 0; i < OBJECTS; i++) {
		if (strlen(objects[i].noun) == n && memcmp(objects[i].noun, noun, n) == 0)
			return &objects[i];
	}
	assert(!"a command whose first word is no object");
	return NULL;
}

const struct object *object_of(const struct command *command)
{
	return object_named(command->words);
}

void keys_release(struct keys *k)
{
	for (size_t i = 0; i < k->list.n; i++)
		free(k->list.v[i]);
	vec_release(&k->list);
}

void query_add(struct str *path, const char *name, const char *value)
{
	str_addf(path, "%c%s=", strchr(path->p, '?') != NULL ? '&' : '?', name);
	url_escape(path, value, strlen(value));
}

void object_path(const struct object *o, const char *key, struct str *path)
{
	str_adds(path, o->path);
	url_escape(path, key, strlen(key));
}

void object_row_key(const struct object *o, const json_t *row, struct str *key)
{
	const json_t *value = json_object_get(row, o->key);

	if (json_is_integer(value))
		str_addf(key, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		str_adds(key, json_string_value(value));
}

json_t *object_get(struct call *c, const struct object *o, const char *key)
{
	struct str path = STR_INIT;
	json_t *row;

	object_path(o, key, &path);
	query_add(&path, "view", "full");
	row = call_json(c, "GET", path.p, NULL);
	str_release(&path);
	return row;
}

static void add_key(const struct object *o, const json_t *row, struct keys *keys)
{
	struct str key = STR_INIT;

	object_row_key(o, row, &key);
	vec_push(&keys->list, str_detach(&key));
}

/* "3 (run 1) 7 (run 2) ...": the first of those that have one name. */
static void add_numbers(const struct object *o, const json_t *rows, struct str *out)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const json_t *run = json_object_get(row, "run_id");

		if (i == 5) {
			str_adds(out, " ...");
			break;
		}
		str_addf(out, " %" JSON_INTEGER_FORMAT,
		         json_integer_value(json_object_get(row, o->key)));
		if (json_is_integer(run) && o->table != TABLE_RUN)
			str_addf(out, " (run %" JSON_INTEGER_FORMAT ")", json_integer_value(run));
	}
}

/* Of several rows of a name the last, for who only looks at it; said on standard error. */
static void choose_newest(const struct object *o, const char *name, const json_t *rows,
                          struct keys *keys)
{
	size_t n = json_array_size(rows);
	/* Runs come newest first, others last. */
	bool first = json_integer_value(json_object_get(json_array_get(rows, 0), o->key)) >
	             json_integer_value(json_object_get(json_array_get(rows, n - 1), o->key));
	const json_t *row = json_array_get(rows, first ? 0 : n - 1);
	const json_t *run = json_object_get(row, "run_id");

	add_key(o, row, keys);
	fprintf(stderr, "scitq: %zu %ss are named %s; this is %s, the newest", n, o->noun, name,
	        keys->list.v[keys->list.n - 1]);
	if (json_is_integer(run) && o->table != TABLE_RUN)
		fprintf(stderr, ", of run %" JSON_INTEGER_FORMAT, json_integer_value(run));
	fputc('\n', stderr);
}

/* A verb of its own, as "retry" and "why": to these a number is a run. */
static bool steers(const struct command_call *command)
{
	return strchr(command->command->words, ' ') == NULL;
}

/* The row of that name: the one, or the newest where that is enough. */
static bool find_named(struct call *c, const struct object *o, const char *name, bool newest,
                       struct keys *keys)
{
	struct str path = STR_INIT, help = STR_INIT;
	json_t *rows;

	str_adds(&path, o->path);
	query_add(&path, "name", name);
	if (o->full)
		query_add(&path, "view", "full");
	rows = call_json(c, "GET", path.p, NULL);
	str_release(&path);
	if (rows == NULL)
		return false;
	if (json_array_size(rows) == 1) {
		add_key(o, json_array_get(rows, 0), keys);
	} else if (json_array_size(rows) == 0) {
		call_fail(c, EXIT_CODE_SERVER, NULL, "there is no %s named %s", o->noun, name);
	} else if (newest) {
		choose_newest(o, name, rows, keys);
	} else {
		str_adds(&help, o->table == TABLE_TASK && steers(c->command)
		                        ? "name its run before it, or it by --id:"
		                        : "name it by its number:");
		add_numbers(o, rows, &help);
		call_fail(c, EXIT_CODE_USAGE, help.p, "%zu %ss are named %s", json_array_size(rows),
		          o->noun, name);
	}
	json_decref(rows);
	str_release(&help);
	return c->code == EXIT_CODE_OK;
}

static bool is_number(const char *word)
{
	return *word != '\0' && word[strspn(word, "0123456789")] == '\0';
}

static bool find(struct call *c, const struct object *o, const char *word, bool newest,
                 struct keys *keys)
{
	bool by_number =
	        table_get(o->table)->fields[table_field(table_get(o->table), o->key)].kind ==
	        KIND_INT;

	if (by_number && !is_number(word)) {
		if (o->named)
			return find_named(c, o, word, newest, keys);
		return call_fail(c, EXIT_CODE_USAGE, NULL, "'%s' is no number of %s %s", word,
		                 strchr("aeiou", o->noun[0]) ? "an" : "a", o->noun);
	}
	vec_push(&keys->list, xstrdup(word));
	return true;
}

bool object_key(struct call *c, const struct object *o, const char *word, struct keys *keys)
{
	return find(c, o, word, false, keys);
}

static bool find_all(struct call *c, const struct object *o, bool newest, struct keys *keys)
{
	const struct command_call *command = c->command;
	bool ok = true;

	for (size_t i = 0; ok && i < command->nwords; i++)
		ok = find(c, o, command->words[i], newest, keys);
	for (size_t i = 0; ok && i < command->given.n; i++) {
		const struct command_given *g = &command->given.v[i];

		if (strcmp(g->option->name, "id") == 0)
			vec_push(&keys->list, xstrdup(g->value));
		else if (strcmp(g->option->name, "name") == 0)
			ok = o->named ? find_named(c, o, g->value, newest, keys)
			              : find(c, o, g->value, newest, keys);
	}
	if (ok && keys->list.n == 0) {
		c->code = command_misused(command, "which %s", o->noun);
		return false;
	}
	return ok;
}

bool object_keys(struct call *c, const struct object *o, struct keys *keys)
{
	return find_all(c, o, false, keys);
}

static void no_such_task(struct call *c, const char *run, const char *name)
{
	/* Where there is no such run either that is said. */
	json_t *row = object_get(c, object_named("run"), run);

	if (row != NULL)
		call_fail(c, EXIT_CODE_SERVER,
		          member_int(row, "reused_count") > 0
		                  ? "a name is STEP:KEY, as scitq task list --run shows them; "
		                    "those that were reused are of earlier runs"
		                  : "a name is STEP:KEY, as scitq task list --run shows them",
		          "run %s has no task named %s", run, name);
	json_decref(row);
}

/* The number of the one task of that name in the run. */
static bool find_in_run(struct call *c, const char *run, const char *name, struct keys *keys)
{
	struct str path = STR_INIT;
	json_t *rows;

	str_adds(&path, "/tasks/");
	query_add(&path, "run_id", run);
	query_add(&path, "name", name);
	rows = call_json(c, "GET", path.p, NULL);
	str_release(&path);
	if (rows == NULL)
		return false;
	if (json_array_size(rows) == 0)
		no_such_task(c, run, name);
	else
		add_key(object_named("task"), json_array_get(rows, json_array_size(rows) - 1),
		        keys);
	json_decref(rows);
	return c->code == EXIT_CODE_OK;
}

bool object_is_run_alone(const struct command_call *command)
{
	return steers(command) && command->nwords == 1 && is_number(command->words[0]);
}

bool object_no_run_alone(struct call *c)
{
	const struct command_call *command = c->command;
	const char *verb = command->command->words;
	struct str help = STR_INIT;

	for (size_t i = 0; steers(command) && i < command->nwords; i++) {
		const char *word = command->words[i];

		if (!is_number(word) ||
		    (i == 0 && command->nwords > 1 && !is_number(command->words[1])))
			continue;
		str_addf(&help, "scitq %s %s STEP:KEY", verb, word);
		if (strcmp(verb, "retry") == 0)
			str_addf(&help, ", or scitq retry %s --failed", word);
		str_addf(&help, "; --id %s is the task of that number", word);
		call_fail(c, EXIT_CODE_USAGE, help.p, "%s means run %s: which task of it", word,
		          word);
		str_release(&help);
		return false;
	}
	return true;
}

/* How many have that name; < 0 with the call's code set. */
static long long count_named(struct call *c, const struct object *o, const char *name)
{
	struct str path = STR_INIT;
	json_t *rows;
	long long n;

	str_adds(&path, o->path);
	query_add(&path, "name", name);
	rows = call_json(c, "GET", path.p, NULL);
	n = rows != NULL ? (long long)json_array_size(rows) : -1;
	str_release(&path);
	json_decref(rows);
	return n;
}

/* Whether the first of several words is a run, and the others tasks of it. False with the call's
   code set where it may be either. */
static bool begins_with_run(struct call *c, bool *is_run)
{
	const char *word = c->command->words[0];
	long long runs, tasks;

	*is_run = is_number(word);
	if (*is_run || strchr(word, ':') != NULL)
		return true;
	runs = count_named(c, object_named("run"), word);
	tasks = runs > 0 ? count_named(c, object_named("task"), word) : 0;
	*is_run = runs > 0;
	if (runs > 0 && tasks > 0)
		return call_fail(c, EXIT_CODE_USAGE,
		                 "a run has a number, a task --name: scitq run list",
		                 "%s is a run and a task", word);
	return runs >= 0 && tasks >= 0;
}

/* Tasks of the run that the first word is. */
static bool find_of_run(struct call *c, bool newest, struct keys *keys)
{
	const struct command_call *command = c->command;
	struct keys run = {0};
	bool ok = find(c, object_named("run"), command->words[0], newest, &run);

	for (size_t i = 1; ok && i < command->nwords; i++)
		ok = find_in_run(c, run.list.v[0], command->words[i], keys);
	keys_release(&run);
	return ok;
}

bool object_tasks(struct call *c, bool newest, struct keys *keys)
{
	bool of_run = false;

	if (!object_no_run_alone(c) ||
	    (steers(c->command) && c->command->nwords > 1 && !begins_with_run(c, &of_run)))
		return false;
	return of_run ? find_of_run(c, newest, keys)
	              : find_all(c, object_named("task"), newest, keys);
}

bool object_task(struct call *c, struct keys *keys)
{
	if (c->command->nwords == 2)
		return find_of_run(c, true, keys);
	return object_no_run_alone(c) && find_all(c, object_named("task"), true, keys);
}

bool object_run_lives(const json_t *row)
{
	const char *status = member_text(row, "status");

	return strcmp(status, run_status_words[RUN_RUNNING]) == 0 ||
	       strcmp(status, run_status_words[RUN_SUBMITTING]) == 0;
}

/* Rows that the server gives at a time. */
#define PAGE 1000

bool object_rows_after(struct call *c, const struct object *o, const char *list, int64_t *last,
                       void (*each)(void *context, const json_t *row), void *context)
{
	size_t n, i;

	do {
		struct str path = STR_INIT, after = STR_INIT;
		json_t *rows, *row;

		str_adds(&path, list);
		str_addf(&after, "%" PRId64, *last);
		query_add(&path, "after", after.p);
		rows = call_json(c, "GET", path.p, NULL);
		str_release(&path);
		str_release(&after);
		if (rows == NULL)
			return false;
		n = json_array_size(rows);
		json_array_foreach(rows, i, row)
		{
			*last = json_integer_value(json_object_get(row, o->key));
			each(context, row);
		}
		json_decref(rows);
	} while (n == PAGE);
	return true;
}

bool object_rows(struct call *c, const struct object *o, const char *list,
                 void (*each)(void *context, const json_t *row), void *context)
{
	int64_t last = 0;

	return object_rows_after(c, o, list, &last, each, context);
}

/* ---- members ---- */

/* The member that an option means: its own name, but for those that v1's programs named otherwise.
 */
static void member_name(const struct object *o, const char *option, char name[64])
{
	static const char *const other[][2] = {{"docker", "container"},
	                                       {"option", "container_options"},
	                                       {"requirements", "required_task_ids"},
	                                       {"new-name", "name"},
	                                       {"run", "run_id"}};
	const struct table *t = table_get(o->table);
	size_t i = 0;

	while (i < sizeof(other) / sizeof(other[0]) && strcmp(other[i][0], option) != 0)
		i++;
	snprintf(name, 64, "%s", i < sizeof(other) / sizeof(other[0]) ? other[i][1] : option);
	for (char *p = name; *p != '\0'; p++)
		*p = *p == '-' ? '_' : *p;
	/* A recruiter's worker_flavor is --flavor. */
	if (table_field(t, name) < 0) {
		char longer[64];

		snprintf(longer, sizeof(longer), "worker_%.50s", name);
		if (table_field(t, longer) >= 0)
			memcpy(name, longer, sizeof(longer));
	}
}

static json_t *read_ints(const char *text)
{
	json_t *list = json_array();

	while (*text != '\0') {
		size_t n = strcspn(text, ", ");
		char *end;
		long long value = strtoll(text, &end, 10);

		if (n > 0 && end != text + n) {
			json_decref(list);
			return NULL;
		}
		if (n > 0)
			json_array_append_new(list, json_integer(value));
		text += n + strspn(text + n, ", ");
	}
	return list;
}

/* NULL where the text is no such value; "" takes an optional value away. */
static json_t *read_member(const struct field *f, const char *text)
{
	char *end;
	json_t *value = NULL;

	if (f != NULL && f->kind == KIND_INTS)
		return read_ints(text);
	if (*text == '\0')
		return json_null();
	errno = 0;
	/* `number` of a deploy is no field of a worker. */
	if (f == NULL || f->kind == KIND_INT)
		value = json_integer(strtoll(text, &end, 10));
	else if (f->kind == KIND_REAL)
		value = json_real(strtod(text, &end));
	else if (f->kind == KIND_BOOL)
		return strcmp(text, "yes") == 0  ? json_true()
		       : strcmp(text, "no") == 0 ? json_false()
		                                 : NULL;
	else
		return json_text(text);
	if (errno != 0 || *end != '\0') {
		json_decref(value);
		return NULL;
	}
	return value;
}

static bool of_first_group(const struct call *c, const struct command_option *option)
{
	for (const struct command_option *o = c->command->command->options[0]; o->name != NULL;
	     o++) {
		if (o == option)
			return true;
	}
	return false;
}

json_t *object_members(struct call *c, const struct object *o)
{
	const struct table *t = table_get(o->table);
	json_t *members = json_object();

	for (size_t i = 0; i < c->command->given.n; i++) {
		const struct command_given *g = &c->command->given.v[i];
		char name[64];
		int field;
		json_t *value;

		if (!of_first_group(c, g->option))
			continue;
		member_name(o, g->option->name, name);
		field = table_field(t, name);
		/* A switch: it is on. */
		value = g->option->argument == NULL
		                ? json_true()
		                : read_member(field >= 0 ? &t->fields[field] : NULL, g->value);
		if (value == NULL) {
			call_fail(c, EXIT_CODE_USAGE, NULL, "--%s is '%s', not %s", g->option->name,
			          g->value, g->option->argument);
			json_decref(members);
			return NULL;
		}
		json_object_set_new(members, name, value);
	}
	return members;
}

void object_filters(const struct call *c, struct str *path)
{
	const struct object *o = object_of(c->command->command);

	for (size_t i = 0; i < c->command->given.n; i++) {
		const struct command_given *g = &c->command->given.v[i];
		char name[64];

		if (!of_first_group(c, g->option))
			continue;
		member_name(o, g->option->name, name);
		query_add(path, name, g->option->argument != NULL ? g->value : "true");
	}
}
