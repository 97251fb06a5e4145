#include "server/relay.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "net/http.h"
#include "server/core.h"
#include "server/http.h"
#include "server/link.h"
#include "server/relay_stream.h"
#include "server/route.h"
#include "server/server.h"
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#define LEADER_NS INT64_C(1000000000) /* its address is asked for again after that, */
#define NOBODY_NS INT64_C(100000000)  /* or after that where nobody leads */
#define LOOK_MS 1000
#define CONNECT_MS 2000
/* Above what a lease or a follower waits for. */
#define CALL_MS 180000
/*
 * How long a call is kept for whoever leads next: longer than that takes, and with what a lease
 * waits less than its client does.
 */
#define HOLD_NS (INT64_C(15) * 1000000000)
#define HELD_LOOK_MS 200
#define HEADERS 7

struct passing {
	TAILQ_ENTRY(passing) place;
	struct relay *relay;
	struct call *call;           /* NULL: answered, its stream goes on */
	struct relay_stream *stream; /* NULL: none */
	bool refused;                /* no stream could be had for it */
	char *leader;                /* whom it was passed to */
	uint64_t number;             /* there; 0: it is held */
	const char *why;             /* it is held; NULL: it never was */
	int64_t until_ns;            /* it may be */
};

TAILQ_HEAD(passings, passing);

struct relay {
	struct server *server;
	struct store_reader *store;
	struct http_multi *multi;
	pthread_t thread;
	bool started;
	int wake, stir; /* calls were submitted; streams want to be looked at */

	pthread_mutex_t lock;
	struct call *first, **last; /* under lock, as is the next one */
	bool stopping;

	/* The thread's. */
	struct passings all;
	unsigned held;     /* of them */
	struct str leader; /* its URL; "": there is none */
	int64_t asked_ns;  /* when the database said so; 0: never */
	int64_t looked_ns; /* after them all */
};

static void refuse(struct call *call, const char *why)
{
	problem_set(&call->problem, PROBLEM_UNAVAILABLE, "%s", why);
	call_problem(call);
}

/* False: nobody is known to lead. */
static bool find_leader(struct relay *relay)
{
	int64_t now = clock_monotonic_ns(), known = relay->leader.len > 0 ? LEADER_NS : NOBODY_NS;

	if (relay->asked_ns == 0 || now - relay->asked_ns > known) {
		store_reader_deadline(relay->store, now + CONNECT_MS * INT64_C(1000000));
		str_reset(&relay->leader);
		/* Where it cannot be asked nobody is known. */
		(void)store_leader(relay->store, &relay->leader);
		relay->asked_ns = now;
	}
	return relay->leader.len > 0;
}

/* It is over for the relay; somebody else has the call, or it was answered. */
static void let_go(struct passing *passing)
{
	TAILQ_REMOVE(&passing->relay->all, passing, place);
	passing->relay->held -= passing->number == 0;
	free(passing->leader);
	free(passing);
}

/* Until somebody leads who answers. */
static void hold(struct passing *passing, const char *why)
{
	passing->relay->held += passing->number != 0;
	passing->number = 0;
	passing->why = why;
	if (clock_monotonic_ns() < passing->until_ns)
		return;
	refuse(passing->call, why);
	let_go(passing);
}

/*
 * Whether a call that may have been done can be sent again: one that changes nothing, one that has
 * a key, and one of our clients, who do the same themselves.
 */
static bool may_repeat(const struct call *call)
{
	return call->ours || call->key != NULL || strcmp(call->route->method, "GET") == 0;
}

/* Nobody answered it. */
static void lose(struct passing *passing, bool again, const char *why)
{
	if (again) {
		hold(passing, why);
	} else {
		refuse(passing->call, why);
		let_go(passing);
	}
}

