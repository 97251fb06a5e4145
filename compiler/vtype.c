#include "compiler/vtype.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

const struct vtype *vtype_of_kind(enum vtype_kind kind)
{
	static const struct vtype types[VTYPE_KINDS] = {
	        [VTYPE_ANY] = {.kind = VTYPE_ANY},
	        [VTYPE_NONE] = {.kind = VTYPE_NONE},
	        [VTYPE_BOOL] = {.kind = VTYPE_BOOL},
	        [VTYPE_INT] = {.kind = VTYPE_INT},
	        [VTYPE_FLOAT] = {.kind = VTYPE_FLOAT},
	        [VTYPE_STRING] = {.kind = VTYPE_STRING},
	        [VTYPE_CELL] = {.kind = VTYPE_CELL},
	        [VTYPE_SIZE] = {.kind = VTYPE_SIZE},
	        [VTYPE_DURATION] = {.kind = VTYPE_DURATION},
	        [VTYPE_DEPTH] = {.kind = VTYPE_DEPTH},
	        [VTYPE_URI] = {.kind = VTYPE_URI},
	        [VTYPE_FILE] = {.kind = VTYPE_FILE},
	        [VTYPE_RECORD] = {.kind = VTYPE_RECORD},
	        [VTYPE_DATA] = {.kind = VTYPE_DATA},
	        [VTYPE_LIST] = {.kind = VTYPE_LIST, .element = &types[VTYPE_ANY]},
	};

	assert(kind != VTYPE_ENUM);
	return &types[kind];
}

const struct vtype *vtype_list(struct arena *arena, const struct vtype *element)
{
	struct vtype *t = arena_new(arena, struct vtype);

	t->kind = VTYPE_LIST;
	t->element = element;
	return t;
}

const struct vtype *vtype_optional(struct arena *arena, const struct vtype *t)
{
	struct vtype *copy;

	if (t->optional || t->kind == VTYPE_ANY || t->kind == VTYPE_NONE)
		return t;
	copy = arena_new(arena, struct vtype);
	*copy = *t;
	copy->optional = true;
	return copy;
}

static const struct vtype *type_of_list(struct arena *arena, const struct list *l)
{
	const struct vtype *element = NULL;

	if (l->items == NULL)
		return vtype_list(arena, vtype_of_kind(l->n > 0 ? VTYPE_INT : VTYPE_ANY));
	for (size_t i = 0; i < l->n; i++) {
		const struct vtype *t;

		/* The rows of a sheet are all alike. */
		if (i > 0 && l->items[i].kind == VALUE_RECORD &&
		    l->items[i - 1].kind == VALUE_RECORD &&
		    l->items[i].record->shape == l->items[i - 1].record->shape)
			continue;
		/* One list that stands here several times; in turn it may hold one several times. */
		if (i > 0 && l->items[i].kind == VALUE_LIST &&
		    l->items[i - 1].kind == VALUE_LIST &&
		    l->items[i].list == l->items[i - 1].list)
			continue;
		if (i > 0 && l->items[i].kind == l->items[i - 1].kind &&
		    l->items[i].flags == l->items[i - 1].flags && l->items[i].kind != VALUE_LIST &&
		    l->items[i].kind != VALUE_RECORD)
			continue;
		t = vtype_of_value(arena, &l->items[i]);
		element = element ? vtype_join(arena, element, t) : t;
		if (element == NULL)
			return vtype_of_kind(VTYPE_LIST);
	}
	return vtype_list(arena, element ? element : vtype_of_kind(VTYPE_ANY));
}

static const struct vtype *type_of_record(struct arena *arena, const struct record *r)
{
	struct vtype *t = arena_new(arena, struct vtype);

	t->kind = VTYPE_RECORD;
	t->shape = r->shape;
	t->fields = arena_array(arena, const struct vtype *, r->shape->n);
	for (size_t i = 0; i < r->shape->n; i++) {
		const struct value *v = &r->fields[i], *before = i > 0 ? v - 1 : NULL;

		/* As in a list: what stands here twice is looked at once. */
		t->fields[i] = before != NULL && v->kind == VALUE_RECORD &&
		                               before->kind == VALUE_RECORD &&
		                               v->record == before->record
		                       ? t->fields[i - 1]
		                       : vtype_of_value(arena, v);
	}
	return t;
}

