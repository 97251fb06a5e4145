/*
 * scitq_join(): what became of some tasks, told by GET /events. The statuses are read whole
 * whenever a stream begins or says that events are missing, and between two streams, so that a
 * server without a stream to spare is asked now and then instead.
 */
#include "base/clock.h"
#include "client/events.h"
#include "client/inside.h"
#include "client/made.h"
#include "model/json.h"
#include "model/status.h"
#include "net/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/events?kind=task"
/* The server says something every ten seconds. */
#define SILENCE_SECONDS 30
#define PAUSE_MOST 5.0
#define PROGRESS_NS INT64_C(1000000000)
/* Tasks asked about in one call. */
#define CHUNK 1000

struct joined {
	int64_t id;
	int8_t status; /* -1: not known yet */
	bool gone;
	size_t relaunches;
	int64_t failed_us; /* when the failure was for which it was relaunched last; DATE_NULL */
};

struct join {
	struct scitq *s;
	struct scitq_join_options options;
	struct joined *tasks; /* by id, each once */
	size_t n;
	size_t counts[TASK_STATUS_COUNT], unknown, gone, relaunched;
	struct events events;
	bool changed; /* since progress was told */
	bool heard;   /* an event of this stream */
	int64_t told_ns, asked_ns;
	enum scitq_result result; /* SCITQ_OK: goes on */
	struct str error, code;
};

static size_t *counter(struct join *j, const struct joined *task)
{
	return task->gone ? &j->gone : task->status < 0 ? &j->unknown : &j->counts[task->status];
}

static void set_status(struct join *j, struct joined *task, int status, bool gone)
{
	--*counter(j, task);
	j->changed |= task->status != status || task->gone != gone;
	task->status = (int8_t)status;
	task->gone = gone;
	++*counter(j, task);
}

static bool all_done(const struct join *j)
{
	return j->counts[TASK_SUCCEEDED] + j->counts[TASK_FAILED] + j->gone == j->n;
}

static bool end(struct join *j, enum scitq_result result, const char *error, const char *code)
{
	if (j->result != SCITQ_OK)
		return false;
	j->result = result;
	str_adds(&j->error, error);
	if (code != NULL)
		str_adds(&j->code, code);
	return false;
}

/* True where it succeeded; else the join ends with what it says. The answer is given up. */
static bool need(struct join *j, struct scitq_answer *answer)
{
	bool ok = scitq_result(answer) == SCITQ_OK;

	if (!ok)
		end(j, scitq_result(answer), scitq_error(answer), scitq_code(answer));
	scitq_free(answer);
	return ok;
}

