#include "server/job.h"

#include "model/json.h"
#include "server/columns.h"
#include "server/provider/dispatch.h"
#include "server/provider/watch.h"
#include "server/record.h"
#include "server/recruit/recruit.h"
#include "server/reply.h"
#include "server/token.h"
#include "store/store.h"

#include <assert.h>
#include <string.h>

#define LOG_MOST 65536
#define CUT "[...]\n"

const char *const job_action_words[JOB_ACTION_COUNT] = {"worker_create", "worker_deploy",
                                                        "worker_destroy"};

/* What is paid for is given back with more patience. */
const int64_t job_retries[JOB_ACTION_COUNT] = {2, 2, 5};

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void node_free(struct job_node *job)
{
	free(job->target);
	free(job->provider);
	free(job->region);
	free(job->flavor);
	free(job->batch);
	free(job);
}

void job_nodes_release(struct state *state)
{
	for (size_t i = 0; i < state->jobs.n; i++)
		node_free(state->jobs.v[i]);
	vec_release(&state->jobs);
}

static struct job_node *node_add(struct core *core, const struct job *row, json_t *args)
{
	struct job_node *job = xcalloc(1, sizeof(*job));
	int action = status_parse(job_action_words, JOB_ACTION_COUNT, row->action);

	assert(action >= 0);
	job->id = (uint32_t)row->job_id;
	job->action = (enum job_action)action;
	job->status = (enum job_status)row->status;
	job->target = xstrdup(row->target);
	job->provider = copy(json_string_value(json_object_get(args, "provider")));
	job->region = copy(json_string_value(json_object_get(args, "region")));
	job->flavor = copy(json_string_value(json_object_get(args, "flavor")));
	job->batch = copy(json_string_value(json_object_get(args, "batch")));
	job->retry = row->retry;
	job->progress = row->progress;
	vec_push(&core->state.jobs, job);
	dispatch_look(core);
	return job;
}

bool job_load(void *context, const void *row_p)
{
	struct core *core = context;
	const struct job *row = row_p;
	struct job_node *job;
	json_t *args;

	if (row->action == NULL || row->target == NULL || row->args == NULL ||
	    status_parse(job_action_words, JOB_ACTION_COUNT, row->action) < 0) {
		log_error(core->log, "job %lld is none that is known here: it stays as it is",
		          (long long)row->job_id);
		return true;
	}
	args = json_loads(row->args, 0, NULL);
	job = node_add(core, row, args);
	job->order = dispatch_order_of(core, job->id);
	json_decref(args);
	return true;
}

static bool queue_job(struct core *core, enum job_action action, const char *target,
                      const char *reason, json_t *args)
{
	const char *provider = json_string_value(json_object_get(args, "provider"));
	struct str text = STR_INIT;
	struct job row;
	bool ok;

	row_default(table_get(TABLE_JOB), &row);
	json_print(args, &text);
	row.job_id = ++core->state.last_job;
	row.target =
	        target ? target : arena_printf(&core->arena, "node%lld", (long long)row.job_id);
	row.action = job_action_words[action];
	row.args = text.p;
	row.status = JOB_PENDING;
	row.retry = job_retries[action];
	row.creation_date = row.modification_date = core->now_us;
	row.reason = dispatch_knows(core, provider)
	                     ? reason
	                     : arena_printf(&core->arena, "no provider %s",
	                                    provider ? provider : "of the worker");
	ok = record_insert(core, TABLE_JOB, &row);
	if (ok)
		node_add(core, &row, args);
	str_release(&text);
	json_decref(args);
	return ok;
}

bool job_deploy(struct core *core, const struct deployment *d)
{
	return queue_job(core, JOB_CREATE, NULL, NULL,
	                 json_pack("{s:s, s:o, s:s, s:s, s:I, s:I}", "provider", d->provider,
	                           "region", json_text(d->region), "flavor", d->flavor, "batch",
	                           d->batch, "concurrency", (json_int_t)d->concurrency, "prefetch",
	                           (json_int_t)d->prefetch));
}

bool job_destroy(struct core *core, const struct worker *worker, const char *reason)
{
	if (job_of(&core->state, JOB_DESTROY, worker->name) != NULL)
		return true;
	return token_revoke(core, worker->name) &&
	       queue_job(core, JOB_DESTROY, worker->name, reason,
	                 json_pack("{s:o, s:o, s:o, s:o}", "worker_id",
	                           reply_integer(worker->worker_id), "provider",
	                           json_text(worker->provider), "region", json_text(worker->region),
	                           "flavor", json_text(worker->flavor)));
}

