/*
 * Values read from text (--param, cells of sheets) and fitted to the type that a
 * place wants. Numbers with units go through the parser of the language itself,
 * so that units are known in one place only.
 */
#include "compiler/compilation.h"
#include "compiler/eval.h"
#include "compiler/paths.h"
#include "compiler/sheet.h"
#include "dsl/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_SIZE 64

/* Of a number in the syntax of the language: EXPR_INT and so on; the sign apart. */
static const struct expr *parse_number(const char *text, struct arena *arena)
{
	struct sources sources;
	struct diag_sink sink;
	const struct expr *e = NULL;
	struct ast *ast;
	struct str s = STR_INIT;

	for (const char *p = text; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && strchr(".+-", *p) == NULL)
			return NULL;
	}
	str_addf(&s, "scitq 1\nlet x = %s\n", text);
	sources_init(&sources, arena);
	diag_sink_init(&sink, arena);
	sources_add(&sources, "", s.p, s.len);
	str_release(&s);
	ast = dsl_parse(arena, &sources, 0, &sink);
	if (sink.errors == 0 && ast->body.n == 1 && ast->body.items[0]->kind == STMT_LET)
		e = ast->body.items[0]->let.value;
	sources_release(&sources);
	diag_sink_release(&sink);
	return e;
}

/* Plain decimal integers, by far the most; false: not one. */
static bool read_plain_int(const char *text, int64_t *i)
{
	char *end;
	long long n;

	if (!isdigit((unsigned char)text[0]) &&
	    !(text[0] == '-' && isdigit((unsigned char)text[1])))
		return false;
	errno = 0;
	n = strtoll(text, &end, 10);
	*i = n;
	return *end == '\0' && errno == 0;
}

static bool read_plain_float(const char *text, double *d)
{
	char *end;

	/* No hexadecimal, "inf" or "nan". */
	if (text[0] == '\0' || text[strspn(text, "0123456789.eE+-")] != '\0')
		return false;
	*d = strtod(text, &end);
	return *end == '\0' && isfinite(*d);
}

static bool number_value(const struct expr *e, int64_t sign, enum vtype_kind want, struct value *v)
{
	switch (e->kind) {
	case EXPR_INT:
		if (want == VTYPE_INT)
			*v = value_int(sign * e->integer);
		else if (want == VTYPE_FLOAT)
			*v = value_float((double)(sign * e->integer));
		else if (want == VTYPE_DEPTH && sign > 0)
			*v = value_number(VALUE_DEPTH, e->integer);
		else
			return false;
		return true;
	case EXPR_FLOAT:
	case EXPR_PERCENT:
		*v = value_float((double)sign * e->real);
		return want == VTYPE_FLOAT;
	case EXPR_SIZE:
		*v = value_number(VALUE_SIZE, e->bytes);
		return want == VTYPE_SIZE && sign > 0;
	case EXPR_DURATION:
		*v = value_number(VALUE_DURATION, e->ms);
		return want == VTYPE_DURATION && sign > 0;
	case EXPR_DEPTH:
		*v = value_number(VALUE_DEPTH, e->depth_value.reads);
		v->flags = e->depth_value.pairs ? VALUE_PAIRS : 0;
		return want == VTYPE_DEPTH && sign > 0;
	default:
		return false;
	}
}

static bool read_number(const char *text, enum vtype_kind want, struct arena *arena,
                        struct value *v)
{
	const struct expr *e;
	int64_t i;
	double d;

	if (want == VTYPE_INT && read_plain_int(text, &i)) {
		*v = value_int(i);
		return true;
	}
	if (want == VTYPE_FLOAT && read_plain_float(text, &d)) {
		*v = value_float(d);
		return true;
	}
	if (text[0] == '\0' || strlen(text) >= NUMBER_SIZE)
		return false;
	e = parse_number(text, arena);
	if (e == NULL)
		return false;
	if (e->kind == EXPR_UNARY && e->unary.op == OP_NEG)
		return number_value(e->unary.of, -1, want, v);
	return number_value(e, 1, want, v);
}

static const char *form_of(const struct vtype *t)
{
	switch (t->kind) {
	case VTYPE_INT:
		return "a whole number like 12 or 10M";
	case VTYPE_FLOAT:
		return "a number like 0.5 or 1e-3";
	case VTYPE_BOOL:
		return "true or false";
	case VTYPE_SIZE:
		return "a size like 120GB or 4GiB";
	case VTYPE_DURATION:
		return "a duration like 2h30m or 90s";
	case VTYPE_DEPTH:
		return "a depth like 10M or 2x10M";
	case VTYPE_URI:
		return "an address like s3://bucket/path";
	default:
		return "another value";
	}
}

void compile_param_add(struct str *list, const char *value, bool first)
{
	if (!first)
		str_addc(list, ',');
	for (; *value != '\0'; value++) {
		if (*value == ',' || *value == '\\')
			str_addc(list, '\\');
		str_addc(list, *value);
	}
}

