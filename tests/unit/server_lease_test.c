/* The lease protocol, line by line of docs/protocol.md. */
#include "tests/unit/server_worker.h"

#include "server/event.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_register(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 2"), again;
	struct call *older, *stale;
	json_t *answer;

	(void)unused;
	assert_int_equal(w.epoch, 1);
	older = tworker_lease(b, &w, "", NULL, 20);
	assert_true(call_waits(older));
	again = tworker_new(b, "n1", "i1", "'concurrency': 5");
	assert_int_equal(again.id, w.id);
	assert_int_equal(again.epoch, 2);
	/* The first one's call ends, and what it says from now on is refused. */
	assert_int_equal(older->status, 409);
	assert_string_equal(get_text(call_answer(older), "code"), "fenced");
	stale = tworker_lease(b, &w, "", NULL, 0);
	assert_int_equal(stale->status, 409);
	/* The same supervisor: what the server knows of its settings stands. */
	assert_int_equal(state_worker(&b->core->state, w.id)->concurrency, 2);
	tworker_new(b, "n1", "i2", "'concurrency': 5");
	assert_int_equal(state_worker(&b->core->state, w.id)->concurrency, 5);
	answer = bench_call(b, 404, handle_worker_lease, 99, NULL, json_of("{'epoch': 1}"));
	assert_string_equal(get_text(answer, "code"), "not-found");
	bench_call(b, 400, handle_worker_lease, w.id, NULL, json_of("{'epoch': 1, 'foo': 2}"));
	bench_call(b, 400, handle_worker_register, 0, NULL,
	           json_of("{'name': 'x', 'concurrency': 1}"));
	bench_call(b, 422, handle_worker_register, 0, NULL,
	           json_of("{'name': 'x', 'concurrency': 0, 'boot_id': 'a', 'instance': 'b'}"));
	bench_close(b);
}

/* Those that failed may be tried again, after the others. */
static json_t *many_tasks(int n)
{
	json_t *tasks = json_array();

	for (int i = 0; i < n; i++) {
		char command[32];

		snprintf(command, sizeof(command), "echo %d", i);
		json_array_append_new(tasks,
		                      json_pack("{s:s, s:i}", "command", command, "retry", 1));
	}
	return json_pack("{s:s, s:o}", "key", "many", "tasks", tasks);
}

static void test_grants_fill_the_worker(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 3, 'prefetch': 1");
	json_t *answer, *body;

	(void)unused;
	for (int i = 0; i < 10; i++)
		bench_new_task(b, "{}");
	answer = tworker_ask(b, &w, "", NULL);
	assert_int_equal(grants_in(answer), 4);
	assert_string_equal(task_word(b, 4), "accepted");
	assert_string_equal(task_word(b, 5), "pending");
	/* extra: for tasks so short that a round trip counts. */
	body = json_pack("{s:I, s:[i,i,i,i], s:i, s:i}", "epoch", (json_int_t)w.epoch, "have", 1, 2,
	                 3, 4, "extra", 2, "wait", 0);
	answer = bench_call(b, 200, handle_worker_lease, w.id, NULL, body);
	assert_int_equal(grants_in(answer), 2);
	/* A slot is free: a spare moves up, and one spare is added. */
	answer = tworker_ask(b, &w, "2, 3, 4, 5, 6",
	                     both(finished(grant_of(answer, 0), "succeeded"), NULL));
	assert_string_equal(result_of(answer, 0), "ok");
	bench_close(b);
}

/* A row is as it stands when its task is granted, also where it was read along with another. */
static void test_granted_as_it_stands(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 2, 'cpus': 2");
	json_t *first;

	(void)unused;
	bench_new_task(b, "{'command': 'one'}");
	bench_new_task(b, "{'command': 'two', 'cpu': 2}");
	first = json_incref(tworker_ask(b, &w, "", NULL));
	assert_int_equal(grants_in(first), 1);
	bench_call(b, 200, handle_task_update, 2, NULL, json_of("{'command': 'other'}"));
	assert_string_equal(
	        get_text(
	                grant_of(tworker_ask(b, &w, "",
	                                     both(finished(grant_of(first, 0), "succeeded"), NULL)),
	                         0),
	                "command"),
	        "other");
	json_decref(first);
	bench_close(b);
}

