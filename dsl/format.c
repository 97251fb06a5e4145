#include "dsl/format.h"

#include "dsl/grammar.h"
#include "dsl/parse.h"
#include "dsl/pieces.h"

#include <string.h>

#define COLUMNS 4

/* What the lines are that stand under each other in columns. */
enum row_kind { ROW_NONE, ROW_SETTING, ROW_LET, ROW_PARAM };

struct row {
	unsigned indent;
	bool blank;    /* an empty line stands before it */
	bool verbatim; /* lines of run: text is all of them, indented */
	bool comment_only;
	const char *text; /* without indentation; NULL: a comment alone */
	size_t len;
	enum row_kind kind;
	/* Where its columns begin in the text; 0 (but for the first): it has no such column. */
	size_t columns[COLUMNS];
	const char *comment; /* at its end, or alone; may be NULL */
};

struct bracket_line {
	int kind;
	unsigned indent; /* of the line that it opens on */
	bool last;       /* of that line: what is inside begins on the next */
};

struct layout {
	struct arena *arena;
	const char *text;
	const struct pieces *pieces;
	VEC(struct row) rows;
	VEC(struct bracket_line) open;
	struct row row; /* being made */
	struct str line;
	bool busy;             /* row has begun */
	bool lead;             /* in the head of a foreach, whose commas separate no statements */
	unsigned statement;    /* indentation of the line that the statement begins on */
	size_t cells[COLUMNS]; /* pieces that begin columns of the row; 0: none */
};

static const struct piece *piece_at(const struct layout *l, size_t i)
{
	return &l->pieces->list.v[i];
}

static bool opens(int kind)
{
	return kind == '(' || kind == '[' || kind == '{' || kind == T_BRACE;
}

static bool closes(int kind)
{
	return kind == ')' || kind == ']' || kind == '}';
}

static bool is_name(int kind)
{
	return kind == T_NAME || (kind >= T_SCITQ && kind <= T_HELP);
}

static bool is_comma(int kind)
{
	return kind == ',' || kind == T_COMMA;
}

static bool is_block_else(const struct layout *l, size_t i)
{
	return piece_at(l, i)->kind == T_ELSE && piece_at(l, i - 1)->kind == '}';
}

/* Directly inside a block or the file, where statements stand. */
static bool among_statements(const struct layout *l)
{
	int top = l->open.n > 0 ? l->open.v[l->open.n - 1].kind : '{';

	return top == '{' || top == T_BRACE;
}

/* The piece is the first of a statement, or of an element of a list. */
static bool begins(const struct layout *l, size_t i)
{
	const struct piece *before;

	if (i == 0 || piece_at(l, i)->separated)
		return true;
	before = piece_at(l, i - 1);
	if (before->kind == ',')
		return !l->lead;
	return before->kind == T_COMMA || opens(before->kind) || before->kind == T_RUN;
}

/* ---- spaces ---- */

static bool is_operand(int kind)
{
	switch (kind) {
	case T_NUMBER:
	case T_REGEX:
	case T_STRING_OPEN:
	case T_TRUE:
	case T_FALSE:
	case T_NONE:
	case ')':
	case ']':
	case '}':
		return true;
	default:
		return is_name(kind) && kind != T_IN && kind != T_WHERE && kind != T_FOR &&
		       kind != T_INTO && kind != T_MIN;
	}
}

static bool is_sign(const struct layout *l, size_t i)
{
	return piece_at(l, i)->kind == '-' &&
	       (begins(l, i) || !is_operand(piece_at(l, i - 1)->kind));
}

/* Whether a space stands between the piece and the one before it on its line. */
static bool spaced(const struct layout *l, size_t i)
{
	int before = piece_at(l, i - 1)->kind, kind = piece_at(l, i)->kind;

	if (before == '(' || before == '[' || before == '.' || before == T_DOTS ||
	    is_sign(l, i - 1))
		return false;
	switch (kind) {
	case ')':
	case ']':
	case ',':
	case T_COMMA:
	case ':':
	case '?':
	case '.':
	case T_DOTS:
		return false;
	case '(':
		return before != T_NAME;
	default:
		return true;
	}
}

