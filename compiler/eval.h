/*
 * Values of nodes. What check has passed can still fail on the values: division
 * by zero, a number that is none, a sheet that cannot be read. Then an error is
 * reported at the node and the value is VALUE_BAD.
 */
#ifndef COMPILER_EVAL_H
#define COMPILER_EVAL_H

#include "base/diag.h"
#include "compiler/env.h"
#include "compiler/node.h"

/* Texts, lists and records of the result lie in env->arena or live longer. */
struct value eval(struct env *env, const struct node *n);

/* The value as `want`, reading cells as numbers and the like; BAD after an error at `span`. */
struct value value_convert(struct compilation *c, struct value v, const struct vtype *want,
                           struct span span, struct arena *arena);

/* The help of `d` where a size or duration is wanted and a bare number (NULL: not known) stands. */
void help_unit(struct compilation *c, struct diag *d, const struct value *number,
               enum vtype_kind want);

/*
 * Read a text as the type of a param: "2x10M", "3.5", "a,b". False where it is
 * not one; then *why says what was wanted. Nothing is reported.
 */
bool value_read(struct compilation *c, const char *text, const struct vtype *type,
                struct arena *arena, struct value *v, const char **why);

#endif
