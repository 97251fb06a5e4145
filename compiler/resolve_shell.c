/*
 * The names in the text of `run`: bind, do not template. The text is never
 * changed; what it names and the file has in scope is bound, what nobody gives a
 * value is reported. Other interpreters than bash and sh are not looked at: their
 * names come through `bind`.
 */
#include "compiler/resolve.h"

#include <ctype.h>
#include <string.h>

struct text {
	struct resolver *r;
	struct step *step;
	struct script *script;
	VEC(struct bound) bound;
};

static struct span place(const struct text *t, size_t offset, size_t len)
{
	return run_source_span(t->script->run, offset, len);
}

static bool has_entry(const struct settings *s, enum setting_key key, const char *name)
{
	for (const struct setting *set = s->first[key]; set != NULL; set = set->next) {
		for (size_t i = 0; i < set->nentries; i++) {
			if (strcmp(set->entries[i].name, name) == 0)
				return true;
		}
	}
	return false;
}

static bool has_word(const struct settings *s, enum setting_key key, const char *name)
{
	for (const struct setting *set = s->first[key]; set != NULL; set = set->next) {
		for (size_t i = 0; i < set->nwords; i++) {
			if (strcmp(set->words[i], name) == 0)
				return true;
		}
	}
	return false;
}

/* `env` of the workflow may stand below the step: it is read from the tree. */
static bool workflow_env(const struct resolver *r, const char *name)
{
	for (size_t i = 0; r->workflow != NULL && i < r->workflow->n; i++) {
		const struct stmt *s = r->workflow->items[i];
		const struct expr *e;

		if (s->kind != STMT_ATTR || strcmp(s->attr.key.text, "env") != 0)
			continue;
		e = s->attr.value;
		for (size_t k = 0; e->kind == EXPR_LIST && k < e->list.n; k++) {
			const struct expr *item = e->list.items[k];
			const char *word =
			        item->kind == EXPR_NAME ? item->name.text : expr_plain_string(item);

			if (word != NULL && strcmp(word, name) == 0)
				return true;
		}
	}
	return false;
}

static bool is_value(const struct symbol *sym)
{
	return sym != NULL && symbol_is_value(sym) && sym->kind != SYMBOL_ELEMENT;
}

static void bind_ref(struct text *t, struct symbol *sym, struct span span)
{
	sym->used = true;
	for (size_t i = 0; i < t->bound.n; i++) {
		if (t->bound.v[i].symbol == sym)
			return;
	}
	vec_push(&t->bound, ((struct bound){sym->name, sym, span}));
}

/* The name nearest to one that nobody sets: of the scope, the text itself or `bind`. */
static const char *nearest_name(const struct text *t, const char *name)
{
	VEC(const char *) names = {0};
	const char *nearest = scope_nearest(&t->r->scope, name);

	if (task_variable_like(name) != NULL) {
		/* `$input`: nothing in scope is nearer. */
		return task_variable_like(name);
	}
	if (isupper((unsigned char)*name))
		return task_variable_nearest(name);
	if (nearest != NULL)
		vec_push(&names, nearest);
	for (size_t i = 0; i < t->script->scan.nsets; i++)
		vec_push(&names, t->script->scan.sets[i].name);
	for (const struct setting *set = t->step->settings.first[KEY_bind]; set; set = set->next) {
		for (size_t i = 0; i < set->nentries; i++)
			vec_push(&names, set->entries[i].name);
	}
	nearest = word_nearest(name, names.v, names.n);
	vec_release(&names);
	return nearest;
}

static void unknown_ref(struct text *t, const struct shell_ref *ref)
{
	struct compilation *c = t->r->c;
	const struct name *elsewhere = scope_elsewhere(&t->r->scope, ref->name);
	struct span span = place(t, ref->whole, ref->whole_length);
	const char *nearest = nearest_name(t, ref->name);
	struct diag *d;

	if (elsewhere != NULL && t->r->undecided)
		return;
	if (t->script->scan.sources) {
		d = report(c, W0401, span, "`$%s` has no value that can be seen here", ref->name);
		label(c, d, "neither in scope nor set by this text");
		relate(c, d,
		       place(t, t->script->scan.sources_offset, t->script->scan.sources_length),
		       "perhaps set by what runs here");
	} else {
		d = report(c, E0401, span, "`$%s` has no value", ref->name);
		label(c, d, "neither in scope nor set by this text");
		if (elsewhere != NULL)
			relate(c, d, elsewhere->span, "this one is not in scope in the step");
	}
	if (nearest != NULL)
		fix(c, d, place(t, ref->offset, ref->length), "%s", nearest);
	if (nearest != NULL)
		help(c, d, "write `$%s`", nearest);
	else
		help(c, d, "a variable of the environment is declared as `env = [%s]`", ref->name);
}

static void field_ref(struct text *t, const struct shell_ref *ref)
{
	struct compilation *c = t->r->c;
	struct diag *d =
	        report(c, E0402, place(t, ref->whole, ref->whole_length),
	               "a shell cannot take the field `%s` of `%s`", ref->field, ref->name);
	struct symbol *sym = scope_find(&t->r->scope, ref->name);

	if (sym != NULL)
		sym->used = true;
	label(c, d, "not a variable of a shell");
	help(c, d, "write `bind { %s = %s.%s }` in the step and `$%s` here", ref->field, ref->name,
	     ref->field, ref->field);
}