static struct joined *find(struct join *j, int64_t id)
{
	size_t low = 0, high = j->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (j->tasks[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	/* The first that is not smaller. */
	return &j->tasks[low];
}

static int status_of(const json_t *object)
{
	const char *word = json_string_value(json_object_get(object, "status"));

	return word ? status_parse(task_status_words, TASK_STATUS_COUNT, word) : -1;
}

static int64_t date_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	int64_t date;

	return text != NULL && date_parse(text, &date) ? date : DATE_NULL;
}

static void tell_counts(const struct join *j, struct scitq_counts *counts)
{
	*counts = (struct scitq_counts){
	        .succeeded = j->counts[TASK_SUCCEEDED],
	        .failed = j->counts[TASK_FAILED],
	        .waiting = j->counts[TASK_WAITING] + j->unknown,
	        .pending = j->counts[TASK_PENDING] + j->counts[TASK_ASSIGNED],
	        .running = j->counts[TASK_ACCEPTED] + j->counts[TASK_RUNNING],
	        .paused = j->counts[TASK_PAUSED] + j->counts[TASK_DEBUG],
	        .relaunched = j->relaunched,
	        .gone = j->gone,
	};
}

/* Whether it is to go on, as far as others have a say in it. */
static bool is_wanted(struct join *j)
{
	const int64_t now = clock_monotonic_ns();
	struct scitq_counts counts;

	if (j->result != SCITQ_OK)
		return false;
	/* Of what was told something is missing. */
	if (alloc_failed())
		return end(j, SCITQ_MEMORY, "", NULL);
	if (j->s->options.interrupted != NULL && now - j->asked_ns >= ASK_NS) {
		j->asked_ns = now;
		if (j->s->options.interrupted(j->s->options.context))
			return end(j, SCITQ_INTERRUPTED, "the wait was interrupted", NULL);
	}
	if (j->options.progress != NULL && (j->changed || now - j->told_ns >= PROGRESS_NS)) {
		j->changed = false;
		j->told_ns = now;
		tell_counts(j, &counts);
		if (!j->options.progress(j->options.context, &counts))
			return end(j, SCITQ_INTERRUPTED, "the wait was interrupted", NULL);
	}
	return true;
}

static bool stops(void *context)
{
	return !is_wanted(context);
}

static struct watch watch_of(struct join *j)
{
	return (struct watch){.stops = stops, .context = j};
}

/* Whether the wait goes on. */
static bool go_on(void *context)
{
	return is_wanted(context) && !all_done(context);
}

/* The arguments are taken; NULL is a lack of memory. */
static struct scitq_answer *ask(struct join *j, enum call_number call, json_t *arguments,
                                const char *key)
{
	return make_watched_call(j->s, call_row(call), json_made(arguments), NULL, 0, key,
	                         watch_of(j));
}

/*
 * Of a task that failed at that time. The key is the failure's: somebody else who waits for the
 * task does not relaunch it once more, which would stop what runs by then.
 */
static void relaunch(struct join *j, struct joined *task, int64_t failed_us)
{
	struct scitq_answer *answer;
	char key[KEY_SIZE];
	bool gone;
	int status;

	snprintf(key, sizeof(key), "relaunch-%lld-%lld", (long long)task->id, (long long)failed_us);
	answer = ask(j, CALL_task_update,
	             json_pack("{s:I, s:s}", "task_id", (json_int_t)task->id, "status",
	                       task_status_words[TASK_PENDING]),
	             key);
	task->failed_us = failed_us;
	task->relaunches++;
	/* The server may have gone: then it is done when it is back, by the queue. */
	if (!watched_wait(answer, watch_of(j))) {
		scitq_free(answer);
		return;
	}
	status = status_of(scitq_json(answer));
	gone = scitq_result(answer) == SCITQ_REFUSED &&
	       strcmp(scitq_code(answer), "not-found") == 0;
	if (gone) {
		set_status(j, task, task->status, true);
		scitq_free(answer);
	} else if (need(j, answer)) {
		j->relaunched++;
		if (status >= 0)
			set_status(j, task, status, false);
	}
}

/* What is told of a task, and since when it is so; `reason` may be NULL. */
static void told(struct join *j, struct joined *task, int status, const char *reason,
                 int64_t date_us)
{
	/* Rows and events tell of the same failure. */
	if (status == TASK_FAILED && task->failed_us != DATE_NULL && date_us == task->failed_us)
		return;
	/* One that fails with another comes back with it. */
	if (status == TASK_FAILED && task->relaunches < j->options.retry &&
	    (reason == NULL || strcmp(reason, "dependency") != 0))
		relaunch(j, task, date_us);
	else
		set_status(j, task, status, false);
}

/* Reading everything. */

static json_t *chunk_ids(const struct join *j, size_t first)
{
	json_t *ids = json_made(json_array());

	for (size_t i = first; i < j->n && i < first + CHUNK; i++)
		json_append(ids, json_integer(j->tasks[i].id));
	return ids;
}

static void read_rows(struct join *j, size_t first)
{
	struct scitq_answer *answer =
	        ask(j, CALL_tasks,
	            json_pack("{s:o, s:i, s:s}", "task_id", chunk_ids(j, first), "limit", CHUNK,
	                      "view", "full"),
	            "");
	const json_t *rows = scitq_json(answer);
	size_t at = 0;

	/* They come by number, as ours stand. */
	for (size_t i = first; rows != NULL && i < j->n && i < first + CHUNK; i++) {
		const json_t *row = json_array_get(rows, at);

		if (json_integer_value(json_object_get(row, "task_id")) != j->tasks[i].id) {
			set_status(j, &j->tasks[i], j->tasks[i].status, true);
			continue;
		}
		told(j, &j->tasks[i], status_of(row),
		     json_string_value(json_object_get(row, "reason")),
		     date_of(row, "status_date"));
		at++;
	}
	need(j, answer);
}

/* By their numbers alone; false where the rows must be read. */
static bool read_statuses(struct join *j, size_t first)
{
	struct scitq_answer *answer =
	        ask(j, CALL_tasks_status, json_pack("{s:o}", "task_id", chunk_ids(j, first)), "");
	const json_t *numbers = scitq_json(answer);
	const size_t asked = j->n - first < CHUNK ? j->n - first : CHUNK;
	bool whole = true;

	/* One that is not there refuses them all. */
	if (scitq_result(answer) == SCITQ_REFUSED) {
		scitq_free(answer);
		return false;
	}
	if (scitq_result(answer) == SCITQ_OK && json_array_size(numbers) != asked) {
		end(j, SCITQ_BROKEN, "the server does not tell the statuses that it is asked for",
		    NULL);
		numbers = NULL;
	}
	for (size_t k = 0; k < json_array_size(numbers); k++) {
		struct joined *task = &j->tasks[first + k];
		int64_t status = json_integer_value(json_array_get(numbers, k));

		/* Why it failed is in its row. */
		if (status == TASK_FAILED && task->relaunches < j->options.retry)
			whole = false;
		else if (status >= 0 && status < TASK_STATUS_COUNT)
			set_status(j, task, (int)status, false);
	}
	return !need(j, answer) || whole;
}

static void read_all(struct join *j)
{
	for (size_t first = 0; first < j->n && j->result == SCITQ_OK; first += CHUNK) {
		if (!read_statuses(j, first))
			read_rows(j, first);
	}
}

/* Events. */

static bool take_event(void *context, const char *kind, const struct str *data)
{
	struct join *j = context;
	struct problem problem;
	json_t *event;
	int64_t id, last;
	const char *change;

	j->heard = true;
	if (strcmp(kind, "ready") == 0 || strcmp(kind, "reset") == 0) {
		read_all(j);
		return true;
	}
	event = json_parse(data->p, data->len, &problem);
	id = json_integer_value(json_object_get(event, "task_id"));
	last = json_integer_value(json_object_get(event, "last_task_id"));
	change = json_string_value(json_object_get(event, "change"));
	for (struct joined *t = find(j, id);
	     t < j->tasks + j->n && t->id <= (last > id ? last : id); t++) {
		if (change != NULL && strcmp(change, "deleted") == 0)
			set_status(j, t, t->status, true);
		else if (status_of(event) >= 0)
			told(j, t, status_of(event),
			     json_string_value(json_object_get(event, "reason")),
			     date_of(event, "date"));
	}
	json_decref(event);
	return true;
}

static bool take_data(void *context, const char *data, size_t n)
{
	struct join *j = context;

	return events_read(&j->events, data, n) && go_on(j);
}

/* One stream, up to its end. */
static void follow(struct join *j)
{
	const struct http_stream stream = {
	        .data = take_data, .context = j, .silence_seconds = SILENCE_SECONDS};
	struct client *client = sender_take(&j->s->sender);
	struct http_request request;
	struct http_response response;
	struct str url = STR_INIT;
	enum client_result result = CLIENT_UNREACHABLE;
	enum http_error error;

	if (client == NULL) {
		end(j, SCITQ_MEMORY, "", NULL);
		return;
	}
	http_response_init(&response);
	events_reset(&j->events);
	client_request(client, "GET", PATH, NULL, 0, &url, &request);
	request.go_on = go_on;
	request.context = j;
	error = alloc_failed() ? HTTP_OTHER
	                       : http_stream(client->http, &request, &stream, &response);
	if (error != HTTP_CANCELLED)
		result = client_answer(client, error, &response, NULL);
	if (error != HTTP_CANCELLED && result == CLIENT_UNAUTHORIZED)
		end(j, SCITQ_UNAUTHORIZED, client->error.p, client->code.p);
	else if (error != HTTP_CANCELLED && result == CLIENT_UNREACHABLE && client->status == 0 &&
	         !j->s->options.asynchronous)
		end(j, SCITQ_UNREACHABLE, client->error.p, client->code.p);
	http_response_release(&response);
	str_release(&url);
	sender_give(&j->s->sender, client);
}

static int by_id(const void *a, const void *b)
{
	const struct joined *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void take_ids(struct join *j, const int64_t *ids, size_t n)
{
	j->tasks = xcalloc(n + 1, sizeof(*j->tasks));
	if (j->tasks == NULL) {
		end(j, SCITQ_MEMORY, "", NULL);
		return;
	}
	for (size_t i = 0; i < n; i++)
		j->tasks[i] = (struct joined){.id = ids[i], .status = -1, .failed_us = DATE_NULL};
	qsort(j->tasks, n, sizeof(*j->tasks), by_id);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || j->tasks[i].id != j->tasks[j->n - 1].id)
			j->tasks[j->n++] = j->tasks[i];
	}
	j->unknown = j->n;
}

