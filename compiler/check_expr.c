/*
 * Types of expressions, and the nodes that compute them. A subtree that depends on
 * no loop and names no output of a step is computed here and becomes a constant, so
 * that columns of a sheet and mistakes in values are known at once.
 */
#include "compiler/check.h"

#include "compiler/operate.h"

#include <string.h>

const char *type_text(struct checker *k, const struct vtype *t)
{
	return vtype_text(t, &k->c->arena);
}

struct node *node_new(struct checker *k, enum node_kind kind, struct span span,
                      const struct vtype *type)
{
	struct node *n = arena_new(&k->c->arena, struct node);

	n->kind = kind;
	n->span = span;
	n->type = type;
	return n;
}

struct node *node_bad(struct checker *k, struct span span)
{
	return node_new(k, NODE_BAD, span, vtype_of_kind(VTYPE_ANY));
}

struct node *node_const(struct checker *k, struct value v, struct span span,
                        const struct vtype *type)
{
	struct node *n = node_new(k, NODE_CONST, span, type);

	n->value = v;
	return n;
}

void node_depends(struct node *n, const struct node *on)
{
	if (on->depth > n->depth)
		n->depth = on->depth;
	n->has_data |= on->has_data;
	n->free |= on->free;
}

static bool is_written_bare(enum vtype_kind kind)
{
	switch (kind) {
	case VTYPE_INT:
	case VTYPE_FLOAT:
	case VTYPE_BOOL:
	case VTYPE_SIZE:
	case VTYPE_DURATION:
	case VTYPE_DEPTH:
	case VTYPE_ENUM:
		return true;
	default:
		return false;
	}
}

/* "8GB" where a size is wanted: it would fit as it is, without the quotes. */
static void help_quotes(struct checker *k, struct diag *d, const struct node *n,
                        const struct vtype *want)
{
	struct value v;
	const char *why;

	if (n->kind != NODE_CONST || n->value.kind != VALUE_STRING || !is_written_bare(want->kind))
		return;
	if (!value_read(k->c, n->value.text, want, &k->c->arena, &v, &why))
		return;
	help(k->c, d, "write it without quotes: `%s`", n->value.text);
	fix(k->c, d, n->span, "%s", n->value.text);
}

bool check_fits(struct checker *k, const struct node *n, const struct vtype *want)
{
	struct vtype required;
	struct diag *d;

	if (n->kind == NODE_BAD || want == NULL || vtype_fits(n->type, want))
		return true;
	/* A record stands for its key. */
	if (n->type->kind == VTYPE_RECORD && vtype_is_text(want))
		return true;
	/* That none would do, too, is no help where something stands. */
	required = *want;
	required.optional = false;
	d = report(k->c, E0301, n->span, "%s is wanted here", type_text(k, &required));
	label(k->c, d, "is %s", type_text(k, n->type));
	help_quotes(k, d, n, &required);
	if (n->kind == NODE_CONST)
		help_unit(k->c, d, &n->value, want->kind);
	else if (n->type->kind == VTYPE_INT || n->type->kind == VTYPE_FLOAT)
		help_unit(k->c, d, NULL, want->kind);
	return false;
}

/* Neither an output of a step nor a variable in it. */
static bool foldable(const struct node *n)
{
	switch (n->kind) {
	case NODE_BAD:
	case NODE_CONST:
	case NODE_VARIABLE:
	case NODE_LET:
	case NODE_ITEM_FIELD:
	case NODE_OUTPUT:
	case NODE_GATHER:
	case NODE_PREVIOUS:
	case NODE_ACTION:
		return false;
	default:
		return n->depth == 0 && n->free == 0 && !n->has_data;
	}
}

static bool inside_dead_branch(const struct checker *k)
{
	return k->level != NULL && k->level->dead;
}

static struct node *fold(struct checker *k, struct node *n)
{
	struct value v;

	if (!foldable(n) || inside_dead_branch(k))
		return n;
	/* A missing file is shown where it stands, not as the whole list. */
	if (k->data && n->kind == NODE_LIST)
		return n;
	v = eval(&k->c->env, n);
	if (v.kind == VALUE_BAD)
		return k->c->unasked ? n : node_bad(k, n->span);
	return node_const(k, v, n->span,
	                  n->type->kind == VTYPE_ENUM ? n->type : vtype_of_value(&k->c->arena, &v));
}

/* ---- composed values ---- */

