#include "worker/report.h"

#include "base/base64.h"
#include "base/vec.h"
#include "worker/life.h"
#include "worker/session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Raw bytes of output in one call, and of one stream at a time. */
#define CALL_BYTES ((size_t)768 << 10)
#define PIECE_BYTES ((size_t)256 << 10)
/* Output files named in one call, but for one task that has more. */
#define CALL_OUTPUTS ((size_t)100000)

static const char *const stream_words[STREAMS] = {"stdout", "stderr"};

void flight_release(struct flight *f)
{
	vec_release(&f->events);
	vec_release(&f->logs);
}

struct building {
	struct agent *agent;
	struct flight *flight;
	json_t *logs, *events;
	size_t left;    /* bytes of output that still fit */
	size_t outputs; /* files named so far */
	char *buffer;
	struct str text;
};

static void add_log(struct building *b, struct execution *e, enum stream_index i)
{
	struct stream *s = &e->streams[i];
	size_t n = b->left < PIECE_BYTES ? b->left : PIECE_BYTES;
	uint64_t offset = s->unsure ? s->size : s->sent;
	int64_t got = 0;
	json_t *log;

	if (b->buffer == NULL)
		b->buffer = xmalloc(PIECE_BYTES);
	/* Nothing at the end asks how much there is. */
	if (!s->unsure)
		got = stream_read(s, offset, b->buffer, n);
	if (got < 0) {
		log_error(b->agent->log, "cannot read %s: %s", s->path, strerror((int)-got));
		stream_close(s);
		return;
	}
	str_reset(&b->text);
	base64_add(&b->text, b->buffer, (size_t)got);
	log = json_object();
	json_object_set_new_nocheck(log, "execution_id", json_integer(e->id));
	json_object_set_new_nocheck(log, "epoch", json_integer(e->epoch));
	json_object_set_new_nocheck(log, "stream", json_string(stream_words[i]));
	json_object_set_new_nocheck(log, "offset", json_integer((json_int_t)offset));
	json_object_set_new_nocheck(log, "data", json_stringn_nocheck(b->text.p, b->text.len));
	json_array_append_new(b->logs, log);
	vec_push(&b->flight->logs, ((struct flight_log){e->id, i, offset, s->stored}));
	s->sent = offset + (uint64_t)got;
	b->left -= (size_t)got;
}

static void add_event(struct building *b, struct execution *e, enum event_bit bit)
{
	json_array_append_new(b->events, execution_event(e, bit));
	vec_push(&b->flight->events, ((struct flight_event){e->id, bit}));
	e->due &= ~(unsigned)bit;
	e->flying |= bit;
}

static bool output_is_told(const struct execution *e)
{
	for (int i = 0; e->place != NULL && i < STREAMS; i++) {
		const struct stream *s = &e->streams[i];

		if (s->apart || stream_is_due(s) || (s->unsure && s->size > 0 && !s->closed))
			return false;
	}
	return true;
}

static void add_execution(struct building *b, struct execution *e)
{
	static const enum event_bit order[] = {EVENT_PROGRESS, EVENT_IDENTIFIED, EVENT_STARTED,
	                                       EVENT_UPLOADING, EVENT_REFUSED};
	size_t outputs = json_array_size(e->outcome.outputs);

	for (int i = 0; e->place != NULL && i < STREAMS; i++) {
		while (b->left > 0 && !e->streams[i].apart && stream_is_due(&e->streams[i]))
			add_log(b, e, (enum stream_index)i);
	}
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (e->due & order[i])
			add_event(b, e, order[i]);
	}
	/* The end comes last, with or after the last byte. */
	if ((e->due & EVENT_FINISHED) && output_is_told(e) &&
	    (b->outputs == 0 || b->outputs + outputs <= CALL_OUTPUTS)) {
		add_event(b, e, EVENT_FINISHED);
		b->outputs += outputs;
	}
}

static bool has_more(const struct execution *e)
{
	bool more = e->due != 0;

	for (int i = 0; e->place != NULL && i < STREAMS; i++)
		more = more || stream_is_due(&e->streams[i]);
	return more;
}

