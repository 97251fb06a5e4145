/*
 * Numbers with their units: 120GB, 2h30m, 2x10M, 90%, 1e-3. scanner.l matches a digit
 * and whatever sticks to it; here it is read, and what it means is said in the node.
 *
 * A value is kept exactly: digits and a power of ten until the unit is multiplied
 * in, so that 1.5GB is 1500000000 bytes and 0.3B is an error.
 */
#include "dsl/build.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum unit_kind { UNIT_COUNT, UNIT_SIZE, UNIT_TIME };

static const struct unit {
	const char *text;
	enum unit_kind kind;
	int64_t factor; /* bytes, milliseconds, ones */
} units[] = {
        {"k", UNIT_COUNT, 1000},
        {"M", UNIT_COUNT, 1000000},
        {"G", UNIT_COUNT, 1000000000},
        {"B", UNIT_SIZE, 1},
        {"kB", UNIT_SIZE, 1000},
        {"MB", UNIT_SIZE, 1000000},
        {"GB", UNIT_SIZE, 1000000000},
        {"TB", UNIT_SIZE, 1000000000000},
        {"PB", UNIT_SIZE, 1000000000000000},
        {"KiB", UNIT_SIZE, INT64_C(1) << 10},
        {"MiB", UNIT_SIZE, INT64_C(1) << 20},
        {"GiB", UNIT_SIZE, INT64_C(1) << 30},
        {"TiB", UNIT_SIZE, INT64_C(1) << 40},
        {"PiB", UNIT_SIZE, INT64_C(1) << 50},
        {"ms", UNIT_TIME, 1},
        {"s", UNIT_TIME, 1000},
        {"m", UNIT_TIME, 60000},
        {"h", UNIT_TIME, 3600000},
        {"d", UNIT_TIME, 86400000},
};

#define NUNITS (sizeof(units) / sizeof(units[0]))

/* digits / 10^scale */
struct decimal {
	int64_t digits;
	int scale;
	bool whole, overflow;
};

static const char *read_decimal(const char *s, struct decimal *d)
{
	memset(d, 0, sizeof(*d));
	d->whole = true;
	for (;; s++) {
		if (*s == '.' && d->whole && isdigit((unsigned char)s[1])) {
			d->whole = false;
			continue;
		}
		if (!isdigit((unsigned char)*s))
			return s;
		if (__builtin_mul_overflow(d->digits, 10, &d->digits) ||
		    __builtin_add_overflow(d->digits, *s - '0', &d->digits))
			d->overflow = true;
		d->scale += !d->whole;
	}
}

/* 0, ERANGE, or EDOM where the product is no whole number. */
static int scaled(const struct decimal *d, int64_t factor, int64_t *out)
{
	int64_t digits = d->digits;

	for (int i = 0; i < d->scale; i++) {
		if (factor % 10 == 0)
			factor /= 10;
		else if (digits % 10 == 0)
			digits /= 10;
		else if (factor % 2 == 0 && digits % 5 == 0) {
			factor /= 2;
			digits /= 5;
		} else if (factor % 5 == 0 && digits % 2 == 0) {
			factor /= 5;
			digits /= 2;
		} else {
			return d->overflow ? ERANGE : EDOM;
		}
	}
	if (d->overflow || __builtin_mul_overflow(digits, factor, out))
		return ERANGE;
	return 0;
}

static const struct unit *find_unit(const char *s, size_t n)
{
	for (size_t i = 0; i < NUNITS; i++) {
		if (strlen(units[i].text) == n && strncmp(units[i].text, s, n) == 0)
			return &units[i];
	}
	return NULL;
}

bool is_unit(const char *text)
{
	return find_unit(text, strlen(text)) != NULL;
}

/* What somebody who writes this unit probably means. */
static const char *similar_unit(const char *s, size_t n)
{
	static const struct {
		const char *text, *ours;
	} habits[] = {
	        {"min", "m"},  {"mins", "m"},    {"minutes", "m"}, {"minute", "m"}, {"sec", "s"},
	        {"secs", "s"}, {"seconds", "s"}, {"hour", "h"},    {"hours", "h"},  {"hr", "h"},
	        {"day", "d"},  {"days", "d"},    {"w", "7d"},      {"T", "TB"},     {"g", "GB"},
	        {"Gi", "GiB"}, {"Mi", "MiB"},    {"Ti", "TiB"},    {"Ki", "KiB"},   {"bytes", "B"},
	        {"mio", "M"},  {"mb", "MB"},
	};

	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++) {
		if (strlen(habits[i].text) == n && strncmp(habits[i].text, s, n) == 0)
			return habits[i].ours;
	}
	for (size_t i = 0; i < NUNITS; i++) {
		if (strlen(units[i].text) == n && n > 1 && strncasecmp(units[i].text, s, n) == 0)
			return units[i].text;
	}
	return n == 1 && *s == 'K' ? "k" : n == 1 && *s == 'b' ? "B" : NULL;
}

struct number {
	struct parser *p;
	struct expr *e;
	struct span span;
	const char *text;
};

static struct expr *bad(struct number *n)
{
	n->e->kind = EXPR_BAD;
	return n->e;
}

static struct expr *bad_unit(struct number *n, const char *s)
{
	size_t len = strcspn(s, "0123456789.%");
	const struct unit *known = find_unit(s, len);
	struct span place = n->span;
	const char *similar = similar_unit(s, len);
	struct diag *d;