static struct node *check_string(struct checker *k, const struct expr *e)
{
	struct node *n;
	const char *plain = expr_plain_string(e);
	bool data = k->data, bad = false;

	if (plain != NULL)
		return node_const(
		        k, value_text(VALUE_STRING, plain, strlen(plain), base_at(k->c, e->span)),
		        e->span, vtype_of_kind(VTYPE_STRING));
	n = node_new(k, NODE_TEXT, e->span, vtype_of_kind(VTYPE_STRING));
	n->list.items = arena_array(&k->c->arena, struct node *, e->string.n);
	n->list.n = e->string.n;
	k->data = false;
	for (size_t i = 0; i < e->string.n; i++) {
		const struct string_part *p = &e->string.parts[i];
		struct node *part;

		k->dollar = p->expr != NULL && !p->braces;
		part = p->expr != NULL ? check_expr(k, p->expr, NULL)
		                       : node_const(k, value_text(VALUE_STRING, p->text, p->len, 0),
		                                    p->span, vtype_of_kind(VTYPE_STRING));
		k->dollar = false;
		bad |= part->kind == NODE_BAD;
		n->list.items[i] = part;
		node_depends(n, part);
	}
	k->data = data;
	return bad ? node_bad(k, e->span) : n;
}

static struct node *check_list(struct checker *k, const struct expr *e, const struct vtype *want)
{
	struct node *n = node_new(k, NODE_LIST, e->span, NULL);
	const struct vtype *element = NULL, *joined;
	const struct vtype *wanted = want && want->kind == VTYPE_LIST ? want->element : NULL;
	bool bad = false;
	struct diag *d;

	n->list.items = arena_array(&k->c->arena, struct node *, e->list.n);
	n->list.n = e->list.n;
	for (size_t i = 0; i < e->list.n; i++) {
		struct node *item = check_expr(k, e->list.items[i], wanted);

		n->list.items[i] = item;
		node_depends(n, item);
		bad |= item->kind == NODE_BAD;
		if (bad)
			continue;
		joined = element ? vtype_join(&k->c->arena, element, item->type) : item->type;
		if (joined == NULL && !k->data) {
			d = report(k->c, E0321, item->span, "a list holds values of one type");
			label(k->c, d, "is %s", type_text(k, item->type));
			relate(k->c, d, n->list.items[0]->span, "is %s", type_text(k, element));
			bad = true;
		}
		element = joined ? joined : element;
	}
	n->type = vtype_list(&k->c->arena, element ? element : vtype_of_kind(VTYPE_ANY));
	return bad ? node_bad(k, e->span) : n;
}

/* { name = "a", r1 = "a_1.fq" }: a record of its own shape. */
static struct node *check_record(struct checker *k, const struct expr *e)
{
	struct node *n = node_new(k, NODE_RECORD, e->span, NULL);
	struct vtype *type = arena_new(&k->c->arena, struct vtype);
	struct shape *shape = arena_new(&k->c->arena, struct shape);
	const char **names = arena_array(&k->c->arena, const char *, e->record->n);
	bool bad = false, data = k->data;

	n->list.items = arena_array(&k->c->arena, struct node *, e->record->n);
	type->fields = arena_array(&k->c->arena, const struct vtype *, e->record->n);
	shape->names = names;
	k->data = false;
	for (size_t i = 0; i < e->record->n; i++) {
		const struct stmt *s = e->record->items[i];
		struct node *field;
		struct diag *d;

		if (s->kind != STMT_ATTR) {
			d = report(k->c, E0327, s->span, "a record holds `name = value`");
			label(k->c, d, "not a field");
			bad = true;
			continue;
		}
		if (shape_index(shape, s->attr.key.text) >= 0) {
			d = report(k->c, E0305, s->attr.key.span, "the record has `%s` twice",
			           s->attr.key.text);
			label(k->c, d, "again");
			bad = true;
			continue;
		}
		field = check_expr(k, s->attr.value, NULL);
		bad |= field->kind == NODE_BAD;
		node_depends(n, field);
		n->list.items[shape->n] = field;
		type->fields[shape->n] = field->type;
		names[shape->n++] = s->attr.key.text;
	}
	k->data = data;
	n->list.n = shape->n;
	n->list.shape = shape;
	type->kind = VTYPE_RECORD;
	type->shape = shape;
	n->type = type;
	return bad ? node_bad(k, e->span) : n;
}

