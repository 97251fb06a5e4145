#include "runtime/failures.h"

#include "base/str.h"
#include "runtime/follow.h"
#include "model/member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 10
#define TAIL_BYTES 2000
#define TAIL_LINES 10
#define PATIENCE_MS 10000
/* What a shell makes of SIGPIPE. */
#define PIPE_CLOSED 141

/* One of them, as it is told. */
struct told {
	const struct failure *failure;
	struct str on, tail;
	bool listed; /* it has been told of with another one */
};

void failures_init(struct failures *f)
{
	*f = (struct failures){.list = json_array()};
	intern_init(&f->texts);
	intern_init(&f->kinds);
}

void failures_release(struct failures *f)
{
	json_decref(f->list);
	vec_release(&f->all);
	intern_release(&f->texts);
	intern_release(&f->kinds);
}

/* ---- which there are ---- */

static const char *keep(struct failures *f, const char *text)
{
	return intern_text(&f->texts, intern_add(&f->texts, text, strlen(text)));
}

static size_t step_length(const struct failure *one)
{
	return strcspn(one->name, ":");
}

/* Each number as one digit: the paths of a task hold its own. */
static void add_without_numbers(struct str *out, const char *text)
{
	static const char digits[] = "0123456789";

	while (*text != '\0') {
		size_t n = strspn(text, digits);

		str_addc(out, n > 0 ? '0' : *text);
		text += n > 0 ? n : 1;
	}
}

/* How it failed and where, from its row or that of its last execution. */
static void describe(struct failures *f, struct failure *one, json_t *row)
{
	struct str how = STR_INIT, place = STR_INIT, kind = STR_INIT;

	one->return_code = member_int(row, "return_code");
	follow_add_how(row, &how);
	follow_add_place(one->source, member_int(row, "failed_line"), &place);
	str_addf(&kind, "%.*s\n%s\n%lld\n%s\n", (int)step_length(one), one->name, place.p,
	         (long long)one->return_code, member_text(row, "reason"));
	add_without_numbers(&kind, member_text(row, "message"));
	one->how = keep(f, how.p);
	one->place = keep(f, place.p);
	one->alike = intern_add(&f->kinds, kind.p, kind.len);
	str_release(&how);
	str_release(&place);
	str_release(&kind);
}

static void add_failure(void *failures, json_t *task)
{
	struct failures *f = failures;
	const char *reason = member_text(task, "reason");

	if (strcmp(reason, "dependency") == 0) {
		f->not_run++;
	} else if (strcmp(reason, "cancelled") == 0) {
		f->cancelled++;
	} else {
		struct failure one = {.task = member_int(task, "task_id"),
		                      .attempts = member_int(task, "attempts"),
		                      .name = keep(f, member_text(task, "name")),
		                      .source = keep(f, member_text(task, "source"))};

		f->failed++;
		if (json_array_size(f->list) < SHOWN)
			json_array_append(f->list, task);
		describe(f, &one, task);
		vec_push(&f->all, one);
	}
}

/* The last execution of one of them. */
static void add_end(void *failures, json_t *execution)
{
	struct failures *f = failures;
	const int64_t task = member_int(execution, "task_id");
	size_t low = 0, high = f->all.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (f->all.v[mid].task < task)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == f->all.n || f->all.v[low].task != task)
		return;
	f->all.v[low].execution = member_int(execution, "execution_id");
	f->all.v[low].worker = member_int(execution, "worker_id");
	describe(f, &f->all.v[low], execution);
}

/* The failed rows of a list of the run; takes the rest of the filter over. */
static bool read_failed(struct failures *f, struct session *s, const char *path, const char *key,
                        json_t *filter, void (*add)(void *failures, json_t *row))
{
	json_object_set_new(filter, "run_id", json_integer(f->run_id));
	json_object_set_new(filter, "status", json_string("failed"));
	json_object_set_new(filter, "view", json_string("full"));
	return session_rows(s, path, key, filter, add, f);
}

bool failures_find(struct failures *f, struct session *s, int64_t run_id)
{
	f->run_id = run_id;
	return read_failed(f, s, "/tasks/", "task_id", json_object(), add_failure);
}

/* ---- those that are looked at ---- */

