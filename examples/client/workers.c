/* The workers of a server as JSON: workers [SERVER] */
#include <scitq.h>

#include <stdio.h>

int main(int argc, char **argv)
{
	struct scitq *s = scitq_open(argc > 1 ? argv[1] : "127.0.0.1", NULL);
	struct scitq_answer *workers;
	bool ok;

	if (s == NULL) {
		fprintf(stderr, "workers: %s is no server\n", argv[1]);
		return 2;
	}
	workers = scitq_workers(s, NULL);
	ok = scitq_result(workers) == SCITQ_OK;
	if (ok && json_dumpf(scitq_json(workers), stdout, JSON_INDENT(1)) == 0)
		putchar('\n');
	if (!ok)
		fprintf(stderr, "workers: %s\n", scitq_error(workers));
	scitq_free(workers);
	scitq_close(s, -1);
	return ok ? 0 : 1;
}
