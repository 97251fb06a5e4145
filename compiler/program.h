/*
 * A .scitq file after its names are known: symbols, the tree of loops, steps with
 * their settings, recruiters. resolve.c makes it from the syntax tree, check.c
 * gives every expression a type and turns it into a node that eval.c computes,
 * expand.c counts out the loops. Everything lives in the arena of the compilation.
 */
#ifndef COMPILER_PROGRAM_H
#define COMPILER_PROGRAM_H

#include "base/map.h"
#include "base/vec.h"
#include "compiler/value.h"
#include "compiler/vtype.h"
#include "dsl/ast.h"
#include "dsl/keywords.h"
#include "dsl/shelltext.h"

struct level;
struct module;
struct node;
struct resolver;
struct settings;
struct step;
struct symbol;

/* ---- names ---- */

enum symbol_kind {
	SYMBOL_PARAM,
	SYMBOL_LET,
	SYMBOL_LOOP,
	SYMBOL_ELEMENT, /* the variable of a comprehension */
	SYMBOL_STEP,
	SYMBOL_RECRUITER,
	SYMBOL_MODULE,
	SYMBOL_TEMPLATE, /* a step with parameters */
	SYMBOL_ARGUMENT, /* one of them, for one use of the step */
};

struct symbol {
	enum symbol_kind kind;
	const char *name;
	const char *full; /* how the command line calls it: "adapter", of a module "c.adapter" */
	struct span span;
	const struct stmt *stmt; /* its declaration; NULL: ELEMENT */
	struct level *level;     /* where it was declared */
	uint32_t slot;           /* of its value in an environment */
	unsigned bit;            /* ELEMENT: see node.free */
	unsigned chain;          /* LET: lets inside loops that it builds on, one upon the other */
	signed char fails;       /* LET, plan's memory: 1 it can fail, -1 it cannot */
	bool used;
	const struct vtype *type; /* set by check */
	struct node *node;        /* LET, ARGUMENT: its value; LOOP: its source */
	struct step *step;
	struct symbol *lists; /* LET of a test: the step whose tasks it lists; of all: itself */
	struct recruiter_block *recruiter;
	struct module *module;
	const struct expr *expr; /* ARGUMENT: what the use gives; NULL: the step is not used here */
	bool data;               /* ARGUMENT: it stands for files or outputs of steps */
	/* PARAM and a LET outside every loop: its value, once check has passed it. */
	bool constant;
	struct value value;
};

const char *symbol_kind_text(enum symbol_kind kind);
/* It stands for a value that can be computed with. */
bool symbol_is_value(const struct symbol *sym);

/*
 * What a name in an expression stands for. symbol NULL: nothing in scope; it may
 * still be a bare word of an enum or a field of a filtered list.
 */
struct binding {
	struct symbol *symbol;
	struct span span;             /* of the name; empty for the variable of a comprehension */
	const char *nearest;          /* of the names in scope; may be NULL */
	bool reported;                /* why there is no symbol has been said */
	const struct name *elsewhere; /* declared out of sight; may be NULL */
};

/* An EXPR_NAME, or what else stands for a name, as looked at by one use of a step. */
struct binding_key {
	const void *name;
	uint64_t use;
};

/* ---- loops ---- */

/*
 * The loops and conditions around a step, outermost first, are a chain of levels;
 * levels of the file form a tree below the root. A level's tuples are its
 * instances: one per element and instance of the outer level. The tuples of one
 * outer tuple are neighbours, in the order of the elements.
 */
enum level_kind { LEVEL_ROOT, LEVEL_LOOP, LEVEL_IF };

struct level {
	enum level_kind kind;
	struct level *outer;
	unsigned depth; /* 0: root */
	const struct stmt *stmt;
	uint32_t use;          /* see compilation.use */
	struct span head;      /* what a message underlines */
	struct symbol *symbol; /* LOOP */
	const struct expr *source_expr;
	struct node *source;
	/* Two loops over one let have the same dimension; else the level itself. */
	const void *dimension;
	const struct expr *where_expr; /* of the last loop of a statement */
	struct node *where;
	const struct expr *cond_expr; /* IF */
	bool want;
	struct node *cond;
	/* IF of a step's `when`: who takes from an instance that is off takes nothing. */
	bool optional;
	/* The condition depends on no loop: check has computed it. */
	bool decided;
	bool dead; /* decided, not this one; or inside such a level */
	/* Its tuples are those of the root: root, or a live decided IF below it. */
	bool constant;

