/*
 * Settings of workflow, step and recruiter: the type that each key wants, what
 * must be one for all tasks of a step, limits of numbers. Nodes are kept in the
 * setting for plan and emit.
 */
#include "compiler/check.h"

#include <string.h>

/* Decided per step, not per task: they become columns of batches and recruiters. */
static bool is_of_step(enum setting_key key)
{
	switch (key) {
	case KEY_concurrency:
	case KEY_recruiters:
	case KEY_shell:
	case KEY_env:
	case KEY_storage:
	case KEY_keep:
	case KEY_maximum_workers:
	case KEY_max_cost:
	case KEY_provider:
	case KEY_region:
	case KEY_flavor:
	case KEY_prefetch:
	case KEY_tasks_per_worker:
	case KEY_rounds:
	case KEY_minimum_tasks:
		return true;
	default:
		return false;
	}
}

/* Made once for all: it is asked for each task. */
static const struct vtype *wanted(const struct attr *attr)
{
	static const struct vtype types[] = {
	        [ATTR_STRING] = {.kind = VTYPE_STRING, .optional = true},
	        [ATTR_INT] = {.kind = VTYPE_INT, .optional = true},
	        [ATTR_NUMBER] = {.kind = VTYPE_FLOAT, .optional = true},
	        [ATTR_SIZE] = {.kind = VTYPE_SIZE, .optional = true},
	        [ATTR_DURATION] = {.kind = VTYPE_DURATION, .optional = true},
	        [ATTR_BOOL] = {.kind = VTYPE_BOOL, .optional = true},
	        [ATTR_PERCENT] = {.kind = VTYPE_FLOAT, .optional = true},
	};

	return &types[attr->type];
}

const struct vtype *setting_type(const struct setting *set)
{
	switch (set->attr->type) {
	case ATTR_STRING:
	case ATTR_INT:
	case ATTR_NUMBER:
	case ATTR_SIZE:
	case ATTR_DURATION:
	case ATTR_BOOL:
	case ATTR_PERCENT:
		return wanted(set->attr);
	default:
		return vtype_of_kind(VTYPE_ANY);
	}
}

/* The smallest value of a numeric key; -1: any. Positive ones also exclude 0. */
static double smallest(enum setting_key key)
{
	switch (key) {
	case KEY_concurrency:
	case KEY_rounds:
	case KEY_tasks_per_worker:
		return 1;
	case KEY_cpu:
	case KEY_memory:
		return 1e-9;
	case KEY_priority:
		return -1e18;
	default:
		return 0;
	}
}

bool setting_in_range(struct compilation *c, const struct setting *set, const struct value *v)
{
	double least = smallest(set->key), d = 0;
	struct diag *diag;
	struct str s = STR_INIT;

	if (v->kind == VALUE_INT || v->kind == VALUE_FLOAT)
		d = value_real(v);
	else if (v->kind == VALUE_SIZE || v->kind == VALUE_DURATION)
		d = (double)v->integer;
	else
		return true;
	if (d >= least)
		return true;
	value_write(v, &s);
	diag = report(c, E0306, set->expr->span, "`%s` cannot be %s", setting_key_text(set->key),
	              s.p);
	label(c, diag, least == 1 ? "at least 1" : least == 0 ? "at least 0" : "more than 0");
	str_release(&s);
	return false;
}

/* A bare word, or a string where the row's values end in "...". */
static void check_word(struct checker *k, struct setting *set)
{
	const struct expr *e = set->expr;
	const char *values = set->attr->values, *dots = strstr(values, "...");
	const char *plain = expr_plain_string(e);
	VEC(const char *) known = {0};
	char *copy = arena_strndup(&k->c->arena, values,
	                           dots ? (size_t)(dots - values) : strlen(values)),
	     *save;
	struct binding *b = e->kind == EXPR_NAME ? binding_of(k->c, e) : NULL;
	const char *word = e->kind == EXPR_NAME ? e->name.text : plain;
	struct diag *d;
	bool found = false;

	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		vec_push(&known, w);
		found |= word != NULL && strcmp(w, word) == 0;
	}
	if (found || (plain != NULL && plain[0] != '\0' && dots != NULL)) {
		set->node = node_const(k, value_string(word), e->span, vtype_of_kind(VTYPE_STRING));
	} else if ((b == NULL || b->symbol == NULL) && e->kind == EXPR_NAME) {
		const char *nearest = word_nearest(word, known.v, known.n);

		d = report(k->c, E0309, e->span, "`%s` does not know `%s`",
		           setting_key_text(set->key), word);
		label(k->c, d, "unknown word");
		if (nearest != NULL)
			fix(k->c, d, e->span, "%s", nearest);
		if (nearest != NULL)
			help(k->c, d, "write `%s`", nearest);
		else if (dots != NULL)
			help(k->c, d, "write another one as a string: \"%s\"", word);
	} else {
		set->node = check_expr(k, e, vtype_of_kind(VTYPE_STRING));
	}
	vec_release(&known);
}

