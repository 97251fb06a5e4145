/*
 * create_loop client SERVER N: N tasks by scitq_task_create(), one by one.
 * create_loop commit DB FROM N: the first N rows of the table task of the database FROM into that of DB, a
 * transaction each. Prints the seconds that it took.
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

static double commit(const char *path, const char *from, int n)
{
	sqlite3 *db, *source;
	sqlite3_stmt *rows, *insert;
	sqlite3_value **values;
	char sql[1024] = "INSERT INTO task VALUES (?";
	double start;
	int columns;

	need(NULL, sqlite3_open(path, &db), SQLITE_OK);
	need(NULL, sqlite3_open(from, &source), SQLITE_OK);
	need(db, sqlite3_exec(db, "PRAGMA synchronous = FULL", NULL, NULL, NULL), SQLITE_OK);
	need(source, sqlite3_prepare_v2(source, "SELECT * FROM task ORDER BY task_id", -1, &rows, NULL), SQLITE_OK);
	columns = sqlite3_column_count(rows);
	for (int c = 1; c < columns; c++)
		strncat(sql, ",?", sizeof(sql) - strlen(sql) - 1);
	strncat(sql, ")", sizeof(sql) - strlen(sql) - 1);
	need(db, sqlite3_prepare_v2(db, sql, -1, &insert, NULL), SQLITE_OK);
	values = calloc((size_t)n * (size_t)columns, sizeof(*values));
	for (int i = 0; i < n; i++) {
		need(source, sqlite3_step(rows), SQLITE_ROW);
		for (int c = 0; c < columns; c++)
			values[i * columns + c] = sqlite3_value_dup(sqlite3_column_value(rows, c));
	}
	start = now();
	for (int i = 0; i < n; i++) {
		for (int c = 0; c < columns; c++)
			need(db, sqlite3_bind_value(insert, c + 1, values[i * columns + c]), SQLITE_OK);
		need(db, sqlite3_step(insert), SQLITE_DONE);
		need(db, sqlite3_reset(insert), SQLITE_OK);
	}
	return now() - start;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "client") == 0)
		printf("%f\n", client(argv[2], (int)strtol(argv[3], NULL, 10)));
	else if (argc == 5 && strcmp(argv[1], "commit") == 0)
		printf("%f\n", commit(argv[2], argv[3], (int)strtol(argv[4], NULL, 10)));
	else
		fail("wrong arguments");
	return 0;
}
