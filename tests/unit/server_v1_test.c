/* What v1 clients and polling v1 workers do, after the recorded exchanges. */
#include "tests/unit/server_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static json_t *v1_call(struct bench *b, int status, call_handler *handler, int64_t id,
                       const char *name, const char *body)
{
	struct call *call = bench_queue(b, handler, id, name, body ? json_of(body) : json_object());

	call->ours = false;
	bench_step(b);
	if (call->status != status) {
		char *text = call->waiter ? json_dumps(call->waiter, JSON_ENCODE_ANY) : NULL;

		fail_msg("answered %d, not %d: %s", call->status, status, text ? text : "-");
	}
	return call->waiter;
}

/* Exactly these members, in this order. */
static void assert_members(json_t *object, const char *names)
{
	struct str got = STR_INIT;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) str_addf(&got, "%s%s", got.len ? " " : "", key);
	assert_string_equal(got.p, names);
	str_release(&got);
}

#define TASK_MEMBERS                                                                               \
	"task_id name status command creation_date modification_date status_date batch input "     \
	"output container container_options resource required_task_ids retry download_timeout "    \
	"run_timeout use_cache"
#define WORKER_MEMBERS                                                                             \
	"worker_id name concurrency prefetch hostname status load memory stats task_properties "   \
	"creation_date modification_date last_contact_date batch permanent flavor region provider"
#define EXECUTION_MEMBERS                                                                          \
	"execution_id worker_id task_id status return_code pid creation_date modification_date "   \
	"output error output_files command freeze latest"

static void test_tasks(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *answer;

	(void)unused;
	answer = v1_call(b, 201, handle_task_create, 0, NULL,
	                 "{'command': 'echo hello', 'name': 't0', 'status': 'pending', "
	                 "'container_options': ''}");
	assert_members(answer, TASK_MEMBERS);
	assert_string_equal(get_text(answer, "batch"), "Default");
	assert_true(json_is_null(json_object_get(answer, "required_task_ids")));
	v1_call(b, 422, handle_task_create, 0, NULL, "{'command': 'x', 'status': 'nope'}");
	v1_call(b, 422, handle_task_create, 0, NULL, "{'command': 'x', 'status': 'running'}");
	v1_call(b, 422, handle_task_create, 0, NULL, "{'command': 'x', 'batch': 'a/b'}");
	v1_call(b, 400, handle_task_create, 0, NULL, "{}");
	v1_call(b, 400, handle_task_create, 0, NULL, "{'command': 'x', 'foo': 1}");
	v1_call(b, 400, handle_task_create, 0, NULL, "{'command': 'x', 'task_id': 3}");
	v1_call(b, 404, handle_task_create, 0, NULL, "{'command': 'x', 'required_task_ids': [9]}");
	answer = v1_call(b, 201, handle_task_create, 0, NULL,
	                 "{'command': 'x', 'status': 'waiting', 'required_task_ids': [1, 1]}");
	assert_string_equal(get_text(answer, "status"), "waiting");
	/* It waits for nothing. */
	answer = v1_call(b, 201, handle_task_create, 0, NULL,
	                 "{'command': 'x', 'status': 'waiting'}");
	assert_string_equal(get_text(answer, "status"), "pending");
	v1_call(b, 409, handle_task_update, 2, NULL, "{'status': 'pending'}");
	v1_call(b, 422, handle_task_update, 1, NULL, "{'required_task_ids': [1]}");
	v1_call(b, 422, handle_task_update, 1, NULL, "{'required_task_ids': [2]}");
	v1_call(b, 404, handle_task_update, 77, NULL, "{'name': 'x'}");
	answer = v1_call(b, 200, handle_task_update, 3, NULL,
	                 "{'name': 'n', 'required_task_ids': [1]}");
	assert_string_equal(get_text(answer, "status"), "waiting");
	answer = v1_call(b, 200, handle_task_update, 3, NULL, "{'required_task_ids': []}");
	assert_string_equal(get_text(answer, "status"), "pending");
	v1_call(b, 200, handle_task_update, 1, NULL, "{}");
	answer = v1_call(b, 200, handle_task_delete, 1, NULL, NULL);
	assert_members(answer, TASK_MEMBERS);
	assert_string_equal(task_word(b, 2), "pending");
	v1_call(b, 404, handle_task_delete, 1, NULL, NULL);
	bench_close(b);
}

