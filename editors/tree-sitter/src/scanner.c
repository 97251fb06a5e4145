/*
 * What no regular token is: the new lines that end a statement, the `run` that begins a text,
 * and the lines of that text, which go on as long as they are indented deeper than the line
 * of `run`. The rules are those of dsl/lexer.c and dsl/runtext.c.
 *
 * The grammar knows where a statement may end: a new line anywhere else is white space.
 */
#include "tree_sitter/parser.h"

#include <stdlib.h>
#include <string.h>

/* In the order of `externals` in grammar.js. */
enum token {
	NEWLINE,
	RUN,
	TEXT_BEGIN,
	INDENTATION,
	TEXT_LINE,
	TEXT_REST,
	PERCENT,
	ERROR_SENTINEL,
};

/* White space is counted in characters. */
struct scanner {
	uint32_t line;   /* indentation of the line in which the statement begins */
	uint32_t run;    /* and of the one that has `run` */
	uint32_t common; /* what the lines of the text have in common */
	uint32_t lines;  /* of the text that are not blank and still to come */
};

/* Without memory it is NULL, and finds nothing. */
void *tree_sitter_scitq_external_scanner_create(void)
{
	return calloc(1, sizeof(struct scanner));
}

void tree_sitter_scitq_external_scanner_destroy(void *scanner)
{
	free(scanner);
}

unsigned tree_sitter_scitq_external_scanner_serialize(void *scanner, char *buffer)
{
	if (scanner == NULL)
		return 0;
	memcpy(buffer, scanner, sizeof(struct scanner));
	return sizeof(struct scanner);
}

void tree_sitter_scitq_external_scanner_deserialize(void *scanner, const char *buffer, unsigned n)
{
	if (scanner == NULL)
		return;
	memset(scanner, 0, sizeof(struct scanner));
	if (n == sizeof(struct scanner))
		memcpy(scanner, buffer, n);
}

