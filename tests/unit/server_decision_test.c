/*
 * The rules of recruiters, one by one, with numbers: those of the seed document and of the
 * design. Nothing but arithmetic; server_recruit_test.c shows them at work.
 */
#include "server/recruit/decision.h"
#include "server/recruit/offers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NONE INT_NULL

static void test_need(void **unused)
{
	static const struct {
		const char *rule;
		int64_t per_worker, minimum, maximum, pending, workers, deploying, need;
		enum decision_reason reason;
	} cases[] = {
	        {"nothing to do", 5, NONE, NONE, 0, 0, 0, 0, DECISION_NO_TASKS},
	        {"nothing to do, minimum 0", 5, 0, NONE, 0, 0, 0, 0, DECISION_NO_TASKS},
	        /* minimum_tasks: null and 0 trigger at one pending task. */
	        {"minimum null", 5, NONE, NONE, 1, 0, 0, 1, DECISION_SATISFIED},
	        {"minimum 0", 5, 0, NONE, 1, 0, 0, 1, DECISION_SATISFIED},
	        {"minimum 1", 5, 1, NONE, 1, 0, 0, 1, DECISION_SATISFIED},
	        {"minimum N at N-1", 5, 10, NONE, 9, 0, 0, 0, DECISION_MINIMUM_TASKS},
	        {"minimum N at N", 5, 10, NONE, 10, 0, 0, 2, DECISION_SATISFIED},
	        {"minimum N at N+1", 5, 10, NONE, 11, 0, 0, 3, DECISION_SATISFIED},
	        /* need = ceil(pending / tasks_per_worker) - workers. */
	        {"N-1 tasks are one worker's", 5, NONE, NONE, 4, 0, 0, 1, DECISION_SATISFIED},
	        {"N tasks are one worker's", 5, NONE, NONE, 5, 0, 0, 1, DECISION_SATISFIED},
	        {"N+1 tasks are two workers'", 5, NONE, NONE, 6, 0, 0, 2, DECISION_SATISFIED},
	        {"those that are there do", 5, NONE, NONE, 10, 2, 0, 0, DECISION_ENOUGH},
	        {"one more is missing", 5, NONE, NONE, 11, 2, 0, 1, DECISION_SATISFIED},
	        {"more than are needed", 5, NONE, NONE, 3, 4, 0, 0, DECISION_ENOUGH},
	        /* Workers that are being made count. */
	        {"being made", 5, NONE, NONE, 10, 0, 2, 0, DECISION_ENOUGH},
	        {"there and being made", 5, NONE, NONE, 15, 1, 1, 1, DECISION_SATISFIED},
	        /* maximum_workers: of all workers of the batch; null is no cap. */
	        {"maximum null", 1, NONE, NONE, 1000, 0, 0, 1000, DECISION_SATISFIED},
	        {"maximum caps the need", 1, NONE, 3, 1000, 0, 0, 3, DECISION_SATISFIED},
	        {"maximum N with N-1", 1, NONE, 3, 1000, 2, 0, 1, DECISION_SATISFIED},
	        {"maximum N with N", 1, NONE, 3, 1000, 3, 0, 0, DECISION_MAXIMUM_WORKERS},
	        {"maximum N with N+1", 1, NONE, 3, 1000, 4, 0, 0, DECISION_MAXIMUM_WORKERS},
	        {"maximum with those being made", 1, NONE, 3, 1000, 1, 2, 0,
	         DECISION_MAXIMUM_WORKERS},
	        {"maximum above the need", 5, NONE, 3, 6, 0, 0, 2, DECISION_SATISFIED},
	        {"maximum 0", 1, NONE, 0, 1, 0, 0, 0, DECISION_MAXIMUM_WORKERS},
	        {"minimum is asked first", 1, 5, 0, 1, 0, 0, 0, DECISION_MINIMUM_TASKS},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* Concurrency does not enter. */
		const struct recruiter rule = {.batch = "b",
		                               .rank = 1,
		                               .worker_concurrency = (int64_t)i + 1,
		                               .tasks_per_worker = cases[i].per_worker,
		                               .minimum_tasks = cases[i].minimum,
		                               .maximum_workers = cases[i].maximum};
		struct demand demand = {.pending = cases[i].pending,
		                        .workers = cases[i].workers,
		                        .deploying = cases[i].deploying};
		enum decision_reason reason = DECISION_REASON_COUNT;
		int64_t need = decision_need(&rule, &demand, &reason);

		if (need != cases[i].need || reason != cases[i].reason)
			fail_msg("%s: %lld %s, not %lld %s", cases[i].rule, (long long)need,
			         decision_words[reason], (long long)cases[i].need,
			         decision_words[cases[i].reason]);
		demand.stopped = true;
		assert_int_equal(decision_need(&rule, &demand, &reason), 0);
	}
}