static void test_failed_with_retry_left(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *answer;

	(void)unused;
	v1_call(b, 201, handle_task_create, 0, NULL, "{'command': 'x', 'retry': 1}");
	answer = v1_call(b, 200, handle_task_update, 1, NULL, "{'status': 'failed'}");
	assert_string_equal(get_text(answer, "status"), "pending");
	answer = v1_call(b, 200, handle_task_update, 1, NULL, "{'status': 'failed'}");
	assert_string_equal(get_text(answer, "status"), "failed");
	bench_close(b);
}

/* A worker's life, call by call. */
static void test_polling_worker(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *answer, *row;

	(void)unused;
	answer = v1_call(b, 201, handle_worker_create, 0, NULL,
	                 "{'name': 'w1', 'hostname': 'vm', 'concurrency': 2, 'status': 'paused', "
	                 "'permanent': true, 'prefetch': 0}");
	assert_members(answer, WORKER_MEMBERS);
	assert_string_equal(get_text(answer, "status"), "paused");
	for (int i = 0; i < 4; i++)
		v1_call(b, 201, handle_task_create, 0, NULL, "{'command': 'echo hi', 'retry': 1}");
	/* Paused: nothing is offered. */
	answer = v1_call(b, 200, handle_worker_executions, 1, "pending", NULL);
	assert_int_equal(json_array_size(answer), 0);
	answer = v1_call(b, 200, handle_worker_update, 1, NULL, "{'status': 'running'}");
	assert_string_equal(get_text(answer, "status"), "running");
	assert_true(json_is_null(json_object_get(answer, "last_contact_date")));
	answer = v1_call(b, 200, handle_worker_ping, 1, NULL,
	                 "{'load': '1', 'memory': 2.5, 'stats': '{}'}");
	assert_members(answer, WORKER_MEMBERS);
	assert_true(json_is_string(json_object_get(answer, "last_contact_date")));
	answer = v1_call(b, 200, handle_worker_executions, 1, "pending", NULL);
	assert_int_equal(json_array_size(answer), 2);
	row = json_array_get(answer, 0);
	assert_members(row, "execution_id task_id status pid creation_date modification_date "
	                    "output_files command latest batch taskstatus");
	assert_string_equal(get_text(row, "taskstatus"), "assigned");
	assert_string_equal(task_word(b, 1), "assigned");
	answer = v1_call(b, 200, handle_execution_update, 1, NULL,
	                 "{'status': 'accepted', 'freeze': false}");
	assert_members(answer, EXECUTION_MEMBERS);
	assert_string_equal(task_word(b, 1), "accepted");
	{
		struct call *call = bench_queue(b, handle_task_freeze, 1, NULL, NULL);

		call->ids[1] = 1;
		call->ours = false;
		bench_step(b);
		assert_int_equal(call->status, 200);
		assert_members(call->waiter, TASK_MEMBERS);
	}
	answer = v1_call(b, 200, handle_execution_update, 1, NULL,
	                 "{'status': 'running', 'pid': 6857, 'freeze': false}");
	assert_string_equal(get_text(answer, "pid"), "6857");
	assert_string_equal(get_text(answer, "command"), "echo hi");
	v1_call(b, 409, handle_execution_update, 1, NULL, "{'status': 'accepted'}");
	v1_call(b, 422, handle_execution_update, 1, NULL, "{'status': 'zz'}");
	v1_call(b, 200, handle_execution_output, 1, NULL, "{'text': 'hel'}");
	v1_call(b, 200, handle_execution_output, 1, NULL, "{'text': 'lo'}");
	v1_call(b, 200, handle_execution_error, 1, NULL, "{}");
	v1_call(b, 404, handle_execution_output, 99, NULL, "{'text': 'x'}");
	answer = v1_call(b, 200, handle_execution_update, 1, NULL,
	                 "{'status': 'succeeded', 'return_code': 0, 'freeze': true}");
	assert_string_equal(get_text(answer, "output"), "hello");
	/* Said again, it is the same; anything else is not possible any more. */
	v1_call(b, 200, handle_execution_update, 1, NULL, "{'status': 'succeeded'}");
	v1_call(b, 409, handle_execution_update, 1, NULL, "{'status': 'failed'}");
	assert_string_equal(task_word(b, 1), "succeeded");
	/* The next one was offered in the same moment. */
	assert_string_equal(task_word(b, 3), "assigned");
	answer = v1_call(b, 200, handle_execution_update, 2, NULL,
	                 "{'status': 'failed', 'return_code': 7, 'output': '', 'error': 'err', "
	                 "'freeze': false}");
	assert_string_equal(get_text(answer, "error"), "err");
	/* Pending again, and at the end of the queue. */
	assert_int_equal(bench_task(b, 2).attempts, 1);
	assert_string_equal(task_word(b, 4), "assigned");
	answer = v1_call(b, 200, handle_workers_tasks, 0, NULL, NULL);
	assert_int_equal(json_array_size(answer), 3);
	bench_close(b);
}

