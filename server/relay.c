#include "server/relay.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "net/http.h"
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
#include <unistd.h>

#define LEADER_NS INT64_C(1000000000) /* its address is asked for again after that */
#define LOOK_MS 1000
#define CONNECT_MS 2000
/* Above what a lease or a follower waits for. */
#define CALL_MS 180000
#define HEADERS 6

struct passing {
	struct passing *next;
	struct relay *relay;
	struct call *call;
	const char *leader; /* whom it was passed to */
	uint64_t number;
};

struct relay {
	struct server *server;
	struct store_reader *store;
	struct http_multi *multi;
	pthread_t thread;
	bool started;
	int wake;

	pthread_mutex_t lock;
	struct call *first, **last; /* under lock, as is the next one */
	bool stopping;

	/* The thread's. */
	struct passing *under_way;
	struct str leader; /* its URL; "": there is none */
	int64_t asked_ns;  /* when the database said so; 0: never */
};

static void refuse(struct call *call, const char *why)
{
	problem_set(&call->problem, PROBLEM_UNAVAILABLE, "%s", why);
	call_problem(call);
}

static void take_out(struct relay *relay, struct passing *passing)
{
	struct passing **at = &relay->under_way;

	while (*at != passing)
		at = &(*at)->next;
	*at = passing->next;
	free(passing);
}

static void answered(void *context, enum http_error error, struct http_response *response)
{
	struct passing *passing = context;
	struct relay *relay = passing->relay;
	struct call *call = passing->call;

	take_out(relay, passing);
	if (error != HTTP_OK) {
		/* Somebody else may lead by now. */
		relay->asked_ns = 0;
		log_warn(&relay->server->log, "%s %s: the leader at %s: %s", call->passage->method,
		         call->route->pattern, relay->leader.p, response->message.p);
		refuse(call, "the server that leads does not answer");
		return;
	}
	str_reset(&call->reply);
	str_add(&call->reply, response->body.p, response->body.len);
	call_reply_bytes(call, response->status, arena_strdup(&call->arena, response->type.p));
}

/* False: nobody is known to lead. */
static bool find_leader(struct relay *relay)
{
	int64_t now = clock_monotonic_ns();

	if (relay->asked_ns == 0 || now - relay->asked_ns > LEADER_NS) {
		store_reader_deadline(relay->store, now + CONNECT_MS * INT64_C(1000000));
		str_reset(&relay->leader);
		if (store_leader(relay->store, &relay->leader) == STORE_OK)
			relay->asked_ns = now;
	}
	return relay->leader.len > 0;
}

static const char *header(struct call *call, const char *name, const char *value)
{
	return arena_printf(&call->arena, "%s: %s", name, value);
}

static void pass(struct relay *relay, struct call *call)
{
	const struct passage *passage = call->passage;
	const char *headers[HEADERS + 1] = {header(call, PASSED_HEADER, "1")};
	struct http_request request = {.method = passage->method,
	                               .headers = headers,
	                               .ca = relay->server->ca,
	                               .body = call->raw.p,
	                               .body_len = call->raw.len,
	                               .timeout_ms = CALL_MS,
	                               .connect_timeout_ms = CONNECT_MS,
	                               .direct = true,
	                               /* What v1's callers post has no key to know it by. */
	                               .once = !call->ours};
	struct passing *passing;
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
	assert(n <= HEADERS);
	request.url = arena_printf(&call->arena, "%s%s", relay->leader.p, passage->uri);
	passing = xcalloc(1, sizeof(*passing));
	passing->relay = relay;
	passing->call = call;
	passing->leader = arena_strdup(&call->arena, relay->leader.p);
	passing->next = relay->under_way;
	relay->under_way = passing;
	passing->number = http_multi_start(relay->multi, &request, answered, passing);
}

static void begin(struct relay *relay, struct call *call)
{
	if (call->passage->passed) {
		refuse(call, "this server does not lead any more");
	} else if (strchr(call->passage->uri, '#') != NULL) {
		/* Ours since HTTP has no fragments; a client would cut it off. */
		problem_set(&call->problem, PROBLEM_BAD_VALUE, "a # in a path is written %%23");
		call_problem(call);
	} else if (!find_leader(relay)) {
		refuse(call, "no server leads at the moment");
	} else if (call->route->queue != QUEUE_CORE) {
		call->location =
		        arena_printf(&call->arena, "%s%s", relay->leader.p, call->passage->uri);
		call_reply_bytes(call, 307, "text/plain");
	} else {
		pass(relay, call);
	}
}

static void abandon(struct relay *relay, struct passing *passing, const char *why)
{
	struct call *call = passing->call;

	http_multi_cancel(relay->multi, passing->number);
	take_out(relay, passing);
	refuse(call, why);
}

/* One that does not lead any more may never answer: who waits for it is to ask again. */
static void look_after(struct relay *relay)
{
	struct passing *next;

	if (relay->under_way == NULL)
		return;
	(void)find_leader(relay);
	for (struct passing *passing = relay->under_way; passing != NULL; passing = next) {
		next = passing->next;
		if (strcmp(passing->leader, relay->leader.p) != 0)
			abandon(relay, passing, "the server that led has gone");
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

static void *run(void *context)
{
	struct relay *relay = context;
	bool stopping = false;

	while (!stopping) {
		struct pollfd fds[2] = {{relay->wake, POLLIN, 0},
		                        {http_multi_fd(relay->multi), POLLIN, 0}};
		struct call *call, *next;
		uint64_t count;

		/* Interrupted: it looks and waits again. */
		if (poll(fds, 2, relay->under_way ? LOOK_MS : -1) > 0 && fds[0].revents != 0)
			(void)fd_read(relay->wake, &count, sizeof(count));
		for (call = take(relay, &stopping); call != NULL; call = next) {
			next = call->next;
			if (stopping)
				refuse(call, "the server is stopping");
			else
				begin(relay, call);
		}
		http_multi_run(relay->multi);
		look_after(relay);
	}
	while (relay->under_way != NULL)
		abandon(relay, relay->under_way, "the server is stopping");
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
	relay->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (relay->wake < 0) {
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
	str_release(&relay->leader);
	pthread_mutex_destroy(&relay->lock);
	free(relay);
}
