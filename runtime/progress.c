#include "runtime/progress.h"

#include "base/clock.h"
#include "base/fd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SUMMARY_NS (30 * INT64_C(1000000000))
#define BAR_CELLS 12

static bool locale_is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && *value != '\0')
			return strstr(value, "UTF-8") != NULL || strstr(value, "utf8") != NULL;
	}
	return false;
}

void progress_resize(struct progress *p)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	long given = columns ? strtol(columns, NULL, 10) : 0;

	p->width = 80;
	if (given > 0 && given < 10000)
		p->width = (unsigned)given;
	else if (ioctl(p->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		p->width = size.ws_col;
}

void progress_init(struct progress *p, int fd)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	memset(p, 0, sizeof(*p));
	p->fd = fd;
	p->terminal = isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
	p->color = p->terminal && (no_color == NULL || *no_color == '\0');
	p->unicode = locale_is_utf8();
	p->started_ns = clock_monotonic_ns();
	p->printed_ns = p->started_ns;
	progress_resize(p);
}

void duration_text(int64_t ns, char text[24])
{
	int64_t seconds = ns / 1000000000;

	if (seconds >= 3600)
		snprintf(text, 24, "%dh%02dm", (int)(seconds / 3600), (int)(seconds / 60 % 60));
	else if (seconds >= 60)
		snprintf(text, 24, "%dm%02ds", (int)(seconds / 60), (int)(seconds % 60));
	else
		snprintf(text, 24, "%.1fs", (double)ns / 1e9);
}

/* Whatever stands on the screen cannot be told that it could not be drawn. */
static void put(const struct progress *p, const struct str *text)
{
	(void)fd_write_all(p->fd, text->p, text->len);
}

static void add_erase(struct progress *p, struct str *out)
{
	if (p->drawn > 0)
		str_addf(out, "\033[%uA\r\033[J", p->drawn);
	p->drawn = 0;
}

void progress_clear(struct progress *p)
{
	struct str out = STR_INIT;

	if (!p->terminal)
		return;
	add_erase(p, &out);
	put(p, &out);
	str_release(&out);
}

void progress_say(struct progress *p, const char *fmt, ...)
{
	struct str out = STR_INIT;
	va_list ap;

	if (p->terminal)
		add_erase(p, &out);
	va_start(ap, fmt);
	str_vaddf(&out, fmt, ap);
	va_end(ap);
	str_addc(&out, '\n');
	put(p, &out);
	str_release(&out);
}

static void add_bar(const struct progress *p, const struct step_view *s, struct str *out)
{
	int64_t done = s->succeeded + s->reused;
	int full = s->total > 0 ? (int)(done * BAR_CELLS / s->total) : 0;

	if (p->color)
		str_adds(out, s->failed ? "\033[31m" : done == s->total ? "\033[32m" : "\033[36m");
	for (int i = 0; i < BAR_CELLS; i++) {
		if (p->unicode)
			str_adds(out, i < full ? "\xe2\x96\x88" : "\xe2\x96\x91");
		else
			str_addc(out, i < full ? '#' : '.');
	}
	if (p->color)
		str_adds(out, "\033[0m");
}

static void add_state(const struct step_view *s, struct str *out)
{
	size_t before = out->len;

	if (s->running > 0)
		str_addf(out, "  %lld run", (long long)s->running);
	if (s->pending > 0)
		str_addf(out, "  %lld ready", (long long)s->pending);
	if (s->failed > 0)
		str_addf(out, "  %lld failed", (long long)s->failed);
	if (s->waiting > 0 && s->waits_for != NULL)
		str_addf(out, "  %lld wait for %s", (long long)s->waiting, s->waits_for);
	if (s->reused > 0)
		str_addf(out, "  %lld reused", (long long)s->reused);
	if (out->len == before && s->total > 0 && s->succeeded == s->total)
		str_adds(out, "  done");
}

/* Cut text at `width` columns; counts characters, leaves escapes whole. */
static void add_cut(const struct str *text, unsigned width, struct str *out)
{
	unsigned column = 0;

	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->p[i];

		if (c == '\033') {
			size_t end = i;

			while (end < text->len && text->p[end] != 'm')
				end++;
			str_add(out, text->p + i, end - i + (end < text->len));
			i = end;
			continue;
		}
		if ((c & 0xc0) != 0x80 && ++column > width)
			continue;
		if (column <= width)
			str_addc(out, (char)c);
	}
}

static void draw_block(struct progress *p, const struct run_view *v)
{
	struct str out = STR_INIT, line = STR_INIT;
	size_t name_width = 0;
	char elapsed[24];

	for (size_t i = 0; i < v->nsteps; i++) {
		size_t n = strlen(v->steps[i].name);

		name_width = n > name_width ? n : name_width;
	}
	if (name_width > 24)
		name_width = 24;
	add_erase(p, &out);
	duration_text(clock_monotonic_ns() - p->started_ns, elapsed);
	str_addf(&line, "%s  run %lld  %s  %lld worker%s  %s", v->workflow, (long long)v->run_id,
	         v->url, (long long)v->workers, v->workers == 1 ? "" : "s", elapsed);
	add_cut(&line, p->width - 1, &out);
	str_addc(&out, '\n');
	for (size_t i = 0; i < v->nsteps; i++) {
		const struct step_view *s = &v->steps[i];

		str_reset(&line);
		str_addf(&line, "%-*.*s  ", (int)name_width, (int)name_width, s->name);
		add_bar(p, s, &line);
		str_addf(&line, "  %lld/%lld", (long long)(s->succeeded + s->reused),
		         (long long)s->total);
		add_state(s, &line);
		add_cut(&line, p->width - 1, &out);
		str_addc(&out, '\n');
	}
	put(p, &out);
	p->drawn = (unsigned)v->nsteps + 1;
	str_release(&line);
	str_release(&out);
}

static void print_summary(struct progress *p, const struct run_view *v)
{
	int64_t total = 0, ok = 0, reused = 0, running = 0, failed = 0;
	char line[sizeof(p->last)], elapsed[24];

	for (size_t i = 0; i < v->nsteps; i++) {
		total += v->steps[i].total;
		ok += v->steps[i].succeeded;
		reused += v->steps[i].reused;
		running += v->steps[i].running;
		failed += v->steps[i].failed;
	}
	snprintf(line, sizeof(line), "%lld of %lld done, %lld running, %lld failed",
	         (long long)(ok + reused), (long long)total, (long long)running, (long long)failed);
	p->printed_ns = clock_monotonic_ns();
	if (strcmp(line, p->last) == 0)
		return;
	memcpy(p->last, line, sizeof(line));
	duration_text(p->printed_ns - p->started_ns, elapsed);
	progress_say(p, "%s run %lld: %s  %s", v->workflow, (long long)v->run_id, line, elapsed);
}

void progress_show(struct progress *p, const struct run_view *v)
{
	if (p->terminal)
		draw_block(p, v);
	else if (clock_monotonic_ns() - p->printed_ns >= SUMMARY_NS)
		print_summary(p, v);
}
