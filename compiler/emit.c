/*
 * The last pass: the plan as a struct submission. Rows of steps and recruiters are
 * made at once; tasks one at a time, when the runtime asks for them.
 */
#include "compiler/network.h"
#include "compiler/command.h"
#include "compiler/data.h"
#include "compiler/keep.h"
#include "compiler/paths.h"
#include "compiler/quorum.h"
#include "compiler/reach.h"
#include "compiler/recruit.h"
#include "compiler/task.h"
#include "model/json.h"
#include "stage/uri.h"
#include "stage/yield.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- steps and recruiters ---- */

static const char *batch_of(struct compilation *c, const struct step *step)
{
	return arena_printf(&c->arena, "%s.%s", c->workflow, step->symbol->name);
}

/* Where the step's command stands; the step itself where it has none of its own. */
static const char *step_source(struct compilation *c, const struct step *step)
{
	const struct setting *run = step->settings.first[KEY_run];

	if (run == NULL)
		return place_text(c, step->stmt->head, &c->arena);
	return arena_printf(&c->arena, "%s:%u", c->sources.files[run->key_span.file].name,
	                    run->script->run->first_line);
}

static void emit_step(struct compilation *c, const struct step *step, struct submission_step *out)
{
	*out = (struct submission_step){
	        .name = step->symbol->name,
	        .batch = batch_of(c, step),
	        .concurrency = step_int(c, step, KEY_concurrency),
	        .gpus = step->gpus,
	        .depth = step->rank,
	        .first_task = step->first_task,
	        .task_count = step->level->n,
	        .source = step_source(c, step),
	        .after = step->before.v,
	        .nafter = step->before.n,
	};
}

/* Tasks of the step that fill one worker: as said, else by the cpus and GPUs that one task takes.
 */
static int64_t concurrency_of(struct compilation *c, const struct step *step, const struct hire *h)
{
	const struct setting *cpu = step_setting(c, step, KEY_cpu);
	int64_t n = h ? hire_int(h, KEY_concurrency) : INT_NULL;
	double share = 1;

	if (n == INT_NULL)
		n = step_int(c, step, KEY_concurrency);
	if (n != INT_NULL || h == NULL)
		return n == INT_NULL ? 1 : n;
	if (cpu != NULL && cpu->node != NULL && cpu->node->kind == NODE_CONST &&
	    value_is_number(&cpu->node->value))
		share = value_real(&cpu->node->value);
	n = (int64_t)floor(fmax(floor(hire_least(h, "cpu")), 1) / share);
	if (step->gpus > 0) {
		int64_t fit = (int64_t)fmax(hire_least(h, "gpus") / (double)step->gpus, 1);

		n = cpu == NULL || fit < n ? fit : n;
	}
	return n >= 1 ? n : 1;
}

static void emit_recruiter(struct compilation *c, const struct step *step, const struct hire *h,
                           int64_t rank, struct recruiter *row)
{
	const struct table *table = table_get(TABLE_RECRUITER);
	int64_t rounds = h ? hire_int(h, KEY_rounds) : INT_NULL;
	int64_t tasks = h ? hire_int(h, KEY_tasks_per_worker) : INT_NULL;
	int64_t prefetch = h ? hire_int(h, KEY_prefetch) : INT_NULL;

	row_default(table, row);
	row->batch = batch_of(c, step);
	row->rank = rank;
	row->worker_concurrency = concurrency_of(c, step, h);
	row->worker_flavor = hire_flavor(h, step->gpus, &c->arena);
	row->worker_prefetch = prefetch == INT_NULL ? 0 : prefetch;
	row->tasks_per_worker =
	        tasks != INT_NULL ? tasks
	                          : row->worker_concurrency * (rounds == INT_NULL ? 1 : rounds);
	if (h == NULL)
		return;
	row->worker_provider = hire_text(h, KEY_provider);
	row->worker_region = hire_text(h, KEY_region);
	row->minimum_tasks = hire_int(h, KEY_minimum_tasks);
	row->maximum_workers = hire_int(h, KEY_maximum_workers);
}

static struct recruiter *emit_recruiters(struct compilation *c, struct submission *s)
{
	VEC(struct recruiter) rows = {0};
	struct recruiter *kept;

