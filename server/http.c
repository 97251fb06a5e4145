#include "server/http.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "server/auth.h"
#include "server/endpoint.h"
#include "server/flow.h"
#include "server/link.h"
#include "server/metrics.h"
#include "server/network.h"
#include "server/request.h"
#include "server/route.h"
#include "server/server.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BULK_BODIES 4
/*
 * Of a body that nobody wants. An answer before its end would close the
 * connection under a client that still sends: it would see a reset instead, and
 * a v1 client would send it all again.
 */
#define DISCARD_LIMIT ((size_t)256 << 20)
#define HEADER_LIMIT ((size_t)32 << 10)
/* A peer that neither sends nor takes a byte; who drips is ended by the links. */
#define SILENCE_SECONDS 120u
/* What a stream is asked for at a time. */
#define FLOW_BLOCK ((size_t)16 << 10)
#define LAST_REPLIES_SECONDS 3
/* Seconds, with 429 and 503. */
#define RETRY_AFTER "1"

/* A page loads from its own server only; Swagger UI writes style attributes, and pictures into its
   styles. */
#define PAGE_POLICY                                                                                \
	"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "                \
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "          \
	"frame-ancestors 'none'"

enum phase {
	PHASE_START,   /* the request line was read */
	PHASE_BODY,    /* the body arrives, or was all read */
	PHASE_OWNED,   /* suspended; another thread has the call */
	PHASE_REPLIED, /* libmicrohttpd sends */
};

struct exchange {
	struct call call;
	struct http *http;
	struct MHD_Connection *connection;
	enum phase phase;
	const char *uri; /* as received, query included */
	size_t received, limit;
	const char *allow;
	struct link *link;
	bool head;    /* HEAD: no body is wanted */
	bool close;   /* the connection cannot go on after the reply */
	bool counted; /* in http->unsent */
};

struct http {
	struct endpoint main, plain; /* plain: where main speaks TLS */
	struct networks admitted;
	struct links links;
	size_t body_bytes;
	struct server *server;
	struct auth *auth;
	http_dispatch *dispatch;
	http_leads *leads;
	const struct log *log;
	atomic_bool refusing;

	pthread_mutex_t lock;
	pthread_cond_t sent;
	unsigned unsent; /* calls handed over whose exchange has not ended */
};

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

static struct link *link_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void notify_connection(void *context, struct MHD_Connection *connection, void **link,
                              enum MHD_ConnectionNotificationCode what)
{
	struct http *http = context;
	const union MHD_ConnectionInfo *info;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		*link = link_open(&http->links, info->connect_fd, clock_monotonic_ns());
	} else if (*link != NULL) {
		link_close(&http->links, *link);
		*link = NULL;
	}
}

static void set_link(struct exchange *x, enum link_state state)
{
	link_set(&x->http->links, x->link, state, clock_monotonic_ns());
}

static void *start(void *context, const char *uri, struct MHD_Connection *connection)
{
	struct http *http = context;
	struct exchange *x = xcalloc(1, sizeof(*x));

	arena_init(&x->call.arena);
	str_init(&x->call.raw);
	str_init(&x->call.reply);
	x->call.server = http->server;
	x->call.arrived_ns = clock_monotonic_ns();
	x->call.connection = connection;
	x->http = http;
	x->connection = connection;
	x->phase = PHASE_START;
	x->uri = arena_strdup(&x->call.arena, uri);
	x->link = link_of(connection);
	set_link(x, LINK_HEAD);
	return x;
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode why)
{
	struct http *http = context;
	struct exchange *x = *state;

	(void)connection;
	(void)why;
	if (x == NULL)
		return;
	assert(x->phase != PHASE_OWNED || x->call.status != 0);
	if (x->counted) {
		pthread_mutex_lock(&http->lock);
		if (--http->unsent == 0)
			pthread_cond_signal(&http->sent);
		pthread_mutex_unlock(&http->lock);
	}
	set_link(x, LINK_IDLE);
	if (x->call.flow != NULL)
		flow_read_end(x->call.flow);
	json_decref(x->call.body);
	str_release(&x->call.raw);
	str_release(&x->call.reply);
	arena_release(&x->call.arena);
	free(x);
	*state = NULL;
}

static bool is_page(const struct call *call)
{
	return call->content_type != NULL && strncmp(call->content_type, "text/html", 9) == 0;
}

static bool add_header(struct MHD_Response *response, const char *name, const char *value)
{
	return value == NULL || MHD_add_response_header(response, name, value) == MHD_YES;
}

/* It owns the stream from then on. */
static struct MHD_Response *flow_response(struct exchange *x)
{
	struct flow *flow = x->call.flow;
	struct MHD_Response *response;

	flow->connection = x->connection;
	if (x->call.digest != NULL) {
		flow->auth = x->http->auth;
		memcpy(flow->digest, x->call.digest, sizeof(flow->digest));
	}
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, FLOW_BLOCK, flow_read, flow,
	                                             flow_read_end);
	if (response == NULL)
		return NULL;
	x->call.flow = NULL;
	/* Nobody between us keeps it, or waits for more of it. */
	if (!add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") ||
	    !add_header(response, "X-Accel-Buffering", "no")) {
		MHD_destroy_response(response);
		return NULL;
	}
	return response;
}

