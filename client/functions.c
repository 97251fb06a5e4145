/* The functions of scitq.h that ask the server: their arguments by name, for the call of calls.def.
 */
#include "client/inside.h"
#include "client/made.h"
#include "model/json.h"

#include <math.h>

/* Whether it is UTF-8 the call looks at. */
static void set_text(json_t *arguments, const char *name, const char *text)
{
	if (text != NULL)
		json_put(arguments, name, json_string_nocheck(text));
}

/* 0 is not given. */
static void set_int(json_t *arguments, const char *name, int64_t value)
{
	if (value != 0)
		json_put(arguments, name, json_integer(value));
}

static void set_real(json_t *arguments, const char *name, double value)
{
	if (value != 0)
		json_put(arguments, name, json_real(value));
}

static void set_flag(json_t *arguments, const char *name, bool value)
{
	if (value)
		json_put(arguments, name, json_true());
}

static void set_choice(json_t *arguments, const char *name, enum scitq_choice choice)
{
	if (choice != SCITQ_ANY)
		json_put(arguments, name, json_boolean(choice == SCITQ_YES));
}

static json_t *ids(const struct scitq_filter *filter)
{
	json_t *list = json_made(json_array());

	for (size_t i = 0; i < filter->nids; i++)
		json_append(list, json_integer(filter->ids[i]));
	return list;
}

/* What the filter gives; the call refuses what its function does not take. */
static struct scitq_answer *list(struct scitq *s, enum call_number call,
                                 const struct scitq_filter *filter, const char *id_name)
{
	static const struct scitq_filter everything;
	const struct scitq_filter *f = filter ? filter : &everything;
	json_t *arguments = json_made(json_object());

	set_text(arguments, "batch", f->batch);
	set_text(arguments, "status", f->status);
	set_text(arguments, call == CALL_executions ? "task_name" : "name", f->name);
	set_text(arguments, "hostname", f->hostname);
	set_text(arguments, "flavor", f->flavor);
	set_text(arguments, "region", f->region);
	set_text(arguments, "provider", f->provider);
	set_int(arguments, "task_id", f->task_id);
	set_int(arguments, "other_task_id", f->other_task_id);
	set_int(arguments, "run_id", f->run_id);
	set_int(arguments, "rank", f->rank);
	set_int(arguments, "limit", f->limit);
	set_int(arguments, "after", f->after);
	set_choice(arguments, "permanent", f->permanent);
	set_choice(arguments, "latest", f->latest);
	set_flag(arguments, "reverse", f->reverse);
	set_flag(arguments, "no_output", f->no_output);
	set_int(arguments, "trunc", f->trunc);
	set_text(arguments, "view", f->full ? "full" : NULL);
	/* No ids is all; an empty list of them is none. */
	if (f->ids != NULL)
		json_put(arguments, id_name, ids(f));
	return make_row_call(s, call_row(call), arguments, NULL, 0);
}

static json_t *fields_or_none(json_t *fields)
{
	return fields ? json_own(fields) : json_made(json_object());
}

static struct scitq_answer *by_refs(struct scitq *s, enum call_number call, const char *name,
                                    struct scitq_ref ref, const char *other_name,
                                    struct scitq_ref other, json_t *fields)
{
	json_t *arguments = fields_or_none(fields);
	struct scitq_lazy lazy[2];
	size_t n = 0;

	if (ref.answer != NULL)
		lazy[n++] = (struct scitq_lazy){name, 0, ref.answer};
	else
		json_put(arguments, name, json_integer(ref.id));
	if (other_name != NULL && other.answer != NULL)
		lazy[n++] = (struct scitq_lazy){other_name, 0, other.answer};
	else if (other_name != NULL)
		json_put(arguments, other_name, json_integer(other.id));
	return make_row_call(s, call_row(call), arguments, lazy, n);
}

static struct scitq_answer *by_ref(struct scitq *s, enum call_number call, const char *name,
                                   struct scitq_ref ref, json_t *fields)
{
	return by_refs(s, call, name, ref, NULL, ref, fields);
}

static struct scitq_answer *plain(struct scitq *s, enum call_number call)
{
	return make_row_call(s, call_row(call), NULL, NULL, 0);
}

/* Tasks. */

struct scitq_answer *scitq_tasks(struct scitq *s, const struct scitq_filter *filter)
{
	return list(s, CALL_tasks, filter, "task_id");
}

struct scitq_answer *scitq_tasks_status(struct scitq *s, const struct scitq_filter *filter)
{
	return list(s, CALL_tasks_status, filter, "task_id");
}

struct scitq_answer *scitq_task_get(struct scitq *s, struct scitq_ref task)
{
	return by_ref(s, CALL_task_get, "task_id", task, NULL);
}

