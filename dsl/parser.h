/*
 * The state of one parse, shared by scanner.l, lexer.c, grammar.y and what they
 * call; private to dsl/. Tokens flow flex (raw) -> lexer.c (newline rules,
 * recovery) -> bison.
 */
#ifndef DSL_PARSER_H
#define DSL_PARSER_H

#include "base/vec.h"
#include "dsl/codes.h"
#include "dsl/parse.h"

/* Brackets nest at most so deep; the text beyond is not read. */
#define BRACKET_DEPTH 200

/*
 * Something open: ( [ { of the text, " for a string (whatever quote it began
 * with), $ for ${ in one.
 */
struct bracket {
	char kind;
	char close;      /* of a string: its quote, s or d for a curly one */
	uint32_t indent; /* bytes of white space at the start of its line */
	struct span span;
	bool indented; /* what is inside stands beside it, or deeper */
	/* One inside whose brace stands too far left, as if it were ours; and its suspect. */
	struct span inner, inner_suspect;
	struct span suspect; /* a later one was not: is the closing brace missing before it? */
};

/* A token as bison got it, without its value. */
struct token {
	int kind; /* 0: none yet, or the end */
	struct span span;
	uint32_t indent; /* of its line */
	bool first;      /* of its line */
	bool begins;     /* a statement */
};

/* A token as the scanner made it, line ends that count among them; for pieces.c. */
struct lexeme {
	int kind;
	struct span span;
	const struct run_text *run; /* T_RUN */
};

struct lexemes {
	struct lexeme *v;
	size_t n, cap;
};

/* Arrays under construction. */
struct cell {
	struct cell *next;
	void *item;
};

struct list {
	struct cell *head, *tail;
	size_t n;
};

struct parser {
	struct arena *arena;
	struct diag_sink *sink;
	struct ast *ast;
	void *scanner; /* flex's */
	const char *text;
	uint32_t file, len;

	/* scanner.l */
	uint32_t pos;    /* offset of the next byte */
	uint32_t line;   /* offset of the first byte of this line */
	uint32_t number; /* of this line, from 1 */
	bool first;      /* no token on this line yet */
	VEC(struct bracket) open;
	unsigned strings; /* how many of them are strings */
	unsigned forgive; /* closing ) and ] whose opening was given up */

	/* lexer.c */
	struct token last;            /* handed to bison most recently */
	struct token before, earlier; /* and the two before it */
	struct token begun;           /* the one that began this statement */
	unsigned choices;             /* `if` of this statement whose `then` is still to come */
	struct span interp;           /* the ${ that was reported most recently */
	size_t errors;                /* that the sink had before */
	bool recover;                 /* bison met an error and wants the next statement */
	bool recovering;              /* and is getting there */
	bool quiet;                   /* the error that bison will meet has been reported */
	uint32_t glued;               /* newlines before this offset are known to be none */
	uint32_t indent, indent_line; /* of the line that begins at indent_line */
	bool ended;                   /* the text is used up; what is open is being closed */
	bool unclosed;                /* a brace was missing: nesting cannot be judged */
	bool deep;                    /* too deep nesting was reported */
	VEC(struct run_text *) runs;
	uint32_t after_run;     /* offset of the line that ended its text; 0: none */
	struct lexemes *record; /* NULL: nobody asks for the tokens */
};

/* dsl_parse, which also keeps the tokens. They are the caller's to release. */
struct ast *parse_recorded(struct arena *arena, struct sources *sources, uint32_t file,
                           struct diag_sink *sink, struct lexemes *record);

struct span parser_span(const struct parser *p, uint32_t start, uint32_t end);
/* An error at span; the record is for diag_label and so on. */
struct diag *parser_error(struct parser *p, enum code code, struct span span, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
/* The source text of a span, in the arena. */
const char *parser_text(struct parser *p, struct span span);
/* The help line that shows how the statement of a keyword is written: its first form. */
void parser_help_form(struct parser *p, struct diag *d, const char *keyword);
/* Nesting beyond what passes can walk; reported once. */
void parser_too_deep(struct parser *p, struct span span);

/* Whether a word is one of the grammar's. */
bool parser_keyword(const struct parser *p, struct span word);

/*
 * The run statement whose keyword stands at `keyword`, first on its line, and the
 * offset where the line after its text begins; NULL where `run` is a mere name.
 */
struct run_text *read_run(struct parser *p, uint32_t keyword, uint32_t *end);

/* A line that stands too far left for the text of the run before it. */
void report_run_ended(struct parser *p, const struct run_text *run, struct span line);

/* The word at `keyword` stands behind `on NAME`, which begins its line. */
bool run_behind_on(const struct parser *p, uint32_t keyword);

/* Bytes of white space before the first word of its line. */
uint32_t run_indent(const struct parser *p, const struct run_text *run);

/* A number with or without unit, as matched by scanner.l; EXPR_BAD after an error. */
struct expr *read_number(struct parser *p, struct span span);

/* Whether the word is a unit of numbers. */
bool is_unit(const char *text);

/*
 * A bracket was never closed. at: the token that shows it, or none. The error that
 * bison will meet because of it is then quiet.
 */
void report_unclosed(struct parser *p, const struct bracket *b, struct span at);

/* Statements where they cannot stand. After a parse. */
void check_shape(struct parser *p);

#endif
