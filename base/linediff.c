#include "base/linediff.h"

#include "base/alloc.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT 3
/* Differences up to which the shortest script is searched: memory grows with the square. */
#define DISTANCE_MOST 2000

struct text_line {
	const char *text;
	size_t len; /* with its line end */
};

struct text_lines {
	struct text_line *v;
	size_t n, cap;
};

/* One line of the script: kept, or only in one of the texts. */
struct edit {
	char sign; /* ' ', '-', '+' */
	const struct text_line *line;
};

struct edits {
	struct edit *v;
	size_t n, cap;
};

static void split(const struct str *text, struct text_lines *out)
{
	for (size_t at = 0; at < text->len;) {
		const char *end = memchr(text->p + at, '\n', text->len - at);
		size_t n = end ? (size_t)(end - (text->p + at)) + 1 : text->len - at;
		struct text_line line = {text->p + at, n};

		vec_push(out, line);
		at += n;
	}
}

static bool equal(const struct text_line *a, const struct text_line *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static void add(struct edits *edits, char sign, const struct text_line *line)
{
	struct edit e = {sign, line};

	vec_push(edits, e);
}

/*
 * The furthest x on each diagonal after d differences; trace[d] has those of step d,
 * 2d + 1 of them, beginning with diagonal -d.
 */
struct search {
	const struct text_line *a, *b;
	long n, m;
	long *trace[DISTANCE_MOST + 1];
};

/* Whether the d-th difference that leads to diagonal k is a line of b. */
static bool is_added(const struct search *s, long d, long k)
{
	const long *v = s->trace[d - 1] + (d - 1);

	return k == -d || (k != d && v[k - 1] < v[k + 1]);
}

/* Where diagonal k is entered with the d-th difference. */
static long entry(const struct search *s, long d, long k)
{
	if (d == 0)
		return 0;
	return is_added(s, d, k) ? s->trace[d - 1][k + 1 + d - 1]
	                         : s->trace[d - 1][k - 1 + d - 1] + 1;
}

/* Number of differences, or -1 where they are too many. */
static long find_distance(struct search *s)
{
	for (long d = 0; d <= DISTANCE_MOST; d++) {
		long *v = xreallocarray(NULL, (size_t)(2 * d + 1), sizeof(*v));

		s->trace[d] = v;
		for (long k = -d; k <= d; k++)
			v[k + d] = -1;
		for (long k = -d; k <= d; k += 2) {
			long x = entry(s, d, k), y = x - k;

			while (x < s->n && y < s->m && equal(&s->a[x], &s->b[y])) {
				x++;
				y++;
			}
			v[k + d] = x;
			if (x >= s->n && y >= s->m)
				return d;
		}
	}
	return -1;
}

/* The script backwards, from the end of both texts. */
static void walk_back(const struct search *s, long d, struct edits *edits)
{
	long x = s->n, y = s->m;

	for (; d >= 0; d--) {
		long k = x - y, from = entry(s, d, k), from_y = from - k;

		while (x > from && y > from_y) {
			x--;
			y--;
			add(edits, ' ', &s->a[x]);
		}
		if (d == 0)
			return;
		if (is_added(s, d, k))
			add(edits, '+', &s->b[--y]);
		else
			add(edits, '-', &s->a[--x]);
	}
}

static void compare(const struct text_line *a, size_t n, const struct text_line *b, size_t m,
                    struct edits *edits)
{
	struct search *s = xcalloc(1, sizeof(*s));
	size_t from = edits->n;
	long d;

	s->a = a;
	s->b = b;
	s->n = (long)n;
	s->m = (long)m;
	d = find_distance(s);
	if (d >= 0) {
		walk_back(s, d, edits);
		for (size_t i = from, k = edits->n; i + 1 < k; i++) {
			struct edit e = edits->v[i];

			edits->v[i] = edits->v[--k];
			edits->v[k] = e;
		}
	} else {
		for (size_t i = 0; i < n; i++)
			add(edits, '-', &a[i]);
		for (size_t i = 0; i < m; i++)
			add(edits, '+', &b[i]);
	}
	for (size_t i = 0; i <= DISTANCE_MOST; i++)
		free(s->trace[i]);
	free(s);
}

static void make_edits(const struct text_lines *a, const struct text_lines *b, struct edits *edits)
{
	size_t head = 0, tail = 0;

	while (head < a->n && head < b->n && equal(&a->v[head], &b->v[head]))
		head++;
	while (tail < a->n - head && tail < b->n - head &&
	       equal(&a->v[a->n - 1 - tail], &b->v[b->n - 1 - tail]))
		tail++;
	for (size_t i = 0; i < head; i++)
		add(edits, ' ', &a->v[i]);
	if (head + tail < a->n || head + tail < b->n)
		compare(a->n > 0 ? a->v + head : NULL, a->n - head - tail,
		        b->n > 0 ? b->v + head : NULL, b->n - head - tail, edits);
	for (size_t i = a->n - tail; i < a->n; i++)
		add(edits, ' ', &a->v[i]);
}

/* The end of the hunk that begins with the edit at i, a difference: behind its context. */
static size_t hunk_end(const struct edits *edits, size_t i)
{
	size_t last = i;

	for (; i < edits->n && i <= last + 2 * CONTEXT + 1; i++) {
		if (edits->v[i].sign != ' ')
			last = i;
	}
	return last + 1 + CONTEXT < edits->n ? last + 1 + CONTEXT : edits->n;
}

static void add_range(struct str *out, char sign, size_t line, size_t n)
{
	/* An empty range stands behind the line that it names. */
	str_addf(out, "%c%zu", sign, n == 0 ? line : line + 1);
	if (n != 1)
		str_addf(out, ",%zu", n);
}

static void print_hunk(const struct edits *edits, size_t from, size_t to, size_t old_line,
                       size_t new_line, struct str *out)
{
	size_t n = 0, m = 0;

	for (size_t i = from; i < to; i++) {
		n += edits->v[i].sign != '+';
		m += edits->v[i].sign != '-';
	}
	str_adds(out, "@@ ");
	add_range(out, '-', old_line, n);
	str_addc(out, ' ');
	add_range(out, '+', new_line, m);
	str_adds(out, " @@\n");
	for (size_t i = from; i < to; i++) {
		const struct text_line *line = edits->v[i].line;

		str_addc(out, edits->v[i].sign);
		str_add(out, line->text, line->len);
		if (line->text[line->len - 1] != '\n')
			str_adds(out, "\n\\ No newline at end of file\n");
	}
}

static void print_edits(const struct edits *edits, const char *old_name, const char *new_name,
                        struct str *out)
{
	size_t old_line = 0, new_line = 0, at = 0;
	bool any = false;

	while (at < edits->n) {
		size_t change = at, from, to;

		while (change < edits->n && edits->v[change].sign == ' ')
			change++;
		if (change == edits->n)
			return;
		if (!any)
			str_addf(out, "--- %s\n+++ %s\n", old_name, new_name);
		any = true;
		from = change - at > CONTEXT ? change - CONTEXT : at;
		to = hunk_end(edits, change);
		old_line += from - at;
		new_line += from - at;
		print_hunk(edits, from, to, old_line, new_line, out);
		for (at = from; at < to; at++) {
			old_line += edits->v[at].sign != '+';
			new_line += edits->v[at].sign != '-';
		}
	}
}

void linediff(const struct str *old_text, const struct str *new_text, const char *old_name,
              const char *new_name, struct str *out)
{
	struct text_lines a = {0}, b = {0};
	struct edits edits = {0};

	split(old_text, &a);
	split(new_text, &b);
	make_edits(&a, &b, &edits);
	print_edits(&edits, old_name, new_name, out);
	vec_release(&a);
	vec_release(&b);
	vec_release(&edits);
}