/* MHD_NO closes the connection without a word. */
static enum MHD_Result send_reply(struct exchange *x)
{
	struct call *call = &x->call;
	struct MHD_Response *response;
	enum MHD_Result result;
	size_t len = call->reply.len;
	bool ok;

	x->phase = PHASE_REPLIED;
	metrics_request(x->http->server->metrics, call->route, call->status);
	set_link(x, LINK_SERVED);
	if (call->status == CALL_DROPPED)
		return MHD_NO;
	/* libmicrohttpd (0.9.75) would send the last chunk of a body that HEAD has not. */
	if (call->flow != NULL && !x->head)
		response = flow_response(x);
	else if (len == 0)
		response = MHD_create_response_from_buffer(0, str_empty, MHD_RESPMEM_PERSISTENT);
	else
		response = MHD_create_response_from_buffer(len, str_detach(&call->reply),
		                                           MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		return MHD_NO;
	ok = add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, call->content_type) &&
	     add_header(response, MHD_HTTP_HEADER_ALLOW, x->allow) &&
	     add_header(response, MHD_HTTP_HEADER_LOCATION, call->location) &&
	     add_header(response, MHD_HTTP_HEADER_CONNECTION, x->close ? "close" : NULL) &&
	     add_header(response, "X-Content-Type-Options", "nosniff") &&
	     add_header(response, "Content-Security-Policy", is_page(call) ? PAGE_POLICY : NULL);
	if (call->status == MHD_HTTP_TOO_MANY_REQUESTS ||
	    call->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		ok = ok && add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER);
	if (call->status == MHD_HTTP_UNAUTHORIZED)
		ok = ok &&
		     add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		                "Bearer realm=\"scitq\"") &&
		     add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		                "Basic realm=\"scitq\", charset=\"UTF-8\"");
	result = ok ? MHD_queue_response(x->connection, (unsigned)call->status, response) : MHD_NO;
	MHD_destroy_response(response);
	return result;
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
	         request_authenticate(x->connection, x->http->auth, call);
	x->limit = 0;
	if (wanted && (call->route->flags & ROUTE_AUDIT)) {
		call->path = arena_strdup(&call->arena, path);
		call->address = request_address(x->connection, &call->arena);
	}
	if (wanted) {
		x->limit = x->http->body_bytes;
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
		return send_reply(x);
	}
	return MHD_YES;
}

static enum MHD_Result take(struct exchange *x, const char *data, size_t size)
{
	struct call *call = &x->call;
	bool wanted = call->route != NULL && call->problem.code == PROBLEM_NONE;

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
	struct http *http = x->http;
	struct call *call = &x->call;

	if (call->problem.code == PROBLEM_NONE && atomic_load(&http->refusing))
		problem_set(&call->problem, PROBLEM_UNAVAILABLE, "the server is stopping");
	if (call->problem.code != PROBLEM_NONE)
		call_problem(call);
	else if (call->location != NULL)
		redirect(x);
	else if (call->route == NULL)
		call_reply_bytes(call, MHD_HTTP_OK, "text/plain");
	/* A body may take its time, and the token be revoked meanwhile. */
	else if (call->raw.len > 0 && !request_authenticate(x->connection, http->auth, call))
		call_problem(call);
	else if (is_for_leader(x) && !http->leads(http->server))
		request_passage(x->connection, x->uri, call);
	else if (!request_body(x->connection, call))
		call_problem(call);
	else if (call->route->queue == QUEUE_HTTP)
		call->route->handler.http(http->server, call);
	if (call->status != 0)
		return send_reply(x);

	pthread_mutex_lock(&http->lock);
	http->unsent++;
	pthread_mutex_unlock(&http->lock);
	x->counted = true;
	x->phase = PHASE_OWNED;
	set_link(x, LINK_SERVED);
	MHD_suspend_connection(x->connection);
	http->dispatch(http->server, call);
	return MHD_YES;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
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

			*size = 0;
			return take(x, data, n);
		}
		return finish(x);
	case PHASE_OWNED:
		return send_reply(x);
	case PHASE_REPLIED:
		break;
	}
	return MHD_YES;
}

/* A NUL would end the text early: what holds one is made to be refused as no UTF-8. */
static size_t unescape(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	if (strstr(text, "%00") == NULL)
		return MHD_http_unescape(text);
	text[0] = '\xff';
	text[1] = '\0';
	return 1;
}

/* A private key that anybody can read is none. */
static bool read_pem(const char *path, bool secret, struct str *text, struct problem *problem)
{
	struct stat st;
	int err = stat(path, &st) < 0 ? -errno : file_read(path, text);

	if (err < 0)
		return problem_set(problem, PROBLEM_BAD_VALUE, "cannot read %s: %s", path,
		                   strerror(-err));
	if (secret && (st.st_mode & 007))
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "%s can be read by everybody (mode %03o): chmod o= it, and make "
		                   "a new key",
		                   path, (unsigned)st.st_mode & 0777);
	if (strstr(text->p, "-----BEGIN ") == NULL)
		return problem_set(problem, PROBLEM_BAD_VALUE, "%s is no PEM file", path);
	return true;
}

