/* The tasks to which `scitq edit` gives another text, and those that take from them. */
#include "base/alloc.h"
#include "cli/edit_inside.h"
#include "cli/several.h"
#include "model/json.h"
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

/* Tasks that start while we write: the others are looked at again, so often at most. */
#define ROUNDS 5

/* Granted and not begun: a worker has its command as it was. */
static bool is_held(const json_t *row)
{
	int status = edit_status(row);

	return status == TASK_ACCEPTED || status == TASK_ASSIGNED;
}

/*
 * PUT, when all are known. One that is no more in the status in which we saw it is to be looked at
 * again. Takes the body over, borrows the row.
 */
static void put(struct edit *e, const json_t *row, json_t *body, bool chosen)
{
	json_object_set_new(body, "if_status", json_text(member_string(row, "status")));
	if (is_held(row))
		json_object_set_new(body, "status", json_string("pending"));
	else if (edit_status(row) == TASK_SUCCEEDED && chosen)
		json_object_set_new(body, "status", json_string("debug"));
	vec_push(&e->puts, ((struct edit_put){.row = row, .body = body, .chosen = chosen}));
}

static bool put_one(void *context, struct call *c, size_t i)
{
	struct edit_put *put = &((struct edit *)context)->puts.v[i];
	struct str path = STR_INIT;
	bool ok;

	str_addf(&path, "/tasks/%" JSON_INTEGER_FORMAT,
	         json_integer_value(json_object_get(put->row, "task_id")));
	ok = call_unless(c, "PUT", path.p, put->body, 409, &put->refused);
	put->body = NULL;
	put->done = ok && !put->refused;
	str_release(&path);
	return ok;
}

/* Where `ok`; else they are forgotten. */
static bool put_all(struct edit *e, bool ok)
{
	ok = ok && several(&e->call, e->puts.n, put_one, e);
	for (size_t i = 0; i < e->puts.n; i++) {
		const struct edit_put *put = &e->puts.v[i];
		const json_t *id = json_object_get(put->row, "task_id");

		json_decref(put->body);
		e->again |= put->refused;
		if (!put->done || !put->chosen)
			continue;
		e->changed++;
		e->withdrawn += is_held(put->row);
		e->reopened += edit_status(put->row) == TASK_SUCCEEDED;
		if (edit_status(put->row) == TASK_FAILED)
			json_array_append_new(e->failed, json_integer(json_integer_value(id)));
	}
	vec_release(&e->puts);
	return ok;
}

static void set_text(json_t *body, const char *name, const char *text)
{
	json_object_set_new(body, name, text != NULL ? json_text(text) : json_null());
}

/* FILE of how the task names it, with the line where its text begins now. */
static void set_source(json_t *body, const json_t *row, const char *now)
{
	const char *was = member_string(row, "source"),
	           *colon = was != NULL ? strrchr(was, ':') : NULL;
	struct str source = STR_INIT;

	if (colon == NULL)
		return;
	str_add(&source, was, (size_t)(colon - was));
	str_adds(&source, strrchr(now, ':'));
	set_text(body, "source", source.p);
	str_release(&source);
}

/* What a task that stays as it is counts by for those that take from it. */
static void keep_identity(struct program *p, const json_t *row, uint32_t t)
{
	const char *known = member_string(row, "identity");
	char unknown[DIGEST_TEXT_SIZE];

	if (row == NULL)
		known = p->ids_before.text[t];
	/* It was changed without its file: nothing that takes from it is found by any file. */
	if (known == NULL || (row != NULL && strlen(known) != DIGEST_TEXT_SIZE - 1)) {
		random_hex(unknown, DIGEST_TEXT_SIZE - 1);
		known = unknown;
	}
	memcpy(p->ids_after.text[t], known, DIGEST_TEXT_SIZE - 1);
}

