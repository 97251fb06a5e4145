#include "compiler/shellpath.h"

#include "compiler/eval.h"
#include "compiler/task.h"

#include <ctype.h>
#include <string.h>

struct value bound_symbol_value(struct env *env, const struct symbol *sym)
{
	if (sym->constant)
		return sym->value;
	if (sym->kind == SYMBOL_LOOP)
		return env->slots[sym->slot];
	/* A let inside a loop. */
	if (env->stamps[sym->slot] != env->stamp) {
		env->slots[sym->slot] = eval(env, sym->node);
		env->stamps[sym->slot] = env->stamp;
	}
	return env->slots[sym->slot];
}

struct value bound_value(struct env *env, const struct step *step, const struct script *script,
                         const char *name)
{
	const struct setting *bind = task_own_setting(env, step, KEY_bind);

	for (size_t i = 0; bind != NULL && i < bind->nentries; i++) {
		if (strcmp(bind->entries[i].name, name) == 0 && bind->entries[i].node != NULL)
			return eval(env, bind->entries[i].node);
	}
	for (size_t i = 0; i < script->nbound; i++) {
		if (strcmp(script->bound[i].name, name) == 0)
			return bound_symbol_value(env, script->bound[i].symbol);
	}
	return VALUE_BAD_INIT;
}

const char *shellpath_text(struct env *env, const struct step *step, const struct script *script,
                           const struct shell_path *path)
{
	struct str s = STR_INIT;
	const char *p = path->text, *text = NULL;

	while (*p != '\0') {
		const char *name = p + 1 + (p[1] == '{');
		size_t n = 0;
		struct value v;

		if (*p != '$') {
			str_addc(&s, *p++);
			continue;
		}
		while (isalnum((unsigned char)name[n]) || name[n] == '_')
			n++;
		v = bound_value(env, step, script, arena_strndup(env->arena, name, n));
		/* One that the text sets itself has any value by then. */
		if (v.kind == VALUE_BAD || v.kind == VALUE_LIST ||
		    shelltext_set(&script->scan, arena_strndup(env->arena, name, n)) != NULL)
			goto out;
		value_print(&v, &s);
		p = name + n + (p[1] == '{');
	}
	text = arena_strndup(env->arena, s.p, s.len);
out:
	str_release(&s);
	return text;
}