bool report_build(struct agent *a, struct flight *f, json_t *body)
{
	struct building b = {a, f, json_array(), json_array(), CALL_BYTES, 0, NULL, STR_INIT};
	size_t kept = 0;
	bool any;

	for (size_t i = 0; i < a->due.n; i++) {
		struct execution *e = a->due.v[i];

		if (e == NULL)
			continue;
		if (e->hold_ns > a->now_ns)
			session_urge(a, e->hold_ns);
		else
			add_execution(&b, e);
		e->queued = has_more(e);
		if (e->queued)
			a->due.v[kept++] = e;
	}
	a->due.n = kept;
	any = f->events.n + f->logs.n > 0;
	if (f->logs.n > 0)
		json_object_set_new_nocheck(body, "logs", b.logs);
	else
		json_decref(b.logs);
	if (f->events.n > 0)
		json_object_set_new_nocheck(body, "events", b.events);
	else
		json_decref(b.events);
	free(b.buffer);
	str_release(&b.text);
	return any;
}

/* The log that has fewest calls on their way, and among those the one that waits longest. */
static struct execution *find_long(const struct agent *a, enum stream_index *which)
{
	struct execution *found = NULL;

	for (size_t i = 0; i < a->due.n * STREAMS; i++) {
		enum stream_index k = (enum stream_index)(i % STREAMS);
		struct execution *e = a->due.v[i / STREAMS];

		if (e == NULL || e->forgotten || e->place == NULL ||
		    !stream_is_long(&e->streams[k]) ||
		    (found != NULL && found->streams[*which].apart <= e->streams[k].apart))
			continue;
		found = e;
		*which = k;
	}
	return found;
}

/* Others come first the next time. */
static void put_last(struct agent *a, struct execution *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->due.n; i++) {
		if (a->due.v[i] != NULL && a->due.v[i] != e)
			a->due.v[kept++] = a->due.v[i];
	}
	a->due.n = kept;
	vec_push(&a->due, e);
}

bool report_build_log(struct agent *a, struct flight *f, size_t n, struct str *body,
                      struct str *path)
{
	enum stream_index k = STREAM_OUT;
	struct execution *e = find_long(a, &k);
	struct stream *s;
	int64_t got;

	if (e == NULL)
		return false;
	s = &e->streams[k];
	str_reserve(body, n);
	got = stream_read(s, s->sent, body->p, n);
	if (got <= 0) { /* the report says why */
		str_release(body);
		return false;
	}
	body->len = (size_t)got;
	body->p[body->len] = '\0';
	str_addf(path, "/executions/%" PRId64 "/log/%s?offset=%" PRIu64 "&epoch=%" PRId64, e->id,
	         stream_words[k], s->sent, e->epoch);
	vec_push(&f->logs, ((struct flight_log){e->id, k, s->sent, s->stored}));
	s->sent += (uint64_t)got;
	s->apart++;
	put_last(a, e);
	return true;
}

json_t *report_have(const struct agent *a)
{
	json_t *have = json_array();

	for (size_t i = 0; i < a->executions.n; i++) {
		const struct execution *e = a->executions.v[i];

		if (!e->forgotten && (e->flying & (EVENT_FINISHED | EVENT_REFUSED)) == 0)
			json_array_append_new(have, json_integer(e->id));
	}
	return have;
}

static void due_again(struct agent *a, struct execution *e, enum event_bit bit)
{
	e->flying &= ~(unsigned)bit;
	e->due |= bit;
	life_tell(a, e);
	session_urge(a, a->now_ns);
}

static int64_t number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

/* What was stored before that call is not any more: the server began anew from an older database.
   Calls beside it are no reason to send the same again, as they are where it came too early. */
static bool was_lost(const struct stream *s, const struct flight_log *told, int64_t wanted)
{
	return wanted >= 0 && (uint64_t)wanted < told->stored && (uint64_t)wanted < s->stored;
}

