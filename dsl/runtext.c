/*
 * The text of `run`: which lines belong to it, the white space they have in common,
 * and where each line came from. scanner.l calls read_run; the run_source_*
 * functions of ast.h are here too.
 *
 * The text is never changed otherwise: a line is kept byte for byte after its
 * common indentation, except for the CR of a CR LF.
 */
#include "dsl/build.h"

#include "base/str.h"

#include <ctype.h>
#include <string.h>

/* A source line: white space [start, first), content [first, end), then next. */
struct line {
	uint32_t start, first, end, next;
};

static struct line line_at(const struct parser *p, uint32_t start)
{
	const char *lf = memchr(p->text + start, '\n', p->len - start);
	struct line l = {.start = start};

	l.end = lf != NULL ? (uint32_t)(lf - p->text) : p->len;
	l.next = lf != NULL ? l.end + 1 : p->len;
	if (l.end > start && lf != NULL && p->text[l.end - 1] == '\r')
		l.end--;
	l.first = start;
	while (l.first < l.end && (p->text[l.first] == ' ' || p->text[l.first] == '\t'))
		l.first++;
	return l;
}

static bool blank(const struct line *l)
{
	return l->first == l->end;
}

static uint32_t width(const struct parser *p, const struct line *l)
{
	uint32_t columns = 0;

	for (uint32_t i = l->start; i < l->first; i++)
		columns = p->text[i] == '\t' ? (columns / 8 + 1) * 8 : columns + 1;
	return columns;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Both begin with the same white space, as far as the shorter goes. */
static bool agree(const struct parser *p, const struct line *a, const struct line *b)
{
	uint32_t n = smaller(a->first - a->start, b->first - b->start);

	return memcmp(p->text + a->start, p->text + b->start, n) == 0;
}

static void report_mixed(struct parser *p, const struct line *l, const struct line *with)
{
	struct diag *d = parser_error(p, E0135, parser_span(p, l->start, l->first),
	                              "tabs and spaces are mixed in the indentation of `run`");

	diag_relate(p->sink, d, parser_span(p, with->start, with->first),
	            "this line begins differently");
	diag_help(p->sink, d, "indent the lines of one text alike");
}

/* Whether a line belongs to the text of the run on line `run`. */
static bool belongs(struct parser *p, const struct line *run, const struct line *l, bool *mixed)
{
	if (agree(p, run, l))
		return l->first - l->start > run->first - run->start;
	/* The comparison is a guess then; a lone brace is taken for the step's. */
	if (l->end - l->first == 1 && p->text[l->first] == '}')
		return false;
	if (width(p, l) <= width(p, run))
		return false;
	if (!*mixed)
		report_mixed(p, l, run);
	*mixed = true;
	return true;
}

void report_run_ended(struct parser *p, const struct run_text *run, struct span line)
{
	struct diag *d = parser_error(p, E0136, line, "the text of `run` ended before this line");

	diag_relate(p->sink, d, run->keyword, "its lines are indented deeper than this");
	diag_help(p->sink, d,
	          "indent this line if it belongs to the text; what all lines share is removed, "
	          "from those of a here-document, too");
}

/* Whether a line that is indented less than `run` can be meant as a statement. */
static bool like_statement(const struct parser *p, const struct line *l)
{
	uint32_t i = l->first;

	if (p->text[i] == '}' || p->text[i] == '#')
		return true;
	while (i < l->end && (isalnum((unsigned char)p->text[i]) || p->text[i] == '_'))
		i++;
	if (i == l->first)
		return false;
	if (parser_keyword(p, parser_span(p, l->first, i)))
		return true;
	while (i < l->end && (p->text[i] == ' ' || p->text[i] == '\t'))
		i++;
	return i < l->end && strchr("={,}", p->text[i]) != NULL;
}

/* Whether a here-document begins in [from, to) and does not end there. */
static bool in_document(const struct parser *p, uint32_t from, uint32_t to)
{
	const char *end = p->text + to, *word = p->text + from;

	while ((word = memmem(word, (size_t)(end - word), "<<", 2)) != NULL) {
		size_t n = 0;
		bool ended = false;

		word += 2;
		if (word < end && *word == '<') {
			word++;
			continue;
		}
		word += strspn(word, "- \t'\"\\");
		while (word + n < end && (isalnum((unsigned char)word[n]) || word[n] == '_'))
			n++;
		/* 1 << 2 shifts. */
		if (n == 0 || isdigit((unsigned char)*word))
			continue;
		for (uint32_t at = line_at(p, (uint32_t)(word - p->text)).next;
		     at < to && !ended;) {
			struct line l = line_at(p, at);

			ended = l.end - l.first == n && memcmp(p->text + l.first, word, n) == 0;
			at = l.next;
		}
		if (!ended)
			return true;
	}
	return false;
}

/*
 * The text ended at a line that is not deeper than `run`. Where that is a line of a
 * here-document in the first column, or one whose white space is of the other kind, say so and
 * skip to the end of the step.
 */
static void check_end(struct parser *p, const struct run_text *run, const struct line *head,
                      uint32_t *end)
{
	struct line l = *head;

	for (uint32_t at = *end; at < p->len; at = l.next) {
		l = line_at(p, at);
		if (!blank(&l))
			break;
	}
	if (blank(&l) || l.start == head->start)
		return;
	if (like_statement(p, &l) && (p->text[l.first] == '}' || !in_document(p, head->next, *end)))
		return;
	if (!agree(p, head, &l))
		report_mixed(p, &l, head);
	else if (l.first - l.start < head->first - head->start)
		report_run_ended(p, run, parser_span(p, l.first, l.end));
	else
		return;
	for (uint32_t at = *end; at < p->len; at = l.next) {
		l = line_at(p, at);
		if (!blank(&l) && p->text[l.first] == '}' && width(p, &l) < width(p, head))
			break;
		*end = l.next;
	}
}

/* The lines of a block after its head; *end: where the line after the last begins. */
static void read_block(struct parser *p, struct run_text *run, const struct line *head,
                       uint32_t *end)
{
	struct str text = STR_INIT;
	VEC(struct run_line) lines = {0};
	struct line shortest = {0}, last = {0};
	bool any = false, mixed = false;
	uint32_t common;

	for (uint32_t at = head->next; at < p->len; at = last.next) {
		struct line l = line_at(p, at);

		if (!blank(&l) && !belongs(p, head, &l, &mixed))
			break;
		last = l;
		if (blank(&l))
			continue;
		*end = l.next;
		if (any && !mixed && !agree(p, &shortest, &l)) {
			report_mixed(p, &l, &shortest);
			mixed = true;
		}
		if (!any || l.first - l.start < shortest.first - shortest.start)
			shortest = l;
		any = true;
	}
	if (!any)
		return;
	common = shortest.first - shortest.start;
	for (uint32_t at = head->next; at < *end;) {
		struct line l = line_at(p, at);
		uint32_t from = smaller(l.start + common, l.end);
		struct run_line entry = {(uint32_t)text.len, from};

		if (lines.n == 0)
			run->span.start = from;
		run->span.end = l.end;
		vec_push(&lines, entry);
		str_add(&text, p->text + from, l.end - from);
		str_addc(&text, '\n');
		at = l.next;
	}
	run->first_line = p->number + 1;
	run->text = arena_strndup(p->arena, text.p, text.len);
	run->len = text.len;
	run->nlines = lines.n;
	run->lines = arena_array(p->arena, struct run_line, lines.n);
	memcpy(run->lines, lines.v, lines.n * sizeof(*lines.v));
	str_release(&text);
	vec_release(&lines);
}

static void read_rest(struct parser *p, struct run_text *run, uint32_t from, uint32_t end)
{
	char *text;

	while (end > from && isspace((unsigned char)p->text[end - 1]))
		end--;
	run->len = end - from + 1;
	text = arena_strndup(p->arena, p->text + from, run->len);
	text[run->len - 1] = '\n';
	run->text = text;
	run->one_line = true;
	run->span = parser_span(p, from, end);
	run->lines = arena_new(p->arena, struct run_line);
	run->lines[0].source = from;
	run->nlines = 1;
	run->first_line = p->number;
}

/* What may stand in the words of an interpreter. */
static bool word_byte(char c)
{
	return isalnum((unsigned char)c) || strchr("_-+./:,@%=", c) != NULL;
}

/* The words in [from, to); false where they are no interpreter's. */
static bool read_words(struct parser *p, struct run_text *run, uint32_t from, uint32_t to)
{
	VEC(struct name) words = {0};
	bool good = true;

	while (good) {
		uint32_t start;

		while (from < to && (p->text[from] == ' ' || p->text[from] == '\t'))
			from++;
		if (from == to)
			break;
		start = from;
		while (from < to && p->text[from] != ' ' && p->text[from] != '\t')
			good = word_byte(p->text[from++]) && good;
		vec_push(&words, make_name(p, parser_span(p, start, from)));
	}
	if (words.n > 0) {
		run->words = arena_array(p->arena, struct name, words.n);
		memcpy(run->words, words.v, words.n * sizeof(*words.v));
		run->nwords = words.n;
	}
	vec_release(&words);
	return good;
}

/* The first line after the head that is not blank; false at the end of the file. */
static bool next_line(const struct parser *p, const struct line *head, struct line *l)
{
	for (uint32_t at = head->next; at < p->len; at = l->next) {
		*l = line_at(p, at);
		if (!blank(l))
			return true;
	}
	return false;
}

static bool deeper_follows(struct parser *p, const struct line *head)
{
	struct line l;
	bool silent = true;

	return next_line(p, head, &l) && belongs(p, head, &l, &silent);
}

static void report_no_bar(struct parser *p, const struct run_text *run, uint32_t from,
                          const struct line *head, bool words)
{
	struct diag *d = parser_error(p, E0133, run->keyword, "`run` without `|` before its text");
	const char *rest = parser_text(p, parser_span(p, from, head->end));

	if (words && deeper_follows(p, head))
		diag_help(p->sink, d, "write `run %s%s|`", rest, *rest != '\0' ? " " : "");
	else
		diag_help(p->sink, d, "write `run | %s`", rest);
}

/* run: | as in YAML, or run = | */
static void report_sign_after_run(struct parser *p, uint32_t at)
{
	struct diag *d = parser_error(p, E0133, parser_span(p, at, at + 1), "`run` takes no `%c`",
	                              p->text[at]);

	diag_help(p->sink, d, "write `run |`");
}

static void report_no_text(struct parser *p, const struct run_text *run, const struct line *head)
{
	struct diag *d =
	        parser_error(p, E0134, span_join(run->keyword, run->bar), "`run` has no text");
	struct line l;

	if (next_line(p, head, &l) && p->text[l.first] != '}')
		diag_relate(p->sink, d, parser_span(p, l.first, l.end),
		            "this line is not indented deeper than `run`");
	diag_help(p->sink, d, "indent the lines of the text deeper than `run`");
}

static void report_more_lines(struct parser *p, const struct run_text *run, const struct line *head)
{
	struct diag *d = parser_error(p, E0138, run->bar,
	                              "`run |` has text after the bar and on the next line");
	struct line l;

	if (next_line(p, head, &l))
		diag_relate(p->sink, d, parser_span(p, l.first, l.end), "the text goes on here");
	diag_help(p->sink, d, "for several lines, put nothing after the bar");
}

static uint32_t skip_blanks(const struct parser *p, uint32_t from, uint32_t end)
{
	while (from < end && (p->text[from] == ' ' || p->text[from] == '\t'))
		from++;
	return from;
}

struct run_text *read_run(struct parser *p, uint32_t keyword, uint32_t *end)
{
	struct line head = line_at(p, p->line);
	uint32_t from = skip_blanks(p, keyword + 3, head.end), bar = from;
	bool nothing = from == head.end || p->text[from] == '#', words;
	struct run_text *run;

	if (!nothing && (p->text[from] == ':' || p->text[from] == '=')) {
		uint32_t next = skip_blanks(p, from + 1, head.end);

		if (next < head.end && p->text[next] == '|' && p->text[next + 1] != '>') {
			report_sign_after_run(p, from);
			from = bar = next;
		}
	}
	if (!nothing && strchr("={:,}.)?", p->text[from]) != NULL)
		return NULL;
	if (nothing && !deeper_follows(p, &head))
		return NULL;
	run = arena_new(p->arena, struct run_text);
	run->keyword = parser_span(p, keyword, keyword + 3);
	run->bar = run->keyword;
	run->text = "";
	run->span = parser_span(p, head.end, head.end);
	*end = head.next;
	while (bar < head.end && p->text[bar] != '|')
		bar++;
	words = !nothing && read_words(p, run, from, bar);
	if (nothing || !words || bar == head.end ||
	    (bar + 1 < head.end && p->text[bar + 1] == '|')) {
		report_no_bar(p, run, nothing ? head.end : from, &head, nothing || bar == head.end);
		run->nwords = 0;
		bar = head.end;
		if (deeper_follows(p, &head))
			read_block(p, run, &head, end);
		else
			read_rest(p, run, from, head.end);
		return run;
	}
	run->bar = parser_span(p, bar, bar + 1);
	from = skip_blanks(p, bar + 1, head.end);
	if (from < head.end && p->text[from] != '#') {
		read_rest(p, run, from, head.end);
		if (deeper_follows(p, &head)) {
			struct run_text swallowed = *run;

			report_more_lines(p, run, &head);
			read_block(p, &swallowed, &head, end);
		}
		return run;
	}
	read_block(p, run, &head, end);
	if (run->nlines == 0)
		report_no_text(p, run, &head);
	else
		check_end(p, run, &head, end);
	return run;
}

uint32_t run_indent(const struct parser *p, const struct run_text *run)
{
	uint32_t start = run->keyword.start, n = 0;

	/* `on success` may stand before the keyword. */
	while (start > 0 && p->text[start - 1] != '\n')
		start--;
	while (p->text[start + n] == ' ' || p->text[start + n] == '\t')
		n++;
	return n;
}

bool run_behind_on(const struct parser *p, uint32_t keyword)
{
	uint32_t at = skip_blanks(p, p->line, keyword), word;

	if (keyword - at < 2 || memcmp(p->text + at, "on", 2) != 0)
		return false;
	word = skip_blanks(p, at + 2, keyword);
	if (word == at + 2 || word == keyword)
		return false;
	while (word < keyword && (isalnum((unsigned char)p->text[word]) || p->text[word] == '_'))
		word++;
	at = skip_blanks(p, word, keyword);
	return at == keyword && at > word;
}

uint32_t run_source_offset(const struct run_text *run, size_t offset)
{
	size_t low = 0, high = run->nlines;

	if (offset >= run->len)
		return run->span.end;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (run->lines[mid].text <= offset)
			low = mid;
		else
			high = mid;
	}
	return run->lines[low].source + (uint32_t)(offset - run->lines[low].text);
}

struct span run_source_span(const struct run_text *run, size_t offset, size_t len)
{
	uint32_t start = run_source_offset(run, offset);
	uint32_t end = len > 0 ? run_source_offset(run, offset + len - 1) + 1 : start;

	return (struct span){run->span.file, start, end};
}

uint32_t run_source_line(const struct run_text *run, uint32_t line)
{
	return run->first_line + line - 1;
}
