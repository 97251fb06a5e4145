/*
 * Random calls by random people, workers that die, fall silent and repeat
 * themselves, a database that fails and a server that is killed: after every
 * group memory is what the database says (the bench checks that), no task lives
 * twice (G4), no result counts twice (G3), no attempt too many (G9).
 */
#include "tests/unit/server_worker.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS 4
#define STEPS 700
#define LEASE 300

struct held {
	json_t *grant;
	int64_t execution, task;
	bool started, ended; /* ended: reported, and not heard of since */
	const char *how;
};

struct sim {
	struct tworker w;
	bool there;
	int instance;
	VEC(struct held) held;
	struct call *call;     /* under way or waiting */
	int64_t contact_ns;    /* last answer */
	VEC(int64_t) reported; /* executions whose end the call under way reports */
};

struct world {
	struct bench *b;
	unsigned seed;
	struct sim sims[WORKERS];
	int64_t v1_worker; /* 0: none */
	int names, keys;
	unsigned executions_ok;
};

static unsigned rnd(struct world *w, unsigned n)
{
	/* The generator of Numerical Recipes: the same numbers everywhere. */
	w->seed = w->seed * 1664525u + 1013904223u;
	return (w->seed >> 8) % n;
}

static void drop_held(struct sim *s)
{
	for (size_t i = 0; i < s->held.n; i++)
		json_decref(s->held.v[i].grant);
	s->held.n = 0;
	s->reported.n = 0;
}

static bool holds(const struct sim *s, int64_t execution, size_t *at)
{
	for (size_t i = 0; i < s->held.n; i++) {
		if (s->held.v[i].execution == execution) {
			*at = i;
			return true;
		}
	}
	return false;
}

static void remove_held(struct sim *s, size_t i)
{
	json_decref(s->held.v[i].grant);
	s->held.v[i] = s->held.v[--s->held.n];
}

static void take_grant(struct world *w, struct sim *s, json_t *grant)
{
	struct held held = {.grant = grant,
	                    .execution = get_int(grant, "execution_id"),
	                    .task = get_int(grant, "task_id")};
	size_t at;

	if (holds(s, held.execution, &at))
		return;
	for (int i = 0; i < WORKERS; i++) {
		const struct sim *other = &w->sims[i];

		for (size_t k = 0; other->there && k < other->held.n; k++) {
			if (other->held.v[k].task == held.task && !other->held.v[k].ended)
				fail_msg("task %lld lives twice", (long long)held.task);
		}
	}
	json_incref(grant);
	vec_push(&s->held, held);
}

/* The answer of a lease call has come. */
static void hear(struct world *w, struct sim *s)
{
	struct call *call = s->call;
	json_t *answer, *item;
	size_t i, at;

	if (call == NULL || call_waits(call))
		return;
	s->call = NULL;
	if (call->status == 409) {
		s->there = false;
		drop_held(s);
		return;
	}
	if (call->status != 200) {
		s->reported.n = 0;
		return;
	}
	s->contact_ns = w->b->now_ns;
	answer = call_answer(call);
	/* Whatever was reported as ended is settled, one way or the other. */
	for (i = 0; i < s->reported.n; i++) {
		if (holds(s, s->reported.v[i], &at))
			remove_held(s, at);
	}
	s->reported.n = 0;
	json_array_foreach(json_object_get(answer, "forget"), i, item)
	{
		if (holds(s, json_integer_value(item), &at))
			remove_held(s, at);
	}
	json_array_foreach(json_object_get(answer, "grants"), i, item) take_grant(w, s, item);
	json_array_foreach(json_object_get(answer, "signals"), i, item)
	{
		if (json_is_integer(json_object_get(item, "execution_id")) &&
		    holds(s, get_int(item, "execution_id"), &at))
			s->held.v[at].how = "signal";
	}
}

static void hear_all(struct world *w)
{
	for (int i = 0; i < WORKERS; i++)
		hear(w, &w->sims[i]);
}

static void restart(struct world *w)
{
	for (int i = 0; i < WORKERS; i++) {
		w->sims[i].call = NULL;
		w->sims[i].reported.n = 0;
	}
	bench_restart(w->b);
}

static void register_sim(struct world *w, int i, bool same_instance)
{
	static const char *const batches[] = {"*", "a", "b.*", "b.1"};
	struct sim *s = &w->sims[i];
	char text[200];
	struct call *call;

	if (!same_instance || !s->there) {
		s->instance++;
		drop_held(s);
	}
	snprintf(text, sizeof(text),
	         "{'name': 'n%d', 'instance': 'i%d', 'boot_id': 'b', 'concurrency': %d, "
	         "'prefetch': %u, 'batch': '%s', 'cpus': 4.0}",
	         i, s->instance, i + 1, rnd(w, 3), batches[i]);
	call = bench_send(w->b, handle_worker_register, 0, NULL, json_of(text));
	s->call = NULL;
	s->reported.n = 0;
	s->there = call->status == 201;
	if (s->there) {
		s->w.id = get_int(call_answer(call), "worker_id");
		s->w.epoch = get_int(call_answer(call), "epoch");
		s->contact_ns = w->b->now_ns;
	}
}