static json_t *counts_json(const struct scitq_counts *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "succeeded",
	                 (json_int_t)c->succeeded, "failed", (json_int_t)c->failed, "waiting",
	                 (json_int_t)c->waiting, "pending", (json_int_t)c->pending, "running",
	                 (json_int_t)c->running, "paused", (json_int_t)c->paused, "relaunched",
	                 (json_int_t)c->relaunched, "gone", (json_int_t)c->gone);
}

static struct scitq_answer *finish(struct join *j)
{
	struct scitq_answer *answer = answer_new(NULL);
	struct scitq_counts counts;
	json_t *json;

	tell_counts(j, &counts);
	if (j->result == SCITQ_OK && j->options.check && counts.failed + counts.gone > 0) {
		j->result = SCITQ_FAILED;
		str_addf(&j->error, "%zu of %zu tasks failed", counts.failed, j->n);
		if (counts.gone > 0)
			str_addf(&j->error, ", %zu were deleted", counts.gone);
	}
	/* Without tasks it failed before. */
	json = j->tasks != NULL ? counts_json(&counts) : NULL;
	if (answer == NULL || (j->tasks != NULL && json == NULL)) {
		json_decref(json);
		scitq_free(answer);
		return answer_no_memory();
	}
	answer_finish(answer, j->result, json, j->error.p, j->code.p);
	return answer;
}

