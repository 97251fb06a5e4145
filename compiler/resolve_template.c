/*
 * Steps with parameters. One is resolved once where it stands, as a draft that only finds
 * mistakes, and once for each of its uses: with the names of its own file, the level of
 * the use, and its parameters standing for what the use gives.
 */
#include "compiler/resolve.h"

#include <string.h>

/* The names of the parameters, as symbols of one use or of the draft. */
struct arguments {
	struct symbol **symbols, **hidden;
	size_t n;
};

static void show_arguments(struct resolver *r, const struct stmt *template, struct level *level,
                           struct arguments *a)
{
	struct arena *arena = &r->c->arena;

	a->n = template->step.nparams;
	a->symbols = arena_array(arena, struct symbol *, a->n);
	a->hidden = arena_array(arena, struct symbol *, a->n);
	for (size_t i = 0; i < a->n; i++)
		a->symbols[i] = scope_hide(&r->scope, SYMBOL_ARGUMENT, template->step.params[i],
		                           level, &a->hidden[i]);
}

static void hide_arguments(struct resolver *r, const struct arguments *a)
{
	/* From the last one: of two parameters of one name the first hid the outer one. */
	for (size_t i = a->n; i-- > 0;)
		scope_unhide(&r->scope, a->symbols[i]->name, a->hidden[i]);
}

static bool is_setting(const char *name)
{
	return attr_find(name, ATTR_STEP) != NULL || strcmp(name, "run") == 0;
}

static void check_parameters(struct resolver *r, const struct stmt *s)
{
	struct compilation *c = r->c;

	for (size_t i = 0; i < s->step.nparams; i++) {
		struct name name = s->step.params[i];
		/* Declared and given up again, for what it says of names that are taken. */
		size_t mark = scope_enter(&r->scope);
		struct diag *d;

		scope_declare(&r->scope, SYMBOL_ARGUMENT, name, NULL, r->level)->used = true;
		scope_leave(&r->scope, mark);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(s->step.params[k].text, name.text) != 0)
				continue;
			d = report(c, E0202, name.span, "`%s` is already a parameter", name.text);
			label(c, d, "again");
			relate(c, d, s->step.params[k].span, "first here");
		}
		if (!is_setting(name.text))
			continue;
		d = report(c, E0202, name.span, "`%s` is already a setting of every step",
		           name.text);
		label(c, d, "taken");
		help(c, d, "choose another name: a use of the step may give settings, too");
	}
}

/* Levels of a draft are not part of the program: nothing in them is computed. */
static struct level *draft_level(struct resolver *r, const struct stmt *s)
{
	struct level *l = arena_new(&r->c->arena, struct level);

	l->kind = LEVEL_IF;
	l->outer = r->level;
	l->stmt = s;
	l->head = s->head;
	l->depth = r->level->depth + 1;
	l->dead = l->decided = true;
	return l;
}

static void resolve_when_of_draft(struct resolver *r, const struct block *body)
{
	for (size_t i = 0; i < body->n; i++) {
		if (body->items[i]->kind == STMT_ATTR &&
		    strcmp(body->items[i]->attr.key.text, "when") == 0)
			resolve_expr(r, body->items[i]->attr.value);
	}
}

void resolve_template(struct resolver *r, const struct stmt *s)
{
	struct compilation *c = r->c;
	struct step *draft = arena_new(&c->arena, struct step);
	struct level *outside = r->level;
	size_t errors = c->sink.reported;
	struct arguments a;

	check_parameters(r, s);
	draft->stmt = s;
	draft->level = draft_level(r, s);
	draft->use = c->use = ++c->uses;
	show_arguments(r, s, draft->level, &a);
	draft->symbol = arena_new(&c->arena, struct symbol);
	draft->symbol->kind = SYMBOL_TEMPLATE;
	draft->symbol->name = s->step.name.text;
	draft->symbol->span = s->step.name.span;
	r->level = draft->level;
	r->step = draft;
	resolve_when_of_draft(r, s->step.body);
	resolve_settings(r, s->step.body, ATTR_STEP, &draft->settings);
	resolve_scripts(r, draft, s->step.body);
	r->step = NULL;
	r->level = outside;
	hide_arguments(r, &a);
	c->use = 0;
	draft->broken = c->sink.reported > errors;
	vec_push(&c->program.drafts, draft);
	scope_declare(&r->scope, SYMBOL_TEMPLATE, s->step.name, s, r->level);
}

/* ---- uses ---- */

