/*
 * What bison says about a token that cannot stand where it does, turned into what the
 * user probably did: a misspelled keyword, a forgotten `=`, a bracket that was never
 * closed. Where nothing special fits, "expected X, found Y". grammar.y calls
 * report_syntax, lexer.c report_unclosed.
 */
#include "dsl/syntax_error.h"

#include "base/str.h"
#include "dsl/grammar.h"
#include "dsl/keywords.h"

#include <ctype.h>
#include <string.h>

struct mistake {
	struct parser *p;
	const struct token *at; /* the token that does not fit */
	const struct token *before, *earlier;
	const char *found;
	const char *const *expected;
	size_t n;
};

static bool expects(const struct mistake *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->expected[i], name) == 0)
			return true;
	}
	return false;
}

static const char *text_of(const struct mistake *m, const struct token *t)
{
	return parser_text(m->p, t->span);
}

/* A name or a contextual keyword. */
static bool is_name(const struct token *t)
{
	return t->kind == T_NAME || (t->kind >= T_SCITQ && t->kind <= T_HELP);
}

static bool is_reserved(const struct token *t)
{
	return t->kind >= T_IF && t->kind <= T_NONE;
}

static bool begins_value(const struct token *t)
{
	switch (t->kind) {
	case T_NUMBER:
	case T_STRING_OPEN:
	case '[':
	case T_TRUE:
	case T_FALSE:
	case T_NONE:
	case T_GATHER:
		return true;
	}
	return is_name(t);
}

static bool is_relation(const struct token *t)
{
	switch (t->kind) {
	case T_EQ:
	case T_NE:
	case T_LE:
	case T_GE:
	case '<':
	case '>':
	case T_HAS:
	case T_LACKS:
	case T_LIKE:
	case T_UNLIKE:
	case T_MATCHES:
		return true;
	}
	return false;
}

static const char *found_text(const struct mistake *m)
{
	switch (m->at->kind) {
	case 0:
		return "the end of the file";
	case T_NEWLINE:
		return "the end of the line";
	case T_STRING_OPEN:
		return "a string";
	case T_REGEX:
		return "a regex";
	case T_STRING_TEXT:
		return "text";
	case T_RUN:
		return "`run`";
	default:
		return arena_printf(m->p->arena, "`%s`", text_of(m, m->at));
	}
}

/* ---- unclosed brackets ---- */

/* A closing brace too many in the text of a run after the opening, which took it. */
static bool swallowed(struct parser *p, const struct bracket *b, struct span *brace)
{
	for (size_t i = p->runs.n; i-- > 0;) {
		const struct run_text *run = p->runs.v[i];
		size_t last = run->len;
		long balance = 0;

		if (run->keyword.start < b->span.start)
			break;
		for (size_t k = 0; k < run->len; k++) {
			if (run->text[k] == '}') {
				balance--;
				last = k;
			}
			balance += run->text[k] == '{';
		}
		if (balance < 0) {
			*brace = run_source_span(run, last, 1);
			return true;
		}
	}
	return false;
}

void report_unclosed(struct parser *p, const struct bracket *b, struct span at)
{
	char closing = b->kind == '(' ? ')' : b->kind == '[' ? ']' : '}';
	const char *sign = b->kind == '$' ? "${" : arena_strndup(p->arena, &b->kind, 1);
	struct diag *d = parser_error(p, E0116, b->span, "`%s` is never closed", sign);
	struct span brace;

	p->quiet = true;
	if (b->kind == '{') {
		p->unclosed = true;
		if (swallowed(p, b, &brace)) {
			diag_relate(p->sink, d, brace, "this brace belongs to the text of `run`");
			diag_help(p->sink, d,
			          "put the closing brace on a line of its own, not deeper than "
			          "`run`");
			return;
		}
		if (span_known(b->suspect))
			diag_relate(p->sink, d, b->suspect, "`}` may be missing before this line");
	}
	if (span_known(at) && at.end > at.start)
		diag_relate(p->sink, d, at, "`%c` is missing before this", closing);
}

