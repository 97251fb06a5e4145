/*
 * Modules: files of declarations for others, and steps with parameters. A step
 * with parameters is resolved once where it stands, as a draft that only finds
 * mistakes, and once for each of its uses: with the names of its own file, the
 * level of the use, and its parameters standing for what the use gives.
 */
#include "compiler/lock.h"
#include "compiler/paths.h"
#include "compiler/resolve.h"
#include "dsl/parse.h"

#include <errno.h>
#include <string.h>

/* Modules that import each other one upon the other. */
#define IMPORT_DEPTH 16

/* ---- import ---- */

/* As the user would write it: beside the importing file. */
static const char *shown_path(struct resolver *r, const char *path)
{
	struct compilation *c = r->c;
	uint32_t file = r->module != NULL ? r->module->file : c->file;
	const char *dir = path_directory(&c->arena, c->sources.files[file].name);

	if (path[0] == '/' || strcmp(dir, ".") == 0)
		return path;
	return arena_printf(&c->arena, "%s/%s", dir, path);
}

static bool imports_itself(struct resolver *r, const char *path)
{
	const char *file = path_join(&r->c->arena, r->c->cwd, r->c->options.path);
	unsigned depth = 0;

	for (const struct module *m = r->module; m != NULL; m = m->outer) {
		if (strcmp(m->path, path) == 0)
			return true;
		depth++;
	}
	return strcmp(file, path) == 0 || depth >= IMPORT_DEPTH;
}

static const char *given_path(struct resolver *r, const struct expr *e)
{
	const char *text = expr_plain_string(e);
	struct diag *d;

	if (text != NULL && text[0] != '\0')
		return text;
	d = report(r->c, E0223, e->span, "`import` wants the path of a file");
	label(r->c, d, text ? "is empty" : "known only when values are");
	help(r->c, d, "write `import \"FILE.scitq\" as NAME`");
	return NULL;
}

/* The file of the module into the sources; false after an error. */
static bool read_module(struct resolver *r, const struct stmt *s, struct module *m)
{
	struct compilation *c = r->c;
	const char *given = given_path(r, s->import.path);
	struct str text = STR_INIT;
	struct diag *d;
	int result;

	if (given == NULL)
		return false;
	m->path = path_join(&c->arena, c->bases.v[r->module != NULL ? r->module->base : 0], given);
	if (imports_itself(r, m->path)) {
		d = report(c, E0225, s->span, "`%s` is imported by what it imports", given);
		label(c, d, "in a circle");
		help(c, d, "move what both need into a third file");
		return false;
	}
	result = c->files.read(c->files.context, m->path, &text);
	if (result == 0 && text.len >= INT32_MAX)
		result = -EFBIG;
	if (result == 0)
		m->file = sources_add(&c->sources, shown_path(r, given), text.p, text.len);
	if (result == 0)
		lock_note_text(c, LOCK_MODULES, lock_path(c, m->path), text.p, text.len,
		               s->import.path->span);
	str_release(&text);
	if (result == 0)
		return true;
	d = report(c, E0223, s->import.path->span, "cannot read the module `%s`: %s", given,
	           strerror(-result));
	label(c, d, "looked for %s", m->path);
	return false;
}

static void refuse_in_module(struct resolver *r, const struct stmt *s, const char *what,
                             const char *remedy)
{
	struct diag *d = report(r->c, E0224, s->head, "a module has no %s", what);

	label(r->c, d, "not in an imported file");
	help(r->c, d, "%s", remedy);
}

/* What would run by itself has no place in a file for others. */
static void check_module(struct resolver *r, const struct block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct stmt *s = b->items[i];

		switch (s->kind) {
		case STMT_WORKFLOW:
			refuse_in_module(r, s, "`workflow`",
			                 "its settings come from the file that imports it");
			break;
		case STMT_PROFILE:
			refuse_in_module(r, s, "profiles",
			                 "write them in the file that imports it");
			break;
		case STMT_THEN:
			refuse_in_module(r, s, "`then`", "write it in the file that imports it");
			break;
		case STMT_HOOK:
			refuse_in_module(r, s, "hooks", "write them in the file that imports it");
			break;
		case STMT_FOREACH:
		case STMT_IF:
			refuse_in_module(r, s, "steps of its own",
			                 "write `step NAME(parameters) { ... }`, and loops and "
			                 "conditions where it is used");
			break;
		case STMT_STEP:
			if (!s->step.has_params)
				refuse_in_module(r, s, "steps of its own",
				                 "give it parameters: `step NAME(sample) { ... }`, "
				                 "or none: `step NAME() { ... }`");
			break;
		case STMT_USE:
			refuse_in_module(r, s, "steps of its own",
			                 "use the step in the file that imports it");
			break;
		default:
			break;
		}
	}
}

