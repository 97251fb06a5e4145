#include "compiler/env.h"

#include "base/alloc.h"
#include "compiler/compilation.h"

#include <stdlib.h>
#include <string.h>

void env_init(struct env *env, struct compilation *c)
{
	memset(env, 0, sizeof(*env));
	env->c = c;
	env->stamp = 1;
	arena_init(&env->scratch);
	env->arena = &c->arena;
	env->nslots = c->program.nslots;
	env->slots = xcalloc(env->nslots ? env->nslots : 1, sizeof(*env->slots));
	env->stamps = xcalloc(env->nslots ? env->nslots : 1, sizeof(*env->stamps));
}

void env_release(struct env *env)
{
	arena_release(&env->scratch);
	free(env->slots);
	free(env->stamps);
	memset(env, 0, sizeof(*env));
}

void env_use_scratch(struct env *env)
{
	env->arena = &env->scratch;
}

struct value level_element(const struct level *l, uint32_t tuple)
{
	const struct value *list = &l->lists[l->per_tuple ? l->parent[tuple] : 0];

	return list_at(list->list, l->element[tuple]);
}

void env_set(struct env *env, const struct level *l, uint32_t tuple)
{
	env->stamp++;
	env->made = 0;
	for (; l->outer != NULL; l = l->outer) {
		if (l->kind == LEVEL_LOOP)
			env->slots[l->symbol->slot] = level_element(l, tuple);
		if (l->parent != NULL)
			tuple = l->parent[tuple];
	}
}

void env_forget(struct env *env)
{
	arena_clear(&env->scratch);
	env->stamp++;
	env->made = 0;
}
