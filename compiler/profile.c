/*
 * `profile NAME { storage = ..., params { ... } }`: settings of the workflow and params for one
 * way to run the file. Of the profile that is asked for they hold; the others are only
 * looked at, so that a mistake in one is found before it is needed.
 */
#include "compiler/resolve.h"

#include <string.h>

static const struct stmt *profile_at(const struct compilation *c, size_t i)
{
	const struct block *b = &c->ast->body;

	for (size_t k = 0; k < b->n; k++) {
		if (b->items[k]->kind == STMT_PROFILE && i-- == 0)
			return b->items[k];
	}
	return NULL;
}

static bool holds(const struct compilation *c, const struct stmt *s)
{
	return c->options.profile != NULL && strcmp(c->options.profile, s->profile.name.text) == 0;
}

static bool is_params(const struct stmt *s)
{
	return s->kind == STMT_BLOCK && strcmp(s->block.key.text, "params") == 0;
}

/* The values of params that a profile gives; NULL: none. */
static const struct block *params_of(const struct stmt *s)
{
	for (size_t i = 0; i < s->profile.body->n; i++) {
		if (is_params(s->profile.body->items[i]))
			return s->profile.body->items[i]->block.body;
	}
	return NULL;
}

const struct expr *profile_param(const struct compilation *c, const char *name)
{
	const struct stmt *s;

	for (size_t i = 0; (s = profile_at(c, i)) != NULL; i++) {
		const struct block *b = holds(c, s) ? params_of(s) : NULL;

		for (size_t k = 0; b != NULL && k < b->n; k++) {
			if (b->items[k]->kind == STMT_ATTR &&
			    strcmp(b->items[k]->attr.key.text, name) == 0)
				return b->items[k]->attr.value;
		}
	}
	return NULL;
}

static void not_there(struct resolver *r)
{
	struct compilation *c = r->c;
	VEC(const char *) names = {0};
	const struct stmt *s;
	const char *nearest;
	struct diag *d;

	for (size_t i = 0; (s = profile_at(c, i)) != NULL; i++)
		vec_push(&names, s->profile.name.text);
	nearest = word_nearest(c->options.profile, names.v, names.n);
	d = report(c, E0335, NO_SPAN, "%s has no profile `%s`", c->options.path,
	           c->options.profile);
	if (nearest != NULL)
		help(c, d, "write --profile %s", nearest);
	else if (names.n > 0)
		help(c, d, "it has `%s`%s", names.v[0], names.n > 1 ? " and others" : "");
	vec_release(&names);
}

void resolve_profile_params(struct resolver *r)
{
	const struct stmt *s;
	bool found = r->c->options.profile == NULL;

	for (size_t i = 0; (s = profile_at(r->c, i)) != NULL; i++) {
		const struct block *b = params_of(s);

		found |= holds(r->c, s);
		if (b == NULL)
			continue;
		test_params_known(r->c, b);
		/* Nothing is in scope yet: they are values written out. */
		for (size_t k = 0; k < b->n; k++) {
			if (b->items[k]->kind == STMT_ATTR)
				resolve_expr(r, b->items[k]->attr.value);
		}
	}
	if (!found)
		not_there(r);
}

/* What is read with the texts of steps, before a profile could change it. */
static void refuse_early(struct compilation *c, const struct settings *settings)
{
	static const enum setting_key keys[] = {KEY_shell, KEY_env};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct setting *set = settings->first[keys[i]];
		struct diag *d;

		if (set == NULL)
			continue;
		d = report(c, E0335, set->key_span, "`%s` cannot stand in a profile",
		           setting_key_text(keys[i]));
		label(c, d, "too late here");
		help(c, d, "put it into `workflow`");
	}
}

static void declared_twice(struct compilation *c, size_t n)
{
	const struct stmt *s = profile_at(c, n);
	struct diag *d;

	for (size_t i = 0; i < n; i++) {
		const struct stmt *first = profile_at(c, i);

		if (strcmp(first->profile.name.text, s->profile.name.text) != 0)
			continue;
		d = report(c, E0202, s->profile.name.span, "`%s` is already the name of a profile",
		           s->profile.name.text);
		label(c, d, "taken");
		relate(c, d, first->profile.name.span, "declared here");
	}
}

void resolve_profiles(struct resolver *r)
{
	struct compilation *c = r->c;
	const struct stmt *s;

	for (size_t i = 0; (s = profile_at(c, i)) != NULL; i++) {
		struct settings *settings = arena_new(&c->arena, struct settings);
		const struct block *b = s->profile.body;
		struct block rest = {.span = b->span};

		declared_twice(c, i);
		rest.items = arena_array(&c->arena, struct stmt *, b->n);
		for (size_t k = 0; k < b->n; k++) {
			if (!is_params(b->items[k]))
				rest.items[rest.n++] = b->items[k];
		}
		resolve_settings(r, &rest, ATTR_WORKFLOW, settings);
		refuse_early(c, settings);
		if (holds(c, s))
			settings_put_over(&c->program.defaults, settings);
		else
			vec_push(&c->program.profiles, settings);
	}
}