const struct vtype *vtype_of_value(struct arena *arena, const struct value *v)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_NONE:
		return vtype_of_kind(VTYPE_NONE);
	case VALUE_BOOL:
		return vtype_of_kind(VTYPE_BOOL);
	case VALUE_INT:
		return vtype_of_kind(VTYPE_INT);
	case VALUE_FLOAT:
		return vtype_of_kind(VTYPE_FLOAT);
	case VALUE_STRING:
		return vtype_of_kind(v->flags & VALUE_CELL ? VTYPE_CELL : VTYPE_STRING);
	case VALUE_SIZE:
		return vtype_of_kind(VTYPE_SIZE);
	case VALUE_DURATION:
		return vtype_of_kind(VTYPE_DURATION);
	case VALUE_DEPTH:
		return vtype_of_kind(VTYPE_DEPTH);
	case VALUE_URI:
		return vtype_of_kind(VTYPE_URI);
	case VALUE_FILE:
		return vtype_of_kind(VTYPE_FILE);
	case VALUE_LIST:
		return type_of_list(arena, v->list);
	case VALUE_RECORD:
		return type_of_record(arena, v->record);
	case VALUE_BAD:
	case VALUE_KINDS:
		break;
	}
	return vtype_of_kind(VTYPE_ANY);
}

bool vtype_is_text(const struct vtype *t)
{
	return t->kind == VTYPE_STRING || t->kind == VTYPE_CELL || t->kind == VTYPE_URI ||
	       t->kind == VTYPE_FILE || t->kind == VTYPE_ENUM || t->kind == VTYPE_ANY;
}

bool vtype_is_number(const struct vtype *t)
{
	return t->kind == VTYPE_INT || t->kind == VTYPE_FLOAT || t->kind == VTYPE_CELL ||
	       t->kind == VTYPE_ANY;
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
	if (a == b)
		return true;
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->names[i], b->names[i]) != 0)
			return false;
	}
	return true;
}

static const struct vtype *join_records(struct arena *arena, const struct vtype *a,
                                        const struct vtype *b)
{
	struct vtype *t;

	if (a->shape == NULL || b->shape == NULL || !same_shape(a->shape, b->shape))
		return vtype_of_kind(VTYPE_RECORD);
	t = arena_new(arena, struct vtype);
	*t = *a;
	t->fields = arena_array(arena, const struct vtype *, a->shape->n);
	for (size_t i = 0; i < a->shape->n; i++) {
		t->fields[i] = vtype_join(arena, a->fields[i], b->fields[i]);
		if (t->fields[i] == NULL)
			t->fields[i] = vtype_of_kind(VTYPE_ANY);
	}
	return t;
}

static const struct vtype *join_kinds(struct arena *arena, const struct vtype *a,
                                      const struct vtype *b)
{
	const struct vtype *element;

	if (a->kind == VTYPE_ANY)
		return a;
	if (b->kind == VTYPE_ANY)
		return b;
	if (a->kind == VTYPE_LIST && b->kind == VTYPE_LIST) {
		element = vtype_join(arena, a->element, b->element);
		return element ? vtype_list(arena, element) : NULL;
	}
	if (a->kind == VTYPE_RECORD && b->kind == VTYPE_RECORD)
		return join_records(arena, a, b);
	if (a->kind == VTYPE_ENUM && b->kind == VTYPE_ENUM && a->words == b->words)
		return a;
	if (a->kind == b->kind && a->kind != VTYPE_ENUM)
		return a;
	if ((a->kind == VTYPE_INT && b->kind == VTYPE_FLOAT) ||
	    (a->kind == VTYPE_FLOAT && b->kind == VTYPE_INT))
		return vtype_of_kind(VTYPE_FLOAT);
	/* A path, an address or an output of a step: all can be staged. */
	if (a->kind == VTYPE_DATA && (vtype_is_text(b) || b->kind == VTYPE_LIST))
		return a;
	if (b->kind == VTYPE_DATA && (vtype_is_text(a) || a->kind == VTYPE_LIST))
		return b;
	if (vtype_is_text(a) && vtype_is_text(b))
		return vtype_of_kind(VTYPE_STRING);
	return NULL;
}

