/*
 * What stands where in a compiled file, for editors: the symbol at a place, where it
 * is declared and used, the names that can be written at a place. Works on what
 * resolve and check made, also after errors; offsets are bytes into the .scitq file.
 */
#ifndef COMPILER_LOOKUP_H
#define COMPILER_LOOKUP_H

#include "base/arena.h"
#include "compiler/compile.h"
#include "dsl/ast.h"

struct lookup_symbol {
	const void *id;   /* of the compilation; equal for one symbol */
	const char *kind; /* "param", "step"... */
	const char *name;
	struct span declared; /* its name there */
	const char *path;     /* absolute, of the file where it is declared; NULL: this one */
	const char *type;     /* "a list of strings"; NULL: not known, or none */
	const char *value;    /* as the language writes it, shortened; NULL: not known, or large */
	const char *help;     /* of a param; may be NULL */
	bool template;        /* a step with parameters, to be used as `step NAME = ...` */
	uint32_t tasks;       /* of a step, once they are counted */
};

/* The tree; NULL where the file could not be read. */
const struct ast *compile_ast(const struct compilation *c);

/* The symbol whose name stands at the offset, and that name. Texts lie in `arena`. */
bool lookup_at(struct compilation *c, uint32_t offset, struct arena *arena,
               struct lookup_symbol *symbol, struct span *name);

/* Every place of a symbol's name in the .scitq file, its declaration first if it is there. */
void lookup_places(struct compilation *c, const void *id,
                   void (*found)(void *context, struct span name), void *context);

/* Every place of every symbol's name in the .scitq file, in no order. */
void lookup_names(struct compilation *c,
                  void (*found)(void *context, const char *kind, struct span name,
                                bool declaration),
                  void *context);

/* Every name that an expression at the offset may use, without its value. */
void lookup_visible(struct compilation *c, uint32_t offset, struct arena *arena,
                    void (*found)(void *context, const struct lookup_symbol *symbol),
                    void *context);

/* What the file imported under this name has for others; false where there is no such module. */
bool lookup_members(struct compilation *c, const char *module, struct arena *arena,
                    void (*found)(void *context, const struct lookup_symbol *symbol),
                    void *context);

/*
 * What the braces of a STMT_USE or STMT_THEN of the file may give: parameters of the step, params
 * of the other file.
 */
void lookup_wanted(struct compilation *c, const struct stmt *s, struct arena *arena,
                   void (*found)(void *context, const struct lookup_symbol *symbol), void *context);

/* Names and places of what the step of this name yields; false where there is no such step. */
bool lookup_yields(const struct compilation *c, const char *step,
                   void (*found)(void *context, const char *name, struct span place),
                   void *context);

#endif
