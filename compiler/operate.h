/*
 * The operators on values: which kinds go together (for the checker) and what
 * comes out (for eval). A cell of a sheet counts as the kind of its partner.
 */
#ifndef COMPILER_OPERATE_H
#define COMPILER_OPERATE_H

#include "base/source.h"
#include "compiler/vtype.h"
#include "dsl/ast.h"

struct compilation;

/* The type of `left op right`, or NULL where the operator does not take them. */
const struct vtype *operate_type(struct arena *arena, enum op op, const struct vtype *left,
                                 const struct vtype *right);

/* Neither OP_AND nor OP_OR, OP_NOT, OP_MATCHES. BAD after an error at `span`. */
struct value operate(struct compilation *c, enum op op, struct value left, struct value right,
                     struct span span, struct arena *arena);

#endif
