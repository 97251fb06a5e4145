/* Which task starts next, and how many are asked for. */
#include "worker/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static ptrdiff_t pick(struct slot_claim *claims, size_t n, double used)
{
	struct slot_claim *list[8];

	for (size_t i = 0; i < n; i++)
		list[i] = &claims[i];
	return slots_pick(list, n, used, 2);
}

static void a_worker_fills_up_exactly(void **state)
{
	struct slot_claim third = {.weight = 1.0 / 3}, whole = {.weight = 1};

	(void)state;
	assert_int_equal(pick(&third, 1, 0), 0);
	/* Sums of thirds are not quite one. */
	assert_int_equal(pick(&third, 1, 1.0 / 3 + 1.0 / 3), 0);
	assert_int_equal(pick(&third, 1, 1.0 / 3 + 1.0 / 3 + 1.0 / 3), -1);
	assert_int_equal(pick(&whole, 1, 0), 0);
	assert_int_equal(pick(&whole, 1, 0.01), -1);
	assert_int_equal(slots_pick(NULL, 0, 0, 2), -1);
}

static void small_ones_pass_but_not_for_ever(void **state)
{
	struct slot_claim claims[] = {{.weight = 1}, {.weight = 0.25}};

	(void)state;
	for (int i = 0; i < SLOTS_PASSED_MAX; i++) {
		assert_int_equal(pick(claims, 2, 0.5), 1);
		assert_int_equal(claims[0].passed, i + 1);
	}
	assert_int_equal(pick(claims, 2, 0.5), -1);
	assert_int_equal(pick(claims, 2, 0), 0);
}

static void gpus_are_not_shared(void **state)
{
	struct slot_claim claims[] = {{.weight = 0.5, .gpus = 3}, {.weight = 0.5, .gpus = 2}};

	(void)state;
	assert_int_equal(pick(claims, 2, 0), 1);
	assert_int_equal(pick(claims, 1, 0), -1);
}

static void frozen_ones_wait(void **state)
{
	struct slot_claim claims[] = {{.weight = 0.5, .frozen = true}, {.weight = 0.5}};

	(void)state;
	assert_int_equal(pick(claims, 2, 0), 1);
	/* It asked for nothing: nobody passed it. */
	assert_int_equal(claims[0].passed, 0);
	assert_int_equal(pick(claims, 1, 0), -1);
}

static void short_tasks_are_asked_for_ahead(void **state)
{
	struct slots_pace pace = {0};

	(void)state;
	assert_int_equal(slots_extra(&pace, 4), 0);
	assert_false(slots_are_short(&pace));
	for (int i = 0; i < 20; i++)
		slots_pace_add(&pace, 300000);
	assert_true(slots_are_short(&pace));
	assert_int_equal(slots_extra(&pace, 2), SLOTS_EXTRA_MAX);
	/* One long task is enough to stop that. */
	slots_pace_add(&pace, UINT64_C(5000000000));
	assert_int_equal(slots_extra(&pace, 2), 0);
	pace.mean_ns = 0;
	for (int i = 0; i < 20; i++)
		slots_pace_add(&pace, 20000000);
	assert_in_range(slots_extra(&pace, 2), 4, 7);
	slots_pace_add(&pace, 0);
	assert_true(pace.mean_ns > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_worker_fills_up_exactly),
	        cmocka_unit_test(small_ones_pass_but_not_for_ever),
	        cmocka_unit_test(gpus_are_not_shared),
	        cmocka_unit_test(frozen_ones_wait),
	        cmocka_unit_test(short_tasks_are_asked_for_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