/* ---- columns ---- */

/* Behind the type of a param, which begins at i. */
static size_t behind_type(const struct layout *l, size_t i)
{
	i = opens(piece_at(l, i)->kind) ? piece_at(l, i)->mate + 1 : i + 1;
	return piece_at(l, i)->kind == '?' ? i + 1 : i;
}

static bool ends_statement(const struct layout *l, size_t i)
{
	int kind = piece_at(l, i)->kind;

	return piece_at(l, i)->separated || kind == 0 || kind == ',' || kind == '}';
}

static void find_param_cells(struct layout *l, size_t i)
{
	size_t at = behind_type(l, i + 3);

	l->cells[1] = i + 3;
	if (ends_statement(l, at))
		return;
	if (piece_at(l, at)->kind != T_HELP)
		l->cells[2] = at;
	for (; !ends_statement(l, at); at++) {
		if (opens(piece_at(l, at)->kind))
			at = piece_at(l, at)->mate;
		else if (piece_at(l, at)->kind == T_HELP &&
		         piece_at(l, at + 1)->kind == T_STRING_OPEN && ends_statement(l, at + 2))
			l->cells[3] = at;
	}
}

/* Which columns a row has that begins with this piece. */
static void find_cells(struct layout *l, size_t i)
{
	int kind = piece_at(l, i)->kind, next, third;

	memset(l->cells, 0, sizeof(l->cells));
	if (!among_statements(l) || !begins(l, i) || !is_name(kind))
		return;
	next = piece_at(l, i + 1)->kind;
	if (next == '=' || (next == '{' && !piece_at(l, i + 1)->broken)) {
		l->row.kind = ROW_SETTING;
		l->cells[1] = i + 1;
		return;
	}
	if (!is_name(next))
		return;
	third = piece_at(l, i + 2)->kind;
	if (kind == T_LET && third == '=') {
		l->row.kind = ROW_LET;
		l->cells[1] = i + 2;
	} else if (kind == T_PARAM && third == ':') {
		l->row.kind = ROW_PARAM;
		find_param_cells(l, i);
	}
}

/* ---- rows ---- */

static const char *copied(struct layout *l, struct span span)
{
	return arena_strndup(l->arena, l->text + span.start, span.end - span.start);
}

static void end_row(struct layout *l)
{
	if (!l->busy)
		return;
	l->busy = false;
	/* A line of nothing but an idle comma. */
	if (l->line.len == 0 && l->row.comment == NULL)
		return;
	l->row.text = arena_strndup(l->arena, l->line.p, l->line.len);
	l->row.len = l->line.len;
	vec_push(&l->rows, l->row);
	str_reset(&l->line);
}

/* The indentation of a line that begins with this piece, or with a comment before it. */
static unsigned indent_of(const struct layout *l, size_t i, bool comment)
{
	const struct bracket_line *top = l->open.n > 0 ? &l->open.v[l->open.n - 1] : NULL;
	unsigned inner = top != NULL ? top->indent + 1 : 0;

	/* A list that began on the line of its bracket goes on below it. */
	if (!among_statements(l) && !top->last && !closes(piece_at(l, i)->kind))
		return inner;
	if (closes(piece_at(l, i)->kind))
		return comment ? inner : inner - 1;
	if (is_comma(piece_at(l, i)->kind) || is_block_else(l, i))
		return inner;
	return begins(l, i) || piece_at(l, i)->kind == 0 ? inner : inner + 1;
}

static void begin_row(struct layout *l, size_t i)
{
	const struct piece *p = piece_at(l, i);

	l->row = (struct row){
	        .indent = indent_of(l, i, false),
	        .blank = p->blank && i > 0 && !closes(p->kind) &&
	                 (p->ncomments > 0 || !opens(piece_at(l, i - 1)->kind)),
	};
	l->busy = true;
	if (among_statements(l) && begins(l, i))
		l->statement = l->row.indent;
	find_cells(l, i);
}

