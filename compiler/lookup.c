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

/* All but the value, which may be large. */
static void describe(const struct compilation *c, const struct symbol *sym, struct arena *arena,
                     struct lookup_symbol *out)
{
	*out = (struct lookup_symbol){
	        .id = sym,
	        .kind = symbol_kind_text(sym->kind),
	        .name = sym->name,
	        .declared = sym->span,
	};
	if (sym->type != NULL && sym->type->kind != VTYPE_ANY)
		out->type = vtype_text(sym->type, arena);
	if (sym->kind == SYMBOL_PARAM && sym->stmt->param.help != NULL)
		out->help = expr_plain_string(sym->stmt->param.help);
	if (sym->step != NULL && c->done >= COMPILE_EXPAND)
		out->tasks = sym->step->level->n;
}

static bool inside(struct span span, uint32_t offset)
{
	return offset >= span.start && offset <= span.end;
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
		return false;
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
