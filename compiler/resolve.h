/*
 * Between the files of the resolve pass: resolve.c walks declarations and
 * expressions, resolve_settings.c the blocks of workflow, step and recruiter,
 * resolve_shell.c the text of `run`.
 */
#ifndef COMPILER_RESOLVE_H
#define COMPILER_RESOLVE_H

#include "compiler/scope.h"

struct resolver {
	struct compilation *c;
	struct scope scope;
	struct level *level;
	struct step *step;            /* whose body is being walked; may be NULL */
	bool in_previous;             /* inside previous(...), which may name the step itself */
	const struct block *workflow; /* body of the workflow block; may be NULL */
};

void resolve_expr(struct resolver *r, const struct expr *e);
/* Every setting of the block into *settings; `home` says which keys may stand in it. */
void resolve_settings(struct resolver *r, const struct block *b, enum attr_home home,
                      struct settings *settings);
/* The texts of all `run` of the step, once all of its settings are known. */
void resolve_scripts(struct resolver *r, struct step *step, const struct block *body);

/* `key` is an EXPR_NAME, or the statement of a name that was bound apart (bind { rate }). */
void bind_name(struct resolver *r, const void *key, const struct name *name);

#endif