	place.start += (uint32_t)(s - n->text);
	if (len == 0)
		len = strlen(s);
	place.end = place.start + (uint32_t)len;
	if (known != NULL) {
		parser_error(n->p, E0112, place, "`%s` mixes units that do not go together",
		             n->text);
		return bad(n);
	}
	d = parser_error(n->p, E0112, place, "unknown unit `%.*s`", (int)len, s);
	if (similar != NULL)
		diag_fix(n->p->sink, d, place, "%s", similar);
	if (similar != NULL)
		diag_help(n->p->sink, d, "did you mean `%s`?", similar);
	else
		diag_help(n->p->sink, d,
		          "units are kB MB GB TB KiB MiB GiB TiB, ms s m h d, k M G and %%");
	return bad(n);
}

static struct expr *bad_value(struct number *n, int err, const char *what)
{
	if (err == ERANGE)
		parser_error(n->p, E0113, n->span, "`%s` is too large", n->text);
	else
		parser_error(n->p, E0113, n->span, "`%s` is not a whole number%s", n->text, what);
	return bad(n);
}

/* Hours, minutes...: each smaller than the one before. */
static struct expr *read_duration(struct number *n)
{
	const char *s = n->text;
	int64_t total = 0, before = INT64_MAX;

	while (*s != '\0') {
		struct decimal d;
		const struct unit *u;
		const char *name = read_decimal(s, &d);
		size_t len = 0;
		int64_t ms;
		int err;

		while (isalpha((unsigned char)name[len]))
			len++;
		u = find_unit(name, len);
		if (len == 0 && s != n->text && *name == '\0') {
			struct diag *dg =
			        parser_error(n->p, E0112, n->span,
			                     "the last number of `%s` has no unit", n->text);

			diag_help(n->p->sink, dg, "units of time are ms s m h d");
			return bad(n);
		}
		if (name == s || u == NULL || u->kind != UNIT_TIME)
			return bad_unit(n, name);
		if (u->factor >= before) {
			parser_error(n->p, E0113, n->span,
			             "the units of `%s` do not go from large to small", n->text);
			return bad(n);
		}
		before = u->factor;
		err = scaled(&d, u->factor, &ms);
		if (err == 0 && __builtin_add_overflow(total, ms, &total))
			err = ERANGE;
		if (err != 0)
			return bad_value(n, err, " of milliseconds");
		s = name + len;
	}
	n->e->kind = EXPR_DURATION;
	n->e->ms = total;
	return n->e;
}

static struct expr *read_depth(struct number *n, const char *after_x)
{
	struct decimal d;
	const struct unit *u = NULL;
	const char *unit = read_decimal(after_x, &d);
	int64_t reads;
	int err;

	if (unit == after_x)
		return bad_unit(n, after_x - 1);
	if (*unit != '\0') {
		u = find_unit(unit, strlen(unit));
		if (u == NULL || u->kind != UNIT_COUNT)
			return bad_unit(n, unit);
	}
	if (strncmp(n->text, "1x", 2) != 0 && strncmp(n->text, "2x", 2) != 0) {
		struct diag *dg =
		        parser_error(n->p, E0114, n->span, "a depth is 1x or 2x a number of reads");

		diag_help(n->p->sink, dg, "write 2x%s for pairs of reads", after_x);
		diag_fix(n->p->sink, dg, n->span, "2x%s", after_x);
		return bad(n);
	}
	err = scaled(&d, u != NULL ? u->factor : 1, &reads);
	if (err != 0)
		return bad_value(n, err, " of reads");
	n->e->kind = EXPR_DEPTH;
	n->e->depth_value.reads = reads;
	n->e->depth_value.pairs = n->text[0] == '2';
	return n->e;
}

static struct expr *read_plain(struct number *n, const struct decimal *d, const char *rest)
{
	char *end;

	if (*rest == '\0' && d->whole) {
		n->e->kind = EXPR_INT;
		n->e->integer = d->digits;
		return d->overflow ? bad_value(n, ERANGE, "") : n->e;
	}
	errno = 0;
	n->e->kind = EXPR_FLOAT;
	n->e->real = strtod(n->text, &end);
	if (strcmp(end, "%") == 0) {
		n->e->kind = EXPR_PERCENT;
		n->e->real /= 100;
	} else if (*end != '\0') {
		return bad_unit(n, rest);
	}
	return isfinite(n->e->real) ? n->e : bad_value(n, ERANGE, "");
}

struct expr *read_number(struct parser *p, struct span span)
{
	struct number n = {p, make_expr(p, EXPR_INT, span), span, parser_text(p, span)};
	struct decimal d;
	const char *rest = read_decimal(n.text, &d);
	const struct unit *u;
	int err;

	if (*rest == '\0' || *rest == '%' ||
	    ((*rest == 'e' || *rest == 'E') &&
	     strspn(rest + 1, "+-0123456789%") == strlen(rest + 1) && rest[1] != '\0'))
		return read_plain(&n, &d, rest);
	if (*rest == 'x')
		return read_depth(&n, rest + 1);
	u = find_unit(rest, strlen(rest));
	if (u == NULL || u->kind == UNIT_TIME)
		return read_duration(&n);
	err = scaled(&d, u->factor, &n.e->integer);
	if (err != 0)
		return bad_value(&n, err, u->kind == UNIT_SIZE ? " of bytes" : "");
	if (u->kind == UNIT_SIZE) {
		n.e->kind = EXPR_SIZE;
		n.e->bytes = n.e->integer;
	}
	return n.e;
}
