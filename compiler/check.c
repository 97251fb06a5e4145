/*
 * The pass that gives everything its type, in the order of the file. What
 * depends on no loop is computed on the way: sheets are read here, so that their
 * columns are known where rows are used.
 */
#include "compiler/check.h"
#include "compiler/override.h"

#include "compiler/paths.h"

#include <string.h>

/* The sides of a comparison are shown up to so many values and bytes. */
#define COMPARED_MOST 100
#define COMPARED_LENGTH 200

/* `let x = LIST where COND`: the fields of an element are names in COND. */
static struct node *check_filter(struct checker *k, const struct stmt *s, struct node *source)
{
	struct node *n = node_new(k, NODE_FILTER, s->let.where->span, source->type);
	const struct vtype *element = check_element_type(k, source);

	if (element == NULL)
		return node_bad(k, s->span);
	n->each.source = source;
	n->each.slot = k->item_slot;
	k->item = element;
	k->item_list = arena_printf(&k->c->arena, "the rows of `%s`", s->let.name.text);
	k->item_bit = check_bit(k);
	n->each.where = check_expr(k, s->let.where, vtype_of_kind(VTYPE_BOOL));
	k->item = NULL;
	node_depends(n, n->each.where);
	check_bit_end(k, n, k->item_bit);
	node_depends(n, source);
	return n->each.where->kind == NODE_BAD ? n->each.where : n;
}

static void check_let(struct compilation *c, struct symbol *sym)
{
	struct checker k = {.c = c, .level = sym->level, .item_slot = sym->slot};
	const struct stmt *s = sym->stmt;
	struct node *n = check_expr(&k, s->let.value, NULL);
	struct value v;

	if (n->kind != NODE_BAD && s->let.where != NULL) {
		n = check_filter(&k, s, n);
		if (n->kind == NODE_FILTER && n->depth == 0 && !sym->level->dead) {
			v = eval(&c->env, n);
			n = v.kind == VALUE_BAD && c->unasked ? n
			    : v.kind == VALUE_BAD
			            ? node_bad(&k, n->span)
			            : node_const(&k, v, n->span, vtype_of_value(&c->arena, &v));
		}
	}
	/* Computed by recursion, when the last one is asked for. */
	sym->chain = k.chain + 1;
	if (sym->chain > CHAIN_LIMIT) {
		report(c, E0503, sym->span, "lets that build on each other %u deep", CHAIN_LIMIT);
		n = node_bad(&k, n->span);
		sym->chain = 0;
	}
	sym->node = n;
	sym->type = n->type;
	sym->constant = n->kind == NODE_CONST || n->kind == NODE_BAD;
	sym->value = n->kind == NODE_CONST ? n->value : VALUE_BAD_INIT;
}

static bool stands_for_files(const struct node *n)
{
	switch (n->kind) {
	case NODE_LIST:
		for (size_t i = 0; i < n->list.n; i++) {
			if (stands_for_files(n->list.items[i]))
				return true;
		}
		return false;
	case NODE_IF:
		return stands_for_files(n->choice.yes) || stands_for_files(n->choice.no);
	default:
		return n->has_data;
	}
}

/* What a use gives for a parameter: a value, as by `let`, or files. */
static void check_argument(struct compilation *c, struct symbol *sym)
{
	struct checker k = {.c = c, .level = sym->level, .data = true};
	struct node *n = check_expr(&k, sym->expr, NULL);

	sym->data = n->kind != NODE_BAD && stands_for_files(n);
	if (!sym->data && n->kind != NODE_BAD) {
		k.data = false;
		n = check_expr(&k, sym->expr, NULL);
	}
	sym->chain = k.chain + 1;
	sym->node = n;
	sym->type = n->type;
	sym->constant = n->kind == NODE_CONST || n->kind == NODE_BAD;
	sym->value = n->kind == NODE_CONST ? n->value : VALUE_BAD_INIT;
}

/* "2 == 3" of a comparison that does not hold and says so; NULL where that tells nothing. */
static const char *compared(struct checker *k, const struct expr *e)
{
	const struct expr *sides[2];
	struct str s = STR_INIT;
	const char *text = NULL;

	if (e->kind != EXPR_BINARY || e->binary.op < OP_EQ || e->binary.op > OP_UNLIKE)
		return NULL;
	sides[0] = e->binary.left;
	sides[1] = e->binary.right;
	for (int i = 0; i < 2; i++) {
		struct node *n = check_expr(k, sides[i], NULL);

		if (n->kind != NODE_CONST || value_total(&n->value) > COMPARED_MOST) {
			str_release(&s);
			return NULL;
		}
		if (i > 0)
			str_addf(&s, " %s ", op_text(e->binary.op));
		value_write(&n->value, &s);
	}
	if (s.len <= COMPARED_LENGTH)
		text = arena_strndup(&k->c->arena, s.p, s.len);
	str_release(&s);
	return text;
}

