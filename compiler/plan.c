/*
 * The pass that numbers the tasks and finds their requirements. It also looks at
 * every local file once and computes every setting whose value could be wrong, so
 * that nothing can fail after submission has begun. plan_check.c then compares
 * tasks with each other.
 */
#include "compiler/plan.h"

#include "base/alloc.h"
#include "compiler/check.h"
#include "compiler/command.h"
#include "compiler/data.h"
#include "compiler/expand.h"
#include "compiler/keep.h"
#include "compiler/paths.h"
#include "compiler/plan_check.h"
#include "compiler/quorum.h"
#include "compiler/task.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Files named so many of those that are missing for one expression. */
#define MISSING_NAMED 5

/* The files that one expression names and that are not there. */
struct missing {
	struct span span;
	const char *names[MISSING_NAMED]; /* as the user wrote them */
	const char *path;                 /* of the first */
	bool cell;                        /* it stands in a sheet */
	size_t n;
};

struct planner {
	struct compilation *c;
	struct map places;           /* path -> 1 + enum place_kind */
	struct map missed;           /* "offset path" of what `missing` counts */
	VEC(struct missing) missing; /* reported when every step has been looked at */
	VEC(uint32_t) edges;
	struct step *step;
	bool quorum; /* a gather of it has a minimum */
	bool order;  /* what is walked is `after`: no data */
	uint32_t task;
};

void plan_release(struct plan *plan)
{
	free(plan->edge_start);
	free(plan->edges);
	plan_keep_release(plan);
	if (plan->made)
		env_release(&plan->other);
	memset(plan, 0, sizeof(*plan));
}

struct step *plan_step(const struct compilation *c, uint32_t task, uint32_t *tuple)
{
	size_t low = 0, high = c->program.steps.n;

	/* The last step whose first task is not behind; steps without tasks share numbers. */
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (c->program.steps.v[mid]->first_task <= task)
			low = mid;
		else
			high = mid;
	}
	*tuple = task - c->program.steps.v[low]->first_task;
	return c->program.steps.v[low];
}

/* ---- numbers ---- */

static bool number_tasks(struct compilation *c)
{
	uint64_t n = 0;

	for (size_t i = 0; i < c->program.steps.n; i++) {
		struct step *step = c->program.steps.v[i];

		step->first_task = (uint32_t)n;
		n += step->level->n;
		if (n > TASK_LIMIT) {
			report(c, E0503, step->stmt->head, "more than %u tasks", TASK_LIMIT);
			return false;
		}
	}
	c->plan.task_count = (uint32_t)n;
	return true;
}

static struct setting *data_settings(const struct step *step, int i)
{
	static const enum setting_key keys[] = {KEY_input, KEY_resource, KEY_after};

	return i < 3 ? step->settings.first[keys[i]] : NULL;
}