const struct vtype *vtype_join(struct arena *arena, const struct vtype *a, const struct vtype *b)
{
	const struct vtype *t;

	if (a == b)
		return a;
	if (a->kind == VTYPE_NONE)
		return vtype_optional(arena, b);
	if (b->kind == VTYPE_NONE)
		return vtype_optional(arena, a);
	t = join_kinds(arena, a, b);
	if (t != NULL && (a->optional || b->optional))
		t = vtype_optional(arena, t);
	return t;
}

bool vtype_fits(const struct vtype *from, const struct vtype *to)
{
	if (from->kind == VTYPE_ANY || to->kind == VTYPE_ANY)
		return true;
	if (from->kind == VTYPE_NONE)
		return to->optional || to->kind == VTYPE_NONE;
	/* What may be none is judged when it is: the language has no narrowing. */
	switch (to->kind) {
	case VTYPE_FLOAT:
		return vtype_is_number(from);
	case VTYPE_STRING:
	case VTYPE_URI:
	case VTYPE_FILE:
	case VTYPE_CELL:
		return vtype_is_text(from);
	case VTYPE_BOOL:
	case VTYPE_INT:
	case VTYPE_SIZE:
	case VTYPE_DURATION:
		return from->kind == to->kind || from->kind == VTYPE_CELL;
	case VTYPE_DEPTH:
		return from->kind == VTYPE_DEPTH || from->kind == VTYPE_INT ||
		       from->kind == VTYPE_CELL;
	case VTYPE_ENUM:
		return from->kind == VTYPE_ENUM && from->words == to->words;
	case VTYPE_LIST:
		return from->kind == VTYPE_LIST && vtype_fits(from->element, to->element);
	default:
		return from->kind == to->kind;
	}
}

static void add_words(const struct vtype *t, struct str *out)
{
	for (size_t i = 0; i < t->nwords; i++)
		str_addf(out, "%s%s",
		         i == 0               ? ""
		         : i + 1 == t->nwords ? " or "
		                              : ", ",
		         t->words[i]);
}

static const char *plural(const struct vtype *t)
{
	static const char *const texts[VTYPE_KINDS] = {
	        [VTYPE_BOOL] = "bools",
	        [VTYPE_INT] = "ints",
	        [VTYPE_FLOAT] = "floats",
	        [VTYPE_STRING] = "strings",
	        [VTYPE_CELL] = "strings",
	        [VTYPE_SIZE] = "sizes",
	        [VTYPE_DURATION] = "durations",
	        [VTYPE_DEPTH] = "depths",
	        [VTYPE_URI] = "uris",
	        [VTYPE_FILE] = "files",
	        [VTYPE_LIST] = "lists",
	        [VTYPE_RECORD] = "records",
	        [VTYPE_DATA] = "outputs of steps",
	        [VTYPE_ENUM] = "words",
	};

	return texts[t->kind];
}

const char *vtype_text(const struct vtype *t, struct arena *arena)
{
	static const char *const texts[VTYPE_KINDS] = {
	        [VTYPE_ANY] = "any value",
	        [VTYPE_NONE] = "none",
	        [VTYPE_BOOL] = "a bool",
	        [VTYPE_INT] = "an int",
	        [VTYPE_FLOAT] = "a float",
	        [VTYPE_STRING] = "a string",
	        [VTYPE_CELL] = "a string",
	        [VTYPE_SIZE] = "a size",
	        [VTYPE_DURATION] = "a duration",
	        [VTYPE_DEPTH] = "a depth",
	        [VTYPE_URI] = "a uri",
	        [VTYPE_FILE] = "a file",
	        [VTYPE_LIST] = "a list",
	        [VTYPE_RECORD] = "a record",
	        [VTYPE_DATA] = "an output of a step",
	};
	struct str s = STR_INIT;
	const char *text;

	if (t->kind == VTYPE_ENUM)
		add_words(t, &s);
	else
		str_adds(&s, texts[t->kind]);
	if (t->kind == VTYPE_LIST && plural(t->element) != NULL)
		str_addf(&s, " of %s", plural(t->element));
	if (t->optional)
		str_adds(&s, " or none");
	text = arena_strndup(arena, s.p, s.len);
	str_release(&s);
	return text;
}