/* Many that are granted and end in one group, and what is asked of them in it. */
static void test_many_in_a_group(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 600");
	json_t *answer, *events = json_array(), *grant;
	struct call *call;
	size_t i;

	(void)unused;
	bench_call(b, 201, handle_task_bulk, 0, NULL, many_tasks(1200));
	answer = json_incref(tworker_ask(b, &w, "", NULL));
	assert_int_equal(grants_in(answer), 600);
	json_array_foreach(json_object_get(answer, "grants"), i, grant)
	{
		char command[32];

		snprintf(command, sizeof(command), "echo %zu", i);
		assert_string_equal(get_text(grant, "command"), command);
		json_array_append_new(events, finished(grant, i % 100 ? "succeeded" : "exit"));
	}
	/* Once more: whether it is a repetition, the row tells. */
	json_array_append(events, json_array_get(events, 1));
	json_array_append(events, json_array_get(events, 599));
	json_decref(answer);
	call = tworker_lease(b, &w, "", events, 0);
	assert_int_equal(grants_in(call_answer(call)), 600);
	assert_string_equal(result_of(call_answer(call), 599), "ok");
	assert_string_equal(result_of(call_answer(call), 600), "duplicate");
	assert_string_equal(result_of(call_answer(call), 601), "duplicate");
	assert_string_equal(task_word(b, 1), "pending");
	assert_string_equal(task_word(b, 2), "succeeded");
	assert_string_equal(task_word(b, 600), "succeeded");
	assert_string_equal(task_word(b, 1200), "accepted");
	bench_close(b);
}

static void test_weights(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(
	        b, "n1", "i1", "'concurrency': 8, 'cpus': 8.0, 'ram': 16000, 'batch': 'big'");
	json_t *answer;

	(void)unused;
	bench_new_task(b, "{'batch': 'big', 'cpu': 4}");
	bench_new_task(b, "{'batch': 'big', 'cpu': 3, 'memory': 8000}");
	bench_new_task(b, "{'batch': 'big', 'cpu': 1}");
	answer = tworker_ask(b, &w, "", NULL);
	assert_int_equal(grants_in(answer), 2);
	assert_float_equal(json_real_value(json_object_get(grant_of(answer, 0), "weight")), 0.5,
	                   1e-9);
	/* The third waits until one of them has ended. */
	answer = tworker_ask(b, &w, "1, 2", NULL);
	assert_int_equal(grants_in(answer), 0);
	bench_close(b);
}

static void test_until_in_have(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 1");
	struct call *call;
	json_t *answer;

	(void)unused;
	bench_new_task(b, "{'command': 'first'}");
	answer = tworker_ask(b, &w, "", NULL);
	assert_int_equal(grants_in(answer), 1);
	/* The grant was frozen: the task may change, what is repeated does not. */
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'command': 'second'}"));
	answer = tworker_ask(b, &w, "", NULL);
	assert_int_equal(grants_in(answer), 1);
	assert_string_equal(get_text(grant_of(answer, 0), "command"), "first");
	assert_int_equal(get_int(grant_of(answer, 0), "execution_id"), 1);
	bench_restart(b);
	answer = tworker_ask(b, &w, "", NULL);
	assert_string_equal(get_text(grant_of(answer, 0), "command"), "first");
	call = tworker_lease(b, &w, "1", NULL, 10);
	assert_true(call_waits(call));
	/* Unknown ones are to be dropped. */
	answer = tworker_ask(b, &w, "1, 44", NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "forget")), 1);
	/* The newer call made the older one answer, empty. */
	assert_int_equal(call->status, 200);
	assert_int_equal(grants_in(call_answer(call)), 0);
	bench_close(b);
}

