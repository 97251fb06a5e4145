#include "server/exchange.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "server/auth.h"
#include "server/flow.h"
#include "server/request.h"
#include "server/response.h"
#include "server/route.h"
#include "server/server.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BULK_BODIES 4
/* Of all bodies together of calls that take bytes: pieces of logs. */
#define RAW_ROOM ((size_t)64 << 20)
/*
 * Of a body that nobody wants. An answer before its end would close the
 * connection under a client that still sends: it would see a reset instead, and
 * a v1 client would send it all again.
 */
#define DISCARD_LIMIT ((size_t)256 << 20)
#define LAST_REPLIES_SECONDS 3

void exchanges_init(struct exchanges *all, const struct http_options *options,
                    struct server *server, struct auth *auth, http_dispatch *dispatch)
{
	const int64_t limits[LINK_STATES] = {[LINK_HEAD] = options->head_seconds,
	                                     [LINK_BODY] = options->body_seconds,
	                                     [LINK_IDLE] = options->idle_seconds};

	all->server = server;
	all->auth = auth;
	all->dispatch = dispatch;
	all->leads = options->leads;
	all->here = options->here;
	all->body_bytes = options->body_bytes;
	links_init(&all->links, limits);
	body_room_init(&all->room, RAW_ROOM);
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->sent, NULL);
}

void exchanges_wait(struct exchanges *all)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LAST_REPLIES_SECONDS;
	pthread_mutex_lock(&all->lock);
	while (all->unsent > 0 && pthread_cond_timedwait(&all->sent, &all->lock, &until) == 0)
		continue;
	pthread_mutex_unlock(&all->lock);
}

void exchanges_release(struct exchanges *all)
{
	links_release(&all->links);
	body_room_release(&all->room);
	pthread_cond_destroy(&all->sent);
	pthread_mutex_destroy(&all->lock);
}

static struct exchange *exchange_of(struct call *call)
{
	return (struct exchange *)((char *)call - offsetof(struct exchange, call));
}

void http_answer(struct call *call)
{
	struct exchange *x = exchange_of(call);

	if (x->phase == PHASE_OWNED)
		MHD_resume_connection(x->connection);
}

void http_again(struct call *call)
{
	struct exchange *x = exchange_of(call);

	assert(x->phase == PHASE_OWNED);
	call->passage = NULL;
	x->phase = PHASE_BODY;
	MHD_resume_connection(x->connection);
}

static struct link *link_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

void exchange_connection(void *context, struct MHD_Connection *connection, void **link,
                         enum MHD_ConnectionNotificationCode what)
{
	struct exchanges *all = context;
	const union MHD_ConnectionInfo *info;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		*link = link_open(&all->links, info->connect_fd, clock_monotonic_ns());
	} else if (*link != NULL) {
		link_close(&all->links, *link);
		*link = NULL;
	}
}

static void set_link(struct exchange *x, enum link_state state)
{
	link_set(&x->all->links, x->link, state, clock_monotonic_ns());
}

void *exchange_start(void *context, const char *uri, struct MHD_Connection *connection)
{
	static _Thread_local const struct MHD_Connection *last;
	struct exchanges *all = context;
	struct exchange *x = xcalloc(1, sizeof(*x));

	x->call.alone = last == connection;
	last = connection;
	arena_init(&x->call.arena);
	str_init(&x->call.raw);
	str_init(&x->call.reply);
	x->call.server = all->server;
	x->call.arrived_ns = clock_monotonic_ns();
	x->call.connection = connection;
	x->all = all;
	x->connection = connection;
	x->phase = PHASE_START;
	x->uri = arena_strdup(&x->call.arena, uri);
	x->link = link_of(connection);
	set_link(x, LINK_HEAD);
	return x;
}

