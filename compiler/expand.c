/*
 * The pass that counts out the loops: for every level the list of its tuples, in
 * the order in which the file reads, as arrays of 32-bit numbers. Asserts inside
 * loops hold for every instance; keys of a loop are all different.
 */
#include "base/alloc.h"
#include "compiler/compilation.h"
#include "compiler/eval.h"
#include "compiler/expand.h"
#include "compiler/sheet.h"

#include <string.h>

/* Combinations that a `where` looks at. */
#define SEEN_LIMIT 500000000u

struct growing {
	VEC(uint32_t) parent;
	VEC(uint32_t) element;
	uint64_t seen;
};

const char *element_key(const struct value *v, size_t *len, struct str *scratch)
{
	const struct value *key = v->kind == VALUE_RECORD ? &v->record->key : v;

	if (key->kind == VALUE_FILE || key->kind == VALUE_URI) {
		size_t end;

		/* The name alone: a key is one component of a path. */
		for (end = key->len; end > 0 && key->text[end - 1] == '/';)
			end--;
		*len = 0;
		while (*len < end && key->text[end - *len - 1] != '/')
			++*len;
		return key->text + end - *len;
	}
	if (value_is_text(key)) {
		*len = key->len;
		return key->text;
	}
	str_reset(scratch);
	value_print(key, scratch);
	*len = scratch->len;
	return scratch->p;
}

static bool good_key(const char *key, size_t len)
{
	if (len == 0 || len > 200 || (len == 1 && key[0] == '.') ||
	    (len == 2 && key[0] == '.' && key[1] == '.'))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)key[i];

		if (ch < 0x20 || ch == 0x7f || strchr("/,*?[]\\|'\"", ch) != NULL)
			return false;
	}
	return true;
}

static void bad_key(struct compilation *c, const struct level *l, const char *key, size_t len)
{
	struct diag *d;

	if (len == 0)
		d = report(c, E0212, l->source_expr->span, "the key of a `%s` is empty",
		           l->symbol->name);
	else
		d = report(c, E0212, l->source_expr->span, "`%.*s` cannot be a key of `%s`",
		           (int)(len > 60 ? 60 : len), key, l->symbol->name);
	label(c, d, "keys are part of names and paths");
	help(c, d, "a key holds no / , * ? [ ] \\ | ' \" and no control character");
}

static void same_key(struct compilation *c, const struct level *l, const char *key, size_t len,
                     size_t first, size_t second)
{
	struct diag *d =
	        report(c, E0211, l->source_expr->span, "two values of `%s` have the key `%.*s`",
	               l->symbol->name, (int)len, key);

	label(c, d, "numbers %zu and %zu of this list", first + 1, second + 1);
	relate(c, d, l->head, "names of tasks would not be unique");
}

/* Every key of a list can be part of a name, and no two are equal. */
static bool check_keys(struct compilation *c, const struct level *l, const struct list *list)
{
	struct map seen = MAP_INIT;
	struct arena arena;
	struct str scratch = STR_INIT;
	bool ok = true;

	/* The numbers of a range are keys, and all different. */
	if (list->items == NULL)
		return true;
	arena_init(&arena);
	for (size_t i = 0; i < list->n && ok; i++) {
		size_t len;
		const char *key = element_key(&list->items[i], &len, &scratch);
		bool is_new;
		uint64_t *at;

		if (list->items[i].kind == VALUE_LIST || !good_key(key, len)) {
			bad_key(c, l, key, len);
			ok = false;
			break;
		}
		if (key == scratch.p)
			key = arena_strndup(&arena, key, len);
		at = map_put(&seen, key, len, &is_new);
		if (!is_new) {
			same_key(c, l, key, len, (size_t)*at, i);
			ok = false;
		}
		*at = i;
	}
	map_release(&seen);
	str_release(&scratch);
	arena_release(&arena);
	return ok;
}

static bool too_many(struct compilation *c, const struct level *l, uint64_t n)
{
	struct diag *d;

	if (n > SEEN_LIMIT)
		d = report(c, E0503, l->head, "more than %u combinations to look at", SEEN_LIMIT);
	else
		d = report(c, E0503, l->head, "more than %u instances", TASK_LIMIT);
	label(c, d, "of this loop");
	return false;
}

