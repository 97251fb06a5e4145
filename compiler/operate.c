#include "compiler/operate.h"

#include "compiler/compilation.h"
#include "compiler/eval.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

static bool is_sum(enum op op)
{
	return op == OP_ADD || op == OP_SUB;
}

static bool is_order(enum op op)
{
	return op == OP_LT || op == OP_LE || op == OP_GT || op == OP_GE;
}

static bool is_measure(enum vtype_kind kind)
{
	return kind == VTYPE_SIZE || kind == VTYPE_DURATION || kind == VTYPE_DEPTH;
}

static const struct vtype *measure_type(enum op op, const struct vtype *left,
                                        const struct vtype *right)
{
	bool depth_sum = left->kind == VTYPE_DEPTH && right->kind == VTYPE_INT;

	if (is_sum(op) && (left->kind == right->kind || depth_sum))
		return vtype_of_kind(left->kind);
	if (op == OP_MUL && is_measure(left->kind) && vtype_is_number(right))
		return vtype_of_kind(left->kind);
	if (op == OP_MUL && is_measure(right->kind) && vtype_is_number(left))
		return vtype_of_kind(right->kind);
	if (op == OP_DIV && is_measure(left->kind) && vtype_is_number(right))
		return vtype_of_kind(left->kind);
	if (op == OP_DIV && left->kind == right->kind)
		return vtype_of_kind(VTYPE_FLOAT);
	return NULL;
}

static const struct vtype *arithmetic_type(struct arena *arena, enum op op,
                                           const struct vtype *left, const struct vtype *right)
{
	/* The other side says what a cell is read as. */
	if (left->kind == VTYPE_CELL && is_measure(right->kind) && op != OP_MUL)
		left = vtype_of_kind(right->kind);
	if (right->kind == VTYPE_CELL && is_measure(left->kind) && is_sum(op))
		right = vtype_of_kind(left->kind);
	if (op == OP_ADD && left->kind == VTYPE_LIST && right->kind == VTYPE_LIST)
		return vtype_join(arena, left, right);
	if (is_measure(left->kind) || is_measure(right->kind))
		return measure_type(op, left, right);
	if (op == OP_ADD && vtype_is_text(left) && vtype_is_text(right) &&
	    (left->kind != VTYPE_CELL || right->kind != VTYPE_CELL))
		return vtype_of_kind(VTYPE_STRING);
	if (!vtype_is_number(left) || !vtype_is_number(right))
		return NULL;
	if (left->kind == VTYPE_FLOAT || right->kind == VTYPE_FLOAT)
		return op == OP_MOD ? NULL : vtype_of_kind(VTYPE_FLOAT);
	/* Two cells: an int or a float, nobody knows before. */
	if (left->kind == VTYPE_CELL && right->kind == VTYPE_CELL)
		return vtype_of_kind(VTYPE_ANY);
	if (left->kind == VTYPE_CELL || right->kind == VTYPE_CELL)
		return op == OP_MOD ? vtype_of_kind(VTYPE_INT) : vtype_of_kind(VTYPE_ANY);
	return vtype_of_kind(VTYPE_INT);
}

static bool comparable(enum op op, const struct vtype *left, const struct vtype *right)
{
	if (left->kind == VTYPE_NONE || right->kind == VTYPE_NONE)
		return !is_order(op);
	if (left->kind == VTYPE_ENUM && right->kind == VTYPE_ENUM && left->words != right->words)
		return false;
	if (vtype_is_text(left) && vtype_is_text(right))
		return true;
	if (vtype_is_number(left) && vtype_is_number(right))
		return true;
	if (left->kind == VTYPE_CELL || right->kind == VTYPE_CELL) {
		const struct vtype *other = left->kind == VTYPE_CELL ? right : left;

		return is_measure(other->kind) || (other->kind == VTYPE_BOOL && !is_order(op));
	}
	if ((left->kind == VTYPE_DEPTH && right->kind == VTYPE_INT) ||
	    (left->kind == VTYPE_INT && right->kind == VTYPE_DEPTH))
		return true;
	if (is_order(op))
		return left->kind == right->kind && is_measure(left->kind);
	/* A record is its key. */
	if ((left->kind == VTYPE_RECORD && vtype_is_text(right)) ||
	    (right->kind == VTYPE_RECORD && vtype_is_text(left)))
		return true;
	return left->kind == right->kind && left->kind != VTYPE_DATA;
}

const struct vtype *operate_type(struct arena *arena, enum op op, const struct vtype *left,
                                 const struct vtype *right)
{
	const struct vtype *result = vtype_of_kind(VTYPE_BOOL);

	if (left->kind == VTYPE_ANY || right->kind == VTYPE_ANY)
		return op >= OP_ADD ? vtype_of_kind(VTYPE_ANY) : result;
	switch (op) {
	case OP_AND:
	case OP_OR:
		return vtype_fits(left, result) && vtype_fits(right, result) ? result : NULL;
	case OP_EQ:
	case OP_NE:
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
		return comparable(op, left, right) ? result : NULL;
	case OP_HAS:
	case OP_LACKS:
		if (left->kind == VTYPE_LIST)
			return comparable(OP_EQ, left->element, right) ||
			                       left->element->kind == VTYPE_ANY
			               ? result
			               : NULL;
		return vtype_is_text(left) && vtype_is_text(right) ? result : NULL;
	case OP_LIKE:
	case OP_UNLIKE:
		return vtype_is_text(left) && vtype_is_text(right) ? result : NULL;
	default:
		return arithmetic_type(arena, op, left, right);
	}
}

