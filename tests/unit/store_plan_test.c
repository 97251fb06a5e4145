/*
 * The plan of every query that a list can make: all fields that it takes, in every
 * combination, every status, both directions, with and without a page. None may read
 * all of a table that grows with the work, but for those told below.
 */
#include "model/status.h"
#include "server/filter.h"
#include "store/inside.h"
#include "tests/unit/store_place.h"

#include <sqlite3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FIELDS_MAX 8

struct list_field {
	const char *name;  /* in filters.def */
	const char *field; /* of the table, or of the task's */
	bool of_task;
};

/* What the readers make of filters.def; see list_where() in read_*.c. To add a list: a row here. */
static const struct list {
	const char *name;
	const struct filter *filter;
	enum table_id table;
	struct list_field fields[FIELDS_MAX];
} lists[] = {
        {"tasks",
         &filter_tasks,
         TABLE_TASK,
         {{"task_id", "task_id", false},
          {"batch", "batch", false},
          {"status", "status", false},
          {"name", "name", false},
          {"run_id", "run_id", false},
          {"resume_status", "resume_status", false}}},
        {"executions",
         &filter_executions,
         TABLE_EXECUTION,
         {{"task_id", "task_id", false},
          {"status", "status", false},
          {"latest", "latest", false},
          {"task_name", "name", true},
          {"batch", "batch", true},
          {"run_id", "run_id", true}}},
        {"requirements",
         &filter_requirements,
         TABLE_REQUIREMENT,
         {{"task_id", "task_id", false}, {"other_task_id", "other_task_id", false}}},
        {"runs", &filter_runs, TABLE_RUN, {{"name", "name", false}, {"status", "status", false}}},
        {"audit", &filter_audit, TABLE_AUDIT, {{"token", "token", false}}},
};

/* Fields that choose no rows. */
static const char *const others[] = {"limit", "after", "reverse", "view", "no_output", "trunc"};

/* Tables that grow with the work. Of runs there are few, and one in a status is what is live. */
static const char *const big[] = {"task", "execution", "requirement", "audit", "log_chunk"};

/*
 * Lists that go along the primary key until they have a page: what they ask for may be as much as
 * the whole table, and an index of it would be paid for by every task (docs/schema.md). Those of
 * tasks do so only where nothing is known: else they ask with numbers too (server/list.c).
 */
static bool may_scan(const struct list *list, unsigned chosen, int status)
{
	if (chosen == 0)
		return true; /* everything was asked for */
	for (unsigned i = 0; i < FIELDS_MAX && list->fields[i].name != NULL; i++) {
		const char *name = list->fields[i].name;

		if (!(chosen >> i & 1))
			continue;
		if (strcmp(name, "latest") == 0)
			continue;
		if (strcmp(name, "status") != 0)
			return false;
		if (list->table == TABLE_TASK && status != TASK_WAITING && status != TASK_PENDING &&
		    status != TASK_SUCCEEDED)
			return false;
		if (list->table == TABLE_EXECUTION && status != EXECUTION_SUCCEEDED)
			return false;
	}
	return true;
}

/* "SCAN task", also with an alias or an index; "SEARCH ..." is what is wanted. */
static bool is_scan(const char *line)
{
	if (strncmp(line, "SCAN ", 5) != 0)
		return false;
	for (size_t i = 0; i < sizeof(big) / sizeof(big[0]); i++) {
		size_t len = strlen(big[i]);

		if (strncmp(line + 5, big[i], len) == 0 &&
		    (line[5 + len] == '\0' || line[5 + len] == ' '))
			return true;
	}
	return false;
}

static sqlite3 *base;
static unsigned seen, scans, walks;

