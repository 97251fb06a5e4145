#include "server/request.h"

#include "base/clock.h"
#include "model/json.h"
#include "server/mask.h"
#include "server/relay.h"
#include "server/route.h"
#include "server/server.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define DEPTH_LIMIT 64

bool text_is_utf8(const char *text)
{
	json_t *string = json_string(text);
	bool is = string != NULL;

	json_decref(string);
	return is;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool is_loopback_name(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strncasecmp(host, "localhost", 9) == 0 ||
	       strncmp(host, "[::1]", 5) == 0;
}

static bool is_tls(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_PROTOCOL) != NULL;
}

/*
 * A browser says where a page comes from: Origin with every POST, PUT and
 * DELETE, Sec-Fetch-Site with everything. A name in Host that is not this
 * machine's is one that somebody else's DNS points here.
 */
static bool is_foreign_page(struct MHD_Connection *connection, const struct auth *auth)
{
	const char *origin = header(connection, MHD_HTTP_HEADER_ORIGIN);
	const char *host = header(connection, MHD_HTTP_HEADER_HOST);
	const char *site = header(connection, "Sec-Fetch-Site");
	const char *scheme = is_tls(connection) ? "https://" : "http://";
	const size_t len = strlen(scheme);

	if (origin != NULL && (host == NULL || strncasecmp(origin, scheme, len) != 0 ||
	                       strcasecmp(origin + len, host) != 0))
		return true;
	if (site != NULL && (strcmp(site, "cross-site") == 0 || strcmp(site, "same-site") == 0))
		return true;
	return auth_is_open(auth) && host != NULL && !is_loopback_name(host);
}

static void check_token(struct MHD_Connection *connection, struct auth *auth, struct arena *arena,
                        struct caller *caller)
{
	const char *value = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
	int64_t now_us = clock_date_us();
	char *name, *password = NULL;

	*caller = (struct caller){ROLE_NONE, "", NULL, NULL, false};
	if (value == NULL)
		return;
	if (strncasecmp(value, "Bearer ", 7) == 0) {
		value += 7;
		value += strspn(value, " ");
		auth_check(auth, value, now_us, arena, caller);
		return;
	}
	/* Basic: the token is the password; the name is for the client's own records. */
	name = MHD_basic_auth_get_username_password(connection, &password);
	if (password != NULL)
		auth_check(auth, password, now_us, arena, caller);
	MHD_free(name);
	MHD_free(password);
}

static const char *address_of(struct MHD_Connection *connection, struct arena *arena)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address = info ? info->client_addr : NULL;
	char host[NI_MAXHOST];

	if (address == NULL ||
	    getnameinfo(address,
	                address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
	                                               : sizeof(struct sockaddr_in),
	                host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
		return "";
	return arena_strdup(arena, host);
}

/* What is vouched for: that this call came from there. */
static const char *statement(const char *uri, const char *address, struct call *call)
{
	return arena_printf(&call->arena, "%s %s %s", call->route->method, uri, address);
}

const char *request_client(struct MHD_Connection *connection, const struct auth *auth,
                           const char *uri, struct call *call)
{
	const char *passed = header(connection, PASSED_HEADER);
	const char *word = passed ? strchr(passed, ' ') : NULL;
	const char *address;

	if (word != NULL) {
		address = arena_strndup(&call->arena, passed, (size_t)(word - passed));
		if (auth_vouched(auth, statement(uri, address, call), word + 1))
			return address;
	}
	return address_of(connection, &call->arena);
}

static void log_refusal(struct MHD_Connection *connection, struct auth *auth, struct call *call)
{
	unsigned more;

	if (auth_refused(auth, clock_monotonic_ns(), &more))
		log_warn(&call->server->log,
		         "a token that is not valid came from %s; %u others since this was said "
		         "last",
		         address_of(connection, &call->arena), more);
}

bool request_authenticate(struct MHD_Connection *connection, struct auth *auth, struct call *call)
{
	const struct route *route = call->route;
	struct caller caller;

	call->ours = header(connection, "X-Scitq-Client") != NULL;
	call->passed = header(connection, PASSED_HEADER) != NULL;
	call->user = "";
	/* The page itself holds nothing, and a link elsewhere may lead to it. */
	if (!(route->flags & ROUTE_PAGE) && is_foreign_page(connection, auth))
		return problem_set(&call->problem, PROBLEM_UNAUTHORIZED,
		                   "calls from web pages of another origin are refused");
	if (auth_is_open(auth)) {
		call->role = ROLE_ADMIN;
		return true;
	}
	check_token(connection, auth, &call->arena, &caller);
	call->role = caller.role;
	call->user = caller.name;
	call->worker = caller.worker;
	call->digest = caller.digest;
	call->joins = caller.joins;
	if (call->joins && !(route->flags & ROUTE_JOINS))
		return problem_set(&call->problem, PROBLEM_UNAUTHORIZED,
		                   "the token is for joining alone: worker %.200s has another one "
		                   "for everything else",
		                   call->worker);
	if (call->role >= route->role)
		return true;
	if (header(connection, MHD_HTTP_HEADER_AUTHORIZATION) == NULL)
		return problem_set(
		        &call->problem, PROBLEM_UNAUTHORIZED,
		        "a token is needed: Authorization: Bearer TOKEN, or Basic with the "
		        "token as password");
	if (call->role == ROLE_NONE) {
		log_refusal(connection, auth, call);
		return problem_set(&call->problem, PROBLEM_UNAUTHORIZED,
		                   "the token is not valid, or not any more");
	}
	return problem_set(&call->problem, PROBLEM_UNAUTHORIZED,
	                   "the token's role is %s, and %s %s needs %s", role_word(call->role),
	                   route->method, route->pattern, role_word(route->role));
}

bool request_follows(struct MHD_Connection *connection)
{
	/* With or without a value. */
	return MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "follow",
	                                     strlen("follow"), NULL, NULL) == MHD_YES;
}