static void check_assert(struct compilation *c, struct assertion *a)
{
	struct checker k = {.c = c, .level = a->level};
	const struct stmt *s = a->stmt;
	const char *why;
	struct diag *d;

	a->cond = check_expr(&k, s->assertion.cond, vtype_of_kind(VTYPE_BOOL));
	if (s->assertion.message != NULL)
		a->message = check_expr(&k, s->assertion.message, vtype_of_kind(VTYPE_STRING));
	if (a->cond->kind != NODE_CONST || a->level->dead)
		return;
	if (value_convert(c, a->cond->value, vtype_of_kind(VTYPE_BOOL), a->cond->span, &c->arena)
	            .boolean)
		return;
	why = compared(&k, s->assertion.cond);
	if (a->message != NULL && a->message->kind == NODE_CONST)
		d = report(c, E0314, s->assertion.cond->span, "%s",
		           value_to_text(&a->message->value, &c->arena));
	else
		d = report(c, E0314, s->assertion.cond->span, "the condition does not hold");
	label(c, d, why != NULL ? "is false: %s" : "is false", why);
}

static void check_loop(struct compilation *c, struct level *l)
{
	struct checker k = {.c = c, .level = l->outer};
	const struct vtype *element;

	l->dead = l->outer->dead;
	l->source = check_expr(&k, l->source_expr, NULL);
	element = check_element_type(&k, l->source);
	l->symbol->node = l->source;
	l->symbol->type = element ? element : vtype_of_kind(VTYPE_ANY);
	if (l->where_expr != NULL) {
		k.level = l;
		l->where = check_expr(&k, l->where_expr, vtype_of_kind(VTYPE_BOOL));
	}
}

static void check_branch(struct compilation *c, struct level *l)
{
	struct checker k = {.c = c, .level = l->outer};
	struct value v;

	l->dead = l->outer->dead;
	c->use = l->use;
	l->cond = check_expr(&k, l->cond_expr, vtype_of_kind(VTYPE_BOOL));
	c->use = 0;
	if (l->cond->kind != NODE_CONST)
		return;
	v = value_convert(c, l->cond->value, vtype_of_kind(VTYPE_BOOL), l->cond->span, &c->arena);
	l->decided = true;
	l->dead |= v.kind != VALUE_BOOL || v.boolean != l->want;
	l->constant = l->outer->constant && !l->dead;
}

/* What is wrong with the values of a use is shown where they are used. */
static void check_used_step(struct compilation *c, struct step *step)
{
	struct checker k = {.c = c, .level = step->level};
	size_t before = c->sink.n;

	c->use = step->use;
	check_step(&k, step);
	c->use = 0;
	for (size_t i = before; step->use != 0 && i < c->sink.n; i++)
		relate(c, &c->sink.list[i], step->stmt->head, "used here");
}

void check_item(struct compilation *c, struct item *item)
{
	struct checker k = {.c = c, .level = c->program.levels.v[0]};

	switch (item->kind) {
	case ITEM_PARAM:
		check_param(&k, item->symbol);
		break;
	case ITEM_LET:
		check_let(c, item->symbol);
		break;
	case ITEM_ASSERT:
		check_assert(c, item->assertion);
		break;
	case ITEM_LEVEL:
		if (item->level->kind == LEVEL_LOOP)
			check_loop(c, item->level);
		else
			check_branch(c, item->level);
		break;
	case ITEM_STEP:
		if (item->step->broken)
			break;
		check_used_step(c, item->step);
		break;
	case ITEM_ARGUMENT:
		check_argument(c, item->symbol);
		break;
	case ITEM_RECRUITER:
		k.level = item->recruiter->symbol->level;
		check_recruiter_block(&k, item->recruiter);
		break;
	}
}

void check_values(struct compilation *c, size_t first)
{
	/* What is computed lies in the arena; the slots are too few for what is still to come. */
	env_init(&c->env, c);
	for (size_t i = first; i < c->program.items.n; i++) {
		struct item *item = &c->program.items.v[i];
		bool value = item->kind == ITEM_PARAM || item->kind == ITEM_LET ||
		             (item->kind == ITEM_LEVEL && !item->level->optional);

		if (!value || item->checked)
			continue;
		item->checked = true;
		check_item(c, item);
	}
	env_release(&c->env);
}

