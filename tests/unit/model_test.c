/* Field tables, JSON by them, transitions, identities, weights. */
#include "base/alloc.h"
#include "base/str.h"
#include "model/identity.h"
#include "model/json.h"
#include "model/resources.h"
#include "model/weight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void tables_are_well_formed(void **state)
{
	(void)state;
	for (int id = 0; id < TABLE_COUNT; id++) {
		const struct table *t = table_get((enum table_id)id);
		void *row = calloc(1, t->row_size);
		unsigned keys = 0;

		assert_non_null(row);
		assert_in_range(t->nfields, 1, 64);
		row_default(t, row);
		for (unsigned i = 0; i < t->nfields; i++) {
			const struct field *f = &t->fields[i];

			assert_int_equal(table_field(t, f->name), i);
			assert_true(f->help[0] != '\0');
			keys += (f->flags & FIELD_KEY) != 0;
			/* A field that may not be null has a default, or must be sent, or is ours
			 * to set. */
			if (row_is_null(f, row))
				assert_true(f->flags & (FIELD_NULL | FIELD_REQUIRED | FIELD_KEY) ||
				            !(f->flags & FIELD_SET));
		}
		assert_in_range(keys, 1, 3);
		free(row);
	}
}

static json_t *parse(const char *text)
{
	struct problem problem;
	json_t *j = json_parse(text, strlen(text), &problem);

	assert_non_null(j);
	return j;
}

static void a_task_reads_and_prints_as_v1_does(void **state)
{
	struct problem problem = {0};
	struct str text = STR_INIT;
	struct arena a;
	struct task task;
	uint64_t set;
	json_t *j = parse(
	        "{\"command\": \"echo a\", \"status\": \"waiting\", \"required_task_ids\": [4, 5],"
	        " \"retry\": 2, \"name\": null}");
	json_t *out;

	(void)state;
	arena_init(&a);
	assert_true(row_from_json(table_get(TABLE_TASK), j, ROW_CREATE, &task, &set, &a, &problem));
	json_decref(j);
	assert_int_equal(task.status, TASK_WAITING);
	assert_int_equal(task.required_task_ids.n, 2);
	assert_int_equal(task.required_task_ids.v[1], 5);
	assert_null(task.name);
	task.creation_date = 1795469483655007;
	out = row_to_json(table_get(TABLE_TASK), &task, VIEW_V1);
	json_print(out, &text);
	json_decref(out);
	assert_string_equal(
	        text.p,
	        "{\"task_id\":null,\"name\":null,\"status\":\"waiting\",\"command\":\"echo a\","
	        "\"creation_date\":\"2026-11-23T21:31:23.655007\",\"modification_date\":null,"
	        "\"status_date\":null,\"batch\":\"Default\",\"input\":null,\"output\":null,"
	        "\"container\":null,\"container_options\":null,\"resource\":null,"
	        "\"required_task_ids\":[4,5],\"retry\":2,\"download_timeout\":null,"
	        "\"run_timeout\":null,\"use_cache\":false}");
	j = parse(text.p);
	assert_true(row_from_own_json(table_get(TABLE_TASK), j, &task, &a, &problem));
	assert_int_equal(task.creation_date, 1795469483655007);
	/* Of another version: what is not known is passed over, what is known must be of its kind.
	 */
	json_object_set_new(j, "later", json_array());
	json_object_set_new(j, "retry", json_null());
	assert_false(row_from_own_json(table_get(TABLE_TASK), j, &task, &a, &problem));
	assert_true(row_from_other_json(table_get(TABLE_TASK), j, &task, &a, &problem));
	assert_int_equal(task.creation_date, 1795469483655007);
	assert_int_equal(task.retry, INT_NULL);
	assert_int_equal(task.required_task_ids.n, 2);
	json_object_set_new(j, "status", json_string("sung"));
	assert_false(row_from_other_json(table_get(TABLE_TASK), j, &task, &a, &problem));
	assert_false(row_from_other_json(table_get(TABLE_TASK), NULL, &task, &a, &problem));
	json_decref(j);
	str_release(&text);
	arena_release(&a);
}