static void report(struct world *w, struct sim *s, json_t *events, json_t *have)
{
	static const char *const ends[] = {"succeeded", "succeeded", "succeeded",
	                                   "exit",      "disk",      "lost"};

	for (size_t i = 0; i < s->held.n; i++) {
		struct held *h = &s->held.v[i];

		/* Now and then it never got one, which is then granted again. */
		if (!h->started && rnd(w, 20) == 0) {
			remove_held(s, i--);
			continue;
		}
		json_array_append_new(have, json_integer(h->execution));
		if (!h->started || rnd(w, 10) == 0) {
			h->started = true;
			json_array_append_new(events, started(h->grant));
		}
		if (h->ended || rnd(w, 3) == 0) {
			if (h->how == NULL)
				h->how = ends[rnd(w, 6)];
			h->ended = true;
			json_array_append_new(events, finished(h->grant, h->how));
			if (rnd(w, 10) == 0)
				json_array_append_new(events, finished(h->grant, h->how));
			vec_push(&s->reported, h->execution);
		}
	}
}

static void lease(struct world *w, int i)
{
	struct sim *s = &w->sims[i];
	json_t *body, *events, *have;

	if (!s->there || (s->call != NULL && rnd(w, 2) == 0))
		return;
	events = json_array();
	have = json_array();
	s->reported.n = 0;
	report(w, s, events, have);
	body = json_pack("{s:I, s:o, s:o, s:i, s:i}", "epoch", (json_int_t)s->w.epoch, "events",
	                 events, "have", have, "extra", rnd(w, 2), "wait", rnd(w, 2) * 20);
	/* The older one is answered by this; what it says is lost on the way. */
	s->call = bench_send(w->b, handle_worker_lease, s->w.id, NULL, body);
}

static uint32_t some_task(struct world *w)
{
	return 1 + rnd(w, w->b->core->state.last_task + 1);
}

static const char *some_batch(struct world *w)
{
	static const char *const names[] = {"a", "b.1", "b.2", "Default"};

	return names[rnd(w, 4)];
}

static json_t *some_attempts(struct world *w)
{
	static const char *const texts[] = {"[{}]", "[{\"cpu\":1},{\"cpu\":2.5}]",
	                                    "[{\"memory\":5},{},{\"run_timeout\":9}]"};

	return json_string(texts[rnd(w, 3)]);
}

static json_t *some_new_task(struct world *w, bool is_v1)
{
	json_t *task = json_pack("{s:s, s:s, s:i, s:i, s:b}", "command", "true", "batch",
	                         some_batch(w), "priority", (int)rnd(w, 3) - 1, "retry", rnd(w, 3),
	                         "accept_failure", rnd(w, 4) == 0);

	if (rnd(w, 2) == 0)
		json_object_set_new(task, "input", json_string("s://b/x s://b/z"));
	if (rnd(w, 4) == 0)
		json_object_set_new(task, "cpu", json_real(0.5 * (1 + rnd(w, 8))));
	if (rnd(w, 3) == 0)
		json_object_set_new(task, "attempt_settings", some_attempts(w));
	if (rnd(w, 10) == 0)
		json_object_set_new(task, "status", json_string("paused"));
	if (is_v1 && rnd(w, 2) == 0) {
		json_t *required = json_array();

		for (unsigned n = rnd(w, 3) + 1; n > 0; n--)
			json_array_append_new(required, json_integer(some_task(w)));
		json_object_set_new(task, "required_task_ids", required);
	}
	return task;
}

/* Plain, or one of a gather of which some may fail. */
static json_t *some_requirement(struct world *w, json_t *other)
{
	if (rnd(w, 2) == 0)
		return other;
	return json_pack("{s:o, s:i, s:i, s:s}", "task", other, "gather", rnd(w, 2), "may_fail",
	                 rnd(w, 3), "input", "s://b/x s://b/y");
}

