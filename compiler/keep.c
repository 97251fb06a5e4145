#include "compiler/keep.h"

#include "base/alloc.h"
#include "compiler/check.h"
#include "compiler/recruit.h"
#include "compiler/task.h"
#include "model/removal.h"

#include <stdlib.h>
#include <string.h>

#define SUFFIX "_remove"
/* Next to nothing, so that a full worker has room for it. */
#define REMOVAL_CPU 0.01
#define REMOVAL_RETRY 2
/* Who deletes a few files deletes thousands. */
#define REMOVALS_PER_WORKER 1000

/* The setting that asks for it, or NULL. */
static const struct setting *asked(struct compilation *c, const struct step *step)
{
	const struct setting *set = step_setting(c, step, KEY_keep);

	return set != NULL && set->node != NULL && set->node->kind == NODE_CONST &&
	                       strcmp(set->node->value.text, "until_consumed") == 0
	               ? set
	               : NULL;
}

static const struct step *taker_of(const struct compilation *c, const struct step *step)
{
	for (size_t i = 0; i < c->program.steps.n; i++) {
		if (flow_between(step, c->program.steps.v[i]) >= FLOW_DATA)
			return c->program.steps.v[i];
	}
	return NULL;
}

static const struct handed *handed_of(const struct compilation *c, const struct step *step)
{
	for (size_t i = 0; i < c->program.nexts.n; i++) {
		const struct next *next = c->program.nexts.v[i];

		for (size_t k = 0; k < next->nhanded; k++) {
			if (next->handed[k].node != NULL &&
			    flow_of(next->handed[k].node, step, FLOW_DATA) != FLOW_NONE)
				return &next->handed[k];
		}
	}
	return NULL;
}

/* Is its output to go? What the workflow says for all steps leaves results alone. */
static bool goes(struct compilation *c, const struct step *step)
{
	const struct setting *set = asked(c, step);
	const struct handed *handed = set != NULL ? handed_of(c, step) : NULL;
	bool taken = set != NULL && taker_of(c, step) != NULL;
	struct diag *d;

	if (set == NULL || step->level->n == 0)
		return false;
	if (taken && handed == NULL)
		return true;
	if (step->settings.first[KEY_keep] == NULL)
		return false;
	d = report(c, E0509, set->span, "the output of `%s` is a result: it cannot be deleted",
	           step->symbol->name);
	if (handed != NULL) {
		label(c, d, "would be gone");
		relate(c, d, handed->span, "handed to another file here");
	} else {
		label(c, d, "no step takes from it");
	}
	help(c, d, "remove `keep`");
	return false;
}

static void name_is_free(struct compilation *c, const struct step *step)
{
	const char *name = arena_printf(&c->arena, "%s" SUFFIX, step->symbol->name);

	for (size_t i = 0; i < c->program.steps.n; i++) {
		const struct symbol *other = c->program.steps.v[i]->symbol;
		struct diag *d;

		if (strcmp(other->name, name) != 0)
			continue;
		d = report(c, E0202, other->span, "`%s` is what deletes the output of `%s`", name,
		           step->symbol->name);
		label(c, d, "taken");
		relate(c, d, asked(c, step)->span, "by this");
		help(c, d, "choose another name");
	}
}

/* The tasks of such steps, each with the tasks that wait for it, in compressed rows. */
struct takers {
	uint32_t *first; /* by task, plan.task_count + 1 */
	uint32_t *v;
};

static struct takers find_takers(const struct plan *plan, const bool *going)
{
	struct takers t = {xcalloc((size_t)plan->task_count + 2, sizeof(*t.first)), NULL};
	uint32_t *next = t.first + 1;

	for (size_t e = 0; e < plan->edge_count; e++) {
		if (going[plan->edges[e]])
			next[plan->edges[e] + 1]++;
	}
	for (uint32_t i = 0; i < plan->task_count; i++)
		next[i + 1] += next[i];
	t.v = xcalloc((size_t)next[plan->task_count] + 1, sizeof(*t.v));
	/* While they are filled in, next[i] is where the next of task i goes; then first[i] is
	   where they begin. */
	for (uint32_t i = 0; i < plan->task_count; i++) {
		for (size_t e = plan->edge_start[i]; e < plan->edge_start[i + 1]; e++) {
			if (going[plan->edges[e]])
				t.v[next[plan->edges[e]]++] = i;
		}
	}
	return t;
}

/* One that nothing takes from is a result, whatever becomes of others of its step, and whoever
   waits for it without data. */
static bool is_taken(const struct compilation *c, const struct takers *t, uint32_t task)
{
	uint32_t tuple;
	const struct step *step = plan_step(c, task, &tuple), *last = NULL;

	for (uint32_t k = t->first[task]; k < t->first[task + 1]; k++) {
		const struct step *taker = plan_step(c, t->v[k], &tuple);

		if (taker != last && flow_between(step, taker) >= FLOW_DATA)
			return true;
		last = taker;
	}
	return false;
}

static void add_removals(struct compilation *c, const struct takers *t)
{
	struct plan *plan = &c->plan;

	for (uint32_t i = 0; i < plan->task_count; i++) {
		struct removal r = {i, plan->removal_edges.n};

		if (!is_taken(c, t, i))
			continue;
		vec_push(&plan->removals, r);
		vec_push(&plan->removal_edges, i);
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++)
			vec_push(&plan->removal_edges, t->v[k]);
	}
}

