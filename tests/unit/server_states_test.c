/* Every pair of status and event, and the timers that the core lives by. */
#include "tests/unit/server_core.h"

#include "model/json.h"
#include "server/change.h"
#include "server/handlers.h"
#include "server/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* One event for one task, straight to the function that decides. */
static void apply_event(struct core *core, struct call *call)
{
	struct task_node *task = core_task(core, call->ids[0]);
	bool done = change_task(core, (uint32_t)call->ids[0], task, (enum task_event)call->ids[1],
	                        REASON_NONE);

	core_reply(core, call, 200, json_boolean(done));
}

static bool event(struct bench *b, uint32_t id, enum task_event e)
{
	struct call *call = bench_queue(b, apply_event, id, NULL, NULL);

	call->ids[1] = e;
	bench_step(b);
	return json_is_true(call_answer(call));
}

/* How a task gets there, by rows only; ends with TASK_EVENT_COUNT. */
static const enum task_event paths[TASK_STATUS_COUNT][4] = {
        [TASK_PAUSED] = {TASK_EVENT_PAUSE, TASK_EVENT_COUNT},
        [TASK_WAITING] = {TASK_EVENT_COUNT},
        [TASK_PENDING] = {TASK_EVENT_COUNT},
        [TASK_ASSIGNED] = {TASK_EVENT_OFFER, TASK_EVENT_COUNT},
        [TASK_ACCEPTED] = {TASK_EVENT_GRANT, TASK_EVENT_COUNT},
        [TASK_RUNNING] = {TASK_EVENT_GRANT, TASK_EVENT_START, TASK_EVENT_COUNT},
        [TASK_FAILED] = {TASK_EVENT_CANCEL, TASK_EVENT_COUNT},
        [TASK_SUCCEEDED] = {TASK_EVENT_GRANT, TASK_EVENT_SUCCEED, TASK_EVENT_COUNT},
        [TASK_DEBUG] = {TASK_EVENT_DEBUG, TASK_EVENT_COUNT},
};

static void test_every_pair(void **unused)
{
	struct bench *b = bench_open(NULL);
	uint32_t blocker = bench_new_task(b, "{'batch': 'x', 'status': 'paused'}");
	char waiting[80];

	(void)unused;
	/* Statuses are set without the executions that belong to them. */
	b->unchecked = true;
	snprintf(waiting, sizeof(waiting), "{'status': 'waiting', 'required_task_ids': [%u]}",
	         blocker);
	for (int from = 0; from < TASK_STATUS_COUNT; from++) {
		for (int e = 0; e < TASK_EVENT_COUNT; e++) {
			const struct transition *row =
			        task_transition((enum task_status)from, (enum task_event)e);
			uint32_t id = bench_new_task(b, from == TASK_WAITING ? waiting : "{}");
			/* The one row with a guard that the function tests itself. */
			bool ready = from == TASK_WAITING && e == TASK_EVENT_READY;

			for (int i = 0; paths[from][i] != TASK_EVENT_COUNT; i++)
				assert_true(event(b, id, paths[from][i]));
			assert_string_equal(task_word(b, id), task_status_words[from]);
			assert_int_equal(event(b, id, (enum task_event)e), row != NULL && !ready);
			assert_string_equal(
			        task_word(b, id),
			        task_status_words[row != NULL && !ready ? row->to : from]);
		}
	}
	bench_close(b);
}

static struct execution_node *offered(struct bench *b, uint32_t *task)
{
	json_t *answer;

	*task = bench_new_task(b, "{}");
	answer = bench_call(b, 200, handle_worker_executions, 1, "pending", NULL);
	assert_int_equal(json_array_size(answer), 1);
	return state_execution(&b->core->state, get_int(json_array_get(answer, 0), "execution_id"));
}

static json_t *status_body(enum execution_status status)
{
	return json_pack("{s:s}", "status", execution_status_words[status]);
}