/* The instances of one outer tuple. */
static bool expand_list(struct compilation *c, struct level *l, struct growing *g, uint32_t outer,
                        const struct list *list)
{
	struct env *env = &c->env;

	g->seen += list->n;
	/* A filter may leave few of many, but not in reasonable time of any number. */
	if (g->seen > (l->where ? SEEN_LIMIT : TASK_LIMIT))
		return too_many(c, l, g->seen);
	for (uint32_t i = 0; i < list->n; i++) {
		if (l->where != NULL) {
			struct value keep;

			env_forget(env);
			env_set(env, l->outer, outer);
			env->slots[l->symbol->slot] = list_at(list, i);
			keep = eval(env, l->where);
			keep = value_convert(c, keep, vtype_of_kind(VTYPE_BOOL), l->where->span,
			                     env->arena);
			if (keep.kind != VALUE_BOOL)
				return false;
			if (!keep.boolean)
				continue;
		}
		if (g->parent.n >= TASK_LIMIT)
			return too_many(c, l, g->seen);
		vec_push(&g->parent, outer);
		vec_push(&g->element, i);
	}
	return true;
}

/* A list of a loop that depends on an outer one: computed for each instance, and kept. */
static bool list_of(struct compilation *c, struct level *l, uint32_t outer, struct value *list)
{
	struct env *env = &c->env;
	struct arena *arena = env->arena;
	struct diag *d;

	env_forget(env);
	env_set(env, l->outer, outer);
	env->arena = &c->arena;
	*list = eval(env, l->source);
	env->arena = arena;
	if (list->kind == VALUE_BAD)
		return false;
	if (list->kind != VALUE_LIST) {
		d = report(c, E0301, l->source->span, "a list is wanted here");
		label(c, d, "is %s", value_kind_text((enum value_kind)list->kind));
		return false;
	}
	return check_keys(c, l, list->list);
}

static void keep(struct compilation *c, struct level *l, struct growing *g, bool elements)
{
	l->n = (uint32_t)g->parent.n;
	l->parent = arena_alloc(&c->arena, (g->parent.n + 1) * sizeof(*l->parent));
	if (l->n > 0)
		memcpy(l->parent, g->parent.v, l->n * sizeof(*l->parent));
	if (elements) {
		l->element = arena_alloc(&c->arena, (g->element.n + 1) * sizeof(*l->element));
		if (l->n > 0)
			memcpy(l->element, g->element.v, l->n * sizeof(*l->element));
	}
	vec_release(&g->parent);
	vec_release(&g->element);
}

static void expand_loop(struct compilation *c, struct level *l)
{
	struct growing g = {0};
	uint32_t outer_n = l->outer->n;
	bool ok = true;

	l->per_tuple = l->source->depth > 0;
	l->lists = arena_array(&c->arena, struct value, l->per_tuple ? outer_n : 1);
	l->start = arena_alloc(&c->arena, (outer_n + 1u) * sizeof(*l->start));
	if (!l->per_tuple) {
		l->lists[0] = l->source->kind == NODE_CONST ? l->source->value : VALUE_BAD_INIT;
		ok = l->lists[0].kind == VALUE_LIST && check_keys(c, l, l->lists[0].list);
	}
	/* Said before it is tried. */
	if (ok && !l->per_tuple &&
	    (uint64_t)outer_n * l->lists[0].list->n > (l->where ? SEEN_LIMIT : TASK_LIMIT))
		ok = too_many(c, l, (uint64_t)outer_n * l->lists[0].list->n);
	for (uint32_t i = 0; i < outer_n && ok; i++) {
		struct value *list = &l->lists[l->per_tuple ? i : 0];

		l->start[i] = (uint32_t)g.parent.n;
		if (l->per_tuple)
			ok = list_of(c, l, i, list);
		ok = ok && expand_list(c, l, &g, i, list->list);
	}
	if (!ok) {
		g.parent.n = g.element.n = 0;
		memset(l->start, 0, outer_n * sizeof(*l->start));
	}
	keep(c, l, &g, true);
	l->start[outer_n] = l->n;
}

