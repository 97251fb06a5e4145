/*
 * Where nodes are computed: the values of the loop variables at one instance of
 * a level. Lets inside loops are computed when first asked for and kept until the
 * environment moves on.
 */
#ifndef COMPILER_ENV_H
#define COMPILER_ENV_H

#include "base/arena.h"
#include "compiler/value.h"

#include <stdbool.h>
#include <stdint.h>

struct compilation;
struct level;

struct env {
	struct compilation *c;
	struct arena *arena;  /* of what is computed: the compilation's, or `scratch` */
	struct arena scratch; /* see env_forget */
	struct value *slots;  /* by symbol.slot */
	uint64_t *stamps;     /* a let's value is of this instance */
	uint64_t stamp;
	size_t made; /* bytes of texts and lists since env_set or env_forget; see eval.c */
	uint32_t nslots;
};

/* Values go to the compilation's arena until env_use_scratch. */
void env_init(struct env *env, struct compilation *c);
void env_use_scratch(struct env *env);
void env_release(struct env *env);
/* Stand at a tuple of the level. Values computed before stay until env_forget. */
void env_set(struct env *env, const struct level *l, uint32_t tuple);
/* Drop every value in scratch; the place must be set again. */
void env_forget(struct env *env);
/* The element of the loop at this tuple. */
struct value level_element(const struct level *l, uint32_t tuple);

#endif
