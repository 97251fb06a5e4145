/* Rows that are sent as the tables have them: workers, requirements, recruiters, jobs. */
#include "server/core.h"
#include "server/list.h"
#include "server/reader.h"
#include "server/server.h"
#include "store/store.h"

/* A group of calls that takes so long waits for something. */
#define STUCK_NS (10 * INT64_C(1000000000))

void read_workers(struct reader *reader, struct call *call)
{
	static const char *const fields[] = {"worker_id", "name",   "hostname", "status",  "batch",
	                                     "permanent", "flavor", "region",   "provider"};
	struct list list;

	list_init(&list, reader, call, TABLE_WORKER);
	list.query.limit = 0; /* there are never many */
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!list_where(&list, fields[i], fields[i], false)) {
			call_problem(call);
			return;
		}
	}
	list_send(&list, NULL, NULL, NULL);
}

void read_worker(struct reader *reader, struct call *call)
{
	struct worker worker = {.worker_id = call->ids[0]};

	row_send(reader, call, TABLE_WORKER, &worker,
	         arena_printf(&call->arena, "there is no worker %lld", (long long)call->ids[0]));
}

void read_requirements(struct reader *reader, struct call *call)
{
	struct list list;

	list_init(&list, reader, call, TABLE_REQUIREMENT);
	list_where(&list, "task_id", "task_id", false);
	list_where(&list, "other_task_id", "other_task_id", false);
	list_send(&list, NULL, NULL, NULL);
}

void read_recruiters(struct reader *reader, struct call *call)
{
	struct list list;

	list_init(&list, reader, call, TABLE_RECRUITER);
	list.query.limit = 0;
	list_where(&list, "batch", "batch", false);
	list_where(&list, "rank", "rank", false);
	list_send(&list, NULL, NULL, NULL);
}

void read_recruiter(struct reader *reader, struct call *call)
{
	struct recruiter recruiter = {.batch = call->names[0], .rank = call->ids[0]};

	row_send(reader, call, TABLE_RECRUITER, &recruiter,
	         arena_printf(&call->arena, "there is no recruiter of batch %.200s with rank %lld",
	                      call->names[0], (long long)call->ids[0]));
}

void read_jobs(struct reader *reader, struct call *call)
{
	struct list list;

	list_init(&list, reader, call, TABLE_JOB);
	if (list_where(&list, "status", "status", false))
		list_send(&list, NULL, NULL, NULL);
	else
		call_problem(call);
}

void read_job(struct reader *reader, struct call *call)
{
	struct job job = {.job_id = call->ids[0]};

	row_send(reader, call, TABLE_JOB, &job,
	         arena_printf(&call->arena, "there is no job %lld", (long long)call->ids[0]));
}

void read_ready(struct reader *reader, struct call *call)
{
	enum store_result result = store_reader_begin(reader->store);
	json_t *object;

	/* No v1 client asks this: a probe is to see the 503. */
	call->ours = true;
	if (result != STORE_OK) {
		read_failed(reader, call, result);
		call_problem(call);
		return;
	}
	store_reader_end(reader->store);
	if (!core_serves(reader->server->core) || core_busy_ns(reader->server->core) > STUCK_NS) {
		problem_set(&call->problem, PROBLEM_UNAVAILABLE,
		            "the database does not take anything");
		call_problem(call);
		return;
	}
	if (!core_has_room(reader->server->core)) {
		problem_set(&call->problem, PROBLEM_UNAVAILABLE,
		            "the database has refused changes within the last minute: its disk is "
		            "full, or fails");
		call_problem(call);
		return;
	}
	object = json_object();
	json_object_set_new(object, "status", json_string("ready"));
	call_reply(call, 200, object);
}