static void answered(void *context, enum http_error error, struct http_response *response)
{
	struct passing *passing = context;
	struct relay *relay = passing->relay;
	struct call *call = passing->call;

	if (passing->stream != NULL) {
		relay_stream_end(passing->stream, error == HTTP_OK);
		let_go(passing);
		return;
	}
	if (passing->refused) {
		let_go(passing);
		call_problem(call);
		return;
	}
	if (error != HTTP_OK) {
		/* Somebody else may lead by now. */
		relay->asked_ns = 0;
		if (passing->why == NULL)
			log_warn(&relay->server->log, "%s %s: the leader at %s: %s",
			         call->passage->method, call->route->pattern, passing->leader,
			         response->message.p);
		lose(passing, http_error_retriable(error) && (response->unsent || may_repeat(call)),
		     "the server that leads does not answer");
		return;
	}
	/* What is answered so was not done. */
	if (response->status == 503) {
		hold(passing, "the server that leads does not serve at the moment");
		return;
	}
	let_go(passing);
	/* As the leader would have treated it. */
	if (response->status == 429 && !call->ours) {
		call_drop(call);
		return;
	}
	str_reset(&call->reply);
	str_add(&call->reply, response->body.p, response->body.len);
	call_reply_bytes(call, response->status, arena_strdup(&call->arena, response->type.p));
}

/* Of a reply that goes on. */
static bool came(void *context, const char *type, const char *data, size_t n)
{
	struct passing *passing = context;
	struct relay *relay = passing->relay;
	struct call *call = passing->call;

	if (passing->stream != NULL)
		return relay_stream_put(passing->stream, data, n);
	if (type == NULL || passing->refused)
		return true;
	if (!flows_admit(relay->server->flows, &call->problem)) {
		passing->refused = true;
		relay->looked_ns = 0;
		return true;
	}
	passing->stream = relay_stream_new(relay->server->flows, relay->stir);
	passing->call = NULL;
	call_reply_flow(call, 200, arena_strdup(&call->arena, type),
	                relay_stream_flow(passing->stream));
	return true;
}

static const char *header(struct call *call, const char *name, const char *value)
{
	return arena_printf(&call->arena, "%s: %s", name, value);
}

static void pass(struct passing *passing)
{
	struct relay *relay = passing->relay;
	struct call *call = passing->call;
	const struct passage *passage = call->passage;
	const bool goes_on = call->route->queue != QUEUE_CORE;
	const char *headers[HEADERS + 1] = {header(call, PASSED_HEADER, passage->passed)};
	struct http_request request = {.method = passage->method,
	                               .headers = headers,
	                               .ca = relay->server->ca,
	                               .body = call->raw.p,
	                               .body_len = call->raw.len,
	                               .timeout_ms = goes_on ? 0 : CALL_MS,
	                               .connect_timeout_ms = CONNECT_MS,
	                               .direct = true,
	                               /* What v1's callers post has no key to know it by. */
	                               .once = !may_repeat(call)};
	size_t n = 1;

	if (passage->authorization != NULL)
		headers[n++] = header(call, "Authorization", passage->authorization);
	if (passage->client != NULL)
		headers[n++] = header(call, "X-Scitq-Client", passage->client);
	if (passage->content_type != NULL)
		headers[n++] = header(call, "Content-Type", passage->content_type);
	if (passage->mask != NULL)
		headers[n++] = header(call, "X-Fields", passage->mask);
	if (passage->key != NULL)
		headers[n++] = header(call, KEY_HEADER, passage->key);
	if (passage->last_event != NULL)
		headers[n++] = header(call, "Last-Event-ID", passage->last_event);
	assert(n <= HEADERS);
	request.url = arena_printf(&call->arena, "%s%s", relay->leader.p, passage->uri);
	free(passing->leader);
	passing->leader = xstrdup(relay->leader.p);
	relay->held--;
	passing->number =
	        http_multi_follow(relay->multi, &request, goes_on ? came : NULL, answered, passing);
}

