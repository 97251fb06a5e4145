/*
 * What a `$name` in the text of `run` is for one task: the bound values, and
 * paths of the text with those put in.
 */
#ifndef COMPILER_SHELLPATH_H
#define COMPILER_SHELLPATH_H

#include "compiler/compilation.h"

/*
 * The value that the name has in the text of this task; VALUE_BAD where the text
 * is not given one from the file.
 */
struct value bound_value(struct env *env, const struct step *step, const struct script *script,
                         const char *name);
struct value bound_symbol_value(struct env *env, const struct symbol *sym);

/* The path with its $name and ${name} replaced; NULL where one is not known. In env->arena. */
const char *shellpath_text(struct env *env, const struct step *step, const struct script *script,
                           const struct shell_path *path);

#endif
