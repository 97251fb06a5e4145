/*
 * Params: their types, defaults and limits, and the values that whoever starts
 * the workflow gives. Mistakes in a value of the command line have no place in a file of
 * their own; they point at the declaration. One of a profile or test points at where it is written.
 */
#include "base/fd.h"
#include "compiler/check.h"
#include "compiler/paths.h"

#include <errno.h>
#include <string.h>

static const struct vtype *enum_type(struct checker *k, const struct type *t)
{
	struct vtype *type = arena_new(&k->c->arena, struct vtype);
	const char **texts = arena_array(&k->c->arena, const char *, t->n);

	for (size_t i = 0; i < t->n; i++)
		texts[i] = t->words[i].text;
	type->kind = VTYPE_ENUM;
	type->words = texts;
	type->nwords = t->n;
	return type;
}

static const struct vtype *record_type(struct checker *k, const struct type *t)
{
	struct vtype *type = arena_new(&k->c->arena, struct vtype);
	struct shape *shape = arena_new(&k->c->arena, struct shape);
	const char **names = arena_array(&k->c->arena, const char *, t->n);

	type->fields = arena_array(&k->c->arena, const struct vtype *, t->n);
	for (size_t i = 0; i < t->n; i++) {
		names[i] = t->words[i].text;
		type->fields[i] = check_type(k, t->types[i]);
	}
	shape->names = names;
	shape->n = t->n;
	type->kind = VTYPE_RECORD;
	type->shape = shape;
	return type;
}

/* What other languages call a type; NULL: nothing that is known here. */
static const char *type_elsewhere(const char *name)
{
	static const struct {
		const char *theirs, *ours;
	} names[] = {{"str", "string"},     {"text", "string"},  {"integer", "int"},
	             {"number", "float"},   {"double", "float"}, {"boolean", "bool"},
	             {"path", "file"},      {"url", "uri"},      {"list", "[string]"},
	             {"array", "[string]"}, {"time", "duration"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i].theirs, name) == 0)
			return names[i].ours;
	}
	return NULL;
}

static const struct vtype *named_type(struct checker *k, const struct type *t)
{
	static const struct {
		const char *name;
		enum vtype_kind kind;
	} names[] = {{"string", VTYPE_STRING}, {"int", VTYPE_INT},   {"float", VTYPE_FLOAT},
	             {"bool", VTYPE_BOOL},     {"size", VTYPE_SIZE}, {"duration", VTYPE_DURATION},
	             {"depth", VTYPE_DEPTH},   {"uri", VTYPE_URI},   {"file", VTYPE_FILE}};
	const char *candidates[sizeof(names) / sizeof(*names)], *nearest;
	size_t n = sizeof(names) / sizeof(*names);
	struct diag *d;

	for (size_t i = 0; i < n; i++) {
		candidates[i] = names[i].name;
		if (strcmp(names[i].name, t->name.text) == 0)
			return vtype_of_kind(names[i].kind);
	}
	nearest = type_elsewhere(t->name.text);
	if (nearest == NULL)
		nearest = word_nearest(t->name.text, candidates, n);
	d = report(k->c, E0303, t->name.span, "there is no type `%s`", t->name.text);
	label(k->c, d, "unknown type");
	help(k->c, d,
	     nearest ? "write `%s`"
	             : "types are string, int, float, bool, size, duration, "
	               "depth, uri, file, (a | b), [type] and { name: type }",
	     nearest);
	return vtype_of_kind(VTYPE_ANY);
}

const struct vtype *check_type(struct checker *k, const struct type *t)
{
	const struct vtype *type = vtype_of_kind(VTYPE_ANY);

	switch (t->kind) {
	case TYPE_BAD:
		break;
	case TYPE_NAMED:
		type = named_type(k, t);
		break;
	case TYPE_ENUM:
		type = enum_type(k, t);
		break;
	case TYPE_LIST:
		type = vtype_list(&k->c->arena, check_type(k, t->element));
		break;
	case TYPE_RECORD:
		type = record_type(k, t);
		break;
	}
	return t->optional ? vtype_optional(&k->c->arena, type) : type;
}

/* ---- the value ---- */

static const struct compile_param *given_value(struct compilation *c, const char *name)
{
	const struct compile_param *last = NULL;

	for (size_t i = 0; i < c->options.nparams; i++) {
		if (strcmp(c->options.params[i].name, name) == 0)
			last = &c->options.params[i];
	}
	return last;
}

/* The text of --param NAME=VALUE, of a file where VALUE is @FILE; @@ is an @. NULL after an error.
 */