/* Through PUT /executions/{id}, as a polling worker does it. */
static void test_every_execution_pair(void **unused)
{
	static const int events[EXECUTION_STATUS_COUNT] = {
	        [EXECUTION_PENDING] = -1,
	        [EXECUTION_ACCEPTED] = EXECUTION_EVENT_ACCEPT,
	        [EXECUTION_RUNNING] = EXECUTION_EVENT_START,
	        [EXECUTION_FAILED] = EXECUTION_EVENT_FAIL,
	        [EXECUTION_SUCCEEDED] = EXECUTION_EVENT_SUCCEED,
	        [EXECUTION_REFUSED] = EXECUTION_EVENT_REFUSE};
	struct bench *b = bench_open(NULL);

	(void)unused;
	bench_call(b, 201, handle_worker_create, 0, NULL,
	           json_of("{'name': 'w', 'concurrency': 1, 'status': 'running'}"));
	for (int from = 0; from < EXECUTION_STATUS_COUNT; from++) {
		for (int to = 0; to < EXECUTION_STATUS_COUNT; to++) {
			uint32_t task;
			uint32_t id = offered(b, &task)->id;
			bool direct, through;
			int want;

			if (from == EXECUTION_RUNNING || from == EXECUTION_ACCEPTED)
				bench_call(b, 200, handle_execution_update, id, NULL,
				           status_body(EXECUTION_ACCEPTED));
			if (from != EXECUTION_PENDING && from != EXECUTION_ACCEPTED)
				bench_call(b, 200, handle_execution_update, id, NULL,
				           status_body((enum execution_status)from));
			direct = events[to] >= 0 &&
			         execution_transition((enum execution_status)from,
			                              (enum execution_event)events[to]) != NULL;
			/* What was only offered is accepted on the way. */
			through = from == EXECUTION_PENDING &&
			          (to == EXECUTION_RUNNING || to == EXECUTION_SUCCEEDED);
			want = from == to || direct || through ? 200 : 409;
			bench_call(b, want, handle_execution_update, id, NULL,
			           status_body((enum execution_status)to));
			bench_call(b, 200, handle_task_delete, task, NULL, NULL);
		}
	}
	bench_close(b);
}

/* A person's wish for a status, from every status. */
static void test_every_wish(void **unused)
{
	/* Rows: from; columns in the order of enum task_status: what PUT status answers. */
	static const char *const wanted[TASK_STATUS_COUNT] = {
	        /*             p w p a a r f s d */
	        [TASK_PAUSED] = "yyynnnyny",   [TASK_WAITING] = "yynnnnyny",
	        [TASK_PENDING] = "yyynnnyny",  [TASK_ASSIGNED] = "yyyynnyny",
	        [TASK_ACCEPTED] = "yyynynyyy", [TASK_RUNNING] = "yyynnyyyy",
	        [TASK_FAILED] = "yyynnnyny",   [TASK_SUCCEEDED] = "yyynnnnyy",
	        [TASK_DEBUG] = "yyynnnyny",
	};
	struct bench *b = bench_open(NULL);
	uint32_t blocker = bench_new_task(b, "{'batch': 'x', 'status': 'paused'}");
	char waiting[80];

	(void)unused;
	b->unchecked = true;
	snprintf(waiting, sizeof(waiting), "{'status': 'waiting', 'required_task_ids': [%u]}",
	         blocker);
	for (int from = 0; from < TASK_STATUS_COUNT; from++) {
		for (int to = 0; to < TASK_STATUS_COUNT; to++) {
			uint32_t id = bench_new_task(b, from == TASK_WAITING ? waiting : "{}");
			bool yes = wanted[from][to] == 'y';

			for (int i = 0; paths[from][i] != TASK_EVENT_COUNT; i++)
				assert_true(event(b, id, paths[from][i]));
			bench_call(b, yes ? 200 : 409, handle_task_update, id, NULL,
			           json_pack("{s:s}", "status", task_status_words[to]));
		}
	}
	bench_close(b);
}

struct ring {
	struct timer timer;
	int number;
};

struct rung {
	struct timers timers;
	int order[8];
	int n;
	struct ring *again;
};

