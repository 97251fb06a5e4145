/* An open server, and how its reads and writes are made. */
#include "base/clock.h"
#include "client/found.h"
#include "client/inside.h"
#include "client/made.h"
#include "client/wait.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Rows that the server gives at a time. */
#define PAGE 10000
/* Writes that are queued: some 150 MB. */
#define QUEUED_MOST 100000

static bool make_session(char session[SESSION_SIZE])
{
	unsigned char bytes[(SESSION_SIZE - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(session + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

/* The size of the options in the first header. */
#define LEAST_OPTIONS (offsetof(struct scitq_options, context) + sizeof(void *))

/* Options of a caller that was compiled against an older header end earlier. False where their size
 * is none. */
static bool take_options(const struct scitq_options *given, struct scitq_options *options)
{
	*options = (struct scitq_options)SCITQ_OPTIONS_INIT;
	if (given == NULL)
		return true;
	if (given->size < LEAST_OPTIONS)
		return false;
	memcpy(options, given, given->size < sizeof(*options) ? given->size : sizeof(*options));
	options->size = sizeof(*options);
	return true;
}

struct scitq *scitq_open(const char *server, const struct scitq_options *options)
{
	struct server_access given = {.server = server}, access;
	struct found found;
	struct scitq *s;
	bool ok, known, before;
	int err = EINVAL;

	alloc_tolerate(&before);
	s = xcalloc(1, sizeof(*s));
	if (s == NULL) {
		alloc_end(before);
		errno = ENOMEM;
		return NULL;
	}
	known = take_options(options, &s->options);
	s->process = getpid();
	given.token = s->options.token;
	given.ca = s->options.ca;
	found_init(&found, &given);
	access = (struct server_access){
	        .server = found.server.p,
	        .token = found.token.len > 0 ? found.token.p : NULL,
	        .ca = found.ca.len > 0 ? found.ca.p : NULL,
	};
	pthread_mutex_init(&s->lock, NULL);
	/* A timeout of 0 would ask without end. */
	ok = sender_init(&s->sender, &access) && known && s->options.put_timeout > 0 &&
	     s->options.get_timeout > 0;
	found_release(&found);
	s->queue.voice = (struct voice){s->options.log, s->options.context};
	errno = 0;
	if (!queue_init(&s->queue, &s->sender, s->options.put_timeout,
	                s->options.queued_most > 0 ? s->options.queued_most : QUEUED_MOST,
	                ok ? s->options.spool : NULL) ||
	    (ok && !make_session(s->session))) {
		ok = false;
		err = errno;
	}
	/* Theirs to free. */
	s->options.token = s->options.ca = s->options.spool = NULL;
	if (alloc_failed()) {
		ok = false;
		err = ENOMEM;
	}
	if (!ok) {
		scitq_close(s, 0);
		s = NULL;
	}
	alloc_end(before);
	if (!ok)
		errno = err;
	return s;
}

bool is_forked(const struct scitq *s)
{
	return s->process != getpid();
}

static struct watch watch_of(const struct scitq *s)
{
	return (struct watch){.stops = s->options.interrupted, .context = s->options.context};
}

size_t scitq_pending(struct scitq *s)
{
	return is_forked(s) ? 0 : queue_count(&s->queue);
}

size_t scitq_flush(struct scitq *s, double seconds)
{
	if (is_forked(s))
		return 0;
	queue_drain(&s->queue, seconds, watch_of(s));
	return scitq_pending(s);
}

size_t scitq_close(struct scitq *s, double seconds)
{
	size_t left;
	bool before;

	/* What the threads of its process hold may be half changed. */
	if (s == NULL || is_forked(s))
		return 0;
	alloc_tolerate(&before);
	scitq_flush(s, seconds);
	left = queue_stop(&s->queue);
	sender_release(&s->sender);
	for (size_t i = 0; i < s->warned.n; i++)
		free(s->warned.v[i]);
	vec_release(&s->warned);
	pthread_mutex_destroy(&s->lock);
	free(s);
	alloc_end(before);
	return left;
}

/* What cannot be remembered is said again. */
static void say_once(struct scitq *s, const char *text)
{
	bool said = false;
	size_t n;
	char *copy;

	pthread_mutex_lock(&s->lock);
	n = s->warned.n;
	for (size_t i = 0; i < n; i++)
		said = said || strcmp(s->warned.v[i], text) == 0;
	copy = said ? NULL : xstrdup(text);
	if (copy != NULL)
		vec_push(&s->warned, copy);
	if (copy != NULL && s->warned.n == n)
		free(copy);
	pthread_mutex_unlock(&s->lock);
	if (!said)
		voice_say(&s->queue.voice, "%s", text);
}

static bool is_stopped(struct watch watch)
{
	return watch.stops != NULL && watch.stops(watch.context);
}

bool watched_wait(struct scitq_answer *answer, struct watch watch)
{
	while (!scitq_wait(answer, ASK_SECONDS)) {
		if (is_stopped(watch))
			return false;
	}
	return true;
}

bool read_pause(struct scitq *s, struct pace *pace, double most, struct watch watch)
{
	int64_t end = wait_end(pace_next(pace, most));
	pthread_cond_t never;
	bool go_on = true;

	wait_cond_init(&never);
	while (go_on && clock_monotonic_ns() < end) {
		int64_t ask = wait_end(ASK_SECONDS);

		pthread_mutex_lock(&s->lock);
		wait_until(&never, &s->lock, ask < end ? ask : end);
		pthread_mutex_unlock(&s->lock);
		go_on = !is_stopped(watch);
	}
	pthread_cond_destroy(&never);
	return go_on;
}

static void interrupt(struct sent *outcome)
{
	sent_release(outcome);
	sent_init(outcome);
	outcome->result = SCITQ_INTERRUPTED;
	str_adds(&outcome->error, "the wait was interrupted");
}

static void read_one(struct scitq *s, struct request *r, struct watch watch, struct sent *outcome)
{
	struct pace pace = {0};

	for (bool first = true;; first = false) {
		sender_try(&s->sender, r, s->options.get_timeout, watch, outcome);
		if (outcome->result == SCITQ_INTERRUPTED)
			interrupt(outcome);
		if (outcome->result != SCITQ_UNREACHABLE || !s->options.asynchronous)
			return;
		if (first)
			voice_say(&s->queue.voice, "%s: %s; asking again until it is there",
			          r->row->name, outcome->error.p);
		if (!read_pause(s, &pace, s->options.get_timeout, watch)) {
			interrupt(outcome);
			return;
		}
	}
}

/* Where the next page begins: false where that is no other place. */
static bool go_behind(struct request *r, const json_t *page, const char *key)
{
	json_t *last = json_object_get(json_array_get(page, json_array_size(page) - 1), key);

	if (!json_is_integer(last) || json_equal(last, json_object_get(r->arguments, "after")))
		return false;
	json_put(r->arguments, "after", json_incref(last));
	return true;
}

/* A list that the server gives in pages: all of them, or as many rows as are wanted. */
static void read_pages(struct scitq *s, struct request *r, struct watch watch, struct sent *outcome)
{
	const char *key = row_table(r->row->rows)->fields[0].name;
	const json_t *limit = json_object_get(r->arguments, "limit");
	json_int_t left = limit ? json_integer_value(limit) : INT64_MAX;
	json_t *all = json_made(json_array());
	size_t got, asked;

	do {
		asked = left < PAGE ? (size_t)left : PAGE;
		json_put(r->arguments, "limit", json_integer((json_int_t)asked));
		read_one(s, r, watch, outcome);
		got = json_array_size(outcome->json);
		if (outcome->result != SCITQ_OK || got == 0)
			break;
		if (json_array_extend(all, outcome->json) != 0)
			alloc_note();
		left -= (json_int_t)got;
		if (got < asked || left <= 0)
			break;
		if (!go_behind(r, outcome->json, key)) {
			outcome->result = SCITQ_BROKEN;
			str_addf(&outcome->error, "the pages of %s come to no end", r->row->name);
		}
	} while (outcome->result == SCITQ_OK && !alloc_failed());
	if (outcome->result == SCITQ_OK && alloc_failed())
		outcome->result = SCITQ_MEMORY;
	if (outcome->result == SCITQ_OK) {
		json_decref(outcome->json);
		outcome->json = all;
	} else {
		json_decref(all);
	}
}

static void read_now(struct scitq *s, struct request *r, struct watch watch, struct sent *outcome)
{
	const json_t *limit = json_object_get(r->arguments, "limit");

	/* What was written before is seen. */
	if (!queue_drain(&s->queue, -1, watch))
		interrupt(outcome);
	else if (call_takes(r->row, "after") && (limit == NULL || json_integer_value(limit) > PAGE))
		read_pages(s, r, watch, outcome);
	else
		read_one(s, r, watch, outcome);
}

/* False where the answer comes later. */
static bool write_now(struct scitq *s, struct request *r, struct scitq_answer *answer,
                      struct watch watch, struct sent *outcome)
{
	enum queued queued;

	if (r->key[0] == '\0')
		snprintf(r->key, sizeof(r->key), "%s-%010llx", s->session,
		         (unsigned long long)atomic_fetch_add(&s->writes, 1));
	answer->owner = s;
	queued = queue_add(&s->queue, r, answer, false, watch);
	if (queued == QUEUE_EMPTY) {
		/* Nothing is queued: what it names is there. */
		if (!request_resolve(r, &outcome->error)) {
			outcome->result = SCITQ_USAGE;
			return true;
		}
		sender_try(&s->sender, r, s->options.put_timeout, watch, outcome);
		if (outcome->result == SCITQ_INTERRUPTED)
			interrupt(outcome);
		if (outcome->result != SCITQ_UNREACHABLE || !s->options.asynchronous)
			return true;
		queued = queue_add(&s->queue, r, answer, true, watch);
	}
	if (queued == QUEUE_NO_MEMORY)
		outcome->result = SCITQ_MEMORY;
	if (queued == QUEUE_STOPPED)
		interrupt(outcome);
	return queued != QUEUE_TAKEN;
}

struct scitq_answer *make_row_call(struct scitq *s, const struct call_row *row, json_t *arguments,
                                   const struct scitq_lazy *lazy, size_t nlazy)
{
	return make_watched_call(s, row, arguments, lazy, nlazy, "", watch_of(s));
}

/* The call itself. False where the answer comes later. */
static bool do_call(struct scitq *s, struct request *r, struct scitq_answer *answer,
                    struct watch watch, struct sent *outcome)
{
	if (!call_is_read(r->row))
		return write_now(s, r, answer, watch, outcome);
	if (request_resolve(r, &outcome->error))
		read_now(s, r, watch, outcome);
	else
		outcome->result = SCITQ_USAGE;
	return true;
}

/* A read is made with them, and those of another server are in no order with ours. */
static bool wait_for_lazy(const struct scitq *s, const struct call_row *row,
                          const struct scitq_lazy *lazy, size_t nlazy, struct watch watch)
{
	for (size_t i = 0; i < nlazy; i++) {
		if ((call_is_read(row) || lazy[i].answer->owner != s) &&
		    !watched_wait(lazy[i].answer, watch))
			return false;
	}
	return true;
}

static struct scitq_answer *tolerant_call(struct scitq *s, const struct call_row *row,
                                          json_t *arguments, const struct scitq_lazy *lazy,
                                          size_t nlazy, const char *key, struct watch watch)
{
	struct scitq_answer *answer = answer_new(row);
	struct str warning = STR_INIT;
	struct sent outcome;
	struct request request = {0};
	bool done = true;

	if (answer == NULL || alloc_failed()) {
		scitq_free(answer);
		json_decref(arguments);
		return answer_no_memory();
	}
	sent_init(&outcome);
	task_shell_warning(row, arguments, &warning);
	if (!wait_for_lazy(s, row, lazy, nlazy, watch)) {
		json_decref(arguments);
		interrupt(&outcome);
	} else if (!request_init(&request, row, arguments, lazy, nlazy, &outcome.error)) {
		outcome.result = SCITQ_USAGE;
	}
	snprintf(request.key, sizeof(request.key), "%s", key);
	if (outcome.result == SCITQ_OK)
		done = do_call(s, &request, answer, watch, &outcome);
	/* What was refused for it was not meant so; what succeeded is whole. */
	if (outcome.result != SCITQ_OK && outcome.result != SCITQ_INTERRUPTED && alloc_failed())
		outcome.result = SCITQ_MEMORY;
	if (done)
		answer_finish(answer, outcome.result,
		              outcome.result == SCITQ_OK ? sent_detach(&outcome) : NULL,
		              outcome.error.p, outcome.code.p);
	if (warning.len > 0)
		say_once(s, warning.p);
	str_release(&warning);
	request_release(&request);
	sent_release(&outcome);
	return answer;
}

struct scitq_answer *make_watched_call(struct scitq *s, const struct call_row *row,
                                       json_t *arguments, const struct scitq_lazy *lazy,
                                       size_t nlazy, const char *key, struct watch watch)
{
	struct scitq_answer *answer;
	bool before;

	alloc_tolerate(&before);
	if (is_forked(s)) {
		json_decref(arguments);
		answer = answer_forked(row);
	} else {
		answer = tolerant_call(s, row, arguments, lazy, nlazy, key, watch);
	}
	alloc_end(before);
	return answer;
}

struct scitq_answer *scitq_call(struct scitq *s, const char *function, json_t *arguments,
                                const struct scitq_lazy *lazy, size_t nlazy)
{
	const struct call_row *row = call_find(function);
	struct scitq_answer *answer;
	struct str error = STR_INIT;
	bool before;

	if (row != NULL)
		return make_row_call(s, row, json_own(arguments), lazy, nlazy);
	json_decref(arguments);
	alloc_tolerate(&before);
	str_addf(&error, "there is no function %s", function);
	answer = alloc_failed() ? answer_no_memory() : answer_failed(NULL, SCITQ_USAGE, error.p);
	str_release(&error);
	alloc_end(before);
	return answer;
}

const char *scitq_function(size_t i, const char **help)
{
	const struct call_row *row = i < CALL_COUNT ? call_row((enum call_number)i) : NULL;

	if (row != NULL && help != NULL)
		*help = row->help;
	return row ? row->name : NULL;
}

bool scitq_argument(const char *function, size_t i, char name[SCITQ_NAME_SIZE], bool *needed)
{
	const struct call_row *row = call_find(function);
	struct call_argument a;

	if (row == NULL || i > UINT_MAX || !call_argument(row, (unsigned)i, &a) ||
	    a.len >= SCITQ_NAME_SIZE)
		return false;
	memcpy(name, a.name, a.len);
	name[a.len] = '\0';
	*needed = a.needed;
	return true;
}