static json_t *members_of(const json_t *row, const struct submission_task *is,
                          const struct identity *id)
{
	json_t *body = json_object();
	struct str parts = STR_INIT;

	identity_parts_print(id, &parts);
	set_text(body, "command", is->row.command);
	set_text(body, "script", is->row.script);
	set_source(body, row, is->row.source);
	set_text(body, "identity", id->text);
	set_text(body, "identity_parts", parts.p);
	str_release(&parts);
	return body;
}

static bool names_part(const struct str *names, enum identity_part part)
{
	return strstr(names->p, identity_part_word(part)) != NULL;
}

/*
 * A task that is not to be changed and has another text than the file gives it: an earlier change
 * that did not come into the file, and stays. Of what it takes from now it is not known what it
 * makes. False where it is none.
 */
static bool leave_apart(struct edit *e, const json_t *row, uint32_t t, const struct identity *id)
{
	const char *parts = member_string(row, "identity_parts");
	struct str names = STR_INIT;
	bool known = parts != NULL && identity_difference(id, parts, &names);
	bool apart = !known || names_part(&names, IDENTITY_COMMAND) ||
	             names_part(&names, IDENTITY_CONTAINER);

	e->apart |= apart;
	if (apart && known &&
	    (names_part(&names, IDENTITY_INPUT) || names_part(&names, IDENTITY_RESOURCE))) {
		put(e, row, json_pack("{s:n, s:n}", "identity", "identity_parts"), false);
		keep_identity(&e->program, json_null(), t);
	} else if (apart) {
		keep_identity(&e->program, row, t);
	}
	str_release(&names);
	return apart;
}

/*
 * One task of the file, in the order of their numbers: what takes from it has its identity in its
 * own.
 */
static bool change_task(struct edit *e, const json_t *rows, uint32_t t, struct arena *arena)
{
	struct program *p = &e->program;
	struct submission_task was = {0}, is = {0};
	struct str why = STR_INIT;
	struct identity id;
	const json_t *row;
	bool chosen, changed, same;

	program_before(p)->task(program_before(p), t, arena, &was);
	program_after(p)->task(program_after(p), t, arena, &is);
	row = json_object_get(rows, is.row.name);
	chosen = json_object_get(e->names, is.row.name) != NULL;
	changed = strcmp(was.identity_command, is.identity_command) != 0;
	if (!identities_parts(&p->ids_after, &is, &id, &why)) {
		call_fail(&e->call, EXIT_CODE_COMPILE, NULL, "%s", why.p);
		str_release(&why);
		return false;
	}
	identities_complete(&p->ids_after, t, &is, arena);
	same = text_same(member_string(row, "identity"), id.text);
	if (row == NULL || !edit_may_change(e, row) || (changed ? !chosen : is_held(row))) {
		e->apart |= !same && (changed || row != NULL);
		keep_identity(p, row, t);
		return true;
	}
	if (!changed && leave_apart(e, row, t, &id))
		return true;
	memcpy(p->ids_after.text[t], id.text, DIGEST_TEXT_SIZE - 1);
	if (!same || !text_same(member_string(row, "command"), is.row.command) ||
	    !text_same(member_string(row, "script"), is.row.script))
		put(e, row, members_of(row, &is, &id), chosen);
	return true;
}

static bool change_run(struct edit *e)
{
	const struct submission *s = program_after(&e->program);
	json_t *list = json_array(), *rows = json_object(), *row;
	struct str run = STR_INIT;
	struct arena arena;
	size_t i;
	bool ok;

	object_row_key(object_named("run"), e->run, &run);
	ok = edit_list(e, run.p, NULL, NULL, list);
	json_array_foreach(list, i, row)
	{
		json_object_set(rows, member_text(row, "name"), row);
	}
	arena_init(&arena);
	for (uint32_t t = 0; ok && t < s->task_count; t++) {
		arena_clear(&arena);
		ok = change_task(e, rows, t, &arena);
	}
	ok = put_all(e, ok);
	arena_release(&arena);
	json_decref(rows);
	json_decref(list);
	str_release(&run);
	return ok;
}