static void add_comments(struct layout *l, size_t i)
{
	const struct piece *p = piece_at(l, i);

	for (size_t k = 0; k < p->ncomments; k++) {
		const struct comment *c = &l->pieces->comments.v[p->first_comment + k];
		bool head = k == 0 && (i == 0 || opens(piece_at(l, i - 1)->kind));

		if (!c->own_line && l->busy) {
			l->row.comment = copied(l, c->span);
			end_row(l);
			continue;
		}
		end_row(l);
		l->row = (struct row){
		        .indent = indent_of(l, i, true),
		        .blank = c->blank_before && !head,
		        .comment_only = true,
		        .comment = copied(l, c->span),
		};
		vec_push(&l->rows, l->row);
	}
}

static void add_indent(struct str *out, unsigned indent)
{
	for (unsigned i = 0; i < indent; i++)
		str_adds(out, "  ");
}

/* A comment behind the bar of run, or NULL. */
static const char *bar_comment(struct layout *l, const struct run_text *run)
{
	uint32_t from = run->bar.end, to;

	while (l->text[from] == ' ' || l->text[from] == '\t')
		from++;
	if (l->text[from] != '#' || run->one_line)
		return NULL;
	to = from;
	while (l->text[to] != '\n' && l->text[to] != '\0')
		to++;
	while (strchr(" \t\r", l->text[to - 1]) != NULL)
		to--;
	return copied(l, (struct span){run->bar.file, from, to});
}

static void add_run(struct layout *l, const struct run_text *run)
{
	struct str text = STR_INIT;

	str_adds(&l->line, "run");
	for (size_t i = 0; i < run->nwords; i++)
		str_addf(&l->line, " %s", run->words[i].text);
	str_adds(&l->line, " |");
	l->row.comment = bar_comment(l, run);
	if (run->one_line) {
		str_addc(&l->line, ' ');
		str_add(&l->line, run->text, run->len - 1);
		end_row(l);
		return;
	}
	end_row(l);
	for (const char *at = run->text; *at != '\0';) {
		size_t n = strcspn(at, "\n");

		if (n > 0)
			add_indent(&text, l->row.indent + 1);
		str_add(&text, at, n + 1);
		at += n + 1;
	}
	l->row = (struct row){
	        .verbatim = true,
	        .text = arena_strndup(l->arena, text.p, text.len),
	        .len = text.len,
	};
	vec_push(&l->rows, l->row);
	str_release(&text);
}

/* A comma that says nothing: before the end of the line or the closing bracket. */
static bool is_idle(const struct layout *l, size_t i)
{
	const struct piece *p = piece_at(l, i), *next;

	if (!is_comma(p->kind))
		return false;
	next = piece_at(l, i + 1);
	if (p->kind == T_COMMA)
		return closes(next->kind) && next->lines == 0;
	return !l->lead && (next->lines > 0 || next->kind == '}' || next->kind == 0);
}

/* on success run |: there alone `run` stands within a line. */
static bool is_behind_on(const struct layout *l, size_t i)
{
	return i >= 2 && piece_at(l, i)->lines == 0 && piece_at(l, i - 1)->lines == 0 &&
	       piece_at(l, i - 2)->kind == T_ON;
}

/* Whether the piece begins a line. */
static bool breaks(const struct layout *l, size_t i)
{
	const struct piece *p = piece_at(l, i), *before;

	if (i == 0)
		return true;
	before = piece_at(l, i - 1);
	if (p->ncomments > 0 || before->kind == T_RUN || (p->kind == T_RUN && !is_behind_on(l, i)))
		return true;
	/* { } stays one, and so does } else {; a comma goes to what is before it. */
	if ((p->kind == '}' && p->mate == i - 1) || is_block_else(l, i) ||
	    (is_comma(p->kind) && !p->separated))
		return false;
	if ((before->kind == '{' || before->kind == T_BRACE) && before->broken)
		return true;
	return p->lines > 0 || (p->kind == '}' && p->broken);
}