static bool unclosed(const struct mistake *m)
{
	const struct bracket *b;
	size_t n = m->p->open.n;

	/* The token itself may have opened one. */
	while (n > 0 && m->p->open.v[n - 1].span.start >= m->at->span.start)
		n--;
	if (n == 0 || !m->at->first)
		return false;
	b = &m->p->open.v[n - 1];
	if ((b->kind != '(' && b->kind != '[') || m->at->indent > b->indent)
		return false;
	report_unclosed(m->p, b, m->at->span);
	m->p->quiet = false;
	return true;
}

/* ---- the text of run ---- */

static bool after_run(const struct mistake *m)
{
	struct parser *p = m->p;
	const struct run_text *run;
	uint32_t start, end;

	if (p->runs.n == 0 || p->line != p->after_run || m->at->kind == 0)
		return false;
	run = p->runs.v[p->runs.n - 1];
	start = p->line;
	while (p->text[start] == ' ' || p->text[start] == '\t')
		start++;
	end = start + (uint32_t)strcspn(p->text + start, "\r\n");
	if (run->one_line || start - p->line >= run_indent(p, run))
		return false;
	report_run_ended(p, run, parser_span(p, start, end));
	return true;
}

/* ---- words ---- */

static bool is_setting(const char *key)
{
	for (size_t i = 0; i < nattrs; i++) {
		if (strcmp(attrs[i].key, key) == 0)
			return true;
	}
	return false;
}

static struct span behind(struct span span)
{
	return (struct span){span.file, span.end, span.end};
}

/* A word that begins a statement, and then what cannot follow it. */
static bool bad_beginning(const struct mistake *m)
{
	struct parser *p = m->p;
	const char *word, *ours;
	struct diag *d;

	if (!m->before->begins || !is_name(m->before) || m->at->kind == 0)
		return false;
	word = text_of(m, m->before);
	if (m->at->kind == ':' && m->before->kind != T_PARAM) {
		d = parser_error(p, E0120, m->at->span, "a setting takes `=`, not `:`");
		diag_help(p->sink, d, "write `%s %s ...`", word,
		          strcmp(word, "run") == 0 ? "|" : "=");
		diag_fix(p->sink, d, m->at->span, "%s", strcmp(word, "run") == 0 ? " |" : " =");
		return true;
	}
	if (m->before->kind != T_NAME && m->before->kind < T_AS)
		return false; /* a keyword: what it expects is known */
	if (!begins_value(m->at))
		return false;
	ours = is_setting(word) ? NULL : word_meant(word);
	if (ours != NULL && (is_name(m->at) || m->at->kind == T_STRING_OPEN)) {
		d = parser_error(p, E0119, m->before->span, "unknown keyword `%s`", word);
		diag_help(p->sink, d, "did you mean `%s`?", ours);
		diag_fix(p->sink, d, m->before->span, "%s", ours);
		return true;
	}
	d = parser_error(p, E0120, m->at->span, "expected `=` after `%s`, found %s", word,
	                 found_text(m));
	if (is_setting(word)) {
		diag_help(p->sink, d, "write `%s = ...`", word);
		diag_fix(p->sink, d, behind(m->before->span), " =");
	}
	return true;
}

/* A keyword, and then not what it declares. */
static bool bad_declaration(const struct mistake *m)
{
	struct parser *p = m->p;
	const char *word, *wanted;
	struct diag *d;

	if (m->before->begins && m->before->kind == T_THEN && m->at->kind != T_STRING_OPEN) {
		d = parser_error(p, E0100, m->at->span,
		                 "expected the path of a workflow after `then`, found %s",
		                 found_text(m));
		diag_help(
		        p->sink, d,
		        "statements follow as `if COND { ... }`; `then` chooses a value, or names "
		        "the workflow that follows this one");
		return true;
	}
	if (!m->before->begins || m->before->kind < T_SCITQ || m->before->kind > T_IMPORT)
		return false;
	word = text_of(m, m->before);
	wanted = m->before->kind == T_SCITQ ? "a number"
	         : m->before->kind == T_IMPORT || m->before->kind == T_WORKFLOW ||
	                         m->before->kind == T_TEST
	                 ? "a string"
	                 : "a name";
	/* The word is the mistake, not what is missing. */
	if (is_reserved(m->at) && !m->at->first && strcmp(wanted, "a name") == 0)
		return false;
	d = parser_error(p, E0100, m->at->span, "expected %s after `%s`, found %s", wanted, word,
	                 found_text(m));
	parser_help_form(p, d, word);
	return true;
}