static void test_events(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 1");
	json_t *grant, *answer, *event;

	(void)unused;
	bench_new_task(b, "{'retry': 1}");
	grant = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0));
	answer = tworker_ask(b, &w, "1", both(started(grant), started(grant)));
	assert_string_equal(result_of(answer, 0), "ok");
	assert_string_equal(result_of(answer, 1), "duplicate");
	assert_string_equal(task_word(b, 1), "running");
	bench_restart(b);
	answer = tworker_ask(b, &w, "1", both(started(grant), NULL));
	assert_string_equal(result_of(answer, 0), "duplicate");
	/* Its log comes first. */
	event = finished(grant, "exit");
	json_object_set_new(event, "stdout_length", json_integer(6));
	answer = tworker_ask(b, &w, "1", both(json_incref(event), NULL));
	assert_int_equal(
	        get_int(json_object_get(json_array_get(json_object_get(answer, "results"), 0),
	                                "wanted"),
	                "stdout"),
	        0);
	answer = bench_call(
	        b, 200, handle_execution_events, 0, NULL,
	        json_of("{'worker_id': 1, 'epoch': 1, 'logs': [{'execution_id': 1, 'epoch': 1, "
	                "'stream': 'stdout', 'offset': 0, 'data': 'aGVsbG8K'}]}"));
	assert_int_equal(get_int(json_array_get(json_object_get(answer, "logs"), 0), "length"), 6);
	answer = tworker_ask(b, &w, "1", both(event, NULL));
	assert_string_equal(result_of(answer, 0), "ok");
	/* An attempt is used; the next execution has the next epoch. */
	assert_int_equal(bench_task(b, 1).attempts, 1);
	assert_int_equal(get_int(grant_of(answer, 0), "epoch"), 2);
	answer = tworker_ask(b, &w, "2", both(finished(grant, "exit"), NULL));
	assert_string_equal(result_of(answer, 0), "duplicate");
	assert_int_equal(bench_task(b, 1).attempts, 1);
	json_decref(grant);
	/* Somebody else's words change nothing. */
	w = tworker_new(b, "n2", "i1", "'concurrency': 1");
	event = json_of("{'execution_id': 2, 'epoch': 2, 'seq': 1, 'type': 'started'}");
	answer = tworker_ask(b, &w, "2", both(event, NULL));
	assert_string_equal(result_of(answer, 0), "fenced");
	assert_string_equal(task_word(b, 1), "accepted");
	bench_close(b);
}

static void test_attempts_and_losses(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 1");
	json_t *answer = NULL, *events = NULL;

	(void)unused;
	bench_new_task(b, "{'retry': 2}");
	for (int i = 0; i < 3; i++) {
		answer = tworker_ask(b, &w, "", events);
		events = both(started(grant_of(answer, 0)), finished(grant_of(answer, 0), "exit"));
	}
	answer = tworker_ask(b, &w, "", events);
	assert_int_equal(grants_in(answer), 0);
	assert_string_equal(task_word(b, 1), "failed");
	assert_int_equal(bench_task(b, 1).attempts, 3);
	assert_string_equal(bench_task(b, 1).reason, "exit");
	/* Relaunched by hand: it has its attempts back. */
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'status': 'pending'}"));
	assert_int_equal(bench_task(b, 1).attempts, 0);
	/* Three instances die with it: it is given up, without an attempt used. */
	for (int i = 0; i < 3; i++) {
		char instance[8];

		assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 1);
		snprintf(instance, sizeof(instance), "j%d", i);
		w = tworker_new(b, "n1", instance, "'concurrency': 1");
	}
	assert_string_equal(task_word(b, 1), "failed");
	assert_string_equal(bench_task(b, 1).reason, "lost");
	assert_int_equal(bench_task(b, 1).attempts, 0);
	assert_int_equal(bench_task(b, 1).losses, 3);
	bench_close(b);
}

static void test_silence(void **unused)
{
	const struct core_options options = {.lease_seconds = 600, .offline_seconds = 60};
	struct bench *b = bench_open(&options);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 1"), other;
	json_t *grant, *answer;

	(void)unused;
	bench_new_task(b, "{}");
	grant = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0));
	bench_advance(b, 61);
	assert_int_equal(worker_status_of(state_worker(&b->core->state, 1)), WORKER_OFFLINE);
	bench_new_task(b, "{}");
	assert_string_equal(task_word(b, 2), "pending");
	/* It speaks: nothing was lost (G8). */
	bench_advance(b, 400);
	answer = tworker_ask(b, &w, "1", both(started(grant), NULL));
	assert_string_equal(result_of(answer, 0), "ok");
	assert_int_equal(worker_status_of(state_worker(&b->core->state, 1)), WORKER_RUNNING);
	/* It is watched anew. */
	bench_advance(b, 61);
	assert_int_equal(worker_status_of(state_worker(&b->core->state, 1)), WORKER_OFFLINE);
	tworker_ask(b, &w, "1", NULL);
	/* Silent for longer than the lease. A restart of the server gives the full time again. */
	bench_advance(b, 500);
	bench_restart(b);
	bench_advance(b, 500);
	assert_string_equal(task_word(b, 1), "running");
	bench_advance(b, 200);
	assert_string_equal(task_word(b, 1), "pending");
	assert_int_equal(bench_task(b, 1).losses, 1);
	other = tworker_new(b, "n2", "i1", "'concurrency': 2");
	assert_int_equal(grants_in(tworker_ask(b, &other, "", NULL)), 2);
	/* It comes back too late: fenced, and told to drop it. */
	answer = tworker_ask(b, &w, "1", both(finished(grant, "succeeded"), NULL));
	assert_string_equal(result_of(answer, 0), "fenced");
	assert_string_equal(task_word(b, 1), "accepted");
	answer = tworker_ask(b, &w, "1", NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "forget")), 1);
	json_decref(grant);
	bench_close(b);
}