void plan_keep(struct compilation *c)
{
	struct plan *plan = &c->plan;
	bool *going = xcalloc((size_t)plan->task_count + 1, sizeof(*going)), any = false;

	for (size_t i = 0; i < c->program.steps.n; i++) {
		const struct step *step = c->program.steps.v[i];

		if (!goes(c, step))
			continue;
		name_is_free(c, step);
		memset(going + step->first_task, true, step->level->n);
		any = true;
	}
	if (any && c->sink.errors == 0) {
		struct takers t = find_takers(plan, going);

		add_removals(c, &t);
		free(t.first);
		free(t.v);
	}
	free(going);
}

void plan_keep_release(struct plan *plan)
{
	vec_release(&plan->removals);
	vec_release(&plan->removal_edges);
}

/* ---- in the submission ---- */

/* How many removals from number k on are of one step. */
static size_t of_one_step(const struct compilation *c, size_t k)
{
	uint32_t tuple;
	const struct step *step = plan_step(c, c->plan.removals.v[k].task, &tuple);
	size_t n = 0;

	while (k + n < c->plan.removals.n &&
	       c->plan.removals.v[k + n].task < step->first_task + step->level->n)
		n++;
	return n;
}

size_t keep_steps(const struct compilation *c)
{
	size_t n = 0;

	for (size_t k = 0; k < c->plan.removals.n; k += of_one_step(c, k))
		n++;
	return n;
}

/* The step that is cleared, and those that take from it; *depth is behind the last of them. */
static const uint32_t *steps_before(struct compilation *c, const struct step *step, size_t *n,
                                    uint32_t *depth)
{
	uint32_t *list = arena_array(&c->arena, uint32_t, c->program.steps.n);

	*n = 0;
	*depth = 0;
	for (size_t i = 0; i < c->program.steps.n; i++) {
		const struct step *other = c->program.steps.v[i];

		if (other->level->n == 0 ||
		    (other != step && flow_between(step, other) == FLOW_NONE))
			continue;
		list[(*n)++] = other->number;
		*depth = other->rank + 1 > *depth ? other->rank + 1 : *depth;
	}
	return list;
}

void emit_keep(struct compilation *c, struct submission *s, struct submission_step *steps,
               struct recruiter *recruiters)
{
	size_t n;

	s->first_removal = c->plan.task_count;
	s->task_count = c->plan.task_count + (uint32_t)c->plan.removals.n;
	for (size_t k = 0; k < c->plan.removals.n; k += n) {
		uint32_t tuple;
		const struct step *step = plan_step(c, c->plan.removals.v[k].task, &tuple);
		struct submission_step *out = &steps[s->step_count++];
		struct recruiter *row = &recruiters[s->recruiter_count++];

		n = of_one_step(c, k);
		*out = (struct submission_step){
		        .name = arena_printf(&c->arena, "%s" SUFFIX, step->symbol->name),
		        .batch = arena_printf(&c->arena, "%s.%s" SUFFIX, c->workflow,
		                              step->symbol->name),
		        .concurrency = INT_NULL,
		        .first_task = c->plan.task_count + (uint32_t)k,
		        .task_count = (uint32_t)n,
		        .source = place_text(c, asked(c, step)->span, &c->arena),
		};
		out->after = steps_before(c, step, &out->nafter, &out->depth);
		/* Nobody is hired for it: whoever has nothing else to do. */
		row_default(table_get(TABLE_RECRUITER), row);
		row->batch = out->batch;
		row->rank = 1;
		row->worker_flavor = "auto";
		row->worker_concurrency = 1;
		row->tasks_per_worker = REMOVALS_PER_WORKER;
	}
}

/* "cut:A" of step cut is "cut_remove:A". */
static const char *removal_name(const char *name, const char *step, struct arena *arena)
{
	size_t len = strlen(step);

	if (strncmp(name, step, len) != 0 || (name[len] != '\0' && name[len] != ':'))
		return arena_printf(arena, "%s" SUFFIX, name);
	return arena_printf(arena, "%s" SUFFIX "%s", step, name + len);
}

void removal_limits(struct task *row)
{
	row->retry = REMOVAL_RETRY;
	row->attempt_settings = NULL;
	row->run_timeout = INT_NULL;
}

void emit_removal(struct compilation *c, uint32_t number, struct arena *arena,
                  struct submission_task *out)
{
	const struct plan *plan = &c->plan;
	const struct removal *r = &plan->removals.v[number - plan->task_count];
	size_t end =
	        r + 1 < plan->removals.v + plan->removals.n ? r[1].edges : plan->removal_edges.n;
	uint32_t tuple;
	const struct step *step = plan_step(c, r->task, &tuple);
	struct env *env = &c->env;
	struct submission_uri *uri = arena_array(arena, struct submission_uri, 1);
	struct str command = STR_INIT;

	task_enter(env, step, tuple);
	*uri = (struct submission_uri){
	        .uri = task_output(env, step, tuple), .actions = "", .producer = r->task};
	row_default(table_get(TABLE_TASK), &out->row);
	out->row.name = removal_name(task_name(env, step, tuple), step->symbol->name, arena);
	out->row.batch = arena_printf(arena, "%s.%s" SUFFIX, c->workflow, step->symbol->name);
	str_adds(&command, REMOVAL_COMMAND " ");
	str_add_shell_quoted(&command, uri->uri);
	out->row.command = arena_strndup(arena, command.p, command.len);
	str_release(&command);
	out->row.source = place_text(c, asked(c, step)->span, arena);
	removal_limits(&out->row);
	out->row.cpu = REMOVAL_CPU;
	out->identity_command = out->row.command;
	out->removes = r->task;
	out->inputs = uri;
	out->ninputs = 1;
	out->requires = plan->removal_edges.v + r->edges;
	out->nrequires = end - r->edges;
}