/* The value that begins at *text, which then stands at the comma behind it or at the end. */
static const char *read_element(const char **text, struct arena *arena)
{
	struct str s = STR_INIT;
	const char *p = *text, *element;

	for (; *p != '\0' && *p != ','; p++) {
		if (*p == '\\' && (p[1] == ',' || p[1] == '\\'))
			p++;
		str_addc(&s, *p);
	}
	*text = p;
	element = arena_strndup(arena, s.len > 0 ? s.p : "", s.len);
	str_release(&s);
	return element;
}

static bool read_list(struct compilation *c, const char *text, const struct vtype *type,
                      struct arena *arena, struct value *v, const char **why)
{
	VEC(struct value) items = {0};
	bool ok = true;

	while (ok && *text != '\0') {
		const char *element = read_element(&text, arena);
		struct value item;

		ok = value_read(c, element, type->element, arena, &item, why);
		vec_push(&items, item);
		if (*text == ',' && *++text == '\0') {
			*why = "values with one comma between two of them";
			ok = false;
		}
	}
	if (ok) {
		struct value *kept = arena_array(arena, struct value, items.n);

		if (items.n > 0)
			memcpy(kept, items.v, items.n * sizeof(*kept));
		*v = value_list(arena, kept, items.n);
	}
	vec_release(&items);
	return ok;
}

static bool read_enum(const char *text, const struct vtype *type, struct arena *arena,
                      struct value *v, const char **why)
{
	for (size_t i = 0; i < type->nwords; i++) {
		if (strcmp(type->words[i], text) == 0) {
			*v = value_string(type->words[i]);
			return true;
		}
	}
	*why = vtype_text(type, arena);
	return false;
}

bool value_read(struct compilation *c, const char *text, const struct vtype *type,
                struct arena *arena, struct value *v, const char **why)
{
	*why = form_of(type);
	if (type->optional && strcmp(text, "none") == 0) {
		*v = value_none();
		return true;
	}
	switch (type->kind) {
	case VTYPE_INT:
	case VTYPE_FLOAT:
	case VTYPE_SIZE:
	case VTYPE_DURATION:
	case VTYPE_DEPTH:
		return read_number(text, type->kind, arena, v);
	case VTYPE_BOOL:
		*v = value_bool(strcmp(text, "true") == 0);
		return v->boolean || strcmp(text, "false") == 0;
	case VTYPE_ENUM:
		return read_enum(text, type, arena, v, why);
	case VTYPE_LIST:
		return read_list(c, text, type, arena, v, why);
	case VTYPE_URI:
		*v = value_text(VALUE_URI, text, strlen(text), 0);
		return value_is_uri(text);
	case VTYPE_FILE:
		*v = value_text(VALUE_FILE, text, strlen(text), 0);
		*why = "a path";
		return text[0] != '\0';
	case VTYPE_RECORD:
		*why = "it a default in the file: records cannot be given here";
		return false;
	default:
		*v = value_string(text);
		return true;
	}
}

/* The number as somebody means it who writes no unit: 8 GB, 16000 MB as schedulers count, 16G
 * bytes. */
static void write_as_size(const struct value *number, struct str *s)
{
	if (number->kind == VALUE_INT && number->integer >= 1000000) {
		const struct value bytes = {.kind = VALUE_SIZE, .integer = number->integer};

		value_write(&bytes, s);
	} else {
		value_write(number, s);
		str_adds(s, number->kind == VALUE_INT && number->integer >= 1000 ? "MB" : "GB");
	}
}

void help_unit(struct compilation *c, struct diag *d, const struct value *number,
               enum vtype_kind want)
{
	const char *unit = want == VTYPE_SIZE ? "GB" : want == VTYPE_DURATION ? "s" : NULL;
	struct str s = STR_INIT;

	if (unit == NULL)
		return;
	if (number == NULL) {
		help(c, d, "numbers get a unit by `* 1%s`", unit);
	} else if (value_is_number(number)) {
		if (want == VTYPE_SIZE) {
			write_as_size(number, &s);
		} else {
			value_write(number, &s);
			str_adds(&s, unit);
		}
		help(c, d, "write it with a unit: `%s`", s.p);
		fix(c, d, d->span, "%s", s.p);
	}
	str_release(&s);
}

static struct value unfit(struct compilation *c, const struct value *v, const struct vtype *want,
                          struct span span, struct arena *arena)
{
	struct vtype required = *want;
	struct diag *d;
	struct span place;
	struct str s = STR_INIT;
	const char *text;

	required.optional = false;
	text = vtype_text(&required, arena);
	value_write(v, &s);
	if (v->flags & VALUE_CELL) {
		const bool placed = sheet_cell(c, v, span, &place);

		d = report(c, E0326, span, "%s cannot be read as %s", s.p, text);
		label(c, d, "comes from a sheet");
		if (placed)
			relate(c, d, place, "this cell");
	} else if (v->kind == VALUE_NONE) {
		d = report(c, E0320, span, "%s is wanted here, not none", text);
		label(c, d, "has no value");
	} else {
		d = report(c, E0301, span, "%s is wanted here", text);
		label(c, d, "is %s: %s", value_kind_text((enum value_kind)v->kind), s.p);
		help_unit(c, d, v, want->kind);
	}
	str_release(&s);
	return VALUE_BAD_INIT;
}