static bool is_blank(int32_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_word(int32_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_';
}

/* strchr() that is no match for the end. */
static bool among(const char *set, int32_t c)
{
	return c > 0 && c < 0x80 && strchr(set, c) != NULL;
}

static void next(TSLexer *lexer)
{
	lexer->advance(lexer, false);
}

/* Beyond blanks; how many. */
static uint32_t blanks(TSLexer *lexer, bool skip)
{
	uint32_t n = 0;

	for (; is_blank(lexer->lookahead); n++)
		lexer->advance(lexer, skip);
	return n;
}

static bool at_end(TSLexer *lexer)
{
	return lexer->lookahead == '\n' || lexer->eof(lexer);
}

static void to_end(TSLexer *lexer)
{
	while (!at_end(lexer))
		next(lexer);
}

/*
 * From the start of a line beyond blank ones, to what is the first in its line; the
 * indentation there. The token ends at the start of that line where `mark`.
 */
static uint32_t to_content(TSLexer *lexer, bool mark)
{
	for (;;) {
		uint32_t n;

		if (mark)
			lexer->mark_end(lexer);
		n = blanks(lexer, false);
		if (lexer->lookahead != '\n')
			return n;
		next(lexer);
	}
}

/* ---- the text of run ---- */

/* At the end of the line of `run |`: up to the first line of the text. */
static bool begin_text(struct scanner *s, TSLexer *lexer)
{
	uint32_t indent;

	if (lexer->eof(lexer))
		return false;
	next(lexer);
	indent = to_content(lexer, true);
	s->common = indent;
	s->lines = 0;
	while (!lexer->eof(lexer) && indent > s->run) {
		if (indent < s->common)
			s->common = indent;
		s->lines++;
		to_end(lexer);
		if (lexer->eof(lexer))
			break;
		next(lexer);
		indent = to_content(lexer, false);
	}
	lexer->result_symbol = TEXT_BEGIN;
	return s->lines > 0;
}

/* Behind the bar: the rest of the line, or nothing and the lines that follow. */
static bool scan_bar(struct scanner *s, TSLexer *lexer)
{
	blanks(lexer, true);
	if (at_end(lexer))
		return begin_text(s, lexer);
	if (lexer->lookahead == '#')
		return false;
	while (!at_end(lexer)) {
		bool blank = is_blank(lexer->lookahead);

		next(lexer);
		if (!blank)
			lexer->mark_end(lexer);
	}
	lexer->result_symbol = TEXT_REST;
	return true;
}

static bool scan_indentation(const struct scanner *s, TSLexer *lexer)
{
	for (uint32_t i = 0; i < s->common; i++) {
		if (!is_blank(lexer->lookahead))
			return false;
		next(lexer);
	}
	lexer->mark_end(lexer);
	lexer->result_symbol = INDENTATION;
	return true;
}

/* With the new line, and blank lines behind it, unless it is the last one. */
static bool scan_line(struct scanner *s, TSLexer *lexer)
{
	to_end(lexer);
	lexer->mark_end(lexer);
	s->lines--;
	if (s->lines > 0 && !lexer->eof(lexer)) {
		next(lexer);
		to_content(lexer, true);
	}
	lexer->result_symbol = TEXT_LINE;
	return true;
}

/* ---- statements ---- */

/* `|>` or `else`: what stands above goes on. */
static bool goes_on(TSLexer *lexer)
{
	const char *rest = "else";

	if (lexer->lookahead == '|') {
		next(lexer);
		return lexer->lookahead == '>';
	}
	for (; *rest != '\0'; rest++) {
		if (lexer->lookahead != *rest)
			return false;
		next(lexer);
	}
	return !is_word(lexer->lookahead);
}

static bool scan_newline(struct scanner *s, TSLexer *lexer)
{
	uint32_t indent;

	next(lexer);
	lexer->mark_end(lexer);
	indent = to_content(lexer, false);
	while (lexer->lookahead == '#') {
		to_end(lexer);
		if (!lexer->eof(lexer))
			next(lexer);
		indent = to_content(lexer, false);
	}
	if (goes_on(lexer))
		return false;
	s->line = indent;
	lexer->result_symbol = NEWLINE;
	return true;
}

/* `run`, and on the same line, behind an interpreter at most, the bar. */
static bool scan_run(struct scanner *s, TSLexer *lexer, uint32_t indent)
{
	for (const char *rest = "run"; *rest != '\0'; rest++) {
		if (lexer->lookahead != *rest)
			return false;
		next(lexer);
	}
	if (is_word(lexer->lookahead))
		return false;
	lexer->mark_end(lexer);
	blanks(lexer, false);
	if (among("={:,}.)?", lexer->lookahead))
		return false;
	while (is_word(lexer->lookahead) || is_blank(lexer->lookahead) ||
	       among("-+./:,@%=", lexer->lookahead))
		next(lexer);
	if (lexer->lookahead != '|')
		return false;
	next(lexer);
	if (lexer->lookahead == '|')
		return false;
	s->run = indent;
	lexer->result_symbol = RUN;
	return true;
}

/* `90%`; where an operand follows it is the operator. */
static bool scan_percent(TSLexer *lexer)
{
	next(lexer);
	lexer->mark_end(lexer);
	lexer->result_symbol = PERCENT;
	return !is_word(lexer->lookahead) && !among("(\"$", lexer->lookahead);
}

bool tree_sitter_scitq_external_scanner_scan(void *scanner, TSLexer *lexer, const bool *valid)
{
	struct scanner *s = scanner;
	bool recovers = valid[ERROR_SENTINEL], first;
	uint32_t indent;

	if (s == NULL)
		return false;
	if (valid[PERCENT] && lexer->lookahead == '%')
		return scan_percent(lexer);
	if (!recovers && valid[TEXT_REST])
		return scan_bar(s, lexer);
	if (!recovers && valid[TEXT_LINE] && s->lines > 0)
		return scan_line(s, lexer);
	if (!recovers && valid[INDENTATION] && s->lines > 0)
		return scan_indentation(s, lexer);
	if (!valid[NEWLINE] && !valid[RUN])
		return false;
	first = lexer->get_column(lexer) == 0;
	indent = blanks(lexer, true);
	if (valid[NEWLINE] && lexer->lookahead == '\n')
		return scan_newline(s, lexer);
	/* Elsewhere than at the beginning of a statement it stands behind `on`. */
	if (valid[RUN] && (first || !valid[NEWLINE]))
		return scan_run(s, lexer, first ? indent : s->line);
	return false;
}