static struct step *draft_of(struct compilation *c, const struct stmt *template)
{
	for (size_t i = 0; i < c->program.drafts.n; i++) {
		if (c->program.drafts.v[i]->stmt == template)
			return c->program.drafts.v[i];
	}
	return NULL;
}

/* For editors: what the name stands for. */
static void note_name(struct resolver *r, const struct name *name, struct symbol *sym)
{
	struct binding *b = bind_new(r, name);

	b->symbol = sym;
	b->span = name->span;
}

/* The step that `= c.trim` names, and the file that it stands in; NULL after an error. */
static const struct stmt *used_step(struct resolver *r, const struct stmt *s,
                                    struct resolver **home)
{
	struct compilation *c = r->c;
	struct symbol *sym;
	struct name name = s->use.module.text != NULL ? s->use.module : s->use.step;
	bool reported = false;
	const char *nearest;
	struct diag *d;

	*home = r;
	sym = scope_find(&r->scope, name.text);
	if (sym != NULL) {
		sym->used = true;
		note_name(r, s->use.module.text != NULL ? &s->use.module : &s->use.step, sym);
	}
	if (s->use.module.text != NULL && sym != NULL && sym->kind == SYMBOL_MODULE) {
		*home = sym->module->resolver;
		sym = module_member(r, sym, s->use.step, &reported);
		name = s->use.step;
		if (sym != NULL)
			note_name(r, &s->use.step, sym);
	} else if (s->use.module.text != NULL && sym != NULL) {
		d = report(c, E0226, name.span, "`%s` is a %s, not a module", name.text,
		           symbol_kind_text(sym->kind));
		label(c, d, "a module is wanted here");
		relate(c, d, sym->span, "declared here");
		return NULL;
	}
	if (reported)
		return NULL;
	if (sym == NULL) {
		nearest = scope_nearest(&r->scope, name.text);
		d = report(c, E0201, name.span, "`%s` is not defined", name.text);
		label(c, d,
		      s->use.module.text ? "no module of this name" : "no step of this name above");
		if (nearest != NULL) {
			help(c, d, "write `%s`", nearest);
			fix(c, d, name.span, "%s", nearest);
		}
		return NULL;
	}
	if (sym->kind == SYMBOL_TEMPLATE)
		return sym->stmt;
	d = report(c, E0226, name.span, "`%s` is a %s, not a step with parameters", name.text,
	           symbol_kind_text(sym->kind));
	label(c, d, "cannot be used like this");
	relate(c, d, sym->span, "declared here");
	return NULL;
}

static const struct stmt *given_argument(const struct block *b, const char *name)
{
	for (size_t i = 0; b != NULL && i < b->n; i++) {
		if (b->items[i]->kind == STMT_ATTR && strcmp(b->items[i]->attr.key.text, name) == 0)
			return b->items[i];
	}
	return NULL;
}

static bool is_parameter(const struct stmt *template, const char *name)
{
	for (size_t i = 0; i < template->step.nparams; i++) {
		if (strcmp(template->step.params[i].text, name) == 0)
			return true;
	}
	return false;
}

static void argument_twice(struct resolver *r, const struct stmt *first, const struct stmt *again)
{
	struct diag *d = report(r->c, E0305, again->attr.key.span, "`%s` is given twice",
	                        again->attr.key.text);

	label(r->c, d, "again");
	relate(r->c, d, first->attr.key.span, "first here");
}

/*
 * What the use gives besides arguments. A key that is neither a parameter nor a
 * setting is told with both.
 */
static struct block settings_of_use(struct resolver *r, const struct stmt *s,
                                    const struct stmt *template)
{
	struct compilation *c = r->c;
	const struct block *b = s->use.body;
	struct block rest = {.span = b != NULL ? b->span : s->span};
	struct diag *d;

	rest.items = arena_array(&c->arena, struct stmt *, b != NULL ? b->n : 0);
	for (size_t i = 0; b != NULL && i < b->n; i++) {
		struct stmt *item = b->items[i];
		const char *key = item->kind == STMT_ATTR ? item->attr.key.text : NULL;

		if (key != NULL && is_parameter(template, key)) {
			if (given_argument(b, key) != item)
				argument_twice(r, given_argument(b, key), item);
			continue;
		}
		if (key != NULL && !is_setting(key)) {
			const char *nearest;
			VEC(const char *) names = {0};

			for (size_t k = 0; k < template->step.nparams; k++)
				vec_push(&names, template->step.params[k].text);
			nearest = word_nearest(key, names.v, names.n);
			vec_release(&names);
			if (nearest != NULL) {
				d = report(c, E0226, item->attr.key.span,
				           "step `%s` has no parameter `%s`",
				           template->step.name.text, key);
				label(c, d, "unknown here");
				help(c, d, "write `%s`", nearest);
				fix(c, d, item->attr.key.span, "%s", nearest);
				resolve_expr(r, item->attr.value);
				continue;
			}
		}
		rest.items[rest.n++] = item;
	}
	return rest;
}