	for (size_t i = 0; i < c->program.steps.n; i++) {
		const struct step *step = c->program.steps.v[i];
		size_t n;
		const struct hire *h = step_hires(c, step, &n);
		struct recruiter row;

		if (step->level->n == 0)
			continue;
		if (n == 0) {
			emit_recruiter(c, step, NULL, 1, &row);
			vec_push(&rows, row);
		}
		for (size_t k = 0; k < n; k++) {
			emit_recruiter(c, step, &h[k], (int64_t)k + 1, &row);
			vec_push(&rows, row);
		}
	}
	kept = arena_array(&c->arena, struct recruiter, rows.n + keep_steps(c));
	if (rows.n > 0)
		memcpy(kept, rows.v, rows.n * sizeof(*kept));
	s->recruiters = kept;
	s->recruiter_count = rows.n;
	vec_release(&rows);
	return kept;
}

/* ---- tasks ---- */

/* What one task stages in, being collected. */
struct staged {
	struct compilation *c;
	struct env *env, *other;
	struct arena *arena;
	VEC(struct submission_uri) uris;
};

static const char *local_uri(struct staged *s, const struct value *v)
{
	const char *path = value_path(s->c, v, s->arena);
	struct str text = STR_INIT;
	const char *uri;

	uri_add_path(&text, path);
	if (text.p[text.len - 1] != '/' &&
	    s->c->files.kind(s->c->files.context, path) == PLACE_FOLDER)
		str_addc(&text, '/');
	uri = arena_strndup(s->arena, text.p, text.len);
	str_release(&text);
	return uri;
}

static bool emit_item(void *context, const struct data_item *item)
{
	struct staged *s = context;
	struct submission_uri u = {.producer = UINT32_MAX};
	const char *yield = "";

	u.actions = arena_strdup(s->arena, item->actions);
	if (item->producer == NULL) {
		/* An address may carry actions of its own, as v1 wrote them. */
		const char *bar =
		        value_is_uri(item->text.text) ? uri_actions(item->text.text) : NULL;

		if (bar != NULL) {
			u.uri = arena_strndup(s->arena, item->text.text,
			                      (size_t)(bar - item->text.text));
			u.actions = arena_printf(s->arena, "%s%s", bar, u.actions);
		} else if (value_is_uri(item->text.text)) {
			u.uri = arena_strdup(s->arena, item->text.text);
		} else {
			u.uri = local_uri(s, &item->text);
		}
		u.version = network_version(s->c, u.uri);
		vec_push(&s->uris, u);
		return true;
	}
	task_enter(s->other, item->producer, item->tuple);
	if (item->yield != NULL)
		yield = task_yield(s->other, item->producer, item->yield);
	u.uri = task_output(s->other, item->producer, item->tuple);
	if (u.uri == NULL || yield == NULL)
		return false;
	u.uri = arena_printf(s->arena, "%s%s", u.uri, yield);
	u.producer = item->producer->first_task + item->tuple;
	vec_push(&s->uris, u);
	return true;
}

const struct submission_uri *emit_uris(struct compilation *c, const struct step *step,
                                       uint32_t tuple, enum setting_key key, size_t *n)
{
	const struct setting *set = task_own_setting(&c->env, step, key);
	struct staged s = {.c = c, .env = &c->env, .other = &c->plan.other, .arena = c->env.arena};
	struct data_walk w = {
	        .env = s.env,
	        .other = s.other,
	        .step = step,
	        .tuple = tuple,
	        .entered = true,
	        .item = emit_item,
	        .context = &s,
	};
	struct submission_uri *kept = NULL;

	*n = 0;
	/* Cannot fail: plan has walked it. */
	if (set != NULL && data_walk(&w, set->node) && s.uris.n > 0) {
		kept = arena_array(s.arena, struct submission_uri, s.uris.n);
		memcpy(kept, s.uris.v, s.uris.n * sizeof(*kept));
		*n = s.uris.n;
	}
	vec_release(&s.uris);
	return kept;
}