static const char *given_text(struct checker *k, const struct symbol *sym,
                              const struct compile_param *p)
{
	struct compilation *c = k->c;
	struct str s = STR_INIT;
	const char *text;
	struct diag *d;
	int r;

	if (p->value[0] != '@')
		return p->value;
	if (p->value[1] == '@')
		return p->value + 1;
	r = c->files.read(c->files.context, path_join(&c->arena, c->cwd, p->value + 1), &s);
	if (r < 0 || memchr(s.p, '\0', s.len) != NULL) {
		d = report(c, E0329, sym->span, "cannot read `%s` for `--param %s`: %s",
		           p->value + 1, sym->full, r < 0 ? strerror(-r) : "it holds a NUL");
		label(c, d, "this param");
		str_release(&s);
		return NULL;
	}
	if (s.len > 0 && s.p[s.len - 1] == '\n')
		s.len--;
	text = arena_strndup(&c->arena, s.p, s.len);
	str_release(&s);
	return text;
}

/* Relative paths of the command line start from where it was typed. */
static struct value rebase(struct compilation *c, struct value v, uint16_t base)
{
	if (v.kind == VALUE_FILE || v.kind == VALUE_STRING)
		v.base = base;
	if (v.kind == VALUE_LIST && v.list->items != NULL) {
		struct value *items = arena_array(&c->arena, struct value, v.list->n);

		for (size_t i = 0; i < v.list->n; i++)
			items[i] = rebase(c, v.list->items[i], base);
		return value_list(&c->arena, items, v.list->n);
	}
	return v;
}

static struct value read_given(struct checker *k, const struct symbol *sym,
                               const struct compile_param *p)
{
	const char *text = given_text(k, sym, p), *why;
	struct value v;
	struct diag *d;

	if (text == NULL)
		return VALUE_BAD_INIT;
	if (value_read(k->c, text, sym->type, &k->c->arena, &v, &why))
		return rebase(k->c, v, base_add(k->c, k->c->cwd));
	d = report(k->c, E0312, sym->span, "`--param %s=%s` is not %s", sym->full, p->value,
	           vtype_text(sym->type, &k->c->arena));
	label(k->c, d, "this param");
	help(k->c, d, "give %s", why);
	return VALUE_BAD_INIT;
}

static bool is_at(struct span a, struct span b)
{
	return a.file == b.file && a.start == b.start;
}

/* What a value that is told at `at` is called there, and where the param is, unless on that line.
 */
static void label_limit(struct checker *k, struct diag *d, const struct symbol *sym, struct span at,
                        const char *of_value)
{
	const struct expr *standard = sym->stmt->param.value;
	bool declared = is_at(at, sym->span);

	label(k->c, d, "%s", declared ? "this param" : of_value);
	if (!declared && at.file == sym->span.file &&
	    (standard == NULL || !is_at(at, standard->span)))
		relate(k->c, d, sym->span, "the param");
}

static void out_of_range(struct checker *k, const struct symbol *sym, const struct value *v,
                         const struct expr *limit, struct span at)
{
	struct str s = STR_INIT;
	struct diag *d;

	value_write(v, &s);
	d = report(k->c, E0306, at, "%s is not in the range of `%s`", s.p, sym->name);
	label_limit(k, d, sym, at, "out of range");
	relate(k->c, d, limit->span, "the range");
	str_release(&s);
}

static void check_range(struct checker *k, const struct symbol *sym, const struct value *v,
                        struct span at)
{
	const struct expr *e = sym->stmt->param.in;
	struct node *first, *last;

	if (e->kind != EXPR_RANGE) {
		struct value list = check_constant(k, e, vtype_of_kind(VTYPE_LIST));

		for (size_t i = 0; list.kind == VALUE_LIST && i < list.list->n; i++) {
			struct value item = list_at(list.list, i);

			if (value_equal(&item, v))
				return;
		}
		if (list.kind == VALUE_LIST)
			out_of_range(k, sym, v, e, at);
		return;
	}
	if (!vtype_is_number(sym->type)) {
		struct diag *d = report(k->c, E0301, e->span, "`in` is for numbers");

		label(k->c, d, "`%s` is %s", sym->name, type_text(k, sym->type));
		return;
	}
	first = check_expr(k, e->range.first, vtype_of_kind(VTYPE_FLOAT));
	last = check_expr(k, e->range.last, vtype_of_kind(VTYPE_FLOAT));
	if (first->kind != NODE_CONST || last->kind != NODE_CONST || !value_is_number(v) ||
	    !value_is_number(&first->value) || !value_is_number(&last->value))
		return;
	if (value_real(v) < value_real(&first->value) || value_real(v) > value_real(&last->value))
		out_of_range(k, sym, v, e, at);
}

static void check_match(struct checker *k, const struct symbol *sym, const struct value *v,
                        struct span at)
{
	const struct expr *e = sym->stmt->param.matches;
	const regex_t *regex = check_regex(k, e);
	struct str s = STR_INIT;
	struct diag *d;