static void test_offers(void **unused)
{
	const struct core_options options = {.lease_seconds = 600, .offline_seconds = 60};
	struct bench *b = bench_open(&options);
	json_t *answer;

	(void)unused;
	v1_call(b, 201, handle_worker_create, 0, NULL,
	        "{'name': 'w1', 'concurrency': 1, 'status': 'running', 'prefetch': 1}");
	v1_call(b, 201, handle_task_create, 0, NULL, "{'command': 'a'}");
	v1_call(b, 201, handle_task_create, 0, NULL, "{'command': 'b'}");
	v1_call(b, 201, handle_task_create, 0, NULL, "{'command': 'c'}");
	assert_string_equal(task_word(b, 2), "assigned");
	assert_string_equal(task_word(b, 3), "pending");
	v1_call(b, 200, handle_execution_update, 1, NULL, "{'status': 'running'}");
	/* Silent: what it did not accept is withdrawn, what runs has its lease. */
	bench_advance(b, 61);
	assert_string_equal(task_word(b, 1), "running");
	assert_string_equal(task_word(b, 2), "pending");
	assert_int_equal(bench_task(b, 2).losses, 0);
	v1_call(b, 200, handle_worker_ping, 1, NULL, "{}");
	assert_string_equal(task_word(b, 3), "assigned");
	/* A refusal; the same worker is offered the next one. */
	v1_call(b, 200, handle_execution_update, 3, NULL, "{'status': 'refused'}");
	assert_string_equal(task_word(b, 3), "pending");
	assert_string_equal(task_word(b, 2), "assigned");
	/* It serves another batch now: the offer is withdrawn. */
	v1_call(b, 200, handle_worker_update, 1, NULL, "{'batch': 'other'}");
	assert_string_equal(task_word(b, 2), "pending");
	v1_call(b, 200, handle_worker_update, 1, NULL, "{'batch': ''}");
	v1_call(b, 200, handle_worker_update, 1, NULL, "{'batch': 'Default'}");
	bench_advance(b, 700);
	bench_advance(b, 1);
	assert_string_equal(task_word(b, 1), "pending");
	assert_int_equal(bench_task(b, 1).losses, 1);
	/* By hand, once it is back. */
	v1_call(b, 201, handle_worker_create, 0, NULL, "{'name': 'w2', 'concurrency': 1}");
	v1_call(b, 409, handle_worker_create, 0, NULL, "{'name': 'w2', 'concurrency': 1}");
	v1_call(b, 404, handle_execution_create, 0, NULL, "{'worker_id': 2, 'task_id': 99}");
	answer = v1_call(b, 201, handle_execution_create, 0, NULL,
	                 "{'worker_id': 2, 'task_id': 1, 'status': 'pending'}");
	assert_members(answer, EXECUTION_MEMBERS);
	v1_call(b, 409, handle_execution_create, 0, NULL, "{'worker_id': 2, 'task_id': 1}");
	v1_call(b, 200, handle_execution_delete, get_int(answer, "execution_id"), NULL, NULL);
	assert_string_equal(task_word(b, 1), "pending");
	v1_call(b, 200, handle_execution_delete, 999, NULL, NULL);
	bench_close(b);
}

