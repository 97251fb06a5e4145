/*
 * What queries select, in which order, and that none of them walks through all
 * tasks or executions: each statement that the store runs is caught and its plan
 * read.
 */
#include "tests/unit/store_place.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <sqlite3.h>

static struct place place;
static struct store *s;
static struct str caught; /* the last statement that SQLite began, its values filled in */

/* Tasks 1..40 over two batches, all statuses, two runs; an execution each, some twice. */
static int setup(void **state)
{
	struct run run;

	(void)state;
	place_make(&place);
	s = place_open(&place);
	row_default(table_get(TABLE_RUN), &run);
	assert_int_equal(store_begin(s), STORE_OK);
	for (int64_t i = 1; i <= 2; i++) {
		run.run_id = i;
		run.name = "qc";
		run.digest = "d";
		assert_int_equal(store_insert(s, TABLE_RUN, &run), STORE_OK);
	}
	for (int64_t i = 1; i <= 40; i++) {
		struct task t = some_task(i);
		struct execution e = some_execution(i, i);
		struct requirement r = {i, i, i / 2, INT_NULL, INT_NULL, NULL};
		char name[16], identity[16];

		(void)snprintf(name, sizeof(name), "t%lld", (long long)(i % 20));
		(void)snprintf(identity, sizeof(identity), "id-%04lld", (long long)(i % 20));
		t.name = name;
		t.identity = identity;
		t.batch = i % 2 ? "odd" : "even";
		t.status = (int8_t)(i % TASK_STATUS_COUNT);
		t.attempts = i % 3;
		t.output = "file:///out";
		t.run_id = i <= 20 ? 1 : 2;
		e.status = (int8_t)(i % EXECUTION_STATUS_COUNT);
		e.worker_id = i % 4;
		e.outputs = i == 27 ? "[27]" : NULL;
		assert_int_equal(store_insert(s, TABLE_TASK, &t), STORE_OK);
		assert_int_equal(store_insert(s, TABLE_EXECUTION, &e), STORE_OK);
		assert_int_equal(store_insert(s, TABLE_REQUIREMENT, &r), STORE_OK);
	}
	assert_int_equal(store_commit(s), STORE_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_close(s);
	place_remove(&place);
	return 0;
}

struct seen {
	int64_t keys[64];
	size_t n, limit;
};

/* The key is the first member of the rows that are selected here. */
static bool note(void *context, const void *row)
{
	struct seen *seen = context;

	assert_true(seen->n < 64);
	memcpy(&seen->keys[seen->n++], row, sizeof(int64_t));
	return seen->limit == 0 || seen->n < seen->limit;
}

static void assert_seen(const struct seen *seen, size_t n, int64_t first, int64_t last)
{
	assert_int_equal(seen->n, n);
	if (n > 0) {
		assert_int_equal(seen->keys[0], first);
		assert_int_equal(seen->keys[n - 1], last);
	}
}

static struct seen look(const struct store_query *q)
{
	struct seen seen = {.n = 0};

	assert_int_equal(store_select(store_own(s), q, note, &seen), STORE_OK);
	return seen;
}

static struct store_filter is(enum table_id table, const char *field, int64_t number)
{
	return (struct store_filter){
	        .field = field_number(table, field), .op = STORE_EQ, .number = number};
}

static struct store_filter says(enum table_id table, const char *field, const char *text)
{
	return (struct store_filter){
	        .field = field_number(table, field), .op = STORE_EQ, .text = text};
}

static struct store_filter among(enum table_id table, const char *field, const int64_t *list,
                                 size_t n)
{
	return (struct store_filter){
	        .field = field_number(table, field), .op = STORE_IN, .list = list, .n = n};
}

static void filters_select(void **state)
{
	static const int64_t some[] = {33, 2, 99, 7}, ends[] = {TASK_FAILED, TASK_SUCCEEDED};
	struct store_filter f[3];
	struct store_query q = {.table = TABLE_TASK, .filters = f, .nfilters = 1};
	struct seen seen;

	(void)state;
	f[0] = says(TABLE_TASK, "batch", "even");
	seen = look(&q);
	assert_seen(&seen, 20, 2, 40);
	f[0] = says(TABLE_TASK, "batch", "none' OR '1' = '1");
	seen = look(&q);
	assert_seen(&seen, 0, 0, 0);
	f[0] = is(TABLE_TASK, "status", TASK_FAILED);
	seen = look(&q);
	assert_seen(&seen, 4, 6, 33);
	f[0] = among(TABLE_TASK, "task_id", some, 4);
	seen = look(&q);
	assert_seen(&seen, 3, 2, 33);
	f[0] = among(TABLE_TASK, "task_id", some, 0);
	seen = look(&q);
	assert_seen(&seen, 0, 0, 0);
	f[0] = among(TABLE_TASK, "status", ends, 2);
	f[1] = says(TABLE_TASK, "batch", "odd");
	f[2] = is(TABLE_TASK, "run_id", 2);
	q.nfilters = 3;
	seen = look(&q);
	assert_seen(&seen, 2, 25, 33);
	q.nfilters = 1;
	f[0] = (struct store_filter){.field = field_number(TABLE_TASK, "script"),
	                             .op = STORE_IS_NULL};
	seen = look(&q);
	assert_seen(&seen, 40, 1, 40);
	f[0] = (struct store_filter){.field = field_number(TABLE_TASK, "creation_date"),
	                             .op = STORE_AT_LEAST,
	                             .number = 1700000000000039};
	seen = look(&q);
	assert_seen(&seen, 2, 39, 40);
	f[0].op = STORE_LESS;
	seen = look(&q);
	assert_seen(&seen, 38, 1, 38);
}

static void order_limit_and_pages(void **state)
{
	struct store_filter f = says(TABLE_TASK, "batch", "odd");
	struct store_query q = {.table = TABLE_TASK, .filters = &f, .nfilters = 1, .limit = 3};
	struct seen seen;
	int64_t expected = 1;

	(void)state;
	do {
		seen = look(&q);
		for (size_t i = 0; i < seen.n; i++, expected += 2)
			assert_int_equal(seen.keys[i], expected);
		if (seen.n > 0)
			q.after = seen.keys[seen.n - 1];
	} while (seen.n > 0);
	assert_int_equal(expected, 41);
	q.reverse = true;
	q.after = 0;
	seen = look(&q);
	assert_seen(&seen, 3, 39, 35);
	q.after = 35;
	seen = look(&q);
	assert_seen(&seen, 3, 33, 29);
	/* The caller may stop. */
	seen = (struct seen){.limit = 2};
	q = (struct store_query){.table = TABLE_EXECUTION, .reverse = true};
	assert_int_equal(store_select(store_own(s), &q, note, &seen), STORE_OK);
	assert_seen(&seen, 2, 40, 39);
}

static void executions_by_their_task(void **state)
{
	struct store_filter f[3] = {says(TABLE_TASK, "batch", "even"),
	                            says(TABLE_TASK, "name", "t4"),
	                            is(TABLE_EXECUTION, "status", EXECUTION_FAILED)};
	struct store_query q = {.table = TABLE_EXECUTION, .filters = f, .nfilters = 1};
	struct seen seen;

	(void)state;
	f[0].of_task = f[1].of_task = true;
	seen = look(&q);
	assert_seen(&seen, 20, 2, 40);
	q.nfilters = 2;
	seen = look(&q);
	assert_seen(&seen, 2, 4, 24);
	f[0] = f[2];
	q.reverse = true;
	seen = look(&q);
	assert_seen(&seen, 0, 0, 0);
	f[0] = is(TABLE_EXECUTION, "status", EXECUTION_SUCCEEDED);
	seen = look(&q);
	assert_seen(&seen, 1, 4, 4);
}

/* Page by page; those of the second run are further than a first page is walked for. */
static void pages_of_executions_by_their_task(void **state)
{
	struct store_filter f[2] = {is(TABLE_TASK, "run_id", 2), is(TABLE_EXECUTION, "latest", 1)};
	struct store_query q = {
	        .table = TABLE_EXECUTION, .filters = f, .nfilters = 2, .after = INT_NULL};

	(void)state;
	f[0].of_task = true;
	for (int64_t run = 1; run <= 2; run++) {
		f[0].number = run;
		for (q.limit = 1; q.limit <= 7; q.limit++) {
			int64_t next = run == 1 ? 1 : 21, last = run * 20;

			for (q.after = 0; next <= last; q.after = next - 1) {
				struct seen seen = look(&q);
				int64_t n = last - next + 1;

				n = n < q.limit ? n : q.limit;
				assert_seen(&seen, (size_t)n, next, next + n - 1);
				next += n;
			}
		}
	}
	/* A page that is full is all that is asked for. */
	q.limit = 2;
	q.after = 25;
	look(&q);
	if (!place_is_postgres())
		assert_non_null(strstr(caught.p, "EXISTS"));
}

struct nest {
	int depth;
	int rows;
};

static bool nested(void *context, const void *row)
{
	struct nest *nest = context;
	struct store_filter f = is(TABLE_TASK, "task_id", 1);
	struct store_query q = {.table = TABLE_TASK, .filters = &f, .nfilters = 1};
	const struct task *task = row;
	int64_t id = task->task_id;

	nest->rows++;
	if (nest->depth < 3) {
		nest->depth++;
		assert_int_equal(store_select(store_own(s), &q, nested, nest), STORE_OK);
		nest->depth--;
	}
	assert_int_equal(task->task_id, id);
	assert_string_equal(task->command, "/bin/true");
	return true;
}

static void a_query_inside_itself(void **state)
{
	struct store_filter f = is(TABLE_TASK, "task_id", 1);
	struct store_query q = {.table = TABLE_TASK, .filters = &f, .nfilters = 1};
	struct nest nest = {0};

	(void)state;
	assert_int_equal(store_select(store_own(s), &q, nested, &nest), STORE_OK);
	assert_int_equal(nest.rows, 4);
}

struct edges {
	int64_t v[64][2];
	size_t n;
};

static bool note_edge(void *context, const struct requirement *row)
{
	struct edges *edges = context;

	edges->v[edges->n][0] = row->task_id;
	edges->v[edges->n++][1] = row->other_task_id;
	return true;
}

static void requirements_both_ways(void **state)
{
	static const int64_t ids[] = {9, 99, 4};
	struct edges e = {.n = 0};

	(void)state;
	assert_int_equal(store_required(store_own(s), ids, 3, note_edge, &e), STORE_OK);
	assert_int_equal(e.n, 2);
	assert_int_equal(e.v[0][0], 9);
	assert_int_equal(e.v[0][1], 4);
	assert_int_equal(e.v[1][0], 4);
	assert_int_equal(e.v[1][1], 2);
	e.n = 0;
	assert_int_equal(store_dependents(store_own(s), 4, note_edge, &e), STORE_OK);
	assert_int_equal(e.n, 2);
	assert_int_equal(e.v[0][0], 8);
	assert_int_equal(e.v[1][0], 9);
	e.n = 0;
	assert_int_equal(store_load_requirements(store_own(s), 30, note_edge, &e), STORE_OK);
	assert_int_equal(e.n, 11);
}

struct founds {
	size_t i[8];
	int64_t id[8];
	char outputs[8][8];
	size_t n;
};

static bool note_found(void *context, size_t i, const struct task *task, const char *outputs)
{
	struct founds *f = context;

	f->i[f->n] = i;
	f->id[f->n] = task->task_id;
	assert_non_null(task->name);
	assert_non_null(task->batch);
	assert_non_null(task->identity);
	assert_int_not_equal(task->run_id, INT_NULL);
	(void)snprintf(f->outputs[f->n], sizeof(f->outputs[0]), "%s", outputs ? outputs : "null");
	f->n++;
	return true;
}

/* The status of task i is i % 9: 7, 16, 25, 34 succeeded. */
static void identities_and_names_are_found(void **state)
{
	static const char *const ids[] = {"id-0007", "none", "id-0005", "id-0001"};
	static const char *const same[] = {"id-0007", "id-0007", "id-0007", "id-0005", "id-0005"};
	static const char *const there[] = {"file:///out", "file:///other/7", "file:///out/7", NULL,
	                                    "file:///out"};
	static const char *const names[] = {"t3", "nobody", "t9"};
	struct founds f = {.n = 0};

	(void)state;
	assert_int_equal(store_find_identities(store_own(s), ids, NULL, 4, note_found, &f),
	                 STORE_OK);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.i[0], 0);
	assert_int_equal(f.id[0], 7);
	assert_string_equal(f.outputs[0], "null");
	assert_int_equal(f.i[1], 2);
	assert_int_equal(f.id[1], 25);
	f.n = 0;
	place_sql(place.path.p, "UPDATE task SET status = 'succeeded' WHERE task_id = 27");
	assert_int_equal(store_find_identities(store_own(s), ids, NULL, 1, note_found, &f),
	                 STORE_OK);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.id[0], 27);
	assert_string_equal(f.outputs[0], "[27]");
	/* What lacks something is no result of the whole. */
	f.n = 0;
	place_sql(place.path.p, "UPDATE task SET partial = 1 WHERE task_id = 27");
	assert_int_equal(store_find_identities(store_own(s), ids, NULL, 1, note_found, &f),
	                 STORE_OK);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.id[0], 7);
	place_sql(place.path.p, "UPDATE task SET partial = 0 WHERE task_id = 27");
	/* Equal tasks that wrote to several places, or to none. */
	f.n = 0;
	place_sql(place.path.p, "UPDATE task SET output = 'file:///other/7' WHERE task_id = 27");
	place_sql(place.path.p, "UPDATE task SET output = NULL WHERE task_id = 25");
	assert_int_equal(store_find_identities(store_own(s), same, there, 5, note_found, &f),
	                 STORE_OK);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.i[0], 0);
	assert_int_equal(f.id[0], 7);
	assert_int_equal(f.i[1], 1);
	assert_int_equal(f.id[1], 27);
	assert_int_equal(f.i[2], 3);
	assert_int_equal(f.id[2], 25);
	f.n = 0;
	assert_int_equal(store_find_names(store_own(s), "qc", names, 3, note_found, &f), STORE_OK);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.id[0], 23);
	assert_int_equal(f.id[1], 29);
	assert_int_equal(f.i[1], 2);
	f.n = 0;
	assert_int_equal(store_find_names(store_own(s), "other", names, 3, note_found, &f),
	                 STORE_OK);
	assert_int_equal(f.n, 0);
}

