#include "compiler/value.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *value_kind_text(enum value_kind kind)
{
	static const char *const texts[VALUE_KINDS] = {
	        [VALUE_BAD] = "nothing",     [VALUE_NONE] = "none",
	        [VALUE_BOOL] = "a bool",     [VALUE_INT] = "an int",
	        [VALUE_FLOAT] = "a float",   [VALUE_STRING] = "a string",
	        [VALUE_SIZE] = "a size",     [VALUE_DURATION] = "a duration",
	        [VALUE_DEPTH] = "a depth",   [VALUE_URI] = "a uri",
	        [VALUE_FILE] = "a file",     [VALUE_LIST] = "a list",
	        [VALUE_RECORD] = "a record",
	};

	return texts[kind];
}

struct value value_none(void)
{
	return (struct value){.kind = VALUE_NONE};
}

struct value value_bool(bool b)
{
	return (struct value){.kind = VALUE_BOOL, .boolean = b};
}

struct value value_int(int64_t i)
{
	return (struct value){.kind = VALUE_INT, .integer = i};
}

struct value value_float(double d)
{
	return (struct value){.kind = VALUE_FLOAT, .real = d};
}

struct value value_number(enum value_kind kind, int64_t i)
{
	assert(kind == VALUE_INT || kind == VALUE_SIZE || kind == VALUE_DURATION ||
	       kind == VALUE_DEPTH);
	return (struct value){.kind = kind, .integer = i};
}

struct value value_text(enum value_kind kind, const char *text, size_t len, uint16_t base)
{
	return (struct value){.kind = kind, .base = base, .len = (uint32_t)len, .text = text};
}

struct value value_string(const char *text)
{
	return value_text(VALUE_STRING, text, strlen(text), 0);
}

size_t value_total(const struct value *v)
{
	if (v->kind == VALUE_LIST)
		return 1 + v->list->total;
	return v->kind == VALUE_RECORD ? 1 + v->record->total : 1;
}

struct value value_list(struct arena *arena, const struct value *items, size_t n)
{
	struct list *l = arena_new(arena, struct list);

	/* items NULL means a range, so that an empty list is an empty range. */
	*l = (struct list){.n = n, .items = n ? items : NULL};
	for (size_t i = 0; i < n; i++)
		l->total += value_total(&items[i]);
	return (struct value){.kind = VALUE_LIST, .list = l};
}

struct value value_range(struct arena *arena, int64_t first, int64_t last)
{
	struct list *l = arena_new(arena, struct list);

	l->first = first;
	l->n = last < first ? 0 : (size_t)((uint64_t)last - (uint64_t)first + 1);
	l->total = l->n;
	return (struct value){.kind = VALUE_LIST, .list = l};
}

bool value_is_text(const struct value *v)
{
	return v->kind == VALUE_STRING || v->kind == VALUE_URI || v->kind == VALUE_FILE;
}

bool value_is_number(const struct value *v)
{
	return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

double value_real(const struct value *v)
{
	return v->kind == VALUE_FLOAT ? v->real : (double)v->integer;
}

struct value list_at(const struct list *l, size_t i)
{
	assert(i < l->n);
	return l->items ? l->items[i] : value_int(l->first + (int64_t)i);
}

long shape_index(const struct shape *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->names[i], name) == 0)
			return (long)i;
	}
	return -1;
}

const struct value *record_field(const struct record *r, const char *name)
{
	long i = shape_index(r->shape, name);

	return i < 0 ? NULL : &r->fields[i];
}

static bool lists_equal(const struct list *a, const struct list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		struct value x = list_at(a, i), y = list_at(b, i);

		if (!value_equal(&x, &y))
			return false;
	}
	return true;
}

/* What a sheet leaves empty is none. */
static bool is_empty_cell(const struct value *v)
{
	return v->kind == VALUE_STRING && (v->flags & VALUE_CELL) && v->len == 0;
}

bool value_equal(const struct value *a, const struct value *b)
{
	if ((a->kind == VALUE_NONE && is_empty_cell(b)) ||
	    (b->kind == VALUE_NONE && is_empty_cell(a)))
		return true;
	if (value_is_text(a) && value_is_text(b))
		return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
	if (value_is_number(a) && value_is_number(b))
		return a->kind == VALUE_INT && b->kind == VALUE_INT
		               ? a->integer == b->integer
		               : value_real(a) == value_real(b);
	/* A depth compares as its reads with a bare number. */
	if ((a->kind == VALUE_DEPTH && b->kind == VALUE_INT) ||
	    (a->kind == VALUE_INT && b->kind == VALUE_DEPTH))
		return a->integer == b->integer;
	if (a->kind == VALUE_RECORD && value_is_text(b))
		return value_equal(&a->record->key, b);
	if (b->kind == VALUE_RECORD && value_is_text(a))
		return value_equal(&b->record->key, a);
	if (a->kind != b->kind)
		return false;
	switch ((enum value_kind)a->kind) {
	case VALUE_NONE:
		return true;
	case VALUE_BOOL:
		return a->boolean == b->boolean;
	case VALUE_DEPTH:
		return a->integer == b->integer &&
		       (a->flags & VALUE_PAIRS) == (b->flags & VALUE_PAIRS);
	case VALUE_SIZE:
	case VALUE_DURATION:
		return a->integer == b->integer;
	case VALUE_LIST:
		return lists_equal(a->list, b->list);
	case VALUE_RECORD:
		return a->record == b->record || value_equal(&a->record->key, &b->record->key);
	default:
		return false;
	}
}

