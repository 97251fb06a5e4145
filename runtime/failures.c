#include "runtime/failures.h"

#include "base/str.h"
#include "runtime/follow.h"
#include "model/member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 1000
#define SHOWN 10
#define TAIL_BYTES 2000
#define TAIL_LINES 10
#define PATIENCE_MS 10000
/* What a shell makes of SIGPIPE. */
#define PIPE_CLOSED 141

/* One of them, as it is told. */
struct told {
	const char *name;
	struct str how, on, place, tail;
	bool pipe;   /* it ended since nobody read on */
	bool listed; /* it has been told of with another one */
};

void failures_init(struct failures *f)
{
	*f = (struct failures){.list = json_array()};
}

void failures_release(struct failures *f)
{
	json_decref(f->list);
}

static void add_failure(struct failures *f, json_t *task)
{
	const char *reason = member_text(task, "reason");

	if (strcmp(reason, "dependency") == 0) {
		f->not_run++;
	} else if (strcmp(reason, "cancelled") == 0) {
		f->cancelled++;
	} else {
		f->failed++;
		if (json_array_size(f->list) < SHOWN)
			json_array_append(f->list, task);
	}
}

bool failures_find(struct failures *f, struct session *s, int64_t run_id)
{
	int64_t after = 0;
	size_t n;

	do {
		json_t *body = json_pack("{s:I, s:s, s:s, s:i, s:I}", "run_id", (json_int_t)run_id,
		                         "status", "failed", "view", "full", "limit", PAGE, "after",
		                         (json_int_t)after);
		json_t *reply = NULL, *task;
		size_t i;
		bool ok = session_call(s, "GET", "/tasks/", body, &reply);

		json_decref(body);
		n = json_array_size(reply);
		json_array_foreach(reply, i, task)
		{
			add_failure(f, task);
			after = member_int(task, "task_id");
		}
		json_decref(reply);
		if (!ok)
			return false;
	} while (n == PAGE);
	return true;
}

/* The latest execution of a task and the name of its worker, or NULL and "". */
static json_t *latest_execution(struct session *s, int64_t task_id, struct str *worker)
{
	json_t *body = json_pack("{s:I, s:b, s:b, s:s}", "task_id", (json_int_t)task_id, "latest",
	                         1, "no_output", 1, "view", "full");
	json_t *reply = NULL, *execution = NULL, *row = NULL;
	char path[64];

	if (session_call(s, "GET", "/executions/", body, &reply))
		execution = json_incref(json_array_get(reply, 0));
	json_decref(body);
	json_decref(reply);
	if (member_int(execution, "worker_id") > 0) {
		snprintf(path, sizeof(path), "/workers/%lld",
		         (long long)member_int(execution, "worker_id"));
		if (client_call(&s->client, "GET", path, NULL, PATIENCE_MS, &row) == CLIENT_OK)
			str_adds(worker, member_text(row, "name"));
		json_decref(row);
	}
	return execution;
}

/* The last lines that an execution wrote to standard error, without a newline at their end. */
static void add_tail(struct session *s, int64_t execution, struct str *out)
{
	struct str got = STR_INIT;
	unsigned lines = 0;
	char path[96], *from;

	snprintf(path, sizeof(path), "/executions/%lld/log/stderr?tail=%d", (long long)execution,
	         TAIL_BYTES);
	/* The failure itself is told; a log that cannot be had takes nothing from it. */
	if (client_get_bytes(&s->client, path, PATIENCE_MS, &got) != CLIENT_OK) {
		str_addf(out, "(no log: %s)", s->client.error.p);
		str_release(&got);
		return;
	}
	while (got.len > 0 && got.p[got.len - 1] == '\n')
		got.p[--got.len] = '\0';
	for (from = got.p + got.len; from > got.p; from--) {
		if (from[-1] == '\n' && ++lines == TAIL_LINES)
			break;
	}
	str_adds(out, from);
	str_release(&got);
}

static void learn(struct told *t, struct session *s, json_t *task)
{
	json_t *execution;

	*t = (struct told){
	        member_text(task, "name"), STR_INIT, STR_INIT, STR_INIT, STR_INIT, false, false};
	execution = latest_execution(s, member_int(task, "task_id"), &t->on);
	follow_add_how(execution ? execution : task, &t->how);
	follow_add_place(member_text(task, "source"), member_int(execution, "failed_line"),
	                 &t->place);
	t->pipe = member_int(execution ? execution : task, "return_code") == PIPE_CLOSED;
	if (t->on.len > 0) {
		char *worker = str_detach(&t->on);

		str_addf(&t->on, " on %s", worker);
		free(worker);
	}
	if (member_int(task, "attempts") > 1)
		str_addf(&t->on, ", %lld tries", (long long)member_int(task, "attempts"));
	if (execution != NULL)
		add_tail(s, member_int(execution, "execution_id"), &t->tail);
	json_decref(execution);
}

static void forget(struct told *t)
{
	str_release(&t->how);
	str_release(&t->on);
	str_release(&t->place);
	str_release(&t->tail);
}

/* The paths of a task hold its number, and the numbers of a message seldom make it another one. */
static bool differ_in_numbers(const char *a, const char *b)
{
	static const char digits[] = "0123456789";

	for (;;) {
		size_t na = strspn(a, digits), nb = strspn(b, digits);

		if ((na > 0) != (nb > 0))
			return false;
		a += na;
		b += nb;
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
		a++, b++;
	}
}

static bool is_alike(const struct told *a, const struct told *b)
{
	size_t step = strcspn(a->name, ":");

	return step == strcspn(b->name, ":") && strncmp(a->name, b->name, step) == 0 &&
	       strcmp(a->how.p, b->how.p) == 0 && strcmp(a->place.p, b->place.p) == 0 &&
	       differ_in_numbers(a->tail.p, b->tail.p);
}

static void show(struct session *s, struct told *t)
{
	struct progress *p = s->progress;

	progress_say(p, "  %s  %s%s  %s", t->name, t->how.p, t->on.p, t->place.p);
	for (char *line = t->tail.p; t->tail.len > 0 && line != NULL;) {
		char *end = strchr(line, '\n');

		progress_say(p, "  | %.*s", end ? (int)(end - line) : (int)strlen(line), line);
		line = end ? end + 1 : NULL;
	}
	if (t->pipe)
		progress_say(p,
		             "  = help: 141 is SIGPIPE: a command wrote into a pipe whose reader "
		             "had enough, as `head` has; `sed -n 1,10p` reads to the end");
}

void failures_show(const struct failures *f, struct session *s)
{
	struct told told[SHOWN];
	size_t n = json_array_size(f->list);

	for (size_t i = 0; i < n; i++)
		learn(&told[i], s, json_array_get(f->list, i));
	for (size_t i = 0; i < n; i++) {
		struct str others = STR_INIT;

		if (told[i].listed)
			continue;
		for (size_t k = i + 1; k < n; k++) {
			if (told[k].listed || !is_alike(&told[i], &told[k]))
				continue;
			told[k].listed = true;
			str_addf(&others, " %s", told[k].name);
		}
		show(s, &told[i]);
		if (others.len > 0)
			progress_say(s->progress, "  likewise%s", others.p);
		str_release(&others);
	}
	for (size_t i = 0; i < n; i++)
		forget(&told[i]);
	if (f->failed > (int64_t)n)
		progress_say(s->progress, "  and %lld more", (long long)f->failed - (long long)n);
}
