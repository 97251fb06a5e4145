/*
 * Names and fields in expressions: what a name stands for at its place, bare words
 * of enumerations, fields of filtered lists, and which mistakes they are when they
 * are none of it.
 */
#include "compiler/check.h"
#include "compiler/cycle.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const task_variables[] = {"CPU", "INPUT", "OUTPUT", "RESOURCE", "TEMP"};

#define TASK_VARIABLES (sizeof(task_variables) / sizeof(*task_variables))

const char *task_variable_like(const char *name)
{
	for (size_t i = 0; i < TASK_VARIABLES; i++) {
		if (strcasecmp(task_variables[i], name) == 0)
			return task_variables[i];
	}
	return NULL;
}

const char *task_variable_nearest(const char *name)
{
	return word_nearest(name, task_variables, TASK_VARIABLES);
}

/* "CPU" and the like: the task's own. */
static bool is_task_variable(const char *name)
{
	const char *variable = task_variable_like(name);

	return variable != NULL && strcmp(variable, name) == 0;
}

/* True, yes, null: what other languages call a value that this one has; NULL: none of them. */
static const char *value_elsewhere(const char *name)
{
	static const struct {
		const char *theirs, *ours;
	} names[] = {{"true", "true"}, {"yes", "true"},  {"false", "false"}, {"no", "false"},
	             {"none", "none"}, {"null", "none"}, {"nil", "none"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcasecmp(names[i].theirs, name) == 0)
			return names[i].ours;
	}
	return NULL;
}

static bool help_value(struct checker *k, struct diag *d, const struct expr *e)
{
	const char *value = k->dollar ? NULL : value_elsewhere(e->name.text);

	if (value == NULL)
		return false;
	help(k->c, d, "write `%s`", value);
	fix(k->c, d, e->span, "%s", value);
	return true;
}

static struct node *check_task_variable(struct checker *k, const struct expr *e)
{
	const char *name = e->name.text, *nearest;
	struct node *n;
	struct diag *d;

	if (!is_task_variable(name)) {
		nearest = task_variable_nearest(name);
		d = report(k->c, E0206, e->span, "`%s` is no variable of a task", name);
		label(k->c, d, "unknown");
		if (help_value(k, d, e))
			return node_bad(k, e->span);
		if (nearest != NULL) {
			help(k->c, d, "write `$%s`", nearest);
			fix(k->c, d, e->span, "%s", nearest);
		} else {
			help(k->c, d, "a task has CPU, INPUT, OUTPUT, RESOURCE and TEMP");
		}
		return node_bad(k, e->span);
	}
	if (!k->task_variables) {
		d = report(k->c, E0206, e->span, "`%s` is known only when the task runs", name);
		label(k->c, d, "has no value yet");
		help(k->c, d, "use it in the text of `run`, or in `exec`");
		return node_bad(k, e->span);
	}
	n = node_new(k, NODE_TASK_VARIABLE, e->span, vtype_of_kind(VTYPE_STRING));
	/* Marked, so that the words of exec can be told from text that looks alike. */
	n->variable = arena_printf(&k->c->arena, "\001%s\002", name);
	return n;
}

/* Moving a step up is of no use where it waits for the one that names it. */
static void help_later(struct checker *k, struct diag *d, struct span use,
                       const struct name *declared)
{
	const struct step *last, *here = cycle_find(k->c, use, declared->span, &last);

	if (here == NULL)
		help(k->c, d, "move the definition above this line");
	else if (strcmp(last->symbol->name, declared->text) == 0)
		help(k->c, d,
		     "`%s` takes from `%s` itself: one of them must not wait for the other",
		     declared->text, here->symbol->name);
	else
		help(k->c, d,
		     "`%s` waits for `%s` itself, which `%s` takes from: one of them must not wait "
		     "for the others",
		     declared->text, here->symbol->name, last->symbol->name);
}

static void unknown_name(struct checker *k, const struct expr *e, const struct binding *b,
                         const struct vtype *want)
{
	struct diag *d;

	if (b != NULL && b->reported)
		return;
	if (b != NULL && b->elsewhere != NULL) {
		bool later = b->elsewhere->span.start > e->span.start;

		d = report(k->c, E0203, e->span, "`%s` is %s", e->name.text,
		           later ? "defined further down" : "not in scope here");
		label(k->c, d, later ? "not yet known" : "out of sight");
		relate(k->c, d, b->elsewhere->span,
		       later ? "defined here" : "known only in its block");
		if (later)
			help_later(k, d, e->span, b->elsewhere);
		return;
	}
	d = report(k->c, E0201, e->span, "`%s` is not defined", e->name.text);
	label(k->c, d, "unknown name");
	if (help_value(k, d, e))
		return;
	if (b != NULL && b->nearest != NULL) {
		help(k->c, d,
		     k->dollar ? "write `$%s`, or `\\$` for the sign itself" : "write `%s`",
		     b->nearest);
		fix(k->c, d, e->span, "%s", b->nearest);
	} else if (k->dollar) {
		help(k->c, d, "a dollar sign itself is written `\\$`");
	} else if (want != NULL && want->kind == VTYPE_STRING) {
		help(k->c, d, "a text stands in quotes: `\"%s\"`", e->name.text);
	}
}