static void submit_bulk(struct world *w)
{
	json_t *tasks = json_array(), *body;
	unsigned n = 1 + rnd(w, 8);

	for (unsigned i = 0; i < n; i++) {
		json_t *task = some_new_task(w, false), *requires = json_array();
		char key[16];

		snprintf(key, sizeof(key), "k%u", i);
		json_object_set_new(task, "key", json_string(key));
		for (unsigned k = 0; i > 0 && k < rnd(w, 3); k++) {
			snprintf(key, sizeof(key), "k%u", rnd(w, i));
			json_array_append_new(requires, some_requirement(w, json_string(key)));
		}
		if (rnd(w, 4) == 0)
			json_array_append_new(requires,
			                      some_requirement(w, json_integer(some_task(w))));
		json_object_set_new(task, "requires", requires);
		json_array_append_new(tasks, task);
	}
	body = json_pack("{s:o}", "tasks", tasks);
	if (rnd(w, 3) > 0)
		json_object_set_new(body, "run_id", json_integer(1 + rnd(w, 3)));
	if (rnd(w, 2) == 0) {
		char key[16];

		snprintf(key, sizeof(key), "bulk%d", w->keys++);
		json_object_set_new(body, "key", json_string(key));
	}
	bench_send(w->b, handle_task_bulk, 0, NULL, body);
}

static void change_task_of(struct world *w)
{
	json_t *body = json_object();

	switch (rnd(w, 6)) {
	case 0:
		json_object_set_new(body, "batch", json_string(some_batch(w)));
		break;
	case 1:
		json_object_set_new(body, "priority", json_integer(rnd(w, 4)));
		json_object_set_new(body, "cpu", json_real(1 + rnd(w, 4)));
		if (rnd(w, 2) == 0)
			json_object_set_new(body, "attempt_settings",
			                    rnd(w, 2) ? some_attempts(w) : json_null());
		break;
	case 2:
		json_object_set_new(body, "required_task_ids", json_pack("[i]", (int)some_task(w)));
		break;
	case 3:
		json_object_set_new(body, "accept_failure", json_boolean(rnd(w, 2)));
		json_object_set_new(body, "retry", json_integer(rnd(w, 3)));
		break;
	default:
		json_object_set_new(body, "status",
		                    json_string(task_status_words[rnd(w, TASK_STATUS_COUNT)]));
		break;
	}
	bench_send(w->b, handle_task_update, some_task(w), NULL, body);
}

static void v1_worker(struct world *w)
{
	struct bench *b = w->b;
	struct call *call;
	json_t *item;
	size_t i;

	if (w->v1_worker == 0) {
		char text[120];

		snprintf(text, sizeof(text),
		         "{'name': 'v%d', 'concurrency': 2, 'prefetch': 1, 'status': 'running', "
		         "'batch': '%s'}",
		         w->names++, some_batch(w));
		call = bench_send(b, handle_worker_create, 0, NULL, json_of(text));
		if (call->status == 201)
			w->v1_worker = get_int(call_answer(call), "worker_id");
		return;
	}
	call = bench_send(b, handle_worker_executions, w->v1_worker,
	                  rnd(w, 2)   ? "pending"
	                  : rnd(w, 2) ? "accepted"
	                              : NULL,
	                  NULL);
	if (call->status != 200)
		return;
	json_array_foreach(call_answer(call), i, item)
	{
		int64_t id = get_int(item, "execution_id");
		const char *status = execution_status_words[1 + rnd(w, 5)];

		if (rnd(w, 2) == 0)
			bench_send(b, handle_execution_update, id, NULL,
			           json_pack("{s:s, s:i}", "status", status, "return_code",
			                     (int)rnd(w, 2)));
		else if (rnd(w, 3) == 0)
			bench_send(b, handle_execution_output, id, NULL, json_of("{'text': 'x'}"));
	}
	bench_send(b, handle_signals_take, w->v1_worker, NULL, NULL);
	if (rnd(w, 4) == 0)
		bench_send(b, handle_worker_ping, w->v1_worker, NULL, json_of("{'load': '1'}"));
	if (rnd(w, 30) == 0) {
		bench_send(b, handle_worker_delete, w->v1_worker, NULL, NULL);
		w->v1_worker = 0;
	}
}

static void advance(struct world *w, double seconds)
{
	bench_advance(w->b, seconds);
	hear_all(w);
	/* Who heard nothing for the time of the lease stops what he holds. */
	for (int i = 0; i < WORKERS; i++) {
		if (w->sims[i].contact_ns + LEASE * INT64_C(1000000000) < w->b->now_ns)
			drop_held(&w->sims[i]);
	}
}

static void change_worker(struct world *w)
{
	json_t *body = json_object();
	unsigned id = 1 + rnd(w, WORKERS + 2);

	switch (rnd(w, 4)) {
	case 0:
		json_object_set_new(body, "concurrency", json_integer(1 + rnd(w, 4)));
		break;
	case 1:
		json_object_set_new(body, "batch", json_string(some_batch(w)));
		break;
	case 2:
		json_object_set_new(body, "status", json_string("paused"));
		break;
	default:
		json_object_set_new(body, "status", json_string("running"));
		break;
	}
	bench_send(w->b, handle_worker_update, id, NULL, body);
}