static bool bad_word(const struct mistake *m)
{
	struct parser *p = m->p;
	struct diag *d;

	if (m->at->kind == T_ELSE && (m->at->begins || m->at->first)) {
		d = parser_error(p, E0139, m->at->span, "`else` without an `if` before it");
		diag_help(p->sink, d, "`else` follows the closing brace of `if ... { }`");
		return true;
	}
	if (is_reserved(m->at) && expects(m, "a name") &&
	    (m->at->begins || !expects(m, "a number"))) {
		const char *word = text_of(m, m->at);

		d = parser_error(p, E0118, m->at->span, "`%s` is a reserved word", word);
		diag_label(p->sink, d, "cannot be a name");
		diag_help(p->sink, d, "choose another name, as `%s_`", word);
		diag_fix(p->sink, d, m->at->span, "%s_", word);
		return true;
	}
	return false;
}

/* ---- signs ---- */

static bool wants_value(const struct token *t)
{
	switch (t->kind) {
	case '=':
	case '+':
	case '-':
	case '*':
	case '/':
	case '%':
	case '.':
	case T_PIPE:
	case T_DOTS:
	case T_AND:
	case T_OR:
	case T_NOT:
		return true;
	}
	return is_relation(t);
}

/* An operator at the end of a line, which was taken for going on with the next. */
static bool no_value(const struct mistake *m)
{
	struct parser *p = m->p;
	const struct token *sign = m->before, *next = m->at;
	struct diag *d;

	if (m->before->first && is_name(m->before)) {
		sign = m->earlier;
		next = m->before;
	}
	if (!next->first || !wants_value(sign) || next->indent > m->p->begun.indent)
		return false;
	d = parser_error(p, E0121, sign->span, "nothing follows `%s`", text_of(m, sign));
	if (next->kind != '}')
		diag_relate(p->sink, d, next->span, "the next statement begins here");
	return true;
}

static bool in_string(const struct mistake *m)
{
	struct parser *p = m->p;
	struct diag *d;

	if (m->at->kind != T_STRING_OPEN || !expects(m, "`}`"))
		return false;
	for (size_t n = p->open.n; n-- > 0;) {
		if (p->open.v[n].kind != '$')
			continue;
		d = parser_error(p, E0110, p->open.v[n].span, "`${` is not closed");
		diag_help(p->sink, d, "close it with `}`, or write \\$ for the sign itself");
		p->interp = p->open.v[n].span;
		return true;
	}
	return false;
}