/* The shortest decimal that reads back as the same number. */
static void print_real(double d, struct str *out)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	str_adds(out, text);
}

/* Seconds, with a fraction only where there is one. */
static void print_seconds(int64_t ms, struct str *out)
{
	str_addf(out, "%" PRId64, ms / 1000);
	if (ms % 1000 != 0) {
		char text[8];
		size_t n;

		snprintf(text, sizeof(text), "%03d", (int)(ms % 1000));
		n = strlen(text);
		while (n > 0 && text[n - 1] == '0')
			n--;
		str_addc(out, '.');
		str_add(out, text, n);
	}
}

void value_print(const struct value *v, struct str *out)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_BAD:
	case VALUE_NONE:
	case VALUE_KINDS:
		break;
	case VALUE_BOOL:
		str_adds(out, v->boolean ? "true" : "false");
		break;
	case VALUE_INT:
	case VALUE_SIZE:
	case VALUE_DEPTH:
		str_addf(out, "%" PRId64, v->integer);
		break;
	case VALUE_DURATION:
		print_seconds(v->integer, out);
		break;
	case VALUE_FLOAT:
		print_real(v->real, out);
		break;
	case VALUE_STRING:
	case VALUE_URI:
	case VALUE_FILE:
		str_add(out, v->text, v->len);
		break;
	case VALUE_LIST:
		for (size_t i = 0; i < v->list->n; i++) {
			struct value item = list_at(v->list, i);

			if (i > 0)
				str_addc(out, ' ');
			value_print(&item, out);
		}
		break;
	case VALUE_RECORD:
		value_print(&v->record->key, out);
		break;
	}
}

const char *value_to_text(const struct value *v, struct arena *arena)
{
	struct str s = STR_INIT;
	const char *text;

	if (value_is_text(v))
		return v->text;
	if (v->kind == VALUE_RECORD && value_is_text(&v->record->key))
		return v->record->key.text;
	value_print(v, &s);
	text = arena_strndup(arena, s.p, s.len);
	str_release(&s);
	return text;
}

struct unit {
	const char *suffix;
	int64_t factor;
};

/* With the largest unit that divides it. */
static void write_units(int64_t n, const struct unit *units, size_t nunits, const char *plain,
                        struct str *out)
{
	for (size_t i = 0; i < nunits; i++) {
		if (n != 0 && n % units[i].factor == 0) {
			str_addf(out, "%" PRId64 "%s", n / units[i].factor, units[i].suffix);
			return;
		}
	}
	str_addf(out, "%" PRId64 "%s", n, plain);
}

static void write_string(const struct value *v, struct str *out)
{
	str_addc(out, '"');
	for (size_t i = 0; i < v->len; i++) {
		char c = v->text[i];

		if (c == '\n')
			str_adds(out, "\\n");
		else if (c == '\t')
			str_adds(out, "\\t");
		else if (c == '"' || c == '\\' || c == '$')
			str_addf(out, "\\%c", c);
		else
			str_addc(out, c);
	}
	str_addc(out, '"');
}

void value_write(const struct value *v, struct str *out)
{
	static const struct unit sizes[] = {{"TB", 1000000000000}, {"TiB", 1099511627776},
	                                    {"GB", 1000000000},    {"GiB", 1073741824},
	                                    {"MB", 1000000},       {"MiB", 1048576},
	                                    {"kB", 1000},          {"KiB", 1024}};
	static const struct unit times[] = {
	        {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};
	static const struct unit reads[] = {{"G", 1000000000}, {"M", 1000000}, {"k", 1000}};

	switch ((enum value_kind)v->kind) {
	case VALUE_NONE:
		str_adds(out, "none");
		break;
	case VALUE_STRING:
	case VALUE_URI:
	case VALUE_FILE:
		write_string(v, out);
		break;
	case VALUE_SIZE:
		write_units(v->integer, sizes, sizeof(sizes) / sizeof(*sizes), "B", out);
		break;
	case VALUE_DURATION:
		write_units(v->integer, times, sizeof(times) / sizeof(*times), "ms", out);
		break;
	case VALUE_DEPTH:
		if (v->flags & VALUE_PAIRS)
			str_adds(out, "2x");
		write_units(v->integer, reads, sizeof(reads) / sizeof(*reads), "", out);
		break;
	case VALUE_LIST:
		str_addc(out, '[');
		for (size_t i = 0; i < v->list->n; i++) {
			struct value item = list_at(v->list, i);

			if (i > 0)
				str_adds(out, ", ");
			if (i == 20) {
				str_addf(out, "... %zu more", v->list->n - i);
				break;
			}
			value_write(&item, out);
		}
		str_addc(out, ']');
		break;
	case VALUE_RECORD:
		str_adds(out, "{ ");
		for (size_t i = 0; i < v->record->shape->n; i++) {
			str_addf(out, "%s%s = ", i ? ", " : "", v->record->shape->names[i]);
			value_write(&v->record->fields[i], out);
		}
		str_adds(out, " }");
		break;
	default:
		value_print(v, out);
		break;
	}
}