static void set_uris(json_t *arguments, const char *name, const char *const *uris)
{
	json_t *array;

	if (uris == NULL)
		return;
	array = json_made(json_array());
	for (; *uris != NULL; uris++)
		json_append(array, json_string_nocheck(*uris));
	json_put(arguments, name, array);
}

struct scitq_answer *scitq_task_create(struct scitq *s, const struct scitq_new_task *t)
{
	json_t *arguments = fields_or_none(t->more), *required = json_made(json_array());
	struct scitq_lazy *lazy = calloc(t->nrequired + 1, sizeof(*lazy));
	struct scitq_answer *answer;
	size_t n = 0;

	if (lazy == NULL)
		alloc_note();
	set_text(arguments, "command", t->command);
	set_text(arguments, "shell", t->shell);
	set_text(arguments, "name", t->name);
	set_text(arguments, "batch", t->batch);
	set_uris(arguments, "input", t->input);
	set_uris(arguments, "resource", t->resource);
	set_text(arguments, "output", t->output);
	set_text(arguments, "container", t->container);
	set_text(arguments, "container_options", t->container_options);
	set_int(arguments, "retry", t->retry);
	set_int(arguments, "download_timeout", t->download_timeout);
	set_int(arguments, "run_timeout", t->run_timeout);
	set_int(arguments, "upload_timeout", t->upload_timeout);
	set_flag(arguments, "use_cache", t->use_cache);
	set_text(arguments, "status", t->status);
	for (size_t i = 0; i < t->nrequired; i++) {
		struct scitq_ref ref = t->required[i];

		json_append(required, ref.answer ? json_null() : json_integer(ref.id));
		if (ref.answer != NULL && lazy != NULL)
			lazy[n++] = (struct scitq_lazy){"required_task_ids", i, ref.answer};
	}
	if (t->nrequired > 0)
		json_put(arguments, "required_task_ids", json_incref(required));
	json_decref(required);
	answer = make_row_call(s, call_row(CALL_task_create), arguments, lazy, n);
	free(lazy);
	return answer;
}

struct scitq_answer *scitq_task_update(struct scitq *s, struct scitq_ref task, json_t *fields)
{
	return by_ref(s, CALL_task_update, "task_id", task, fields);
}

struct scitq_answer *scitq_task_delete(struct scitq *s, struct scitq_ref task)
{
	return by_ref(s, CALL_task_delete, "task_id", task, NULL);
}

struct scitq_answer *scitq_task_why(struct scitq *s, struct scitq_ref task)
{
	return by_ref(s, CALL_task_why, "task_id", task, NULL);
}

struct scitq_answer *scitq_task_freeze(struct scitq *s, struct scitq_ref task, int64_t execution_id,
                                       json_t *fields)
{
	return by_refs(s, CALL_task_freeze, "task_id", task, "execution_id",
	               scitq_ref(execution_id), fields);
}

/* Workers. */

struct scitq_answer *scitq_workers(struct scitq *s, const struct scitq_filter *filter)
{
	return list(s, CALL_workers, filter, "worker_id");
}

struct scitq_answer *scitq_worker_get(struct scitq *s, struct scitq_ref worker)
{
	return by_ref(s, CALL_worker_get, "worker_id", worker, NULL);
}

struct scitq_answer *scitq_worker_create(struct scitq *s, json_t *fields)
{
	return make_row_call(s, call_row(CALL_worker_create), json_own(fields), NULL, 0);
}

struct scitq_answer *scitq_worker_update(struct scitq *s, struct scitq_ref worker, json_t *fields)
{
	return by_ref(s, CALL_worker_update, "worker_id", worker, fields);
}

struct scitq_answer *scitq_worker_delete(struct scitq *s, struct scitq_ref worker)
{
	return by_ref(s, CALL_worker_delete, "worker_id", worker, NULL);
}

struct scitq_answer *scitq_worker_deploy(struct scitq *s, const struct scitq_new_workers *w)
{
	json_t *arguments = json_made(json_object());

	set_int(arguments, "number", w->number);
	set_text(arguments, "batch", w->batch);
	set_text(arguments, "region", w->region);
	set_text(arguments, "provider", w->provider);
	set_text(arguments, "flavor", w->flavor);
	set_int(arguments, "concurrency", w->concurrency);
	set_int(arguments, "prefetch", w->prefetch);
	return make_row_call(s, call_row(CALL_worker_deploy), arguments, NULL, 0);
}