static struct value convert_list(struct compilation *c, struct value v, const struct vtype *want,
                                 struct span span, struct arena *arena)
{
	struct value *items;

	/* What every value fits needs no second list. */
	if (v.list->items == NULL && (want->element->kind == VTYPE_INT))
		return v;
	if (want->element->kind == VTYPE_ANY)
		return v;
	items = arena_array(arena, struct value, v.list->n);
	for (size_t i = 0; i < v.list->n; i++) {
		items[i] = value_convert(c, list_at(v.list, i), want->element, span, arena);
		if (items[i].kind == VALUE_BAD)
			return VALUE_BAD_INIT;
	}
	return value_list(arena, items, v.list->n);
}

/* By the names of the fields; one that is missing is none. */
static struct value convert_record(struct compilation *c, struct value v, const struct vtype *want,
                                   struct span span, struct arena *arena)
{
	struct record *r = arena_new(arena, struct record);
	struct value *fields = arena_array(arena, struct value, want->shape->n);
	struct diag *d;

	for (size_t i = 0; i < v.record->shape->n; i++) {
		if (shape_index(want->shape, v.record->shape->names[i]) >= 0)
			continue;
		d = report(c, E0205, span, "the record has no field `%s`",
		           v.record->shape->names[i]);
		label(c, d, "unknown field");
		return VALUE_BAD_INIT;
	}
	for (size_t i = 0; i < want->shape->n; i++) {
		const struct value *field = record_field(v.record, want->shape->names[i]);

		fields[i] = value_convert(c, field ? *field : value_none(), want->fields[i], span,
		                          arena);
		if (fields[i].kind == VALUE_BAD)
			return VALUE_BAD_INIT;
		r->total += value_total(&fields[i]);
	}
	r->shape = want->shape;
	r->fields = fields;
	r->key = want->shape->n > 0 ? fields[0] : value_none();
	return (struct value){.kind = VALUE_RECORD, .record = r};
}

static struct value convert_text(struct compilation *c, struct value v, const struct vtype *want,
                                 struct span span, struct arena *arena)
{
	struct value read;
	const char *why;

	switch (want->kind) {
	case VTYPE_STRING:
	case VTYPE_CELL:
		return v;
	case VTYPE_FILE:
		v.kind = VALUE_FILE;
		return v;
	case VTYPE_URI:
		if (!value_is_uri(v.text))
			return unfit(c, &v, want, span, arena);
		v.kind = VALUE_URI;
		return v;
	case VTYPE_ENUM:
		if (read_enum(v.text, want, arena, &read, &why))
			return read;
		return unfit(c, &v, want, span, arena);
	default:
		if ((v.flags & VALUE_CELL) && value_read(c, v.text, want, arena, &read, &why))
			return read;
		return unfit(c, &v, want, span, arena);
	}
}

struct value value_convert(struct compilation *c, struct value v, const struct vtype *want,
                           struct span span, struct arena *arena)
{
	static const enum value_kind kinds[VTYPE_KINDS] = {
	        [VTYPE_NONE] = VALUE_NONE,     [VTYPE_BOOL] = VALUE_BOOL,
	        [VTYPE_INT] = VALUE_INT,       [VTYPE_FLOAT] = VALUE_FLOAT,
	        [VTYPE_SIZE] = VALUE_SIZE,     [VTYPE_DURATION] = VALUE_DURATION,
	        [VTYPE_DEPTH] = VALUE_DEPTH,   [VTYPE_LIST] = VALUE_LIST,
	        [VTYPE_RECORD] = VALUE_RECORD,
	};

	if (v.kind == VALUE_BAD || want->kind == VTYPE_ANY)
		return v;
	if (v.kind == VALUE_NONE && want->optional)
		return v;
	if (v.kind == VALUE_LIST && want->kind == VTYPE_LIST)
		return convert_list(c, v, want, span, arena);
	if (v.kind == VALUE_RECORD && want->kind == VTYPE_RECORD && want->shape != NULL)
		return convert_record(c, v, want, span, arena);
	if (v.kind == VALUE_INT && want->kind == VTYPE_FLOAT)
		return value_float((double)v.integer);
	if (v.kind == VALUE_INT && want->kind == VTYPE_DEPTH && v.integer >= 0)
		return value_number(VALUE_DEPTH, v.integer);
	/* A record stands for its key where text is wanted. */
	if (v.kind == VALUE_RECORD && value_is_text(&v.record->key) && vtype_is_text(want))
		return convert_text(c, v.record->key, want, span, arena);
	if (value_is_text(&v))
		return convert_text(c, v, want, span, arena);
	if (v.kind == kinds[want->kind])
		return v;
	return unfit(c, &v, want, span, arena);
}