static void test_v1_signals(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *answer;

	(void)unused;
	v1_call(b, 201, handle_worker_create, 0, NULL,
	        "{'name': 'w1', 'concurrency': 1, 'status': 'running'}");
	v1_call(b, 201, handle_task_create, 0, NULL, "{'command': 'a'}");
	v1_call(b, 200, handle_execution_update, 1, NULL, "{'status': 'running'}");
	assert_true(json_is_null(v1_call(b, 200, handle_signal_create, 1, NULL,
	                                 "{'execution_id': 1, 'signal': 10}")));
	v1_call(b, 200, handle_signal_create, 1, NULL, "{'execution_id': 1, 'signal': 9}");
	v1_call(b, 400, handle_signal_create, 1, NULL, "{}");
	v1_call(b, 422, handle_signal_create, 1, NULL, "{'execution_id': 1, 'signal': 99}");
	v1_call(b, 404, handle_signal_create, 1, NULL, "{'execution_id': 5, 'signal': 9}");
	answer = v1_call(b, 200, handle_signals_take, 1, NULL, NULL);
	assert_int_equal(json_array_size(answer), 2);
	assert_members(json_array_get(answer, 0), "execution_id worker_id signal");
	answer = v1_call(b, 200, handle_signals_take, 1, NULL, NULL);
	assert_int_equal(json_array_size(answer), 0);
	/* A kill is handed over until the execution ends, others once. */
	bench_advance(b, 31);
	answer = v1_call(b, 200, handle_signals_take, 1, NULL, NULL);
	assert_int_equal(json_array_size(answer), 1);
	assert_int_equal(get_int(json_array_get(answer, 0), "signal"), 9);
	v1_call(b, 200, handle_execution_update, 1, NULL,
	        "{'status': 'failed', 'return_code': -9}");
	bench_advance(b, 31);
	answer = v1_call(b, 200, handle_signals_take, 1, NULL, NULL);
	assert_int_equal(json_array_size(answer), 0);
	assert_string_equal(bench_task(b, 1).reason, "signal");
	bench_close(b);
}

static void test_batches(void **unused)
{
	struct bench *b = bench_open(NULL);
	json_t *answer;

	(void)unused;
	v1_call(b, 201, handle_worker_create, 0, NULL,
	        "{'name': 'w1', 'concurrency': 1, 'batch': 'B1', 'status': 'running'}");
	v1_call(b, 201, handle_worker_create, 0, NULL,
	        "{'name': 'w2', 'concurrency': 1, 'batch': 'B1'}");
	v1_call(b, 201, handle_task_create, 0, NULL, "{'command': 'a', 'batch': 'B1'}");
	v1_call(b, 201, handle_task_create, 0, NULL, "{'command': 'a', 'batch': 'B1'}");
	v1_call(b, 201, handle_task_create, 0, NULL, "{'command': 'a', 'batch': 'A'}");
	v1_call(b, 200, handle_execution_update, 1, NULL, "{'status': 'running'}");
	answer = v1_call(b, 200, handle_batch_list, 0, NULL, NULL);
	assert_int_equal(json_array_size(answer), 2);
	assert_true(json_is_null(json_object_get(json_array_get(answer, 0), "workers")));
	answer = json_array_get(answer, 1);
	assert_members(answer, "batch pending accepted running failed succeeded workers");
	assert_string_equal(get_text(answer, "batch"), "B1");
	assert_string_equal(get_text(answer, "workers"), "w1,w2");
	assert_int_equal(get_int(answer, "running"), 1);
	assert_true(json_is_null(json_object_get(answer, "succeeded")));
	v1_call(b, 200, handle_batch_stop, 0, "B1", "{'signal': 15}");
	assert_true(state_worker(&b->core->state, 1)->admin_paused);
	assert_int_equal(state_worker(&b->core->state, 1)->signals.n, 1);
	v1_call(b, 200, handle_batch_stop, 0, "NOPE", "{}");
	v1_call(b, 200, handle_execution_update, 1, NULL, "{'status': 'succeeded'}");
	assert_string_equal(task_word(b, 2), "pending");
	v1_call(b, 200, handle_batch_go, 0, "B1", "{'signal': 0}");
	assert_string_equal(task_word(b, 2), "assigned");
	answer = v1_call(b, 200, handle_batch_list, 0, NULL, NULL);
	assert_int_equal(get_int(json_array_get(answer, 1), "succeeded"), 1);
	v1_call(b, 200, handle_batch_delete, 0, "B1", NULL);
	v1_call(b, 200, handle_batch_delete, 0, "NOPE", NULL);
	answer = v1_call(b, 200, handle_batch_list, 0, NULL, NULL);
	assert_int_equal(json_array_size(answer), 1);
	assert_string_equal(get_text(json_array_get(answer, 0), "batch"), "A");
	v1_call(b, 404, handle_task_update, 2, NULL, "{}");
	bench_close(b);
}

