/*
 * The tokens that bison sees. Here live the bracket stack, the rule which newlines
 * are tokens, and the way from a syntax error to the next statement: everything
 * that needs to know more than one token. dsl_yylex is called by bison, the
 * rest by scanner.l.
 *
 * Invariant: the innermost { on the stack is the innermost block that bison has
 * open, except while it recovers.
 */
#include "dsl/lexer.h"

#include "dsl/keywords.h"
#include "dsl/scanner.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

int keyword_token(const char *text)
{
	static const struct {
		const char *text;
		int token;
	} keywords[] = {
#define KEYWORD(token, text, kind, form, help) {text, T_##token},
#include "dsl/keywords.def"
	};

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (keywords[i].text[0] == text[0] && strcmp(keywords[i].text, text) == 0)
			return keywords[i].token;
	}
	return T_NAME;
}

bool wants_name(const struct parser *p)
{
	return p->last.begins && p->last.kind >= T_PARAM && p->last.kind < T_IMPORT;
}

/* ---- brackets ---- */

static uint32_t indent_at(const struct parser *p, uint32_t line)
{
	uint32_t n = 0;

	while (p->text[line + n] == ' ' || p->text[line + n] == '\t')
		n++;
	return n;
}

/* Of the line that is being read. */
static uint32_t line_indent(struct parser *p)
{
	if (p->indent_line != p->line || p->line == 0) {
		p->indent_line = p->line;
		p->indent = indent_at(p, p->line);
	}
	return p->indent;
}

void open_bracket(struct parser *p, char kind, char close, struct span span)
{
	struct bracket b = {
	        .kind = kind,
	        .close = close,
	        .indent = line_indent(p),
	        .span = span,
	        .inner = NO_SPAN,
	        .suspect = NO_SPAN,
	};

	vec_push(&p->open, b);
	p->strings += kind == '"';
}

void close_bracket(struct parser *p)
{
	assert(p->open.n > 0);
	p->open.n--;
	p->strings -= p->open.v[p->open.n].kind == '"';
}

struct bracket top_bracket(const struct parser *p)
{
	return p->open.n > 0 ? p->open.v[p->open.n - 1] : (struct bracket){0};
}

/* How many of the open ones stand outside of the innermost block's content. */
static size_t block_level(const struct parser *p)
{
	size_t n = p->open.n;

	while (n > 0 && p->open.v[n - 1].kind != '{')
		n--;
	return n;
}

static void give_up(struct parser *p, size_t level)
{
	while (p->open.n > level) {
		p->forgive++;
		close_bracket(p);
	}
}

int close_token(struct parser *p, char sign, struct span span)
{
	char opening = sign == ')' ? '(' : sign == ']' ? '[' : '{';
	size_t level = p->open.n, floor = 0;
	struct bracket b;
	struct diag *d;

	/* ) and ] may close beyond each other, } beyond both. */
	while (sign != '}' && level > 0 && p->open.v[level - 1].kind != '{' &&
	       p->open.v[level - 1].kind != '$')
		level--;
	floor = sign == '}' ? 0 : level;
	level = p->open.n;
	while (level > floor && p->open.v[level - 1].kind != opening &&
	       !(sign == '}' && p->open.v[level - 1].kind == '$'))
		level--;
	if (level == floor) {
		if (p->forgive > 0 && sign != '}') {
			p->forgive--;
			return 0;
		}
		if (p->open.n > floor) {
			b = top_bracket(p);
			d = parser_error(p, E0117, span, "`%c` cannot close `%c`", sign, b.kind);
			diag_relate(p->sink, d, b.span, "this is open");
			close_bracket(p);
			return b.kind == '(' ? ')' : ']';
		}
		d = parser_error(p, E0117, span, "`%c` closes nothing", sign);
		diag_help(p->sink, d, "remove it, or add the `%c` that it belongs to", opening);
		p->quiet = true;
		return 0;
	}
	while (p->open.n > level) {
		if (!p->recovering)
			report_unclosed(p, &p->open.v[p->open.n - 1], span);
		p->quiet = true;
		close_bracket(p);
	}
	b = top_bracket(p);
	close_bracket(p);
	if (b.kind == '{' && p->first && line_indent(p) < b.indent && p->open.n > 0) {
		struct bracket *outer = &p->open.v[p->open.n - 1];

		/* Whose brace was taken for another's, its own is probably missing. */
		if (!span_known(outer->inner)) {
			outer->inner = span_known(b.inner) ? b.inner : b.span;
			outer->inner_suspect = span_known(b.inner) ? b.inner_suspect : b.suspect;
		}
	}
	return b.kind == '$' ? T_INTERP_CLOSE : sign;
}