/* Arguments are resolved where the use stands; false where one is missing. */
static bool give_arguments(struct resolver *r, const struct stmt *s, const struct stmt *template)
{
	struct compilation *c = r->c;
	struct str missing = STR_INIT;
	struct diag *d;
	bool ok;

	for (size_t i = 0; i < template->step.nparams; i++) {
		const char *name = template->step.params[i].text;
		const struct stmt *given = given_argument(s->use.body, name);

		if (given != NULL)
			resolve_expr(r, given->attr.value);
		else
			str_addf(&missing, "%s`%s`", missing.len > 0 ? ", " : "", name);
	}
	ok = missing.len == 0;
	if (!ok) {
		d = report(c, E0226, s->head, "step `%s` wants %s", template->step.name.text,
		           missing.p);
		label(c, d, "not given");
		relate(c, d, template->head, "its parameters");
		help(c, d, "write `%s = VALUE` into the braces",
		     missing.len > 0 ? arena_printf(&c->arena, "%.*s",
		                                    (int)strcspn(missing.p + 1, "`"), missing.p + 1)
		                     : "");
	}
	str_release(&missing);
	return ok;
}

void settings_put_over(struct settings *under, const struct settings *over)
{
	for (int key = 0; key < SETTING_KEY_COUNT; key++) {
		struct setting **end = &under->first[key];

		if (over->first[key] == NULL)
			continue;
		while (*end != NULL && over->first[key]->guard != NULL)
			end = &(*end)->next;
		*end = over->first[key];
	}
}

static bool sets_shell(const struct block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->items[i]->kind == STMT_ATTR &&
		    strcmp(b->items[i]->attr.key.text, "shell") == 0)
			return true;
	}
	return false;
}

/* The body with the names of its file, at the level of the use. */
static void resolve_body(struct resolver *r, struct resolver *home, const struct stmt *s,
                         const struct stmt *template, const struct block *rest, struct step *step)
{
	struct compilation *c = r->c;
	struct level *outside = r->level, *home_level = home->level;
	struct settings over = {0};
	struct step *outer_step = home->step;
	struct arguments a;
	bool when;

	when = resolve_when(r, s, rest);
	resolve_settings(r, rest, ATTR_STEP, &over);
	step->use = c->use = ++c->uses;
	home->level = r->level;
	show_arguments(home, template, r->level, &a);
	for (size_t i = 0; i < a.n; i++) {
		a.symbols[i]->expr = given_argument(s->use.body, a.symbols[i]->name)->attr.value;
		item_add(r, ITEM_ARGUMENT)->symbol = a.symbols[i];
	}
	if (!when)
		resolve_when(home, s, template->step.body);
	step->level = home->level;
	home->step = step;
	resolve_settings(home, template->step.body, ATTR_STEP, &step->settings);
	settings_put_over(&step->settings, &over);
	resolve_scripts(home, step, sets_shell(rest) ? rest : template->step.body);
	home->step = outer_step;
	home->level = home_level;
	r->level = outside;
	hide_arguments(home, &a);
	c->use = 0;
}

/* False after an error, also one of the step itself. */
static bool resolve_used(struct resolver *r, const struct stmt *s, struct step *step)
{
	size_t errors = r->c->sink.reported;
	struct resolver *home;
	const struct stmt *template = used_step(r, s, &home);
	struct step *draft;
	struct block rest;

	if (template == NULL)
		return false;
	draft = draft_of(r->c, template);
	draft->symbol->used = true;
	rest = settings_of_use(r, s, template);
	/* A parameter that is misspelt is not missing, too. */
	if (r->c->sink.reported > errors || !give_arguments(r, s, template) || draft->broken)
		return false;
	resolve_body(r, home, s, template, &rest, step);
	return true;
}

void resolve_use(struct resolver *r, const struct stmt *s)
{
	struct step *step = arena_new(&r->c->arena, struct step);

	step->level = r->level;
	declare_step(r, s, s->use.name, step);
	r->step = step;
	step->broken = !resolve_used(r, s, step);
	r->step = NULL;
	add_step(r, step);
}
