#include "dsl/build.h"

#include <string.h>

struct list list_add(struct parser *p, struct list l, void *item)
{
	struct cell *c;

	if (item == NULL)
		return l;
	c = arena_new(p->arena, struct cell);
	c->item = item;
	if (l.tail != NULL)
		l.tail->next = c;
	else
		l.head = c;
	l.tail = c;
	l.n++;
	return l;
}

void *list_array(struct parser *p, const struct list *l)
{
	void **v = arena_array(p->arena, void *, l->n);
	size_t i = 0;

	for (const struct cell *c = l->head; c != NULL; c = c->next)
		v[i++] = c->item;
	return v;
}

struct name make_name(struct parser *p, struct span span)
{
	return (struct name){parser_text(p, span), span};
}

struct name *keep_name(struct parser *p, struct name name)
{
	struct name *kept = arena_new(p->arena, struct name);

	*kept = name;
	return kept;
}

struct name *name_array(struct parser *p, const struct list *l)
{
	struct name *v = arena_array(p->arena, struct name, l->n);
	size_t i = 0;

	for (const struct cell *c = l->head; c != NULL; c = c->next)
		v[i++] = *(struct name *)c->item;
	return v;
}

static struct arg *arg_array(struct parser *p, const struct list *l)
{
	struct arg *v = arena_array(p->arena, struct arg, l->n);
	size_t i = 0;

	for (const struct cell *c = l->head; c != NULL; c = c->next)
		v[i++] = *(struct arg *)c->item;
	return v;
}

/* ---- depth ---- */

unsigned expr_depth(const struct expr *e)
{
	return e != NULL ? e->depth : 0;
}

unsigned block_depth(const struct block *b)
{
	unsigned depth = 0;

	for (size_t i = 0; b != NULL && i < b->n; i++)
		depth = b->items[i]->depth > depth ? b->items[i]->depth : depth;
	return depth;
}

static unsigned args_depth(const struct arg *args, size_t n)
{
	unsigned depth = 0;

	for (size_t i = 0; i < n; i++)
		depth = args[i].value->depth > depth ? args[i].value->depth : depth;
	return depth;
}

unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* The node stands above others so deep. */
static struct expr *above(struct parser *p, struct expr *e, unsigned depth)
{
	if (depth >= AST_DEPTH) {
		parser_too_deep(p, e->span);
		return make_expr(p, EXPR_BAD, e->span);
	}
	e->depth = (uint16_t)(depth + 1);
	return e;
}

/* ---- expressions ---- */

struct expr *make_expr(struct parser *p, enum expr_kind kind, struct span span)
{
	struct expr *e = arena_new(p->arena, struct expr);

	e->kind = kind;
	e->span = span;
	e->depth = 1;
	return e;
}

struct expr *make_name_expr(struct parser *p, struct name name)
{
	struct expr *e = make_expr(p, EXPR_NAME, name.span);

	e->name = name;
	return e;
}

struct expr *make_field(struct parser *p, struct expr *of, struct name name, struct span span)
{
	struct expr *e = make_expr(p, EXPR_FIELD, span);

	e->field.of = of;
	e->field.name = name;
	return above(p, e, of->depth);
}

/* Neighbouring texts become one part: the scanner cuts at every escape. */
struct expr *make_string(struct parser *p, struct list parts, struct span span)
{
	struct expr *e = make_expr(p, EXPR_STRING, span);
	struct string_part *v = arena_array(p->arena, struct string_part, parts.n);
	unsigned depth = 0;
	size_t n = 0;

	for (const struct cell *c = parts.head; c != NULL;) {
		const struct string_part *part = c->item;
		const struct cell *end = c;
		size_t len = 0;
		char *text;

		if (part->expr != NULL) {
			v[n++] = *part;
			depth = larger(depth, part->expr->depth);
			c = c->next;
			continue;
		}
		while (end != NULL && ((struct string_part *)end->item)->expr == NULL) {
			len += ((struct string_part *)end->item)->len;
			end = end->next;
		}
		v[n].span = part->span;
		v[n].text = text = arena_alloc(p->arena, len + 1);
		v[n].len = len;
		for (; c != end; c = c->next) {
			part = c->item;
			memcpy(text, part->text, part->len);
			text += part->len;
			v[n].span.end = part->span.end;
		}
		*text = '\0';
		n++;
	}
	e->string.parts = v;
	e->string.n = n;
	return above(p, e, depth);
}

