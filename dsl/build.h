/*
 * Makers of tree nodes for the actions of grammar.y; private to dsl/. Each takes
 * the finished parts, computes the node's depth and keeps the tree within
 * AST_DEPTH: a node beyond it becomes EXPR_BAD after one error.
 */
#ifndef DSL_BUILD_H
#define DSL_BUILD_H

#include "dsl/parser.h"

struct chunk {
	const char *text;
	size_t len;
};

enum option_kind { OPTION_DEFAULT, OPTION_IN, OPTION_MATCHES, OPTION_HELP };

/* What follows the type of a param. */
struct option {
	enum option_kind kind;
	struct expr *value;
	struct span span;
};

struct field {
	struct name name;
	struct type *type;
};

/* What may follow `step name =`, or `import ... as`. */
struct ref {
	struct name module, step;
};

struct list list_add(struct parser *p, struct list l, void *item);
/* The items as an array of pointers. */
void *list_array(struct parser *p, const struct list *l);
struct name *name_array(struct parser *p, const struct list *l);

/* 0 for NULL. */
unsigned expr_depth(const struct expr *e);
unsigned block_depth(const struct block *b);
unsigned larger(unsigned a, unsigned b);

struct name *keep_name(struct parser *p, struct name name);
struct name make_name(struct parser *p, struct span span);
struct expr *make_expr(struct parser *p, enum expr_kind kind, struct span span);
struct expr *make_name_expr(struct parser *p, struct name name);
struct expr *make_field(struct parser *p, struct expr *of, struct name name, struct span span);
struct expr *make_string(struct parser *p, struct list parts, struct span span);
struct string_part *make_text_part(struct parser *p, struct chunk chunk, struct span span);
struct string_part *make_expr_part(struct parser *p, struct expr *e, bool braces, struct span span);
struct expr *make_list(struct parser *p, struct list items, struct span span);
struct expr *make_comprehension(struct parser *p, struct expr *body, struct name var,
                                struct expr *source, struct expr *where, struct span span);
struct expr *make_record(struct parser *p, struct block *body, struct span span);
struct expr *make_refine(struct parser *p, struct expr *of, struct block *body, struct span span);
struct arg *make_arg(struct parser *p, struct name name, struct expr *value, struct span span);
struct expr *make_call(struct parser *p, struct name name, struct list args, struct span span);
struct expr *make_pipe(struct parser *p, struct expr *of, struct name action, struct list args,
                       struct span span);
struct expr *make_unary(struct parser *p, enum op op, struct expr *of, struct span span);
struct expr *make_binary(struct parser *p, enum op op, struct span op_span, struct expr *left,
                         struct expr *right, struct span span);
struct expr *make_range(struct parser *p, struct expr *first, struct expr *last, struct span span);
struct expr *make_choice(struct parser *p, struct expr *cond, struct expr *yes, struct expr *no,
                         struct span span);
struct expr *make_gather(struct parser *p, struct expr *of, struct expr *into, struct expr *min,
                         struct span keyword, struct span span);

struct type *make_type(struct parser *p, enum type_kind kind, struct span span);
struct type *make_enum(struct parser *p, struct list words, struct span span);
struct field *make_field_type(struct parser *p, struct name name, struct type *type);
/* Of struct field. */
struct type *make_record_type(struct parser *p, struct list fields, struct span span);

struct block *make_block(struct parser *p, struct list stmts, struct span span);
/* keyword: its first token. The head is the span until a caller narrows it. */
struct stmt *make_stmt(struct parser *p, enum stmt_kind kind, struct span keyword,
                       struct span span);
/* The statement with its depth; NULL where that is too deep. */
struct stmt *finish_stmt(struct parser *p, struct stmt *s);
void set_version(struct parser *p, struct expr *number, struct span span);
struct option *make_option(struct parser *p, enum option_kind kind, struct expr *value,
                           struct span span);
struct stmt *make_param(struct parser *p, struct name name, struct type *type, struct list options,
                        struct span keyword, struct span span);
struct stmt *make_step(struct parser *p, struct name name, const struct list *params,
                       struct block *body, struct span keyword, struct span head, struct span span);
struct stmt *make_use(struct parser *p, struct name name, struct ref ref, struct block *body,
                      struct span keyword, struct span head, struct span span);
struct loop *make_loop(struct parser *p, struct name var, struct expr *source, struct span span);
struct stmt *make_foreach(struct parser *p, struct list loops, struct expr *where,
                          struct block *body, struct span keyword, struct span head,
                          struct span span);
struct stmt *make_branch(struct parser *p, struct expr *cond, struct block *then,
                         struct block *otherwise, struct span keyword, struct span head,
                         struct span span);
/* The block of `else if`: the one statement. */
struct block *make_else_if(struct parser *p, struct stmt *branch);

#endif
