/* What a provider lists, and what happens between the question and its answer. */
#include "tests/unit/server_worker.h"

#include "server/columns.h"
#include "server/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The provider p: orders stay until the test answers them. */
struct stage {
	struct bench *b;
	struct provider provider;
	VEC(struct order *) orders;
};

static const char *name_of(void *context, size_t i)
{
	(void)context;
	return i == 0 ? "p" : NULL;
}

static void take(void *context, struct core *core, struct order *order)
{
	struct stage *s = context;

	(void)core;
	vec_push(&s->orders, order);
}

static void cancel(void *context)
{
	(void)context;
}

static void stage_open(struct stage *s)
{
	*s = (struct stage){
	        .provider = {.name = name_of, .take = take, .cancel = cancel, .context = s}};
	s->b = bench_open(&(struct core_options){.provider = &s->provider, .look_seconds = 30});
}

static void stage_close(struct stage *s)
{
	bench_close(s->b);
	for (size_t i = 0; i < s->orders.n; i++)
		order_free(s->orders.v[i]);
	vec_release(&s->orders);
}

static bool is_asked(const struct stage *s, enum order_verb verb)
{
	for (size_t i = 0; i < s->orders.n; i++) {
		if (s->orders.v[i]->verb == verb)
			return true;
	}
	return false;
}

/* Done, with that value where the order is about no job. */
static void answer(struct stage *s, enum order_verb verb, json_t *value)
{
	struct report report = {.core = s->b->core, .kind = REPORT_DONE, .value = value};
	struct order *order = NULL;
	size_t i = 0;

	while (i < s->orders.n && s->orders.v[i]->verb != verb)
		i++;
	assert_true(i < s->orders.n);
	order = s->orders.v[i];
	s->orders.v[i] = s->orders.v[--s->orders.n];
	report.order = order->number;
	if (order->jobs.n > 0)
		report.job = order->jobs.v[0].id;
	report_send(&report);
	report_send(
	        &(struct report){.core = s->b->core, .kind = REPORT_END, .order = order->number});
	order_free(order);
	bench_step(s->b);
}

/* The machines: none, or that with the tag. */
static json_t *listed(const char *tag)
{
	return tag[0] == '\0'
	               ? json_of("{'workers': []}")
	               : json_pack("{s:[{s:s, s:s}]}", "workers", "tag", tag, "state", "running");
}

/* A list is asked for, then the machine is destroyed, then comes what was seen before. */
static void test_destroyed_meanwhile(void **state)
{
	struct tworker worker;
	struct stage s;
	char tag[80];

	(void)state;
	stage_open(&s);
	answer(&s, ORDER_LIST, listed(""));
	bench_call(s.b, 200, handle_worker_deploy, 0, NULL,
	           json_of("{'provider': 'p', 'region': 'r', 'flavor': 'f', 'batch': 'b'}"));
	assert_true(is_asked(&s, ORDER_CREATE));
	for (size_t i = 0; i < s.orders.n; i++) {
		if (s.orders.v[i]->verb == ORDER_CREATE)
			snprintf(tag, sizeof(tag), "%s", s.orders.v[i]->jobs.v[0].tag);
	}
	answer(&s, ORDER_CREATE, NULL);
	worker = tworker_new(s.b, "node1", "i1",
	                     "'concurrency': 1, 'batch': 'b', 'provider': 'p', 'region': 'r', "
	                     "'flavor': 'f', 'permanent': false");
	assert_false(is_asked(&s, ORDER_LIST));
	bench_advance(s.b, 2);
	assert_true(is_asked(&s, ORDER_LIST));
	bench_advance(s.b, 0.1);
	bench_call(s.b, 200, handle_worker_delete, worker.id, NULL, NULL);
	answer(&s, ORDER_DESTROY, NULL);
	assert_int_equal(s.b->core->state.last_job, 2);
	answer(&s, ORDER_LIST, listed(tag));
	assert_int_equal(s.b->core->state.last_job, 2);
	assert_false(is_asked(&s, ORDER_DESTROY));
	/* Who still lists it later has it still. */
	bench_advance(s.b, 31);
	answer(&s, ORDER_LIST, listed(tag));
	assert_int_equal(s.b->core->state.last_job, 3);
	assert_true(is_asked(&s, ORDER_DESTROY));
	stage_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_destroyed_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
