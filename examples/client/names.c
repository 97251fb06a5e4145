/* Name of each worker, its status and when it last spoke, from typed rows: names [SERVER] */
#define _POSIX_C_SOURCE 200809L
#include <scitq.h>

#include <stdio.h>
#include <time.h>

static void print_row(const struct scitq_worker *worker)
{
	time_t seconds = (time_t)(worker->last_contact_date / 1000000);
	char date[32] = "never";
	struct tm tm;

	if (worker->last_contact_date != SCITQ_INT_NULL && gmtime_r(&seconds, &tm) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &tm);
	printf("%s\t%s\t%s\n", worker->name,
	       worker->status == SCITQ_WORKER_RUNNING ? "running" : "not running", date);
}

int main(int argc, char **argv)
{
	struct scitq *s = scitq_open(argc > 1 ? argv[1] : "127.0.0.1", NULL);
	struct scitq_answer *workers;
	bool ok;

	if (s == NULL) {
		fprintf(stderr, "names: %s is no server\n", argv[1]);
		return 2;
	}
	workers = scitq_workers(s, NULL);
	ok = scitq_result(workers) == SCITQ_OK;
	for (size_t i = 0; i < scitq_count(workers); i++)
		print_row(scitq_worker(workers, i));
	if (!ok)
		fprintf(stderr, "names: %s\n", scitq_error(workers));
	scitq_free(workers);
	scitq_close(s, -1);
	return ok ? 0 : 1;
}