/* Files, addresses, outputs: what `input` and `resource` take. */
static bool is_data(const struct vtype *t)
{
	switch (t->kind) {
	case VTYPE_LIST:
		return is_data(t->element);
	case VTYPE_DATA:
	case VTYPE_NONE:
		return true;
	default:
		return vtype_is_text(t);
	}
}

static void not_data(struct checker *k, const struct node *n)
{
	struct diag *d = report(k->c, E0301, n->span,
	                        "a file, an address or an output of a step "
	                        "is wanted here");

	label(k->c, d, "is %s", type_text(k, n->type));
	if (n->type->kind == VTYPE_RECORD && n->type->shape != NULL && n->type->shape->n > 0)
		help(k->c, d, "take one of its fields, like `.%s`", n->type->shape->names[0]);
}

static void check_data(struct checker *k, struct setting *set)
{
	k->data = true;
	set->node = check_expr(k, set->expr, NULL);
	k->data = false;
	if (set->node->kind == NODE_BAD)
		return;
	if (set->node->kind == NODE_LIST) {
		for (size_t i = 0; i < set->node->list.n; i++) {
			if (!is_data(set->node->list.items[i]->type))
				not_data(k, set->node->list.items[i]);
		}
	} else if (!is_data(set->node->type)) {
		not_data(k, set->node);
	}
}

/* after = [a, gather b]: steps alone. */
static void check_after_item(struct checker *k, const struct node *n)
{
	struct diag *d;

	switch (n->kind) {
	case NODE_OUTPUT:
	case NODE_GATHER:
	case NODE_PREVIOUS:
	case NODE_BAD:
		return;
	case NODE_LIST:
		for (size_t i = 0; i < n->list.n; i++)
			check_after_item(k, n->list.items[i]);
		return;
	case NODE_IF:
		check_after_item(k, n->choice.yes);
		check_after_item(k, n->choice.no);
		return;
	default:
		break;
	}
	if (n->type->kind == VTYPE_NONE)
		return;
	d = report(k->c, E0301, n->span, "a step is wanted here");
	label(k->c, d, "is %s", type_text(k, n->type));
	if (n->kind == NODE_CONST && n->value.kind == VALUE_STRING)
		help(k->c, d, "a step stands without quotes: `%s`", n->value.text);
}

static void check_after(struct checker *k, struct setting *set)
{
	k->data = true;
	set->node = check_expr(k, set->expr, NULL);
	k->data = false;
	check_after_item(k, set->node);
}

/* retry = 2, or [{}, { memory = 32GB }]: one attempt per entry. */
static void check_retry(struct checker *k, struct setting *set)
{
	const struct expr *e = set->expr;
	const struct vtype *want = vtype_of_kind(VTYPE_INT);
	struct diag *d;

	if (e->kind != EXPR_LIST) {
		set->node = check_expr(k, e, want);
		return;
	}
	if (e->list.n == 0) {
		d = report(k->c, E0306, e->span, "`retry` cannot be without an attempt");
		label(k->c, d, "an empty list");
		help(k->c, d, "write `retry = 0` for a single attempt");
		return;
	}
	for (size_t i = 0; i < e->list.n; i++) {
		const struct expr *item = e->list.items[i];

		if (item->kind != EXPR_RECORD) {
			d = report(k->c, E0301, item->span,
			           "settings of an attempt are wanted here");
			label(k->c, d, "is %s", expr_kind_text(item->kind));
			help(k->c, d, "write `retry = %zu`", e->list.n - 1);
			return;
		}
		check_settings(k, &set->attempts[i]);
		for (struct setting *s = set->attempts[i].first[KEY_container]; s; s = s->next)
			check_image(k, s);
	}
	set->node = node_const(k, value_int((int64_t)e->list.n - 1), e->span, want);
}

