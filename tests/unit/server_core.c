#include "tests/unit/server_core.h"

#include "base/fd.h"
#include "model/json.h"
#include "server/handlers.h"
#include "server/record.h"
#include "server/state_load.h"
#include "tests/unit/store_cluster.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In place of server/call.c: the reply stays with the call. */

void call_reply(struct call *call, int status, json_t *value)
{
	assert_int_equal(call->status, 0);
	call->status = status;
	call->waiter = value;
	/* A test with the core's own thread waits there. */
	if (call->connection != NULL)
		assert_int_equal(sem_post(call->connection), 0);
}

void call_reply_bytes(struct call *call, int status, const char *content_type)
{
	struct problem problem;

	assert_string_equal(content_type, "application/json");
	call_reply(call, status, json_parse(call->reply.p, call->reply.len, &problem));
}

void call_problem(struct call *call)
{
	assert_int_not_equal(call->problem.code, PROBLEM_NONE);
	call_reply(call, problem_http_status(call->problem.code),
	           json_pack("{s:s, s:s}", "message", call->problem.message, "code",
	                     problem_word(call->problem.code)));
}

void call_drop(struct call *call)
{
	call_reply(call, -1, json_null());
}

static enum store_result fault(void *context, enum store_step step)
{
	struct bench *b = context;

	if (step == STORE_STEP_COMMIT && b->at_commit != NULL)
		b->at_commit(b);
	if (b->away)
		return STORE_IO;
	if (b->failing < 0 || step != b->fail_step || b->failing-- > 0)
		return STORE_OK;
	b->failed++;
	return STORE_FULL;
}

static int64_t clock_of(void *context)
{
	return ((struct bench *)context)->now_ns;
}

static void may_end(void *context)
{
	((struct bench *)context)->may_end = true;
}

static bool tokens_changed(void *context)
{
	struct bench *b = context;

	b->tokens_read++;
	return !b->tokens_away;
}

static void start(struct bench *b)
{
	struct store_options options = {.fault = fault, .fault_context = b};
	struct problem problem = {0};

	b->failing = -1;
	b->store = store_open(b->uri.p, &options, &problem);
	if (b->store == NULL)
		fail_msg("%s", problem.message);
	b->core = core_new(b->store, &b->options, &b->log);
	if (!core_load(b->core, &problem))
		fail_msg("%s", problem.message);
	bench_step(b);
}

/* A cluster that lives as long as the program, which is skipped where there can be none. */
static bool on_postgres(void)
{
	const char *word = getenv("SCITQ_TEST_DATABASE");
	int code;

	if (word == NULL || strcmp(word, "postgres") != 0)
		return false;
	if (!cluster_is_there()) {
		code = cluster_begin();
		if (code != 0)
			exit(code);
		assert_int_equal(atexit(cluster_end), 0);
	}
	return true;
}

struct bench *bench_open(const struct core_options *options)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	snprintf(b->dir, sizeof(b->dir), "/tmp/scitq-core-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	str_init(&b->uri);
	if (on_postgres())
		cluster_place(&b->uri);
	else
		str_addf(&b->uri, "sqlite:///%s/scitq.db", b->dir);
	log_init(&b->log, "test", LOG_LEVEL_ERROR, 2);
	if (options != NULL)
		b->options = *options;
	b->options.clock_ns = clock_of;
	b->options.may_end = may_end;
	b->options.tokens_changed = tokens_changed;
	b->options.context = b;
	b->now_ns = 1000000000;
	b->failing = -1;
	start(b);
	return b;
}

static void release_calls(struct bench *b)
{
	for (size_t i = 0; i < b->calls.n; i++) {
		struct call *call = b->calls.v[i];

		assert_int_not_equal(call->status, 0);
		json_decref(call->waiter);
		json_decref(call->body);
		str_release(&call->raw);
		str_release(&call->reply);
		arena_release(&call->arena);
		free(call);
	}
	b->calls.n = 0;
}

static void stop(struct bench *b)
{
	core_end(b->core);
	release_calls(b);
	core_free(b->core);
	store_close(b->store);
}

void bench_close(struct bench *b)
{
	stop(b);
	assert_int_equal(tree_remove(b->dir), 0);
	str_release(&b->uri);
	vec_release(&b->calls);
	free(b);
}

void bench_restart(struct bench *b)
{
	stop(b);
	start(b);
}

void bench_step(struct bench *b)
{
	struct problem problem = {0};

	do
		core_step(b->core);
	while (b->core->again);
	if (b->unchecked)
		return;
	b->failing = -1;
	if (!state_check(b->core, &problem))
		fail_msg("%s", problem.message);
}

void bench_advance(struct bench *b, double seconds)
{
	b->now_ns += (int64_t)(seconds * 1e9);
	bench_step(b);
}

struct call *bench_queue(struct bench *b, call_handler *handler, int64_t id, const char *name,
                         json_t *body)
{
	struct call *call = xcalloc(1, sizeof(*call));

	arena_init(&call->arena);
	str_init(&call->raw);
	str_init(&call->reply);
	call->body = body ? body : json_object();
	call->ids[0] = id;
	call->names[0] = name;
	call->ours = true;
	call->user = "";
	vec_push(&b->calls, call);
	core_submit(b->core, call, handler);
	return call;
}

struct call *bench_send(struct bench *b, call_handler *handler, int64_t id, const char *name,
                        json_t *body)
{
	struct call *call = bench_queue(b, handler, id, name, body);

	bench_step(b);
	return call;
}

json_t *call_answer(const struct call *call)
{
	assert_int_not_equal(call->status, 0);
	return call->waiter;
}

json_t *bench_call(struct bench *b, int status, call_handler *handler, int64_t id, const char *name,
                   json_t *body)
{
	struct call *call = bench_send(b, handler, id, name, body);

	if (call->status != status) {
		char *text = call->waiter ? json_dumps(call->waiter, JSON_ENCODE_ANY) : NULL;

		fail_msg("answered %d, not %d: %s", call->status, status, text ? text : "-");
	}
	return call->waiter;
}

int64_t get_int(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	if (!json_is_integer(value))
		fail_msg("no number %s", name);
	return json_integer_value(value);
}

const char *get_text(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	if (!json_is_string(value))
		fail_msg("no text %s", name);
	return json_string_value(value);
}

struct task bench_task(struct bench *b, uint32_t id)
{
	struct task row;

	assert_true(record_task(b->core, id, STORE_ALL, &row));
	return row;
}

const char *task_word(struct bench *b, uint32_t id)
{
	return task_status_words[bench_task(b, id).status];
}

json_t *json_of(const char *text)
{
	char *copy = xstrdup(text);
	json_error_t error;
	json_t *value;

	for (char *p = copy; *p != '\0'; p++) {
		if (*p == '\'')
			*p = '"';
	}
	value = json_loads(copy, JSON_DECODE_ANY, &error);
	if (value == NULL)
		fail_msg("%s: %s", copy, error.text);
	free(copy);
	return value;
}

uint32_t bench_new_task(struct bench *b, const char *fields)
{
	json_t *body = json_of(fields);

	if (json_object_get(body, "command") == NULL)
		json_object_set_new(body, "command", json_string("true"));
	return (uint32_t)get_int(bench_call(b, 201, handle_task_create, 0, NULL, body), "task_id");
}
