#include "cli/run_logs.h"

#include "base/arena.h"
#include "base/fd.h"
#include "cli/object.h"
#include "model/member.h"
#include "model/status.h"
#include "runtime/session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Between two looks at what is being written. */
#define PAUSE_MS 1000
#define STREAMS 2
/* Bytes of a line that does not end, which is then told in parts. */
#define LINE_MOST ((size_t)4 << 20)

static const struct {
	const char *name, *option;
	int fd;
} streams[STREAMS] = {{"stdout", "output", STDOUT_FILENO}, {"stderr", "error", STDERR_FILENO}};

/* An execution whose logs are not at their end. */
struct source {
	int64_t execution, task;
	const char *name;
	bool over;            /* nothing is written any more */
	bool silent[STREAMS]; /* it is over and wrote nothing there */
	int64_t offset[STREAMS];
	struct str begun[STREAMS]; /* a line without its end */
};

struct run_logs {
	struct call *call;
	const char *run;
	bool wanted[STREAMS];
	struct arena arena;
	json_t *names; /* of tasks, by number */
	VEC(struct source) sources;
	int64_t last; /* execution that was heard of */
	bool follow;
	bool unread; /* who read has had enough */
};

/* ---- which there are ---- */

static bool is_over(const json_t *row)
{
	int status = status_parse(execution_status_words, EXECUTION_STATUS_COUNT,
	                          member_text(row, "status"));

	return status >= 0 && execution_is_done((enum execution_status)status);
}

static void add_name(void *context, const json_t *row)
{
	struct run_logs *l = context;
	struct str key = STR_INIT;

	object_row_key(object_named("task"), row, &key);
	json_object_set(l->names, key.p, json_object_get(row, "name"));
	str_release(&key);
}

static const char *name_of(struct run_logs *l, int64_t task)
{
	char key[24];
	const char *name;

	snprintf(key, sizeof(key), "%lld", (long long)task);
	name = json_string_value(json_object_get(l->names, key));
	return name != NULL ? arena_strdup(&l->arena, name) : NULL;
}

/* Those without one are named as they are now; one of a task that is gone by its number. */
static bool name_sources(struct run_logs *l)
{
	struct str list = STR_INIT;
	bool ok = true, asked = false;

	for (size_t i = 0; ok && i < l->sources.n; i++) {
		struct source *s = &l->sources.v[i];

		if (s->name != NULL || (s->name = name_of(l, s->task)) != NULL)
			continue;
		if (!asked) {
			str_adds(&list, "/tasks/");
			query_add(&list, "run_id", l->run);
			ok = object_rows(l->call, object_named("task"), list.p, add_name, l);
			asked = true;
			s->name = name_of(l, s->task);
		}
		if (s->name == NULL)
			s->name = arena_printf(&l->arena, "task %lld", (long long)s->task);
	}
	str_release(&list);
	return ok;
}

/* A log of which nothing is there is null. */
static void add_source(void *context, const json_t *row)
{
	static const char *const members[STREAMS] = {"output", "error"};
	struct run_logs *l = context;
	struct source s = {.execution = member_int(row, "execution_id"),
	                   .task = member_int(row, "task_id"),
	                   .over = is_over(row),
	                   .begun = {STR_INIT, STR_INIT}};

	for (size_t k = 0; k < STREAMS; k++)
		s.silent[k] = s.over && json_is_null(json_object_get(row, members[k]));
	vec_push(&l->sources, s);
}

/* Executions that began since, at first the last of each task. */
static bool find_sources(struct run_logs *l)
{
	struct str path = STR_INIT;
	bool ok;

	str_adds(&path, "/executions/?trunc=1");
	query_add(&path, "run_id", l->run);
	if (l->last == 0)
		query_add(&path, "latest", "true");
	ok = object_rows_after(l->call, object_named("execution"), path.p, &l->last, add_source, l);
	str_release(&path);
	return ok && name_sources(l);
}

/* ---- what they wrote ---- */

static bool write_line(struct run_logs *l, int fd, const char *name, const char *line, size_t n)
{
	struct str out = STR_INIT;
	int err;

	str_addf(&out, "%s | ", name);
	str_add(&out, line, n);
	str_addc(&out, '\n');
	err = fd_write_all(fd, out.p, out.len);
	str_release(&out);
	l->unread = err == -EPIPE;
	return err == 0 || l->unread ||
	       call_fail(l->call, EXIT_CODE_INFRASTRUCTURE, NULL, "cannot write: %s",
	                 strerror(-err));
}