static void bad_rows_are_refused_by_name(void **state)
{
	static const struct {
		const char *text;
		enum row_input how;
		enum problem_code code;
		const char *message;
	} rows[] = {
	        {"[]", ROW_CREATE, PROBLEM_BAD_JSON, "the body must be an object, not an array"},
	        {"{}", ROW_CREATE, PROBLEM_MISSING_FIELD, "a task needs command"},
	        {"{\"command\": null}", ROW_CREATE, PROBLEM_BAD_TYPE, "command must not be null"},
	        {"{\"command\": 3}", ROW_CREATE, PROBLEM_BAD_TYPE,
	         "command must be a string, not an integer"},
	        {"{\"comand\": \"x\"}", ROW_CREATE, PROBLEM_UNKNOWN_FIELD,
	         "task has no field comand"},
	        {"{\"task_id\": 3}", ROW_UPDATE, PROBLEM_READ_ONLY,
	         "task_id of a task cannot be set"},
	        {"{\"retry\": -1}", ROW_UPDATE, PROBLEM_BAD_VALUE,
	         "retry is -1, it must not be negative"},
	        {"{\"retry\": 1.5}", ROW_UPDATE, PROBLEM_BAD_TYPE,
	         "retry must be an integer, not a number"},
	        {"{\"use_cache\": 1}", ROW_UPDATE, PROBLEM_BAD_TYPE,
	         "use_cache must be a boolean, not an integer"},
	        {"{\"status\": \"nope\"}", ROW_UPDATE, PROBLEM_BAD_VALUE,
	         "status is \"nope\", not one of paused, waiting, pending, assigned, accepted, "
	         "running, failed, "
	         "succeeded, debug"},
	        {"{\"required_task_ids\": [1, \"2\"]}", ROW_UPDATE, PROBLEM_BAD_TYPE,
	         "required_task_ids[1] must be an integer, not a string"},
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct problem problem = {0};
		struct task task;
		uint64_t set;
		json_t *j = parse(rows[i].text);

		row_default(table_get(TABLE_TASK), &task);
		assert_false(row_from_json(table_get(TABLE_TASK), j, rows[i].how, &task, &set, &a,
		                           &problem));
		assert_int_equal(problem.code, rows[i].code);
		assert_string_equal(problem.message, rows[i].message);
		json_decref(j);
	}
	arena_release(&a);
}

static void bad_json_names_its_place(void **state)
{
	struct problem problem = {0};

	(void)state;
	assert_null(json_parse("{\n \"a\": 1,\n}", 12, &problem));
	assert_int_equal(problem.code, PROBLEM_BAD_JSON);
	assert_non_null(strstr(problem.message, "line 3"));
	assert_null(json_parse("{\"a\":1,\"a\":2}", 13, &problem));
	assert_null(json_parse("\"\xff\"", 3, &problem));
	assert_null(json_parse("", 0, &problem));
}

static void long_problems_are_cut_at_a_character(void **state)
{
	struct problem problem;
	char text[600];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[598] = '\0';
	problem_set(&problem, PROBLEM_BAD_VALUE, "x%s", text);
	assert_true(strlen(problem.message) < sizeof(problem.message));
	json_t *j = json_string(problem.message);
	assert_non_null(j);
	json_decref(j);
}

static void bytes_that_are_no_text_are_shown_as_latin_1(void **state)
{
	json_t *bytes = json_text("gr\xfc\xdf"), *plain = json_text("gr\xc3\xbc\xc3\x9f");

	(void)state;
	assert_string_equal(json_string_value(bytes), "gr\xc3\xbc\xc3\x9f");
	assert_string_equal(json_string_value(plain), "gr\xc3\xbc\xc3\x9f");
	json_decref(bytes);
	json_decref(plain);
	assert_true(json_is_null(json_text(NULL)));
}