static long item_field(const struct checker *k, const char *name)
{
	if (k->item == NULL || k->item->kind != VTYPE_RECORD || k->item->shape == NULL)
		return -1;
	return shape_index(k->item->shape, name);
}

static struct node *check_item_field(struct checker *k, const struct expr *e, long index)
{
	struct node *n = node_new(k, NODE_ITEM_FIELD, e->span, k->item->fields[index]);

	n->each.slot = k->item_slot;
	n->each.name = e->name.text;
	n->free = k->item_bit;
	return n;
}

/* A name of a `where` that is both a column and something in scope: which one? */
static struct node *check_ambiguous(struct checker *k, const struct expr *e,
                                    const struct symbol *sym)
{
	struct diag *d = report(k->c, E0222, e->span, "`%s` is a field of %s and a %s",
	                        e->name.text, k->item_list, symbol_kind_text(sym->kind));

	label(k->c, d, "which one");
	relate(k->c, d, sym->span, "the %s", symbol_kind_text(sym->kind));
	help(k->c, d, "rename the %s", symbol_kind_text(sym->kind));
	return node_bad(k, e->span);
}

/*
 * What stands for files is put in where the parameter is named, as it would stand
 * there itself. Without a use there is nothing to say about it.
 */
static struct node *check_argument_name(struct checker *k, const struct expr *e, struct symbol *sym)
{
	uint32_t use = k->c->use;
	struct node *n;
	struct diag *d;

	if (sym->expr == NULL)
		return node_bad(k, e->span);
	if (!k->data) {
		d = report(k->c, E0214, e->span, "`%s` stands for files, not for a value",
		           sym->name);
		label(k->c, d, "cannot be computed with");
		relate(k->c, d, sym->expr->span, "given here");
		return node_bad(k, e->span);
	}
	k->c->use = 0;
	n = check_expr(k, sym->expr, NULL);
	k->c->use = use;
	return n;
}

struct node *check_bound_name(struct checker *k, const struct expr *e, struct symbol *sym)
{
	struct node *n;
	struct diag *d;

	if (sym->kind == SYMBOL_ARGUMENT && (sym->data || sym->expr == NULL))
		return check_argument_name(k, e, sym);
	if (sym->constant) {
		if (sym->value.kind == VALUE_BAD)
			return node_bad(k, e->span);
		return node_const(k, sym->value, e->span, sym->type);
	}
	switch (sym->kind) {
	case SYMBOL_PARAM:
		return node_bad(k, e->span);
	case SYMBOL_ARGUMENT:
		/* What is known of a loop variable need not be found out task by task. */
		if (sym->node->kind == NODE_VARIABLE)
			return check_bound_name(k, e, sym->node->symbol);
		/* fall through */
	case SYMBOL_LET:
		n = node_new(k, NODE_LET, e->span, sym->type);
		n->symbol = sym;
		n->depth = sym->node->depth;
		if (sym->chain > k->chain)
			k->chain = sym->chain;
		/* In a branch that is not taken nothing is computed. */
		if (n->depth == 0)
			n->depth = sym->level->depth;
		return n;
	case SYMBOL_LOOP:
	case SYMBOL_ELEMENT:
		n = node_new(k, NODE_VARIABLE, e->span, sym->type);
		n->symbol = sym;
		if (sym->kind == SYMBOL_LOOP)
			n->depth = sym->level->depth;
		else
			n->free = sym->bit;
		return n;
	case SYMBOL_STEP:
		return check_output(k, e, sym->step, NULL);
	case SYMBOL_RECRUITER:
	case SYMBOL_MODULE:
	case SYMBOL_TEMPLATE:
		break;
	}
	d = report(k->c, E0214, e->span, "`%s` is a %s, not a value", sym->name,
	           symbol_kind_text(sym->kind));
	label(k->c, d, "cannot be computed with");
	relate(k->c, d, sym->span, "declared here");
	return node_bad(k, e->span);
}

struct node *check_name(struct checker *k, const struct expr *e, const struct vtype *want)
{
	struct binding *b = binding_of(k->c, e);
	const char *name = e->name.text;
	long field = item_field(k, name);