static bool bad_sign(const struct mistake *m)
{
	struct parser *p = m->p;
	struct span at = m->at->span;
	struct diag *d;

	switch (m->at->kind) {
	case '=':
		if (!expects(m, "`==`"))
			return false;
		d = parser_error(p, E0100, at, "`=` does not compare");
		diag_help(p->sink, d, "write `==`");
		diag_fix(p->sink, d, at, "==");
		return true;
	case '{':
	case T_BRACE:
		if (!is_name(m->before) || !expects(m, "a new line"))
			return false;
		d = parser_error(p, E0128, at, "`%s` cannot be refined here",
		                 text_of(m, m->before));
		diag_help(p->sink, d, "`NAME { ... }` stands inside `recruiters = [ ... ]`");
		return true;
	case '-':
		if (!is_name(m->before) || m->before->span.end != at.start ||
		    !isalnum((unsigned char)p->text[at.end]))
			return false;
		d = parser_error(p, E0100, at, "a name has no `-` in it");
		diag_help(p->sink, d, "write `_`");
		diag_fix(p->sink, d, at, "_");
		return true;
	case '|':
		d = parser_error(p, E0137, at,
		                 "`|` stands only after `run` and between the words of a type");
		if (m->before->kind == T_NAME && strcmp(text_of(m, m->before), "run") == 0) {
			diag_help(p->sink, d, "begin a new line before `run`");
		} else {
			diag_help(p->sink, d, "an action takes `|>`");
			diag_fix(p->sink, d, at, "|>");
		}
		return true;
	default:
		break;
	}
	if (is_relation(m->at) && expects(m, "`and`") && !expects(m, "`==`")) {
		d = parser_error(p, E0129, at, "comparisons cannot be chained");
		diag_help(p->sink, d, "join two of them with `and`");
		return true;
	}
	if (expects(m, "a regex")) {
		d = parser_error(p, E0115, at, "expected a regex, found %s", found_text(m));
		diag_help(p->sink, d, "write it between slashes: matches /^S[0-9]+$/");
		return true;
	}
	return false;
}

/* ---- habits of other languages ---- */

static bool bad_habit(const struct mistake *m)
{
	struct parser *p = m->p;
	struct span at = m->at->span;
	struct diag *d;

	if (m->at->kind == T_NEWLINE && expects(m, "'{'") && !expects(m, "a new line")) {
		const char *next = p->text + at.end;

		next += strspn(next, " \t\r\n");
		if (*next != '{')
			return false;
		at = parser_span(p, (uint32_t)(next - p->text), (uint32_t)(next - p->text) + 1);
		d = parser_error(p, E0100, at, "`{` stands on a line of its own");
		diag_relate(p->sink, d, p->begun.span, "it belongs to the line of this");
		p->quiet = true;
		return true;
	}
	if (m->at->kind == T_THEN && expects(m, "'{'")) {
		d = parser_error(p, E0100, at, "expected `{`, found `then`");
		diag_help(p->sink, d,
		          "`then` chooses between values; statements follow as `if COND { ... }`");
		return true;
	}
	if (m->at->kind == '[' && m->before->span.end == at.start && !m->at->first) {
		d = parser_error(p, E0100, at, "expected %s, found `[`",
		                 expects(m, "a new line") ? "a new line" : "something else");
		diag_help(p->sink, d, "lists have no subscripts; `foreach` takes their elements");
		return true;
	}
	if (m->before->kind == T_NUMBER && m->at->kind == T_NAME && is_unit(text_of(m, m->at))) {
		d = parser_error(p, E0112, at, "a unit stands directly after its number");
		diag_help(p->sink, d, "write `%s%s`", text_of(m, m->before), text_of(m, m->at));
		return true;
	}
	return false;
}

/* ---- expected X, found Y ---- */

