#include "compiler/lookup.h"

#include "compiler/compilation.h"

#include <string.h>

/* Values are shown up to so many bytes, and written out only where they have few elements. */
#define VALUE_SHOWN 200
#define ELEMENTS_WRITTEN 1000
#define TEXT_WRITTEN 65536

const struct ast *compile_ast(const struct compilation *c)
{
	return c->ast;
}

static const char *value_shown(const struct value *v, struct arena *arena)
{
	struct str s = STR_INIT;
	const char *text;
	size_t n;

	if (v->kind == VALUE_LIST && value_total(v) > ELEMENTS_WRITTEN)
		return arena_printf(arena, "[... %zu elements]", v->list->n);
	if (value_total(v) > ELEMENTS_WRITTEN || (value_is_text(v) && v->len > TEXT_WRITTEN))
		return NULL;
	value_write(v, &s);
	n = s.len;
	if (n > VALUE_SHOWN) {
		n = VALUE_SHOWN;
		while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
			n--;
	}
	text = arena_printf(arena, "%.*s%s", (int)n, s.p, n < s.len ? "..." : "");
	str_release(&s);
	return text;
}

/* NULL: the .scitq file. */
static const char *path_of(const struct compilation *c, uint32_t file)
{
	for (size_t i = 0; i < c->program.modules.n; i++) {
		if (file != c->file && c->program.modules.v[i]->file == file)
			return c->program.modules.v[i]->path;
	}
	return NULL;
}

/* "(sample, reads)" */
static const char *parameters_text(const struct stmt *template, struct arena *arena)
{
	struct str s = STR_INIT;
	const char *text;

	for (size_t i = 0; i < template->step.nparams; i++)
		str_addf(&s, "%s%s", i > 0 ? ", " : "(", template->step.params[i].text);
	text = arena_printf(arena, "%s)", s.len > 0 ? s.p : "(");
	str_release(&s);
	return text;
}

/* All but the value, which may be large. */
static void describe(const struct compilation *c, const struct symbol *sym, struct arena *arena,
                     struct lookup_symbol *out)
{
	*out = (struct lookup_symbol){
	        .id = sym,
	        .kind = symbol_kind_text(sym->kind),
	        .name = sym->name,
	        .declared = sym->span,
	        .path = path_of(c, sym->span.file),
	        .template = sym->kind == SYMBOL_TEMPLATE,
	};
	if (sym->kind == SYMBOL_TEMPLATE)
		out->type = parameters_text(sym->stmt, arena);
	if (sym->type != NULL && sym->type->kind != VTYPE_ANY)
		out->type = vtype_text(sym->type, arena);
	if (sym->kind == SYMBOL_PARAM && sym->stmt->param.help != NULL)
		out->help = expr_plain_string(sym->stmt->param.help);
	if (sym->step != NULL && c->done >= COMPILE_EXPAND)
		out->tasks = sym->step->level->n;
}

/* ---- what braces give ---- */

static bool inside(struct span span, uint32_t offset)
{
	return offset >= span.start && offset <= span.end;
}

static const struct module *module_named(const struct compilation *c, const char *name)
{
	for (size_t i = 0; i < c->program.symbols.n; i++) {
		const struct symbol *sym = c->program.symbols.v[i];

		if (sym->kind == SYMBOL_MODULE && sym->span.file == c->file &&
		    strcmp(sym->name, name) == 0)
			return sym->module;
	}
	return NULL;
}

static bool is_member(const struct module *m, const struct symbol *sym)
{
	return sym->span.file == m->file && (sym->level == NULL || !sym->level->dead) &&
	       (sym->kind == SYMBOL_PARAM || sym->kind == SYMBOL_LET ||
	        sym->kind == SYMBOL_RECRUITER || sym->kind == SYMBOL_TEMPLATE);
}

/*
 * The step that a STMT_USE names; NULL: there is none. As long as the file has mistakes no
 * condition of a module is computed: then it is one from either branch.
 */