static void resolve_file(struct resolver *outer, struct module *m)
{
	struct compilation *c = outer->c;
	struct resolver *r = arena_new(&c->arena, struct resolver);
	size_t errors = c->sink.errors;

	*r = (struct resolver){
	        .c = c, .module = m, .level = outer->level, .workflow = outer->workflow};
	m->base = base_add(c, path_directory(&c->arena, m->path));
	m->ast = dsl_parse(&c->arena, &c->sources, m->file, &c->sink);
	scope_init(&r->scope, c, m->ast, m->prefix);
	m->resolver = r;
	if (c->sink.errors > errors) {
		/* What is missing in a tree with holes has been said. */
		m->broken = true;
		return;
	}
	check_module(r, &m->ast->body);
	m->broken = c->sink.errors > errors;
	if (!m->broken)
		resolve_block(r, &m->ast->body);
}

void resolve_import(struct resolver *r, const struct stmt *s)
{
	struct module *m = arena_new(&r->c->arena, struct module);

	m->outer = r->module;
	m->prefix = arena_printf(&r->c->arena, "%s%s.", r->scope.prefix, s->import.as.text);
	if (read_module(r, s, m)) {
		vec_push(&r->c->program.modules, m);
		resolve_file(r, m);
	} else {
		m->broken = true;
	}
	scope_declare(&r->scope, SYMBOL_MODULE, s->import.as, s, r->level)->module = m;
}

void release_modules(struct compilation *c)
{
	for (size_t i = 0; i < c->program.modules.n; i++) {
		struct module *m = c->program.modules.v[i];

		scope_release(&m->resolver->scope);
		m->resolver = NULL;
	}
}

uint16_t base_at(const struct compilation *c, struct span place)
{
	for (size_t i = 0; i < c->program.modules.n; i++) {
		if (c->program.modules.v[i]->file == place.file)
			return c->program.modules.v[i]->base;
	}
	return 0;
}

/* ---- names of a module ---- */

static struct symbol *member_of(struct resolver *r, const struct symbol *module, struct name name,
                                bool *reported)
{
	const struct module *m = module->module;
	struct symbol *sym = m->broken ? NULL : scope_find(&m->resolver->scope, name.text);
	const char *nearest;
	struct diag *d;

	*reported = m->broken;
	if (m->broken)
		return NULL;
	if (sym != NULL && sym->kind != SYMBOL_MODULE) {
		sym->used = true;
		return sym;
	}
	nearest = scope_nearest(&m->resolver->scope, name.text);
	d = report(r->c, E0201, name.span, "module `%s` has no `%s`", module->name, name.text);
	label(r->c, d, "unknown name");
	relate(r->c, d, module->span, "imported here");
	if (nearest != NULL) {
		help(r->c, d, "write `%s`", nearest);
		fix(r->c, d, name.span, "%s", nearest);
	}
	*reported = true;
	return NULL;
}

void resolve_member(struct resolver *r, const struct expr *e)
{
	struct binding *of = e->field.of->kind == EXPR_NAME ? binding_of(r->c, e->field.of) : NULL;
	struct binding *b;

	if (of == NULL || of->symbol == NULL || of->symbol->kind != SYMBOL_MODULE)
		return;
	b = bind_new(r, e);
	b->span = e->field.name.span;
	b->symbol = member_of(r, of->symbol, e->field.name, &b->reported);
}

/* ---- steps with parameters ---- */

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
	size_t errors = c->sink.errors;
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
	draft->broken = c->sink.errors > errors;
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
	if (sym != NULL)
		sym->used = true;
	if (s->use.module.text != NULL && sym != NULL && sym->kind == SYMBOL_MODULE) {
		*home = sym->module->resolver;
		sym = member_of(r, sym, s->use.step, &reported);
		name = s->use.step;
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
	size_t errors = r->c->sink.errors;
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
	if (r->c->sink.errors > errors || !give_arguments(r, s, template) || draft->broken)
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