	/* Made by expand. */
	uint32_t n;
	uint32_t *parent;    /* tuple of the outer level; NULL: the identity */
	uint32_t *element;   /* LOOP: index into its list */
	uint32_t *start;     /* first tuple of each outer tuple, and n */
	struct value *lists; /* LOOP: one, or one per outer tuple where `per_tuple` */
	bool per_tuple;
};

/* ---- settings ---- */

/* The settings that the compiler carries out; words as in dsl/keywords.def. */
#define SETTING_KEYS(K)                                                                            \
	K(container)                                                                               \
	K(container_options)                                                                       \
	K(shell)                                                                                   \
	K(exec)                                                                                    \
	K(run)                                                                                     \
	K(bind)                                                                                    \
	K(env)                                                                                     \
	K(input)                                                                                   \
	K(resource)                                                                                \
	K(output)                                                                                  \
	K(yields)                                                                                  \
	K(storage)                                                                                 \
	K(publish)                                                                                 \
	K(keep)                                                                                    \
	K(after)                                                                                   \
	K(name)                                                                                    \
	K(retry)                                                                                   \
	K(accept_failure)                                                                          \
	K(priority)                                                                                \
	K(use_cache) K(cache) K(epoch) K(download_timeout) K(run_timeout) K(upload_timeout)        \
	        K(concurrency) K(cpu) K(memory) K(gpu) K(recruiters) K(maximum_workers)            \
	                K(max_cost) K(provider) K(region) K(flavor) K(prefetch)                    \
	                        K(tasks_per_worker) K(rounds) K(minimum_tasks)

enum setting_key {
#define SETTING_ENUM(name) KEY_##name,
	SETTING_KEYS(SETTING_ENUM)
#undef SETTING_ENUM
	        SETTING_KEY_COUNT
};

/* -1 where the compiler does not carry it out. */
int setting_key_find(const char *name);
const char *setting_key_text(enum setting_key key);

/* The branch of an `if` inside a step that a setting stands in. */
struct guard {
	const struct guard *outer;
	const struct expr *cond_expr;
	bool want;
	struct node *cond;
};

/* yields { name = "pattern" }, bind { name = value } */
struct entry {
	const char *name;
	struct span span;
	struct symbol *symbol; /* bind of a name in scope */
	const struct expr *expr;
	struct node *node;
};

/* An element of recruiters = [big, big { maximum_workers = 1 }]. */
struct hire {
	struct span span;
	const struct expr *name; /* EXPR_NAME, or MODULE.NAME */
	struct symbol *symbol;   /* what it names; NULL: nothing in scope */
	struct settings *over;   /* keys that replace those of the recruiter; may be NULL */
};

/* cpu >= 32 */
struct constraint {
	const struct attr *attr;
	const struct stmt *stmt;
	struct node *node;
};

struct setting {
	enum setting_key key;
	const struct attr *attr; /* its row; NULL: run */
	struct span key_span, span;
	const struct guard *guard; /* NULL: always */
	bool given; /* on the command line: `node` is its value, `expr` only has a place */
	const struct stmt *stmt;
	const struct expr *expr;
	struct node *node;
	struct entry *entries;
	size_t nentries;
	struct script *script;
	struct hire *hires;
	size_t nhires;
	struct constraint *constraints; /* flavor { ... } */
	size_t nconstraints;
	const char **words; /* env */
	size_t nwords;
	struct settings *attempts; /* retry = [...]: one of each attempt */
	size_t nattempts;
	struct setting *next; /* later or deeper: it wins where its guard holds */
};

struct settings {
	struct setting *first[SETTING_KEY_COUNT];
};

/* ---- the text of run ---- */

enum shell_kind { SHELL_BASH, SHELL_SH, SHELL_OTHER };

/* A name that the text gets from the file: `$name` of a scan, or an entry of bind. */
struct bound {
	const char *name;
	struct symbol *symbol;
	struct span span; /* its first use */
};