/* Which steps a node names, whether or not an instance needs them. */
static void note_steps(struct step *step, const struct node *n)
{
	const struct step *p;

	switch (n->kind) {
	case NODE_LIST:
		for (size_t i = 0; i < n->list.n; i++)
			note_steps(step, n->list.items[i]);
		return;
	case NODE_EACH:
		note_steps(step, n->each.body);
		return;
	case NODE_IF:
		note_steps(step, n->choice.yes);
		note_steps(step, n->choice.no);
		return;
	case NODE_ACTION:
		note_steps(step, n->action.of);
		return;
	case NODE_GATHER:
		note_steps(step, n->gather.output);
		return;
	case NODE_PREVIOUS:
		note_steps(step, n->previous.output);
		if (n->previous.start != NULL)
			note_steps(step, n->previous.start);
		return;
	case NODE_OUTPUT:
		break;
	default:
		return;
	}
	p = n->output.step;
	if (p == step)
		return;
	for (size_t i = 0; i < step->before.n; i++) {
		if (step->before.v[i] == p->number)
			return;
	}
	vec_push(&step->before, p->number);
	if (p->rank + 1 > step->rank)
		step->rank = p->rank + 1;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void pair_steps(struct compilation *c)
{
	for (size_t i = 0; i < c->program.steps.n; i++) {
		struct step *step = c->program.steps.v[i];

		for (int k = 0; k < 3; k++) {
			for (struct setting *s = data_settings(step, k); s != NULL; s = s->next) {
				data_pair(c, step, s->node);
				note_steps(step, s->node);
			}
		}
		if (step->before.n > 1)
			qsort(step->before.v, step->before.n, sizeof(*step->before.v), by_number);
	}
}

/* ---- files of this machine ---- */

static struct missing *missing_at(struct planner *p, struct span span)
{
	struct missing fresh = {.span = span};

	for (size_t i = p->missing.n; i-- > 0;) {
		if (p->missing.v[i].span.file == span.file &&
		    p->missing.v[i].span.start == span.start &&
		    p->missing.v[i].span.end == span.end)
			return &p->missing.v[i];
	}
	vec_push(&p->missing, fresh);
	return &p->missing.v[p->missing.n - 1];
}

static void file_missing(struct planner *p, const struct data_item *item, const char *path)
{
	struct arena *arena = &p->c->arena;
	const char *key = arena_printf(arena, "%u %u %s", item->span.file, item->span.start, path);
	struct missing *m;
	bool is_new;

	map_put(&p->missed, key, strlen(key), &is_new);
	if (!is_new)
		return;
	m = missing_at(p, item->span);
	if (m->n == 0) {
		m->path = arena_strdup(arena, path);
		m->cell = (item->text.flags & VALUE_CELL) != 0;
	}
	if (m->n < MISSING_NAMED)
		m->names[m->n] = arena_strdup(arena, item->text.text);
	m->n++;
}

/* "$row.r1" is the key of the row and ".r1", where its field may have been meant. */
static void help_field(struct compilation *c, struct diag *d, struct span span)
{
	const char *text = c->sources.files[span.file].text + span.start;
	const size_t len = span.end - span.start;
	struct str wrong = STR_INIT;

	for (size_t i = 0; i < c->program.symbols.n; i++) {
		const struct symbol *sym = c->program.symbols.v[i];
		const struct shape *shape = sym->type != NULL && sym->type->kind == VTYPE_RECORD
		                                    ? sym->type->shape
		                                    : NULL;

		for (size_t k = 0; shape != NULL && k < shape->n; k++) {
			const char *at, *field = shape->names[k];

			str_reset(&wrong);
			str_addf(&wrong, "$%s.%s", sym->name, field);
			at = memmem(text, len, wrong.p, wrong.len);
			if (at == NULL || isalnum((unsigned char)at[wrong.len]) ||
			    at[wrong.len] == '_')
				continue;
			help(c, d, "write `${%s.%s}` for the field", sym->name, field);
			str_release(&wrong);
			return;
		}
	}
	str_release(&wrong);
}

static void report_missing(struct compilation *c, const struct missing *m)
{
	struct str names = STR_INIT;
	struct diag *d;

	for (size_t i = 0; i < m->n && i < MISSING_NAMED; i++)
		str_addf(&names, "%s`%s`", i == 0 ? "" : ", ", m->names[i]);
	if (m->n > MISSING_NAMED)
		str_addf(&names, " and %zu more", m->n - MISSING_NAMED);
	if (m->n == 1)
		d = report(c, E0319, m->span, "file %s is not there", names.p);
	else
		d = report(c, E0319, m->span, "%zu files are not there: %s", m->n, names.p);
	str_release(&names);
	label(c, d, "looked for %s%s%s", m->path, m->n > 1 ? " and so on" : "",
	      m->cell ? ", as the sheet says" : "");
	if (strpbrk(m->names[0], "*?[") != NULL)
		help(c, d, "several files are named with `files(\"%s\")`", m->names[0]);
	help_field(c, d, m->span);
}

static void look_for_file(struct planner *p, const struct data_item *item)
{
	struct compilation *c = p->c;
	const char *path;
	uint64_t *at;
	bool is_new;

	if (value_is_uri(item->text.text)) {
		path = strncmp(item->text.text, "file://", 7) == 0
		               ? uri_local_path(item->text.text, c->env.arena)
		               : NULL;
		if (path == NULL)
			return;
	} else {
		path = value_path(c, &item->text, c->env.arena);
	}
	at = map_get(&p->places, path, strlen(path));
	if (at == NULL) {
		path = arena_strdup(&c->arena, path);
		at = map_put(&p->places, path, strlen(path), &is_new);
		*at = 1 + (uint64_t)c->files.kind(c->files.context, path);
	}
	if (*at == 1 + PLACE_MISSING)
		file_missing(p, item, path);
}

/* ---- requirements ---- */

static bool plan_item(void *context, const struct data_item *item)
{
	struct planner *p = context;

	if (item->producer == NULL) {
		look_for_file(p, item);
		return true;
	}
	if (p->edges.n >= EDGE_LIMIT) {
		report(p->c, E0503, item->span, "more than %u requirements", EDGE_LIMIT);
		return false;
	}
	vec_push(&p->edges, item->producer->first_task + item->tuple);
	item->producer->whole |= item->yield == NULL && !p->order;
	return true;
}

/* Ascending, each once. Gathered ones come in order already. */
static void tidy_edges(struct planner *p, size_t start)
{
	size_t n = p->edges.n - start, kept = 0;
	bool sorted = true;
	uint32_t *v;

	if (n < 2)
		return;
	v = p->edges.v + start;
	for (size_t i = 1; i < n && sorted; i++)
		sorted = v[i - 1] < v[i];
	if (sorted)
		return;
	qsort(v, n, sizeof(*v), by_number);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || v[i] != v[i - 1])
			v[kept++] = v[i];
	}
	p->edges.n = start + kept;
}

