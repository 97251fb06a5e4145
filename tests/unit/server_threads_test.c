/*
 * The core on its own thread, with many who call it at once: every call is
 * answered once, every task is granted once, and stopping answers whoever
 * waits. Built with the thread sanitizer it also finds what is shared.
 */
#include "tests/unit/server_core.h"

#include "server/handlers.h"
#include "server/known.h"

#include <pthread.h>
#include <stdatomic.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CALLERS 4
#define EACH 100

struct caller {
	struct bench *b;
	atomic_uint *made; /* tasks whose creation was answered */
	atomic_bool *over; /* no more will be */
	unsigned missed;   /* times that what is known lacked something */
	pthread_t thread;
	unsigned done, grants, unavailable;
	int64_t epoch;
	bool here; /* runs its calls itself where it may */
};

static struct call *call_new(int64_t id, json_t *body, sem_t *ready)
{
	struct call *call = xcalloc(1, sizeof(*call));

	sem_init(ready, 0, 0);
	arena_init(&call->arena);
	str_init(&call->raw);
	str_init(&call->reply);
	call->body = body;
	call->ids[0] = id;
	call->ours = true;
	call->user = "";
	call->connection = ready;
	return call;
}

/* Waits for the answer, which is the caller's. */
static json_t *call_end(struct call *call, int *status)
{
	sem_t *ready = call->connection;
	json_t *answer;

	while (sem_wait(ready) != 0)
		continue;
	*status = call->status;
	answer = call->waiter;
	json_decref(call->body);
	str_release(&call->raw);
	str_release(&call->reply);
	arena_release(&call->arena);
	free(call);
	sem_destroy(ready);
	return answer;
}

/* One call, waited for. The answer is the caller's; NULL where the server was stopping. */
static json_t *ask(struct bench *b, call_handler *handler, int64_t id, json_t *body, int *status)
{
	sem_t ready;
	struct call *call = call_new(id, body, &ready);

	core_submit(b->core, call, handler);
	return call_end(call, status);
}

/* A new task, on this thread where that may be: *ran says so. */
static json_t *create_here(struct bench *b, int *status, bool *ran)
{
	sem_t ready;
	struct call *call = call_new(0, json_pack("{s:s}", "command", "true"), &ready);

	*ran = core_run_here(b->core, call, handle_task_create);
	if (*ran)
		assert_int_not_equal(call->status, 0);
	else
		core_submit(b->core, call, handle_task_create);
	return call_end(call, status);
}

static void *submit(void *context)
{
	struct caller *c = context;

	for (int i = 0; i < EACH; i++) {
		bool ran = false;
		int status;
		json_t *answer = c->here ? create_here(c->b, &status, &ran)
		                         : ask(c->b, handle_task_create, 0,
		                               json_pack("{s:s}", "command", "true"), &status);

		c->done += status == 201;
		atomic_fetch_add(c->made, status == 201);
		json_decref(answer);
	}
	return NULL;
}

/* Whoever was answered finds what it made, on whatever thread; what was seen once stays. */
static void *look(void *context)
{
	struct caller *c = context;
	struct known_lists lists;
	unsigned seen = 0;

	while (!atomic_load(c->over)) {
		unsigned made = atomic_load(c->made), n = 0;
		struct arena arena;

		arena_init(&arena);
		if (!known_batches(core_known(c->b->core), &arena, &lists))
			c->missed++;
		for (int s = 0; s < TASK_STATUS_COUNT && lists.nbatches > 0; s++)
			n += lists.batches[0].counts[s];
		arena_release(&arena);
		c->missed += n < made || n < seen;
		seen = n > seen ? n : seen;
	}
	return NULL;
}

static json_t *ends_of(json_t *grants)
{
	json_t *events = json_array(), *grant;
	size_t i;

	json_array_foreach(grants, i, grant) json_array_append_new(
	        events, json_pack("{s:O, s:O, s:i, s:s, s:s}", "execution_id",
	                          json_object_get(grant, "execution_id"), "epoch",
	                          json_object_get(grant, "epoch"), "seq", 3, "type", "finished",
	                          "status", "succeeded"));
	return events;
}