void exchange_completed(void *context, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode why)
{
	struct exchanges *all = context;
	struct exchange *x = *state;

	(void)connection;
	(void)why;
	if (x == NULL)
		return;
	assert(x->phase != PHASE_OWNED || x->call.status != 0);
	if (x->counted) {
		pthread_mutex_lock(&all->lock);
		if (--all->unsent == 0)
			pthread_cond_signal(&all->sent);
		pthread_mutex_unlock(&all->lock);
	}
	set_link(x, LINK_IDLE);
	body_room_give_back(&all->room, &x->room);
	if (x->call.flow != NULL)
		flow_read_end(x->call.flow);
	json_decref(x->call.body);
	str_release(&x->call.raw);
	str_release(&x->call.reply);
	arena_release(&x->call.arena);
	free(x);
	*state = NULL;
}

static bool find_route(struct exchange *x, const char *method, const char *path)
{
	struct call *call = &x->call;
	struct route_hit hit;
	const char *query;

	/* Paths and words end up in JSON. */
	if (!text_is_utf8(path))
		return problem_set(&call->problem, PROBLEM_NOT_FOUND, "the path is not UTF-8 text");
	switch (route_find(method, path, &call->arena, &hit)) {
	case ROUTE_FOUND:
		call->route = hit.route;
		memcpy(call->ids, hit.ids, sizeof(call->ids));
		memcpy(call->names, hit.names, sizeof(call->names));
		return true;
	case ROUTE_OPTIONS:
		x->allow = hit.allow;
		return false;
	case ROUTE_REDIRECT:
		query = strchr(x->uri, '?');
		call->location = arena_printf(&call->arena, "%s/%s", path, query ? query : "");
		return false;
	case ROUTE_BAD_METHOD:
		x->allow = hit.allow;
		return problem_set(&call->problem, PROBLEM_BAD_METHOD, "%s takes %s, not %.20s",
		                   path, hit.allow, method);
	case ROUTE_UNKNOWN:
		break;
	}
	if (hit.not_number != NULL)
		return problem_set(&call->problem, PROBLEM_NOT_FOUND,
		                   "there is no %.200s: \"%.80s\" is not a number", path,
		                   hit.not_number);
	return problem_set(&call->problem, PROBLEM_NOT_FOUND, "there is no %.400s", path);
}

/* The headers are there: all that can be refused without the body is. */
static enum MHD_Result begin(struct exchange *x, const char *method, const char *path)
{
	struct call *call = &x->call;
	int64_t length = request_length(x->connection);
	bool wanted;

	x->phase = PHASE_BODY;
	set_link(x, LINK_BODY);
	x->head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	wanted = find_route(x, method, path) &&
	         request_authenticate(x->connection, x->all->auth, call) &&
	         request_key(x->connection, call);
	x->limit = 0;
	if (wanted && ((call->route->flags & ROUTE_AUDIT) || call->key != NULL || call->joins)) {
		call->path = arena_strdup(&call->arena, path);
		call->address = request_client(x->connection, x->all->auth, x->uri, call);
	}
	if (wanted) {
		x->limit = x->all->body_bytes;
		if (call->route->flags & ROUTE_BULK)
			x->limit *= BULK_BODIES;
		if (length > (int64_t)x->limit)
			wanted = problem_set(&call->problem, PROBLEM_TOO_LARGE,
			                     "the body has more than %zu bytes", x->limit);
	}
	/* One that waits for 100 Continue has not begun to send. */
	if (!wanted && call->problem.code != PROBLEM_NONE &&
	    (length > (int64_t)DISCARD_LIMIT || request_waits(x->connection))) {
		x->close = true;
		call_problem(call);
		return response_send(x);
	}
	return MHD_YES;
}

static bool is_wanted(const struct exchange *x)
{
	return x->call.route != NULL && x->call.problem.code == PROBLEM_NONE;
}

/* Before the first byte of a body. False: there is no room for it yet, the byte comes again. */
static bool may_take(struct exchange *x)
{
	struct call *call = &x->call;
	int64_t length = request_length(x->connection);
	const bool known = length >= 0 && length <= (int64_t)x->limit;

	if ((call->route->flags & ROUTE_RAW) && x->room.bytes == 0 &&
	    !body_room_ask(&x->all->room, &x->room, x->connection,
	                   known ? (size_t)length : x->limit)) {
		/* It is not the peer that takes its time. */
		set_link(x, LINK_SERVED);
		x->waited = true;
		return false;
	}
	if (x->waited)
		set_link(x, LINK_BODY);
	if (known)
		str_reserve(&call->raw, (size_t)length);
	return true;
}

