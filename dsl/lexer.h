/*
 * Between flex and bison: what scanner.l asks of lexer.c; private to dsl/.
 */
#ifndef DSL_LEXER_H
#define DSL_LEXER_H

#include "dsl/parser.h"
#include "dsl/grammar.h"

/* The names under which flex's bridge to bison knows these. */
#define YYSTYPE DSL_YYSTYPE
#define YYLTYPE DSL_YYLTYPE

/* The token of a word: a keyword's, or T_NAME. */
int keyword_token(const char *text);

void open_bracket(struct parser *p, char kind, char close, struct span span);
/* Forget what is open innermost. */
void close_bracket(struct parser *p);
/* What is open innermost; kind 0 where nothing is. */
struct bracket top_bracket(const struct parser *p);
/* The token of a closing sign, T_INTERP_CLOSE too; 0 where it closes nothing. */
int close_token(struct parser *p, char sign, struct span span);
/* Whether the last token was a keyword that a name follows. */
bool wants_name(const struct parser *p);
/* foreach x in {, where no record is meant: it is reported. */
bool lacks_list(struct parser *p);
/* Whether the newline just read is a token. */
bool newline_counts(struct parser *p);
/*
 * The line or the file ends at `end` inside a string: report it and forget it with
 * everything in it. True where it was inside ${ }: the parser must recover then.
 */
bool cut_string(struct parser *p, uint32_t end);
/* The regex between slashes, the last of which may be missing. */
struct expr *read_regex(struct parser *p, struct span span);

#endif