/* The lines that are whole; what is left at the end is one where nothing more comes: `last`. */
static bool write_lines(struct run_logs *l, struct source *s, size_t k, bool last)
{
	struct str *text = &s->begun[k];
	size_t at = 0;
	bool ok = true;

	while (ok && !l->unread && at < text->len) {
		const char *end = memchr(text->p + at, '\n', text->len - at);
		size_t n = end != NULL ? (size_t)(end - text->p) - at : text->len - at;

		if (end == NULL && !last && n < LINE_MOST)
			break;
		ok = write_line(l, streams[k].fd, s->name, text->p + at, n);
		at += n + (end != NULL);
	}
	if (at > 0) {
		memmove(text->p, text->p + at, text->len - at);
		text->len -= at;
		text->p[text->len] = '\0';
	}
	return ok;
}

/* All that there is of a log by now, a portion at a time. */
static bool pour(struct run_logs *l, struct source *s, size_t k)
{
	const char *tail = command_value(l->call->command, "tail");
	size_t before;
	bool ok;

	do {
		struct str path = STR_INIT;

		before = s->begun[k].len;
		str_addf(&path, "/executions/%lld/log/%s", (long long)s->execution,
		         streams[k].name);
		if (tail != NULL)
			query_add(&path, "tail", tail);
		else
			str_addf(&path, "?offset=%lld", (long long)s->offset[k]);
		ok = call_bytes(l->call, path.p, &s->begun[k]);
		str_release(&path);
		before = s->begun[k].len - before;
		s->offset[k] += (int64_t)before;
		ok = ok &&
		     write_lines(l, s, k, (before == 0 || tail != NULL) && (!l->follow || s->over));
	} while (ok && !l->unread && before > 0 && tail == NULL);
	return ok;
}

/* Whether it has ended is asked before its log is: what it wrote until then is there. */
static bool pour_source(struct run_logs *l, struct source *s)
{
	bool ok = true;

	if (!s->over && l->follow) {
		struct str key = STR_INIT;
		json_t *row;

		str_addf(&key, "%lld", (long long)s->execution);
		row = object_get(l->call, object_named("execution"), key.p);
		ok = row != NULL;
		s->over = is_over(row);
		json_decref(row);
		str_release(&key);
	}
	for (size_t k = 0; ok && !l->unread && k < STREAMS; k++)
		ok = !l->wanted[k] || s->silent[k] || pour(l, s, k);
	return ok;
}

static void release_source(struct source *s)
{
	for (size_t k = 0; k < STREAMS; k++)
		str_release(&s->begun[k]);
}

static bool pour_all(struct run_logs *l)
{
	size_t kept = 0;
	bool ok = true;

	for (size_t i = 0; i < l->sources.n; i++) {
		struct source s = l->sources.v[i];

		ok = ok && (l->unread || pour_source(l, &s));
		if (s.over)
			release_source(&s);
		else
			l->sources.v[kept++] = s;
	}
	l->sources.n = kept;
	return ok;
}

/* ---- until its end ---- */

static bool read_run(struct run_logs *l, bool *live)
{
	json_t *row = object_get(l->call, object_named("run"), l->run);

	*live = object_run_lives(row);
	json_decref(row);
	return row != NULL;
}

bool run_logs(struct call *c, const char *run)
{
	struct run_logs l = {.call = c,
	                     .run = run,
	                     .names = json_object(),
	                     .follow = command_has(c->command, "follow")};
	bool ok = true, live = false;
	bool only_some = command_has(c->command, "output") != command_has(c->command, "error");

	if (l.follow && command_has(c->command, "tail"))
		ok = call_fail(c, EXIT_CODE_USAGE, NULL, "--tail of a run goes without --follow");
	arena_init(&l.arena);
	for (size_t k = 0; k < STREAMS; k++)
		l.wanted[k] = !only_some || command_has(c->command, streams[k].option);
	while (ok) {
		ok = read_run(&l, &live) && find_sources(&l) && pour_all(&l);
		if (!ok || !l.follow || l.unread || (!live && l.sources.n == 0))
			break;
		(void)poll(NULL, 0, PAUSE_MS);
	}
	for (size_t i = 0; i < l.sources.n; i++)
		release_source(&l.sources.v[i]);
	vec_release(&l.sources);
	json_decref(l.names);
	arena_release(&l.arena);
	return ok;
}
