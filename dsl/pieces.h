/*
 * A file as the sequence of its tokens with what stands between them: line ends
 * and comments, which the tree does not hold. format.c lays them out anew.
 *
 * A string with all that is in it is one piece, and so is `run` with its text.
 * Every byte of the file that is no white space lies in a piece or a comment.
 */
#ifndef DSL_PIECES_H
#define DSL_PIECES_H

#include "base/diag.h"
#include "base/vec.h"
#include "dsl/ast.h"

struct comment {
	struct span span; /* without white space at its end */
	bool own_line;
	bool blank_before; /* an empty line stands before it */
};

struct piece {
	int kind; /* as in dsl/grammar.h; T_STRING_OPEN for a string; 0: the end of the file */
	struct span span;
	const struct run_text *run; /* T_RUN */
	size_t mate;                /* of a bracket: its partner's number; else its own */
	bool broken;                /* of a bracket: its partner stands on another line */
	/* What stands before it: */
	bool separated; /* a line end that ends a statement */
	unsigned lines; /* line ends, those inside comments not counted twice */
	bool blank;     /* an empty line right before it, or before it and after the last comment */
	size_t first_comment, ncomments;
};

struct pieces {
	VEC(struct piece) list; /* the last one is the end of the file */
	VEC(struct comment) comments;
};

/*
 * Parses the file; what dsl_parse reports goes to the sink. The tree, or NULL after
 * an error: then there are no pieces. Texts lie in the arena.
 */
struct ast *pieces_read(struct pieces *pieces, struct arena *arena, struct sources *sources,
                        uint32_t file, struct diag_sink *sink);
void pieces_release(struct pieces *pieces);

#endif