static const char *kept_header(struct MHD_Connection *connection, const char *name,
                               struct call *call)
{
	const char *value = header(connection, name);

	return value ? arena_strdup(&call->arena, value) : NULL;
}

bool request_key(struct MHD_Connection *connection, struct call *call)
{
	const struct route *route = call->route;
	const char *key = header(connection, KEY_HEADER);

	if (key == NULL || route->queue != QUEUE_CORE || route->role >= ROLE_ADMIN ||
	    (route->flags & (ROUTE_RAW | ROUTE_BULK)) ||
	    strcmp(route->method, MHD_HTTP_METHOD_GET) == 0)
		return true;
	if (!text_is_utf8(key) || *key == '\0')
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   KEY_HEADER " must be text, and not empty");
	call->key = arena_strdup(&call->arena, key);
	return name_check(KEY_HEADER, key, &call->problem);
}

void request_passage(struct MHD_Connection *connection, const struct auth *auth, const char *uri,
                     struct call *call)
{
	struct passage *passage = arena_new(&call->arena, struct passage);
	char word[DIGEST_TEXT_SIZE];

	passage->method = call->route->method;
	passage->uri = uri;
	passage->authorization = kept_header(connection, MHD_HTTP_HEADER_AUTHORIZATION, call);
	passage->client = kept_header(connection, "X-Scitq-Client", call);
	passage->content_type = kept_header(connection, MHD_HTTP_HEADER_CONTENT_TYPE, call);
	passage->key = kept_header(connection, KEY_HEADER, call);
	passage->mask = kept_header(connection, "X-Fields", call);
	passage->last_event = kept_header(connection, "Last-Event-ID", call);
	passage->passed = "1";
	/* Who steers is told in the audit log. */
	if (call->address != NULL) {
		auth_vouch(auth, statement(uri, call->address, call), word);
		passage->passed = arena_printf(&call->arena, "%s %s", call->address, word);
	}
	call->passage = passage;
}

int64_t request_length(struct MHD_Connection *connection)
{
	const char *text = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
	int64_t length;

	if (text == NULL)
		return -1;
	errno = 0;
	length = strtoll(text, NULL, 10);
	return errno != 0 || length < 0 ? INT64_MAX : length;
}

bool request_waits(struct MHD_Connection *connection)
{
	const char *expect = header(connection, MHD_HTTP_HEADER_EXPECT);

	return expect != NULL && strcasecmp(expect, "100-continue") == 0;
}

/* Before it is parsed: what walks a value later does so by recursion. */
static bool is_too_deep(const struct str *text)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < text->len; i++) {
		const char c = text->p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && depth > 0 && (c == '}' || c == ']'))
			depth--;
		if (depth > DEPTH_LIMIT)
			return true;
	}
	return false;
}

static bool read_json(struct call *call)
{
	size_t i = 0;

	while (i < call->raw.len && isspace((unsigned char)call->raw.p[i]))
		i++;
	if (i == call->raw.len) {
		call->body = json_object();
		return true;
	}
	if (is_too_deep(&call->raw))
		return problem_set(&call->problem, PROBLEM_BAD_JSON,
		                   "the depth of the body is above %d", DEPTH_LIMIT);
	call->body = json_parse(call->raw.p, call->raw.len, &call->problem);
	str_release(&call->raw);
	if (call->body == NULL)
		return false;
	if (!json_is_object(call->body))
		return problem_set(&call->problem, PROBLEM_BAD_JSON,
		                   "the body must be an object, not %s",
		                   json_type_words(call->body));
	return true;
}

static enum MHD_Result read_argument(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
	struct call *call = context;

	(void)kind;
	return filter_query(call->route->filter, call->body, name, value, &call->problem) ? MHD_YES
	                                                                                  : MHD_NO;
}

const char *request_header(const struct call *call, const char *name)
{
	return header(call->connection, name);
}

bool request_body(struct MHD_Connection *connection, struct call *call)
{
	const char *mask = header(connection, "X-Fields");

	if (mask != NULL && route_gives_rows(call->route) && !mask_read(call, mask))
		return false;
	if (call->route->flags & ROUTE_RAW)
		call->body = json_object();
	else if (!read_json(call))
		return false;
	/* NULL would ask for the count alone. */
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, read_argument, call);
	if (call->problem.code != PROBLEM_NONE)
		return false;
	return call->route->filter == &filter_body ||
	       filter_check(call->route->filter, call->body, &call->problem);
}