/* One that is held. */
static void try(struct passing *passing)
{
	struct relay *relay = passing->relay;
	struct call *call = passing->call;

	if (core_leads(relay->server->core)) {
		let_go(passing);
		http_again(call);
	} else if (find_leader(relay)) {
		pass(passing);
	} else {
		hold(passing, "no server leads at the moment");
	}
}

static void begin(struct relay *relay, struct call *call)
{
	struct passing *passing;

	if (call->passed) {
		refuse(call, "this server does not lead any more");
		return;
	}
	if (strchr(call->passage->uri, '#') != NULL) {
		/* Ours since HTTP has no fragments; a client would cut it off. */
		problem_set(&call->problem, PROBLEM_BAD_VALUE, "a # in a path is written %%23");
		call_problem(call);
		return;
	}
	passing = xcalloc(1, sizeof(*passing));
	passing->relay = relay;
	passing->call = call;
	passing->until_ns = clock_monotonic_ns() + HOLD_NS;
	TAILQ_INSERT_TAIL(&relay->all, passing, place);
	relay->held++;
	try(passing);
}

static void cancel(struct passing *passing)
{
	if (passing->number != 0)
		(void)http_multi_cancel(passing->relay->multi, passing->number);
}

/* It may have gone, or its leader have another now: one that does not lead may never answer. */
static void look_at(struct passing *passing)
{
	struct relay *relay = passing->relay;
	struct call *call = passing->call;

	if (passing->refused) {
		cancel(passing);
		let_go(passing);
		call_problem(call);
	} else if (call != NULL && link_hung_up(call->connection)) {
		/* So that the leader sees it too, and grants nothing to a worker that is gone. */
		cancel(passing);
		let_go(passing);
		call_drop(call);
	} else if (passing->number == 0) {
		try(passing);
	} else if (relay->leader.len > 0 && strcmp(passing->leader, relay->leader.p) != 0) {
		cancel(passing);
		if (call != NULL) {
			lose(passing, may_repeat(call), "the server that led has gone");
		} else {
			relay_stream_end(passing->stream, false);
			let_go(passing);
		}
	}
}

static void look_after(struct relay *relay)
{
	int64_t now = clock_monotonic_ns();
	int64_t pause = relay->held > 0 ? HELD_LOOK_MS : LOOK_MS;
	struct passing *passing, *next;

	if (TAILQ_EMPTY(&relay->all) || now - relay->looked_ns < pause * 1000000)
		return;
	relay->looked_ns = now;
	(void)find_leader(relay);
	for (passing = TAILQ_FIRST(&relay->all); passing != NULL; passing = next) {
		next = TAILQ_NEXT(passing, place);
		look_at(passing);
	}
}

/* Who read slowly, or hung up. */
static void look_at_streams(struct relay *relay)
{
	struct passing *passing, *next;

	for (passing = TAILQ_FIRST(&relay->all); passing != NULL; passing = next) {
		next = TAILQ_NEXT(passing, place);
		if (passing->stream == NULL)
			continue;
		if (relay_stream_gone(passing->stream)) {
			cancel(passing);
			relay_stream_end(passing->stream, false);
			let_go(passing);
		} else if (relay_stream_has_room(passing->stream)) {
			http_multi_go_on(relay->multi, passing->number);
		}
	}
}

/* What was submitted, oldest first; *stopping says whether it is the end. */
static struct call *take(struct relay *relay, bool *stopping)
{
	struct call *first;

	pthread_mutex_lock(&relay->lock);
	first = relay->first;
	relay->first = NULL;
	relay->last = &relay->first;
	*stopping = relay->stopping;
	pthread_mutex_unlock(&relay->lock);
	return first;
}

static void stop(struct passing *passing)
{
	struct call *call = passing->call;

	cancel(passing);
	if (passing->stream != NULL)
		relay_stream_end(passing->stream, false);
	let_go(passing);
	if (call != NULL)
		refuse(call, "the server is stopping");
}