/* What each of them is about is said in server/settings.def. */
static bool options_agree(const struct http_options *o, const struct auth *auth,
                          struct problem *problem)
{
	if ((o->cert == NULL) != (o->key == NULL))
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "--tls-cert and --tls-key go together");
	if (auth_is_open(auth) && (o->cert != NULL || o->plain != NULL))
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "--open is for this machine alone: not with --tls-cert or "
		                   "--plain");
	if (o->plain != NULL && o->cert != NULL && o->plain_address == NULL)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "--plain beside TLS needs --plain-listen, which those networks "
		                   "can reach");
	if (o->plain_address != NULL && o->cert == NULL)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "--plain-listen goes with --tls-cert: without it --listen "
		                   "speaks plain HTTP");
	return true;
}

static bool open_endpoints(struct http *http, const struct http_options *o, struct problem *problem)
{
	const struct endpoint_callbacks callbacks = {.context = http,
	                                             .start = start,
	                                             .handle = handle,
	                                             .completed = completed,
	                                             .connection = notify_connection,
	                                             .unescape = unescape};
	struct endpoint_options e = {
	        .address = o->address,
	        .admitted = &http->admitted,
	        .loopback_only = auth_is_open(http->auth),
	        .threads = o->threads,
	        .connections = o->connections,
	        .silence_seconds = SILENCE_SECONDS,
	        .head_bytes = HEADER_LIMIT,
	};
	struct str cert = STR_INIT, key = STR_INIT;
	bool ok = options_agree(o, http->auth, problem) &&
	          (o->plain == NULL || networks_add(&http->admitted, o->plain, problem));

	if (o->cert != NULL)
		e.connections /= 2;
	e.per_address = o->per_address ? o->per_address : e.connections - e.connections / 8;
	if (ok && o->cert != NULL) {
		ok = read_pem(o->cert, false, &cert, problem) &&
		     read_pem(o->key, true, &key, problem);
		e.cert = cert.p;
		e.key = key.p;
	}
	ok = ok && endpoint_start(&http->main, &e, &callbacks, http->log, problem);
	if (ok && o->cert != NULL) {
		e.cert = e.key = NULL;
		e.address = o->plain_address ? o->plain_address : "127.0.0.1:0";
		ok = endpoint_start(&http->plain, &e, &callbacks, http->log, problem);
	}
	if (ok && o->plain != NULL)
		log_warn(http->log, "plain HTTP is admitted from %s: who is on the way can read it",
		         o->plain);
	str_release(&cert);
	if (key.len > 0)
		explicit_bzero(key.p, key.len);
	str_release(&key);
	return ok;
}

struct http *http_server_new(const struct http_options *options, struct server *server,
                             struct auth *auth, http_dispatch *dispatch, const struct log *log,
                             struct problem *problem)
{
	struct http *http = xcalloc(1, sizeof(*http));
	const int64_t limits[LINK_STATES] = {[LINK_HEAD] = options->head_seconds,
	                                     [LINK_BODY] = options->body_seconds,
	                                     [LINK_IDLE] = options->idle_seconds};

	http->server = server;
	http->auth = auth;
	http->dispatch = dispatch;
	http->leads = options->leads;
	http->log = log;
	http->body_bytes = options->body_bytes;
	http->main.listener.fd = http->plain.listener.fd = -1;
	links_init(&http->links, limits);
	pthread_mutex_init(&http->lock, NULL);
	pthread_cond_init(&http->sent, NULL);
	if (open_endpoints(http, options, problem))
		return http;
	http_server_free(http);
	return NULL;
}

const char *http_url(const struct http *http)
{
	return http->main.listener.url;
}

const char *http_local_url(const struct http *http)
{
	return http->plain.daemon ? http->plain.listener.local_url : http->main.listener.local_url;
}

void http_sweep(struct http *http)
{
	unsigned n = links_sweep(&http->links, clock_monotonic_ns());

	if (n > 0)
		log_info(http->log, "%u connections took too long and were ended", n);
}

void http_refuse(struct http *http)
{
	atomic_store(&http->refusing, true);
	endpoint_refuse(&http->main);
	endpoint_refuse(&http->plain);
}

void http_server_free(struct http *http)
{
	struct timespec until;

	if (http == NULL)
		return;
	if (http->main.daemon != NULL) {
		http_refuse(http);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += LAST_REPLIES_SECONDS;
		pthread_mutex_lock(&http->lock);
		while (http->unsent > 0 &&
		       pthread_cond_timedwait(&http->sent, &http->lock, &until) == 0)
			continue;
		pthread_mutex_unlock(&http->lock);
	}
	endpoint_stop(&http->plain);
	endpoint_stop(&http->main);
	networks_release(&http->admitted);
	links_release(&http->links);
	pthread_cond_destroy(&http->sent);
	pthread_mutex_destroy(&http->lock);
	free(http);
}