static void *work(void *context)
{
	struct caller *c = context;
	json_t *events = json_array();

	for (;;) {
		json_t *body =
		        json_pack("{s:I, s:o, s:[], s:i, s:i}", "epoch", (json_int_t)c->epoch,
		                  "events", events, "have", "wait", 20, "extra", 3);
		int status;
		json_t *answer = ask(c->b, handle_worker_lease, 1, body, &status);

		if (status != 200) {
			c->unavailable += status == 503;
			json_decref(answer);
			return NULL;
		}
		c->grants += (unsigned)json_array_size(json_object_get(answer, "grants"));
		events = ends_of(json_object_get(answer, "grants"));
		json_decref(answer);
	}
}

/* A bench whose core has a thread of its own, in place of the test. */
static struct bench *threaded_open(void)
{
	struct bench *b = bench_open(NULL);
	struct problem problem = {0};

	core_end(b->core);
	core_free(b->core);
	b->options.clock_ns = NULL;
	b->core = core_new(b->store, &b->options, &b->log);
	assert_true(core_start(b->core, &problem));
	return b;
}

/* As the bench left it; the core was stopped. */
static void threaded_close(struct bench *b)
{
	struct problem problem = {0};

	core_free(b->core);
	b->core = core_new(b->store, &b->options, &b->log);
	assert_true(core_load(b->core, &problem));
	bench_close(b);
}

static sem_t at_commit, may_commit;

static void wait_in_commit(struct bench *b)
{
	(void)b;
	sem_post(&at_commit);
	while (sem_wait(&may_commit) != 0)
		continue;
}

static void *create(void *context)
{
	struct caller *c = context;
	int status;

	json_decref(
	        ask(c->b, handle_task_create, 0, json_pack("{s:s}", "command", "true"), &status));
	c->done = status == 201;
	return NULL;
}

/* Tries again until the core thread sleeps; a call that it refuses is run by that one. */
static void run_one_here(struct bench *b)
{
	bool ran = false;
	int status;

	for (int i = 0; i < 10000 && !ran; i++) {
		json_decref(create_here(b, &status, &ran));
		assert_int_equal(status, 201);
	}
	assert_true(ran);
}

static void test_run_here(void **unused)
{
	struct bench *b = threaded_open();
	struct caller other = {.b = b};
	bool ran;
	int status;

	(void)unused;
	sem_init(&at_commit, 0, 0);
	sem_init(&may_commit, 0, 0);
	run_one_here(b);
	/* While the core thread commits, and after a group that took long, nobody waits for it. */
	b->at_commit = wait_in_commit;
	assert_int_equal(pthread_create(&other.thread, NULL, create, &other), 0);
	while (sem_wait(&at_commit) != 0)
		continue;
	b->at_commit = NULL;
	{
		sem_t ready;
		struct call *call = call_new(0, json_object(), &ready);

		assert_false(core_run_here(b->core, call, handle_task_create));
		assert_int_equal(call->status, 0);
		usleep(10000);
		sem_post(&may_commit);
		pthread_join(other.thread, NULL);
		assert_true(other.done);
		assert_false(core_run_here(b->core, call, handle_task_create));
		core_submit(b->core, call, handle_task_create);
		json_decref(call_end(call, &status));
		assert_int_equal(status, 400);
	}
	/* The refusal was a short group. */
	run_one_here(b);
	core_stop(b->core);
	json_decref(create_here(b, &status, &ran));
	assert_false(ran);
	assert_int_equal(status, 503);
	threaded_close(b);
	sem_destroy(&at_commit);
	sem_destroy(&may_commit);
}

struct note {
	struct core_message message;
	sem_t taken;
};

static void take_note(struct core *core, struct core_message *message)
{
	(void)core;
	sem_post(&((struct note *)message)->taken);
}

static void leave_note(struct core_message *message)
{
	(void)message;
}