	if (regex == NULL || v->kind == VALUE_BAD || v->kind == VALUE_NONE)
		return;
	if (regexec(regex, value_to_text(v, &k->c->arena), 0, NULL, 0) == 0)
		return;
	value_write(v, &s);
	d = report(k->c, E0307, at, "%s does not match the regex of `%s`", s.p, sym->name);
	label_limit(k, d, sym, at, "does not match");
	relate(k->c, d, e->span, "the regex");
	str_release(&s);
}

void check_limits(struct checker *k, const struct symbol *sym, const struct value *v,
                  struct span at)
{
	const struct stmt *s = sym->stmt;

	if (s->param.in != NULL && v->kind != VALUE_BAD && v->kind != VALUE_NONE)
		check_range(k, sym, v, at);
	if (s->param.matches != NULL)
		check_match(k, sym, v, at);
}

static void check_file_exists(struct checker *k, const struct symbol *sym, const struct value *v,
                              struct span at, bool given)
{
	const char *path = value_path(k->c, v, &k->c->arena);
	struct diag *d;

	if (value_is_uri(v->text) || k->c->files.kind(k->c->files.context, path) != PLACE_MISSING)
		return;
	d = report(k->c, E0319, at, "file `%s` is not there", v->text);
	label(k->c, d, "looked for %s", path);
	if (!given)
		help(k->c, d, "create it, or give another one: --param %s=FILE", sym->full);
}

static struct value default_value(struct checker *k, const struct symbol *sym)
{
	const struct stmt *s = sym->stmt;
	struct diag *d;

	if (s->param.value != NULL)
		return check_constant(k, s->param.value, sym->type);
	if (sym->type->optional)
		return value_none();
	d = report(k->c, E0310, sym->span, "param `%s` has no value", sym->name);
	label(k->c, d, "has no default");
	help(k->c, d, "give it: --param %s=VALUE", sym->full);
	return VALUE_BAD_INIT;
}

void check_param(struct checker *k, struct symbol *sym)
{
	const struct stmt *s = sym->stmt;
	const struct compile_param *given = given_value(k->c, sym->full);
	const struct expr *in_test;
	struct span at;
	struct value v;

	sym->type = check_type(k, s->param.type);
	sym->constant = true;
	in_test = sym->full == sym->name ? test_param(k->c, sym->name) : NULL;
	/* As one of a test, but that the command line wins. */
	if (in_test == NULL && given == NULL && sym->full == sym->name)
		in_test = profile_param(k->c, sym->name);
	v = in_test != NULL ? check_constant(k, in_test, sym->type)
	    : given         ? read_given(k, sym, given)
	                    : default_value(k, sym);
	if ((given != NULL || in_test != NULL) && s->param.value != NULL)
		check_constant(k, s->param.value, sym->type);
	if (s->param.help != NULL)
		check_constant(k, s->param.help, vtype_of_kind(VTYPE_STRING));
	at = in_test != NULL                           ? in_test->span
	     : given != NULL || s->param.value == NULL ? sym->span
	                                               : s->param.value->span;
	check_limits(k, sym, &v, at);
	if (v.kind == VALUE_FILE)
		check_file_exists(k, sym, &v, at, given != NULL || in_test != NULL);
	sym->value = v;
}

static void help_params(struct compilation *c, struct diag *d, const char *const *names, size_t n)
{
	struct str list = STR_INIT;

	for (size_t i = 0; i < n; i++)
		str_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	if (n > 0)
		help(c, d, "its params are %s", list.p);
	else
		help(c, d, "it has no params");
	str_release(&list);
}

/* It may be one of a module that could not be read. */
static bool of_broken_module(const struct compilation *c, const char *name)
{
	for (size_t i = 0; i < c->program.symbols.n; i++) {
		const struct module *m = c->program.symbols.v[i]->module;

		if (m != NULL && m->broken && strncmp(m->prefix, name, strlen(m->prefix)) == 0)
			return true;
	}
	return false;
}

void check_params(struct compilation *c)
{
	for (size_t i = 0; i < c->options.nparams; i++) {
		const char *name = c->options.params[i].name, *nearest;
		VEC(const char *) names = {0};
		bool known = of_broken_module(c, name);
		struct diag *d;

		for (size_t j = 0; j < c->program.items.n; j++) {
			const struct item *item = &c->program.items.v[j];

			if (item->kind != ITEM_PARAM)
				continue;
			known |= strcmp(item->symbol->full, name) == 0;
			vec_push(&names, item->symbol->full);
		}
		nearest = known ? NULL : word_nearest(name, names.v, names.n);
		if (!known) {
			d = report(c, E0311, NO_SPAN, "%s has no param `%s`", c->options.path,
			           name);
			if (nearest != NULL)
				help(c, d, "write --param %s=%s", nearest,
				     c->options.params[i].value);
			else
				help_params(c, d, names.v, names.n);
		}
		vec_release(&names);
	}
}