static void transitions_are_unique_and_end_states_stay(void **state)
{
	const struct transition *rows;
	size_t n;

	(void)state;
	rows = task_transitions(&n);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(task_transition((enum task_status)rows[i].from,
		                                 (enum task_event)rows[i].event),
		                 &rows[i]);
		/* Only a relaunch, or a dependency undone, leaves an end. */
		if (task_is_done((enum task_status)rows[i].from))
			assert_true(rows[i].event == TASK_EVENT_RELAUNCH ||
			            rows[i].event == TASK_EVENT_DEPENDENCY_UNDONE);
	}
	assert_null(task_transition(TASK_SUCCEEDED, TASK_EVENT_START));
	assert_null(task_transition(TASK_PENDING, TASK_EVENT_SUCCEED));
	rows = execution_transitions(&n);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(execution_transition((enum execution_status)rows[i].from,
		                                      (enum execution_event)rows[i].event),
		                 &rows[i]);
		assert_false(execution_is_done((enum execution_status)rows[i].from));
	}
}

static void identities_name_the_part_that_differs(void **state)
{
	struct identity a, b, c;
	struct str parts = STR_INIT, names = STR_INIT;

	(void)state;
	identity_init(&a);
	identity_add(&a, IDENTITY_COMMAND, "fastp");
	identity_add(&a, IDENTITY_INPUT, "x");
	identity_add(&a, IDENTITY_INPUT, "yz");
	identity_finish(&a);
	identity_init(&b);
	identity_add(&b, IDENTITY_COMMAND, "fastp");
	identity_add(&b, IDENTITY_INPUT, "xy");
	identity_add(&b, IDENTITY_INPUT, "z");
	identity_finish(&b);
	identity_init(&c);
	identity_add(&c, IDENTITY_INPUT, "x");
	identity_add(&c, IDENTITY_INPUT, "yz");
	identity_add(&c, IDENTITY_COMMAND, "fastp");
	identity_finish(&c);
	assert_string_not_equal(a.text, b.text);
	assert_string_equal(a.text, c.text);
	identity_parts_print(&a, &parts);
	assert_true(identity_difference(&b, parts.p, &names));
	assert_string_equal(names.p, "input");
	str_reset(&names);
	assert_true(identity_difference(
	        &b, "{\"container\":\"1\",\"input\":\"2\",\"command\":\"3\"}", &names));
	assert_string_equal(names.p, "command, container, input");
	assert_false(identity_difference(&b, "nonsense", &names));
	identity_init(&c);
	identity_add(&c, IDENTITY_RESOURCE, "dropped");
	identity_release(&c);
	str_release(&parts);
	str_release(&names);
}