static bool good_name(const char *name)
{
	return name[0] != '\0' &&
	       name[strspn(name,
	                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] ==
	               '\0';
}

static void check_workflow_name(struct checker *k, const struct stmt *s)
{
	struct compilation *c = k->c;
	const struct expr *e = s->workflow.name;
	struct value v = check_constant(k, e, vtype_of_kind(VTYPE_STRING));
	const char *name = c->options.name;
	struct diag *d;

	if (v.kind == VALUE_BAD)
		return;
	if (name == NULL)
		name = value_to_text(&v, &c->arena);
	if (!good_name(name)) {
		d = report(c, E0217, e->span, "`%s` cannot be the name of a workflow", name);
		label(c, d, "letters, digits, `_` and `-` only");
		return;
	}
	c->workflow = name;
}

static void check_storage(struct checker *k)
{
	struct compilation *c = k->c;
	const struct setting *set = c->program.defaults.first[KEY_storage];
	struct value v;

	if (c->workflow == NULL)
		return;
	if (set == NULL || set->node == NULL) {
		v = value_string(arena_printf(&c->arena, "%s/results/%s", c->cwd, c->workflow));
	} else if (set->node->kind != NODE_CONST) {
		return;
	} else {
		v = set->node->value;
	}
	c->storage = folder_uri(c, &v, &c->arena);
	if (c->storage == NULL) {
		struct diag *d =
		        report(c, E0506, set->expr->span, "`%s` is not the address of a folder",
		               value_to_text(&v, &c->arena));

		label(c, d, "results cannot be put there");
	}
}

static void check_workflow(struct compilation *c)
{
	struct checker k = {.c = c, .level = c->program.levels.v[0]};

	if (c->program.workflow == NULL)
		return;
	check_workflow_name(&k, c->program.workflow);
	check_settings(&k, &c->program.defaults);
	if (c->program.defaults.first[KEY_container] != NULL)
		check_image(&k, c->program.defaults.first[KEY_container]);
	check_storage(&k);
}

/* The commands of all steps, once everything else is right. */
static void check_commands(struct compilation *c)
{
	struct program *p = &c->program;

	for (size_t i = 0; i < p->steps.n; i++) {
		struct checker k = {.c = c, .level = p->steps.v[i]->level};

		check_command(&k, p->steps.v[i]);
	}
	for (size_t i = 0; i < p->hooks.n; i++) {
		struct checker k = {.c = c, .level = p->hooks.v[i].step->level};

		check_command(&k, p->hooks.v[i].step);
	}
}

/* Of a step that is used its uses are checked. */
static void check_drafts(struct compilation *c)
{
	for (size_t i = 0; i < c->program.drafts.n; i++) {
		struct step *draft = c->program.drafts.v[i];
		struct checker k = {.c = c, .level = draft->level};

		if (draft->broken || draft->symbol->used)
			continue;
		c->use = draft->use;
		check_step(&k, draft);
		c->use = 0;
		if (c->sink.errors == 0)
			check_command(&k, draft);
	}
}

static void check_used(struct compilation *c)
{
	for (size_t i = 0; i < c->program.symbols.n; i++) {
		const struct symbol *sym = c->program.symbols.v[i];
		struct diag *d;

		/* What a module has is for others. */
		if (sym->used || sym->span.file != c->file || c->program.workflow == NULL)
			continue;
		if (sym->kind == SYMBOL_LET) {
			d = report(c, W0201, sym->span, "let `%s` is never used", sym->name);
			label(c, d, "not read anywhere");
		} else if (sym->kind == SYMBOL_PARAM) {
			d = report(c, W0202, sym->span, "param `%s` is never used", sym->name);
			label(c, d, "not read anywhere");
		} else if (sym->kind == SYMBOL_RECRUITER) {
			d = report(c, W0203, sym->span, "recruiter `%s` is never used", sym->name);
			label(c, d, "no step names it");
			help(c, d, "write `recruiters = [%s]` in a step or in `workflow`",
			     sym->name);
		}
	}
}

void compile_check(struct compilation *c)
{
	env_init(&c->env, c);
	check_params(c);
	override_settings(c);
	for (size_t i = 0; i < c->program.items.n; i++) {
		if (!c->program.items.v[i].checked)
			check_item(c, &c->program.items.v[i]);
	}
	check_workflow(c);
	for (size_t i = 0; i < c->program.profiles.n; i++) {
		struct checker k = {.c = c, .level = c->program.levels.v[0]};

		check_settings(&k, c->program.profiles.v[i]);
	}
	for (size_t i = 0; i < c->program.nexts.n; i++)
		check_next(c, c->program.nexts.v[i]);
	if (c->sink.errors == 0)
		check_recruiters(c);
	if (c->sink.errors == 0)
		check_commands(c);
	check_drafts(c);
	/* A name that was misspelt somewhere is no reason to call the right one unused. */
	if (c->sink.errors == 0)
		check_used(c);
}