bool cut_string(struct parser *p, uint32_t end)
{
	size_t first = 0;
	bool nested;
	struct diag *d;

	while (p->open.v[first].kind != '"')
		first++;
	/* A string in a block in ${ } does not occur: it would need a second line. */
	nested = p->open.n > first + 1;
	if (nested) {
		struct span place = p->open.v[first + 1].span;

		if (place.start != p->interp.start) {
			d = parser_error(p, E0110, place, "`${` is not closed");
			diag_help(p->sink, d,
			          "close it with `}`, or write \\$ for the sign itself");
		}
	} else {
		struct span place = p->open.v[first].span;

		place.end = end;
		d = parser_error(p, E0107, place, "a string is not closed on its line");
		diag_help(p->sink, d, "strings hold one line; write \\n for a line end in one");
	}
	while (p->open.n > first)
		close_bracket(p);
	p->recover = p->recover || nested;
	return nested;
}

struct expr *read_regex(struct parser *p, struct span span)
{
	const char *text = p->text + span.start;
	uint32_t len = span.end - span.start, n = 0;
	struct expr *e = make_expr(p, EXPR_REGEX, span);
	char *out = arena_alloc(p->arena, len);
	bool closed = false;
	struct diag *d;

	for (uint32_t i = 1; i < len; i++) {
		if (text[i] == '/') {
			closed = true;
			break;
		}
		if (text[i] == '\\' && i + 1 < len) {
			/* \/ is the slash; every other escape is the regex's own. */
			if (text[i + 1] != '/')
				out[n++] = text[i];
			i++;
		}
		out[n++] = text[i];
	}
	out[n] = '\0';
	e->regex = out;
	if (!closed) {
		d = parser_error(p, E0111, span, "a regex is not closed on its line");
		diag_help(p->sink, d, "end it with `/`; write \\/ for a slash in it");
		e->kind = EXPR_BAD;
	}
	return e;
}

/* ---- newlines ---- */

/* A statement cannot end with this token. */
static bool goes_on(int kind)
{
	switch (kind) {
	case 0: /* nothing read yet */
	case T_NEWLINE:
	case '{':
	case T_BRACE:
	case '(':
	case '[':
	case '=':
	case ',':
	case T_COMMA:
	case T_PIPE:
	case T_DOTS:
	case T_EQ:
	case T_NE:
	case T_LE:
	case T_GE:
	case '<':
	case '>':
	case '+':
	case '-':
	case '*':
	case '/':
	case '%':
	case '.':
	case ':':
	case '|':
	case T_IF:
	case T_THEN:
	case T_ELSE:
	case T_GATHER:
	case T_ASSERT:
	case T_MATCHES:
	case T_AND:
	case T_OR:
	case T_NOT:
	case T_HAS:
	case T_LACKS:
	case T_LIKE:
	case T_UNLIKE:
		return true;
	}
	return false;
}

/* Whether the next thing in the text, after blank lines and comments, goes on with what was. */
static bool next_goes_on(struct parser *p)
{
	static const char *const starts[] = {"|>", "else", "then"};
	const char *s = p->text + p->pos;

	if (p->pos < p->glued)
		return true;
	for (;;) {
		s += strspn(s, " \t\r\n");
		if (*s != '#')
			break;
		s += strcspn(s, "\n");
	}
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		size_t n = strlen(starts[i]);

		/* Without an `if` before it, `then` begins a statement. */
		if (i == 2 && p->choices == 0)
			break;
		if (strncmp(s, starts[i], n) == 0 &&
		    (i == 0 || !(isalnum((unsigned char)s[n]) || s[n] == '_'))) {
			p->glued = (uint32_t)(s - p->text);
			return true;
		}
	}
	return false;
}

bool lacks_list(struct parser *p)
{
	const char *rest = p->text + p->pos;
	struct diag *d;

	/* The second loop of a foreach begins behind a comma, as a statement would. */
	if (p->last.kind != T_IN || p->recovering ||
	    (p->begun.kind != T_FOREACH && p->begun.span.start != p->before.span.start))
		return false;
	rest += strspn(rest, " \t\r");
	if (*rest != '\n' && *rest != '#')
		return false;
	d = parser_error(p, E0121, p->last.span, "nothing follows `in`");
	parser_help_form(p, d, "foreach");
	return true;
}