static void add_piece(struct layout *l, size_t i)
{
	const struct piece *p = piece_at(l, i);

	if (breaks(l, i))
		end_row(l);
	if (!l->busy)
		begin_row(l, i);
	else if (spaced(l, i))
		str_addc(&l->line, ' ');
	if (among_statements(l) && begins(l, i))
		l->lead = p->kind == T_FOREACH && is_name(piece_at(l, i + 1)->kind);
	for (size_t k = 1; k < COLUMNS; k++) {
		if (l->cells[k] == i)
			l->row.columns[k] = l->line.len;
	}
	if (opens(p->kind)) {
		/* A block belongs to its statement, whose head may take several lines. */
		bool block = p->kind == '{' && l->line.len > 0;
		struct bracket_line b = {p->kind, block ? l->statement : l->row.indent,
		                         breaks(l, i + 1)};

		vec_push(&l->open, b);
		l->lead = l->lead && p->kind != '{';
	} else if (closes(p->kind)) {
		l->open.n--;
	}
	if (p->kind == T_RUN)
		add_run(l, p->run);
	else if (!is_idle(l, i))
		str_add(&l->line, l->text + p->span.start, p->span.end - p->span.start);
}

/* ---- printing ---- */

/* Columns that a text takes: its characters. */
static size_t width(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xC0) != 0x80;
	return n;
}

static bool same_table(const struct row *a, const struct row *b)
{
	return !b->blank && b->kind == a->kind && b->indent == a->indent;
}

/* The place of the row's column k, and where its text ends. */
static size_t cell_end(const struct row *r, size_t k)
{
	for (k++; k < COLUMNS; k++) {
		if (r->columns[k] > 0)
			return r->columns[k] - 1;
	}
	return r->len;
}

/* Whether a column of the row follows the k-th. */
static bool goes_on(const struct row *r, size_t k)
{
	return cell_end(r, k) < r->len;
}

/* Where each column of the rows [from, to) begins: behind the widest cell before it. */
static void place_columns(const struct row *rows, size_t from, size_t to, size_t *starts)
{
	starts[0] = 0;
	for (size_t k = 1; k < COLUMNS; k++) {
		starts[k] = 0;
		for (size_t i = from; i < to; i++) {
			const struct row *r = &rows[i];
			size_t last = k, end;

			if (r->comment_only)
				continue;
			/* The last cell that it has before column k. */
			while (last-- > 1 && r->columns[last] == 0)
				;
			if (!goes_on(r, last))
				continue;
			end = starts[last] + width(r->text + r->columns[last],
			                           cell_end(r, last) - r->columns[last]);
			if (end + 1 > starts[k])
				starts[k] = end + 1;
		}
	}
}

static void pad(struct str *out, size_t from, size_t to)
{
	for (; from < to; from++)
		str_addc(out, ' ');
}

/* The row with its columns placed. */
static void fill_row(struct layout *l, struct row *r, const size_t *starts)
{
	struct str out = STR_INIT;

	for (size_t k = 0; k < COLUMNS; k++) {
		size_t begin = r->columns[k];

		if (k > 0 && begin == 0)
			continue;
		pad(&out, width(out.p, out.len), starts[k]);
		str_add(&out, r->text + begin, cell_end(r, k) - begin);
	}
	r->text = arena_strndup(l->arena, out.p, out.len);
	r->len = out.len;
	str_release(&out);
}

/* Neighbours of one kind and indentation; comments between them do not part them. */
static void align_columns(struct layout *l)
{
	for (size_t i = 0; i < l->rows.n;) {
		struct row *first = &l->rows.v[i];
		size_t starts[COLUMNS], end = i + 1;

		if (first->kind == ROW_NONE) {
			i++;
			continue;
		}
		while (end < l->rows.n && (same_table(first, &l->rows.v[end]) ||
		                           (l->rows.v[end].comment_only && !l->rows.v[end].blank &&
		                            l->rows.v[end].indent == first->indent)))
			end++;
		place_columns(l->rows.v, i, end, starts);
		for (; i < end; i++) {
			if (!l->rows.v[i].comment_only)
				fill_row(l, &l->rows.v[i], starts);
		}
	}
}