/* The minimum of every gather can be reached. */
static bool check_quorum(struct planner *p, uint32_t tuple, size_t start)
{
	struct compilation *c = p->c;
	struct quorum q;

	task_enter(&c->env, p->step, tuple);
	return quorum_of(&c->env, &c->plan.other, p->step, tuple, p->edges.v + start,
	                 p->edges.n - start, &q);
}

static bool plan_task(struct planner *p, uint32_t tuple)
{
	struct compilation *c = p->c;
	size_t start = p->edges.n;

	env_forget(&c->env);
	env_forget(&c->plan.other);
	for (int k = 0; k < 3; k++) {
		struct setting *set = data_settings(p->step, k);
		struct data_walk w = {
		        .env = &c->env,
		        .other = &c->plan.other,
		        .step = p->step,
		        .tuple = tuple,
		        .skip_seen = true,
		        .no_actions = set != NULL && set->key == KEY_after,
		        .item = plan_item,
		        .context = p,
		};

		if (set == NULL)
			continue;
		if (set->guard != NULL || set->next != NULL) {
			task_enter(&c->env, p->step, tuple);
			w.entered = true;
			set = (struct setting *)task_own_setting(&c->env, p->step, set->key);
		}
		p->order = w.no_actions;
		if (set != NULL && !data_walk(&w, set->node))
			return false;
	}
	tidy_edges(p, start);
	if (p->quorum && !check_quorum(p, tuple, start))
		return false;
	c->plan.edge_start[p->task + 1] = (uint32_t)p->edges.n;
	return true;
}

/* ---- settings whose value may be wrong ---- */