struct string_part *make_text_part(struct parser *p, struct chunk chunk, struct span span)
{
	struct string_part *part = arena_new(p->arena, struct string_part);

	part->span = span;
	part->text = chunk.text;
	part->len = chunk.len;
	return part;
}

struct string_part *make_expr_part(struct parser *p, struct expr *e, bool braces, struct span span)
{
	struct string_part *part = arena_new(p->arena, struct string_part);

	part->span = span;
	part->expr = e;
	part->braces = braces;
	return part;
}

struct expr *make_list(struct parser *p, struct list items, struct span span)
{
	struct expr *e = make_expr(p, EXPR_LIST, span);
	unsigned depth = 0;

	e->list.items = list_array(p, &items);
	e->list.n = items.n;
	for (size_t i = 0; i < items.n; i++)
		depth = larger(depth, e->list.items[i]->depth);
	return above(p, e, depth);
}

struct expr *make_comprehension(struct parser *p, struct expr *body, struct name var,
                                struct expr *source, struct expr *where, struct span span)
{
	struct expr *e = make_expr(p, EXPR_COMPREHENSION, span);

	e->comprehension.body = body;
	e->comprehension.var = var;
	e->comprehension.source = source;
	e->comprehension.where = where;
	return above(p, e, larger(larger(body->depth, source->depth), expr_depth(where)));
}

struct expr *make_record(struct parser *p, struct block *body, struct span span)
{
	struct expr *e = make_expr(p, EXPR_RECORD, span);

	e->record = body;
	return above(p, e, block_depth(body));
}

struct expr *make_refine(struct parser *p, struct expr *of, struct block *body, struct span span)
{
	struct expr *e = make_expr(p, EXPR_REFINE, span);
	struct diag *d;

	if (of->kind == EXPR_RECORD) {
		d = parser_error(p, E0100, body->span, "expected `,` or `]`, found a block");
		diag_help(p->sink, d, "a comma stands between two values");
		e->kind = EXPR_BAD;
		return e;
	}
	if (of->kind != EXPR_NAME && of->kind != EXPR_FIELD) {
		d = parser_error(p, E0128, of->span,
		                 "only a recruiter can be refined with `{ ... }`");
		diag_help(p->sink, d, "write its name before the brace");
		e->kind = EXPR_BAD;
		return e;
	}
	e->refine.of = of;
	e->refine.body = body;
	return above(p, e, larger(of->depth, block_depth(body)));
}

struct arg *make_arg(struct parser *p, struct name name, struct expr *value, struct span span)
{
	struct arg *a = arena_new(p->arena, struct arg);

	a->name = name;
	a->value = value;
	a->span = span;
	return a;
}

/* Positional ones first, no name twice. */
static void check_args(struct parser *p, const struct arg *args, size_t n)
{
	const struct arg *named = NULL;

	for (size_t i = 0; i < n; i++) {
		struct diag *d;

		if (args[i].name.text == NULL) {
			if (named == NULL)
				continue;
			d = parser_error(p, E0132, args[i].span,
			                 "a value without a name after a named one");
			diag_relate(p->sink, d, named->span, "named");
			diag_help(p->sink, d, "put it first, or name it");
			return;
		}
		for (size_t k = 0; k < i; k++) {
			if (args[k].name.text == NULL ||
			    strcmp(args[k].name.text, args[i].name.text) != 0)
				continue;
			d = parser_error(p, E0132, args[i].name.span, "`%s` is given twice",
			                 args[i].name.text);
			diag_relate(p->sink, d, args[k].name.span, "first here");
			return;
		}
		named = &args[i];
	}
}