static void test_recruiters_and_jobs(void **unused)
{
	struct bench *b = bench_open(NULL);
	struct call *call;
	json_t *answer;

	(void)unused;
	answer = v1_call(b, 201, handle_recruiter_create, 0, NULL,
	                 "{'batch': 'B1', 'rank': 1, 'tasks_per_worker': 5, 'worker_flavor': "
	                 "'auto:cpu>=2', 'worker_concurrency': 2}");
	assert_members(answer, "batch rank tasks_per_worker worker_flavor worker_provider "
	                       "worker_region worker_concurrency worker_prefetch minimum_tasks "
	                       "maximum_workers");
	/* An existing rank: what was sent is changed. */
	answer = v1_call(b, 201, handle_recruiter_create, 0, NULL,
	                 "{'batch': 'B1', 'rank': 1, 'maximum_workers': 3}");
	assert_int_equal(get_int(answer, "tasks_per_worker"), 5);
	assert_int_equal(get_int(answer, "maximum_workers"), 3);
	v1_call(b, 422, handle_recruiter_create, 0, NULL,
	        "{'batch': 'B1', 'rank': 0, 'tasks_per_worker': 5, 'worker_flavor': 'f', "
	        "'worker_concurrency': 2}");
	v1_call(b, 400, handle_recruiter_create, 0, NULL, "{'batch': 'B2'}");
	answer = v1_call(b, 200, handle_recruiter_update, 1, "B1", "{'maximum_workers': null}");
	assert_true(json_is_null(json_object_get(answer, "maximum_workers")));
	v1_call(b, 404, handle_recruiter_update, 9, "B1", "{'maximum_workers': 3}");
	/* A worker of that flavor, of a batch that needs it no more. */
	v1_call(b, 201, handle_worker_create, 0, NULL,
	        "{'name': 'w1', 'concurrency': 1, 'status': 'running', 'flavor': 'f1', 'batch': "
	        "'old', 'permanent': false, 'provider': 'p', 'region': 'r'}");
	v1_call(b, 200, handle_recruiter_update, 1, "B1", "{'worker_flavor': 'f1'}");
	answer = v1_call(b, 200, handle_recruiter_match, 0, NULL, "{'batch': 'B1'}");
	assert_int_equal(json_array_size(answer), 1);
	v1_call(b, 201, handle_task_create, 0, NULL,
	        "{'command': 'x', 'batch': 'old', 'status': 'paused'}");
	answer = v1_call(b, 200, handle_recruiter_delete, 1, "B1", NULL);
	v1_call(b, 404, handle_recruiter_delete, 1, "B1", NULL);
	answer = v1_call(b, 200, handle_worker_deploy, 0, NULL,
	                 "{'number': 2, 'region': 'r1', 'provider': 'prov1', 'flavor': 'f1', "
	                 "'batch': 'B1', 'concurrency': 2, 'prefetch': 0}");
	assert_string_equal(get_text(answer, "result"), "ok");
	assert_int_equal(b->core->state.last_job, 2);
	v1_call(b, 422, handle_worker_deploy, 0, NULL, "{'number': 1, 'flavor': 'f1'}");
	v1_call(b, 400, handle_worker_deploy, 0, NULL, "{}");
	answer = v1_call(b, 200, handle_worker_callback, 1, NULL, "{'message': 'foo'}");
	assert_string_equal(get_text(answer, "result"), "nothing to do");
	/* A deployed worker with nothing due goes. */
	answer = v1_call(b, 200, handle_worker_callback, 1, NULL, "{'message': 'idle'}");
	assert_string_equal(get_text(answer, "result"), "ok");
	assert_int_equal(b->core->state.last_job, 3);
	v1_call(b, 404, handle_worker_ping, 1, NULL, "{}");
	/* Not committed: its connection is closed, which it retries. */
	b->fail_step = STORE_STEP_COMMIT;
	b->failing = 0;
	call = bench_queue(b, handle_task_create, 0, NULL, json_of("{'command': 'x'}"));
	call->ours = false;
	b->log.fd = -1;
	bench_step(b);
	b->log.fd = 2;
	assert_int_equal(call->status, 503);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_tasks),
	        cmocka_unit_test(test_failed_with_retry_left),
	        cmocka_unit_test(test_polling_worker),
	        cmocka_unit_test(test_offers),
	        cmocka_unit_test(test_v1_signals),
	        cmocka_unit_test(test_batches),
	        cmocka_unit_test(test_recruiters_and_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
