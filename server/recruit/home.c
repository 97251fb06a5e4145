#include "server/recruit/home.h"

#include "model/json.h"
#include "server/columns.h"
#include "server/recruit/roster.h"
#include "server/run.h"
#include "server/worker.h"

const char *home_text(struct core *core, const struct worker_node *worker,
                      const struct roster_worker *row)
{
	struct str text = STR_INIT;
	const char *kept;
	json_t *home;

	if (!row->permanent || row->home != NULL || worker_batch(worker) == NULL)
		return row->home;
	home = json_pack("{s:s, s:I, s:I}", "batch", worker_batch(worker), "concurrency",
	                 (json_int_t)worker->concurrency, "prefetch", (json_int_t)worker->prefetch);
	json_print(home, &text);
	json_decref(home);
	kept = arena_strdup(&core->arena, text.p);
	str_release(&text);
	return kept;
}

/* Of a run that goes on, or of none. */
static bool is_wanted(const struct state *state, const struct worker_node *worker)
{
	const char *name = worker_batch(worker);
	const struct batch_node *batch = name ? state_batch_find(state, name) : NULL;
	const struct run_node *run = batch && batch->run != 0 ? run_find(state, batch->run) : NULL;

	/* A run that memory does not hold has ended. */
	return batch != NULL && (batch->run == 0 || (run != NULL && !run_ended(run)));
}

void home_look(struct core *core, struct worker_node *worker, const struct roster_worker *row)
{
	struct worker back = {.task_properties = "{}"};
	json_t *home;

	if (row->home == NULL || !worker_holds_nothing(worker) || is_wanted(&core->state, worker))
		return;
	home = json_loads(row->home, 0, NULL);
	back.batch = json_string_value(json_object_get(home, "batch"));
	back.concurrency = json_integer_value(json_object_get(home, "concurrency"));
	back.prefetch = json_integer_value(json_object_get(home, "prefetch"));
	if (back.batch != NULL && back.concurrency > 0 && back.prefetch >= 0) {
		log_info(core->log, "worker %s goes back to batch %s", worker->name, back.batch);
		worker_change(core, worker, &back,
		              BIT(WORKER_COL_batch) | BIT(WORKER_COL_concurrency) |
		                      BIT(WORKER_COL_prefetch) | BIT(WORKER_COL_task_properties) |
		                      BIT(WORKER_COL_home));
	}
	json_decref(home);
}