static const struct stmt *used_template(struct compilation *c, const struct stmt *use)
{
	const struct binding *b = binding_of(c, &use->use.step);
	const struct module *m =
	        use->use.module.text != NULL ? module_named(c, use->use.module.text) : NULL;

	if (b != NULL && b->symbol != NULL)
		return b->symbol->kind == SYMBOL_TEMPLATE ? b->symbol->stmt : NULL;
	for (size_t i = 0; m != NULL && !m->broken && i < c->program.symbols.n; i++) {
		const struct symbol *sym = c->program.symbols.v[i];

		if (sym->kind == SYMBOL_TEMPLATE && is_member(m, sym) &&
		    strcmp(sym->name, use->use.step.text) == 0)
			return sym->stmt;
	}
	return NULL;
}

static void describe_parameter(const struct compilation *c, struct name name,
                               struct lookup_symbol *out)
{
	*out = (struct lookup_symbol){
	        .id = name.text,
	        .kind = symbol_kind_text(SYMBOL_ARGUMENT),
	        .name = name.text,
	        .declared = name.span,
	        .path = path_of(c, name.span.file),
	        .help = "a parameter of the step",
	};
}

/* A param of the file that a `then` names; its type as it is written there. */
static void describe_param(const struct compilation *c, const struct next *next,
                           const struct stmt *s, struct arena *arena, struct lookup_symbol *out)
{
	struct span type = s->param.type->span;

	*out = (struct lookup_symbol){
	        .id = s,
	        .kind = symbol_kind_text(SYMBOL_PARAM),
	        .name = s->param.name.text,
	        .declared = s->param.name.span,
	        .path = next->path,
	        .type = arena_strndup(arena, c->sources.files[type.file].text + type.start,
	                              type.end - type.start),
	        .help = s->param.help != NULL ? expr_plain_string(s->param.help) : NULL,
	};
	if (out->help == NULL)
		out->help = arena_printf(arena, "a param of %s", next->path);
}

void lookup_wanted(struct compilation *c, const struct stmt *s, struct arena *arena,
                   void (*found)(void *found_context, const struct lookup_symbol *symbol),
                   void *context)
{
	const struct stmt *template = s->kind == STMT_USE ? used_template(c, s) : NULL;
	struct lookup_symbol symbol;

	for (size_t i = 0; template != NULL && i < template->step.nparams; i++) {
		describe_parameter(c, template->step.params[i], &symbol);
		found(context, &symbol);
	}
	for (size_t i = 0; i < c->program.nexts.n; i++) {
		const struct next *next = c->program.nexts.v[i];

		for (size_t k = 0; next->stmt == s && next->ast && k < next->ast->body.n; k++) {
			if (next->ast->body.items[k]->kind != STMT_PARAM)
				continue;
			describe_param(c, next, next->ast->body.items[k], arena, &symbol);
			found(context, &symbol);
		}
	}
}

/* `reads` of `step t = c.trim { reads = ... }` */
static bool parameter_at(struct compilation *c, uint32_t offset, struct lookup_symbol *symbol,
                         struct span *name)
{
	for (size_t i = 0; i < c->program.steps.n; i++) {
		const struct stmt *use = c->program.steps.v[i]->stmt, *template;

		if (use->kind != STMT_USE || use->use.body == NULL || use->span.file != c->file ||
		    !inside(use->use.body->span, offset))
			continue;
		template = used_template(c, use);
		for (size_t k = 0; template != NULL && k < use->use.body->n; k++) {
			const struct stmt *given = use->use.body->items[k];

			if (given->kind != STMT_ATTR || !inside(given->attr.key.span, offset))
				continue;
			*name = given->attr.key.span;
			for (size_t p = 0; p < template->step.nparams; p++) {
				if (strcmp(template->step.params[p].text, given->attr.key.text) !=
				    0)
					continue;
				describe_parameter(c, template->step.params[p], symbol);
				return true;
			}
		}
	}
	return false;
}

/* `depth` of `then "next.scitq" { depth = ... }` */
static bool handed_at(const struct compilation *c, uint32_t offset, struct arena *arena,
                      struct lookup_symbol *symbol, struct span *name)
{
	for (size_t i = 0; i < c->program.nexts.n; i++) {
		const struct next *next = c->program.nexts.v[i];

		for (size_t k = 0; k < next->nhanded; k++) {
			const struct handed *h = &next->handed[k];

			if (h->param == NULL || h->span.file != c->file || !inside(h->span, offset))
				continue;
			*name = h->span;
			describe_param(c, next, h->param, arena, symbol);
			return true;
		}
	}
	return false;
}