static bool note_count(void *context, const char *batch, enum task_status status, int64_t n)
{
	int64_t(*counts)[TASK_STATUS_COUNT] = context;

	counts[strcmp(batch, "odd") == 0][status] += n;
	return true;
}

static void counts_per_batch_and_status(void **state)
{
	int64_t counts[2][TASK_STATUS_COUNT] = {0}, sum = 0;

	(void)state;
	assert_int_equal(store_counts(store_own(s), note_count, counts), STORE_OK);
	for (int i = 0; i < TASK_STATUS_COUNT; i++)
		sum += counts[0][i] + counts[1][i];
	assert_int_equal(sum, 40);
	assert_int_equal(counts[1][TASK_FAILED], 2);
	assert_int_equal(counts[0][TASK_FAILED], 2);
}

static bool note_task(void *context, const void *row)
{
	const struct task *task = row;
	struct seen *seen = context;

	assert_non_null(task->batch);
	assert_int_not_equal(task->attempts, INT_NULL);
	assert_int_not_equal(task->run_id, INT_NULL);
	assert_int_equal(task->accept_failure, 0);
	assert_null(task->command);
	return note(seen, row);
}

static bool note_execution(void *context, const void *row)
{
	const struct execution *execution = row;

	assert_int_not_equal(execution->worker_id, INT_NULL);
	assert_int_not_equal(execution->task_id, INT_NULL);
	assert_true(!execution_is_done((enum execution_status)execution->status));
	return note(context, row);
}