/* The command with another text behind what stands before it. */
static bool change_one_alone(struct edit *e, const json_t *row)
{
	json_t *body = json_object();
	struct str line = STR_INIT, full = STR_INIT;
	struct written w;
	struct arena arena;
	const char *text = NULL, *script = member_string(row, "script");
	bool ok;

	arena_init(&arena);
	ok = edit_written(e, row, &arena, &w, &text);
	if (ok && w.shell != NULL) {
		const char *whole = script != NULL ? script : w.words[w.nwords - 1];

		str_add(&full, whole, (size_t)(text - whole));
	}
	str_add(&full, e->text.p, e->text.len);
	while (script == NULL && full.len > 0 && full.p[full.len - 1] == '\n')
		full.p[--full.len] = '\0';
	for (size_t i = 0; ok && script == NULL && w.shell != NULL && i + 1 < w.nwords; i++) {
		str_add_shell_quoted(&line, w.words[i]);
		str_addc(&line, ' ');
	}
	if (ok && script == NULL && w.shell != NULL)
		str_add_shell_quoted(&line, full.p);
	if (ok)
		set_text(body, script != NULL ? "script" : "command",
		         script == NULL && w.shell != NULL ? line.p : full.p);
	if (ok)
		put(e, row, body, true);
	else
		json_decref(body);
	arena_release(&arena);
	str_release(&line);
	str_release(&full);
	return ok;
}

/* The rows that were chosen, as they are now. */
struct looking {
	const json_t *chosen;
	json_t **now;
};

static bool look_one(void *context, struct call *c, size_t i)
{
	struct looking *l = context;
	struct str key = STR_INIT;

	object_row_key(object_named("task"), json_array_get(l->chosen, i), &key);
	l->now[i] = object_get(c, object_named("task"), key.p);
	str_release(&key);
	return l->now[i] != NULL;
}

static bool change_alone(struct edit *e)
{
	const size_t n = json_array_size(e->chosen);
	struct looking l = {e->chosen, xcalloc(n, sizeof(*l.now))};
	bool ok = several(&e->call, n, look_one, &l);

	for (size_t i = 0; ok && i < n; i++) {
		const json_t *row = json_array_get(e->chosen, i), *now = l.now[i];

		/* Done in a round before. */
		if (edit_may_change(e, now) &&
		    text_same(member_string(now, "command"), member_string(row, "command")) &&
		    text_same(member_string(now, "script"), member_string(row, "script")))
			ok = change_one_alone(e, now);
	}
	ok = put_all(e, ok);
	for (size_t i = 0; i < n; i++)
		json_decref(l.now[i]);
	free(l.now);
	return ok;
}

static bool retry_one(void *context, struct call *c, size_t i)
{
	const struct edit *e = context;
	struct str path = STR_INIT;
	json_t *reply;

	str_addf(&path, "/tasks/%" JSON_INTEGER_FORMAT,
	         json_integer_value(json_array_get(e->failed, i)));
	reply = call_json(c, "PUT", path.p, json_pack("{s:s}", "status", "pending"));
	str_release(&path);
	json_decref(reply);
	return reply != NULL;
}

bool edit_tasks(struct edit *e)
{
	bool ok = true;

	for (int round = 0; ok && round < ROUNDS && (round == 0 || e->again); round++) {
		e->again = e->apart = false;
		ok = e->with_program ? change_run(e) : change_alone(e);
	}
	if (ok && e->again)
		ok = call_fail(&e->call, EXIT_CODE_SERVER, NULL,
		               "tasks begin and end faster than they can be changed: some are not");
	/* When all that takes from them has been changed, too. */
	if (ok && command_has(e->call.command, "retry"))
		ok = several(&e->call, json_array_size(e->failed), retry_one, e);
	return ok;
}
