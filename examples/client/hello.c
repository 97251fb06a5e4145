/* A task, and what it printed: hello [SERVER] */
#include <scitq.h>

#include <stdio.h>

/* What went wrong, said; whether it did. */
static bool failed(struct scitq_answer *answer)
{
	if (scitq_result(answer) == SCITQ_OK)
		return false;
	fprintf(stderr, "hello: %s\n", scitq_error(answer));
	if (scitq_hint(answer)[0] != '\0')
		fprintf(stderr, "help: %s\n", scitq_hint(answer));
	return true;
}

static bool print_output(struct scitq *s, int64_t task_id)
{
	const struct scitq_filter latest = {.task_id = task_id, .latest = SCITQ_YES};
	struct scitq_answer *executions = scitq_executions(s, &latest);
	const struct scitq_execution *execution = scitq_execution(executions, 0);
	bool ok = !failed(executions) && execution != NULL;

	if (ok && execution->output != NULL)
		fputs(execution->output, stdout);
	scitq_free(executions);
	return ok;
}

int main(int argc, char **argv)
{
	struct scitq *s = scitq_open(argc > 1 ? argv[1] : "127.0.0.1", NULL);
	const struct scitq_new_task hello = {.command = "echo hello", .name = "hello"};
	const struct scitq_join_options options = {.check = true};
	struct scitq_answer *task, *row, *done;
	bool ok;

	if (s == NULL) {
		fprintf(stderr, "hello: %s is no server\n", argv[1]);
		return 2;
	}
	task = scitq_task_create(s, &hello);
	row = scitq_task_get(s, scitq_of(task));
	done = scitq_join(s, &task, 1, &options);
	ok = !failed(task) && !failed(row) && !failed(done);
	if (ok) {
		printf("task %lld: %s\n", (long long)scitq_id(task), scitq_task(row, 0)->command);
		ok = print_output(s, scitq_id(task));
	}
	scitq_free(task);
	scitq_free(row);
	scitq_free(done);
	scitq_close(s, -1);
	return ok ? 0 : 1;
}