struct job_node *job_find(const struct state *state, uint32_t id)
{
	size_t low = 0, high = state->jobs.n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (state->jobs.v[middle]->id == id)
			return state->jobs.v[middle];
		if (state->jobs.v[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool job_makes(const struct job_node *job)
{
	return job->action != JOB_DESTROY && job_is_to_do(job);
}

struct job_node *job_of(const struct state *state, enum job_action action, const char *target)
{
	for (size_t i = 0; i < state->jobs.n; i++) {
		struct job_node *job = state->jobs.v[i];

		if (job->action == action && job_is_to_do(job) && strcmp(job->target, target) == 0)
			return job;
	}
	return NULL;
}

bool job_is_open(const struct state *state, const char *target)
{
	for (size_t i = 0; i < state->jobs.n; i++) {
		if (strcmp(state->jobs.v[i]->target, target) == 0)
			return true;
	}
	return false;
}

void jobs_sweep(struct state *state)
{
	size_t kept = 0;

	for (size_t i = 0; i < state->jobs.n; i++) {
		struct job_node *job = state->jobs.v[i];

		if (job_is_to_do(job) || job->order != 0)
			state->jobs.v[kept++] = job;
		else
			node_free(job);
	}
	state->jobs.n = kept;
}

bool job_move(struct core *core, struct job_node *job, enum job_event event, const char *reason)
{
	const struct transition *t = job_transition(job->status, event);
	struct job row = {.job_id = job->id, .reason = reason, .modification_date = core->now_us};

	assert(t != NULL);
	job->status = (enum job_status)t->to;
	if (job->status == JOB_SUCCEEDED)
		job->progress = 100;
	else if (job->status == JOB_PENDING)
		job->progress = 0;
	if (job->action != JOB_DESTROY && !job_is_to_do(job))
		recruit_learn(core, job);
	row.status = (int8_t)job->status;
	row.progress = job->progress;
	row.retry = job->retry;
	dispatch_look(core);
	return record_update(core, TABLE_JOB, &row,
	                     BIT(JOB_COL_status) | BIT(JOB_COL_progress) | BIT(JOB_COL_retry) |
	                             BIT(JOB_COL_reason) | BIT(JOB_COL_modification_date));
}

bool job_set_progress(struct core *core, struct job_node *job, int64_t percent, const char *reason)
{
	struct job row = {.job_id = job->id,
	                  .progress = percent,
	                  .reason = reason,
	                  .modification_date = core->now_us};

	job->progress = percent;
	return record_update(core, TABLE_JOB, &row,
	                     BIT(JOB_COL_progress) | BIT(JOB_COL_reason) |
	                             BIT(JOB_COL_modification_date));
}

bool job_log(struct core *core, struct job_node *job, const char *text)
{
	struct job row = {.job_id = job->id};
	struct str log = STR_INIT;
	bool ok;

	if (!record_find(core, TABLE_JOB, &row))
		return core->group_failed ? false : core_failed(core, "a job has no row");
	str_adds(&log, row.log ? row.log : "");
	str_adds(&log, text);
	row.log = log.p;
	if (log.len > LOG_MOST) {
		const char *from = log.p + log.len - LOG_MOST / 2;

		/* Not in the middle of a character. */
		while ((*from & 0xC0) == 0x80)
			from++;
		row.log = arena_printf(&core->arena, CUT "%s", from);
	}
	row.modification_date = core->now_us;
	ok = record_update(core, TABLE_JOB, &row,
	                   BIT(JOB_COL_log) | BIT(JOB_COL_modification_date));
	str_release(&log);
	return ok;
}

/* What the job said goes before what the worker says of itself. */
static bool fill(struct core *core, const struct job_node *job, struct worker *row)
{
	struct job job_row = {.job_id = job->id};
	struct flavor flavor = {.name = job->flavor, .provider = job->provider};
	const char *batch;
	json_t *args;

	if (!record_find(core, TABLE_JOB, &job_row))
		return core->group_failed ? false : core_failed(core, "a job has no row");
	args = json_loads(job_row.args, 0, NULL);
	batch = json_string_value(json_object_get(args, "batch"));
	row->batch = batch ? arena_strdup(&core->arena, batch) : row->batch;
	row->concurrency = json_integer_value(json_object_get(args, "concurrency"));
	row->prefetch = json_integer_value(json_object_get(args, "prefetch"));
	json_decref(args);
	row->permanent = 0;
	row->provider = job->provider;
	row->region = job->region;
	row->flavor = job->flavor;
	/* Of a part of a machine the worker may see the whole. */
	if (job->flavor != NULL && record_find(core, TABLE_FLAVOR, &flavor)) {
		if (flavor.cpu != INT_NULL)
			row->cpus = (double)flavor.cpu;
		if (!isnan(flavor.ram))
			row->ram = (int64_t)(flavor.ram * 1e9);
		/* It gives out those that it sees, no more. */
		if (flavor.gpus != INT_NULL && flavor.gpus < row->gpus)
			row->gpus = flavor.gpus;
	}
	return !core->group_failed;
}

bool job_admits(struct core *core, struct call *call, struct worker *row, struct job_node **job)
{
	*job = NULL;
	if (job_of(&core->state, JOB_DESTROY, row->name) != NULL)
		return problem_set(&call->problem, PROBLEM_FENCED,
		                   "the machine of worker %.80s is being given back", row->name);
	*job = job_of(&core->state, JOB_CREATE, row->name);
	if (*job == NULL)
		*job = job_of(&core->state, JOB_DEPLOY, row->name);
	return *job == NULL || fill(core, *job, row);
}

void job_joined(struct core *core, struct job_node *job)
{
	/* It may speak before its provider has said that it is there. */
	if (job->status == JOB_PENDING && !job_move(core, job, JOB_EVENT_START, NULL))
		return;
	log_info(core->log, "worker %s of provider %s is there", job->target, job->provider);
	watch_joined(core, dispatch_watch(core), job->provider);
	job_move(core, job, JOB_EVENT_SUCCEED, NULL);
}