static enum MHD_Result take(struct exchange *x, const char *data, size_t size)
{
	struct call *call = &x->call;
	bool wanted = is_wanted(x);

	if (wanted && size > x->limit - call->raw.len) {
		wanted = problem_set(&call->problem, PROBLEM_TOO_LARGE,
		                     "the body has more than %zu bytes", x->limit);
		str_release(&call->raw);
	}
	if (wanted) {
		str_add(&call->raw, data, size);
		return MHD_YES;
	}
	x->received += size;
	return x->received <= DISCARD_LIMIT ? MHD_YES : MHD_NO;
}

static void redirect(struct exchange *x)
{
	json_t *object = json_object();

	json_object_set_new(object, "message", json_string("the path ends with a slash"));
	json_object_set_new(object, "code", json_string("moved"));
	call_reply(&x->call, MHD_HTTP_PERMANENT_REDIRECT, object);
}

/* Its answer is in the memory of the server that leads, or changes it. */
static bool is_for_leader(const struct exchange *x)
{
	const struct route *route = x->call.route;

	return route->queue == QUEUE_CORE || (route->flags & ROUTE_LEADER) ||
	       (route->queue == QUEUE_READ && request_follows(x->connection));
}

/* The request is complete. */
static enum MHD_Result finish(struct exchange *x)
{
	struct exchanges *all = x->all;
	struct call *call = &x->call;

	if (call->problem.code == PROBLEM_NONE && atomic_load(&all->refusing))
		problem_set(&call->problem, PROBLEM_UNAVAILABLE, "the server is stopping");
	if (call->problem.code != PROBLEM_NONE)
		call_problem(call);
	else if (call->location != NULL)
		redirect(x);
	else if (call->route == NULL)
		call_reply_bytes(call, MHD_HTTP_OK, "text/plain");
	/* A body may take its time, and the token be revoked meanwhile: he is told so then. */
	else if (call->raw.len > 0 && call->digest != NULL &&
	         !auth_admits(all->auth, call->digest, clock_date_us()) &&
	         !request_authenticate(x->connection, all->auth, call))
		call_problem(call);
	else if (is_for_leader(x) && !all->leads(all->server))
		request_passage(x->connection, all->auth, x->uri, call);
	else if (!request_body(x->connection, call))
		call_problem(call);
	else if (call->route->queue == QUEUE_HTTP)
		call->route->handler.http(all->server, call);
	if (call->status != 0)
		return response_send(x);

	/* Before anything is done: what was done is answered, though the server stops. */
	if (!x->counted) {
		pthread_mutex_lock(&all->lock);
		all->unsent++;
		pthread_mutex_unlock(&all->lock);
		x->counted = true;
	}
	if (all->here(all->server, call))
		return response_send(x);
	x->phase = PHASE_OWNED;
	set_link(x, LINK_SERVED);
	MHD_suspend_connection(x->connection);
	all->dispatch(all->server, call);
	return MHD_YES;
}

enum MHD_Result exchange_handle(void *context, struct MHD_Connection *connection, const char *path,
                                const char *method, const char *version, const char *data,
                                size_t *size, void **state)
{
	struct exchange *x = *state;

	(void)context;
	(void)connection;
	(void)version;
	switch (x->phase) {
	case PHASE_START:
		return begin(x, method, path);
	case PHASE_BODY:
		if (*size > 0) {
			size_t n = *size;

			if (is_wanted(x) && x->call.raw.len == 0 && !may_take(x))
				return MHD_YES;
			*size = 0;
			return take(x, data, n);
		}
		return finish(x);
	case PHASE_OWNED:
		return response_send(x);
	case PHASE_REPLIED:
		break;
	}
	return MHD_YES;
}

/* A NUL would end the text early: what holds one is made to be refused as no UTF-8. */
size_t exchange_unescape(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	if (strstr(text, "%00") == NULL)
		return MHD_http_unescape(text);
	text[0] = '\xff';
	text[1] = '\0';
	return 1;
}
