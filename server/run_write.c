/* Creating, changing and reading runs. See run.h. */
#include "model/json.h"
#include "server/columns.h"
#include "server/filter.h"
#include "server/handlers.h"
#include "server/hook.h"
#include "server/idempotency.h"
#include "server/record.h"
#include "server/recruiter.h"
#include "server/run.h"
#include "server/tally.h"

#include <stdlib.h>
#include <string.h>

/* Who submits says nothing to the run for so long; then it follows. */
#define SUBMITTING_NS (60 * INT64_C(1000000000))
/* What he sent before he left has come, or never does. */
#define LEFT_NS SUBMITTING_NS

struct run_request {
	struct run row;
	const char *who; /* NULL: nobody who could leave it */
	const char *key;
	struct batch *batches;
	struct recruiter *recruiters;
	size_t nbatches, nrecruiters;
};

static bool take_list(struct call *call, json_t *body, const char *name, json_t **list)
{
	*list = json_object_get(body, name);
	if (*list != NULL && !json_is_null(*list) && !json_is_array(*list))
		return problem_set(&call->problem, PROBLEM_BAD_TYPE, "%s must be an array, not %s",
		                   name, json_type_words(*list));
	return true;
}

static bool read_run(struct call *call, json_t *body, struct run_request *request)
{
	const struct table *table = table_get(TABLE_BATCH);
	json_t *batches, *recruiters;
	uint64_t set;

	if (!json_member_text(body, "key", &request->key, &call->problem) ||
	    (request->key != NULL && !name_check("key", request->key, &call->problem)) ||
	    (request->who != NULL && !name_check("who", request->who, &call->problem)) ||
	    !json_member_text(body, "who", &request->who, &call->problem) ||
	    !take_list(call, body, "batches", &batches) ||
	    !take_list(call, body, "recruiters", &recruiters))
		return false;
	request->nbatches = json_array_size(batches);
	request->nrecruiters = json_array_size(recruiters);
	request->batches = arena_array(&call->arena, struct batch, request->nbatches);
	request->recruiters = arena_array(&call->arena, struct recruiter, request->nrecruiters);
	for (size_t i = 0; i < request->nbatches; i++) {
		if (!row_from_json(table, json_array_get(batches, i), ROW_CREATE,
		                   &request->batches[i], &set, &call->arena, &call->problem) ||
		    !batch_name_read(call, request->batches[i].batch))
			return false;
	}
	for (size_t i = 0; i < request->nrecruiters; i++) {
		if (!recruiter_read(call, json_array_get(recruiters, i), &request->recruiters[i]))
			return false;
	}
	if (request->key != NULL)
		request->key = arena_strdup(&call->arena, request->key);
	if (request->who != NULL)
		request->who = arena_strdup(&call->arena, request->who);
	/* What remains are the fields of the row. */
	json_object_del(body, "batches");
	json_object_del(body, "recruiters");
	json_object_del(body, "key");
	json_object_del(body, "who");
	if (!row_from_json(table_get(TABLE_RUN), body, ROW_CREATE, &request->row, &set,
	                   &call->arena, &call->problem))
		return false;
	if (request->row.name[0] == '\0')
		return problem_set(&call->problem, PROBLEM_BAD_VALUE, "name is empty");
	return hook_check(call, &request->row);
}

void batch_put(struct core *core, const struct batch *row)
{
	struct state *state = &core->state;
	struct batch_node *batch = state_batch(state, row->batch);
	bool weighs = batch->concurrency != row->concurrency;

	if (!record_upsert(core, TABLE_BATCH, row,
	                   BIT(BATCH_COL_run_id) | BIT(BATCH_COL_concurrency) |
	                           BIT(BATCH_COL_lease_seconds) | BIT(BATCH_COL_depth) |
	                           BIT(BATCH_COL_hook)))
		return;
	batch->stored = true;
	batch->run = (uint32_t)row->run_id;
	batch->concurrency = row->concurrency;
	batch->lease_seconds = row->lease_seconds;
	batch->depth = row->depth;
	batch->hook = row->hook == 1;
	state_batch_changed(state, batch);
	if (weighs && batch->counts[TASK_ASSIGNED] + batch->counts[TASK_ACCEPTED] +
	                              batch->counts[TASK_RUNNING] >
	                      0)
		fleet_weigh_all(state);
}

static struct run_node *live_named(const struct state *state, const char *name)
{
	for (size_t i = state->runs.n; i-- > 0;) {
		if (!run_ended(state->runs.v[i]) && strcmp(state->runs.v[i]->name, name) == 0)
			return state->runs.v[i];
	}
	return NULL;
}