static const struct machine big = {.name = "i1-180",
                                   .provider = "ovh",
                                   .region = "UK1",
                                   .tags = "IG",
                                   .gpu = NULL,
                                   .cpu = 32,
                                   .ram = 180,
                                   .disk = 2000,
                                   .gpumem = NAN,
                                   .cost = 1.5,
                                   .eviction = 10,
                                   .available = NAN};

static void test_flavors(void **unused)
{
	static const struct {
		const char *flavor;
		bool holds;
	} cases[] = {
	        {"auto", true},
	        {"auto:", true},
	        {"auto::cpu>=32:", true},
	        {"i1-180", true},
	        {"i1", false},
	        {"automatic", false},
	        {"auto:cpu>=32:ram>=180:disk>=100:tags!#M", true},
	        {"auto:cpu>32", false},
	        {"auto:cpu<=32:cpu<33:cpu=32:cpu==32", true},
	        {"auto:cpu!=32", false},
	        {"auto:ram<180", false},
	        {"auto:tags#G", true},
	        {"auto:tags#M", false},
	        {"auto:name~i1%", true},
	        {"auto:name~I1-18", false},
	        {"auto:name!~%METAL%", true},
	        {"auto:region=UK1:provider!=azure", true},
	        {"auto:cost<2:eviction<=10", true},
	        /* What is not known. */
	        {"auto:gpumem>0", false},
	        {"auto:gpumem=0", false},
	        {"auto:gpumem!=0", true},
	        {"auto:gpu#A100", false},
	        {"auto:gpu!#A100", true},
	};
	struct arena arena;

	(void)unused;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct problem problem = {0};
		struct wanted wanted;

		if (!wanted_parse(&wanted, "worker_flavor", cases[i].flavor, &arena, &problem))
			fail_msg("%s", problem.message);
		if (wanted_holds(&wanted, &big) != cases[i].holds)
			fail_msg("%s: not %d", cases[i].flavor, cases[i].holds);
	}
	arena_release(&arena);
}

static void test_flavor_errors(void **unused)
{
	static const char *const cases[][2] = {
	        {"", "worker_flavor is empty"},
	        {"auto:cpux>=2", "at character 6 a column of flavors such as cpu is wanted, not "
	                         "\"cpux\""},
	        {"auto:cpu>=2:foo", "at character 13 a column of flavors"},
	        {"auto:cpu", "at character 9 a comparison such as >= is wanted"},
	        {"auto:cpu>=", "at character 11 a number is wanted"},
	        {"auto:ram>2:cpu>=two", "at character 17 a number is wanted, not \"two\""},
	        {"auto:cpu~2", "at character 9 one of = != >= <= > < is wanted, not \"~\""},
	        {"auto:tags>=2", "at character 10 one of = != ~ !~ # !# is wanted, not \">=\""},
	        {"auto:!=2", "at character 6 a column"},
	        {"auto:cpu>=nan", "at character 11 a number"},
	};
	struct arena arena;

	(void)unused;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct problem problem = {0};
		struct wanted wanted;

		assert_false(wanted_parse(&wanted, "worker_flavor", cases[i][0], &arena, &problem));
		assert_int_equal(problem.code, PROBLEM_BAD_VALUE);
		if (strstr(problem.message, cases[i][1]) == NULL)
			fail_msg("%s: %s", cases[i][0], problem.message);
	}
	arena_release(&arena);
}

/* Whatever is written there: it is read or refused, and what is read can be asked. */
static void test_any_text(void **unused)
{
	static const char *const pieces[] = {"auto", ":", "cpu",  "ram", "tags", "name",
	                                     ">=",   "<", "=",    "!",   "~",    "#",
	                                     "%",    "2", "-1e9", "G",   ""};
	const size_t n = sizeof(pieces) / sizeof(pieces[0]);
	uint64_t seed = 1;
	struct arena arena;
	unsigned read = 0;

	(void)unused;
	arena_init(&arena);
	for (int i = 0; i < 20000; i++) {
		struct problem problem = {0};
		struct wanted wanted;
		struct machine least = machine_unknown;
		char text[64] = "auto:";

		for (int k = 0; k < 6; k++) {
			size_t at = strlen(text);

			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			snprintf(text + at, sizeof(text) - at, "%s", pieces[(seed >> 33) % n]);
		}
		if (!wanted_parse(&wanted, "worker_flavor", text, &arena, &problem)) {
			assert_int_equal(problem.code, PROBLEM_BAD_VALUE);
			continue;
		}
		read++;
		protofilter_holds(&wanted.filter, &big);
		protofilter_least(&wanted.filter, &least, &arena);
		arena_clear(&arena);
	}
	assert_true(read > 100);
	arena_release(&arena);
}

