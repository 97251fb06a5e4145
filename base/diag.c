#include "base/diag.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 100

void diag_sink_init(struct diag_sink *sink, struct arena *arena)
{
	memset(sink, 0, sizeof(*sink));
	sink->arena = arena;
	sink->limit = DEFAULT_LIMIT;
}

void diag_sink_release(struct diag_sink *sink)
{
	free(sink->list);
	sink->list = NULL;
	sink->n = sink->cap = 0;
}

static bool repeated(const struct diag_sink *sink, const struct diag_code *code, struct span span)
{
	for (size_t i = 0; i < sink->n; i++) {
		const struct diag *d = &sink->list[i];

		if (d->code == code && d->span.file == span.file && d->span.start == span.start &&
		    d->span.end == span.end && span_known(span))
			return true;
	}
	return false;
}

struct diag *diag_add(struct diag_sink *sink, const struct diag_code *code, struct span span,
                      const char *fmt, ...)
{
	struct diag *d;
	va_list ap;

	/* One element past the end is kept as scratch for what is not recorded. */
	if (sink->n + 1 >= sink->cap) {
		sink->cap = sink->cap ? sink->cap * 2 : 16;
		sink->list = xreallocarray(sink->list, sink->cap, sizeof(*sink->list));
	}
	d = &sink->list[sink->n];
	memset(d, 0, sizeof(*d));
	d->code = code;
	d->span = span;
	sink->reported += code->severity == SEVERITY_ERROR;
	if (repeated(sink, code, span))
		return d;
	if (code->severity == SEVERITY_ERROR)
		sink->errors++;
	else if (code->severity == SEVERITY_WARNING)
		sink->warnings++;
	if (sink->n >= sink->limit)
		return d;
	va_start(ap, fmt);
	d->message = arena_vprintf(sink->arena, fmt, ap);
	va_end(ap);
	sink->n++;
	return d;
}

void diag_label(struct diag_sink *sink, struct diag *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	d->label = arena_vprintf(sink->arena, fmt, ap);
	va_end(ap);
}

void diag_help(struct diag_sink *sink, struct diag *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	d->help = arena_vprintf(sink->arena, fmt, ap);
	va_end(ap);
}

void diag_fix(struct diag_sink *sink, struct diag *d, struct span span, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	d->fix_span = span;
	d->fix = arena_vprintf(sink->arena, fmt, ap);
	va_end(ap);
}

void diag_relate(struct diag_sink *sink, struct diag *d, struct span span, const char *fmt, ...)
{
	va_list ap;

	if (d->nrelated == DIAG_RELATED)
		return;
	va_start(ap, fmt);
	d->related[d->nrelated++] = (struct diag_label){span, arena_vprintf(sink->arena, fmt, ap)};
	va_end(ap);
}

static int by_place(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;

	if (x->span.file != y->span.file)
		return x->span.file < y->span.file ? -1 : 1;
	if (x->span.start != y->span.start)
		return x->span.start < y->span.start ? -1 : 1;
	return strcmp(x->code->code, y->code->code);
}

void diag_sort(struct diag_sink *sink)
{
	if (sink->n > 1)
		qsort(sink->list, sink->n, sizeof(*sink->list), by_place);
}

struct palette {
	const char *severity, *frame, *bold, *related, *off;
};

static const char *const severity_names[] = {"error", "warning", "note"};

/* A labelled stretch of one line; longer spans are cut at their first line's end. */
struct mark {
	uint32_t line, from, to; /* columns, 1-based, half-open */
	const char *text;
	bool primary;
};

static struct mark mark_of(struct sources *sources, struct span span, const char *text,
                           bool primary)
{
	struct position a = source_position(sources, span.file, span.start);
	struct position b = source_position(sources, span.file, span.end);
	struct mark m = {a.line, a.column, b.column, text, primary};

	if (b.line != a.line) {
		size_t len;
		const char *line = source_line(sources, span.file, a.line, &len);

		m.to = 1;
		for (size_t i = 0; i < len; i++)
			m.to += (line[i] & 0xc0) != 0x80;
	}
	if (m.to <= m.from)
		m.to = m.from + 1;
	return m;
}