/* Of the run and with the word that reply_run() left in the call. */
static void answer_run(struct core *core, struct call *call)
{
	struct run_node *run = run_get(core, call->ids[0]);
	bool joined = call->ids[1] > 0;
	json_t *value;

	if (run == NULL) {
		core_refuse(core, call, PROBLEM_NOT_FOUND, "run %lld was deleted",
		            (long long)call->ids[0]);
		return;
	}
	if (!tally_run(core, run, call, answer_run) || (value = run_json(core, run)) == NULL)
		return;
	run_attached(core, run);
	json_object_set_new(value, "joined", json_boolean(joined));
	core_reply(core, call, call->ids[1] < 0 ? 201 : 200, value);
}

/* status 201: it is new. */
static void reply_run(struct core *core, struct call *call, struct run_node *run, const char *who,
                      int status, bool joined)
{
	/* A run that is new has room for its first. */
	if (who != NULL &&
	    !company_note(&run->company, who, core->now_ns, core->now_ns + SUBMITTING_NS)) {
		core_refuse(core, call, PROBLEM_BUSY, "%d follow run %u already", COMPANY_MOST,
		            run->id);
		return;
	}
	call->ids[0] = run->id;
	call->ids[1] = status == 201 ? -1 : joined;
	answer_run(core, call);
}

/* The run that was created under the key before. True where the call was answered. */
static bool answer_again(struct core *core, struct call *call, const struct run_request *request,
                         const char *digest)
{
	const char *key = request->key;
	struct idempotency row;
	struct problem problem;
	struct run_node *run;
	json_t *value;

	switch (idempotency_find(core, key, digest, &row)) {
	case KEY_NEW:
		return false;
	case KEY_OTHER:
		core_refuse(core, call, PROBLEM_CONFLICT,
		            "key \"%.80s\" was used for another request", key);
		return true;
	case KEY_FAILED:
		return true;
	case KEY_SAME:
		break;
	}
	value = json_parse(row.reply, strlen(row.reply), &problem);
	run = run_get(core, json_integer_value(json_object_get(value, "run_id")));
	json_decref(value);
	if (run != NULL)
		reply_run(core, call, run, request->who, 200, false);
	else
		core_refuse(core, call, PROBLEM_NOT_FOUND, "the run of key \"%.80s\" is gone", key);
	return true;
}

static void create(struct core *core, struct call *call, struct run_request *request,
                   const char *digest)
{
	struct run *row = &request->row;
	struct run_node *run;
	json_t *kept;

	row->run_id = ++core->state.last_run;
	row->status = RUN_SUBMITTING;
	row->creation_date = core->now_us;
	if (!record_insert(core, TABLE_RUN, row))
		return;
	run = run_add(&core->state, row);
	run->counted_to = UINT32_MAX;
	for (size_t i = 0; i < request->nbatches; i++) {
		request->batches[i].run_id = row->run_id;
		batch_put(core, &request->batches[i]);
		run_add_step(&core->state, run,
		             state_batch(&core->state, request->batches[i].batch)->index);
	}
	hook_batches(core, row);
	for (size_t i = 0; i < request->nrecruiters; i++)
		recruiter_put(core, &request->recruiters[i]);
	if (request->key != NULL) {
		kept = json_pack("{s:I}", "run_id", (json_int_t)run->id);
		idempotency_keep(core, request->key, digest, kept);
		json_decref(kept);
	}
	idempotency_prune(core);
	reply_run(core, call, run, request->who, 201, false);
}

void handle_run_create(struct core *core, struct call *call)
{
	struct run_request request = {.key = NULL};
	char digest[DIGEST_TEXT_SIZE];
	struct run_node *live;

	request_digest(call, digest);
	if (core->ending) {
		core_refuse(core, call, PROBLEM_UNAVAILABLE, "this private server is ending");
		return;
	}
	if (!read_run(call, call->body, &request)) {
		core_problem(core, call);
		return;
	}
	if (request.key != NULL && answer_again(core, call, &request, digest))
		return;
	live = live_named(&core->state, request.row.name);
	if (live == NULL) {
		create(core, call, &request, digest);
	} else if (strcmp(live->digest, request.row.digest) == 0) {
		reply_run(core, call, live, request.who, 200, true);
	} else {
		core_refuse(core, call, PROBLEM_CONFLICT,
		            "run %u of %s is going on with another plan: cancel it, or wait for it",
		            live->id, live->name);
	}
}