static void check_plan(const struct list *list, const struct store_query *q, int64_t until,
                       unsigned chosen, int status)
{
	struct str sql = STR_INIT;
	sqlite3_stmt *st = NULL;

	str_adds(&sql, "EXPLAIN QUERY PLAN ");
	query_text(sqlite_driver.dialect, q, until, &sql);
	if (sqlite3_prepare_v2(base, sql.p, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql.p, sqlite3_errmsg(base));
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *line = (const char *)sqlite3_column_text(st, 3);

		/* Rows that are sorted are all read before the first is given. */
		if (until > 0 && strstr(line, "TEMP B-TREE") != NULL)
			fail_msg("%s\n  %s", sql.p, line);
		if (!is_scan(line))
			continue;
		scans++;
		if (!may_scan(list, chosen, status))
			fail_msg("%s\n  %s", sql.p, line);
	}
	sqlite3_finalize(st);
	str_release(&sql);
	seen++;
}

/* In both directions, from the start and behind a number, all of it and a page. */
static void check_forms(const struct list *list, struct store_query *q, unsigned chosen, int status)
{
	for (int form = 0; form < 8; form++) {
		q->reverse = form & 1;
		q->after = form & 2 ? 1000 : INT_NULL;
		q->limit = form & 4 ? 1000 : 0;
		check_plan(list, q, 0, chosen, status);
		if (query_walks(q)) {
			check_plan(list, q, 21000, chosen, status);
			walks++;
		}
	}
}

/* One combination; `several`: a list of numbers in place of one. */
static void check_chosen(const struct list *list, unsigned chosen, bool several)
{
	static const int64_t numbers[] = {1, 2, 3};
	struct store_filter filters[FIELDS_MAX], *status = NULL;
	struct store_query q = {.table = list->table, .filters = filters};
	size_t words = 0;

	for (unsigned i = 0; i < FIELDS_MAX && list->fields[i].name != NULL; i++) {
		const struct list_field *field = &list->fields[i];
		const struct table *t = table_get(field->of_task ? TABLE_TASK : list->table);
		struct store_filter *filter = &filters[q.nfilters];

		if (!(chosen >> i & 1))
			continue;
		*filter = (struct store_filter){
		        .field = field_number(field->of_task ? TABLE_TASK : list->table,
		                              field->field),
		        .op = STORE_EQ,
		        .number = 1,
		        .text = "x",
		        .of_task = field->of_task};
		if (field_words(t->fields[filter->field].kind, &words) != NULL)
			status = filter;
		else if (several && strcmp(field->name, "task_id") == 0)
			*filter = (struct store_filter){
			        .field = filter->field, .op = STORE_IN, .list = numbers, .n = 3};
		q.nfilters++;
	}
	if (status == NULL) {
		check_forms(list, &q, chosen, -1);
		return;
	}
	field_words(table_get(list->table)->fields[status->field].kind, &words);
	for (size_t i = 0; i < words; i++) {
		status->number = (int64_t)i;
		check_forms(list, &q, chosen, (int)i);
	}
}

static void lists_find_their_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		unsigned n = 0;

		while (n < FIELDS_MAX && lists[i].fields[n].name != NULL)
			n++;
		for (unsigned chosen = 0; chosen < 1u << n; chosen++) {
			check_chosen(&lists[i], chosen, false);
			check_chosen(&lists[i], chosen, true);
		}
	}
	print_message("%u plans, %u of them along a whole table\n", seen, scans);
	assert_true(seen > 3000);
	/* The test sees scans where there are some. */
	assert_true(scans > 0);
	assert_true(walks > 0);
}

/* A field that a list takes and this test does not know would not be looked at. */
static void every_field_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (size_t k = 0; k < lists[i].filter->n; k++) {
			const char *name = lists[i].filter->fields[k].name;
			bool known = false;

			for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++)
				known |= strcmp(others[j], name) == 0;
			for (size_t j = 0; j < FIELDS_MAX && lists[i].fields[j].name != NULL; j++)
				known |= strcmp(lists[i].fields[j].name, name) == 0;
			if (!known)
				fail_msg("%s of %s is in no plan", name, lists[i].name);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lists_find_their_rows),
	        cmocka_unit_test(every_field_is_known),
	};
	struct store *s;
	struct place p;
	int failed;

	place_make(&p);
	s = place_open(&p);
	if (sqlite3_open_v2(p.path.p, &base, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sqlite3_close(base);
	store_close(s);
	place_remove(&p);
	return failed;
}