static void test_signals(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 1");
	struct call *call;
	json_t *answer, *grant, *signals, *body;
	int64_t id;

	(void)unused;
	bench_new_task(b, "{}");
	grant = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0));
	call = tworker_lease(b, &w, "1", NULL, 20);
	bench_call(b, 200, handle_signal_create, 1, NULL,
	           json_of("{'execution_id': 1, 'signal': 15}"));
	/* The call that waits is answered by the signal itself. */
	signals = json_object_get(call_answer(call), "signals");
	assert_int_equal(json_array_size(signals), 1);
	id = get_int(json_array_get(signals, 0), "signal_id");
	/* Not again at once, but after a while, also by a server that was started anew. */
	call = tworker_lease(b, &w, "1", NULL, 20);
	assert_true(call_waits(call));
	bench_advance(b, 2.5);
	assert_int_equal(json_array_size(json_object_get(call_answer(call), "signals")), 1);
	bench_restart(b);
	answer = tworker_ask(b, &w, "1", NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "signals")), 1);
	body = json_pack("{s:I, s:[I], s:[i], s:i}", "epoch", (json_int_t)w.epoch, "acks",
	                 (json_int_t)id, "have", 1, "wait", 20);
	call = bench_send(b, handle_worker_lease, w.id, NULL, body);
	assert_true(call_waits(call));
	bench_advance(b, 5);
	assert_true(call_waits(call));
	bench_advance(b, 20);
	assert_int_equal(call->status, 200);
	/* An execution that ends takes its signals with it. */
	bench_call(b, 200, handle_signal_create, 1, NULL,
	           json_of("{'execution_id': 1, 'signal': 9}"));
	answer = tworker_ask(b, &w, "1", both(finished(grant, "signal"), NULL));
	assert_int_equal(json_array_size(json_object_get(answer, "signals")), 0);
	assert_int_equal(state_worker(&b->core->state, 1)->signals.n, 0);
	json_decref(grant);
	bench_close(b);
}

static void test_cancelled_execution(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 2"), other;
	json_t *answer, *grant, *event;

	(void)unused;
	bench_new_task(b, "{}");
	grant = json_incref(grant_of(tworker_ask(b, &w, "", NULL), 0));
	tworker_ask(b, &w, "1", both(started(grant), NULL));
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'status': 'pending'}"));
	assert_string_equal(task_word(b, 1), "pending");
	/* Not given to anybody while its processes may live (G4), not by a new server either. */
	other = tworker_new(b, "n2", "i1", "'concurrency': 2");
	assert_int_equal(grants_in(tworker_ask(b, &other, "", NULL)), 0);
	bench_restart(b);
	assert_int_equal(grants_in(tworker_ask(b, &other, "", NULL)), 0);
	answer = bench_call(b, 200, handle_task_why, 1, NULL, NULL);
	assert_non_null(strstr(get_text(answer, "why"), "has not ended yet"));
	answer = tworker_ask(b, &w, "1", NULL);
	assert_int_equal(get_int(json_array_get(json_object_get(answer, "signals"), 0), "signal"),
	                 9);
	/* Nothing of it is published any more (G10). */
	event = json_of("{'execution_id': 1, 'epoch': 1, 'seq': 2, 'type': 'uploading'}");
	answer = tworker_ask(b, &w, "1", both(event, NULL));
	assert_string_equal(result_of(answer, 0), "fenced");
	answer = tworker_ask(b, &w, "1", both(finished(grant, "signal"), NULL));
	assert_string_equal(result_of(answer, 0), "ok");
	/* Its end makes the task free; this worker asked, so it has it. */
	assert_int_equal(get_int(grant_of(answer, 0), "epoch"), 2);
	assert_int_equal(bench_task(b, 1).attempts, 0);
	json_decref(grant);
	bench_close(b);
}

