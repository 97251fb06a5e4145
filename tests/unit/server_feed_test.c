/* The feed: its ring, its filters, and that only what was committed is told. */
#include "server/feed.h"
#include "server/handlers.h"
#include "tests/unit/server_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct feed_filter everything = {.kinds = ~0u};

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word)) != NULL) {
		text += strlen(word);
		n++;
	}
	return n;
}

/* What a reader gets who stands at *since; borrowed until the next call. */
static const char *read_on(struct feed *feed, const struct feed_filter *filter, uint64_t *since)
{
	static struct str text = STR_INIT;

	str_reset(&text);
	assert_true(feed_print(feed, filter, since, (size_t)1 << 20, &text));
	return text.p;
}

static void publish_tasks(struct feed *feed, uint32_t first, uint32_t n, uint32_t batch)
{
	for (uint32_t i = 0; i < n; i++) {
		struct feed_event event = {.id = first + i,
		                           .other = first + i,
		                           .batch = batch,
		                           .run = batch,
		                           .kind = FEED_TASK,
		                           .change = FEED_CHANGED,
		                           .status = TASK_RUNNING};

		feed_publish(feed, &event, 1);
	}
}

static void test_ring(void **unused)
{
	struct feed *feed = feed_new(8);
	uint64_t begin = feed_last(feed), since = begin, other = begin;
	struct str text = STR_INIT;

	(void)unused;
	assert_string_equal(read_on(feed, &everything, &since), "");
	publish_tasks(feed, 1, 8, 0);
	assert_int_equal(count(read_on(feed, &everything, &since), "event: task\n"), 8);
	assert_int_equal(since, begin + 8);
	assert_string_equal(read_on(feed, &everything, &since), "");
	/* One more, and the first is gone. */
	publish_tasks(feed, 9, 1, 0);
	assert_false(feed_print(feed, &everything, &other, 1000, &text));
	assert_int_equal(text.len, 0);
	assert_int_equal(other, begin + 9);
	other = begin + 1;
	assert_int_equal(count(read_on(feed, &everything, &other), "event: task\n"), 8);
	assert_non_null(strstr(read_on(feed, &everything, &since), "\"task_id\":9,"));
	/* A number that is none of ours. */
	other = begin + 100;
	assert_false(feed_print(feed, &everything, &other, 1000, &text));
	assert_int_equal(other, begin + 9);
	/* In parts. */
	other = begin + 1;
	assert_true(feed_print(feed, &everything, &other, 1, &text));
	assert_true(text.len > 0 && other > begin + 1);
	str_release(&text);
	feed_free(feed);
}

static void test_filters(void **unused)
{
	struct feed *feed = feed_new(4096);
	uint32_t a = feed_batch(feed, "a"), b = feed_batch(feed, "b\n\"");
	struct feed_filter filter = {.kinds = 1u << FEED_TASK, .batch = "b\n\""};
	uint64_t begin = feed_last(feed), since = begin;
	const char *text;

	(void)unused;
	assert_int_equal(feed_batch(feed, "a"), a);
	publish_tasks(feed, 1, 3000, a);
	publish_tasks(feed, 3001, 2, b);
	text = read_on(feed, &filter, &since);
	assert_int_equal(count(text, "event: "), 2);
	assert_int_equal(count(text, "\"batch\":\"b\\n\\\"\""), 2);
	filter = (struct feed_filter){.kinds = ~0u, .run = a};
	since = begin;
	assert_int_equal(count(read_on(feed, &filter, &since), "event: "), 3000);
	filter = (struct feed_filter){.kinds = 1u << FEED_WORKER | 1u << FEED_RUN};
	since = begin;
	assert_string_equal(read_on(feed, &filter, &since), "");
	assert_int_equal(since, feed_last(feed));
	feed_free(feed);
}

/* Counters that are overtaken are not sent. */
static void test_counters(void **unused)
{
	struct feed *feed = feed_new(64);
	uint32_t a = feed_batch(feed, "a"), b = feed_batch(feed, "b");
	uint64_t since = feed_last(feed);
	struct feed_batch counters = {.counts = {0}};
	const char *text;

	(void)unused;
	for (uint32_t i = 1; i <= 10; i++) {
		counters.counts[TASK_PENDING] = i;
		feed_publish_batch(feed, 0, a, &counters);
	}
	feed_publish_batch(feed, 0, b, &counters);
	text = read_on(feed, &everything, &since);
	assert_int_equal(count(text, "event: batch\n"), 2);
	assert_int_equal(count(text, "\"pending\":10,"), 2);
	/* Done tasks were not counted yet. */
	assert_int_equal(count(text, "\"failed\":null"), 2);
	counters.counted = true;
	feed_publish_batch(feed, 0, a, &counters);
	assert_non_null(strstr(read_on(feed, &everything, &since), "\"failed\":0"));
	feed_free(feed);
}

/* However many batches come and go, the names of those in the ring are right and others go. */
static void test_names(void **unused)
{
	enum { ROOM = 8, BATCHES = 1000 };
	struct feed *feed = feed_new(ROOM);
	uint64_t since = feed_last(feed);
	char name[32];

	(void)unused;
	for (int i = 0; i < BATCHES; i++) {
		uint32_t batch, kept = feed_batch(feed, "kept");

		publish_tasks(feed, 1, 1, kept);
		snprintf(name, sizeof(name), "batch %d", i);
		batch = feed_batch(feed, name);
		assert_in_range(batch, 1, 2 * ROOM);
		assert_int_not_equal(batch, kept);
		publish_tasks(feed, 2, 1, batch);
		if (i % 3 == 0) {
			const char *text = read_on(feed, &everything, &since);

			assert_non_null(strstr(text, "\"batch\":\"kept\""));
			snprintf(name, sizeof(name), "\"batch\":\"batch %d\"", i);
			assert_non_null(strstr(text, name));
		}
	}
	feed_free(feed);
}

static void woken(void *context)
{
	(void)context;
}

/* A group that fails tells nothing; what it did, done again, is told once. */
static void test_only_what_is_committed(void **unused)
{
	struct feed *feed = feed_new(64);
	struct core_options options = {.feed = feed, .published = woken};
	struct bench *b = bench_open(&options);
	const struct feed_filter tasks = {.kinds = 1u << FEED_TASK};
	uint64_t since = feed_last(feed);
	struct call *call;

	(void)unused;
	b->fail_step = STORE_STEP_COMMIT;
	b->failing = 0;
	call = bench_send(b, handle_task_create, 0, NULL, json_of("{'command': 'true'}"));
	assert_int_equal(call->status, 503);
	assert_string_equal(read_on(feed, &tasks, &since), "");
	bench_new_task(b, "{'command': 'true'}");
	assert_int_equal(count(read_on(feed, &tasks, &since), "\"change\":\"created\""), 1);
	/* Counters come once, a moment later, however many tasks there were. */
	for (int i = 0; i < 5; i++)
		bench_new_task(b, "{'command': 'true'}");
	assert_int_equal(count(read_on(feed, &everything, &since), "event: batch\n"), 0);
	bench_advance(b, 1);
	assert_int_equal(count(read_on(feed, &everything, &since), "event: batch\n"), 1);
	bench_advance(b, 10);
	assert_string_equal(read_on(feed, &everything, &since), "");
	bench_close(b);
	feed_free(feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_ring),
	        cmocka_unit_test(test_filters),
	        cmocka_unit_test(test_counters),
	        cmocka_unit_test(test_names),
	        cmocka_unit_test(test_only_what_is_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