struct script {
	const struct run_text *run;
	enum shell_kind kind;
	/* The words of the interpreter, at least one: "bash", "python3" "-u". */
	const char **words;
	size_t nwords;
	struct shelltext scan;
	struct bound *bound; /* found by the scan; the entries of bind come on top */
	size_t nbound;
};

/* ---- declarations ---- */

struct recruiter_block {
	struct symbol *symbol;
	const struct stmt *stmt;
	struct settings settings;
};

struct step {
	struct symbol *symbol;
	const struct stmt *stmt;
	uint32_t number;
	struct level *level;
	struct settings settings;
	const char *source; /* "qc.scitq:47" */
	uint32_t use;       /* of a step with parameters: see compilation.use; 0: none */
	bool broken;        /* what it is a use of has mistakes: it is not looked at */

	/* Made by plan. */
	uint32_t first_task;
	uint32_t rank;        /* longest chain of steps before it */
	int64_t gpus;         /* that a task of it takes at most, in whatever attempt */
	VEC(uint32_t) before; /* numbers of the steps that it waits for, ascending */
	bool whole; /* somebody takes its whole output: the folder is there even if it is empty */
};

/* on success run | ...: a step without a name or a loop, whose task the server makes. */
struct hook {
	const char *word; /* "on_success", "on_failure" */
	struct step *step;
};

struct assertion {
	const struct stmt *stmt;
	struct level *level;
	struct node *cond, *message;
};

enum item_kind {
	ITEM_PARAM,
	ITEM_LET,
	ITEM_ARGUMENT,
	ITEM_ASSERT,
	ITEM_LEVEL,
	ITEM_STEP,
	ITEM_RECRUITER
};

/* A declaration, in the order of the file. */
struct item {
	enum item_kind kind;
	bool checked; /* already in the resolve pass: an `if` of a module wanted to know */
	union {
		struct symbol *symbol; /* PARAM, LET, ARGUMENT */
		struct assertion *assertion;
		struct level *level;
		struct step *step;
		struct recruiter_block *recruiter;
	};
};

/* What `then` gives to a param of the other file. */
struct handed {
	const char *name;
	struct span span;
	const struct expr *expr;
	/* Set by check. */
	const struct stmt *param; /* its declaration there; NULL: not found */
	const struct vtype *type; /* of the param */
	struct node *node;
	const char *text; /* of a value, as --param takes it; NULL: files, or none */
};

/* then "next.scitq" { name = value } */
struct next {
	const struct stmt *stmt;
	const char *path;      /* absolute */
	bool read;             /* the file is there, and this the first that names it */
	const struct ast *ast; /* of that file; NULL: it is not there, or has mistakes */
	struct handed *handed;
	size_t nhanded;
};

/* An imported file: declarations for others, and no workflow. */
struct module {
	struct module *outer; /* that imports it; NULL: the .scitq file */
	const char *path;     /* absolute */
	uint32_t file;
	uint16_t base;      /* of its relative paths */
	const char *prefix; /* of its names on the command line: "c." */
	const struct ast *ast;
	struct resolver *resolver; /* with its names; gone after resolve */
	bool broken;               /* it could not be read: its names are not known */
};

struct program {
	VEC(struct item) items;
	VEC(struct symbol *) symbols;
	VEC(struct level *) levels; /* [0] is the root; outer ones first */
	VEC(struct step *) steps;
	VEC(struct hook) hooks; /* one of each outcome at most */
	VEC(struct next *) nexts;
	VEC(struct settings *) profiles; /* those that do not hold */
	VEC(struct module *) modules;
	/* Of the test that runs: its declarations, and what stands for the tasks. */
	VEC(struct item) test_items;
	VEC(struct symbol *) test_lists; /* all tasks, then those of each step */
	VEC(struct step *) drafts;       /* of each step with parameters, to find mistakes in it */
	uint32_t nslots;
	const struct stmt *workflow; /* NULL: there is none */
	struct node *workflow_name;
	struct settings defaults; /* of the workflow block */
	struct map bindings;      /* struct binding_key -> struct binding * */
};

/* The level of a chain at this depth, going outwards from l. */
struct level *level_at(struct level *l, unsigned depth);
/* l is `outer` or inside it. */
bool level_inside(const struct level *l, const struct level *outer);

#endif
