#include "tests/unit/store_cluster.h"

#include "base/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

static struct {
	pid_t pid; /* 0: none */
	int in;    /* what it reads */
	FILE *out;
	char uri[256];
	unsigned made;
} cluster;

static void run_script(const int in[2], const int out[2])
{
	if (dup2(in[0], STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0)
		_exit(1);
	close(in[1]);
	close(out[0]);
	execl("tests/tools/cluster", "cluster", (char *)NULL);
	_exit(1);
}

int cluster_begin(void)
{
	char line[256] = "";
	int in[2], out[2], status = 0;

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		return 1;
	cluster.pid = fork();
	if (cluster.pid == 0)
		run_script(in, out);
	close(in[0]);
	close(out[1]);
	cluster.in = in[1];
	cluster.out = fdopen(out[0], "r");
	if (cluster.pid < 0 || cluster.out == NULL)
		return 1;
	if (fgets(line, sizeof(line), cluster.out) != NULL &&
	    strncmp(line, "postgresql:", 11) == 0) {
		(void)snprintf(cluster.uri, sizeof(cluster.uri), "%.*s", (int)strcspn(line, "\n"),
		               line);
		return 0;
	}
	fputs(line, stdout);
	close(cluster.in);
	(void)waitpid(cluster.pid, &status, 0);
	cluster.pid = 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 77 ? 77 : 1;
}

void cluster_end(void)
{
	int status;

	if (cluster.pid == 0)
		return;
	close(cluster.in);
	fclose(cluster.out);
	(void)waitpid(cluster.pid, &status, 0);
	cluster.pid = 0;
}

bool cluster_is_there(void)
{
	return cluster.pid != 0;
}

static void tell(const char *word)
{
	char line[16];

	assert_int_equal(fd_write_all(cluster.in, word, strlen(word)), 0);
	assert_non_null(fgets(line, sizeof(line), cluster.out));
	assert_string_equal(line, "ok\n");
}

void cluster_stop(void)
{
	tell("stop\n");
}

void cluster_start(void)
{
	tell("start\n");
}

void cluster_place(struct str *uri)
{
	char name[32], sql[64];

	/* Also of a child that goes on where its parent was. */
	(void)snprintf(name, sizeof(name), "p%ld_%u", (long)getpid(), ++cluster.made);
	(void)snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", name);
	cluster_run(cluster.uri, sql, false);
	str_addf(uri, "%s&options=-csearch_path%%3D%s", cluster.uri, name);
}

/* Tables and indexes under the name that SQLite gives them. */
static void translate(const char *sql, struct str *out)
{
	static const char name[] = "sqlite_master";
	const char *mark = strstr(sql, name);

	if (mark == NULL) {
		str_adds(out, sql);
		return;
	}
	str_add(out, sql, (size_t)(mark - sql));
	str_adds(out,
	         "(SELECT indexname AS name, indexdef AS sql FROM pg_indexes WHERE schemaname ="
	         " current_schema() UNION ALL SELECT tablename, '' FROM pg_tables WHERE"
	         " schemaname = current_schema()) AS objects");
	str_adds(out, mark + strlen(name));
}

int64_t cluster_run(const char *uri, const char *sql, bool wants_row)
{
	PGconn *c = PQconnectdb(uri);
	struct str text = STR_INIT;
	PGresult *result;
	int64_t number = 0;

	translate(sql, &text);
	result = PQexec(c, text.p);
	if (PQresultStatus(result) != (wants_row ? PGRES_TUPLES_OK : PGRES_COMMAND_OK))
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	if (wants_row) {
		const char *value = PQgetvalue(result, 0, 0);

		number = strcmp(value, "t") == 0 ? 1 : strtoll(value, NULL, 10);
	}
	PQclear(result);
	PQfinish(c);
	str_release(&text);
	return number;
}