static void loading_at_start(void **state)
{
	struct seen seen = {.n = 0};

	(void)state;
	assert_int_equal(store_load_tasks(store_own(s), ~(1U << TASK_FAILED | 1U << TASK_SUCCEEDED),
	                                  note_task, &seen),
	                 STORE_OK);
	assert_seen(&seen, 32, 1, 40);
	for (size_t i = 1; i < seen.n; i++)
		assert_true(seen.keys[i] > seen.keys[i - 1]);
	seen.n = 0;
	assert_int_equal(store_load_tasks(store_own(s), 1U << TASK_SUCCEEDED, note_task, &seen),
	                 STORE_OK);
	assert_seen(&seen, 4, 7, 34);
	seen.n = 0;
	assert_int_equal(store_load_tasks(store_own(s), 0, note_task, &seen), STORE_OK);
	assert_seen(&seen, 0, 0, 0);
	assert_int_equal(store_load_executions(store_own(s), note_execution, &seen), STORE_OK);
	assert_seen(&seen, 20, 1, 38);
}

/* A reader sees what is committed; what it reads between begin and end is one moment. */
static void readers_see_what_is_committed(void **state)
{
	struct problem problem;
	struct store_reader *r = store_reader_open(s, &problem);
	struct task row = some_task(1000), read = {.task_id = 1000};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_non_null(r);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_insert(s, TABLE_TASK, &row), STORE_OK);
	assert_int_equal(store_get(store_own(s), TABLE_TASK, &read, STORE_ALL, &arena), STORE_OK);
	assert_int_equal(store_get(r, TABLE_TASK, &read, STORE_ALL, &arena), STORE_NONE);
	assert_int_equal(store_commit(s), STORE_OK);
	read.task_id = 1000;
	assert_int_equal(store_get(r, TABLE_TASK, &read, STORE_ALL, &arena), STORE_OK);
	assert_int_equal(store_reader_begin(r), STORE_OK);
	assert_int_equal(store_get(r, TABLE_TASK, &read, STORE_ALL, &arena), STORE_OK);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_task(s, 1000), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(store_get(r, TABLE_TASK, &read, STORE_ALL, &arena), STORE_OK);
	store_reader_end(r);
	assert_int_equal(store_get(r, TABLE_TASK, &read, STORE_ALL, &arena), STORE_NONE);
	store_reader_close(r);
	arena_release(&arena);
}

