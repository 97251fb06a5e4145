/*
 * Between the files of the check pass: check.c walks the declarations,
 * check_expr.c types expressions and makes nodes, check_name.c names, check_call.c
 * calls and actions, param.c params, check_settings.c the settings of steps, check_recruiter.c
 * recruiters, check_shell.c what a step's command says about files.
 */
#ifndef COMPILER_CHECK_H
#define COMPILER_CHECK_H

#include "compiler/compilation.h"
#include "compiler/eval.h"
#include "compiler/node.h"

/* Lets inside loops that may build on each other, one upon the other. */
#define CHAIN_LIMIT 1000

struct checker {
	struct compilation *c;
	struct level *level; /* of the declaration being checked */
	bool data;           /* outputs of steps may be named here */
	bool task_variables; /* $CPU may be named here: exec */
	bool dollar;         /* the name stands behind a $ in a string */
	/* Inside `let x = LIST where ...`: the element's type and slot. */
	const struct vtype *item;
	uint32_t item_slot;
	unsigned item_bit;
	unsigned nesting;      /* of comprehensions and filters */
	unsigned chain;        /* longest of the lets named so far */
	const char *item_list; /* how a message calls the list */
};

/*
 * The node of an expression; NODE_BAD after an error. `want` is the type that the
 * place asks for, so that bare words can be read and a misfit is reported; NULL:
 * any value.
 */
struct node *check_expr(struct checker *k, const struct expr *e, const struct vtype *want);
/* The value of an expression that depends on no loop, or BAD after an error. */
struct value check_constant(struct checker *k, const struct expr *e, const struct vtype *want);

struct node *check_name(struct checker *k, const struct expr *e, const struct vtype *want);
struct node *check_field(struct checker *k, const struct expr *e);
struct node *check_call(struct checker *k, const struct expr *e);
struct node *check_pipe(struct checker *k, const struct expr *e);
struct node *check_gather(struct checker *k, const struct expr *e);
struct node *check_output(struct checker *k, const struct expr *e, struct step *step,
                          const struct name *yield);
struct node *check_binary(struct checker *k, const struct expr *e);
struct node *check_matches(struct checker *k, const struct expr *e);
const regex_t *check_regex(struct checker *k, const struct expr *e);

struct node *node_new(struct checker *k, enum node_kind kind, struct span span,
                      const struct vtype *type);
struct node *node_bad(struct checker *k, struct span span);
struct node *node_const(struct checker *k, struct value v, struct span span,
                        const struct vtype *type);
/* The deeper of both, and whether outputs occur, go over to n. */
void node_depends(struct node *n, const struct node *on);

/* A bit of node.free for a variable that begins here, and its end. */
unsigned check_bit(struct checker *k);
void check_bit_end(struct checker *k, struct node *n, unsigned bit);

/* The type of a list's elements, or NULL after an error. */
const struct vtype *check_element_type(struct checker *k, const struct node *source);

/* Is `from` wanted here? Reports E0301 where not. */
bool check_fits(struct checker *k, const struct node *n, const struct vtype *want);
const char *type_text(struct checker *k, const struct vtype *t);

void check_item(struct compilation *c, struct item *item);
/* Of the items from `first` on those that are values or conditions, ahead of the pass. */
void check_values(struct compilation *c, size_t first);
void check_params(struct compilation *c);
void check_param(struct checker *k, struct symbol *sym);
/* What is written behind the colon of a param. */
const struct vtype *check_type(struct checker *k, const struct type *t);
/* Reports at `at` a value that is not as `in` and `matches` of the param ask. */
void check_limits(struct checker *k, const struct symbol *sym, const struct value *v,
                  struct span at);
void check_settings(struct checker *k, struct settings *s);
/* What a setting's value is converted to; any for those with a form of their own. */
const struct vtype *setting_type(const struct setting *set);
/* False after an error. */
bool setting_in_range(struct compilation *c, const struct setting *set, const struct value *v);
void check_flavor(struct checker *k, struct setting *set);
void check_hires(struct checker *k, struct setting *set);
/* The node of a name that stands for this symbol. */
struct node *check_bound_name(struct checker *k, const struct expr *name, struct symbol *sym);
void check_step(struct checker *k, struct step *step);
void check_recruiter_block(struct checker *k, struct recruiter_block *b);
/* What cannot be right whatever the data are: shapes, bounds that exclude each other. */
void check_recruiters(struct compilation *c);
void check_command(struct checker *k, struct step *step);
/* The name of an image, of a step or of the workflow. */
void check_image(struct checker *k, const struct setting *set);

#endif