void handle_run_get(struct core *core, struct call *call)
{
	struct run_node *run = run_get(core, call->ids[0]);
	json_t *value;

	if (run == NULL)
		core_refuse(core, call, PROBLEM_NOT_FOUND, "there is no run %lld",
		            (long long)call->ids[0]);
	else if (tally_run(core, run, call, handle_run_get) &&
	         (value = run_json(core, run)) != NULL)
		core_reply(core, call, 200, value);
}

/* What a PUT says of a run. */
struct run_wish {
	int status; /* -1: nothing */
	bool detached, has_detached;
	bool debug, has_debug;
	const char *left;   /* NULL: nobody */
	const char *digest; /* NULL: the same plan */
};

static bool read_update(struct call *call, struct run_wish *wish)
{
	const char *word = NULL;

	*wish = (struct run_wish){
	        .status = -1,
	        .has_detached = json_is_boolean(json_object_get(call->body, "detached")),
	        .has_debug = json_is_boolean(json_object_get(call->body, "debug"))};
	if (!filter_known(&filter_run_update, call->body, &call->problem) ||
	    !json_member_text(call->body, "status", &word, &call->problem) ||
	    !json_member_bool(call->body, "detached", &wish->detached, &call->problem) ||
	    !json_member_bool(call->body, "debug", &wish->debug, &call->problem) ||
	    !json_member_text(call->body, "left", &wish->left, &call->problem) ||
	    !json_member_text(call->body, "digest", &wish->digest, &call->problem))
		return false;
	if (wish->left != NULL && word != NULL)
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   "left and status do not go together");
	if (word != NULL) {
		wish->status = status_parse(run_status_words, RUN_STATUS_COUNT, word);
		if (wish->status != RUN_RUNNING && wish->status != RUN_CANCELLED)
			return problem_set(&call->problem, PROBLEM_BAD_VALUE,
			                   "status is \"%.40s\", not running or cancelled", word);
	}
	return true;
}

/* Whoever has left reads no answer: calls of his that wait end with this group. */
static void answer_left(struct core *core, struct run_node *run, const char *who)
{
	for (size_t i = 0; i < run->followers.n; i++) {
		struct call *call = run->followers.v[i].call;
		const char *name = json_string_value(json_object_get(call->body, "who"));

		if (name != NULL && strcmp(name, who) == 0)
			call->deadline_ns = core->now_ns;
	}
	run_look(&core->state, run);
}

void handle_run_update(struct core *core, struct call *call)
{
	struct run_node *run = run_get(core, call->ids[0]);
	struct run row = {.run_id = call->ids[0]};
	struct run_wish wish;

	if (!read_update(call, &wish)) {
		core_problem(core, call);
		return;
	}
	if (run == NULL) {
		core_refuse(core, call, PROBLEM_NOT_FOUND, "there is no run %lld",
		            (long long)call->ids[0]);
		return;
	}
	if (wish.left != NULL) {
		company_leave(&run->company, wish.left, core->now_ns + LEFT_NS);
		answer_left(core, run, wish.left);
		if (!wish.detached && !run_ended(run) &&
		    company_count(&run->company, core->now_ns) == 0)
			wish.status = RUN_CANCELLED;
	}
	if (wish.status == RUN_CANCELLED ? run->status == RUN_SUCCEEDED || run->status == RUN_FAILED
	                                 : wish.status == RUN_RUNNING && run_ended(run)) {
		core_refuse(core, call, PROBLEM_CONFLICT, "run %u has ended already (%s)", run->id,
		            run_status_words[run->status]);
		return;
	}
	if (wish.has_detached && wish.detached != run->detached) {
		row.detached = wish.detached;
		run->detached = wish.detached;
		record_update(core, TABLE_RUN, &row, BIT(RUN_COL_detached));
	}
	if (wish.digest != NULL && strcmp(wish.digest, run->digest) != 0) {
		row.digest = wish.digest;
		if (record_update(core, TABLE_RUN, &row, BIT(RUN_COL_digest))) {
			free(run->digest);
			run->digest = xstrdup(wish.digest);
		}
	}
	if (wish.status >= 0 && wish.status != run->status)
		run_set_status(core, run, (enum run_status)wish.status);
	if (wish.status == RUN_CANCELLED && run->cancelling == 0)
		run_cancel(core, run);
	/* Also where a change back was cut short. */
	if (wish.has_debug && wish.status != RUN_CANCELLED &&
	    (wish.debug != run->debug || !wish.debug))
		run_set_debug(core, run, wish.debug);
	run_attached(core, run);
	/* The reply shows the end of a run that had nothing to do. */
	run_settle(core, run);
	if (!core->group_failed)
		handle_run_get(core, call);
}
