#include "cli/list.h"

#include "cli/io.h"
#include "cli/ndjson.h"
#include "cli/object.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "model/json.h"
#include "runtime/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows asked for at a time. */
#define PAGE 1000

struct listing {
	struct call call;
	const struct object *object;
	struct str columns;
	struct table_print table;
	bool json, longer;
	/* Of one that is watched: */
	struct screen screen;
	json_t *seen; /* lines by row, as they were printed last */
};

/* ---- pages ---- */

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

/* The rows behind those of `before`, which is given up; NULL where there are none, or with the
   call's code set. An empty list is the first. */
static json_t *next_page(struct listing *l, json_t *before)
{
	size_t n = json_array_size(before);
	struct str path = STR_INIT;
	json_t *rows = NULL;

	if (before == NULL || (l->object->pages && n == PAGE)) {
		page_path(l, n > 0 ? json_array_get(before, n - 1) : NULL, &path);
		rows = call_json(&l->call, "GET", path.p, NULL);
	}
	json_decref(before);
	/* An empty table has its header; an empty page behind others is their end. */
	if (rows != NULL && ((n > 0 && json_array_size(rows) == 0) ||
	                     (l->longer && strcmp(l->object->noun, "worker") == 0 &&
	                      !add_counts(&l->call, rows)))) {
		json_decref(rows);
		rows = NULL;
	}
	str_release(&path);
	return rows;
}

static void begin_table(struct listing *l)
{
	table_init(&l->table, l->columns.p, l->object->least,
	           !command_has(l->call.command, "no-header"));
	if (l->longer)
		l->table.width = 0;
}

/* ---- once ---- */

static void print_once(struct listing *l)
{
	json_t *rows = NULL, *row;
	struct str out = STR_INIT;
	size_t i;

	begin_table(l);
	if (l->json) {
		ndjson_begin(&out);
		l->call.code = io_print(&out);
	}
	while (l->call.code == EXIT_CODE_OK && (rows = next_page(l, rows)) != NULL) {
		if (!l->json)
			table_add(&l->table, rows, &out);
		json_array_foreach(rows, i, row)
		{
			if (l->json)
				ndjson_line(&out, l->object->noun, json_incref(row));
		}
		l->call.code = io_print(&out);
	}
	json_decref(rows);
}

/* ---- watched ---- */

static bool show_table(void *context)
{
	struct listing *l = context;
	struct str out = STR_INIT;
	json_t *rows = NULL;
	bool ok;

	begin_table(l);
	while ((rows = next_page(l, rows)) != NULL)
		table_add(&l->table, rows, &out);
	ok = l->call.code == EXIT_CODE_OK && screen_show(&l->screen, &l->call, &out);
	str_release(&out);
	return ok;
}

/* What a row is known by: of recruiters a batch has several. */
static void add_key(const struct listing *l, const json_t *row, json_t *key)
{
	static const char *const more[] = {"rank", "provider", "region"};

	json_object_set(key, l->object->key, json_object_get(row, l->object->key));
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		json_t *value = json_object_get(row, more[i]);

		if (l->object->table == TABLE_RECRUITER && value != NULL)
			json_object_set(key, more[i], value);
	}
}

/* A line for each row that is new or another one than before; the line goes to `now` by its key. */
static void add_changed(struct listing *l, json_t *row, json_t *now, struct str *out)
{
	struct str line = STR_INIT, name = STR_INIT;
	json_t *key = json_object();
	const char *before;

	add_key(l, row, key);
	json_print(key, &name);
	ndjson_line(&line, l->object->noun, json_incref(row));
	before = json_string_value(json_object_get(l->seen, name.p));
	if (before == NULL || strcmp(before, line.p) != 0)
		str_add(out, line.p, line.len);
	json_object_set_new(now, name.p, json_text(line.p));
	json_decref(key);
	str_release(&line);
	str_release(&name);
}