const struct vtype *check_element_type(struct checker *k, const struct node *source)
{
	struct diag *d;

	if (source->kind == NODE_BAD || source->type->kind == VTYPE_ANY)
		return vtype_of_kind(VTYPE_ANY);
	if (source->type->kind == VTYPE_LIST)
		return source->type->element;
	d = report(k->c, E0301, source->span, "a list is wanted here");
	label(k->c, d, "is %s", type_text(k, source->type));
	return NULL;
}

unsigned check_bit(struct checker *k)
{
	/* Beyond 31 nested variables the last bit is shared: such a node is never folded. */
	unsigned bit = 1u << (k->nesting < 31 ? k->nesting : 31);

	k->nesting++;
	return bit;
}

void check_bit_end(struct checker *k, struct node *n, unsigned bit)
{
	k->nesting--;
	if (k->nesting < 31)
		n->free &= ~bit;
}

static struct node *check_comprehension(struct checker *k, const struct expr *e)
{
	struct node *n = node_new(k, NODE_EACH, e->span, NULL);
	struct symbol *var = binding_of(k->c, e)->symbol;
	const struct vtype *element;
	bool data = k->data;

	k->data = false;
	n->each.variable = var;
	n->each.source = check_expr(k, e->comprehension.source, NULL);
	element = check_element_type(k, n->each.source);
	var->type = element ? element : vtype_of_kind(VTYPE_ANY);
	var->bit = check_bit(k);
	if (e->comprehension.where != NULL)
		n->each.where = check_expr(k, e->comprehension.where, vtype_of_kind(VTYPE_BOOL));
	k->data = data;
	n->each.body = check_expr(k, e->comprehension.body, NULL);
	node_depends(n, n->each.body);
	if (n->each.where != NULL)
		node_depends(n, n->each.where);
	check_bit_end(k, n, var->bit);
	node_depends(n, n->each.source);
	if (n->each.source->kind == NODE_BAD || element == NULL || n->each.body->kind == NODE_BAD ||
	    (n->each.where != NULL && n->each.where->kind == NODE_BAD))
		return node_bad(k, e->span);
	n->type = vtype_list(&k->c->arena, n->each.body->type);
	return n;
}

static struct node *check_range(struct checker *k, const struct expr *e)
{
	const struct vtype *want = vtype_of_kind(VTYPE_INT);
	struct node *n = node_new(k, NODE_RANGE, e->span, vtype_list(&k->c->arena, want));

	n->range.first = check_expr(k, e->range.first, want);
	n->range.last = check_expr(k, e->range.last, want);
	if (n->range.first->kind == NODE_BAD || n->range.last->kind == NODE_BAD)
		return node_bad(k, e->span);
	node_depends(n, n->range.first);
	node_depends(n, n->range.last);
	return n;
}

static struct node *check_choice(struct checker *k, const struct expr *e, const struct vtype *want)
{
	struct node *n = node_new(k, NODE_IF, e->span, NULL);
	bool data = k->data;
	struct diag *d;

	k->data = false;
	n->choice.cond = check_expr(k, e->choice.cond, vtype_of_kind(VTYPE_BOOL));
	k->data = data;
	n->choice.yes = check_expr(k, e->choice.yes, want);
	n->choice.no = check_expr(k, e->choice.no, want);
	if (n->choice.cond->kind == NODE_BAD || n->choice.yes->kind == NODE_BAD ||
	    n->choice.no->kind == NODE_BAD)
		return node_bad(k, e->span);
	n->type = vtype_join(&k->c->arena, n->choice.yes->type, n->choice.no->type);
	if (n->type == NULL && !k->data) {
		d = report(k->c, E0321, n->choice.no->span, "both branches have one type");
		label(k->c, d, "is %s", type_text(k, n->choice.no->type));
		relate(k->c, d, n->choice.yes->span, "is %s", type_text(k, n->choice.yes->type));
		return node_bad(k, e->span);
	}
	if (n->type == NULL)
		n->type = vtype_of_kind(VTYPE_DATA);
	node_depends(n, n->choice.cond);
	node_depends(n, n->choice.yes);
	node_depends(n, n->choice.no);
	return n;
}

static struct node *check_unary(struct checker *k, const struct expr *e)
{
	const struct vtype *want = e->unary.op == OP_NOT ? vtype_of_kind(VTYPE_BOOL) : NULL;
	struct node *n = node_new(k, e->unary.op == OP_NOT ? NODE_NOT : NODE_NEGATE, e->span, want);
	struct diag *d;

