#include "server/known_show.h"

#include "model/json.h"
#include "server/fleet.h"
#include "server/known.h"
#include "server/reply.h"

#include <stdlib.h>
#include <string.h>

/* "w1,w2", or null. */
static json_t *worker_names(const struct known_lists *lists, const struct known_batch *batch)
{
	struct str names = STR_INIT;
	json_t *value;

	for (size_t i = 0; batch->served && i < lists->nworkers; i++) {
		const struct known_worker *worker = &lists->workers[i];

		if (worker->pattern != NULL && pattern_matches(worker->pattern, batch->name))
			str_addf(&names, "%s%s", names.len ? "," : "", worker->name);
	}
	value = names.len > 0 ? json_text(names.p) : json_null();
	str_release(&names);
	return value;
}

static json_t *batch_json(const struct known_lists *lists, const struct known_batch *batch,
                          bool ours)
{
	static const enum task_status v1[] = {TASK_PENDING, TASK_ACCEPTED, TASK_RUNNING,
	                                      TASK_FAILED, TASK_SUCCEEDED};
	static const enum task_status more[] = {TASK_PAUSED, TASK_WAITING, TASK_ASSIGNED,
	                                        TASK_DEBUG};
	json_t *value = json_object();

	json_object_set_new(value, "batch", json_text(batch->name));
	for (size_t i = 0; i < sizeof(v1) / sizeof(v1[0]); i++)
		json_object_set_new(value, task_status_words[v1[i]],
		                    batch->counts[v1[i]] ? json_integer(batch->counts[v1[i]])
		                                         : json_null());
	json_object_set_new(value, "workers", worker_names(lists, batch));
	if (!ours)
		return value;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		json_object_set_new(value, task_status_words[more[i]],
		                    json_integer(batch->counts[more[i]]));
	json_object_set_new(value, "stopped", json_boolean(batch->paused));
	json_object_set_new(value, "concurrency", reply_integer(batch->concurrency));
	json_object_set_new(value, "lease_seconds", reply_integer(batch->lease_seconds));
	json_object_set_new(value, "run_id", batch->run ? json_integer(batch->run) : json_null());
	return value;
}

/* v1 lists those that have tasks. */
static bool is_shown(const struct known_batch *batch, bool ours)
{
	if (ours && (batch->stored || batch->served))
		return true;
	for (int s = 0; s < TASK_STATUS_COUNT; s++) {
		if (batch->counts[s] > 0)
			return true;
	}
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct known_batch *)a)->name, ((const struct known_batch *)b)->name);
}

bool known_batch_list(struct known *known, struct call *call)
{
	struct known_lists lists;
	json_t *array;

	if (!known_batches(known, &call->arena, &lists))
		return false;
	if (lists.nbatches > 1)
		qsort(lists.batches, lists.nbatches, sizeof(lists.batches[0]), by_name);
	array = json_array();
	for (size_t i = 0; i < lists.nbatches; i++) {
		if (is_shown(&lists.batches[i], call->ours))
			json_array_append_new(array,
			                      batch_json(&lists, &lists.batches[i], call->ours));
	}
	call_reply(call, 200, array);
	return true;
}

bool known_workers_tasks(struct known *known, struct call *call)
{
	struct known_lists lists;
	json_t *array;

	if (!known_workers(known, &call->arena, &lists))
		return false;
	array = json_array();
	for (size_t i = 0; i < lists.nworkers; i++) {
		const struct known_worker *worker = &lists.workers[i];

		for (int s = 0; s < EXECUTION_STATUS_COUNT; s++) {
			if (worker->counts[s] > 0)
				json_array_append_new(array,
				                      json_pack("{s:I, s:s, s:I}", "worker_id",
				                                (json_int_t)worker->id, "status",
				                                execution_status_words[s], "count",
				                                (json_int_t)worker->counts[s]));
		}
	}
	call_reply(call, 200, array);
	return true;
}