static bool pass_time(void *context, const void *row)
{
	int64_t until = clock_monotonic_ns() + 1000000;

	(void)context;
	(void)row;
	while (clock_monotonic_ns() < until)
		;
	return true;
}

static void a_deadline_ends_a_query(void **state)
{
	struct problem problem;
	struct store_reader *r = store_reader_open(s, &problem);
	struct store_query q = {.table = TABLE_TASK};
	struct seen seen = {.n = 0};

	(void)state;
	assert_non_null(r);
	store_reader_deadline(r, clock_monotonic_ns() - 1);
	assert_int_equal(store_select(r, &q, note, &seen), STORE_TIMEOUT);
	assert_int_equal(seen.n, 0);
	store_reader_deadline(r, clock_monotonic_ns() + 5000000);
	assert_int_equal(store_select(r, &q, pass_time, NULL), STORE_TIMEOUT);
	store_reader_deadline(r, 0);
	assert_int_equal(store_select(r, &q, note, &seen), STORE_OK);
	assert_int_equal(seen.n, 40);
	store_reader_close(r);
}

/* A status written by hand that is none must not become a number that indexes something. */
static void an_unknown_status_is_absent(void **state)
{
	struct task read = {.task_id = 5};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	place_sql(place.path.p, "UPDATE task SET status = 'sleeping' WHERE task_id = 5");
	assert_int_equal(store_get(store_own(s), TABLE_TASK, &read, STORE_ALL, &arena), STORE_OK);
	assert_int_equal(read.status, STATUS_NULL);
	arena_release(&arena);
}

