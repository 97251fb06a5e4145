#include "cli/call.h"

#include "client/state_server.h"
#include "model/digest.h"
#include "runtime/local.h"
#include "runtime/session.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As v1's programs wait. */
#define TIMEOUT_S 150
/* Of a private server in one call; the pauses before them grow to the last of these. */
#define RESTARTS 20
#define FIRST_PAUSE_MS 25
#define PAUSE_DOUBLINGS 6
#define KEY_DIGITS 32

const struct command_option call_options[] = {
        {'s', "server", "SERVER", "HOST, HOST:PORT or URL (SCITQ_SERVER; token in SCITQ_TOKEN)"},
        {0, "state", "DIR", "the private server of this state directory (SCITQ_STATE)"},
        {0, "ca", "FILE", "who vouches for a server of https (SCITQ_CA)"},
        {0, NULL, NULL, NULL},
};

const struct command_option call_patience[] = {
        {'t', "timeout", "SECONDS", "how long to wait for an answer (150)"},
        {0, NULL, NULL, NULL},
};

bool call_fail(struct call *c, int code, const char *help, const char *fmt, ...)
{
	va_list ap;

	c->code = code;
	if (c->told != NULL && atomic_exchange(c->told, true))
		return false;
	fprintf(stderr, "%s: ", c->command->program);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (help != NULL)
		fprintf(stderr, "  help: %s\n", help);
	return false;
}

static bool read_timeout(struct call *c)
{
	const char *text = NULL;
	char *end;
	long seconds;

	c->timeout_ms = TIMEOUT_S * 1000;
	for (size_t i = 0; i < c->command->given.n; i++) {
		if (c->command->given.v[i].option == &call_patience[0])
			text = c->command->given.v[i].value;
	}
	if (text == NULL)
		return true;
	errno = 0;
	seconds = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || seconds < 1 || seconds > INT_MAX / 1000)
		return call_fail(c, EXIT_CODE_USAGE, NULL,
		                 "--timeout is '%s', not a number of seconds", text);
	c->timeout_ms = (int)seconds * 1000;
	return true;
}

/*
 * The private server of a state directory in which there are runs: it ends when nobody is there any
 * more, and is wanted again to tell of its runs.
 */
static bool start_private(const char *state, struct str *error)
{
	struct local local;
	bool ok;

	str_reset(error);
	if (!local_init(&local, state, error))
		return false;
	ok = reach_is_private(local.state);
	if (!ok)
		str_addf(error, "no server is named, and %s holds no runs of scitq-run",
		         local.state);
	ok = ok && local_server(&local, error);
	local_release(&local);
	return ok;
}

static enum reach_result reach(struct call *c, struct str *error)
{
	const struct server_access given = {.server = command_value(c->command, "server"),
	                                    .ca = command_value(c->command, "ca")};

	return reach_open(&c->reach, &given, command_value(c->command, "state"), error);
}

bool call_open(struct call *c, const struct command_call *command)
{
	struct str error = STR_INIT, state = STR_INIT;
	enum reach_result result;

	*c = (struct call){.command = command, .code = EXIT_CODE_OK};
	result = reach(c, &error);
	str_adds(&state, c->reach.state.p);
	if (result == REACH_NO_SERVER && state.len > 0 && start_private(state.p, &error)) {
		reach_close(&c->reach);
		result = reach(c, &error);
	}
	if (result == REACH_MISUSED)
		call_fail(c, EXIT_CODE_USAGE, NULL, "%s", error.p);
	else if (result == REACH_NO_SERVER)
		call_fail(c, EXIT_CODE_SERVER,
		          "-s or SCITQ_SERVER names a server, --state the directory of another "
		          "private one",
		          "%s", error.p);
	else
		read_timeout(c);
	str_release(&error);
	str_release(&state);
	return c->code == EXIT_CODE_OK;
}

int call_close(struct call *c)
{
	reach_close(&c->reach);
	return c->code;
}

