#include "cli/logs.h"

#include "base/fd.h"
#include "cli/object.h"
#include "cli/run_logs.h"
#include "net/stream.h"
#include "runtime/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The server sends something at least every ten seconds where a stream goes on. */
#define SILENCE_S 60

/* ---- one execution ---- */

/* One log on its way to one of our descriptors; a thread's own where both are wanted. */
struct tap {
	const struct call *call;
	json_int_t execution;
	const char *stream;
	int fd;
	bool follow;
	bool ended;       /* nothing is written any more */
	const char *tail; /* the last so many bytes; NULL: all */
	enum http_error error;
	int status;      /* of the answer */
	int failure;     /* errno of a write that failed */
	struct str said; /* of a server that refused */
};

static bool pour(void *context, const char *data, size_t n)
{
	struct tap *t = context;
	int result = fd_write_all(t->fd, data, n);

	if (result != 0)
		t->failure = -result;
	return result == 0;
}

/* What there is of a log that is being written: portions, until one is empty. */
static void pour_portions(struct tap *t, struct http *http, struct http_response *response)
{
	int64_t offset = 0;
	bool more = true;

	while (more) {
		struct str path = STR_INIT, url = STR_INIT;
		struct http_request request;

		str_addf(&path, "/executions/%" JSON_INTEGER_FORMAT "/log/%s", t->execution,
		         t->stream);
		if (t->tail != NULL)
			query_add(&path, "tail", t->tail);
		else
			str_addf(&path, "?offset=%lld", (long long)offset);
		client_request(&t->call->reach.client, "GET", path.p, NULL, t->call->timeout_ms,
		               &url, &request);
		t->error = http_call(http, &request, response);
		more = t->error == HTTP_OK && response->status < 300 && response->body.len > 0 &&
		       pour(t, response->body.p, response->body.len) && t->tail == NULL;
		offset += (int64_t)response->body.len;
		str_release(&path);
		str_release(&url);
	}
}

/* All of a log that has ended, or what there is and what comes. */
static void pour_stream(struct tap *t, struct http *http, struct http_response *response)
{
	struct http_stream stream = {pour, t, t->follow ? SILENCE_S : t->call->timeout_ms / 1000};
	struct str path = STR_INIT, url = STR_INIT;
	struct http_request request;

	str_addf(&path, "/executions/%" JSON_INTEGER_FORMAT "/log/%s", t->execution, t->stream);
	if (t->tail != NULL)
		query_add(&path, "tail", t->tail);
	else
		query_add(&path, "offset", "0");
	query_add(&path, "follow", "true");
	client_request(&t->call->reach.client, "GET", path.p, NULL, 0, &url, &request);
	t->error = http_stream(http, &request, &stream, response);
	str_release(&path);
	str_release(&url);
}

static void *run_tap(void *context)
{
	struct tap *t = context;
	struct http *http = http_new();
	struct http_response response;

	http_response_init(&response);
	if (t->follow || t->ended)
		pour_stream(t, http, &response);
	else
		pour_portions(t, http, &response);
	t->status = response.status;
	if (t->error != HTTP_OK)
		str_adds(&t->said, response.message.p);
	else if (t->status >= 300)
		str_add(&t->said, response.body.p, response.body.len);
	http_response_release(&response);
	http_free(http);
	return NULL;
}

static bool judge_tap(struct call *c, struct tap *t)
{
	bool ok = true;

	/* A reader of ours that left is no failure. */
	if (t->failure != 0 && t->failure != EPIPE)
		ok = call_fail(c, EXIT_CODE_INFRASTRUCTURE, NULL, "%s: %s", t->stream,
		               strerror(t->failure));
	else if (t->failure == 0 && t->error != HTTP_OK)
		ok = call_fail(c, EXIT_CODE_SERVER, NULL, "the log was cut off: %s",
		               t->said.len > 0 ? t->said.p : http_error_text(t->error));
	else if (t->failure == 0 && t->status >= 300)
		ok = call_fail(c, EXIT_CODE_SERVER, NULL, "the server refuses the log: %s",
		               t->said.p);
	str_release(&t->said);
	return ok;
}

/* Both logs at a time: a task that fills one must not wait for a person who reads the other. */
static bool print_execution(struct call *c, const json_t *row, bool follow)
{
	json_int_t execution = json_integer_value(json_object_get(row, "execution_id"));
	const char *status = json_string_value(json_object_get(row, "status"));
	bool ended = status != NULL &&
	             (strcmp(status, "succeeded") == 0 || strcmp(status, "failed") == 0);

	const struct command_call *command = c->command;
	bool only_out = command_has(command, "output"), only_err = command_has(command, "error");
	struct tap taps[] = {
	        {c, execution, "stdout", STDOUT_FILENO, follow, ended,
	         command_value(command, "tail"), 0, 0, 0, STR_INIT},
	        {c, execution, "stderr", STDERR_FILENO, follow, ended,
	         command_value(command, "tail"), 0, 0, 0, STR_INIT},
	};
	pthread_t other;
	bool two = only_out == only_err, ok = true;
	int error;

	if (two) {
		error = pthread_create(&other, NULL, run_tap, &taps[1]);
		if (error != 0)
			return call_fail(c, EXIT_CODE_INFRASTRUCTURE, NULL, "no thread: %s",
			                 strerror(error));
	}
	run_tap(&taps[two || only_out ? 0 : 1]);
	if (two)
		pthread_join(other, NULL);
	for (size_t i = 0; i < 2; i++) {
		if (two || (i == 0) == only_out)
			ok = judge_tap(c, &taps[i]) && ok;
	}
	return ok;
}

/* ---- tasks and runs ---- */

/* Why there is nothing to see yet. */
static bool say_why(struct call *c, const char *key)
{
	struct str path = STR_INIT;
	json_t *why;

	str_addf(&path, "/tasks/%s/why", key);
	why = call_json(c, "GET", path.p, NULL);
	str_release(&path);
	if (why == NULL)
		return false;
	call_fail(c, EXIT_CODE_SERVER, json_string_value(json_object_get(why, "why")),
	          "task %s has not started", key);
	json_decref(why);
	return false;
}

static bool print_task(struct call *c, const char *key, bool follow)
{
	struct str path = STR_INIT;
	json_t *rows;
	bool ok;

	str_adds(&path, "/executions/");
	query_add(&path, "task_id", key);
	query_add(&path, "latest", "true");
	query_add(&path, "no_output", "true");
	rows = call_json(c, "GET", path.p, NULL);
	str_release(&path);
	if (rows == NULL)
		return false;
	if (json_array_size(rows) == 0)
		ok = say_why(c, key);
	else
		ok = print_execution(c, json_array_get(rows, 0), follow);
	json_decref(rows);
	return ok;
}

int logs(const struct command_call *command)
{
	struct keys keys = {0};
	struct call c;
	bool ok;

	if (call_open(&c, command) && object_is_run_alone(command)) {
		run_logs(&c, command->words[0]);
	} else if (c.code == EXIT_CODE_OK) {
		ok = object_task(&c, &keys);
		for (size_t i = 0; ok && i < keys.list.n; i++)
			ok = print_task(&c, keys.list.v[i], command_has(command, "follow"));
	}
	keys_release(&keys);
	return call_close(&c);
}
