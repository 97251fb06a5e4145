#include "client/queue.h"

#include "base/clock.h"
#include "client/wait.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Age of a spool whose writes are sent without asking: a day less than a server knows their keys.
 */
#define SPOOL_US (6 * 24 * 3600 * INT64_C(1000000))

static void pending_free(struct pending *p)
{
	request_release(&p->request);
	scitq_free(p->answer);
	free(p);
}

/* Under lock. `p` is the memory of it. */
static void push(struct queue *q, struct pending *p, struct request *request,
                 struct scitq_answer *answer)
{
	p->request = *request;
	memset(request, 0, sizeof(*request));
	p->answer = answer_keep(answer);
	*q->last = p;
	q->last = &p->next;
	q->n++;
}

/* Under lock; the caller frees it. */
static struct pending *pop(struct queue *q)
{
	struct pending *p = q->first;

	q->first = p->next;
	if (q->first == NULL)
		q->last = &q->first;
	q->n--;
	return p;
}

/* An attempt does not keep who closes the server waiting. */
static bool is_stopping(void *context)
{
	struct queue *q = context;
	bool stopping;

	pthread_mutex_lock(&q->lock);
	stopping = q->stopping;
	pthread_mutex_unlock(&q->lock);
	return stopping;
}

/* One attempt at the first. */
static void try_first(struct queue *q, struct pending *p, struct sent *outcome)
{
	struct str error = STR_INIT;

	if (request_resolve(&p->request, &error)) {
		sender_try(q->sender, &p->request, q->interval,
		           (struct watch){.stops = is_stopping, .context = q}, outcome);
	} else {
		sent_release(outcome);
		sent_init(outcome);
		outcome->result = alloc_failed() ? SCITQ_MEMORY : SCITQ_USAGE;
		str_adds(&outcome->error, error.p);
	}
	str_release(&error);
}

/* What is waited for comes: the server, memory, or whoever closes this. */
static bool is_final(enum scitq_result result)
{
	return result != SCITQ_UNREACHABLE && result != SCITQ_INTERRUPTED && result != SCITQ_MEMORY;
}

/* Under lock, which is given up while others are told. */
static void finish_first(struct queue *q, struct sent *outcome)
{
	struct pending *p = pop(q);
	size_t left = q->n;
	bool spooled;
	int err;

	answer_finish(p->answer, outcome->result, sent_detach(outcome), outcome->error.p,
	              outcome->code.p);
	spooled = spool_done(&q->spool, p->answer->number, p->answer) &&
	          (left > 0 || spool_empty(&q->spool));
	err = errno;
	q->full = q->full && left > 0;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
	if (!spooled)
		voice_say(&q->voice, "the spool cannot be written: %s", strerror(err));
	if (outcome->result != SCITQ_OK)
		voice_say(&q->voice, "%s: %s", p->request.row->name, outcome->error.p);
	if (left == 0)
		voice_say(&q->voice, "everything that was queued has been sent");
	pending_free(p);
	pthread_mutex_lock(&q->lock);
}

static void *send_all(void *context)
{
	struct queue *q = context;
	struct pace pace = {0};
	struct sent outcome;
	bool before;

	sent_init(&outcome);
	alloc_tolerate(&before);
	pthread_mutex_lock(&q->lock);
	while (!q->stopping) {
		struct pending *p = q->first;
		int64_t until = INT64_MAX;

		if (p != NULL) {
			pthread_mutex_unlock(&q->lock);
			try_first(q, p, &outcome);
			pthread_mutex_lock(&q->lock);
			if (is_final(outcome.result)) {
				finish_first(q, &outcome);
				alloc_forgive();
				pace = (struct pace){0};
				continue;
			}
			alloc_forgive();
			until = wait_end(pace_next(&pace, q->interval));
		}
		/* A write that is added does not hurry those before it. */
		while (!q->stopping &&
		       (p == NULL ? q->first == NULL : clock_monotonic_ns() < until))
			wait_until(&q->changed, &q->lock, until);
	}
	pthread_mutex_unlock(&q->lock);
	sent_release(&outcome);
	alloc_end(before);
	return NULL;
}