static void answer_log(struct agent *a, const struct flight_log *told, const json_t *result)
{
	struct execution *e = executions_find(&a->executions, told->id);
	int64_t length = number(result, "length"), wanted = number(result, "wanted");
	struct stream *s;

	if (e == NULL)
		return;
	s = &e->streams[told->stream];
	if (length < 0)
		length = wanted;
	if (json_is_true(json_object_get(result, "fenced"))) {
		log_warn(a->log, "the server takes no more of %s of execution %" PRId64,
		         stream_words[told->stream], e->id);
		stream_close(s);
	} else if (s->apart > 0 && !was_lost(s, told, wanted) && (length < 0 || wanted >= 0)) {
		stream_resend(s, told->offset);
	} else if (length < 0) {
		stream_rewind(s, s->stored);
	} else if (s->unsure || wanted >= 0) {
		stream_rewind(s, (uint64_t)length);
	} else if ((uint64_t)length > s->stored) {
		s->stored = (uint64_t)length;
		if (s->sent < s->stored)
			s->sent = s->stored;
	}
	if (stream_is_due(s) || e->due != 0) {
		life_tell(a, e);
		session_urge(a, a->now_ns);
	}
}

static void answer_event(struct agent *a, const struct flight_event *told, json_t *result)
{
	struct execution *e = executions_find(&a->executions, told->id);
	json_t *wanted = json_object_get(result, "wanted");
	const char *word = json_string_value(result);

	if (e == NULL || e->forgotten)
		return;
	if (word != NULL && strcmp(word, "fenced") == 0) {
		log_info(a->log, "execution %" PRId64 " is not ours any more", e->id);
		e->flying &= ~(unsigned)told->bit;
		life_forget(a, e);
	} else if (told->bit == EVENT_IDENTIFIED) {
		e->flying &= ~(unsigned)told->bit;
		life_identified(a, e, json_object_get(result, "cached"));
	} else if (word != NULL && (strcmp(word, "ok") == 0 || strcmp(word, "duplicate") == 0)) {
		e->flying &= ~(unsigned)told->bit;
		life_acknowledged(a, e, told->bit);
	} else {
		for (int i = 0; json_is_object(wanted) && i < STREAMS; i++) {
			int64_t stored = number(wanted, stream_words[i]);

			if (stored >= 0)
				stream_rewind(&e->streams[i], (uint64_t)stored);
		}
		due_again(a, e, told->bit);
	}
}

void report_log_answer(struct agent *a, const struct flight *f, const json_t *result)
{
	for (size_t i = 0; i < f->logs.n; i++) {
		struct execution *e = executions_find(&a->executions, f->logs.v[i].id);
		struct stream *s;
		int err;

		if (e == NULL)
			continue;
		s = &e->streams[f->logs.v[i].stream];
		s->apart--;
		/* One that grows fast has by now. */
		err = stream_look(s);
		if (err != 0)
			log_error(a->log, "cannot read %s: %s", s->path, strerror(-err));
		answer_log(a, &f->logs.v[i], result);
	}
}

void report_answer(struct agent *a, const struct flight *f, json_t *reply)
{
	json_t *logs = json_object_get(reply, "logs");
	json_t *results = json_object_get(reply, "results");

	for (size_t i = 0; i < f->logs.n; i++)
		answer_log(a, &f->logs.v[i], json_array_get(logs, i));
	for (size_t i = 0; i < f->events.n; i++)
		answer_event(a, &f->events.v[i], json_array_get(results, i));
}

void report_failed(struct agent *a, const struct flight *f)
{
	for (size_t i = 0; i < f->logs.n; i++) {
		struct execution *e = executions_find(&a->executions, f->logs.v[i].id);

		if (e == NULL)
			continue;
		e->streams[f->logs.v[i].stream].sent = e->streams[f->logs.v[i].stream].stored;
		life_tell(a, e);
		session_urge(a, a->now_ns);
	}
	for (size_t i = 0; i < f->events.n; i++) {
		struct execution *e = executions_find(&a->executions, f->events.v[i].id);

		if (e != NULL)
			due_again(a, e, f->events.v[i].bit);
	}
}
