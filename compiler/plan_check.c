#include "compiler/plan_check.h"

#include "compiler/check.h"
#include "compiler/data.h"
#include "compiler/expand.h"
#include "compiler/gpus.h"
#include "compiler/paths.h"
#include "compiler/recruit.h"
#include "compiler/shellpath.h"
#include "compiler/task.h"

#include <inttypes.h>
#include <fnmatch.h>
#include <string.h>

static bool is_pattern(const char *text)
{
	return text[strcspn(text, "*?[")] != '\0' || text[0] == '\0' ||
	       text[strlen(text) - 1] == '/';
}

/* ---- names ---- */

static const char *name_of_task(struct judge *j, uint32_t task)
{
	uint32_t tuple;
	struct step *step = plan_step(j->c, task, &tuple);
	struct env *other = &j->c->plan.other;

	task_enter(other, step, tuple);
	return task_name(other, step, tuple);
}

static void check_task_name(struct judge *j)
{
	struct compilation *c = j->c;
	const char *name = task_name(&c->env, j->step, j->tuple);
	uint32_t task = j->step->first_task + j->tuple;
	const struct setting *set = j->step->settings.first[KEY_name];
	bool is_new;
	uint64_t *at;
	struct diag *d;

	if (name[0] == '\0' || name[strcspn(name, "\n\t")] != '\0') {
		d = report(c, E0323, set->expr->span,
		           "the name of a task is empty or of two lines");
		label(c, d, "not a name");
		return;
	}
	name = arena_strdup(&j->arena, name);
	at = map_put(&j->names, name, strlen(name), &is_new);
	if (!is_new) {
		uint32_t tuple;
		const struct step *first = plan_step(c, (uint32_t)*at - 1, &tuple);

		d = report(c, E0504, set->expr->span, "two tasks are named `%s`", name);
		label(c, d, "the same for %s",
		      level_key_text(j->step->level, j->tuple, ",", c->env.arena));
		if (first != j->step)
			relate(c, d, first->symbol->span, "and for this step");
		help(c, d, "put what differs into the name: the variables of the loops");
		return;
	}
	*at = (uint64_t)task + 1;
}

/* A name that was chosen may be that of a task with a name of the usual form. */
static void check_usual_names(struct judge *j)
{
	struct compilation *c = j->c;

	for (size_t i = 0; i < c->program.steps.n && j->names.n > 0; i++) {
		const struct step *step = c->program.steps.v[i];

		if (step->settings.first[KEY_name] != NULL)
			continue;
		for (uint32_t t = 0; t < step->level->n; t++) {
			const char *name;
			uint64_t *at;
			uint32_t tuple;
			struct diag *d;

			env_forget(&c->env);
			name = task_name(&c->env, step, t);
			at = map_get(&j->names, name, strlen(name));
			if (at == NULL)
				continue;
			d = report(c, E0504,
			           plan_step(c, (uint32_t)*at - 1, &tuple)
			                   ->settings.first[KEY_name]
			                   ->expr->span,
			           "two tasks are named `%s`", name);
			relate(c, d, step->symbol->span, "the other one");
			return;
		}
	}
}

/* ---- outputs ---- */

static void written_twice(struct judge *j, const char *file, uint32_t first, struct span span)
{
	struct compilation *c = j->c;
	uint32_t tuple;
	const struct step *other = plan_step(c, first, &tuple);
	const struct setting *output = j->step->settings.first[KEY_output];
	struct diag *d = report(c, E0501, span, "two tasks write `%s`", file);

	label(c, d, "written by %s and %s", name_of_task(j, first),
	      name_of_task(j, j->step->first_task + j->tuple));
	if (other != j->step)
		relate(c, d, other->symbol->span, "the other step");
	else if (output != NULL)
		relate(c, d, output->span, "one folder for both");
	help(c, d, "leave `output` out, or put the loop's variables into it");
}