static void check_exec(struct checker *k, struct setting *set)
{
	struct diag *d;

	k->task_variables = true;
	set->node = check_expr(k, set->expr, NULL);
	k->task_variables = false;
	if (set->node->kind == NODE_BAD)
		return;
	if (set->node->type->kind != VTYPE_LIST && set->node->type->kind != VTYPE_ANY) {
		d = report(k->c, E0301, set->expr->span, "`exec` is a list of words");
		label(k->c, d, "is %s", type_text(k, set->node->type));
		help(k->c, d, "write `exec = [\"program\", \"argument\"]`");
	} else if (set->node->kind == NODE_LIST && set->node->list.n == 0) {
		d = report(k->c, E0301, set->expr->span, "`exec` names no program");
		label(k->c, d, "an empty list");
	}
}

static void check_entries(struct checker *k, struct setting *set)
{
	const struct vtype *want = set->key == KEY_yields ? vtype_of_kind(VTYPE_STRING) : NULL;

	for (size_t i = 0; i < set->nentries; i++) {
		struct entry *e = &set->entries[i];
		struct diag *d;

		if (e->expr != NULL) {
			e->node = check_expr(k, e->expr, want);
			continue;
		}
		if (e->symbol != NULL && symbol_is_value(e->symbol)) {
			/* As an expression of this one name. */
			struct expr *name = arena_new(&k->c->arena, struct expr);

			name->kind = EXPR_NAME;
			name->span = e->span;
			name->name = (struct name){e->name, e->span};
			e->node = check_bound_name(k, name, e->symbol);
			continue;
		}
		d = report(k->c, E0201, e->span, "`%s` is not defined", e->name);
		label(k->c, d, "unknown name");
		help(k->c, d, "write `%s = VALUE`", e->name);
	}
	for (size_t i = 0; set->key == KEY_bind && i < set->nentries; i++) {
		struct diag *d;

		if (set->entries[i].name[0] >= 'a' && set->entries[i].name[0] <= 'z')
			continue;
		d = report(k->c, E0206, set->entries[i].span,
		           "`%s` does not begin with a lower-case letter", set->entries[i].name);
		label(k->c, d, "upper-case names belong to the task");
	}
}

static void check_guard(struct checker *k, const struct guard *guard)
{
	struct guard *g = (struct guard *)guard;

	for (; g != NULL && g->cond == NULL; g = (struct guard *)g->outer)
		g->cond = check_expr(k, g->cond_expr, vtype_of_kind(VTYPE_BOOL));
}

static void check_of_step(struct checker *k, const struct setting *set)
{
	struct diag *d;
	bool varies = set->node != NULL && set->node->depth > 0 && set->node->kind != NODE_BAD;

	for (const struct guard *g = set->guard; g != NULL; g = g->outer)
		varies |= g->cond->kind != NODE_CONST && g->cond->kind != NODE_BAD;
	if (!varies && !(set->key == KEY_shell && set->guard != NULL))
		return;
	d = report(k->c, E0324, set->key_span, "`%s` is one for all tasks of a step",
	           setting_key_text(set->key));
	label(k->c, d, set->guard ? "set under a condition" : "depends on a loop");
}

static void check_setting(struct checker *k, struct setting *set)
{
	check_guard(k, set->guard);
	if (set->key == KEY_run)
		return;
	if (set->given) {
		setting_in_range(k->c, set, &set->node->value);
		return;
	}
	switch (set->attr->type) {
	case ATTR_WORD:
		check_word(k, set);
		break;
	case ATTR_DATA:
		check_data(k, set);
		break;
	case ATTR_STEPS:
		check_after(k, set);
		break;
	case ATTR_RETRY:
		check_retry(k, set);
		break;
	case ATTR_STRINGS:
		check_exec(k, set);
		break;
	case ATTR_RECORD:
	case ATTR_NAMES:
		check_entries(k, set);
		break;
	case ATTR_CONSTRAINTS:
		check_flavor(k, set);
		break;
	case ATTR_RECRUITERS:
		check_hires(k, set);
		break;
	case ATTR_WORDS:
		break;
	default:
		set->node = check_expr(k, set->expr, wanted(set->attr));
		break;
	}
	if (set->node != NULL && set->node->kind == NODE_CONST) {
		set->node->value = value_convert(k->c, set->node->value, setting_type(set),
		                                 set->node->span, &k->c->arena);
		if (set->node->value.kind == VALUE_BAD)
			set->node = node_bad(k, set->node->span);
		else
			setting_in_range(k->c, set, &set->node->value);
	}
	if (is_of_step(set->key))
		check_of_step(k, set);
}

void check_settings(struct checker *k, struct settings *s)
{
	for (int key = 0; key < SETTING_KEY_COUNT; key++) {
		for (struct setting *set = s->first[key]; set != NULL; set = set->next)
			check_setting(k, set);
	}
}

void check_step(struct checker *k, struct step *step)
{
	check_settings(k, &step->settings);
}