static bool judge(struct call *c, enum client_result result)
{
	const struct client *client = &c->reach.client;

	switch (result) {
	case CLIENT_OK:
		return true;
	case CLIENT_UNREACHABLE:
		if (c->patient) {
			c->code = CALL_AWAY;
			return false;
		}
		/* One that answers is there, and says why not now. */
		return call_fail(c, EXIT_CODE_SERVER,
		                 client->code.len > 0
		                         ? NULL
		                         : "is it the right server? -s or SCITQ_SERVER names it",
		                 "%s", client->error.p);
	case CLIENT_UNAUTHORIZED:
		return call_fail(
		        c, EXIT_CODE_SERVER,
		        "the token comes from SCITQ_TOKEN, the settings, or NAME:TOKEN@HOST "
		        "as server; an admin makes another: scitq user create NAME --role ROLE",
		        "%s", client->error.p);
	case CLIENT_REFUSED:
		/* A value that is none is the command line's mistake. */
		if (client->status == 400 || client->status == 422)
			return call_fail(c, EXIT_CODE_USAGE, NULL, "%s", client->error.p);
		break;
	case CLIENT_BROKEN:
		break;
	}
	return call_fail(c, EXIT_CODE_SERVER, NULL, "%s", client->error.p);
}

bool call_private(const struct call *c)
{
	return c->reach.state.len > 0 && reach_is_private(c->reach.state.p);
}

/*
 * After a call that found nobody: a private server that has gone, or is about to, is started anew.
 * True where the call is worth another try; where none can be started the client's error says why.
 */
static bool start_again(struct call *c, int attempt)
{
	struct reach *r = &c->reach;
	int doublings = attempt < PAUSE_DOUBLINGS ? attempt : PAUSE_DOUBLINGS;
	struct str error = STR_INIT;
	bool ok;

	if (attempt >= RESTARTS || !call_private(c))
		return false;
	/* One that is about to go says so nowhere else than in what it answers. */
	(void)poll(NULL, 0, FIRST_PAUSE_MS << doublings);
	if (c->starting != NULL)
		pthread_mutex_lock(c->starting);
	ok = start_private(r->state.p, &error);
	if (c->starting != NULL)
		pthread_mutex_unlock(c->starting);
	if (!ok) {
		str_reset(&r->client.error);
		str_adds(&r->client.error, error.p);
	} else if (state_server(r->state.p, &r->url, &r->token, NULL)) {
		client_release(&r->client);
		client_init(&r->client,
		            &(struct server_access){.server = r->url.p, .token = r->token.p});
	}
	str_release(&error);
	return ok;
}

/* Takes the body over. */
static enum client_result ask(struct call *c, const char *method, const char *path, json_t *body,
                              json_t **reply)
{
	enum client_result result;
	char key[KEY_DIGITS + 1];
	int attempt = 0;
	bool keyed = strcmp(method, "GET") != 0 && call_private(c);

	random_hex(key, KEY_DIGITS);
	do {
		client_set_key(&c->reach.client, keyed ? key : NULL);
		result = client_call(&c->reach.client, method, path, body, c->timeout_ms, reply);
	} while (result == CLIENT_UNREACHABLE && start_again(c, attempt++));
	client_set_key(&c->reach.client, NULL);
	json_decref(body);
	return result;
}

json_t *call_json(struct call *c, const char *method, const char *path, json_t *body)
{
	json_t *reply = NULL;
	bool ok = judge(c, ask(c, method, path, body, &reply));

	if (ok && reply == NULL)
		reply = json_null();
	return ok ? reply : NULL;
}

bool call_unless(struct call *c, const char *method, const char *path, json_t *body, int status,
                 bool *refused)
{
	json_t *reply = NULL;
	enum client_result result = ask(c, method, path, body, &reply);

	json_decref(reply);
	*refused = result == CLIENT_REFUSED && c->reach.client.status == status;
	return *refused || judge(c, result);
}

bool call_bytes(struct call *c, const char *path, struct str *out)
{
	enum client_result result;
	int attempt = 0;

	do
		result = client_get_bytes(&c->reach.client, path, c->timeout_ms, out);
	while (result == CLIENT_UNREACHABLE && start_again(c, attempt++));
	return judge(c, result);
}
