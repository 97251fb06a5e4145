#include "dsl/pieces.h"

#include "dsl/lexer.h"

/* Whether a piece opens a bracket; its closing one. */
static int closing_kind(int kind)
{
	switch (kind) {
	case '(':
		return ')';
	case '[':
		return ']';
	case '{':
	case T_BRACE:
		return '}';
	default:
		return 0;
	}
}

/* The tokens from one that opens a string to the one that closes it: where that stands. */
static size_t string_end(const struct lexemes *all, size_t at)
{
	size_t depth = 0;

	for (size_t i = at; i < all->n; i++) {
		depth += all->v[i].kind == T_STRING_OPEN;
		depth -= all->v[i].kind == T_STRING_CLOSE;
		if (depth == 0)
			return i;
	}
	return all->n - 1;
}

static void add_piece(struct pieces *pieces, struct piece piece)
{
	piece.mate = pieces->list.n;
	vec_push(&pieces->list, piece);
}

static void join_lexemes(struct pieces *pieces, const struct lexemes *all, uint32_t file,
                         uint32_t len)
{
	struct piece end = {.span = {file, len, len}};
	bool separated = false;

	for (size_t i = 0; i < all->n; i++) {
		struct piece piece = {.kind = all->v[i].kind,
		                      .span = all->v[i].span,
		                      .run = all->v[i].run,
		                      .separated = separated};

		separated = piece.kind == T_NEWLINE;
		if (separated)
			continue;
		if (piece.kind == T_STRING_OPEN) {
			i = string_end(all, i);
			piece.span.end = all->v[i].span.end;
		}
		add_piece(pieces, piece);
	}
	end.separated = separated;
	add_piece(pieces, end);
}

/* Line ends and comments in [from, to), which holds nothing else but white space. */
static void read_gap(struct pieces *pieces, struct piece *piece, const char *text, uint32_t from,
                     uint32_t to, bool first)
{
	unsigned since = 0; /* line ends since the last piece or comment */

	piece->first_comment = pieces->comments.n;
	for (uint32_t i = from; i < to; i++) {
		struct comment comment = {
		        .span = {piece->span.file, i, i},
		        .own_line = first || piece->lines > 0,
		        .blank_before = since > 1,
		};

		if (text[i] == '\n') {
			piece->lines++;
			since++;
		}
		if (text[i] != '#')
			continue;
		while (i < to && text[i] != '\n')
			i++;
		comment.span.end = i--;
		while (text[comment.span.end - 1] == ' ' || text[comment.span.end - 1] == '\t' ||
		       text[comment.span.end - 1] == '\r')
			comment.span.end--;
		vec_push(&pieces->comments, comment);
		since = 0;
	}
	piece->ncomments = pieces->comments.n - piece->first_comment;
	piece->blank = since > 1;
}

static void read_gaps(struct pieces *pieces, const char *text)
{
	uint32_t from = 0;

	for (size_t i = 0; i < pieces->list.n; i++) {
		struct piece *piece = &pieces->list.v[i];

		read_gap(pieces, piece, text, from, piece->span.start, i == 0);
		from = piece->span.end;
	}
}

/* Partners, and which of them stand on different lines. */
static void match_brackets(struct pieces *pieces)
{
	VEC(size_t) open = {0};
	VEC(unsigned) line = {0}; /* of each piece */
	unsigned number = 0;

	for (size_t i = 0; i < pieces->list.n; i++) {
		struct piece *piece = &pieces->list.v[i], *mate;

		number += piece->lines;
		vec_push(&line, number);
		/* A text of run ends its line. */
		number += piece->kind == T_RUN;
		if (closing_kind(piece->kind) != 0)
			vec_push(&open, i);
		if (piece->kind != ')' && piece->kind != ']' && piece->kind != '}')
			continue;
		piece->mate = open.v[--open.n];
		mate = &pieces->list.v[piece->mate];
		mate->mate = i;
		mate->broken = piece->broken = line.v[piece->mate] != line.v[i];
	}
	vec_release(&open);
	vec_release(&line);
}

struct ast *pieces_read(struct pieces *pieces, struct arena *arena, struct sources *sources,
                        uint32_t file, struct diag_sink *sink)
{
	const struct source *source = &sources->files[file];
	struct lexemes all = {0};
	size_t errors = sink->errors;
	struct ast *ast = parse_recorded(arena, sources, file, sink, &all);

	*pieces = (struct pieces){0};
	if (sink->errors == errors) {
		join_lexemes(pieces, &all, file, (uint32_t)source->len);
		read_gaps(pieces, source->text);
		match_brackets(pieces);
	}
	vec_release(&all);
	return sink->errors == errors ? ast : NULL;
}

void pieces_release(struct pieces *pieces)
{
	vec_release(&pieces->list);
	vec_release(&pieces->comments);
}