static void step_ref(struct text *t, const struct shell_ref *ref)
{
	struct compilation *c = t->r->c;
	struct diag *d = report(c, E0404, place(t, ref->whole, ref->whole_length),
	                        "`%s` is a step, not a value", ref->name);

	label(c, d, "a step has no text");
	help(c, d, "write `input = %s` in the step; its files are then in `$INPUT`", ref->name);
}

static void quoted_ref(struct text *t, const struct shell_ref *ref)
{
	struct compilation *c = t->r->c;
	struct diag *d = report(c, W0402, place(t, ref->offset, ref->length),
	                        "`$%s` stands inside single quotes", ref->name);

	label(c, d, "the shell leaves it as it is");
	help(c, d, "close the quotes around it: '\"$%s\"'", ref->name);
}

/* The text gives a bound name another value, or loops over it. */
static void check_reuse(struct text *t, const struct bound *b)
{
	const struct shell_set *set = shelltext_set(&t->script->scan, b->name);
	struct compilation *c = t->r->c;
	struct diag *d;

	if (set == NULL)
		return;
	d = report(c, W0403, place(t, set->offset, set->length), "`%s` is set by this text%s",
	           b->name, set->kind == SHELL_LOOP ? "'s loop" : "");
	label(c, d, "hides the value from the file");
	relate(c, d, b->symbol->span, "`%s` of the file", b->name);
	help(c, d, "use another name in the text");
}

static void look_at(struct text *t, const struct shell_ref *ref)
{
	struct symbol *sym = scope_find(&t->r->scope, ref->name);
	bool here = has_entry(&t->step->settings, KEY_bind, ref->name);

	if (ref->kind == SHELL_QUOTED) {
		if (is_value(sym) || here)
			quoted_ref(t, ref);
	} else if (ref->kind == SHELL_FIELD) {
		field_ref(t, ref);
	} else if (here || has_word(&t->step->settings, KEY_env, ref->name) ||
	           workflow_env(t->r, ref->name)) {
		return;
	} else if (is_value(sym)) {
		bind_ref(t, sym, place(t, ref->whole, ref->whole_length));
	} else if (shelltext_set(&t->script->scan, ref->name) != NULL ||
	           ref->kind == SHELL_DEFAULT) {
		return;
	} else if (sym != NULL && sym->kind == SYMBOL_STEP) {
		step_ref(t, ref);
	} else {
		unknown_ref(t, ref);
	}
}

/* The word of `shell = ` in a block, or NULL. It may stand below `run`. */
static const struct expr *shell_setting(const struct block *b)
{
	for (size_t i = 0; b != NULL && i < b->n; i++) {
		const struct stmt *s = b->items[i];

		if (s->kind == STMT_ATTR && strcmp(s->attr.key.text, "shell") == 0)
			return s->attr.value;
	}
	return NULL;
}

static void read_interpreter(struct text *t, const struct block *body)
{
	struct script *script = t->script;
	const struct run_text *run = script->run;
	const char *word = "bash";
	const char *slash;

	script->nwords = run->nwords ? run->nwords : 1;
	script->words = arena_array(&t->r->c->arena, const char *, script->nwords);
	if (run->nwords == 0) {
		const struct expr *e = shell_setting(body);

		if (e == NULL)
			e = shell_setting(t->r->workflow);
		if (e != NULL && e->kind == EXPR_NAME)
			word = e->name.text;
		else if (e != NULL && expr_plain_string(e) != NULL)
			word = expr_plain_string(e);
		script->words[0] = word;
	}
	for (size_t i = 0; i < run->nwords; i++)
		script->words[i] = run->words[i].text;
	slash = strrchr(script->words[0], '/');
	word = slash ? slash + 1 : script->words[0];
	script->kind = strcmp(word, "bash") == 0                              ? SHELL_BASH
	               : strcmp(word, "sh") == 0 || strcmp(word, "dash") == 0 ? SHELL_SH
	                                                                      : SHELL_OTHER;
}

static void resolve_script(struct text *t, const struct block *body)
{
	struct script *script = t->script;

	read_interpreter(t, body);
	if (script->kind == SHELL_OTHER)
		return;
	shelltext_scan(&t->r->c->arena, script->run->text, script->run->len, &script->scan);
	for (size_t i = 0; i < script->scan.nrefs; i++)
		look_at(t, &script->scan.refs[i]);
	for (size_t i = 0; i < t->bound.n; i++)
		check_reuse(t, &t->bound.v[i]);
	script->nbound = t->bound.n;
	script->bound = arena_array(&t->r->c->arena, struct bound, t->bound.n);
	if (t->bound.n > 0)
		memcpy(script->bound, t->bound.v, t->bound.n * sizeof(*t->bound.v));
	vec_release(&t->bound);
}

void resolve_scripts(struct resolver *r, struct step *step, const struct block *body)
{
	for (struct setting *set = step->settings.first[KEY_run]; set != NULL; set = set->next) {
		struct text t = {.r = r, .step = step, .script = set->script};

		resolve_script(&t, body);
	}
}
