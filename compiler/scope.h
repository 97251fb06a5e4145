/*
 * The names that can be seen at a place of the file, while resolve walks it. A
 * name is never shadowed, so that one map from name to symbol is enough. Lets and
 * loop variables leave with their block; steps stay, they are known to the whole
 * file after their definition.
 */
#ifndef COMPILER_SCOPE_H
#define COMPILER_SCOPE_H

#include "compiler/compilation.h"

struct scope {
	struct compilation *c;
	const char *prefix;           /* of its names on the command line: "", "c." */
	struct map visible;           /* name -> struct symbol * */
	struct map declared;          /* name -> const struct name *: everywhere in the file */
	VEC(struct symbol *) leaving; /* in order of declaration */
};

/* Collects what the whole file declares, for messages about names out of scope. */
void scope_init(struct scope *s, struct compilation *c, const struct ast *ast, const char *prefix);
void scope_release(struct scope *s);

/* For scope_leave. */
size_t scope_enter(const struct scope *s);
/* Drop what was declared since. */
void scope_leave(struct scope *s, size_t mark);

/*
 * A new symbol; where the name is taken an error is reported and the symbol is not
 * visible. Never NULL. name.text must be given.
 */
struct symbol *scope_declare(struct scope *s, enum symbol_kind kind, struct name name,
                             const struct stmt *stmt, struct level *level);
/*
 * A symbol that is visible whatever has its name, until scope_unhide; *hidden is
 * what had it before, or NULL.
 */
struct symbol *scope_hide(struct scope *s, enum symbol_kind kind, struct name name,
                          struct level *level, struct symbol **hidden);
void scope_unhide(struct scope *s, const char *name, struct symbol *hidden);
struct symbol *scope_find(const struct scope *s, const char *name);
/* The visible name nearest to text, or NULL. */
const char *scope_nearest(const struct scope *s, const char *text);
/* Where the file declares the name out of sight; NULL: nowhere. */
const struct name *scope_elsewhere(const struct scope *s, const char *name);

#endif