/* ---- places ---- */

struct place_walk {
	struct compilation *c;
	/* False stops the walk. */
	bool (*place)(void *context, struct symbol *sym, struct span name);
	void *context;
};

/* In a test the name of a step stands for its tasks; to people it is the step. */
static struct symbol *meant(struct symbol *sym)
{
	return sym->lists != NULL ? sym->lists : sym;
}

static bool walk_expressions(const struct place_walk *w)
{
	const struct map *bindings = &w->c->program.bindings;

	for (size_t i = 0; i < bindings->cap; i++) {
		const struct binding *b;

		if (bindings->slots[i].key == NULL)
			continue;
		b = (const struct binding *)(uintptr_t)bindings->slots[i].value;
		if (b->symbol != NULL && b->span.end > 0 && b->span.file == w->c->file &&
		    !w->place(w->context, meant(b->symbol), b->span))
			return false;
	}
	return true;
}

/* The symbol behind a name in shell text: bound by the scan, or by `bind { name }`. NULL: none. */
static struct symbol *bound_symbol(const struct step *step, const struct script *script,
                                   const char *name)
{
	for (const struct setting *s = step->settings.first[KEY_bind]; s != NULL; s = s->next) {
		for (size_t i = 0; i < s->nentries; i++) {
			if (strcmp(s->entries[i].name, name) == 0)
				return s->entries[i].symbol;
		}
	}
	for (size_t i = 0; i < script->nbound; i++) {
		if (strcmp(script->bound[i].name, name) == 0)
			return script->bound[i].symbol;
	}
	return NULL;
}

static bool walk_script(const struct place_walk *w, const struct step *step,
                        const struct script *script)
{
	for (size_t i = 0; script->kind != SHELL_OTHER && i < script->scan.nrefs; i++) {
		const struct shell_ref *ref = &script->scan.refs[i];
		struct symbol *sym =
		        ref->kind == SHELL_QUOTED ? NULL : bound_symbol(step, script, ref->name);

		if (sym != NULL &&
		    !w->place(w->context, sym,
		              run_source_span(script->run, ref->offset, ref->length)))
			return false;
	}
	return true;
}

static bool walk_scripts(const struct place_walk *w, const struct step *step)
{
	const struct setting *run = step->settings.first[KEY_run];

	for (; run != NULL; run = run->next) {
		if (run->script->run->keyword.file == w->c->file &&
		    !walk_script(w, step, run->script))
			return false;
	}
	return true;
}

/* Declarations, then uses in expressions, then those in shell text. */
static void walk_places(const struct place_walk *w)
{
	const struct program *p = &w->c->program;

	for (size_t i = 0; i < p->symbols.n; i++) {
		if (p->symbols.v[i]->span.file == w->c->file && p->symbols.v[i]->lists == NULL &&
		    !w->place(w->context, p->symbols.v[i], p->symbols.v[i]->span))
			return;
	}
	if (!walk_expressions(w))
		return;
	for (size_t i = 0; i < p->steps.n; i++) {
		if (!walk_scripts(w, p->steps.v[i]))
			return;
	}
	for (size_t i = 0; i < p->drafts.n; i++) {
		if (!walk_scripts(w, p->drafts.v[i]))
			return;
	}
}

struct at_offset {
	uint32_t offset;
	struct symbol *symbol;
	struct span name;
};

static bool is_at(void *context, struct symbol *sym, struct span name)
{
	struct at_offset *at = context;

	if (!inside(name, at->offset))
		return true;
	at->symbol = sym;
	at->name = name;
	return false;
}

bool lookup_at(struct compilation *c, uint32_t offset, struct arena *arena,
               struct lookup_symbol *symbol, struct span *name)
{
	struct at_offset at = {.offset = offset};
	struct place_walk w = {c, is_at, &at};

	walk_places(&w);
	if (at.symbol == NULL)
		return parameter_at(c, offset, symbol, name) ||
		       handed_at(c, offset, arena, symbol, name);
	describe(c, at.symbol, arena, symbol);
	if (at.symbol->constant && at.symbol->value.kind != VALUE_BAD)
		symbol->value = value_shown(&at.symbol->value, arena);
	*name = at.name;
	return true;
}

