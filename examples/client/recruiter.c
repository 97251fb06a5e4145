/*
 * A recruiter that hires one worker for every ten tasks that wait in a batch:
 * recruiter SERVER BATCH FLAVOR [PROVIDER REGION]
 */
#include <scitq.h>

#include <stdio.h>

int main(int argc, char **argv)
{
	struct scitq *s = argc > 3 ? scitq_open(argv[1], NULL) : NULL;
	struct scitq_answer *answer;
	const struct scitq_recruiter *recruiter;
	bool ok;

	if (s == NULL) {
		fputs("usage: recruiter SERVER BATCH FLAVOR [PROVIDER REGION]\n", stderr);
		return 2;
	}
	/* Without provider and region it recycles workers that others leave. */
	answer = scitq_recruiter_create(
	        s, argv[2], 1,
	        json_pack("{s:i, s:s, s:i, s:i, s:i, s:s?, s:s?}", "tasks_per_worker", 10,
	                  "worker_flavor", argv[3], "worker_concurrency", 2, "minimum_tasks", 1,
	                  "maximum_workers", 5, "worker_provider", argc > 5 ? argv[4] : NULL,
	                  "worker_region", argc > 5 ? argv[5] : NULL));
	ok = scitq_result(answer) == SCITQ_OK;
	recruiter = scitq_recruiter(answer, 0);
	if (ok)
		printf("%s, rank %lld: %s for %lld tasks, %lld workers at most\n", recruiter->batch,
		       (long long)recruiter->rank, recruiter->worker_flavor,
		       (long long)recruiter->tasks_per_worker,
		       (long long)recruiter->maximum_workers);
	else
		fprintf(stderr, "recruiter: %s\n", scitq_error(answer));
	scitq_free(answer);
	scitq_close(s, -1);
	return ok ? 0 : 1;
}
