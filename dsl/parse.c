/*
 * One parse from end to end, and the helpers that every part of it shares.
 */
#include "dsl/lexer.h"

#include "dsl/keywords.h"
#include "dsl/scanner.h"

#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct span parser_span(const struct parser *p, uint32_t start, uint32_t end)
{
	return (struct span){p->file, start, end};
}

struct diag *parser_error(struct parser *p, enum code code, struct span span, const char *fmt, ...)
{
	char *message;
	va_list ap;

	va_start(ap, fmt);
	message = arena_vprintf(p->arena, fmt, ap);
	va_end(ap);
	return diag_add(p->sink, code_of(code), span, "%s", message);
}

void parser_help_form(struct parser *p, struct diag *d, const char *keyword)
{
	const char *form = word_find(keyword, WORD_CONTEXTUAL)->form;
	struct str next = STR_INIT;
	const char *other;

	str_addf(&next, "}, %s ", keyword);
	other = strstr(form, next.p);
	diag_help(p->sink, d, "write `%.*s`", other != NULL ? (int)(other + 1 - form) : -1, form);
	str_release(&next);
}

const char *parser_text(struct parser *p, struct span span)
{
	return arena_strndup(p->arena, p->text + span.start, span.end - span.start);
}

void parser_too_deep(struct parser *p, struct span span)
{
	p->quiet = p->unclosed = true;
	if (p->deep)
		return;
	p->deep = true;
	parser_error(p, E0140, span, "this nests too deeply");
}

bool parser_keyword(const struct parser *p, struct span word)
{
	char text[16];
	size_t len = word.end - word.start;

	if (len >= sizeof(text))
		return false;
	memcpy(text, p->text + word.start, len);
	text[len] = '\0';
	return keyword_token(text) != T_NAME || strcmp(text, "run") == 0;
}

/* The length of the UTF-8 sequence at s, 0 where it is none. RFC 3629. */
static uint32_t utf8_length(const unsigned char *s, uint32_t left)
{
	uint32_t n = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;

	if (n == 0 || s[0] > 0xF4 || n > left)
		return 0;
	for (uint32_t i = 1; i < n; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	}
	if (n == 3 && ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F)))
		return 0;
	if (n == 4 && ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)))
		return 0;
	return n;
}

/* NUL, CR, UTF-8: what no token should be asked about. Each is reported once. */
static void check_bytes(struct parser *p)
{
	const unsigned char *s = (const unsigned char *)p->text;
	bool nul = false, cr = false, utf8 = false;
	uint32_t n;

	for (uint32_t i = 0; i < p->len; i += n) {
		struct diag *d;

		n = utf8_length(s + i, p->len - i);
		if (n == 0 && !utf8) {
			utf8 = true;
			d = parser_error(p, E0101, parser_span(p, i, i + 1),
			                 "the text is not UTF-8");
			diag_label(p->sink, d, "byte 0x%02x", s[i]);
			diag_help(p->sink, d, "save the file as UTF-8");
		} else if (s[i] == 0 && !nul) {
			nul = true;
			parser_error(p, E0102, parser_span(p, i, i + 1), "a NUL byte in the text");
		} else if (s[i] == '\r' && s[i + 1] != '\n' && !cr) {
			cr = true;
			d = parser_error(p, E0103, parser_span(p, i, i + 1),
			                 "a carriage return that no line feed follows");
			diag_help(p->sink, d, "end the lines with LF, or with CR LF");
		}
		n = n > 0 ? n : 1;
	}
}

static void check_version(struct parser *p)
{
	const struct block *body = &p->ast->body;
	struct diag *d;

	if (p->ast->version == 0) {
		if (p->sink->errors > p->errors && body->n == 0)
			return; /* whatever is wrong, the header may be there */
		d = parser_error(p, E0122, parser_span(p, 0, 0),
		                 "the version of the language is missing");
		diag_help(p->sink, d, "begin the file with `scitq 1`");
		diag_fix(p->sink, d, parser_span(p, 0, 0), "scitq 1\n");
	} else if (body->n > 0 && body->items[0]->span.start < p->ast->version_span.start) {
		d = parser_error(p, E0124, p->ast->version_span,
		                 "the version stands after other statements");
		diag_relate(p->sink, d, body->items[0]->head, "before it");
		diag_help(p->sink, d, "move it to the beginning of the file");
	}
}

struct ast *dsl_parse(struct arena *arena, struct sources *sources, uint32_t file,
                      struct diag_sink *sink)
{
	return parse_recorded(arena, sources, file, sink, NULL);
}

struct ast *parse_recorded(struct arena *arena, struct sources *sources, uint32_t file,
                           struct diag_sink *sink, struct lexemes *record)
{
	const struct source *source = &sources->files[file];
	struct parser p = {
	        .arena = arena,
	        .sink = sink,
	        .ast = arena_new(arena, struct ast),
	        .text = source->text,
	        .file = file,
	        .len = (uint32_t)source->len,
	        .number = 1,
	        .first = true,
	        .interp = NO_SPAN,
	        .errors = sink->errors,
	        .record = record,
	};
	uint32_t bom = p.len >= 3 && memcmp(p.text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

	p.ast->file = file;
	p.ast->body.span = parser_span(&p, 0, p.len);
	check_bytes(&p);
	p.pos = p.line = bom;
	if (dsl_raw_lex_init_extra(&p, &p.scanner) != 0)
		abort();
	dsl_raw__scan_bytes(p.text + bom, (int)(p.len - bom), p.scanner);
	/* It fails where it cannot recover; what was wrong is in the sink then. */
	if (dsl_yyparse(&p) != 0)
		assert(sink->errors > p.errors);
	dsl_raw_lex_destroy(p.scanner);
	check_version(&p);
	check_shape(&p);
	vec_release(&p.open);
	vec_release(&p.runs);
	return p.ast;
}