struct expr *make_call(struct parser *p, struct name name, struct list args, struct span span)
{
	struct expr *e = make_expr(p, EXPR_CALL, span);

	e->call.name = name;
	e->call.args = arg_array(p, &args);
	e->call.n = args.n;
	check_args(p, e->call.args, args.n);
	return above(p, e, args_depth(e->call.args, args.n));
}

struct expr *make_pipe(struct parser *p, struct expr *of, struct name action, struct list args,
                       struct span span)
{
	struct expr *e = make_expr(p, EXPR_PIPE, span);

	e->pipe.of = of;
	e->pipe.action = action;
	e->pipe.args = arg_array(p, &args);
	e->pipe.n = args.n;
	check_args(p, e->pipe.args, args.n);
	return above(p, e, larger(of->depth, args_depth(e->pipe.args, args.n)));
}

struct expr *make_unary(struct parser *p, enum op op, struct expr *of, struct span span)
{
	struct expr *e = make_expr(p, EXPR_UNARY, span);

	e->unary.op = op;
	e->unary.of = of;
	return above(p, e, of->depth);
}

struct expr *make_binary(struct parser *p, enum op op, struct span op_span, struct expr *left,
                         struct expr *right, struct span span)
{
	struct expr *e = make_expr(p, EXPR_BINARY, span);

	e->binary.op = op;
	e->binary.op_span = op_span;
	e->binary.left = left;
	e->binary.right = right;
	return above(p, e, larger(left->depth, right->depth));
}

struct expr *make_range(struct parser *p, struct expr *first, struct expr *last, struct span span)
{
	struct expr *e = make_expr(p, EXPR_RANGE, span);

	e->range.first = first;
	e->range.last = last;
	return above(p, e, larger(first->depth, last->depth));
}

struct expr *make_choice(struct parser *p, struct expr *cond, struct expr *yes, struct expr *no,
                         struct span span)
{
	struct expr *e = make_expr(p, EXPR_IF, span);

	/* if a then b else c |> untar: is b unpacked? Nobody can see. */
	if (no->kind == EXPR_PIPE && !no->parens) {
		struct diag *d = parser_error(p, E0130, no->span,
		                              "`|>` after `else` can be read in two ways");

		diag_help(p->sink, d,
		          "put parentheses around the whole `if ... else ...`, or around this");
	}
	e->choice.cond = cond;
	e->choice.yes = yes;
	e->choice.no = no;
	return above(p, e, larger(larger(cond->depth, yes->depth), no->depth));
}

struct expr *make_gather(struct parser *p, struct expr *of, struct expr *into, struct expr *min,
                         struct span keyword, struct span span)
{
	struct expr *e = make_expr(p, EXPR_GATHER, span);

	e->gather.of = of;
	e->gather.into = into;
	e->gather.min = min;
	e->gather.keyword = keyword;
	return above(p, e, larger(larger(of->depth, expr_depth(into)), expr_depth(min)));
}

/* ---- types ---- */

struct type *make_type(struct parser *p, enum type_kind kind, struct span span)
{
	struct type *t = arena_new(p->arena, struct type);

	t->kind = kind;
	t->span = span;
	return t;
}

struct type *make_enum(struct parser *p, struct list words, struct span span)
{
	struct type *t = make_type(p, TYPE_ENUM, span);

	t->words = name_array(p, &words);
	t->n = words.n;
	return t;
}

struct field *make_field_type(struct parser *p, struct name name, struct type *type)
{
	struct field *f = arena_new(p->arena, struct field);

	f->name = name;
	f->type = type;
	return f;
}

struct type *make_record_type(struct parser *p, struct list fields, struct span span)
{
	struct type *t = make_type(p, TYPE_RECORD, span);

	t->words = arena_array(p->arena, struct name, fields.n);
	t->types = arena_array(p->arena, struct type *, fields.n);
	for (const struct cell *c = fields.head; c != NULL; c = c->next) {
		const struct field *f = c->item;

		t->words[t->n] = f->name;
		t->types[t->n++] = f->type;
	}
	return t;
}
