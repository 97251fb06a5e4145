#include "cli/call.h"

#include "runtime/local.h"
#include "runtime/session.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* As v1's programs wait. */
#define TIMEOUT_S 150

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

	fprintf(stderr, "%s: ", c->command->program);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (help != NULL)
		fprintf(stderr, "  help: %s\n", help);
	c->code = code;
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
 * The private server of a state directory that has a database: it ends a minute after its last
 * call, as scitq-run left it, and is wanted again to tell of its runs.
 */
static bool start_private(const struct command_call *command, struct str *error)
{
	const char *state = command_value(command, "state");
	struct str database = STR_INIT;
	struct local local;
	bool ok;

	str_reset(error);
	if (!local_init(&local, state != NULL ? state : getenv("SCITQ_STATE"), error))
		return false;
	str_addf(&database, "%s/scitq.db", local.state);
	ok = access(database.p, F_OK) == 0;
	if (!ok)
		str_addf(error, "no server is named, and %s holds no runs of scitq-run",
		         local.state);
	ok = ok && local_server(&local, error);
	str_release(&database);
	local_release(&local);
	return ok;
}

bool call_open(struct call *c, const struct command_call *command)
{
	const struct server_access given = {.server = command_value(command, "server"),
	                                    .ca = command_value(command, "ca")};
	struct str error = STR_INIT;
	enum reach_result result;

	*c = (struct call){.command = command, .code = EXIT_CODE_OK};
	result = reach_open(&c->reach, &given, command_value(command, "state"), &error);
	if (result == REACH_NO_SERVER && start_private(command, &error)) {
		reach_close(&c->reach);
		result = reach_open(&c->reach, &given, command_value(command, "state"), &error);
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
		return call_fail(c, EXIT_CODE_SERVER,
		                 "is it the right server? -s or SCITQ_SERVER names it", "%s",
		                 client->error.p);
	case CLIENT_UNAUTHORIZED:
		return call_fail(c, EXIT_CODE_SERVER,
		                 "the token comes from SCITQ_TOKEN, or NAME:TOKEN@HOST as server; "
		                 "scitq-server token add makes one",
		                 "%s", client->error.p);
	case CLIENT_REFUSED:
	case CLIENT_BROKEN:
		break;
	}
	return call_fail(c, EXIT_CODE_SERVER, NULL, "%s", client->error.p);
}

json_t *call_json(struct call *c, const char *method, const char *path, json_t *body)
{
	json_t *reply = NULL;
	bool ok =
	        judge(c, client_call(&c->reach.client, method, path, body, c->timeout_ms, &reply));

	json_decref(body);
	if (ok && reply == NULL)
		reply = json_null();
	return ok ? reply : NULL;
}

bool call_bytes(struct call *c, const char *path, struct str *out)
{
	return judge(c, client_get_bytes(&c->reach.client, path, c->timeout_ms, out));
}
