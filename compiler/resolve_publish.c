/*
 * `publish = "s3://bucket/final/"`: a second place for what a step writes. It becomes a
 * step of its own, STEP_publish, in the same loops, which takes the output and writes it
 * there: so it is retried, reused, followed and explained as any other.
 */
#include "compiler/resolve.h"

#include <string.h>

static struct expr *new_expr(struct resolver *r, enum expr_kind kind, struct span span)
{
	struct expr *e = arena_new(&r->c->arena, struct expr);

	e->kind = kind;
	e->span = span;
	e->depth = 1;
	return e;
}

static struct expr *name_expr(struct resolver *r, const char *text, struct span span)
{
	struct expr *e = new_expr(r, EXPR_NAME, span);

	e->name = (struct name){text, span};
	return e;
}

/* A string of a task's variable, where one is given, and text. */
static struct expr *word_expr(struct resolver *r, const char *variable, const char *text,
                              struct span span)
{
	struct expr *e = new_expr(r, EXPR_STRING, span);

	e->string.parts = arena_array(&r->c->arena, struct string_part, 2);
	if (variable != NULL)
		e->string.parts[e->string.n++] =
		        (struct string_part){.span = span, .expr = name_expr(r, variable, span)};
	e->string.parts[e->string.n++] =
	        (struct string_part){.span = span, .text = text, .len = strlen(text)};
	return e;
}

static struct setting *put(struct resolver *r, struct step *step, enum setting_key key,
                           const struct setting *publish, const struct expr *e)
{
	struct setting *set = arena_new(&r->c->arena, struct setting);

	set->key = key;
	set->attr = attr_find(setting_key_text(key), ATTR_STEP);
	set->key_span = publish->key_span;
	set->span = publish->span;
	set->stmt = publish->stmt;
	set->expr = e;
	step->settings.first[key] = set;
	return set;
}

static const struct expr *copy_command(struct resolver *r, struct span span)
{
	struct expr *list = new_expr(r, EXPR_LIST, span);
	struct expr *all[] = {word_expr(r, NULL, "cp", span), word_expr(r, NULL, "-RL", span),
	                      word_expr(r, "INPUT", "/.", span), word_expr(r, "OUTPUT", "/", span)};

	list->list.n = sizeof(all) / sizeof(*all);
	list->list.items = arena_array(&r->c->arena, struct expr *, list->list.n);
	memcpy(list->list.items, all, sizeof(all));
	return list;
}

static void conditional(struct resolver *r, const struct setting *publish)
{
	struct diag *d =
	        report(r->c, E0327, publish->key_span, "`publish` stands under a condition");

	label(r->c, d, "holds for the whole step");
	help(r->c, d, "put it directly into the step");
}

void resolve_publish(struct resolver *r, struct step *step)
{
	struct compilation *c = r->c;
	const struct setting *publish = step->settings.first[KEY_publish];
	struct step *copy;
	struct expr *input;
	uint32_t use = c->use;

	if (publish == NULL)
		return;
	if (publish->guard != NULL || publish->next != NULL) {
		conditional(r, publish->guard != NULL ? publish : publish->next);
		return;
	}
	copy = arena_new(&c->arena, struct step);
	copy->level = step->level;
	copy->use = step->use;
	declare_step(r, step->stmt,
	             (struct name){arena_printf(&c->arena, "%s_publish", step->symbol->name),
	                           publish->key_span},
	             copy);
	input = name_expr(r, step->symbol->name, publish->key_span);
	c->use = step->use;
	bind_new(r, input)->symbol = step->symbol;
	c->use = use;
	put(r, copy, KEY_input, publish, input);
	put(r, copy, KEY_output, publish, publish->expr);
	put(r, copy, KEY_exec, publish, copy_command(r, publish->key_span));
	/* Whatever the workflow says for all steps. */
	put(r, copy, KEY_gpu, publish, new_expr(r, EXPR_INT, publish->key_span));
	/* What it promises is what was promised to it. */
	copy->settings.first[KEY_yields] = step->settings.first[KEY_yields];
	add_step(r, copy);
}
