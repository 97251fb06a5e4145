/*
 * The syntax tree of one .scitq file: what stands there, with the place of
 * everything, and no meaning. The parser makes it, the passes of compiler/ read
 * it, ast_dump prints it.
 *
 * Every node lives in the arena of the parse and is never freed alone. Texts are
 * NUL-terminated there too. Spans are byte offsets into the source file; a node's
 * span covers all of it. The tree is whole even after syntax errors: what could
 * not be read is EXPR_BAD or left out, and at least one error is in the sink.
 */
#ifndef DSL_AST_H
#define DSL_AST_H

#include "base/arena.h"
#include "base/source.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct expr;
struct stmt;

/* A word with its place. text NULL: there is none. */
struct name {
	const char *text;
	struct span span;
};

/* Statements in source order. span: both braces, or the whole file. */
struct block {
	struct stmt **items;
	size_t n;
	struct span span;
};

/* ---- expressions ---- */

enum expr_kind {
	EXPR_BAD, /* an error was reported here */
	EXPR_NONE,
	EXPR_BOOL,
	EXPR_INT, /* also 10M, 5k: the suffix is multiplied in */
	EXPR_FLOAT,
	EXPR_SIZE,
	EXPR_DURATION,
	EXPR_DEPTH,
	EXPR_PERCENT,
	EXPR_STRING,
	EXPR_REGEX,
	EXPR_NAME,
	EXPR_FIELD,
	EXPR_LIST,
	EXPR_COMPREHENSION,
	EXPR_RECORD,
	EXPR_REFINE,
	EXPR_CALL,
	EXPR_UNARY,
	EXPR_BINARY,
	EXPR_RANGE,
	EXPR_IF,
	EXPR_GATHER,
	EXPR_PIPE,
	EXPR_KINDS
};

enum op {
	OP_NOT,
	OP_NEG,
	OP_OR,
	OP_AND,
	OP_EQ,
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_HAS,
	OP_LACKS,
	OP_LIKE,
	OP_UNLIKE,
	OP_MATCHES, /* the right side is EXPR_REGEX */
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_MOD,
	OPS
};

/* As written: "and", ">=", "has". */
const char *op_text(enum op op);
/* "string", "list": a kind in the user's words. */
const char *expr_kind_text(enum expr_kind kind);

/* A stretch of a string: decoded text (expr NULL), or $name / ${expr}. */
struct string_part {
	struct span span; /* with the dollar and the braces */
	const char *text;
	size_t len;
	struct expr *expr;
	bool braces; /* ${...} rather than $name */
};

/* name.text NULL: positional. */
struct arg {
	struct name name;
	struct expr *value;
	struct span span;
};

struct expr {
	enum expr_kind kind;
	struct span span;
	bool parens;    /* stood in parentheses of its own */
	uint16_t depth; /* 1 for a leaf; at most AST_DEPTH */
	union {
		bool boolean;
		int64_t integer; /* EXPR_INT */
		double real;     /* EXPR_FLOAT; EXPR_PERCENT: 90% is 0.9 */
		int64_t bytes;   /* EXPR_SIZE */
		int64_t ms;      /* EXPR_DURATION, milliseconds */
		struct {         /* EXPR_DEPTH: 2x10M is 10000000 and pairs */
			int64_t reads;
			bool pairs;
		} depth_value;
		struct { /* EXPR_STRING; no part for "" */
			struct string_part *parts;
			size_t n;
		} string;
		const char *regex; /* EXPR_REGEX: POSIX ERE, without the slashes */
		struct name name;  /* EXPR_NAME */
		struct {           /* EXPR_FIELD: of.name */
			struct expr *of;
			struct name name;
		} field;
		struct { /* EXPR_LIST */
			struct expr **items;
			size_t n;
		} list;
		struct { /* EXPR_COMPREHENSION: [ body for var in source where cond ] */
			struct expr *body;
			struct name var;
			struct expr *source;
			struct expr *where; /* may be NULL */
		} comprehension;
		struct block *record;    /* EXPR_RECORD: { memory = 32GB } */
		struct {                 /* EXPR_REFINE: big { ... } as an element of a list */
			struct expr *of; /* EXPR_NAME or EXPR_FIELD */
			struct block *body;
		} refine;
		struct { /* EXPR_CALL: table("s.tsv", key = "sample") */
			struct name name;
			struct arg *args;
			size_t n;
		} call;
		struct { /* EXPR_UNARY: OP_NOT, OP_NEG */
			enum op op;
			struct expr *of;
		} unary;
		struct { /* EXPR_BINARY */
			enum op op;
			struct span op_span;
			struct expr *left, *right;
		} binary;
		struct { /* EXPR_RANGE: both ends belong to it */
			struct expr *first, *last;
		} range;
		struct { /* EXPR_IF: if cond then yes else no */
			struct expr *cond, *yes, *no;
		} choice;
		struct { /* EXPR_GATHER */
			struct expr *of;
			struct expr *into, *min; /* may be NULL */
			struct span keyword;
		} gather;
		struct { /* EXPR_PIPE: of |> action(args) */
			struct expr *of;
			struct name action;
			struct arg *args;
			size_t n;
		} pipe;
	};
};

/* Expressions and blocks nest at most so deep: passes may recurse. */
#define AST_DEPTH 256

/* ---- types of parameters ---- */

enum type_kind {
	TYPE_BAD,
	TYPE_NAMED,  /* string, int, depth...; the compiler knows which there are */
	TYPE_ENUM,   /* (paired | single) */
	TYPE_LIST,   /* [string] */
	TYPE_RECORD, /* { r1: file, r2: file? } */
};