static void manage(struct world *w)
{
	struct bench *b = w->b;
	char text[160];

	switch (rnd(w, 10)) {
	case 0:
		bench_send(b, rnd(w, 2) ? handle_batch_stop : handle_batch_go, 0, some_batch(w),
		           rnd(w, 2) ? json_of("{'signal': 15}") : NULL);
		break;
	case 1:
		if (rnd(w, 5) == 0)
			bench_send(b, handle_batch_delete, 0, some_batch(w), NULL);
		break;
	case 2:
		snprintf(text, sizeof(text),
		         "{'name': 'r%u', 'digest': 'd', 'batches': [{'batch': 'b.2', 'depth': %u, "
		         "'concurrency': %u}]}",
		         rnd(w, 3), rnd(w, 3), 1 + rnd(w, 3));
		bench_send(b, handle_run_create, 0, NULL, json_of(text));
		break;
	case 3:
		bench_send(b, handle_run_update, 1 + rnd(w, 3), NULL,
		           json_of("{'status': 'running'}"));
		break;
	case 4:
		if (rnd(w, 4) == 0)
			bench_send(b, handle_run_update, 1 + rnd(w, 3), NULL,
			           json_of("{'status': 'cancelled'}"));
		break;
	case 5:
		bench_send(b, handle_requirement_create, 0, NULL,
		           rnd(w, 2)
		                   ? json_pack("{s:i, s:i}", "task_id", (int)some_task(w),
		                               "other_task_id", (int)some_task(w))
		                   : json_pack("{s:i, s:i, s:i, s:i}", "task_id", (int)some_task(w),
		                               "other_task_id", (int)some_task(w), "gather",
		                               rnd(w, 2), "may_fail", rnd(w, 2)));
		break;
	case 6:
		bench_send(b, handle_requirement_delete,
		           1 + rnd(w, b->core->state.last_requirement + 1), NULL, NULL);
		break;
	case 7:
		bench_send(b, handle_task_delete, some_task(w), NULL, NULL);
		break;
	case 8:
		bench_send(b, handle_execution_delete,
		           1 + rnd(w, b->core->state.last_execution + 1), NULL, NULL);
		break;
	default:
		change_worker(w);
		break;
	}
}

static void step(struct world *w)
{
	struct bench *b = w->b;
	unsigned what = rnd(w, 100);

	if (rnd(w, 15) == 0) {
		b->fail_step = (enum store_step)rnd(w, STORE_STEP_LOG_COMMIT + 1);
		b->failing = rnd(w, 2) ? 0 : (int)rnd(w, 6);
	}
	if (what < 45)
		lease(w, (int)rnd(w, WORKERS));
	else if (what < 52)
		submit_bulk(w);
	else if (what < 60)
		bench_send(b, handle_task_create, 0, NULL, some_new_task(w, true));
	else if (what < 68)
		change_task_of(w);
	else if (what < 78)
		v1_worker(w);
	else if (what < 90)
		manage(w);
	else if (what < 93)
		register_sim(w, (int)rnd(w, WORKERS), rnd(w, 2));
	else if (what < 99)
		advance(w, rnd(w, 4) == 0 ? 80.0 : 1.0);
	else
		restart(w);
	b->failing = -1;
	hear_all(w);
	if (what == 50) {
		/* First every call that waits is answered. */
		advance(w, 21);
		advance(w, LEASE + 20);
	}
}

static void live(unsigned seed)
{
	const struct core_options options = {.lease_seconds = LEASE, .offline_seconds = 60};
	struct world w = {.seed = seed};

	w.b = bench_open(&options);
	/* Every failure that is ordered is logged. */
	w.b->log.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	for (int i = 0; i < WORKERS; i++)
		register_sim(&w, i, false);
	for (int i = 0; i < STEPS; i++) {
		step(&w);
		if (i % 100 == 99)
			for (int k = 0; k < WORKERS; k++)
				if (!w.sims[k].there)
					register_sim(&w, k, false);
	}
	for (uint32_t id = 1; id <= w.b->core->state.last_task; id++) {
		struct task_node *task = core_task(w.b->core, id);

		if (task != NULL)
			assert_true(task->attempts <= 1 + 2);
	}
	assert_true(w.b->failed > 0);
	close(w.b->log.fd);
	for (int i = 0; i < WORKERS; i++) {
		drop_held(&w.sims[i]);
		vec_release(&w.sims[i].held);
		vec_release(&w.sims[i].reported);
	}
	bench_close(w.b);
}

static void test_one(void **unused)
{
	(void)unused;
	live(1);
}

static void test_two(void **unused)
{
	(void)unused;
	live(20261123);
}

static void test_given(void **unused)
{
	const char *seed = getenv("SCITQ_SEED");

	(void)unused;
	if (seed == NULL)
		skip();
	live((unsigned)strtoul(seed, NULL, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_one),
	        cmocka_unit_test(test_two),
	        cmocka_unit_test(test_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