bool newline_counts(struct parser *p)
{
	size_t level = block_level(p);

	if (p->open.n > level) {
		uint32_t indent = indent_at(p, p->pos);
		const char *next = p->text + p->pos + indent;

		/* What an error left open ends where a line is not indented deeper. */
		if (!p->recovering || strchr("\r\n#)]}", *next) != NULL ||
		    indent > p->open.v[level].indent)
			return false;
		give_up(p, level);
	}
	return !goes_on(p->last.kind) && !next_goes_on(p);
}

/* ---- tokens ---- */

static void raw(struct parser *p, struct token *t, YYSTYPE *value, YYLTYPE *place)
{
	t->kind = dsl_raw_lex(value, place, p->scanner);
	t->indent = line_indent(p);
	t->first = p->first && t->kind != T_NEWLINE;
	if (t->first)
		p->first = false;
	if (p->record != NULL && t->kind != 0) {
		struct lexeme lexeme = {t->kind, *place, t->kind == T_RUN ? value->run : NULL};

		vec_push(p->record, lexeme);
	}
}

/* At the end: the closing token of what is still open, innermost first. */
static void closing(struct parser *p, struct token *t, YYLTYPE *place)
{
	struct bracket b = top_bracket(p);

	*place = parser_span(p, p->len, p->len);
	t->kind = 0;
	if (b.kind == 0)
		return;
	if (span_known(b.inner)) {
		b.span = b.inner;
		b.suspect = b.inner_suspect;
	}
	report_unclosed(p, &b, NO_SPAN);
	close_bracket(p);
	t->kind = b.kind == '(' ? ')' : b.kind == '[' ? ']' : '}';
}

static void next(struct parser *p, struct token *t, YYSTYPE *value, YYLTYPE *place)
{
	if (!p->ended)
		raw(p, t, value, place);
	if (p->ended)
		closing(p, t, place);
	if (p->open.n > BRACKET_DEPTH) {
		parser_too_deep(p, *place);
		while (p->open.n > 0)
			close_bracket(p);
		p->ended = true;
		t->kind = 0;
	}
}

/*
 * After a syntax error: drop tokens up to the end of the statement, which is a
 * newline of its block, the block's end, or the beginning of a block of its own.
 */
static void recover(struct parser *p, struct token *t, YYSTYPE *value, YYLTYPE *place)
{
	size_t level = block_level(p);

	p->recovering = true;
	do {
		/* A statement that broke off in an operator ends with its line, too. */
		p->last.kind = T_NAME;
		next(p, t, value, place);
		if (t->kind == T_DSL_YYerror)
			level = block_level(p);
	} while (t->kind != 0 && p->open.n >= level && t->kind != '{' &&
	         !(t->kind == T_NEWLINE && p->open.n == level));
	p->recover = p->recovering = false;
}

/* A line that is indented no deeper than the brace's may tell where its end is missing. */
static void watch_indent(struct parser *p, const struct token *t)
{
	struct bracket *b;

	if (p->open.n == 0 || t->kind == T_NEWLINE)
		return;
	b = &p->open.v[p->open.n - 1];
	if (b->kind != '{' || t->span.start <= b->span.start)
		return;
	if (b->span.start >= p->line)
		b->indented = true; /* what begins beside the brace should end there */
	else if (!t->first)
		return;
	else if (t->indent > b->indent)
		b->indented = true;
	else if (b->indented && !span_known(b->suspect) && t->kind != '}')
		b->suspect = t->span;
}

static bool begins_statement(int before)
{
	return before == 0 || before == T_NEWLINE || before == ',' || before == '{' ||
	       before == T_BRACE;
}

int dsl_yylex(YYSTYPE *value, YYLTYPE *place, struct parser *p)
{
	struct token t = {0}, last = p->last;

	if (p->recover)
		recover(p, &t, value, place);
	else
		next(p, &t, value, place);
	t.span = *place;
	t.begins = begins_statement(last.kind);
	if (t.begins)
		p->begun = t;
	if (t.kind == T_NEWLINE)
		p->quiet = false;
	if (t.begins || t.kind == '{' || t.kind == T_BRACE)
		p->choices = 0;
	if (t.kind == T_IF)
		p->choices++;
	else if (t.kind == T_THEN && p->choices > 0)
		p->choices--;
	watch_indent(p, &t);
	p->earlier = p->before;
	p->before = last;
	p->last = t;
	return t.kind;
}