static void expand_branch(struct compilation *c, struct level *l)
{
	struct growing g = {0};
	uint32_t outer_n = l->outer->n;

	l->start = arena_alloc(&c->arena, (outer_n + 1u) * sizeof(*l->start));
	for (uint32_t i = 0; i < outer_n; i++) {
		struct value v;

		l->start[i] = (uint32_t)g.parent.n;
		env_forget(&c->env);
		env_set(&c->env, l->outer, i);
		v = eval(&c->env, l->cond);
		v = value_convert(c, v, vtype_of_kind(VTYPE_BOOL), l->cond->span, c->env.arena);
		if (v.kind == VALUE_BOOL && v.boolean == l->want)
			vec_push(&g.parent, i);
	}
	keep(c, l, &g, false);
	l->start[outer_n] = l->n;
}

/* Nothing at all, without looking: a branch that is not taken. */
static void expand_dead(struct compilation *c, struct level *l)
{
	struct growing g = {0};

	l->start = arena_array(&c->arena, uint32_t, l->outer->n + 1u);
	l->lists = arena_array(&c->arena, struct value, 1);
	keep(c, l, &g, true);
}

static void expand_assert(struct compilation *c, const struct assertion *a)
{
	for (uint32_t i = 0; i < a->level->n; i++) {
		struct value v, message = value_string("the condition does not hold");
		struct diag *d;

		env_forget(&c->env);
		env_set(&c->env, a->level, i);
		v = eval(&c->env, a->cond);
		v = value_convert(c, v, vtype_of_kind(VTYPE_BOOL), a->cond->span, c->env.arena);
		if (v.kind == VALUE_BAD || v.boolean)
			continue;
		if (a->message != NULL)
			message = eval(&c->env, a->message);
		d = report(c, E0314, a->stmt->assertion.cond->span, "%s",
		           value_to_text(&message, c->env.arena));
		label(c, d, "is false for %s", level_key_text(a->level, i, ",", c->env.arena));
		return;
	}
}

void level_key(const struct level *l, uint32_t tuple, const char *separator, struct str *out)
{
	struct str scratch = STR_INIT;
	size_t len, start = out->len;
	const char *key;
	struct value v;

	while (l->outer != NULL && l->kind != LEVEL_LOOP) {
		tuple = l->parent[tuple];
		l = l->outer;
	}
	if (l->outer == NULL)
		return;
	level_key(l->outer, l->parent[tuple], separator, out);
	if (out->len > start)
		str_adds(out, separator);
	v = level_element(l, tuple);
	key = element_key(&v, &len, &scratch);
	str_add(out, key, len);
	str_release(&scratch);
}

const char *level_key_text(const struct level *l, uint32_t tuple, const char *separator,
                           struct arena *arena)
{
	struct str s = STR_INIT;
	const char *text;

	level_key(l, tuple, separator, &s);
	text = arena_strndup(arena, s.p, s.len);
	str_release(&s);
	return text;
}

void compile_expand(struct compilation *c)
{
	struct program *p = &c->program;

	p->levels.v[0]->n = 1;
	env_use_scratch(&c->env);
	for (size_t i = 1; i < p->levels.n; i++) {
		struct level *l = p->levels.v[i];

		if (l->dead)
			expand_dead(c, l);
		else if (l->kind == LEVEL_LOOP)
			expand_loop(c, l);
		else
			expand_branch(c, l);
	}
	for (size_t i = 0; i < p->items.n && c->sink.errors == 0; i++) {
		struct assertion *a = p->items.v[i].assertion;

		if (p->items.v[i].kind == ITEM_ASSERT && a->cond->kind != NODE_CONST)
			expand_assert(c, a);
	}
	for (size_t i = 0; i < p->steps.n && c->sink.errors == 0; i++) {
		const struct step *step = p->steps.v[i];
		struct diag *d;

		/* All switched off is as somebody wants it. */
		if (step->level->n > 0 || step->level->dead ||
		    (step->level->optional && step->level->outer->n > 0))
			continue;
		d = report(c, W0501, step->stmt->head, "step `%s` runs zero times",
		           step->symbol->name);
		label(c, d, "no instance");
		for (const struct level *l = step->level; l->outer != NULL; l = l->outer) {
			if (l->outer->n > 0 && l->n == 0)
				relate(c, d, l->head, "nothing comes out of this");
		}
	}
}
