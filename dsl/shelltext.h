/*
 * What the text of `run` says about names, as far as a scan can see: which
 * lower-case variables it reads, which it sets itself, which paths below $INPUT
 * and $OUTPUT it writes out. The text is sh or bash and is never changed; this is
 * no shell parser, but quotes, heredocs, comments, $( ), $(( )), ${ } and case
 * patterns do not derail it. The compiler decides what a finding means: it knows
 * the names in scope.
 */
#ifndef DSL_SHELLTEXT_H
#define DSL_SHELLTEXT_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum shell_ref_kind {
	SHELL_PLAIN,      /* $name or ${name} */
	SHELL_BRACED,     /* ${name...} with an operator: ${x%.gz}, ${x[@]} */
	SHELL_LENGTH,     /* ${#name} */
	SHELL_DEFAULT,    /* ${name:-word}, ${name-word}, also = and +: may be unset */
	SHELL_ARITHMETIC, /* a bare name inside $(( )) or (( )) */
	SHELL_FIELD,      /* ${name.field}: no shell knows that; `field` is set */
	SHELL_QUOTED,     /* $name inside single quotes: the shell leaves it alone */
};

/* A lower-case name, or a slip of $INPUT, $OUTPUT or $RESOURCE, at [offset, offset + length) of the
   text: the name alone. */
struct shell_ref {
	enum shell_ref_kind kind;
	const char *name;
	const char *field; /* SHELL_FIELD: "r1" of ${row.r1} */
	size_t offset, length;
	/* From the dollar to the end of the expansion; the name where there is none. */
	size_t whole, whole_length;
};

enum shell_set_kind {
	SHELL_ASSIGN,  /* x=, x+=, x[1]=, ${x:=w}, ((x = 1)) */
	SHELL_LOOP,    /* for x in, for x, select x */
	SHELL_READ,    /* read x, getopts o x, printf -v x, mapfile x, readarray x */
	SHELL_DECLARE, /* local x, export x, declare x, typeset x, readonly x */
};

/* A name, such as above, that the text gives a value itself. */
struct shell_set {
	enum shell_set_kind kind;
	const char *name;
	size_t offset, length;
};

enum shell_path_root { SHELL_INPUT, SHELL_OUTPUT, SHELL_RESOURCE, SHELL_TEMP, SHELL_ROOTS };

/*
 * "$INPUT"/x or "$INPUT/x": the part after the slash as far as it is literal or made of
 * lower-case plain references. text has those as they stand ("${sample}.fa"). Also
 * /input/x and the like, with `absolute`.
 */
struct shell_path {
	enum shell_path_root root;
	bool absolute;
	bool exact; /* false: the word goes on with what a scan cannot know, or a glob */
	const char *text;
	size_t offset, length; /* from the dollar or slash to the end of the path */
};

struct shelltext {
	struct shell_ref *refs;
	size_t nrefs;
	struct shell_set *sets;
	size_t nsets;
	struct shell_path *paths;
	size_t npaths;
	size_t *pipes; /* offsets of | and |& outside quotes and patterns */
	size_t npipes;
	/* The text runs text that a scan cannot see: `.`, source, eval. */
	bool sources;
	size_t sources_offset, sources_length;
	/* The text ends inside the quotes that begin at `quote_offset`. */
	bool open_quote;
	size_t quote_offset;
	/* The first $1 to $9, where nothing in the text gives it arguments; length 0: none. */
	size_t argument_offset, argument_length;
};

/* Scan text[0..len). All of *out lives in the arena. */
void shelltext_scan(struct arena *arena, const char *text, size_t len, struct shelltext *out);

/* The first place where the text itself sets the name, or NULL. */
const struct shell_set *shelltext_set(const struct shelltext *st, const char *name);

#endif
