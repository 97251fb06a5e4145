/*
 * Between the files of the resolve pass: resolve.c walks declarations and
 * expressions, resolve_settings.c the blocks of workflow, step and recruiter,
 * resolve_shell.c the text of `run`, resolve_module.c what comes from other files,
 * resolve_template.c steps with parameters and their uses.
 */
#ifndef COMPILER_RESOLVE_H
#define COMPILER_RESOLVE_H

#include "compiler/scope.h"

struct resolver {
	struct compilation *c;
	struct module *module; /* whose file is walked; NULL: the .scitq file */
	size_t first_item;     /* of this file */
	bool undecided;        /* of some `if` of a module it is not known which branch holds */
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

/* The statements of a file. */
void resolve_block(struct resolver *r, const struct block *b);

/* One branch of an `if`, whose names are forgotten behind it. */
void resolve_branch(struct resolver *r, struct level *branch, const struct block *b);
/* `if` of a module. */
void resolve_choice(struct resolver *r, const struct stmt *s);
struct level *level_add(struct resolver *r, enum level_kind kind, const struct stmt *stmt);
struct item *item_add(struct resolver *r, enum item_kind kind);
/* A branch of `if`, below the level of here. */
struct level *branch_add(struct resolver *r, const struct stmt *s, bool want);
/* Where the body has `when`, a level of it begins. `s`: the step. */
bool resolve_when(struct resolver *r, const struct stmt *s, const struct block *body);
/* The symbol of a step, visible from now on. */
void declare_step(struct resolver *r, const struct stmt *s, struct name name, struct step *step);
/* After its settings: it takes its place in the program. */
void add_step(struct resolver *r, struct step *step);

void resolve_import(struct resolver *r, const struct stmt *s);
/* step trim(sample) { ... } */
void resolve_template(struct resolver *r, const struct stmt *s);
/* step t = c.trim { sample = s } */
void resolve_use(struct resolver *r, const struct stmt *s);
/* What a module has under a name; NULL, and reported or not, where it has no such thing. */
struct symbol *module_member(struct resolver *r, const struct symbol *module, struct name name,
                             bool *reported);
/* MODULE.NAME, where `of` of the field is the name of a module. */
void resolve_member(struct resolver *r, const struct expr *e);
/* Of a step with `publish`, once its settings are known: the step that copies. */
void resolve_publish(struct resolver *r, struct step *step);
/* Keys of `over` replace whole; under a condition they win where it holds. */
void settings_put_over(struct settings *under, const struct settings *over);
/* Of the profile that holds, before the file; of all profiles, after the workflow's settings. */
void resolve_profile_params(struct resolver *r);
void resolve_profiles(struct resolver *r);
void resolve_then(struct resolver *r, const struct stmt *s);
void release_modules(struct compilation *c);

/* Every name of `params { ... }`, of a test or profile, is one of the file's. */
void test_params_known(struct compilation *c, const struct block *b);
/* Of the test that runs, if any: its params before the file, its assertions after it. */
void resolve_test_params(struct resolver *r);
void resolve_test(struct resolver *r);

/* A new binding for a name, or for what stands for one. */
struct binding *bind_new(struct resolver *r, const void *key);
/* `key` is an EXPR_NAME, or the statement of a name that was bound apart (bind { rate }). */
void bind_name(struct resolver *r, const void *key, const struct name *name);

#endif