static void ring(void *context, struct timer *timer)
{
	struct rung *rung = context;
	struct ring *r = timer_owner(timer, struct ring, timer);

	rung->order[rung->n++] = r->number;
	if (rung->again == r) {
		rung->again = NULL;
		timer_set(&rung->timers, timer, timer->due_ns + 5, ring);
	}
}

static void test_timers(void **unused)
{
	struct rung rung = {.n = 0};
	struct ring rings[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};

	(void)unused;
	assert_int_equal(timers_next(&rung.timers), INT64_MAX);
	timer_set(&rung.timers, &rings[0].timer, 30, ring);
	timer_set(&rung.timers, &rings[1].timer, 10, ring);
	timer_set(&rung.timers, &rings[2].timer, 20, ring);
	timer_set(&rung.timers, &rings[3].timer, 5, ring);
	timer_set(&rung.timers, &rings[3].timer, 40, ring);
	timer_cancel(&rung.timers, &rings[2].timer);
	timer_cancel(&rung.timers, &rings[2].timer);
	assert_false(timer_is_set(&rings[2].timer));
	assert_int_equal(timers_next(&rung.timers), 10);
	timers_run(&rung.timers, 9, &rung);
	assert_int_equal(rung.n, 0);
	rung.again = &rings[1];
	timers_run(&rung.timers, 30, &rung);
	assert_int_equal(rung.n, 3);
	assert_int_equal(rung.order[0], 1);
	assert_int_equal(rung.order[1], 1);
	assert_int_equal(rung.order[2], 0);
	assert_int_equal(timers_next(&rung.timers), 40);
	timers_run(&rung.timers, 100, &rung);
	assert_int_equal(rung.n, 4);
	timers_release(&rung.timers);
}

/* Who may call is read again whenever it may have changed, until that succeeds. */
/* Whoever calls is told why, and whoever watches sees it for a minute. */
static void test_disk_full(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *told;

	(void)unused;
	bench_advance(b, 1);
	assert_true(core_has_room(b->core));
	b->fail_step = STORE_STEP_COMMIT;
	b->failing = 0;
	told = bench_call(b, 503, handle_token_create, 0, NULL,
	                  json_of("{'name': 'a', 'role': 'viewer'}"));
	assert_string_equal(get_text(told, "message"),
	                    "the database did not take it: full: a test ordered it");
	assert_false(core_has_room(b->core));
	bench_call(b, 201, handle_token_create, 0, NULL,
	           json_of("{'name': 'a', 'role': 'viewer'}"));
	bench_advance(b, 59);
	assert_false(core_has_room(b->core));
	bench_advance(b, 2);
	assert_true(core_has_room(b->core));
	bench_close(b);
}

static void test_tokens_are_read(void **unused)
{
	struct bench *b = bench_open(NULL);
	unsigned n = b->tokens_read;

	(void)unused;
	bench_call(b, 201, handle_token_create, 0, NULL,
	           json_of("{'name': 'a', 'role': 'viewer'}"));
	assert_int_equal(b->tokens_read, n + 1);
	bench_new_task(b, "{}");
	assert_int_equal(b->tokens_read, n + 1);
	/* A COMMIT that is said to have failed may have come through. */
	b->fail_step = STORE_STEP_COMMIT;
	b->failing = 0;
	bench_call(b, 503, handle_token_delete, 1, NULL, NULL);
	assert_int_equal(b->tokens_read, n + 2);
	b->tokens_away = true;
	bench_call(b, 200, handle_token_delete, 1, NULL, NULL);
	assert_int_equal(b->tokens_read, n + 3);
	b->tokens_away = false;
	bench_advance(b, 2);
	assert_int_equal(b->tokens_read, n + 4);
	bench_advance(b, 2);
	assert_int_equal(b->tokens_read, n + 4);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_pair),      cmocka_unit_test(test_every_execution_pair),
	        cmocka_unit_test(test_every_wish),      cmocka_unit_test(test_timers),
	        cmocka_unit_test(test_tokens_are_read), cmocka_unit_test(test_disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