/* A group without calls does not make the core one whose groups are short. */
static void test_long_group(void **unused)
{
	struct bench *b = threaded_open();
	struct caller other = {.b = b};
	struct note note = {.message = {.take = take_note, .free = leave_note}};
	sem_t ready;
	struct call *call = call_new(0, json_pack("{s:s}", "command", "true"), &ready);
	int status;

	(void)unused;
	sem_init(&at_commit, 0, 0);
	sem_init(&may_commit, 0, 0);
	sem_init(&note.taken, 0, 0);
	run_one_here(b);
	b->at_commit = wait_in_commit;
	assert_int_equal(pthread_create(&other.thread, NULL, create, &other), 0);
	while (sem_wait(&at_commit) != 0)
		continue;
	b->at_commit = NULL;
	usleep(10000);
	sem_post(&may_commit);
	pthread_join(other.thread, NULL);
	core_tell(b->core, &note.message);
	while (sem_wait(&note.taken) != 0)
		continue;
	for (int i = 0; i < 200; i++) {
		assert_false(core_run_here(b->core, call, handle_task_create));
		usleep(1000);
	}
	core_submit(b->core, call, handle_task_create);
	json_decref(call_end(call, &status));
	assert_int_equal(status, 201);
	core_stop(b->core);
	threaded_close(b);
	sem_destroy(&at_commit);
	sem_destroy(&may_commit);
	sem_destroy(&note.taken);
}

/* To read the database anew takes long: nobody else than the core thread does that. */
static void test_broken(void **unused)
{
	struct bench *b = threaded_open();
	sem_t ready;
	struct call *call = call_new(0, json_pack("{s:s}", "command", "true"), &ready);
	int status;

	(void)unused;
	run_one_here(b);
	b->away = true;
	json_decref(ask(b, handle_task_create, 0, json_pack("{s:s}", "command", "true"), &status));
	assert_int_equal(status, 503);
	for (int i = 0; i < 200; i++) {
		assert_false(core_run_here(b->core, call, handle_task_create));
		usleep(1000);
	}
	core_submit(b->core, call, handle_task_create);
	json_decref(call_end(call, &status));
	assert_int_equal(status, 503);
	core_stop(b->core);
	b->away = false;
	threaded_close(b);
}

static void test_many_at_once(void **unused)
{
	struct bench *b = threaded_open();
	struct caller callers[CALLERS] = {{.b = b}}, worker = {.b = b}, looker = {.b = b};
	atomic_uint made = 0;
	atomic_bool over = false;
	int status;
	json_t *answer;

	(void)unused;
	answer = ask(b, handle_worker_register, 0,
	             json_of("{'name': 'n', 'concurrency': 2, 'boot_id': 'b', 'instance': 'i'}"),
	             &status);
	assert_int_equal(status, 201);
	worker.epoch = get_int(answer, "epoch");
	json_decref(answer);
	assert_int_equal(pthread_create(&worker.thread, NULL, work, &worker), 0);
	/* What is done is counted with the first list. */
	json_decref(ask(b, handle_batch_list, 0, json_object(), &status));
	assert_int_equal(status, 200);
	looker.made = &made;
	looker.over = &over;
	assert_int_equal(pthread_create(&looker.thread, NULL, look, &looker), 0);
	for (int i = 0; i < CALLERS; i++) {
		callers[i].b = b;
		callers[i].made = &made;
		callers[i].here = i % 2 == 0;
		assert_int_equal(pthread_create(&callers[i].thread, NULL, submit, &callers[i]), 0);
	}
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		assert_int_equal(callers[i].done, EACH);
	}
	atomic_store(&over, true);
	pthread_join(looker.thread, NULL);
	assert_int_equal(looker.missed, 0);
	/* The last of them ends; then the worker waits, and is told that the server stops. */
	for (int64_t left = 1; left > 0;) {
		answer = ask(b, handle_batch_list, 0, json_object(), &status);
		assert_int_equal(status, 200);
		left = CALLERS * EACH -
		       json_integer_value(json_object_get(json_array_get(answer, 0), "succeeded"));
		json_decref(answer);
	}
	core_stop(b->core);
	pthread_join(worker.thread, NULL);
	assert_int_equal(worker.grants, CALLERS * EACH);
	assert_int_equal(worker.unavailable, 1);
	answer = ask(b, handle_batch_list, 0, json_object(), &status);
	assert_int_equal(status, 503);
	json_decref(answer);
	threaded_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_many_at_once),
	        cmocka_unit_test(test_run_here),
	        cmocka_unit_test(test_long_group),
	        cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