/* The column that holds them all; NULL: there are none. */
static const char *uri_column(const struct submission_uri *uris, size_t n, struct arena *arena)
{
	struct str column = STR_INIT, one = STR_INIT;
	const char *text;

	if (n == 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		str_reset(&one);
		str_adds(&one, uris[i].uri);
		str_adds(&one, uris[i].actions);
		uri_list_add(&column, one.p);
	}
	text = arena_strndup(arena, column.p, column.len);
	str_release(&column);
	str_release(&one);
	return text;
}

/* What a column of whole numbers holds; `absent` where the value is none. */
static int64_t column_int(const struct value *v, int64_t absent)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_INT:
	case VALUE_SIZE:
		return v->integer;
	case VALUE_DURATION:
		/* Columns count seconds; a part of one is a whole one. */
		return (v->integer + 999) / 1000;
	default:
		return absent;
	}
}

static int64_t emit_int(struct env *env, const struct step *step, enum setting_key key,
                        int64_t absent)
{
	struct value v = task_value(env, step, key);

	return column_int(&v, absent);
}

static bool emit_bool(struct env *env, const struct step *step, enum setting_key key)
{
	struct value v = task_value(env, step, key);

	return v.kind == VALUE_BOOL && v.boolean;
}

/* `cache = false` */
static bool emit_fresh(struct env *env, const struct step *step)
{
	struct value v = task_value(env, step, KEY_cache);

	return v.kind == VALUE_BOOL && !v.boolean;
}

/* The columns that every attempt of a task may have its own of; named like the settings. */
static const enum setting_key attempt_keys[] = {
        KEY_container,        KEY_container_options,
        KEY_download_timeout, KEY_run_timeout,
        KEY_upload_timeout,   KEY_cpu,
        KEY_memory,           KEY_gpu,
};

#define ATTEMPT_KEYS (sizeof(attempt_keys) / sizeof(attempt_keys[0]))

/* The column of the setting's name; where the setting is not given it stays. */
static void emit_column(struct env *env, const struct setting *set, struct task *row)
{
	const struct table *t = table_get(TABLE_TASK);
	struct value v = setting_value(env, set);
	const struct field *f;

	if (v.kind == VALUE_NONE || v.kind == VALUE_BAD)
		return;
	f = &t->fields[table_field(t, setting_key_text(set->key))];
	if (f->kind == KIND_TEXT)
		*(const char **)field_at(f, row) = value_to_text(&v, env->arena);
	else if (f->kind == KIND_REAL)
		*(double *)field_at(f, row) = value_real(&v);
	else
		*(int64_t *)field_at(f, row) = column_int(&v, INT_NULL);
}

/* The settings of each attempt as JSON text, or NULL where none says anything. */
static const char *emit_attempts(struct env *env, const struct setting *retry)
{
	json_t *array;
	struct str text = STR_INIT;
	const char *kept = NULL;
	bool any = false;

	if (retry == NULL || retry->nattempts == 0)
		return NULL;
	array = json_array();
	for (size_t i = 0; i < retry->nattempts; i++) {
		struct task row;
		json_t *settings;

		row_clear(table_get(TABLE_TASK), &row);
		for (size_t k = 0; k < ATTEMPT_KEYS; k++)
			emit_column(env, own_setting(env, &retry->attempts[i], attempt_keys[k]),
			            &row);
		settings = row_to_request(table_get(TABLE_TASK), &row);
		any |= json_object_size(settings) > 0;
		json_array_append_new(array, settings);
	}
	if (any) {
		json_print(array, &text);
		kept = arena_strndup(env->arena, text.p, text.len);
	}
	str_release(&text);
	json_decref(array);
	return kept;
}

/* How often a task is tried, and what is different then. */
static void emit_retry(struct env *env, const struct step *step, struct task *row)
{
	row->retry = emit_int(env, step, KEY_retry, 0);
	row->attempt_settings = emit_attempts(env, task_setting(env, step, KEY_retry));
}

static void emit_row(struct env *env, const struct step *step, const struct submission_step *ss,
                     uint32_t tuple, const struct command *cmd, struct task *row)
{
	row_default(table_get(TABLE_TASK), row);
	row->name = task_name(env, step, tuple);
	row->batch = ss->batch;
	row->command = cmd->line;
	row->script = cmd->script;
	row->source = cmd->source;
	row->output = task_output(env, step, tuple);
	emit_retry(env, step, row);
	row->priority = emit_int(env, step, KEY_priority, 0);
	row->accept_failure = emit_bool(env, step, KEY_accept_failure);
	row->use_cache = emit_bool(env, step, KEY_use_cache);
	for (size_t k = 0; k < ATTEMPT_KEYS; k++)
		emit_column(env, task_setting(env, step, attempt_keys[k]), row);
}