/* Those that are in the list no more. */
static void add_gone(struct listing *l, const json_t *now, struct str *out)
{
	struct problem problem;
	const char *name;
	json_t *line;

	json_object_foreach(l->seen, name, line)
	{
		json_t *key;

		if (json_object_get(now, name) != NULL)
			continue;
		key = json_parse(name, strlen(name), &problem);
		json_object_set_new(key, "of", json_string(l->object->noun));
		ndjson_line(out, "gone", key);
	}
}

static bool show_lines(void *context)
{
	struct listing *l = context;
	json_t *rows = NULL, *row, *now = json_object();
	struct str out = STR_INIT;
	size_t i;
	bool ok;

	if (json_object_size(l->seen) == 0 && !l->screen.begun)
		ndjson_begin(&out);
	while ((rows = next_page(l, rows)) != NULL) {
		json_array_foreach(rows, i, row)
		{
			add_changed(l, row, now, &out);
		}
	}
	ok = l->call.code == EXIT_CODE_OK;
	if (ok) {
		add_gone(l, now, &out);
		json_decref(l->seen);
		l->seen = json_incref(now);
		ok = screen_add(&l->screen, &l->call, &out);
	}
	json_decref(now);
	str_release(&out);
	return ok;
}

/* Only what the list may tell of. */
static void add_events(const struct listing *l, struct str *path)
{
	static const struct {
		const char *option, *filter;
	} filters[] = {{"batch", "batch"}, {"run", "run_id"}};
	const struct command_call *command = l->call.command;
	bool of_tasks = l->object->table == TABLE_TASK || l->object->table == TABLE_EXECUTION;

	str_adds(path, "/events");
	query_add(path, "kind", l->object->events);
	for (size_t i = 0; of_tasks && i < sizeof(filters) / sizeof(filters[0]); i++) {
		if (command_value(command, filters[i].option) != NULL)
			query_add(path, filters[i].filter,
			          command_value(command, filters[i].option));
	}
}

static void print_watched(struct listing *l, double seconds)
{
	struct str events = STR_INIT;

	add_events(l, &events);
	screen_init(&l->screen);
	l->seen = json_object();
	watch_follow(&(struct watch){.call = &l->call,
	                             .events = events.p,
	                             .seconds = seconds,
	                             .show = l->json ? show_lines : show_table,
	                             .context = l});
	json_decref(l->seen);
	screen_release(&l->screen);
	str_release(&events);
}

/* --run names a run as everywhere, by its number or name; the server is asked by the number, which
   `keys` holds. */
static bool settle_run(struct call *c, struct keys *keys)
{
	const struct object *o = object_named("run");
	bool ok = true;

	for (size_t i = 0; ok && i < c->command->given.n; i++) {
		struct command_given *g = &c->command->given.v[i];
		json_t *row;

		if (strcmp(g->option->name, "run") != 0)
			continue;
		ok = object_key(c, o, g->value, keys);
		if (!ok)
			break;
		g->value = keys->list.v[keys->list.n - 1];
		row = object_get(c, o, g->value);
		ok = row != NULL;
		json_decref(row);
	}
	return ok;
}

int list_objects(const struct command_call *command)
{
	struct keys run = {0};
	struct listing l = {.object = object_of(command->command),
	                    .columns = STR_INIT,
	                    .json = command_has(command, "json"),
	                    .longer = command_has(command, "long")};
	double seconds = 0;

	str_adds(&l.columns, l.object->columns);
	if (l.longer && *l.object->more != '\0')
		str_addf(&l.columns, " %s", l.object->more);
	/* Where no events tell of the object there is no such option. */
	if (call_open(&l.call, command) && settle_run(&l.call, &run) &&
	    (l.object->events == NULL || watch_wanted(&l.call, &seconds))) {
		if (seconds > 0)
			print_watched(&l, seconds);
		else
			print_once(&l);
	}
	keys_release(&run);
	str_release(&l.columns);
	return call_close(&l.call);
}