/* ---- values ---- */

static struct value overflow(struct compilation *c, struct span span)
{
	struct diag *d = report(c, E0313, span, "the result is too large");

	label(c, d, "beyond 64 bits");
	return VALUE_BAD_INIT;
}

static struct value misfit(struct compilation *c, enum op op, const struct value *left,
                           const struct value *right, struct span span)
{
	struct diag *d = report(c, E0302, span, "`%s` does not take %s and %s", op_text(op),
	                        value_kind_text((enum value_kind)left->kind),
	                        value_kind_text((enum value_kind)right->kind));

	label(c, d, "these do not go together");
	return VALUE_BAD_INIT;
}

static struct value by_zero(struct compilation *c, struct span span)
{
	struct diag *d = report(c, E0313, span, "division by zero");

	label(c, d, "the right side is 0");
	return VALUE_BAD_INIT;
}

static struct value integers(struct compilation *c, enum op op, int64_t a, int64_t b,
                             enum value_kind kind, struct span span)
{
	int64_t r = 0;
	bool over = false;

	switch (op) {
	case OP_ADD:
		over = __builtin_add_overflow(a, b, &r);
		break;
	case OP_SUB:
		over = __builtin_sub_overflow(a, b, &r);
		break;
	case OP_MUL:
		over = __builtin_mul_overflow(a, b, &r);
		break;
	default:
		if (b == 0)
			return by_zero(c, span);
		/* The one quotient that does not fit. */
		over = a == INT64_MIN && b == -1;
		if (!over)
			r = op == OP_DIV ? a / b : a % b;
		break;
	}
	if (over)
		return overflow(c, span);
	if (r < 0 && kind != VALUE_INT) {
		struct diag *d =
		        report(c, E0313, span, "%s cannot be negative", value_kind_text(kind));

		label(c, d, "is below 0");
		return VALUE_BAD_INIT;
	}
	return value_number(kind, r);
}

static struct value reals(struct compilation *c, enum op op, double a, double b, struct span span)
{
	double r;

	if (op == OP_DIV && b == 0)
		return by_zero(c, span);
	r = op == OP_ADD ? a + b : op == OP_SUB ? a - b : op == OP_MUL ? a * b : a / b;
	return isfinite(r) ? value_float(r) : overflow(c, span);
}

/* A measure by a fraction: rounded to the nearest whole one. */
static struct value scale(struct compilation *c, enum op op, const struct value *m, double by,
                          struct span span)
{
	struct value v;
	double r;

	if (op == OP_DIV && by == 0)
		return by_zero(c, span);
	r = op == OP_MUL ? (double)m->integer * by : (double)m->integer / by;
	if (!(fabs(r) < 9.2e18))
		return overflow(c, span);
	v = integers(c, OP_ADD, llround(r), 0, (enum value_kind)m->kind, span);
	v.flags = m->flags;
	return v;
}

static bool measure(const struct value *v)
{
	return v->kind == VALUE_SIZE || v->kind == VALUE_DURATION || v->kind == VALUE_DEPTH;
}

static struct value join_lists(const struct list *a, const struct list *b, struct arena *arena)
{
	struct value *items = arena_array(arena, struct value, a->n + b->n);

	for (size_t i = 0; i < a->n; i++)
		items[i] = list_at(a, i);
	for (size_t i = 0; i < b->n; i++)
		items[a->n + i] = list_at(b, i);
	return value_list(arena, items, a->n + b->n);
}

static struct value join_texts(const struct value *a, const struct value *b, struct arena *arena)
{
	size_t len = (size_t)a->len + b->len;
	char *text = arena_alloc(arena, len + 1);

	memcpy(text, a->text, a->len);
	memcpy(text + a->len, b->text, b->len + 1u);
	return value_text(VALUE_STRING, text, len, 0);
}

static struct value measures(struct compilation *c, enum op op, struct value a, struct value b,
                             struct span span)
{
	struct value v;

	if (op == OP_MUL && measure(&b)) {
		struct value swap = a;

		a = b;
		b = swap;
	}
	if ((op == OP_MUL || op == OP_DIV) && b.kind == VALUE_FLOAT && measure(&a))
		return scale(c, op, &a, b.real, span);
	if (op == OP_DIV && a.kind == b.kind)
		return b.integer == 0 ? by_zero(c, span)
		                      : value_float((double)a.integer / (double)b.integer);
	if (!measure(&a) || op == OP_MOD ||
	    (is_sum(op) ? b.kind != a.kind && !(a.kind == VALUE_DEPTH && b.kind == VALUE_INT)
	                : b.kind != VALUE_INT))
		return misfit(c, op, &a, &b, span);
	v = integers(c, op, a.integer, b.integer, (enum value_kind)a.kind, span);
	v.flags = a.flags & VALUE_PAIRS;
	return v;
}