/* The name of a worker, or "". */
static void add_worker(struct session *s, int64_t worker, struct str *out)
{
	json_t *row = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/workers/%lld", (long long)worker);
	if (client_call(&s->client, "GET", path, NULL, PATIENCE_MS, &row) == CLIENT_OK)
		str_addf(out, " on %s", member_text(row, "name"));
	json_decref(row);
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

static void learn(struct told *t, struct session *s, const struct failure *one)
{
	*t = (struct told){one, STR_INIT, STR_INIT, false};
	if (one->worker > 0)
		add_worker(s, one->worker, &t->on);
	if (one->attempts > 1)
		str_addf(&t->on, ", %lld tries", (long long)one->attempts);
	if (one->execution > 0)
		add_tail(s, one->execution, &t->tail);
}

static void forget(struct told *t)
{
	str_release(&t->on);
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
	return a->failure->alike == b->failure->alike && differ_in_numbers(a->tail.p, b->tail.p);
}

static void show(struct session *s, struct told *t)
{
	const struct failure *one = t->failure;
	struct progress *p = s->progress;

	progress_say(p, "  %s  %s%s  %s", one->name, one->how, t->on.p, one->place);
	for (char *line = t->tail.p; t->tail.len > 0 && line != NULL;) {
		char *end = strchr(line, '\n');

		progress_say(p, "  | %.*s", end ? (int)(end - line) : (int)strlen(line), line);
		line = end ? end + 1 : NULL;
	}
	if (one->return_code == PIPE_CLOSED)
		progress_say(p,
		             "  = help: 141 is SIGPIPE: a command wrote into a pipe whose reader "
		             "had enough, as `head` has; `sed -n 1,10p` reads to the end");
}

/* ---- of many ---- */

/* Those that seem to have failed alike. */
struct kind {
	size_t first; /* its place among all */
	int64_t n;    /* how many */
	size_t told;  /* of these are told */
};

/* Most first; of those that are as many the first. */
static int by_number(const void *left, const void *right)
{
	const struct kind *a = left, *b = right;

	return a->n != b->n ? (a->n < b->n) - (a->n > b->n)
	                    : (a->first > b->first) - (a->first < b->first);
}

static int by_place(const void *left, const void *right)
{
	const size_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* Places of those that are told, in their order: one of each kind, the largest first, and while
   there is room the first of the others. */
static size_t choose(const struct failures *f, const struct kind *kinds, size_t places[SHOWN])
{
	struct kind *largest = xreallocarray(NULL, f->kinds.n + 1, sizeof(*largest));
	size_t n = 0;

	memcpy(largest, kinds, f->kinds.n * sizeof(*kinds));
	qsort(largest, f->kinds.n, sizeof(*largest), by_number);
	for (size_t i = 0; i < f->kinds.n && n < SHOWN && largest[i].n > 0; i++)
		places[n++] = largest[i].first;
	for (size_t i = 0; i < f->all.n && n < SHOWN; i++) {
		if (kinds[f->all.v[i].alike].first != i)
			places[n++] = i;
	}
	qsort(places, n, sizeof(*places), by_place);
	free(largest);
	return n;
}

/* How many there are of each kind. */
static struct kind *count_kinds(const struct failures *f)
{
	struct kind *kinds = xcalloc((size_t)f->kinds.n + 1, sizeof(*kinds));

	for (size_t i = 0; i < f->all.n; i++) {
		struct kind *kind = &kinds[f->all.v[i].alike];

		if (kind->n++ == 0)
			kind->first = i;
	}
	return kinds;
}

/* Behind the last of a kind that is told: how many more there are. */
static void show_more(struct session *s, const struct failure *one, const struct kind *kind)
{
	const long long more = (long long)kind->n - (long long)kind->told;

	if (more > 0)
		progress_say(s->progress, "  %lld more of %.*s: %s  %s", more,
		             (int)step_length(one), one->name, one->how, one->place);
}

/* None that is still to be told is of its kind. */
static bool is_last(const struct told *next, size_t n, const struct failure *one)
{
	for (size_t i = 0; i < n; i++) {
		if (!next[i].listed && next[i].failure->alike == one->alike)
			return false;
	}
	return true;
}

void failures_show(struct failures *f, struct session *s)
{
	struct told told[SHOWN];
	size_t places[SHOWN], n;
	struct kind *kinds;
	int64_t others = (int64_t)f->all.n;

	if (others == 0)
		return;
	/* Where they cannot be had the rows of the tasks say less. */
	(void)read_failed(f, s, "/executions/", "execution_id",
	                  json_pack("{s:b, s:b}", "latest", 1, "no_output", 1), add_end);
	kinds = count_kinds(f);
	n = choose(f, kinds, places);
	for (size_t i = 0; i < n; i++) {
		struct kind *kind = &kinds[f->all.v[places[i]].alike];

		learn(&told[i], s, &f->all.v[places[i]]);
		others -= kind->told++ == 0 ? kind->n : 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct str names = STR_INIT;

		if (told[i].listed)
			continue;
		for (size_t k = i + 1; k < n; k++) {
			if (told[k].listed || !is_alike(&told[i], &told[k]))
				continue;
			told[k].listed = true;
			str_addf(&names, " %s", told[k].failure->name);
		}
		show(s, &told[i]);
		if (names.len > 0)
			progress_say(s->progress, "  likewise%s", names.p);
		str_release(&names);
		if (is_last(told + i + 1, n - i - 1, told[i].failure))
			show_more(s, told[i].failure, &kinds[told[i].failure->alike]);
	}
	free(kinds);
	for (size_t i = 0; i < n; i++)
		forget(&told[i]);
	if (others > 0)
		progress_say(s->progress, "  and %lld more", (long long)others);
}
