#include "compiler/eval.h"

#include "compiler/archive.h"
#include "compiler/compilation.h"
#include "compiler/operate.h"
#include "compiler/sheet.h"

#include <string.h>

static struct value eval_field(struct env *env, const struct value *of, const char *name,
                               struct span span)
{
	const struct value *field;
	struct diag *d;

	if (of->kind == VALUE_BAD)
		return *of;
	if (of->kind == VALUE_DEPTH && strcmp(name, "pairs") == 0)
		return value_bool(of->flags & VALUE_PAIRS);
	if (of->kind != VALUE_RECORD) {
		d = report(env->c, E0301, span, "%s has no fields",
		           value_kind_text((enum value_kind)of->kind));
		label(env->c, d, "no field `%s`", name);
		return VALUE_BAD_INIT;
	}
	field = record_field(of->record, name);
	if (field == NULL) {
		struct str s = STR_INIT;

		value_print(&of->record->key, &s);
		d = report(env->c, E0205, span, "`%s` has no field `%s`", s.p, name);
		label(env->c, d, "unknown field");
		str_release(&s);
		return VALUE_BAD_INIT;
	}
	return *field;
}

static struct value eval_let(struct env *env, const struct symbol *sym)
{
	if (env->stamps[sym->slot] != env->stamp) {
		env->slots[sym->slot] = eval(env, sym->node);
		env->stamps[sym->slot] = env->stamp;
	}
	return env->slots[sym->slot];
}

/* A value that is small in memory can be endless to walk: see value_total. */
static struct value refuse_large(struct env *env, struct value v, struct span span)
{
	if (v.kind == VALUE_BAD || value_total(&v) <= LIST_LIMIT)
		return v;
	report(env->c, E0503, span, "a list of more than %u values", LIST_LIMIT);
	return VALUE_BAD_INIT;
}

/*
 * A short file can ask for more than any machine has: lists of lists, texts of texts.
 * What is made at one place, or while the whole file is checked, has a limit.
 */
static bool may_make(struct env *env, size_t n, size_t size, struct span span)
{
	size_t bytes = n > MADE_MOST / size ? MADE_MOST : n * size;

	env->made = env->made < MADE_MOST ? env->made + bytes : env->made;
	if (env->made < MADE_MOST)
		return true;
	report(env->c, E0503, span, "texts and lists of more than %u MB altogether",
	       MADE_MOST >> 20);
	return false;
}

static struct value text_too_long(struct env *env, struct span span)
{
	report(env->c, E0503, span, "a text of more than %u bytes", TEXT_MOST);
	return VALUE_BAD_INIT;
}

static struct value eval_list(struct env *env, const struct node *n)
{
	struct value *items = arena_array(env->arena, struct value, n->list.n);

	for (size_t i = 0; i < n->list.n; i++) {
		items[i] = eval(env, n->list.items[i]);
		if (items[i].kind == VALUE_BAD)
			return VALUE_BAD_INIT;
	}
	return refuse_large(env, value_list(env->arena, items, n->list.n), n->span);
}

/* The first field is what the record is as text. */
static struct value eval_record(struct env *env, const struct node *n)
{
	struct record *r = arena_new(env->arena, struct record);
	struct value *fields = arena_array(env->arena, struct value, n->list.n);

	for (size_t i = 0; i < n->list.n; i++) {
		fields[i] = eval(env, n->list.items[i]);
		if (fields[i].kind == VALUE_BAD)
			return VALUE_BAD_INIT;
		r->total += value_total(&fields[i]);
	}
	r->shape = n->list.shape;
	r->fields = fields;
	r->key = n->list.n > 0 ? fields[0] : value_none();
	return refuse_large(env, (struct value){.kind = VALUE_RECORD, .record = r}, n->span);
}

static struct value eval_text(struct env *env, const struct node *n)
{
	struct str s = STR_INIT;
	char *text;
	size_t len;

	for (size_t i = 0; i < n->list.n; i++) {
		struct value v = eval(env, n->list.items[i]);

		if (v.kind == VALUE_BAD) {
			str_release(&s);
			return v;
		}
		value_print(&v, &s);
		if (s.len > TEXT_MOST) {
			str_release(&s);
			return text_too_long(env, n->span);
		}
	}
	len = s.len;
	if (!may_make(env, len, 1, n->span)) {
		str_release(&s);
		return VALUE_BAD_INIT;
	}
	text = arena_strndup(env->arena, s.p, s.len);
	str_release(&s);
	return value_text(VALUE_STRING, text, len, base_at(env->c, n->span));
}