/* What just fulfills the conditions, where nobody says what there is. */
static void test_least(void **unused)
{
	static const char *const cases[] = {
	        "auto:cpu>=32:ram>=120:disk>=100:tags!#M", "auto:cpu>3:cpu>=2:tags#G:tags#I",
	        "auto:gpumem>=40:region=north:eviction<=0", "auto:provider=p:name=x"};
	struct arena arena;

	(void)unused;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine machine = machine_unknown;
		struct problem problem = {0};
		struct wanted wanted;

		machine.eviction = 0;
		assert_true(wanted_parse(&wanted, "worker_flavor", cases[i], &arena, &problem));
		protofilter_least(&wanted.filter, &machine, &arena);
		if (!protofilter_holds(&wanted.filter, &machine))
			fail_msg("%s", cases[i]);
	}
	arena_release(&arena);
}

/* What is left out unless it is asked for. */
static void test_offers(void **unused)
{
	static const struct {
		const char *flavor, *region;
		double max_eviction;
		bool metal, fits;
	} cases[] = {
	        {"auto", NULL, NAN, false, false}, /* evicted by 10 % */
	        {"auto", NULL, 10, false, true},
	        {"auto", NULL, 9, false, false},
	        {"auto:eviction<=20", NULL, NAN, false, true},
	        {"auto:eviction<=20", NULL, 5, false, false},
	        {"i1-180", NULL, NAN, false, true}, /* who names it gets it */
	        {"auto", "auto", 10, false, true},
	        {"auto", "UK1", 10, false, true},
	        {"auto", "GRA", 10, false, false},
	        {"auto", NULL, 10, true, false},
	        {"auto:name~%metal%", NULL, 10, true, true},
	};
	struct arena arena;

	(void)unused;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct problem problem = {0};
		struct wanted wanted;
		struct offer offer = {.machine = big};
		const struct wish wish = {.wanted = &wanted,
		                          .region = cases[i].region,
		                          .min_cpu = NAN,
		                          .min_ram = NAN,
		                          .min_disk = NAN,
		                          .max_eviction = cases[i].max_eviction};

		offer.machine.name = cases[i].metal ? "big-metal" : big.name;
		assert_true(
		        wanted_parse(&wanted, "worker_flavor", cases[i].flavor, &arena, &problem));
		if (offer_fits(&offer, &wish) != cases[i].fits)
			fail_msg("case %zu: not %d", i, cases[i].fits);
	}
	arena_release(&arena);
}

static void test_order(void **unused)
{
	/* Preferred regions first, then the cheaper, then the less evicted; no price comes last. */
	static const struct offer sorted[] = {
	        {{.name = "dear", .region = "r", .cost = 9, .eviction = 0}, true},
	        {{.name = "cheap", .region = "r", .cost = 1, .eviction = 1}, false},
	        {{.name = "calm", .region = "r", .cost = 2, .eviction = 1}, false},
	        {{.name = "also", .region = "r", .cost = 2, .eviction = 4}, false},
	        {{.name = "also", .region = "s", .cost = 2, .eviction = 4}, false},
	        {{.name = "free", .region = "r", .cost = NAN, .eviction = 0}, false},
	};
	const struct offer *order[6];

	(void)unused;
	for (size_t i = 0; i < 6; i++)
		order[i] = &sorted[(i * 5 + 3) % 6];
	qsort(order, 6, sizeof(*order), offer_compare);
	for (size_t i = 0; i < 6; i++)
		assert_ptr_equal(order[i], &sorted[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_need),          cmocka_unit_test(test_flavors),
	        cmocka_unit_test(test_flavor_errors), cmocka_unit_test(test_offers),
	        cmocka_unit_test(test_order),         cmocka_unit_test(test_any_text),
	        cmocka_unit_test(test_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