/* What the server holds, the worker may not know: the grant never came, or is still under way. */
static void test_cancelled_before_it_came(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 3"), other;
	json_t *answer;

	(void)unused;
	bench_new_task(b, "{}");
	bench_new_task(b, "{}");
	bench_new_task(b, "{}");
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 3);
	bench_call(b, 200, handle_task_update, 1, NULL, json_of("{'status': 'pending'}"));
	bench_call(b, 200, handle_task_update, 2, NULL, json_of("{'status': 'pending'}"));
	/* Sent before the grants were there, perhaps. */
	answer = tworker_ask(b, &w, "", NULL);
	assert_int_equal(grants_in(answer), 1);
	other = tworker_new(b, "n2", "i1", "'concurrency': 3");
	assert_int_equal(grants_in(tworker_ask(b, &other, "", NULL)), 0);
	/* A minute later that is not so any more: 2 never came, 1 did and is kept. */
	bench_advance(b, 61);
	answer = tworker_ask(b, &w, "1, 3", NULL);
	assert_int_equal(grants_in(answer), 1);
	assert_int_equal(get_int(grant_of(answer, 0), "task_id"), 2);
	assert_int_equal(bench_task(b, 2).losses, 0);
	bench_close(b);
}

static void test_woken_by_the_submit(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w1 = tworker_new(b, "n1", "i1", "'concurrency': 1, 'batch': 'a.*'");
	struct tworker w2 = tworker_new(b, "n2", "i1", "'concurrency': 1, 'batch': 'b'");
	struct call *one = tworker_lease(b, &w1, "", NULL, 25);
	struct call *two = tworker_lease(b, &w2, "", NULL, 25);

	(void)unused;
	bench_new_task(b, "{'batch': 'c'}");
	assert_true(call_waits(one) && call_waits(two));
	bench_new_task(b, "{'batch': 'a.x'}");
	assert_int_equal(grants_in(call_answer(one)), 1);
	assert_true(call_waits(two));
	bench_new_task(b, "{'batch': 'b'}");
	assert_int_equal(grants_in(call_answer(two)), 1);
	bench_close(b);
}

static void test_database_away(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w = tworker_new(b, "n1", "i1", "'concurrency': 1");
	struct call *poll, *call;

	(void)unused;
	b->log.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bench_new_task(b, "{'batch': 'x'}");
	poll = tworker_lease(b, &w, "", NULL, 20);
	assert_true(call_waits(poll));
	b->away = true;
	b->unchecked = true;
	call = bench_send(b, handle_task_create, 0, NULL, json_of("{'command': 'x'}"));
	assert_int_equal(call->status, 503);
	/* Whoever waited comes again. */
	assert_int_equal(poll->status, 503);
	call = tworker_lease(b, &w, "", NULL, 0);
	assert_int_equal(call->status, 503);
	b->now_ns += 1500000000;
	bench_step(b);
	call = tworker_lease(b, &w, "", NULL, 0);
	assert_int_equal(call->status, 503);
	b->away = false;
	b->unchecked = false;
	bench_advance(b, 2);
	/* As it was before. */
	assert_int_equal(b->core->state.last_task, 1);
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 0);
	bench_new_task(b, "{}");
	assert_int_equal(grants_in(tworker_ask(b, &w, "", NULL)), 1);
	close(b->log.fd);
	bench_close(b);
}

static void test_order(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct tworker w;
	json_t *answer;
	static const uint32_t wanted[] = {2, 4, 6, 3, 1, 5};

	(void)unused;
	bench_call(b, 201, handle_run_create, 0, NULL,
	           json_of("{'name': 'q', 'digest': 'd', 'batches': [{'batch': 'q.a', 'depth': 0}, "
	                   "{'batch': 'q.b', 'depth': 1}]}"));
	bench_new_task(b, "{'batch': 'q.a'}");
	bench_new_task(b, "{'batch': 'q.a', 'priority': 2}");
	bench_new_task(b, "{'batch': 'q.b'}");
	bench_new_task(b, "{'batch': 'q.a', 'priority': 2}");
	bench_new_task(b, "{'batch': 'q.a', 'priority': -1}");
	bench_new_task(b, "{'batch': 'q.b', 'priority': 1}");
	w = tworker_new(b, "n1", "i1", "'concurrency': 10, 'batch': 'q.*'");
	answer = tworker_ask(b, &w, "", NULL);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(get_int(grant_of(answer, i), "task_id"), wanted[i]);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_register),
	        cmocka_unit_test(test_grants_fill_the_worker),
	        cmocka_unit_test(test_granted_as_it_stands),
	        cmocka_unit_test(test_many_in_a_group),
	        cmocka_unit_test(test_weights),
	        cmocka_unit_test(test_until_in_have),
	        cmocka_unit_test(test_events),
	        cmocka_unit_test(test_attempts_and_losses),
	        cmocka_unit_test(test_silence),
	        cmocka_unit_test(test_signals),
	        cmocka_unit_test(test_cancelled_execution),
	        cmocka_unit_test(test_cancelled_before_it_came),
	        cmocka_unit_test(test_woken_by_the_submit),
	        cmocka_unit_test(test_database_away),
	        cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