/* Also a list where one is wanted: VALUE_LIST, else BAD after an error. */
static struct value eval_to_list(struct env *env, const struct node *n)
{
	struct value v = eval(env, n);
	struct diag *d;

	if (v.kind == VALUE_BAD || v.kind == VALUE_LIST)
		return v;
	d = report(env->c, E0301, n->span, "a list is wanted here");
	label(env->c, d, "is %s", value_kind_text((enum value_kind)v.kind));
	return VALUE_BAD_INIT;
}

/* True, false, or -1 after an error. */
static int eval_cond(struct env *env, const struct node *n)
{
	struct value v = eval(env, n);

	v = value_convert(env->c, v, vtype_of_kind(VTYPE_BOOL), n->span, env->arena);
	return v.kind == VALUE_BOOL ? v.boolean : -1;
}

static struct value eval_each(struct env *env, const struct node *n)
{
	struct value source = eval_to_list(env, n->each.source);
	uint32_t slot = n->kind == NODE_EACH ? n->each.variable->slot : n->each.slot;
	struct value *items;
	size_t count = 0;

	if (source.kind == VALUE_BAD)
		return source;
	if (!may_make(env, source.list->n, sizeof(*items), n->span))
		return VALUE_BAD_INIT;
	items = arena_array(env->arena, struct value, source.list->n);
	for (size_t i = 0; i < source.list->n; i++) {
		struct value item = list_at(source.list, i);
		int keep = 1;

		env->slots[slot] = item;
		if (n->each.where != NULL)
			keep = eval_cond(env, n->each.where);
		if (keep < 0)
			return VALUE_BAD_INIT;
		if (keep == 0)
			continue;
		if (n->kind == NODE_EACH)
			item = eval(env, n->each.body);
		if (item.kind == VALUE_BAD)
			return item;
		items[count++] = item;
	}
	return refuse_large(env, value_list(env->arena, items, count), n->span);
}

static struct value eval_range(struct env *env, const struct node *n)
{
	const struct vtype *want = vtype_of_kind(VTYPE_INT);
	struct value a = eval(env, n->range.first), b = eval(env, n->range.last);

	a = value_convert(env->c, a, want, n->range.first->span, env->arena);
	b = value_convert(env->c, b, want, n->range.last->span, env->arena);
	if (a.kind != VALUE_INT || b.kind != VALUE_INT)
		return VALUE_BAD_INIT;
	if (b.integer >= a.integer && (uint64_t)b.integer - (uint64_t)a.integer >= LIST_LIMIT) {
		report(env->c, E0503, n->span, "a range of more than %u numbers", LIST_LIMIT);
		return VALUE_BAD_INIT;
	}
	return value_range(env->arena, a.integer, b.integer);
}

static struct value eval_logic(struct env *env, const struct node *n)
{
	int left = eval_cond(env, n->binary.left);

	if (left < 0)
		return VALUE_BAD_INIT;
	if (left == (n->binary.op == OP_OR))
		return value_bool(left);
	left = eval_cond(env, n->binary.right);
	return left < 0 ? VALUE_BAD_INIT : value_bool(left);
}

/* Bytes that a copy of it takes. */
static size_t value_size(const struct value *v)
{
	if (v->kind == VALUE_LIST)
		return v->list->n * sizeof(*v);
	return value_is_text(v) ? v->len : 0;
}

/* What is too large is not even put together. False after an error. */
static bool may_join(struct env *env, const struct value *left, const struct value *right,
                     struct span span)
{
	if (left->kind == VALUE_LIST || right->kind == VALUE_LIST) {
		if (value_total(left) + value_total(right) > LIST_LIMIT) {
			report(env->c, E0503, span, "a list of more than %u values", LIST_LIMIT);
			return false;
		}
	} else if (value_size(left) + value_size(right) > TEXT_MOST) {
		text_too_long(env, span);
		return false;
	}
	return may_make(env, value_size(left) + value_size(right), 1, span);
}

static struct value eval_binary(struct env *env, const struct node *n)
{
	struct value left, right;

	if (n->binary.op == OP_AND || n->binary.op == OP_OR)
		return eval_logic(env, n);
	left = eval(env, n->binary.left);
	if (left.kind == VALUE_BAD)
		return left;
	right = eval(env, n->binary.right);
	if (right.kind == VALUE_BAD)
		return right;
	if (n->binary.op == OP_ADD && !may_join(env, &left, &right, n->span))
		return VALUE_BAD_INIT;
	return operate(env->c, n->binary.op, left, right, n->span, env->arena);
}

static struct value eval_matches(struct env *env, const struct node *n)
{
	struct value v = eval(env, n->matches.of);