static size_t row_width(const struct row *r)
{
	return 2 * r->indent + width(r->text, r->len);
}

/* The comments at the ends of neighbouring lines stand under each other. */
static size_t comment_column(const struct layout *l, size_t i)
{
	size_t from = i, widest = 0;

	while (from > 0 && l->rows.v[from - 1].comment != NULL &&
	       !l->rows.v[from - 1].comment_only && !l->rows.v[from].blank)
		from--;
	for (; from < l->rows.n && l->rows.v[from].comment != NULL && !l->rows.v[from].comment_only;
	     from++) {
		if (from > i && l->rows.v[from].blank)
			break;
		if (row_width(&l->rows.v[from]) > widest)
			widest = row_width(&l->rows.v[from]);
	}
	return widest + 2;
}

static void print_rows(const struct layout *l, struct str *out)
{
	size_t column = 0;

	for (size_t i = 0; i < l->rows.n; i++) {
		const struct row *r = &l->rows.v[i];

		if (r->blank)
			str_addc(out, '\n');
		if (r->verbatim) {
			str_add(out, r->text, r->len);
			continue;
		}
		add_indent(out, r->indent);
		if (r->comment_only) {
			str_adds(out, r->comment);
		} else {
			str_add(out, r->text, r->len);
			if (r->comment != NULL) {
				bool again = i > 0 && !r->blank && l->rows.v[i - 1].comment &&
				             !l->rows.v[i - 1].comment_only;

				column = again ? column : comment_column(l, i);
				pad(out, row_width(r), column);
				str_adds(out, r->comment);
			}
		}
		str_addc(out, '\n');
	}
}

static void lay_out(struct arena *arena, const struct pieces *pieces, const char *text,
                    struct str *out)
{
	struct layout l = {.arena = arena, .text = text, .pieces = pieces, .line = STR_INIT};

	for (size_t i = 0; i < pieces->list.n; i++) {
		add_comments(&l, i);
		if (piece_at(&l, i)->kind != 0)
			add_piece(&l, i);
	}
	end_row(&l);
	align_columns(&l);
	print_rows(&l, out);
	str_release(&l.line);
	vec_release(&l.rows);
	vec_release(&l.open);
}

/* The new text is the same program. */
static bool is_same(struct arena *arena, const struct ast *ast, const struct str *text)
{
	struct sources sources;
	struct diag_sink sink;
	struct str before = STR_INIT, after = STR_INIT;
	bool same;

	sources_init(&sources, arena);
	diag_sink_init(&sink, arena);
	ast_dump(ast, &before);
	ast_dump(dsl_parse(arena, &sources, sources_add(&sources, "layout", text->p, text->len),
	                   &sink),
	         &after);
	same = sink.errors == 0 && before.len == after.len &&
	       memcmp(before.p, after.p, before.len) == 0;
	str_release(&before);
	str_release(&after);
	diag_sink_release(&sink);
	sources_release(&sources);
	return same;
}

enum format_result dsl_format(struct arena *arena, struct sources *sources, uint32_t file,
                              struct diag_sink *sink, struct str *out)
{
	struct pieces pieces;
	const struct ast *ast = pieces_read(&pieces, arena, sources, file, sink);
	struct str text = STR_INIT;
	enum format_result result = FORMAT_ERRORS;

	if (ast != NULL) {
		lay_out(arena, &pieces, sources->files[file].text, &text);
		result = is_same(arena, ast, &text) ? FORMAT_OK : FORMAT_UNSURE;
	}
	if (result == FORMAT_OK)
		str_add(out, text.p, text.len);
	str_release(&text);
	pieces_release(&pieces);
	return result;
}
