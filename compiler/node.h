/*
 * An expression ready to be computed: types are checked, names are symbols,
 * constants are folded. check_expr.c makes them, eval.c computes values,
 * data.c walks those that stand for files and outputs of steps.
 */
#ifndef COMPILER_NODE_H
#define COMPILER_NODE_H

#include "compiler/program.h"
#include "stage/seq.h"

#include <regex.h>

enum node_kind {
	NODE_BAD, /* an error was reported */
	NODE_CONST,
	NODE_VARIABLE,   /* of a loop or a comprehension */
	NODE_LET,        /* inside a loop */
	NODE_ITEM_FIELD, /* a field of the element that a NODE_FILTER looks at */
	NODE_FIELD,
	NODE_LIST,
	NODE_EACH,          /* [ body for variable in list where cond ] */
	NODE_FILTER,        /* list where cond */
	NODE_TEXT,          /* "a${b}c" */
	NODE_TASK_VARIABLE, /* $CPU in exec */
	NODE_COUNT,
	NODE_SOURCE, /* lines, table, columns, files */
	NODE_RUNS,   /* ena, sra */
	NODE_NOT,
	NODE_NEGATE,
	NODE_BINARY,
	NODE_MATCHES,
	NODE_RANGE,
	NODE_IF,
	NODE_RECORD,
	/* Only where files are meant: input, resource, after. */
	NODE_OUTPUT, /* of a step */
	NODE_GATHER,
	NODE_PREVIOUS,
	NODE_ACTION, /* |> untar */
};

enum source_kind { SOURCE_LINES, SOURCE_TABLE, SOURCE_COLUMNS, SOURCE_FILES };
enum runs_option { RUNS_LAYOUT, RUNS_STRATEGY, RUNS_DEPTH, RUNS_ONLY_R1, RUNS_GROUP, RUNS_OPTIONS };
enum files_group { GROUP_NONE, GROUP_FOLDER, GROUP_PREFIX };

struct node {
	enum node_kind kind;
	unsigned depth; /* of the innermost level that it depends on; 0: none */
	unsigned free;  /* bits of the comprehensions and filters whose variable it names */
	bool has_data;  /* an output of a step occurs in it */
	struct span span;
	const struct vtype *type;
	uint32_t seen; /* plan: the tuple for which it was looked at last */
	union {
		struct value value;
		struct symbol *symbol; /* VARIABLE, LET */
		struct {
			struct node *of;
			const char *name;
		} field;
		struct {
			struct node **items;
			size_t n;
			const struct shape *shape; /* RECORD */
		} list;                            /* LIST, TEXT, RECORD */
		struct {
			struct symbol *variable; /* EACH */
			struct node *source, *body, *where;
			uint32_t slot;    /* FILTER, ITEM_FIELD: of the element looked at */
			const char *name; /* ITEM_FIELD */
		} each;
		const char *variable; /* TASK_VARIABLE */
		struct {
			enum source_kind kind;
			struct node *path;
			struct node *key; /* table; may be NULL */
			enum files_group group;
		} source;
		struct {
			enum seq_archive archive;
			struct node *accession;
			struct node *options[RUNS_OPTIONS]; /* NULL: not given */
		} runs;
		struct node *of; /* COUNT, NOT, NEGATE */
		struct {
			enum op op;
			struct node *left, *right;
		} binary;
		struct {
			struct node *of;
			const regex_t *regex;
		} matches;
		struct {
			struct node *first, *last;
		} range;
		struct {
			struct node *cond, *yes, *no;
		} choice;
		struct {
			struct step *step;
			const char *yield;       /* NULL: all of it */
			struct pairing *pairing; /* made by plan */
		} output;
		struct {
			struct node *output; /* NODE_OUTPUT */
			struct node *into;   /* may be NULL */
			struct node *min;    /* may be NULL */
		} gather;
		struct {
			struct node *output;
			struct node *start; /* may be NULL */
		} previous;
		struct {
			struct node *of;
			const char *word;
			struct node *dir; /* of mv; else NULL */
		} action;
	};
};

#endif