/* --- plans --- */

static int catch_statement(unsigned type, void *context, void *stmt, void *text)
{
	char *sql = sqlite3_expanded_sql(stmt);

	(void)context;
	(void)text;
	if (type == SQLITE_TRACE_STMT && sql != NULL && strncmp(sql, "EXPLAIN", 7) != 0) {
		str_reset(&caught);
		str_adds(&caught, sql);
	}
	sqlite3_free(sql);
	return 0;
}

static int catch_connection(sqlite3 *db, const char **error, const void *api)
{
	(void)error;
	(void)api;
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, catch_statement, NULL);
}

/* An index that holds few rows may be walked through. */
static bool is_scan(const char *line)
{
	static const char *const small[] = {"task_stuck", "execution_live", "execution_failed"};

	if (strncmp(line, "SCAN task", 9) != 0 && strncmp(line, "SCAN execution", 14) != 0 &&
	    strcmp(line, "SCAN t") != 0 && strcmp(line, "SCAN e") != 0)
		return false;
	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
		if (strstr(line, small[i]) != NULL)
			return false;
	}
	return true;
}

/* The plan of what was caught; true where it scans a table of tasks or executions. */
static bool scans(struct str *plan)
{
	struct str sql = STR_INIT;
	sqlite3 *db;
	sqlite3_stmt *stmt;
	bool found = false;

	str_addf(&sql, "EXPLAIN QUERY PLAN %s", caught.p);
	assert_int_equal(sqlite3_open_v2(place.path.p, &db, SQLITE_OPEN_READWRITE, NULL),
	                 SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql.p, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql.p, sqlite3_errmsg(db));
	str_reset(plan);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *line = (const char *)sqlite3_column_text(stmt, 3);

		str_addf(plan, "%s; ", line);
		found = found || is_scan(line);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	str_release(&sql);
	return found;
}