/* A node that was checked, but can still fail on the values of a sheet or in arithmetic. */
static bool can_fail(const struct node *n, const struct vtype *want)
{
	if (n == NULL || n->kind == NODE_CONST)
		return false;
	if (want->kind != VTYPE_ANY && want->kind != VTYPE_STRING && n->type->kind != want->kind)
		return true;
	switch (n->kind) {
	case NODE_VARIABLE:
		return false;
	case NODE_FIELD:
		return n->type->kind == VTYPE_ANY ||
		       can_fail(n->field.of, vtype_of_kind(VTYPE_ANY));
	case NODE_LIST:
	case NODE_TEXT:
	case NODE_RECORD:
		for (size_t i = 0; i < n->list.n; i++) {
			if (can_fail(n->list.items[i], vtype_of_kind(VTYPE_ANY)))
				return true;
		}
		return false;
	case NODE_LET:
		if (n->symbol->fails == 0)
			n->symbol->fails =
			        can_fail(n->symbol->node, vtype_of_kind(VTYPE_ANY)) ? 1 : -1;
		return n->symbol->fails > 0;
	default:
		return true;
	}
}

/* Once per instance of the levels that it depends on. */
static bool try_node(struct planner *p, const struct setting *set, const struct node *n,
                     const struct vtype *want)
{
	struct compilation *c = p->c;
	struct level *l;

	if (!can_fail(n, want) || n->depth > p->step->level->depth)
		return true;
	l = level_at(p->step->level, n->depth);
	for (uint32_t i = 0; i < l->n; i++) {
		struct value v;

		env_forget(&c->env);
		env_set(&c->env, l, i);
		v = value_convert(c, eval(&c->env, n), want, n->span, c->env.arena);
		if (v.kind == VALUE_BAD || (set->expr != NULL && !setting_in_range(c, set, &v)))
			return false;
	}
	return true;
}

/* Values whose type only the loop tells, such as lists for a shell without lists. */
static bool command_can_fail(const struct step *step)
{
	const struct vtype *any = vtype_of_kind(VTYPE_ANY);

	for (const struct setting *s = step->settings.first[KEY_run]; s != NULL; s = s->next) {
		for (size_t i = 0; i < s->script->nbound; i++) {
			const struct symbol *sym = s->script->bound[i].symbol;

			if (!sym->constant && (sym->type->kind == VTYPE_ANY ||
			                       (sym->node != NULL && sym->kind != SYMBOL_LOOP &&
			                        can_fail(sym->node, any))))
				return true;
		}
	}
	for (const struct setting *s = step->settings.first[KEY_bind]; s != NULL; s = s->next) {
		for (size_t i = 0; i < s->nentries; i++) {
			if (s->entries[i].node->type->kind == VTYPE_ANY ||
			    can_fail(s->entries[i].node, any))
				return true;
		}
	}
	for (const struct setting *s = step->settings.first[KEY_exec]; s != NULL; s = s->next) {
		if (s->node->type->kind == VTYPE_ANY || can_fail(s->node, any))
			return true;
	}
	return false;
}

static void try_command(struct planner *p)
{
	struct compilation *c = p->c;

	if (!command_can_fail(p->step))
		return;
	for (uint32_t i = 0; i < p->step->level->n; i++) {
		struct command cmd;

		env_forget(&c->env);
		task_enter(&c->env, p->step, i);
		if (!command_make(&c->env, p->step, &cmd) && c->sink.errors > 0)
			return;
	}
}

static void try_list(struct planner *p, const struct settings *list)
{
	const struct vtype *any = vtype_of_kind(VTYPE_ANY);

	for (int key = 0; key < SETTING_KEY_COUNT; key++) {
		for (struct setting *s = list->first[key]; s != NULL; s = s->next) {
			/* Under a condition only the tasks that it holds for may be asked. */
			if (s->guard != NULL)
				continue;
			if (s->node != NULL && !s->node->has_data)
				try_node(p, s, s->node, setting_type(s));
			for (size_t i = 0; i < s->nentries; i++)
				try_node(p, s, s->entries[i].node, any);
			for (size_t i = 0; i < s->nattempts; i++)
				try_list(p, &s->attempts[i]);
		}
	}
}

