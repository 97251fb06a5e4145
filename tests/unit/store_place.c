#include "tests/unit/store_place.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "tests/unit/store_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

int place_begin(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "postgres") == 0 ? cluster_begin() : 0;
}

void place_end(void)
{
	cluster_end();
}

bool place_is_postgres(void)
{
	return cluster_is_there();
}

void place_needs_sqlite(void)
{
	if (place_is_postgres())
		skip();
}

void place_needs_postgres(void)
{
	if (!place_is_postgres())
		skip();
}

void place_make(struct place *p)
{
	const char *tmp = getenv("TMPDIR");
	struct str dir = STR_INIT;

	str_addf(&dir, "%s/scitq-store-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir.p));
	p->dir = str_detach(&dir);
	str_init(&p->uri);
	str_init(&p->path);
	str_init(&p->log_path);
	if (place_is_postgres()) {
		cluster_place(&p->uri);
		str_adds(&p->path, p->uri.p);
		str_adds(&p->log_path, p->uri.p);
		return;
	}
	str_addf(&p->path, "%s/scitq.db", p->dir);
	str_addf(&p->log_path, "%s/log.db", p->dir);
	str_addf(&p->uri, "sqlite:///%s", p->path.p);
}

void place_remove(struct place *p)
{
	assert_int_equal(tree_remove(p->dir), 0);
	free(p->dir);
	str_release(&p->uri);
	str_release(&p->path);
	str_release(&p->log_path);
}

struct store *place_open(const struct place *p)
{
	struct problem problem = {0};
	struct store *s = store_open(p->uri.p, NULL, &problem);

	if (s == NULL)
		fail_msg("%s", problem.message);
	return s;
}

static int64_t run_sqlite(const char *path, const char *sql, bool wants_row)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t number = 0;
	int code;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		number = sqlite3_column_int64(stmt, 0);
	if (code != (wants_row ? SQLITE_ROW : SQLITE_DONE))
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return number;
}

static int64_t run(const char *path, const char *sql, bool wants_row)
{
	if (strncmp(path, "postgresql:", 11) == 0)
		return cluster_run(path, sql, wants_row);
	return run_sqlite(path, sql, wants_row);
}

void place_sql(const char *path, const char *sql)
{
	run(path, sql, false);
}

int64_t place_number(const char *path, const char *sql)
{
	return run(path, sql, true);
}

int field_number(enum table_id table, const char *name)
{
	int i = table_field(table_get(table), name);

	assert_true(i >= 0);
	return i;
}

uint64_t field_bit(enum table_id table, const char *name)
{
	return (uint64_t)1 << field_number(table, name);
}

struct task some_task(int64_t id)
{
	struct task row;

	row_default(table_get(TABLE_TASK), &row);
	row.task_id = id;
	row.command = "/bin/true";
	row.creation_date = row.modification_date = row.status_date = 1700000000000000 + id;
	return row;
}

struct execution some_execution(int64_t id, int64_t task_id)
{
	struct execution row;

	row_default(table_get(TABLE_EXECUTION), &row);
	row.execution_id = id;
	row.task_id = task_id;
	row.worker_id = 1;
	row.status = EXECUTION_RUNNING;
	row.creation_date = row.modification_date = 1700000000000000 + id;
	return row;
}

void put(struct store *s, enum table_id table, const void *row)
{
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_insert(s, table, row), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
}