struct type {
	enum type_kind kind;
	struct span span;
	bool optional;      /* depth? */
	struct name name;   /* TYPE_NAMED */
	struct name *words; /* TYPE_ENUM: its words; TYPE_RECORD: its fields */
	size_t n;
	struct type *element; /* TYPE_LIST */
	struct type **types;  /* TYPE_RECORD, beside words */
};

/* ---- the text of `run` ---- */

/* Where one line of the text comes from: text offset, source offset. */
struct run_line {
	uint32_t text, source;
};

struct run_text {
	struct span keyword;
	/* The interpreter as written, "bash" "-x"; none: the step's shell. */
	struct name *words;
	size_t nwords;
	struct span bar;
	/* Every line of it, the last one too, ends in LF. Without lines: "". */
	const char *text;
	size_t len;
	struct span span; /* of the text in the source */
	struct run_line *lines;
	size_t nlines;
	uint32_t first_line; /* source line (1-based) of the first text line */
	bool one_line;       /* run | cmd */
};

/* The source offset of a byte of the text; its end for len. */
uint32_t run_source_offset(const struct run_text *run, size_t offset);
/* The place of [offset, offset + len) of the text. */
struct span run_source_span(const struct run_text *run, size_t offset, size_t len);
/* The source line (1-based) of line `line` (1-based) of the text. */
uint32_t run_source_line(const struct run_text *run, uint32_t line);

/* ---- statements ---- */

enum stmt_kind {
	/* declarations */
	STMT_IMPORT,
	STMT_PARAM,
	STMT_LET,
	STMT_ASSERT,
	STMT_HOOK, /* on success run | ... */
	STMT_TEST, /* test "name" { ... } */
	STMT_PROFILE,
	STMT_THEN, /* then "next.scitq" { ... } */
	STMT_WORKFLOW,
	STMT_RECRUITER,
	STMT_STEP,
	STMT_USE, /* step t = c.trim { ... } */
	STMT_FOREACH,
	STMT_IF,
	/* what stands inside a block of settings */
	STMT_ATTR,       /* key = value */
	STMT_BLOCK,      /* key { ... } */
	STMT_BARE,       /* a name alone, inside bind */
	STMT_CONSTRAINT, /* cpu >= 32, inside flavor */
	STMT_RUN,
	STMT_KINDS
};

/* One `a in A` of a foreach. */
struct loop {
	struct name var;
	struct expr *source;
	struct span span;
};

struct stmt {
	enum stmt_kind kind;
	struct span span;
	/* What a label underlines: from the keyword to before the brace; else as span. */
	struct span head;
	struct span keyword; /* `step`, `let`...; of ATTR and the like: the key */
	uint16_t depth;      /* of nesting, as expr.depth */
	union {
		struct {
			struct expr *path; /* EXPR_STRING */
			struct name as;
		} import;
		struct {
			struct name name;
			struct type *type;
			struct expr *value;   /* default; NULL: required */
			struct expr *in;      /* in 1..64; may be NULL */
			struct expr *matches; /* EXPR_REGEX; may be NULL */
			struct expr *help;    /* EXPR_STRING; may be NULL */
		} param;
		struct {
			struct name name;
			struct expr *value;
			struct expr *where; /* may be NULL */
		} let;
		struct {
			struct expr *cond;
			struct expr *message; /* may be NULL */
		} assertion;
		struct {
			struct expr *name; /* EXPR_STRING */
			struct block *body;
		} workflow;
		struct {
			struct name name;
			struct block *body;
		} recruiter;
		struct {
			struct name name;
			struct name *params; /* of a module's step */
			size_t nparams;
			bool has_params; /* step trim() has them, and none */
			struct block *body;
		} step;
		struct {
			struct name name;
			struct name module; /* text NULL: a step of this file */
			struct name step;
			struct block *body; /* NULL: no braces */
		} use;
		struct {
			struct loop *loops; /* at least one, outermost first */
			size_t n;
			struct expr *where; /* may be NULL */
			struct block *body;
		} foreach;
		struct {
			struct expr *cond;
			struct block *then;
			struct block *otherwise; /* may be NULL; else if: one STMT_IF */
		} branch;
		struct {
			struct name key;
			struct expr *value;
		} attr;
		struct {
			struct name key;
			struct block *body;
		} block;
		struct name bare;
		struct {
			struct name key;
			enum op op; /* OP_EQ to OP_UNLIKE */
			struct span op_span;
			struct expr *value;
		} constraint;
		struct run_text *run;
		struct {
			struct name outcome;
			struct run_text *run;
		} hook;
		struct {
			struct expr *name; /* EXPR_STRING */
			struct block *body;
		} test;
		struct {
			struct name name;
			struct block *body;
		} profile;
		struct {
			struct expr *path;  /* EXPR_STRING */
			struct block *body; /* NULL: no braces */
		} then;
	};
};

const char *stmt_kind_text(enum stmt_kind kind);
/* What stands in the braces of a statement, of `if` in the first ones; NULL: it has none. */
const struct block *stmt_body(const struct stmt *s);

/* ---- the file ---- */

struct ast {
	uint32_t file;
	int64_t version; /* of `scitq 1`; 0 where it is missing, -1 where it is wrong */
	struct span version_span;
	struct block body;
};

/*
 * The text of a string without $ parts, or NULL for any other expression. Such a
 * text holds no NUL.
 */
const char *expr_plain_string(const struct expr *e);

/* A stable print of the tree, a node per line; ast_dump.c. */
void ast_dump(const struct ast *ast, struct str *out);
/* One expression, fully parenthesised, on one line. */
void expr_dump(const struct expr *e, struct str *out);

#endif