static bool has_guard(const struct settings *list, enum setting_key key)
{
	for (const struct setting *s = list->first[key]; s != NULL; s = s->next) {
		if (s->guard != NULL)
			return true;
		for (size_t i = 0; i < s->nattempts; i++) {
			for (int k = 0; k < SETTING_KEY_COUNT; k++) {
				if (has_guard(&s->attempts[i], (enum setting_key)k))
					return true;
			}
		}
	}
	return false;
}

/* What holds for the task that env stands at. */
static void try_chosen(struct planner *p, const struct settings *list, enum setting_key key)
{
	struct compilation *c = p->c;
	const struct setting *s = own_setting(&c->env, list, key);

	if (s == NULL)
		return;
	if (s->node != NULL && !s->node->has_data)
		setting_value(&c->env, s);
	for (size_t k = 0; k < s->nentries; k++) {
		if (s->entries[k].node != NULL)
			eval(&c->env, s->entries[k].node);
	}
	for (size_t i = 0; i < s->nattempts; i++) {
		for (int k = 0; k < SETTING_KEY_COUNT; k++)
			try_chosen(p, &s->attempts[i], (enum setting_key)k);
	}
}

/* Settings under a condition, task by task. */
static void try_guarded(struct planner *p)
{
	const struct settings *list = &p->step->settings;
	struct compilation *c = p->c;
	bool guarded[SETTING_KEY_COUNT] = {false}, any = false;

	for (int key = 0; key < SETTING_KEY_COUNT; key++) {
		guarded[key] = has_guard(list, (enum setting_key)key);
		any |= guarded[key];
	}
	for (uint32_t i = 0; any && i < p->step->level->n && c->sink.errors == 0; i++) {
		env_forget(&c->env);
		task_enter(&c->env, p->step, i);
		for (int key = 0; key < SETTING_KEY_COUNT; key++) {
			if (guarded[key])
				try_chosen(p, list, (enum setting_key)key);
		}
	}
}

void compile_plan(struct compilation *c)
{
	struct planner p = {.c = c};
	bool ok = number_tasks(c);

	env_init(&c->plan.other, c);
	env_use_scratch(&c->plan.other);
	c->plan.made = true;
	if (!ok)
		return;
	pair_steps(c);
	c->plan.edge_start =
	        xreallocarray(NULL, (size_t)c->plan.task_count + 1, sizeof(*c->plan.edge_start));
	c->plan.edge_start[0] = 0;
	for (size_t i = 0; i < c->program.steps.n && c->sink.errors == 0; i++) {
		p.step = c->program.steps.v[i];
		/* Where nothing runs nothing is computed. */
		if (p.step->level->n == 0)
			continue;
		try_list(&p, &p.step->settings);
		try_guarded(&p);
		try_command(&p);
		p.quorum = quorum_asked(p.step);
		for (uint32_t t = 0; t < p.step->level->n; t++, p.task++) {
			if (!plan_task(&p, t))
				break;
		}
	}
	for (size_t i = 0; i < p.missing.n; i++)
		report_missing(c, &p.missing.v[i]);
	vec_release(&p.missing);
	map_release(&p.missed);
	for (size_t i = 0; i < c->program.hooks.n && c->sink.errors == 0; i++) {
		p.step = c->program.hooks.v[i].step;
		try_command(&p);
	}
	map_release(&p.places);
	c->plan.edges = p.edges.v;
	c->plan.edge_count = p.edges.n;
	if (c->sink.errors == 0)
		plan_check(c);
	if (c->sink.errors == 0)
		plan_keep(c);
	if ((uint64_t)c->plan.task_count + c->plan.removals.n > TASK_LIMIT)
		report(c, E0503, c->program.workflow->head, "more than %u tasks", TASK_LIMIT);
}
