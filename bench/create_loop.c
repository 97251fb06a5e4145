/*
 * create_loop client SERVER N: N tasks by scitq_task_create(), one by one.
 * create_loop commit DB FROM N TABLE...: the first N rows of these tables of the database FROM into those of DB, a
 * transaction for one of each. Prints the seconds that it took.
 */
#include <scitq.h>
#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "create_loop: %s\n", what);
	exit(1);
}

static double client(const char *server, int n)
{
	struct scitq *s = scitq_open(server, NULL);
	char command[64], name[64];
	double start;

	if (s == NULL)
		fail(server);
	start = now();
	for (int i = 0; i < n; i++) {
		const struct scitq_new_task task = {.command = command, .name = name};
		struct scitq_answer *answer;

		snprintf(command, sizeof(command), "sh -c 'step %d'", i);
		snprintf(name, sizeof(name), "step:%d", i);
		answer = scitq_task_create(s, &task);
		if (!scitq_ready(answer) || scitq_result(answer) != SCITQ_OK)
			fail(scitq_error(answer));
		scitq_free(answer);
	}
	start = now() - start;
	if (scitq_close(s, 0) != 0)
		fail("something was queued");
	return start;
}

static void need(sqlite3 *db, int result, int wanted)
{
	if (result != wanted)
		fail(sqlite3_errmsg(db));
}

/* The first n rows of a table, and the statement that puts one into another database. */
struct copy {
	sqlite3_stmt *insert;
	sqlite3_value **values;
	int columns;
};

static void read_rows(struct copy *copy, sqlite3 *source, sqlite3 *db, const char *table, int n)
{
	sqlite3_stmt *rows;
	char sql[1024];

	snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\" ORDER BY creation_date", table);
	need(source, sqlite3_prepare_v2(source, sql, -1, &rows, NULL), SQLITE_OK);
	copy->columns = sqlite3_column_count(rows);
	snprintf(sql, sizeof(sql), "INSERT INTO \"%s\" VALUES (?", table);
	for (int c = 1; c < copy->columns; c++)
		strncat(sql, ",?", sizeof(sql) - strlen(sql) - 1);
	strncat(sql, ")", sizeof(sql) - strlen(sql) - 1);
	need(db, sqlite3_prepare_v2(db, sql, -1, &copy->insert, NULL), SQLITE_OK);
	copy->values = calloc((size_t)n * (size_t)copy->columns, sizeof(*copy->values));
	for (int i = 0; i < n * copy->columns; i++) {
		if (i % copy->columns == 0)
			need(source, sqlite3_step(rows), SQLITE_ROW);
		copy->values[i] = sqlite3_value_dup(sqlite3_column_value(rows, i % copy->columns));
	}
	need(source, sqlite3_finalize(rows), SQLITE_OK);
}

static void insert_row(struct copy *copy, sqlite3 *db, int i)
{
	for (int c = 0; c < copy->columns; c++)
		need(db, sqlite3_bind_value(copy->insert, c + 1, copy->values[i * copy->columns + c]),
		     SQLITE_OK);
	need(db, sqlite3_step(copy->insert), SQLITE_DONE);
	need(db, sqlite3_reset(copy->insert), SQLITE_OK);
}

static double commit(const char *path, const char *from, int n, char **tables, int ntables)
{
	struct copy copies[ntables];
	sqlite3 *db, *source;
	double start;

	need(NULL, sqlite3_open(path, &db), SQLITE_OK);
	need(NULL, sqlite3_open(from, &source), SQLITE_OK);
	need(db, sqlite3_exec(db, "PRAGMA synchronous = FULL", NULL, NULL, NULL), SQLITE_OK);
	for (int t = 0; t < ntables; t++)
		read_rows(&copies[t], source, db, tables[t], n);
	start = now();
	for (int i = 0; i < n; i++) {
		if (ntables > 1)
			need(db, sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
		for (int t = 0; t < ntables; t++)
			insert_row(&copies[t], db, i);
		if (ntables > 1)
			need(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	}
	return now() - start;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "client") == 0)
		printf("%f\n", client(argv[2], (int)strtol(argv[3], NULL, 10)));
	else if (argc > 5 && strcmp(argv[1], "commit") == 0)
		printf("%f\n", commit(argv[2], argv[3], (int)strtol(argv[4], NULL, 10), argv + 5, argc - 5));
	else
		fail("wrong arguments");
	return 0;
}