	if (v.kind == VALUE_BAD)
		return v;
	return value_bool(regexec(n->matches.regex, value_to_text(&v, env->arena), 0, NULL, 0) ==
	                  0);
}

static struct value eval_negate(struct env *env, const struct node *n)
{
	struct value v = eval(env, n->of);

	if (v.kind == VALUE_BAD)
		return v;
	return operate(env->c, OP_SUB, value_int(0), v, n->span, env->arena);
}

static struct value eval_source(struct env *env, const struct node *n)
{
	struct value path = eval(env, n->source.path), key = value_none();

	if (n->source.key != NULL)
		key = eval(env, n->source.key);
	if (path.kind == VALUE_BAD || key.kind == VALUE_BAD)
		return VALUE_BAD_INIT;
	return source_read(env->c, n->source.kind, path,
	                   key.kind == VALUE_NONE ? NULL : value_to_text(&key, env->arena),
	                   n->source.group, n->source.path->span, env->arena);
}

static struct value eval_runs(struct env *env, const struct node *n)
{
	struct value accession = eval(env, n->runs.accession), options[RUNS_OPTIONS];
	struct archive_wish wish = {0};
	bool bad = accession.kind == VALUE_BAD;

	for (int i = 0; i < RUNS_OPTIONS; i++) {
		options[i] =
		        n->runs.options[i] != NULL ? eval(env, n->runs.options[i]) : value_none();
		bad = bad || options[i].kind == VALUE_BAD;
	}
	if (bad)
		return VALUE_BAD_INIT;
	if (value_is_text(&options[RUNS_LAYOUT]))
		wish.layout = options[RUNS_LAYOUT].text;
	if (value_is_text(&options[RUNS_STRATEGY]))
		wish.strategy = options[RUNS_STRATEGY].text;
	if (options[RUNS_DEPTH].kind == VALUE_DEPTH || options[RUNS_DEPTH].kind == VALUE_INT)
		wish.depth = options[RUNS_DEPTH].integer;
	wish.pairs = (options[RUNS_DEPTH].flags & VALUE_PAIRS) != 0;
	wish.only_r1 = options[RUNS_ONLY_R1].kind == VALUE_BOOL && options[RUNS_ONLY_R1].boolean;
	wish.by_run =
	        value_is_text(&options[RUNS_GROUP]) && strcmp(options[RUNS_GROUP].text, "run") == 0;
	return archive_samples(env->c, n->runs.archive, value_to_text(&accession, env->arena),
	                       &wish, n->span, env->arena);
}

struct value eval(struct env *env, const struct node *n)
{
	struct value v;

	switch (n->kind) {
	case NODE_CONST:
		return n->value;
	case NODE_VARIABLE:
		return env->slots[n->symbol->slot];
	case NODE_LET:
		return eval_let(env, n->symbol);
	case NODE_ITEM_FIELD:
		return eval_field(env, &env->slots[n->each.slot], n->each.name, n->span);
	case NODE_FIELD:
		v = eval(env, n->field.of);
		return eval_field(env, &v, n->field.name, n->span);
	case NODE_LIST:
		return eval_list(env, n);
	case NODE_RECORD:
		return eval_record(env, n);
	case NODE_EACH:
	case NODE_FILTER:
		return eval_each(env, n);
	case NODE_TEXT:
		return eval_text(env, n);
	case NODE_TASK_VARIABLE:
		return value_string(n->variable);
	case NODE_COUNT:
		v = eval_to_list(env, n->of);
		return v.kind == VALUE_BAD ? v : value_int((int64_t)v.list->n);
	case NODE_RUNS:
		return eval_runs(env, n);
	case NODE_SOURCE:
		return eval_source(env, n);
	case NODE_NOT: {
		int b = eval_cond(env, n->of);

		return b < 0 ? VALUE_BAD_INIT : value_bool(!b);
	}
	case NODE_NEGATE:
		return eval_negate(env, n);
	case NODE_BINARY:
		return eval_binary(env, n);
	case NODE_MATCHES:
		return eval_matches(env, n);
	case NODE_RANGE:
		return eval_range(env, n);
	case NODE_IF: {
		int b = eval_cond(env, n->choice.cond);

		return b < 0 ? VALUE_BAD_INIT : eval(env, b ? n->choice.yes : n->choice.no);
	}
	case NODE_BAD:
	case NODE_OUTPUT:
	case NODE_GATHER:
	case NODE_PREVIOUS:
	case NODE_ACTION:
		break;
	}
	return VALUE_BAD_INIT;
}