static void wait_for_all(struct join *j)
{
	struct pace pace = {0};

	while (go_on(j)) {
		j->heard = false;
		follow(j);
		if (j->heard)
			pace = (struct pace){0};
		if (!go_on(j))
			break;
		/* The stream ended, or there was none. */
		if (read_pause(j->s, &pace, PAUSE_MOST, watch_of(j)))
			read_all(j);
	}
}

/* What the answers are of, when they are there; NULL where the join ends before. */
static int64_t *take_answers(struct join *j, struct scitq_answer *const *tasks, size_t n)
{
	int64_t *ids = xcalloc(n + 1, sizeof(*ids));

	/* Until then they wait. */
	j->n = j->unknown = n;
	if (ids == NULL)
		end(j, SCITQ_MEMORY, "", NULL);
	for (size_t i = 0; i < n && j->result == SCITQ_OK; i++) {
		if (!watched_wait(tasks[i], watch_of(j)))
			break;
		ids[i] = answer_number(tasks[i], "task_id");
		if (scitq_result(tasks[i]) != SCITQ_OK)
			end(j, scitq_result(tasks[i]), scitq_error(tasks[i]), scitq_code(tasks[i]));
		else if (ids[i] == SCITQ_INT_NULL)
			end(j, SCITQ_USAGE, "what is to be waited for is no task", NULL);
	}
	j->n = j->unknown = 0;
	return ids;
}

/* Of `answers`, or, where they are NULL, of `ids`. */
static struct scitq_answer *join_all(struct scitq *s, struct scitq_answer *const *answers,
                                     const int64_t *ids, size_t n,
                                     const struct scitq_join_options *options)
{
	struct join j = {.s = s, .result = SCITQ_OK};
	struct scitq_answer *answer;
	int64_t *own = NULL;
	bool before;

	alloc_tolerate(&before);
	if (is_forked(s)) {
		answer = answer_forked(NULL);
		alloc_end(before);
		return answer;
	}
	if (options != NULL)
		j.options = *options;
	str_init(&j.error);
	str_init(&j.code);
	events_init(&j.events, take_event, &j);
	if (answers != NULL)
		ids = own = take_answers(&j, answers, n);
	if (j.result == SCITQ_OK)
		take_ids(&j, ids, n);
	wait_for_all(&j);
	answer = finish(&j);
	events_release(&j.events);
	str_release(&j.error);
	str_release(&j.code);
	free(j.tasks);
	free(own);
	alloc_end(before);
	return answer;
}

struct scitq_answer *scitq_join_ids(struct scitq *s, const int64_t *tasks, size_t n,
                                    const struct scitq_join_options *options)
{
	return join_all(s, NULL, tasks, n, options);
}

struct scitq_answer *scitq_join(struct scitq *s, struct scitq_answer *const *tasks, size_t n,
                                const struct scitq_join_options *options)
{
	return join_all(s, tasks, NULL, n, options);
}

bool scitq_counts(struct scitq_answer *join, struct scitq_counts *counts)
{
	const json_t *json = scitq_json(join);
	const struct {
		const char *name;
		size_t *count;
	} members[] = {
	        {"succeeded", &counts->succeeded},   {"failed", &counts->failed},
	        {"waiting", &counts->waiting},       {"pending", &counts->pending},
	        {"running", &counts->running},       {"paused", &counts->paused},
	        {"relaunched", &counts->relaunched}, {"gone", &counts->gone},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		*members[i].count =
		        (size_t)json_integer_value(json_object_get(json, members[i].name));
	return json != NULL;
}