/* As the worker reads it, which checks the promise and says where it was made. */
static json_t *emit_yield(struct env *env, const struct entry *entry, const char *pattern)
{
	struct compilation *c = env->c;
	json_t *yield = json_object();
	const char *source = place_text(c, entry->span, env->arena);

	json_object_set_new_nocheck(yield, "name", json_text(entry->name));
	json_object_set_new_nocheck(yield, "pattern", json_text(pattern));
	json_object_set_new_nocheck(yield, "source", json_text(source));
	return yield;
}

static void emit_yields(struct env *env, const struct step *step, struct submission_task *out)
{
	const struct setting *set = task_own_setting(env, step, KEY_yields);
	size_t n = set != NULL ? set->nentries : 0;
	json_t *column;
	const char **yields;
	struct str text = STR_INIT;

	/* What promises a file is not empty. */
	out->whole = step->whole && n == 0;
	if (n == 0 && !out->whole)
		return;
	column = json_array();
	yields = arena_array(env->arena, const char *, n);
	for (size_t i = 0; i < n; i++) {
		yields[i] = task_yield(env, step, set->entries[i].name);
		json_array_append_new(column, emit_yield(env, &set->entries[i], yields[i]));
	}
	if (out->whole)
		json_array_append_new(column, json_pack("{s:s}", "pattern", YIELD_WHOLE));
	json_print(column, &text);
	json_decref(column);
	out->row.yields = arena_strndup(env->arena, text.p, text.len);
	out->yields = yields;
	out->nyields = n;
	str_release(&text);
}

/* Cannot fail: plan has done it. */
static void emit_quorum(struct env *env, struct env *other, const struct step *step, uint32_t tuple,
                        struct submission_task *out)
{
	struct quorum q;

	if (out->nrequires == 0 || !quorum_asked(step) ||
	    !quorum_of(env, other, step, tuple, out->requires, out->nrequires, &q))
		return;
	out->gathers = q.gathers;
	out->may_fail = q.may_fail;
	out->ngathers = q.n;
}

/* A task of the file, in the arena of the environments. */
static void emit_own(struct compilation *c, uint32_t i, const struct submission *sub,
                     struct submission_task *out)
{
	struct env *env = &c->env, *other = &c->plan.other;
	uint32_t tuple;
	const struct step *step = plan_step(c, i, &tuple);
	struct command cmd;
	bool ok;

	task_enter(env, step, tuple);
	ok = command_make(env, step, &cmd);
	/* What can go wrong has gone wrong in plan. */
	assert(ok);
	(void)ok;
	emit_row(env, step, &sub->steps[step->number], tuple, &cmd, &out->row);
	out->identity_command = cmd.identity;
	out->fresh = emit_fresh(env, step);
	out->inputs = emit_uris(c, step, tuple, KEY_input, &out->ninputs);
	out->row.input = uri_column(out->inputs, out->ninputs, env->arena);
	out->resources = emit_uris(c, step, tuple, KEY_resource, &out->nresources);
	out->row.resource = uri_column(out->resources, out->nresources, env->arena);
	out->nrequires = c->plan.edge_start[i + 1] - c->plan.edge_start[i];
	if (out->nrequires > 0)
	out->requires = c->plan.edges + c->plan.edge_start[i];
	emit_quorum(env, other, step, tuple, out);
	emit_yields(env, step, out);
}

/* The callback of the submission. */
static void emit_task(const struct submission *sub, uint32_t i, struct arena *arena,
                      struct submission_task *out)
{
	/* The environments are scratch space of the compilation, not part of its result. */
	struct compilation *c = (struct compilation *)sub->context;
	struct env *env = &c->env, *other = &c->plan.other;
	struct arena *kept_env = env->arena, *kept_other = other->arena;