struct scitq_answer *scitq_worker_create_signal(struct scitq *s, struct scitq_ref worker,
                                                int64_t execution_id, int signal)
{
	json_t *fields = json_made(json_pack("{s:i}", "signal", signal));

	set_int(fields, "execution_id", execution_id);
	return by_ref(s, CALL_worker_create_signal, "worker_id", worker, fields);
}

struct scitq_answer *scitq_worker_executions(struct scitq *s, struct scitq_ref worker,
                                             const char *status)
{
	json_t *fields = json_made(json_object());

	set_text(fields, "status", status);
	return by_ref(s, CALL_worker_executions, "worker_id", worker, fields);
}

struct scitq_answer *scitq_worker_ping(struct scitq *s, struct scitq_ref worker, json_t *fields)
{
	return by_ref(s, CALL_worker_ping, "worker_id", worker, fields);
}

struct scitq_answer *scitq_worker_callback(struct scitq *s, struct scitq_ref worker,
                                           const char *message)
{
	json_t *fields = json_made(json_object());

	set_text(fields, "message", message);
	return by_ref(s, CALL_worker_callback, "worker_id", worker, fields);
}

struct scitq_answer *scitq_workers_tasks(struct scitq *s)
{
	return plain(s, CALL_workers_tasks);
}

/* Executions. */

struct scitq_answer *scitq_executions(struct scitq *s, const struct scitq_filter *filter)
{
	return list(s, CALL_executions, filter, "task_id");
}

struct scitq_answer *scitq_execution_get(struct scitq *s, struct scitq_ref execution)
{
	return by_ref(s, CALL_execution_get, "execution_id", execution, NULL);
}

struct scitq_answer *scitq_execution_create(struct scitq *s, struct scitq_ref worker,
                                            struct scitq_ref task)
{
	return by_refs(s, CALL_execution_create, "worker_id", worker, "task_id", task, NULL);
}

struct scitq_answer *scitq_execution_update(struct scitq *s, struct scitq_ref execution,
                                            json_t *fields)
{
	return by_ref(s, CALL_execution_update, "execution_id", execution, fields);
}

struct scitq_answer *scitq_execution_delete(struct scitq *s, struct scitq_ref execution)
{
	return by_ref(s, CALL_execution_delete, "execution_id", execution, NULL);
}

struct scitq_answer *scitq_execution_output(struct scitq *s, struct scitq_ref execution,
                                            int64_t output_position, int64_t error_position)
{
	json_t *fields = json_made(json_object());

	set_int(fields, "output_position", output_position);
	set_int(fields, "error_position", error_position);
	return by_ref(s, CALL_execution_output, "execution_id", execution, fields);
}

static struct scitq_answer *execution_text(struct scitq *s, enum call_number call,
                                           struct scitq_ref execution, const char *text)
{
	json_t *fields = json_made(json_object());
	bool before;

	/* What programs print is taken as it is, of a lack of memory the call hears. */
	alloc_tolerate(&before);
	if (text != NULL)
		json_put(fields, "text", json_text(text));
	if (alloc_end(before))
		alloc_note();
	return by_ref(s, call, "execution_id", execution, fields);
}

struct scitq_answer *scitq_execution_output_write(struct scitq *s, struct scitq_ref execution,
                                                  const char *text)
{
	return execution_text(s, CALL_execution_output_write, execution, text);
}

struct scitq_answer *scitq_execution_error_write(struct scitq *s, struct scitq_ref execution,
                                                 const char *text)
{
	return execution_text(s, CALL_execution_error_write, execution, text);
}

struct scitq_answer *scitq_execution_output_files(struct scitq *s, struct scitq_ref execution,
                                                  const char *names)
{
	return execution_text(s, CALL_execution_output_files, execution, names);
}

/* Batches. */

struct scitq_answer *scitq_batches(struct scitq *s)
{
	return plain(s, CALL_batches);
}

static struct scitq_answer *by_batch(struct scitq *s, enum call_number call, const char *batch,
                                     int signal)
{
	json_t *arguments = json_made(json_object());

	set_text(arguments, "batch", batch);
	set_int(arguments, "signal", signal);
	return make_row_call(s, call_row(call), arguments, NULL, 0);
}

struct scitq_answer *scitq_batch_stop(struct scitq *s, const char *batch, int signal)
{
	return by_batch(s, CALL_batch_stop, batch, signal);
}

struct scitq_answer *scitq_batch_go(struct scitq *s, const char *batch, int signal)
{
	return by_batch(s, CALL_batch_go, batch, signal);
}

struct scitq_answer *scitq_batch_delete(struct scitq *s, const char *batch)
{
	return by_batch(s, CALL_batch_delete, batch, 0);
}

/* Requirements. */

struct scitq_answer *scitq_requirements(struct scitq *s, const struct scitq_filter *filter)
{
	return list(s, CALL_requirements, filter, "ids");
}