	if (field >= 0 && b != NULL && b->symbol != NULL)
		return check_ambiguous(k, e, b->symbol);
	if (field >= 0)
		return check_item_field(k, e, field);
	if (b != NULL && b->symbol != NULL)
		return check_bound_name(k, e, b->symbol);
	if (want != NULL && want->kind == VTYPE_ENUM) {
		for (size_t i = 0; i < want->nwords; i++) {
			if (strcmp(want->words[i], name) == 0)
				return node_const(k, value_string(want->words[i]), e->span, want);
		}
		{
			const char *nearest = word_nearest(name, want->words, want->nwords);
			struct diag *d = report(k->c, E0309, e->span, "`%s` is not %s", name,
			                        type_text(k, want));

			label(k->c, d, "not one of the words");
			if (nearest != NULL) {
				help(k->c, d, "write `%s`", nearest);
				fix(k->c, d, e->span, "%s", nearest);
			}
		}
		return node_bad(k, e->span);
	}
	if (isupper((unsigned char)name[0]) && (b == NULL || b->nearest == NULL))
		return check_task_variable(k, e);
	if (is_task_variable(name))
		return check_task_variable(k, e);
	/* A filtered list whose fields are not known before it is read, or since nobody was asked.
	 */
	if (k->item != NULL && (k->item->kind == VTYPE_ANY ||
	                        (k->item->kind == VTYPE_RECORD && k->item->shape == NULL))) {
		struct node *n = node_new(k, NODE_ITEM_FIELD, e->span, vtype_of_kind(VTYPE_ANY));

		n->each.slot = k->item_slot;
		n->each.name = name;
		n->free = k->item_bit;
		return n;
	}
	if (k->item != NULL && k->item->shape != NULL && (b == NULL || b->nearest == NULL)) {
		const char *nearest = word_nearest(name, k->item->shape->names, k->item->shape->n);
		struct diag *d =
		        report(k->c, E0201, e->span, "`%s` is neither defined nor a field of %s",
		               name, k->item_list);

		label(k->c, d, "unknown name");
		if (nearest != NULL) {
			help(k->c, d, "write `%s`", nearest);
			fix(k->c, d, e->span, "%s", nearest);
		}
		return node_bad(k, e->span);
	}
	unknown_name(k, e, b, want);
	return node_bad(k, e->span);
}

/* ---- fields ---- */

static struct step *step_of(struct checker *k, const struct expr *e)
{
	struct binding *b = e->kind == EXPR_NAME ? binding_of(k->c, e) : NULL;

	/* A parameter for which a use gives a step. */
	if (b && b->symbol && b->symbol->kind == SYMBOL_ARGUMENT && b->symbol->expr != NULL)
		return step_of(k, b->symbol->expr);
	return b && b->symbol ? b->symbol->step : NULL;
}

static void unknown_field(struct checker *k, const struct expr *e, const struct vtype *of)
{
	const char *nearest = word_nearest(e->field.name.text, of->shape->names, of->shape->n);
	struct diag *d;
	struct str s = STR_INIT;

	expr_dump(e->field.of, &s);
	d = report(k->c, E0205, e->field.name.span, "`%s` has no field `%s`",
	           e->field.of->kind == EXPR_NAME ? e->field.of->name.text : s.p,
	           e->field.name.text);
	label(k->c, d, "unknown field");
	str_reset(&s);
	for (size_t i = 0; i < of->shape->n && i < 12; i++)
		str_addf(&s, "%s%s", i ? ", " : "", of->shape->names[i]);
	if (of->shape->n > 12)
		str_addf(&s, "... (%zu fields)", of->shape->n);
	if (nearest != NULL)
		fix(k->c, d, e->field.name.span, "%s", nearest);
	if (nearest != NULL)
		help(k->c, d, "write `%s`", nearest);
	else if (of->shape->n > 0)
		help(k->c, d, "it has %s", s.p);
	str_release(&s);
}

struct node *check_field(struct checker *k, const struct expr *e)
{
	struct step *step = step_of(k, e->field.of);
	struct binding *member = binding_of(k->c, e);
	struct node *of, *n;
	const struct vtype *type = vtype_of_kind(VTYPE_ANY);
	struct diag *d;
	long i;

	if (member != NULL)
		return member->symbol ? check_bound_name(k, e, member->symbol)
		                      : node_bad(k, e->span);
	if (step != NULL)
		return check_output(k, e, step, &e->field.name);
	of = check_expr(k, e->field.of, NULL);
	if (of->kind == NODE_BAD)
		return of;
	switch (of->type->kind) {
	case VTYPE_ANY:
		break;
	case VTYPE_DEPTH:
		if (strcmp(e->field.name.text, "pairs") == 0) {
			type = vtype_of_kind(VTYPE_BOOL);
			break;
		}
		d = report(k->c, E0205, e->field.name.span, "a depth has no field `%s`",
		           e->field.name.text);
		label(k->c, d, "unknown field");
		help(k->c, d, "write `pairs`");
		fix(k->c, d, e->field.name.span, "pairs");
		return node_bad(k, e->span);
	case VTYPE_RECORD:
		if (of->type->shape == NULL)
			break;
		i = shape_index(of->type->shape, e->field.name.text);
		if (i < 0) {
			unknown_field(k, e, of->type);
			return node_bad(k, e->span);
		}
		type = of->type->fields[i];
		break;
	default:
		d = report(k->c, E0301, e->field.of->span, "%s has no fields",
		           type_text(k, of->type));
		label(k->c, d, "no field `%s`", e->field.name.text);
		return node_bad(k, e->span);
	}
	n = node_new(k, NODE_FIELD, e->span, type);
	n->field.of = of;
	n->field.name = e->field.name.text;
	node_depends(n, of);
	return n;
}