static void digests_are_sha256(void **state)
{
	char text[DIGEST_TEXT_SIZE], path[] = "/tmp/model_test.XXXXXX", hex[41], hex2[41];
	int fd = mkstemp(path);

	(void)state;
	digest_bytes("abc", 3, text);
	assert_string_equal(text,
	                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(write(fd, "abc", 3), 3);
	close(fd);
	memset(text, 0, sizeof(text));
	assert_int_equal(digest_file(path, text), 0);
	assert_string_equal(text,
	                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	unlink(path);
	assert_true(digest_file(path, text) < 0);
	/* RFC 4231, test case 2. */
	digest_keyed("Jefe", "what do ya want for nothing?", text);
	assert_string_equal(text,
	                    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	random_hex(hex, 40);
	random_hex(hex2, 40);
	assert_int_equal(strlen(hex), 40);
	assert_string_not_equal(hex, hex2);
}

static void weights_take_the_first_rule_that_applies(void **state)
{
	const double none = (double)NAN;
	struct weight_input in = {.cpu = none,
	                          .memory = INT_NULL,
	                          .gpu = INT_NULL,
	                          .batch_concurrency = INT_NULL,
	                          .worker_concurrency = 4,
	                          .worker_cpus = 8,
	                          .worker_ram = INT_NULL,
	                          .worker_gpus = INT_NULL};

	(void)state;
	assert_true(task_weight(&in) == 0.25);
	in.share = 0.5;
	assert_true(task_weight(&in) == 0.5);
	in.batch_concurrency = 10;
	assert_true(task_weight(&in) == 0.1);
	in.cpu = 2;
	assert_true(task_weight(&in) == 0.25);
	in.memory = 6;
	in.worker_ram = 8;
	assert_true(task_weight(&in) == 0.75);
	in.cpu = 80;
	assert_true(task_weight(&in) == 1);
	in.memory = INT_NULL;
	in.gpu = 1;
	in.worker_gpus = 4;
	in.cpu = 1;
	assert_true(task_weight(&in) == 0.25);
	in.cpu = 4;
	assert_true(task_weight(&in) == 0.5);
	in.gpu = 4;
	assert_true(task_weight(&in) == 1);
	assert_true(gpus_suffice(INT_NULL, INT_NULL) && gpus_suffice(0, 0) && gpus_suffice(2, 2));
	assert_false(gpus_suffice(1, INT_NULL) || gpus_suffice(3, 2));
	in = (struct weight_input){.cpu = 2,
	                           .memory = INT_NULL,
	                           .gpu = INT_NULL,
	                           .batch_concurrency = INT_NULL,
	                           .worker_concurrency = 2,
	                           .worker_cpus = none,
	                           .worker_ram = INT_NULL,
	                           .worker_gpus = 2};
	assert_true(task_weight(&in) == 0.5);
	in.worker_concurrency = 0;
	assert_true(task_weight(&in) == 1);
}

/* Where a lack of memory is tolerated the text comes to the parser in parts: nothing else changes.
 */
static void parts_make_the_same_value(void **state)
{
	static const char *const wrong[] = {"",          "{",
	                                    "[1,]",      "\"a",
	                                    "\"\\",      "[\"a\" \"b\"]",
	                                    "{\"a\" 1}", "{1: 2}",
	                                    "[\"\n\"]",  "[\"\\ud800\"]",
	                                    "[nul]",     "\"\xe9\"",
	                                    "[01]",      "{\"a\":1,\"a\":2}"};
	struct problem problem;
	bool before;

	(void)state;
	for (size_t len = 0; len < 5000; len = len < 70 ? len + 1 : len * 5 / 4) {
		struct str text = STR_INIT;
		json_t *whole, *parts;

		str_adds(&text, "{\"short\": [1, -2.5e3, true], \"");
		for (size_t i = 0; i < len; i++)
			str_adds(&text, i % 7 == 3 ? "\\\"" : i % 11 == 5 ? "\xc3\xa9" : "x");
		str_adds(&text, "\":\"\",\"again\":[\"a\",7");
		for (size_t i = 0; i < len; i++)
			str_addc(&text, i < 17 ? '7' : ' ');
		str_adds(&text, ",1],\"text\":\"");
		for (size_t i = 0; i < 2 * len; i++)
			str_addc(&text, (char)('a' + i % 26));
		str_adds(&text, "\\u00e9\"}");
		whole = json_parse(text.p, text.len, &problem);
		assert_non_null(whole);
		alloc_tolerate(&before);
		parts = json_parse(text.p, text.len, &problem);
		assert_false(alloc_end(before));
		assert_true(json_equal(whole, parts));
		json_decref(whole);
		json_decref(parts);
		str_release(&text);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		alloc_tolerate(&before);
		assert_null(json_parse(wrong[i], strlen(wrong[i]), &problem));
		if (alloc_end(before))
			fail_msg("a lack of memory in %s", wrong[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(tables_are_well_formed),
	        cmocka_unit_test(a_task_reads_and_prints_as_v1_does),
	        cmocka_unit_test(bad_rows_are_refused_by_name),
	        cmocka_unit_test(bad_json_names_its_place),
	        cmocka_unit_test(parts_make_the_same_value),
	        cmocka_unit_test(long_problems_are_cut_at_a_character),
	        cmocka_unit_test(bytes_that_are_no_text_are_shown_as_latin_1),
	        cmocka_unit_test(transitions_are_unique_and_end_states_stay),
	        cmocka_unit_test(identities_name_the_part_that_differs),
	        cmocka_unit_test(digests_are_sha256),
	        cmocka_unit_test(weights_take_the_first_rule_that_applies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