	assert(i < sub->task_count);
	memset(out, 0, sizeof(*out));
	/* Everything that is computed for this task lives as long as the caller wants it. */
	env->arena = arena;
	other->arena = arena;
	if (i < sub->first_removal)
		emit_own(c, i, sub, out);
	else
		emit_removal(c, i, arena, out);
	env->arena = kept_env;
	other->arena = kept_other;
}

/* As emit_task. */
static void emit_limits(const struct submission *sub, uint32_t i, struct arena *arena,
                        struct task *row)
{
	struct compilation *c = (struct compilation *)sub->context;
	struct env *env = &c->env;
	struct arena *kept = env->arena;
	const struct step *step;
	uint32_t tuple;

	if (i >= sub->first_removal) {
		removal_limits(row);
		return;
	}
	env->arena = arena;
	step = plan_step(c, i, &tuple);
	task_enter(env, step, tuple);
	emit_retry(env, step, row);
	row->run_timeout = emit_int(env, step, KEY_run_timeout, INT_NULL);
	env->arena = kept;
}

/* With what the workflow says for every step. */
static void emit_hook(struct compilation *c, const struct hook *h, struct submission_hook *out)
{
	struct env *env = &c->env;
	struct arena *kept = env->arena;
	struct command cmd;
	bool ok;

	env->arena = &c->arena;
	env_forget(env);
	task_enter(env, h->step, 0);
	ok = command_make(env, h->step, &cmd);
	/* What can go wrong has gone wrong in plan. */
	assert(ok);
	(void)ok;
	row_default(table_get(TABLE_TASK), &out->row);
	out->word = h->word;
	out->text = cmd.identity;
	out->row.command = cmd.line;
	out->row.script = cmd.script;
	out->row.source = cmd.source;
	out->row.output = task_output(env, h->step, 0);
	emit_retry(env, h->step, &out->row);
	for (size_t k = 0; k < ATTEMPT_KEYS; k++)
		emit_column(env, task_setting(env, h->step, attempt_keys[k]), &out->row);
	/* Those of all steps: whoever tells how they ended needs none. */
	out->row.gpu = INT_NULL;
	env->arena = kept;
}

static void emit_hooks(struct compilation *c, struct submission *s)
{
	struct submission_hook *hooks =
	        arena_array(&c->arena, struct submission_hook, c->program.hooks.n);

	for (size_t i = 0; i < c->program.hooks.n; i++)
		emit_hook(c, &c->program.hooks.v[i], &hooks[i]);
	s->hooks = hooks;
	s->hook_count = c->program.hooks.n;
}

static double max_cost(struct compilation *c)
{
	const struct setting *set = c->program.defaults.first[KEY_max_cost];

	if (set == NULL || set->node == NULL || set->node->kind != NODE_CONST ||
	    !value_is_number(&set->node->value))
		return NAN;
	return value_real(&set->node->value);
}

void compile_emit(struct compilation *c)
{
	struct submission *s = arena_new(&c->arena, struct submission);
	struct submission_step *steps =
	        arena_array(&c->arena, struct submission_step, c->program.steps.n + keep_steps(c));
	const struct setting *most = c->program.defaults.first[KEY_maximum_workers];

	for (size_t i = 0; i < c->program.steps.n; i++)
		emit_step(c, c->program.steps.v[i], &steps[i]);
	s->workflow = c->workflow;
	s->source = c->options.path;
	s->maximum_workers = INT_NULL;
	if (most != NULL && most->node != NULL && most->node->kind == NODE_CONST &&
	    most->node->value.kind == VALUE_INT)
		s->maximum_workers = most->node->value.integer;
	s->max_cost = max_cost(c);
	s->steps = steps;
	s->step_count = (uint32_t)c->program.steps.n;
	emit_keep(c, s, steps, emit_recruiters(c, s));
	emit_hooks(c, s);
	emit_nexts(c, s);
	s->some_fresh = c->program.defaults.first[KEY_cache] != NULL;
	for (size_t i = 0; i < c->program.steps.n; i++)
		s->some_fresh |= c->program.steps.v[i]->settings.first[KEY_cache] != NULL;
	s->task = emit_task;
	s->limits = emit_limits;
	s->context = c;
	c->submission = s;
	reach_check(c);
}