	n->of = check_expr(k, e->unary.of, want);
	if (n->of->kind == NODE_BAD)
		return n->of;
	if (e->unary.op == OP_NEG && !vtype_is_number(n->of->type)) {
		d = report(k->c, E0302, e->span, "`-` does not take %s", type_text(k, n->of->type));
		label(k->c, d, "has no negative");
		return node_bad(k, e->span);
	}
	if (n->type == NULL)
		n->type = n->of->type->kind == VTYPE_CELL ? vtype_of_kind(VTYPE_ANY) : n->of->type;
	node_depends(n, n->of);
	return n;
}

static struct node *literal(struct checker *k, const struct expr *e)
{
	struct value v = value_none();

	switch (e->kind) {
	case EXPR_BOOL:
		v = value_bool(e->boolean);
		break;
	case EXPR_INT:
		v = value_int(e->integer);
		break;
	case EXPR_FLOAT:
	case EXPR_PERCENT:
		v = value_float(e->real);
		break;
	case EXPR_SIZE:
		v = value_number(VALUE_SIZE, e->bytes);
		break;
	case EXPR_DURATION:
		v = value_number(VALUE_DURATION, e->ms);
		break;
	case EXPR_DEPTH:
		v = value_number(VALUE_DEPTH, e->depth_value.reads);
		v.flags = e->depth_value.pairs ? VALUE_PAIRS : 0;
		break;
	default:
		break;
	}
	return node_const(k, v, e->span, vtype_of_value(&k->c->arena, &v));
}

static struct node *misplaced(struct checker *k, const struct expr *e)
{
	struct diag *d =
	        report(k->c, E0327, e->span, "a %s cannot stand here", expr_kind_text(e->kind));

	label(k->c, d, "not a value");
	return node_bad(k, e->span);
}

static struct node *check_kind(struct checker *k, const struct expr *e, const struct vtype *want)
{
	switch (e->kind) {
	case EXPR_NONE:
	case EXPR_BOOL:
	case EXPR_INT:
	case EXPR_FLOAT:
	case EXPR_PERCENT:
	case EXPR_SIZE:
	case EXPR_DURATION:
	case EXPR_DEPTH:
		return literal(k, e);
	case EXPR_STRING:
		return check_string(k, e);
	case EXPR_NAME:
		return check_name(k, e, want);
	case EXPR_FIELD:
		return check_field(k, e);
	case EXPR_LIST:
		return check_list(k, e, want);
	case EXPR_COMPREHENSION:
		return check_comprehension(k, e);
	case EXPR_CALL:
		return check_call(k, e);
	case EXPR_UNARY:
		return check_unary(k, e);
	case EXPR_BINARY:
		return e->binary.op == OP_MATCHES ? check_matches(k, e) : check_binary(k, e);
	case EXPR_RANGE:
		return check_range(k, e);
	case EXPR_IF:
		return check_choice(k, e, want);
	case EXPR_GATHER:
		return check_gather(k, e);
	case EXPR_PIPE:
		return check_pipe(k, e);
	case EXPR_RECORD:
		return check_record(k, e);
	case EXPR_REFINE:
	case EXPR_REGEX:
		return misplaced(k, e);
	case EXPR_BAD:
	case EXPR_KINDS:
		break;
	}
	return node_bad(k, e->span);
}

struct node *check_expr(struct checker *k, const struct expr *e, const struct vtype *want)
{
	struct node *n = fold(k, check_kind(k, e, want));

	if (n->kind != NODE_BAD && want != NULL && !check_fits(k, n, want))
		return node_bad(k, e->span);
	return n;
}

struct value check_constant(struct checker *k, const struct expr *e, const struct vtype *want)
{
	struct node *n = check_expr(k, e, want);
	struct diag *d;

	if (n->kind == NODE_BAD)
		return VALUE_BAD_INIT;
	if (n->kind != NODE_CONST && k->c->unasked)
		return VALUE_BAD_INIT;
	if (n->kind != NODE_CONST) {
		d = report(k->c, E0324, e->span, "this must be the same for every task");
		label(k->c, d, "depends on a loop");
		return VALUE_BAD_INIT;
	}
	return want ? value_convert(k->c, n->value, want, e->span, &k->c->arena) : n->value;
}