struct of_symbol {
	const void *id;
	void (*found)(void *context, struct span name);
	void *context;
};

static bool is_of(void *context, struct symbol *sym, struct span name)
{
	const struct of_symbol *of = context;

	if (sym == of->id)
		of->found(of->context, name);
	return true;
}

void lookup_places(struct compilation *c, const void *id,
                   void (*found)(void *found_context, struct span name), void *context)
{
	struct of_symbol of = {id, found, context};
	struct place_walk w = {c, is_of, &of};

	walk_places(&w);
}

struct every_name {
	void (*found)(void *context, const char *kind, struct span name, bool declaration);
	void *context;
};

static bool is_name(void *context, struct symbol *sym, struct span name)
{
	const struct every_name *every = context;

	if (name.file == 0)
		every->found(every->context, symbol_kind_text(sym->kind), name,
		             name.start == sym->span.start && name.file == sym->span.file);
	return true;
}

void lookup_names(struct compilation *c,
                  void (*found)(void *found_context, const char *kind, struct span name,
                                bool declaration),
                  void *context)
{
	struct every_name every = {found, context};
	struct place_walk w = {c, is_name, &every};

	walk_places(&w);
}

/* ---- names ---- */

static bool is_visible(const struct compilation *c, const struct symbol *sym, uint32_t offset)
{
	if (sym->span.file != c->file || sym->span.end > offset || sym->kind == SYMBOL_ELEMENT)
		return false;
	if (sym->lists != NULL)
		return false;
	/* In the body of a step with parameters those of its draft are shown. */
	if (sym->kind == SYMBOL_ARGUMENT && sym->expr != NULL)
		return false;
	/* Steps and recruiters are known to the whole rest of the file. */
	if (sym->kind == SYMBOL_STEP || sym->kind == SYMBOL_RECRUITER)
		return true;
	for (const struct level *l = sym->level; l != NULL && l->outer != NULL; l = l->outer) {
		if (!inside(l->stmt->span, offset))
			return false;
	}
	return true;
}

void lookup_visible(struct compilation *c, uint32_t offset, struct arena *arena,
                    void (*found)(void *found_context, const struct lookup_symbol *symbol),
                    void *context)
{
	for (size_t i = 0; i < c->program.symbols.n; i++) {
		struct lookup_symbol s;

		if (!is_visible(c, c->program.symbols.v[i], offset))
			continue;
		describe(c, c->program.symbols.v[i], arena, &s);
		found(context, &s);
	}
}

/* Branches of which it is not known which one holds may declare the same name. */
static bool found_before(const struct compilation *c, const struct module *m, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (is_member(m, c->program.symbols.v[i]) &&
		    strcmp(c->program.symbols.v[i]->name, c->program.symbols.v[at]->name) == 0)
			return true;
	}
	return false;
}

bool lookup_members(struct compilation *c, const char *module, struct arena *arena,
                    void (*found)(void *found_context, const struct lookup_symbol *symbol),
                    void *context)
{
	const struct module *m = module_named(c, module);

	for (size_t i = 0; m != NULL && !m->broken && i < c->program.symbols.n; i++) {
		struct lookup_symbol s;

		if (!is_member(m, c->program.symbols.v[i]) || found_before(c, m, i))
			continue;
		describe(c, c->program.symbols.v[i], arena, &s);
		found(context, &s);
	}
	return m != NULL;
}

bool lookup_yields(const struct compilation *c, const char *step,
                   void (*found)(void *found_context, const char *name, struct span place),
                   void *context)
{
	for (size_t i = 0; i < c->program.steps.n; i++) {
		const struct step *s = c->program.steps.v[i];
		const struct setting *yields = s->settings.first[KEY_yields];

		if (strcmp(s->symbol->name, step) != 0)
			continue;
		for (; yields != NULL; yields = yields->next) {
			for (size_t k = 0; k < yields->nentries; k++)
				found(context, yields->entries[k].name, yields->entries[k].span);
		}
		return true;
	}
	return false;
}