/* Under lock. 0, or why there is no thread. */
static int start(struct queue *q)
{
	int err;
	sigset_t all, before;

	if (q->started || q->n == 0)
		return 0;
	/* Signals are the program's: none comes to a thread of ours. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&q->thread, NULL, send_all, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	q->started = err == 0;
	return err;
}

/* Under lock: without a thread the one that was just queued would never be sent. False with errno
   where the spool keeps it nevertheless. */
static bool refuse_first(struct queue *q, int why)
{
	struct pending *p = pop(q);
	struct str error = STR_INIT;

	str_addf(&error, "the server does not answer, and no thread can be started: %s",
	         strerror(why));
	answer_finish(p->answer, SCITQ_UNREACHABLE, NULL, error.p, NULL);
	pending_free(p);
	str_release(&error);
	return spool_empty(&q->spool);
}

/* What the spool of a process before this one holds: its writes, by number, for later ones that
 * name them. */
struct replay {
	struct queue *queue;
	VEC(struct scitq_answer *) answers;
	size_t lines, orphans;
};

static struct scitq_answer *replayed(void *context, uint64_t number)
{
	struct replay *replay = context;
	size_t low = 0, high = replay->answers.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (replay->answers.v[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < replay->answers.n && replay->answers.v[low]->number == number
	               ? replay->answers.v[low]
	               : NULL;
}

static bool replay_done(struct queue *q, const json_t *line)
{
	const json_t *done = json_object_get(line, "done");
	json_t *json = json_object_get(line, "json");
	struct pending *p = q->first;

	if (!json_is_integer(done) || json == NULL)
		return false;
	/* They were sent in their order; one that is not there could not be written. */
	if (p == NULL || p->answer->number != (uint64_t)json_integer_value(done))
		return true;
	json = json_is_null(json) ? NULL : json_incref(json);
	answer_finish(p->answer, json ? SCITQ_OK : SCITQ_REFUSED, json,
	              json_string_value(json_object_get(line, "error")), NULL);
	pending_free(pop(q));
	return true;
}

static void replay_call(struct replay *replay, struct request *request, uint64_t number)
{
	struct scitq_answer *a = answer_new(request->row);
	struct pending *p = xcalloc(1, sizeof(*p));

	vec_reserve(&replay->answers, replay->answers.n + 1);
	/* The spool is not opened then. */
	if (alloc_failed()) {
		scitq_free(a);
		free(p);
		return;
	}
	a->number = number;
	push(replay->queue, p, request, a);
	vec_push(&replay->answers, a);
}

static bool replay_line(void *context, json_t *line)
{
	struct replay *replay = context;
	struct queue *q = replay->queue;
	enum spooled spooled = SPOOLED_UNKNOWN;
	struct request request = {0};
	uint64_t number = 0;
	bool known = false;

	replay->lines++;
	if (json_object_get(line, "done") != NULL)
		known = replay_done(q, line);
	else
		spooled = spool_read(line, replayed, replay, &request, &number);
	if (spooled != SPOOLED_UNKNOWN && number > q->numbered) {
		known = true;
		q->numbered = number;
		replay->orphans += spooled == SPOOLED_ORPHAN;
		if (spooled == SPOOLED_CALL)
			replay_call(replay, &request, number);
	}
	if (!known && !alloc_failed())
		voice_say(&q->voice, "line %zu of the spool is none that this version knows",
		          replay->lines);
	request_release(&request);
	return known;
}

/* One that was under way when it was written may have been done, and the server forgets what it did
   after a week. */
static bool is_too_old(const struct queue *q)
{
	return q->n > 0 && clock_date_us() - q->spool.written_us > SPOOL_US;
}

bool queue_init(struct queue *q, struct sender *sender, double interval, size_t most,
                const char *spool)
{
	struct replay replay = {.queue = q};
	bool ok;

	q->sender = sender;
	q->interval = interval;
	q->most = most;
	q->last = &q->first;
	q->spool.fd = -1;
	pthread_mutex_init(&q->lock, NULL);
	wait_cond_init(&q->changed);
	ok = spool == NULL || spool_open(&q->spool, spool, replay_line, &replay);
	if (ok && alloc_failed()) {
		ok = false;
		errno = ENOMEM;
	}
	if (ok && is_too_old(q)) {
		ok = false;
		errno = ESTALE;
	}
	for (size_t i = 0; i < replay.answers.n; i++)
		scitq_free(replay.answers.v[i]);
	vec_release(&replay.answers);
	if (!ok)
		return false;
	if (replay.orphans > 0)
		voice_say(&q->voice,
		          "%zu writes of an earlier process are left out: what they name was not "
		          "made, or not kept",
		          replay.orphans);
	if (q->n > 0)
		voice_say(&q->voice, "%zu writes of an earlier process are sent first", q->n);
	pthread_mutex_lock(&q->lock);
	errno = start(q);
	ok = errno == 0;
	pthread_mutex_unlock(&q->lock);
	return ok;
}

size_t queue_stop(struct queue *q)
{
	size_t left;

	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
	if (q->started)
		pthread_join(q->thread, NULL);
	left = q->n;
	while (q->first != NULL) {
		struct pending *p = pop(q);

		answer_finish(p->answer, SCITQ_CLOSED, NULL,
		              "the server was closed before this was sent", NULL);
		pending_free(p);
	}
	spool_close(&q->spool);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	return left;
}

size_t queue_count(struct queue *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}

/* Under lock, which is given up meanwhile. False: it was stopped. */
static bool wait_for_room(struct queue *q, struct watch watch)
{
	bool stop = false, told = q->full;

	while (q->n >= q->most && !stop) {
		q->full = true;
		pthread_mutex_unlock(&q->lock);
		if (!told)
			voice_say(&q->voice,
			          "%zu writes are queued: the next one waits until there is room",
			          q->most);
		told = true;
		stop = watch.stops != NULL && watch.stops(watch.context);
		pthread_mutex_lock(&q->lock);
		if (q->n >= q->most && !stop)
			wait_until(&q->changed, &q->lock,
			           watch.stops ? wait_end(ASK_SECONDS) : INT64_MAX);
	}
	return !stop;
}

enum queued queue_add(struct queue *q, struct request *request, struct scitq_answer *answer,
                      bool anyway, struct watch watch)
{
	struct pending *p = NULL;
	size_t before;
	int err, no_thread;

	pthread_mutex_lock(&q->lock);
	if (!wait_for_room(q, watch)) {
		pthread_mutex_unlock(&q->lock);
		return QUEUE_STOPPED;
	}
	before = q->n;
	if (before > 0 || anyway)
		p = xcalloc(1, sizeof(*p));
	if (p == NULL) {
		pthread_mutex_unlock(&q->lock);
		return before > 0 || anyway ? QUEUE_NO_MEMORY : QUEUE_EMPTY;
	}
	answer->number = ++q->numbered;
	/* The spool knows no more of what was sent before it was emptied. */
	request_put_ready(request);
	err = spool_add(&q->spool, answer->number, request) ? 0 : errno;
	push(q, p, request, answer);
	no_thread = start(q);
	if (no_thread != 0 && !refuse_first(q, no_thread))
		err = errno;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
	if (err != 0)
		voice_say(&q->voice, "the spool cannot be written: %s", strerror(err));
	if (before == 0 && no_thread == 0)
		voice_say(&q->voice,
		          "the server does not answer: what is sent is queued from now on");
	return QUEUE_TAKEN;
}

bool queue_drain(struct queue *q, double seconds, struct watch watch)
{
	int64_t end = wait_end(seconds);
	bool stop = false;
	uint64_t last;

	pthread_mutex_lock(&q->lock);
	last = q->numbered;
	while (q->first != NULL && q->first->answer->number <= last && !stop &&
	       clock_monotonic_ns() < end) {
		int64_t until = watch.stops ? wait_end(ASK_SECONDS) : end;

		wait_until(&q->changed, &q->lock, until < end ? until : end);
		if (watch.stops != NULL) {
			pthread_mutex_unlock(&q->lock);
			stop = watch.stops(watch.context);
			pthread_mutex_lock(&q->lock);
		}
	}
	/* Who asked to stop is not to be overlooked, though the last one has just been sent. */
	stop = stop || (q->first != NULL && q->first->answer->number <= last);
	pthread_mutex_unlock(&q->lock);
	return !stop;
}