static struct value arithmetic(struct compilation *c, enum op op, struct value a, struct value b,
                               struct span span, struct arena *arena)
{
	if (a.kind == VALUE_LIST && b.kind == VALUE_LIST && op == OP_ADD)
		return join_lists(a.list, b.list, arena);
	if (measure(&a) || measure(&b))
		return measures(c, op, a, b, span);
	if (op == OP_ADD && value_is_text(&a) && value_is_text(&b))
		return join_texts(&a, &b, arena);
	if (!value_is_number(&a) || !value_is_number(&b))
		return misfit(c, op, &a, &b, span);
	if (a.kind == VALUE_INT && b.kind == VALUE_INT)
		return integers(c, op, a.integer, b.integer, VALUE_INT, span);
	if (op == OP_MOD)
		return misfit(c, op, &a, &b, span);
	return reals(c, op, value_real(&a), value_real(&b), span);
}

static struct value compare(struct compilation *c, enum op op, struct value a, struct value b,
                            struct span span)
{
	int order;

	if (value_is_text(&a) && value_is_text(&b))
		order = strcmp(a.text, b.text);
	else if (a.kind == VALUE_FLOAT || b.kind == VALUE_FLOAT)
		order = value_real(&a) < value_real(&b) ? -1 : value_real(&a) > value_real(&b);
	else if ((measure(&a) || a.kind == VALUE_INT) && (measure(&b) || b.kind == VALUE_INT))
		order = a.integer < b.integer ? -1 : a.integer > b.integer;
	else
		return misfit(c, op, &a, &b, span);
	return value_bool(op == OP_LT   ? order < 0
	                  : op == OP_LE ? order <= 0
	                  : op == OP_GT ? order > 0
	                                : order >= 0);
}

static bool contains(const struct value *in, const struct value *what, struct arena *arena)
{
	if (in->kind != VALUE_LIST)
		return strstr(value_to_text(in, arena), value_to_text(what, arena)) != NULL;
	for (size_t i = 0; i < in->list->n; i++) {
		struct value item = list_at(in->list, i);

		if (value_equal(&item, what))
			return true;
	}
	return false;
}

/* A cell beside something else is read as that; two cells as numbers in arithmetic. */
static struct value read_cell(struct compilation *c, enum op op, struct value v,
                              const struct value *beside, struct span span, struct arena *arena)
{
	bool number = value_is_number(beside) || (op >= OP_ADD && beside->kind == VALUE_STRING &&
	                                          (beside->flags & VALUE_CELL));
	struct value read;
	const char *why;

	if (v.kind != VALUE_STRING || !(v.flags & VALUE_CELL))
		return v;
	/* A measure is scaled by a plain number. */
	if ((op == OP_MUL || op == OP_DIV) && measure(beside))
		number = true;
	if (number) {
		if (value_read(c, v.text, vtype_of_kind(VTYPE_INT), arena, &read, &why))
			return read;
		return value_convert(c, v, vtype_of_kind(VTYPE_FLOAT), span, arena);
	}
	switch ((enum value_kind)beside->kind) {
	case VALUE_BOOL:
		return value_convert(c, v, vtype_of_kind(VTYPE_BOOL), span, arena);
	case VALUE_SIZE:
		return value_convert(c, v, vtype_of_kind(VTYPE_SIZE), span, arena);
	case VALUE_DURATION:
		return value_convert(c, v, vtype_of_kind(VTYPE_DURATION), span, arena);
	case VALUE_DEPTH:
		return value_convert(c, v, vtype_of_kind(VTYPE_DEPTH), span, arena);
	default:
		return v;
	}
}

struct value operate(struct compilation *c, enum op op, struct value left, struct value right,
                     struct span span, struct arena *arena)
{
	struct value a, b;

	switch (op) {
	case OP_HAS:
		return value_bool(contains(&left, &right, arena));
	case OP_LACKS:
		return value_bool(!contains(&left, &right, arena));
	case OP_LIKE:
	case OP_UNLIKE:
		return value_bool(
		        (fnmatch(value_to_text(&right, arena), value_to_text(&left, arena), 0) ==
		         0) == (op == OP_LIKE));
	default:
		break;
	}
	a = read_cell(c, op, left, &right, span, arena);
	b = read_cell(c, op, right, &left, span, arena);
	if (a.kind == VALUE_BAD || b.kind == VALUE_BAD)
		return VALUE_BAD_INIT;
	if (op == OP_EQ || op == OP_NE)
		return value_bool(value_equal(&a, &b) == (op == OP_EQ));
	if (is_order(op))
		return compare(c, op, a, b, span);
	return arithmetic(c, op, a, b, span, arena);
}