/* What hardly anybody means when an expression could also end. */
static bool is_operator(const char *name)
{
	static const char *const operators[] = {
	        "`or`",      "`and`",  "`|>`",    "`..`",    "`==`",     "`!=`", "`<=`",
	        "`>=`",      "`has`",  "`lacks`", "`like`",  "`unlike`", "'<'",  "'>'",
	        "'+'",       "'-'",    "'*'",     "'/'",     "'%'",      "'.'",  "'?'",
	        "`matches`", "`into`", "`min`",   "`where`",
	};

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (strcmp(operators[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_keyword(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < nwords; i++) {
		if (strlen(words[i].text) + 2 == n && strncmp(words[i].text, name + 1, n - 2) == 0)
			return words[i].kind <= WORD_CONTEXTUAL;
	}
	return false;
}

#define MENTIONED 4

struct choices {
	const char *v[MENTIONED];
	size_t n;
};

static void choose(struct choices *c, const char *text)
{
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(c->v[i], text) == 0)
			return;
	}
	if (c->n < MENTIONED)
		c->v[c->n++] = text;
}

static void expected_text(const struct mistake *m, struct str *out)
{
	bool value = expects(m, "a number"), statement = expects(m, "`run`");
	bool name = expects(m, "a name"), line = expects(m, "a new line");
	bool type = name && !value && expects(m, "'['");
	struct choices c = {.n = 0};

	if (statement)
		choose(&c, "a statement");
	else if (value)
		choose(&c, "a value");
	else if (name)
		choose(&c, type ? "a type" : "a name");
	if (line && !statement)
		choose(&c, "a new line");
	for (size_t i = 0; i < m->n; i++) {
		const char *e = m->expected[i];
		bool covered =
		        is_operator(e) || (name && is_keyword(e)) ||
		        ((value || statement) && strchr("\"'`a", e[0]) != NULL &&
		         strcmp(e, "')'") != 0 && strcmp(e, "']'") != 0) ||
		        (line && (strcmp(e, "','") == 0 || strcmp(e, "'}'") == 0 ||
		                  strcmp(e, "the end of the file") == 0)) ||
		        type ||
		        ((strcmp(e, "`{`") == 0 || strcmp(e, "`for`") == 0) && expects(m, "']'")) ||
		        (strcmp(e, "'('") == 0 && expects(m, "'.'"));

		if (covered && !(m->n == 1))
			continue;
		if (e[0] == '\'')
			e = arena_printf(m->p->arena, "`%c`", e[1]);
		choose(&c, e);
	}
	if (c.n == 0)
		choose(&c, "something else");
	for (size_t i = 0; i < c.n; i++) {
		str_adds(out, i == 0 ? "" : i + 1 == c.n ? " or " : ", ");
		str_adds(out, c.v[i]);
	}
}

static bool is_else_if(const char *word)
{
	const char *ours = word_meant(word);

	return ours != NULL && strcmp(ours, "else if") == 0;
}

static void plain_error(const struct mistake *m)
{
	struct parser *p = m->p;
	struct str expected = STR_INIT;
	struct diag *d;

	expected_text(m, &expected);
	d = parser_error(p, E0100, m->at->span, "expected %s, found %s", expected.p, found_text(m));
	if (m->before->kind == ',' && p->earlier.kind != T_NEWLINE &&
	    (m->at->kind == T_STRING_OPEN || m->at->kind == T_NUMBER))
		diag_help(p->sink, d, "several values stand in a list: `[A, B]`");
	else if (is_name(m->at) && expects(m, "`else`") && is_else_if(text_of(m, m->at)))
		diag_help(p->sink, d, "write `else if`");
	else if (expects(m, "a new line") && begins_value(m->at))
		diag_help(p->sink, d, "a new line or a comma separates two statements");
	else if (expects(m, "`,`") && begins_value(m->at))
		diag_help(p->sink, d, "a comma stands between two values");
	else if (!expects(m, "a number") && p->begun.kind >= T_SCITQ && p->begun.kind <= T_IMPORT)
		parser_help_form(p, d, text_of(m, &p->begun));
	str_release(&expected);
}

/* Tokens at which grammar.y goes on after an error by itself. */
static bool acceptable(int kind)
{
	return kind == 0 || kind == T_NEWLINE || kind == ',' || kind == '{' || kind == '}';
}

void report_syntax(struct parser *p, const char *found, const char *const *expected, size_t n)
{
	struct mistake m = {p, &p->last, &p->before, &p->earlier, found, expected, n};

	p->recover = !acceptable(p->last.kind);
	if (p->quiet || (p->ended && p->unclosed)) {
		p->quiet = false;
		return;
	}
	/* A header with a mistake in it is not a missing one. */
	if (p->begun.kind == T_SCITQ && p->ast->version == 0)
		p->ast->version = -1;
	if (unclosed(&m) || after_run(&m) || no_value(&m) || in_string(&m) || bad_beginning(&m) ||
	    bad_word(&m) || bad_declaration(&m) || bad_sign(&m) || bad_habit(&m))
		return;
	plain_error(&m);
}
