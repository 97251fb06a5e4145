#include "compiler/task.h"

#include "compiler/check.h"
#include "compiler/expand.h"
#include "compiler/paths.h"

#include <string.h>

void task_enter(struct env *env, const struct step *step, uint32_t tuple)
{
	env_set(env, step->level, tuple);
}

static bool guard_holds(struct env *env, const struct guard *g)
{
	for (; g != NULL; g = g->outer) {
		struct value v = eval(env, g->cond);

		v = value_convert(env->c, v, vtype_of_kind(VTYPE_BOOL), g->cond->span, env->arena);
		if (v.kind != VALUE_BOOL || v.boolean != g->want)
			return false;
	}
	return true;
}

static const struct setting *choose(struct env *env, const struct setting *set)
{
	const struct setting *last = NULL;

	for (; set != NULL; set = set->next) {
		if (set->guard == NULL || guard_holds(env, set->guard))
			last = set;
	}
	return last;
}

const struct setting *task_own_setting(struct env *env, const struct step *step,
                                       enum setting_key key)
{
	return choose(env, step->settings.first[key]);
}

const struct setting *task_setting(struct env *env, const struct step *step, enum setting_key key)
{
	const struct setting *set = choose(env, step->settings.first[key]);

	return set ? set : choose(env, env->c->program.defaults.first[key]);
}

const struct setting *own_setting(struct env *env, const struct settings *s, enum setting_key key)
{
	return choose(env, s->first[key]);
}

struct value setting_value(struct env *env, const struct setting *set)
{
	struct value v;

	if (set == NULL || set->node == NULL)
		return value_none();
	v = eval(env, set->node);
	v = value_convert(env->c, v, setting_type(set), set->node->span, env->arena);
	if (v.kind != VALUE_BAD && set->node->kind != NODE_CONST &&
	    !setting_in_range(env->c, set, &v))
		return VALUE_BAD_INIT;
	return v;
}

struct value task_value(struct env *env, const struct step *step, enum setting_key key)
{
	return setting_value(env, task_setting(env, step, key));
}

const char *task_name(struct env *env, const struct step *step, uint32_t tuple)
{
	struct str s = STR_INIT;
	const char *name;
	size_t start;

	if (step->settings.first[KEY_name] != NULL) {
		struct value v = task_value(env, step, KEY_name);

		if (value_is_text(&v))
			return v.text;
	}
	str_adds(&s, step->symbol->name);
	str_addc(&s, ':');
	start = s.len;
	level_key(step->level, tuple, ",", &s);
	if (s.len == start)
		s.len--;
	name = arena_strndup(env->arena, s.p, s.len);
	str_release(&s);
	return name;
}

const char *task_output(struct env *env, const struct step *step, uint32_t tuple)
{
	struct compilation *c = env->c;
	const struct setting *set = NULL;
	struct str s = STR_INIT;
	const char *uri;
	struct diag *d;

	if (step->settings.first[KEY_output] != NULL)
		set = task_own_setting(env, step, KEY_output);
	if (set != NULL) {
		struct value v = task_value(env, step, KEY_output);

		if (v.kind == VALUE_BAD)
			return NULL;
		if (v.kind != VALUE_NONE) {
			uri = folder_uri(c, &v, env->arena);
			if (uri != NULL)
				return uri;
			d = report(c, E0506, set->expr->span, "`%s` is not the address of a folder",
			           value_to_text(&v, env->arena));
			label(c, d, "results cannot be put there");
			return NULL;
		}
	}
	str_adds(&s, c->storage);
	str_adds(&s, step->symbol->name);
	str_addc(&s, '/');
	level_key(step->level, tuple, "/", &s);
	if (s.p[s.len - 1] != '/')
		str_addc(&s, '/');
	uri = arena_strndup(env->arena, s.p, s.len);
	str_release(&s);
	return uri;
}

bool good_yield(const char *p)
{
	if (p[0] == '\0' || p[0] == '/')
		return false;
	while (*p != '\0') {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return false;
		for (size_t i = 0; i < n; i++) {
			if (p[i] == '\n' || p[i] == '|')
				return false;
		}
		p += n;
		p += *p == '/';
	}
	return true;
}

const char *task_yield(struct env *env, const struct step *step, const char *name)
{
	const struct setting *set = task_own_setting(env, step, KEY_yields);

	for (size_t i = 0; set != NULL && i < set->nentries; i++) {
		struct value v;

		if (strcmp(set->entries[i].name, name) != 0)
			continue;
		v = eval(env, set->entries[i].node);
		v = value_convert(env->c, v, vtype_of_kind(VTYPE_STRING), set->entries[i].span,
		                  env->arena);
		return v.kind == VALUE_BAD ? NULL : value_to_text(&v, env->arena);
	}
	return NULL;
}