struct scitq_answer *scitq_requirement_create(struct scitq *s, struct scitq_ref task,
                                              struct scitq_ref other)
{
	return by_refs(s, CALL_requirement_create, "task_id", task, "other_task_id", other, NULL);
}

struct scitq_answer *scitq_requirement_delete(struct scitq *s, struct scitq_ref requirement)
{
	return by_ref(s, CALL_requirement_delete, "requirement_id", requirement, NULL);
}

/* Recruiters. */

struct scitq_answer *scitq_recruiters(struct scitq *s, const struct scitq_filter *filter)
{
	return list(s, CALL_recruiters, filter, "ids");
}

static struct scitq_answer *by_rank(struct scitq *s, enum call_number call, const char *batch,
                                    int64_t rank, json_t *fields)
{
	json_t *arguments = fields_or_none(fields);

	set_text(arguments, "batch", batch);
	json_put(arguments, "rank", json_integer(rank));
	return make_row_call(s, call_row(call), arguments, NULL, 0);
}

struct scitq_answer *scitq_recruiter_get(struct scitq *s, const char *batch, int64_t rank)
{
	return by_rank(s, CALL_recruiter_get, batch, rank, NULL);
}

struct scitq_answer *scitq_recruiter_create(struct scitq *s, const char *batch, int64_t rank,
                                            json_t *fields)
{
	return by_rank(s, CALL_recruiter_create, batch, rank, fields);
}

struct scitq_answer *scitq_recruiter_update(struct scitq *s, const char *batch, int64_t rank,
                                            json_t *fields)
{
	return by_rank(s, CALL_recruiter_update, batch, rank, fields);
}

struct scitq_answer *scitq_recruiter_delete(struct scitq *s, const char *batch, int64_t rank)
{
	return by_rank(s, CALL_recruiter_delete, batch, rank, NULL);
}

struct scitq_answer *scitq_recruiter_why(struct scitq *s, const char *batch, int64_t rank)
{
	return by_rank(s, CALL_recruiter_why, batch, rank, NULL);
}

struct scitq_answer *scitq_recruiters_match(struct scitq *s, const char *batch)
{
	return by_batch(s, CALL_recruiters_match, batch, 0);
}

/* Flavors, settings, jobs, runs. */

struct scitq_answer *scitq_flavors(struct scitq *s, const char *provider, const char *region,
                                   int64_t limit)
{
	const struct scitq_filter filter = {.provider = provider, .region = region, .limit = limit};

	return list(s, CALL_flavors, &filter, "ids");
}

struct scitq_answer *scitq_flavor_find(struct scitq *s, const struct scitq_flavor_filter *f)
{
	json_t *arguments = json_made(json_object());

	if (f != NULL && !isfinite(f->min_cpu + f->min_ram + f->min_disk + f->max_eviction)) {
		json_decref(arguments);
		return answer_failed(call_row(CALL_flavor_find), SCITQ_USAGE,
		                     "numbers of flavor_find must be finite");
	}
	if (f != NULL) {
		set_real(arguments, "min_cpu", f->min_cpu);
		set_real(arguments, "min_ram", f->min_ram);
		set_real(arguments, "min_disk", f->min_disk);
		set_real(arguments, "max_eviction", f->max_eviction);
		set_int(arguments, "limit", f->limit);
		set_text(arguments, "provider", f->provider);
		set_text(arguments, "region", f->region);
		set_text(arguments, "protofilters", f->protofilters);
	}
	return make_row_call(s, call_row(CALL_flavor_find), arguments, NULL, 0);
}

struct scitq_answer *scitq_config_rclone(struct scitq *s)
{
	return plain(s, CALL_config_rclone);
}

struct scitq_answer *scitq_config_remote(struct scitq *s)
{
	return plain(s, CALL_config_remote);
}

struct scitq_answer *scitq_jobs(struct scitq *s, const struct scitq_filter *filter)
{
	return list(s, CALL_jobs, filter, "ids");
}

struct scitq_answer *scitq_job_get(struct scitq *s, struct scitq_ref job)
{
	return by_ref(s, CALL_job_get, "job_id", job, NULL);
}

struct scitq_answer *scitq_runs(struct scitq *s, const struct scitq_filter *filter)
{
	return list(s, CALL_runs, filter, "ids");
}

struct scitq_answer *scitq_run_get(struct scitq *s, struct scitq_ref run)
{
	return by_ref(s, CALL_run_get, "run_id", run, NULL);
}

struct scitq_answer *scitq_run_update(struct scitq *s, struct scitq_ref run, json_t *fields)
{
	return by_ref(s, CALL_run_update, "run_id", run, fields);
}