/* Rows beside those of setup(), so many that a plan which reads them all is the dearer one. */
static void grow(void)
{
	if (!place_is_postgres())
		return;
	place_sql(place.path.p,
	          "INSERT INTO task (task_id, name, batch, status, run_id, identity, output)"
	          " SELECT i, 'n' || i, 'b' || i % 400, 'succeeded', 100 + i % 400, md5('' || i), "
	          "'' || i"
	          " FROM generate_series(1001, 21000) AS i");
	place_sql(place.path.p, "INSERT INTO execution (execution_id, task_id, worker_id, status,"
	                        " latest) SELECT i, i, 100 + i % 400, 'succeeded', 1"
	                        " FROM generate_series(1001, 21000) AS i");
	place_sql(place.path.p, "INSERT INTO requirement (requirement_id, task_id, other_task_id)"
	                        " SELECT i, i, i - 1 FROM generate_series(1001, 21000) AS i");
	place_sql(place.path.p, "ANALYZE");
}

static void run_on(PGconn *c, const char *sql)
{
	PGresult *result = PQexec(c, sql);

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	PQclear(result);
}

/* The same on PostgreSQL, of what the writing session ran last: the plan for any parameters. */
static bool scans_postgres(struct str *plan)
{
	static const char *const tables[] = {"Seq Scan on task", "Seq Scan on execution",
	                                     "Seq Scan on requirement"};
	PGconn *c = PQconnectdb(place.uri.p);
	struct str sql = STR_INIT;
	PGresult *result = PQexec(c, "SELECT query FROM pg_stat_activity"
	                             " WHERE pid = (SELECT session_pid FROM leader)");
	bool found = false;

	assert_int_equal(PQntuples(result), 1);
	str_reset(&caught);
	str_adds(&caught, PQgetvalue(result, 0, 0));
	PQclear(result);
	run_on(c, "SET plan_cache_mode = force_generic_plan");
	str_addf(&sql, "PREPARE q AS %s", caught.p);
	run_on(c, sql.p);
	str_reset(&sql);
	str_adds(&sql, "EXPLAIN EXECUTE q");
	for (int i = 1; i < 10; i++) {
		char mark[4] = {'$', (char)('0' + i), '\0'};

		if (strstr(caught.p, mark) != NULL)
			str_adds(&sql, i == 1 ? "(NULL" : ", NULL");
	}
	if (strstr(caught.p, "$1") != NULL)
		str_addc(&sql, ')');
	result = PQexec(c, sql.p);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql.p, PQerrorMessage(c));
	str_reset(plan);
	for (int i = 0; i < PQntuples(result); i++) {
		str_addf(plan, "%s\n", PQgetvalue(result, i, 0));
		for (size_t k = 0; k < sizeof(tables) / sizeof(tables[0]); k++)
			found = found || strstr(PQgetvalue(result, i, 0), tables[k]) != NULL;
	}
	PQclear(result);
	PQfinish(c);
	str_release(&sql);
	return found;
}