static int pause_of(const struct relay *relay)
{
	return TAILQ_EMPTY(&relay->all) ? -1 : relay->held > 0 ? HELD_LOOK_MS : LOOK_MS;
}

static void *run(void *context)
{
	struct relay *relay = context;
	bool stopping = false;

	while (!stopping) {
		struct pollfd fds[3] = {{relay->wake, POLLIN, 0},
		                        {relay->stir, POLLIN, 0},
		                        {http_multi_fd(relay->multi), POLLIN, 0}};
		/* Interrupted: it looks and waits again. */
		bool woken = poll(fds, 3, pause_of(relay)) > 0;
		struct call *call, *next;
		uint64_t count;

		if (woken && fds[0].revents != 0)
			(void)fd_read(relay->wake, &count, sizeof(count));
		for (call = take(relay, &stopping); call != NULL; call = next) {
			next = call->next;
			if (stopping)
				refuse(call, "the server is stopping");
			else
				begin(relay, call);
		}
		if (woken && fds[1].revents != 0) {
			(void)fd_read(relay->stir, &count, sizeof(count));
			look_at_streams(relay);
		}
		http_multi_run(relay->multi);
		look_after(relay);
	}
	while (!TAILQ_EMPTY(&relay->all))
		stop(TAILQ_FIRST(&relay->all));
	return NULL;
}

struct relay *relay_new(struct server *server, struct problem *problem)
{
	struct relay *relay = xcalloc(1, sizeof(*relay));
	int err;

	relay->server = server;
	relay->last = &relay->first;
	str_init(&relay->leader);
	pthread_mutex_init(&relay->lock, NULL);
	relay->multi = http_multi_new();
	TAILQ_INIT(&relay->all);
	relay->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	relay->stir = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (relay->wake < 0 || relay->stir < 0) {
		problem_set(problem, PROBLEM_INTERNAL, "eventfd: %s", strerror(errno));
		relay_free(relay);
		return NULL;
	}
	relay->store = store_reader_open(server->store, problem);
	if (relay->store == NULL) {
		relay_free(relay);
		return NULL;
	}
	err = pthread_create(&relay->thread, NULL, run, relay);
	if (err != 0) {
		problem_set(problem, PROBLEM_INTERNAL, "cannot start a thread: %s", strerror(err));
		relay_free(relay);
		return NULL;
	}
	relay->started = true;
	return relay;
}

static void wake(struct relay *relay)
{
	uint64_t one = 1;
	int err = fd_write_all(relay->wake, &one, sizeof(one));

	/* An eventfd takes a one whenever it is not near its limit of 2^64. */
	assert(err == 0);
	(void)err;
}

void relay_submit(struct relay *relay, struct call *call)
{
	bool stopping;

	call->next = NULL;
	pthread_mutex_lock(&relay->lock);
	stopping = relay->stopping;
	if (!stopping) {
		*relay->last = call;
		relay->last = &call->next;
	}
	pthread_mutex_unlock(&relay->lock);
	if (stopping)
		refuse(call, "the server is stopping");
	else
		wake(relay);
}

void relay_stop(struct relay *relay)
{
	if (relay == NULL || !relay->started)
		return;
	pthread_mutex_lock(&relay->lock);
	relay->stopping = true;
	pthread_mutex_unlock(&relay->lock);
	wake(relay);
	pthread_join(relay->thread, NULL);
	relay->started = false;
}

void relay_free(struct relay *relay)
{
	if (relay == NULL)
		return;
	relay_stop(relay);
	http_multi_free(relay->multi);
	if (relay->store != NULL)
		store_reader_close(relay->store);
	if (relay->wake >= 0)
		close(relay->wake);
	if (relay->stir >= 0)
		close(relay->stir);
	str_release(&relay->leader);
	pthread_mutex_destroy(&relay->lock);
	free(relay);
}
