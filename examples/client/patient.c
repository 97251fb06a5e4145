/*
 * A task for each line of standard input, one after the other: patient SERVER [PUT_TIMEOUT [SPOOL]]
 *
 * It goes on while the server is away: what it asks for then is queued, and sent when the server is
 * back. Each task requires the one before, of which nobody may know the number yet.
 */
#define _POSIX_C_SOURCE 200809L
#include <scitq.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 1000

static void tell(void *context, const char *message)
{
	(void)context;
	fprintf(stderr, "patient: %s\n", message);
}

static struct scitq_answer *create(struct scitq *s, const char *name, struct scitq_answer *before)
{
	const struct scitq_ref required = scitq_of(before);
	const struct scitq_new_task task = {
	        .command = "echo \"it's $0\"; exit 0",
	        .shell = "sh",
	        .name = name,
	        .required = before ? &required : NULL,
	        .nrequired = before != NULL,
	};

	return scitq_task_create(s, &task);
}

static size_t read_all(struct scitq *s, struct scitq_answer **tasks)
{
	char line[256];
	size_t n = 0;

	while (n < MOST && fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		tasks[n] = create(s, line, n > 0 ? tasks[n - 1] : NULL);
		printf("%s: %s\n", line, scitq_ready(tasks[n]) ? "sent" : "queued");
		fflush(stdout);
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	const struct scitq_join_options join = {.check = true};
	struct scitq_answer *tasks[MOST], *done;
	struct scitq *s;
	size_t n;
	bool ok;

	options.put_timeout = argc > 2 ? strtod(argv[2], NULL) : 60;
	options.get_timeout = 300;
	options.spool = argc > 3 ? argv[3] : NULL;
	options.log = tell;
	s = argc > 1 ? scitq_open(argv[1], &options) : NULL;
	if (s == NULL) {
		perror("patient SERVER [PUT_TIMEOUT [SPOOL]]");
		return 2;
	}
	n = read_all(s, tasks);
	done = scitq_join(s, tasks, n, &join);
	ok = scitq_result(done) == SCITQ_OK;
	if (!ok)
		fprintf(stderr, "patient: %s\n", scitq_error(done));
	for (size_t i = 0; i < n; i++) {
		printf("%lld\n", (long long)scitq_id(tasks[i]));
		scitq_free(tasks[i]);
	}
	scitq_free(done);
	scitq_close(s, -1);
	return ok ? 0 : 1;
}