/* The names of `index` are those of SQLite's plans; PostgreSQL chooses by its statistics. */
static void assert_indexed(const char *what, const char *index)
{
	struct str plan = STR_INIT;

	if (place_is_postgres()) {
		if (scans_postgres(&plan))
			fail_msg("%s scans: %s\n%s", what, caught.p, plan.p);
		str_release(&plan);
		return;
	}
	if (scans(&plan))
		fail_msg("%s scans: %s\n%s", what, caught.p, plan.p);
	if (index != NULL && strstr(plan.p, index) == NULL)
		fail_msg("%s does not use %s: %s\n%s", what, index, caught.p, plan.p);
	str_release(&plan);
}

static void explain(const char *what, enum table_id table, struct store_filter *f, size_t n,
                    const char *index)
{
	struct store_query q = {.table = table, .filters = f, .nfilters = n};
	struct store_query paged = q;

	look(&q);
	assert_indexed(what, index);
	paged.limit = 10;
	paged.after = 3;
	paged.reverse = true;
	look(&paged);
	assert_indexed(what, index);
}

static void every_list_has_an_index(void **state)
{
	static const int64_t list[] = {1, 2, 3};
	static const int64_t live[] = {EXECUTION_PENDING, EXECUTION_ACCEPTED, EXECUTION_RUNNING};
	enum table_id t = TABLE_TASK, e = TABLE_EXECUTION;
	struct store_filter f[3];
	struct founds founds = {.n = 0};
	struct edges edges = {.n = 0};
	struct seen seen = {.n = 0};

	(void)state;
	grow();
	f[0] = says(t, "batch", "odd");
	explain("tasks of a batch", t, f, 1, "task_batch");
	f[1] = is(t, "status", TASK_SUCCEEDED);
	explain("succeeded tasks of a batch", t, f, 2, NULL);
	f[1] = is(t, "status", TASK_PENDING);
	explain("pending tasks of a batch", t, f, 2, NULL);
	f[0] = says(t, "name", "t3");
	explain("tasks by name", t, f, 1, "task_name");
	f[0] = is(t, "run_id", 1);
	explain("tasks of a run", t, f, 1, "task_run");
	f[0] = among(t, "task_id", list, 3);
	explain("tasks by number", t, f, 1, "PRIMARY KEY");
	f[0] = is(t, "status", TASK_FAILED);
	explain("failed tasks", t, f, 1, "task_stuck");
	f[0] = is(t, "status", TASK_RUNNING);
	explain("running tasks", t, f, 1, NULL);
	f[0] = is(e, "task_id", 3);
	explain("executions of a task", e, f, 1, "execution_task");
	f[1] = is(e, "latest", 1);
	explain("the latest execution of a task", e, f, 2, "execution_task");
	f[0] = among(e, "task_id", list, 3);
	explain("executions of tasks", e, f, 1, "execution_task");
	f[0] = among(e, "status", live, 3);
	explain("live executions", e, f, 1, "execution_live");
	f[1] = is(e, "worker_id", 2);
	explain("live executions of a worker", e, f, 2, "execution_live");
	f[0] = is(e, "status", EXECUTION_RUNNING);
	explain("running executions of a worker", e, f, 2, "execution_live");
	explain("running executions", e, f, 1, "execution_live");
	f[0] = is(e, "status", EXECUTION_SUCCEEDED);
	explain("succeeded executions of a worker", e, f, 2, "execution_worker");
	explain("executions of a worker", e, f + 1, 1, "execution_worker");
	f[0] = is(e, "status", EXECUTION_FAILED);
	explain("failed executions", e, f, 1, "execution_failed");
	f[0] = says(t, "name", "t3");
	f[0].of_task = true;
	explain("executions by the task's name", e, f, 1, "task_name");
	f[0] = says(t, "batch", "odd");
	f[0].of_task = true;
	explain("executions of a batch", e, f, 1, "task_batch");
	f[0] = is(TABLE_REQUIREMENT, "task_id", 3);
	explain("requirements of a task", TABLE_REQUIREMENT, f, 1, "requirement_task");
	f[0] = is(TABLE_REQUIREMENT, "other_task_id", 3);
	explain("requirements on a task", TABLE_REQUIREMENT, f, 1, "requirement_other");
	f[0] = says(TABLE_RUN, "name", "qc");
	explain("runs by name", TABLE_RUN, f, 1, "run_name");

	assert_int_equal(store_required(store_own(s), list, 3, note_edge, &edges), STORE_OK);
	assert_indexed("required", "requirement_task");
	assert_int_equal(store_dependents(store_own(s), 3, note_edge, &edges), STORE_OK);
	assert_indexed("dependents", "requirement_other");
	assert_int_equal(store_find_identities(store_own(s), (const char *const[]){"id-0007"}, NULL,
	                                       1, note_found, &founds),
	                 STORE_OK);
	assert_indexed("identities", "task_identity");
	assert_int_equal(store_find_identities(store_own(s), (const char *const[]){"id-0007"},
	                                       (const char *const[]){"file:///out"}, 1, note_found,
	                                       &founds),
	                 STORE_OK);
	assert_indexed("identities and places", "task_identity");
	assert_int_equal(store_find_names(store_own(s), "qc", (const char *const[]){"t3"}, 1,
	                                  note_found, &founds),
	                 STORE_OK);
	assert_indexed("names", "task_name");
	assert_int_equal(store_load_executions(store_own(s), note, &seen), STORE_OK);
	assert_indexed("live executions at start", "execution_live");
}

