/* The small parts of the HTTP side: logs as text, the table of routes, filters, who owns what. */
#include "model/json.h"
#include "server/log_text.h"
#include "server/owner.h"
#include "server/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void decode(const char *data, size_t len, size_t step, uint64_t skip, struct str *out)
{
	struct log_text t;

	log_text_init(&t, out, skip);
	for (size_t i = 0; i < len; i += step)
		log_text_add(&t, data + i, len - i < step ? len - i : step);
	log_text_end(&t);
}

static size_t characters(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* Wherever it is cut, the text is the same, is UTF-8, and can be asked for from any character. */
static void test_log_text(void **unused)
{
	static const char *const pieces[] = {"a",    "\n",       "\xc3\xa9",     "\xe2\x82\xac",
	                                     "\xff", "\xc3",     "\xf0\x9f\x98", "\xf0\x9f\x98\x80",
	                                     "\xe2", "\xed\xa0", "\xc0\xaf",     "\xf4\x90"};
	unsigned seed = 7;

	(void)unused;
	for (int round = 0; round < 2000; round++) {
		struct str data = STR_INIT, whole = STR_INIT, part = STR_INIT;
		json_t *json;
		size_t n, skip;

		for (int i = rand_r(&seed) % 12; i > 0; i--) {
			int k = rand_r(&seed) % 13;

			if (k == 12)
				str_addc(&data, '\0');
			else
				str_adds(&data, pieces[k]);
		}
		decode(data.p, data.len, data.len + 1, 0, &whole);
		json = json_stringn(whole.p, whole.len);
		assert_non_null(json);
		json_decref(json);
		n = characters(whole.p, whole.len);
		skip = n ? (size_t)rand_r(&seed) % (n + 1) : 0;
		for (size_t step = 1; step < 6; step++) {
			str_reset(&part);
			decode(data.p, data.len, step, 0, &part);
			assert_int_equal(part.len, whole.len);
			assert_memory_equal(part.p, whole.p, whole.len);
			str_reset(&part);
			decode(data.p, data.len, step, skip, &part);
			assert_string_equal(part.p, log_text_tail(whole.p, whole.len, n - skip));
		}
		str_release(&data);
		str_release(&whole);
		str_release(&part);
	}
}

static void test_routes(void **unused)
{
	struct arena arena;
	struct route_hit hit;

	(void)unused;
	arena_init(&arena);
	assert_int_equal(route_find("GET", "/tasks/12/freeze/34", &arena, &hit), ROUTE_FOUND);
	assert_int_equal(hit.ids[0], 12);
	assert_int_equal(hit.ids[1], 34);
	assert_int_equal(route_find("DELETE", "/recruiter/a b/2", &arena, &hit), ROUTE_FOUND);
	assert_string_equal(hit.names[0], "a b");
	assert_int_equal(hit.ids[0], 2);
	assert_int_equal(route_find("HEAD", "/tasks/1", &arena, &hit), ROUTE_FOUND);
	assert_int_equal(route_find("HEAD", "/workers/1/signals", &arena, &hit), ROUTE_BAD_METHOD);
	assert_int_equal(route_find("POST", "/tasks/status", &arena, &hit), ROUTE_BAD_METHOD);
	assert_string_equal(hit.allow, "GET, HEAD, OPTIONS");
	assert_int_equal(route_find("OPTIONS", "/tasks/", &arena, &hit), ROUTE_OPTIONS);
	assert_string_equal(hit.allow, "GET, HEAD, POST, OPTIONS");
	assert_int_equal(route_find("GET", "/tasks", &arena, &hit), ROUTE_REDIRECT);
	assert_int_equal(route_find("GET", "/tasks/1/", &arena, &hit), ROUTE_UNKNOWN);
	assert_int_equal(route_find("GET", "/tasks/1x", &arena, &hit), ROUTE_UNKNOWN);
	assert_string_equal(hit.not_number, "1x");
	assert_int_equal(route_find("GET", "", &arena, &hit), ROUTE_UNKNOWN);
	assert_int_equal(route_find("GET", "*", &arena, &hit), ROUTE_UNKNOWN);
	/* Every row is found by its own path: no earlier row hides it. */
	for (size_t i = 0; i < route_count; i++) {
		struct str path = STR_INIT;

		for (const char *p = routes[i].pattern; *p != '\0'; p++) {
			size_t len = strcspn(p, "}");

			if (*p != '{') {
				str_addc(&path, *p);
				continue;
			}
			str_adds(&path, route_word_is_number(p + 1, len - 1) ? "1" : "word");
			p += len;
		}
		assert_int_equal(route_find(routes[i].method, path.p, &arena, &hit), ROUTE_FOUND);
		assert_ptr_equal(hit.route, &routes[i]);
		str_release(&path);
	}
	arena_release(&arena);
}

static void query(const struct filter *f, const char *name, const char *value, const char *wanted)
{
	struct problem problem = {0};
	struct str text = STR_INIT;
	json_t *object = json_object();
	bool ok = filter_query(f, object, name, value, &problem);

	if (wanted == NULL) {
		assert_false(ok);
		assert_int_equal(problem_http_status(problem.code), 400);
	} else {
		assert_true(ok);
		json_print(object, &text);
		assert_string_equal(text.p, wanted);
	}
	str_release(&text);
	json_decref(object);
}

static void test_filters(void **unused)
{
	(void)unused;
	query(&filter_tasks, "limit", "5", "{\"limit\":5}");
	query(&filter_tasks, "limit", " 5", NULL);
	query(&filter_tasks, "limit", "5 ", NULL);
	query(&filter_tasks, "limit", "+5", NULL);
	query(&filter_tasks, "limit", "", NULL);
	query(&filter_tasks, "limit", NULL, NULL);
	query(&filter_tasks, "limit", "9223372036854775808", NULL);
	query(&filter_tasks, "task_id", "1,2", "{\"task_id\":[1,2]}");
	query(&filter_tasks, "task_id", "1,", NULL);
	query(&filter_tasks, "batch", "1", "{\"batch\":\"1\"}");
	query(&filter_tasks, "batch", "\xff", NULL);
	query(&filter_tasks, "nope", "1", NULL);
	query(&filter_executions, "latest", NULL, "{\"latest\":true}");
	query(&filter_executions, "latest", "0", "{\"latest\":false}");
	query(&filter_executions, "latest", "yes", NULL);
	query(&filter_flavors, "min_cpu", "2", "{\"min_cpu\":2.0}");
	query(&filter_flavors, "min_cpu", "inf", NULL);
	query(&filter_flavors, "min_cpu", "2x", NULL);
	query(&filter_output, "data", "{}", NULL);
}

/* The table of what a worker's token may touch has a row for each call that workers make. */
static void test_owners(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < route_count; i++) {
		const struct route *route = &routes[i];

		if (route->queue == QUEUE_CORE && route->role == ROLE_WORKER &&
		    !owner_knows(route->method, route->pattern))
			fail_msg("server/owner.c has no row for %s %s", route->method,
			         route->pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_log_text),
	        cmocka_unit_test(test_routes),
	        cmocka_unit_test(test_filters),
	        cmocka_unit_test(test_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