static int by_line(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

static unsigned digits(uint32_t n)
{
	unsigned d = 1;

	while (n >= 10) {
		n /= 10;
		d++;
	}
	return d;
}

static void add_gutter(struct str *out, const struct palette *p, unsigned width)
{
	str_addf(out, "%s%*s |%s", p->frame, (int)width, "", p->off);
}

static void add_underline(struct str *out, const struct palette *p, unsigned width,
                          const struct mark *m, const char *line, size_t len)
{
	uint32_t column = 1;

	add_gutter(out, p, width);
	str_addc(out, ' ');
	/* A tab stays a tab, so that the carets stand under what they mean. */
	for (size_t i = 0; i < len && column < m->from; i++) {
		if ((line[i] & 0xc0) == 0x80)
			continue;
		str_addc(out, line[i] == '\t' ? '\t' : ' ');
		column++;
	}
	str_adds(out, m->primary ? p->severity : p->related);
	for (uint32_t c = m->from; c < m->to; c++)
		str_addc(out, m->primary ? '^' : '-');
	if (m->text != NULL)
		str_addf(out, " %s", m->text);
	str_addf(out, "%s\n", p->off);
}

/* Control characters would reach the terminal as commands: one '?' each keeps the columns. */
static void add_source_line(struct str *out, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		str_addc(out, (c < ' ' && c != '\t') || c == 0x7f ? '?' : (char)c);
	}
}

static void add_marks(struct str *out, const struct palette *p, struct sources *sources,
                      uint32_t file, struct mark *marks, size_t n, unsigned width)
{
	qsort(marks, n, sizeof(*marks), by_line);
	add_gutter(out, p, width);
	str_addc(out, '\n');
	for (size_t i = 0; i < n; i++) {
		size_t len;
		const char *line = source_line(sources, file, marks[i].line, &len);

		if (i == 0 || marks[i].line != marks[i - 1].line) {
			if (i > 0 && marks[i].line > marks[i - 1].line + 1)
				str_addf(out, "%s...%s\n", p->frame, p->off);
			str_addf(out, "%s%*u |%s ", p->frame, (int)width, marks[i].line, p->off);
			add_source_line(out, line, len);
			str_addc(out, '\n');
		}
		add_underline(out, p, width, &marks[i], line, len);
	}
}

static void add_place(struct str *out, const struct palette *p, struct sources *sources,
                      struct span span, unsigned width, const char *arrow)
{
	struct position at = source_position(sources, span.file, span.start);

	str_addf(out, "%s%*s%s%s %s:%u:%u\n", p->frame, (int)width, "", arrow, p->off,
	         sources->files[span.file].name, at.line, at.column);
}

void diag_render(const struct diag *d, struct sources *sources, bool color, struct str *out)
{
	static const struct palette plain = {"", "", "", "", ""};
	static const struct palette tints[] = {
	        {"\033[1;31m", "\033[1;34m", "\033[1m", "\033[1;34m", "\033[0m"},
	        {"\033[1;33m", "\033[1;34m", "\033[1m", "\033[1;34m", "\033[0m"},
	        {"\033[1;36m", "\033[1;34m", "\033[1m", "\033[1;34m", "\033[0m"},
	};
	const struct palette *p = color ? &tints[d->code->severity] : &plain;
	struct mark marks[1 + DIAG_RELATED];
	unsigned width = 1, w;
	size_t n = 0;

	str_addf(out, "%s%s[%s]%s%s: %s%s\n", p->severity, severity_names[d->code->severity],
	         d->code->code, p->off, p->bold, d->message, p->off);
	if (!span_known(d->span)) {
		if (d->help != NULL)
			str_addf(out, "  = help: %s\n", d->help);
		return;
	}
	marks[n++] = mark_of(sources, d->span, d->label, true);
	for (unsigned i = 0; i < d->nrelated; i++) {
		const struct diag_label *r = &d->related[i];

		w = digits(source_position(sources, r->span.file, r->span.start).line);
		width = w > width ? w : width;
		if (r->span.file == d->span.file)
			marks[n++] = mark_of(sources, r->span, r->text, false);
	}
	w = digits(marks[0].line);
	width = w > width ? w : width;
	add_place(out, p, sources, d->span, width, "-->");
	add_marks(out, p, sources, d->span.file, marks, n, width);
	for (unsigned i = 0; i < d->nrelated; i++) {
		struct mark m;

		if (d->related[i].span.file == d->span.file)
			continue;
		m = mark_of(sources, d->related[i].span, d->related[i].text, false);
		add_place(out, p, sources, d->related[i].span, width, ":::");
		add_marks(out, p, sources, d->related[i].span.file, &m, 1, width);
	}
	if (d->help != NULL)
		str_addf(out, "%s%*s =%s help: %s\n", p->frame, (int)width, "", p->off, d->help);
}