static void every_deletion_has_an_index(void **state)
{
	(void)state;
	grow();
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_supersede(s, 3, 100), STORE_OK);
	assert_indexed("supersede", "execution_task");
	assert_int_equal(store_delete_task(s, 3), STORE_OK);
	assert_indexed("delete of a task", NULL);
	assert_int_equal(store_delete_execution(s, 4), STORE_OK);
	assert_indexed("delete of an execution", NULL);
	store_rollback(s);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(filters_select),
	        TEST(order_limit_and_pages),
	        TEST(executions_by_their_task),
	        TEST(pages_of_executions_by_their_task),
	        TEST(a_query_inside_itself),
	        TEST(requirements_both_ways),
	        TEST(identities_and_names_are_found),
	        TEST(counts_per_batch_and_status),
	        TEST(loading_at_start),
	        TEST(readers_see_what_is_committed),
	        TEST(a_deadline_ends_a_query),
	        TEST(an_unknown_status_is_absent),
	        TEST(every_list_has_an_index),
	        TEST(every_deletion_has_an_index),
	};
	int failed = place_begin(argc, argv);

	if (failed != 0)
		return failed;
	str_init(&caught);
	if (sqlite3_auto_extension((void (*)(void))catch_connection) != SQLITE_OK)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	str_release(&caught);
	place_end();
	return failed;
}