static bool note_file(struct judge *j, const char *output, const char *file, struct span span)
{
	uint32_t task = j->step->first_task + j->tuple;
	char *key = arena_printf(&j->arena, "%s\n%s", output, file);
	bool is_new;
	uint64_t *at = map_put(&j->files, key, strlen(key), &is_new);

	if (is_new) {
		*at = (uint64_t)task + 1;
	} else if (*at != (uint64_t)task + 1) {
		written_twice(j, file, (uint32_t)*at - 1, span);
		return false;
	}
	return true;
}

/* Files that this task is known to write: yields that are no patterns, "$OUTPUT/x". */
static bool check_written(struct judge *j)
{
	struct compilation *c = j->c;
	const struct setting *yields = task_own_setting(&c->env, j->step, KEY_yields);
	const struct setting *run = task_own_setting(&c->env, j->step, KEY_run);
	const char *output = task_output(&c->env, j->step, j->tuple);

	if (output == NULL)
		return false;
	for (size_t i = 0; yields != NULL && i < yields->nentries; i++) {
		const struct entry *e = &yields->entries[i];
		const char *file = task_yield(&c->env, j->step, e->name);

		if (file == NULL)
			return false;
		if (!is_pattern(file) && !note_file(j, output, file, e->span))
			return false;
	}
	for (size_t i = 0;
	     run != NULL && run->script->kind != SHELL_OTHER && i < run->script->scan.npaths; i++) {
		const struct shell_path *p = &run->script->scan.paths[i];
		const char *file;

		if (p->root != SHELL_OUTPUT || !p->exact)
			continue;
		file = shellpath_text(&c->env, j->step, run->script, p);
		if (file != NULL && !is_pattern(file) &&
		    !note_file(j, output, file,
		               run_source_span(run->script->run, p->offset, p->length)))
			return false;
	}
	return true;
}

/* Folders of their own by construction; only what `output` says can coincide. */
static bool chooses_output(const struct compilation *c)
{
	for (size_t i = 0; i < c->program.steps.n; i++) {
		if (c->program.steps.v[i]->settings.first[KEY_output] != NULL)
			return true;
	}
	return false;
}

/* Yields whose text holds nothing but constants and keys cannot go wrong per task. */
bool plan_plain_name(const struct node *n)
{
	if (n->kind == NODE_CONST)
		return value_is_text(&n->value) ? good_yield(n->value.text) : false;
	if (n->kind != NODE_TEXT)
		return false;
	for (size_t i = 0; i < n->list.n; i++) {
		const struct node *part = n->list.items[i];

		if (part->kind == NODE_VARIABLE && part->type->kind != VTYPE_FILE &&
		    part->type->kind != VTYPE_URI)
			continue;
		if (part->kind != NODE_CONST || !value_is_text(&part->value) ||
		    part->value.text[strcspn(part->value.text, "/.\n|")] == '/' ||
		    strstr(part->value.text, "..") != NULL ||
		    strpbrk(part->value.text, "\n|") != NULL)
			return false;
	}
	return n->list.n > 0;
}

static bool check_yields(struct judge *j, const struct setting *set)
{
	struct compilation *c = j->c;
	bool good = true;

	for (size_t i = 0; set != NULL && i < set->nentries; i++) {
		const struct entry *e = &set->entries[i];
		const char *text;
		struct diag *d;

		if (plan_plain_name(e->node))
			continue;
		text = task_yield(&c->env, j->step, e->name);
		if (text == NULL)
			return false;
		if (good_yield(text))
			continue;
		good = false;
		d = report(c, E0505, e->expr ? e->expr->span : e->span,
		           "`%s` is no file below `$OUTPUT`", text);
		label(c, d, "a relative path without `..` is wanted");
	}
	return good;
}

/* ---- commands ---- */

static bool check_has_command(struct judge *j)
{
	struct compilation *c = j->c;
	const struct setting *run = task_own_setting(&c->env, j->step, KEY_run);
	const struct setting *exec = task_own_setting(&c->env, j->step, KEY_exec);
	struct diag *d;

	if ((run != NULL) != (exec != NULL))
		return true;
	d = report(c, run ? E0408 : E0407, j->step->stmt->head, "step `%s` %s for %s",
	           j->step->symbol->name, run ? "has two commands" : "runs nothing",
	           task_name(&c->env, j->step, j->tuple));
	label(c, d, run ? "both `run` and `exec`" : "neither `run` nor `exec`");
	return false;
}

/* ---- steps ---- */

/* What has to be looked at for each task of a step. */
struct needs {
	bool command, name, yields, outputs;
	bool single_input, single_resource;
	bool texts; /* of the first tasks */
};

static bool all_plain(const struct setting *yields)
{
	for (; yields != NULL; yields = yields->next) {
		for (size_t i = 0; i < yields->nentries; i++) {
			if (!plan_plain_name(yields->entries[i].node))
				return false;
		}
	}
	return true;
}

static struct needs needs_of(const struct step *step, bool outputs)
{
	const struct settings *s = &step->settings;
	const struct setting *run = s->first[KEY_run];
	struct needs n = {
	        .command = s->first[KEY_exec] != NULL || run == NULL || run->next != NULL ||
	                   run->guard != NULL,
	        .name = s->first[KEY_name] != NULL,
	        .yields = !all_plain(s->first[KEY_yields]),
	        .outputs = outputs,
	        .single_input = plan_stages_single(step, KEY_input),
	        .single_resource = plan_stages_single(step, KEY_resource),
	};

	for (; run != NULL; run = run->next)
		n.texts |= plan_names_paths(run->script, KEY_input) ||
		           plan_names_paths(run->script, KEY_resource);
	return n;
}

static bool check_task(struct judge *j, const struct needs *needs)
{
	struct compilation *c = j->c;

	env_forget(&c->env);
	env_forget(&c->plan.other);
	task_enter(&c->env, j->step, j->tuple);
	if (needs->command && !check_has_command(j))
		return false;
	if (needs->name)
		check_task_name(j);
	if (needs->yields && !check_yields(j, task_own_setting(&c->env, j->step, KEY_yields)))
		return false;
	if (needs->outputs && !check_written(j))
		return false;
	return plan_check_staging(j, KEY_input, needs->single_input) &&
	       plan_check_staging(j, KEY_resource, needs->single_resource) && c->sink.errors == 0;
}

static void check_step_tasks(struct judge *j, bool outputs)
{
	struct needs needs = needs_of(j->step, outputs);
	bool every = needs.command || needs.name || needs.yields || needs.outputs ||
	             !needs.single_input || !needs.single_resource;
	uint32_t n = j->step->level->n;

	if (!every)
		n = !needs.texts ? 0 : n < TEXT_TASKS ? n : TEXT_TASKS;
	for (j->tuple = 0; j->tuple < n; j->tuple++) {
		if (!check_task(j, &needs))
			break;
	}
}

static void check_triggers(struct compilation *c, const struct step *step)
{
	size_t n;
	const struct hire *h = step_hires(c, step, &n);

	for (size_t i = 0; i < n; i++) {
		int64_t least = hire_int(&h[i], KEY_minimum_tasks);
		struct diag *d;

		if (least == INT_NULL || least <= (int64_t)step->level->n)
			continue;
		d = report(c, W0602, hire_setting(&h[i], KEY_minimum_tasks)->span,
		           "this recruiter never acts for `%s`", step->symbol->name);
		label(c, d, "more than its %u task%s", step->level->n,
		      step->level->n == 1 ? "" : "s");
		relate(c, d, h[i].span, "recruits here");
	}
}

void plan_check(struct compilation *c)
{
	struct judge j = {.c = c};
	bool outputs = chooses_output(c);

	arena_init(&j.arena);
	for (size_t i = 0; i < c->program.steps.n; i++) {
		j.step = c->program.steps.v[i];
		check_step_tasks(&j, outputs);
		check_triggers(c, j.step);
		plan_gpus(c, c->program.steps.v[i]);
	}
	if (c->sink.errors == 0)
		check_usual_names(&j);
	map_release(&j.files);
	map_release(&j.names);
	arena_release(&j.arena);
}
