#include "runtime/progress.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/terminal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUMMARY_NS (30 * INT64_C(1000000000))
#define SECOND_NS INT64_C(1000000000)
#define MINUTE_NS (60 * SECOND_NS)
/* Tasks from which a pace is told. */
#define LEAST_ENDED 2
/* What takes longer than a year nobody waits for. */
#define REST_MOST_NS (366 * 86400 * 1e9)
#define BAR_CELLS 12
/* On a terminal that is narrower than this names and bars leave more to the numbers. */
#define NARROW 72
#define BAR_CELLS_NARROW 6
#define LATE_MAX ((size_t)1 << 20)
#define PIECE 4096 /* what a pipe takes at once when it takes anything */

void progress_resize(struct progress *p)
{
	struct terminal_size size = terminal_wanted(p->fd);

	p->width = size.columns;
	p->height = size.lines;
}

void progress_init(struct progress *p, int fd)
{
	const char *no_color = getenv("NO_COLOR");

	memset(p, 0, sizeof(*p));
	str_init(&p->late);
	p->fd = fd;
	p->terminal = terminal_draws(fd);
	p->color = p->terminal && (no_color == NULL || *no_color == '\0');
	p->unicode = terminal_is_utf8();
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

static bool takes_more(const struct progress *p)
{
	struct pollfd out = {p->fd, POLLOUT, 0};

	return poll(&out, 1, 0) == 1;
}

/* Write as much of what is late as the reader takes now. True when nothing is late any more. */
static bool catch_up(struct progress *p)
{
	size_t done = 0;

	while (done < p->late.len && takes_more(p)) {
		size_t n = p->late.len - done;

		n = n < PIECE ? n : PIECE;
		/* A place that cannot be written to cannot be told of it. */
		(void)fd_write_all(p->fd, p->late.p + done, n);
		done += n;
	}
	if (done > 0) {
		memmove(p->late.p, p->late.p + done, p->late.len - done);
		p->late.len -= done;
		p->late.p[p->late.len] = '\0';
	}
	return p->late.len == 0;
}

static void put(struct progress *p, const struct str *text)
{
	str_add(&p->late, text->p, text->len);
	if (!p->held)
		(void)catch_up(p);
}

void progress_hold(struct progress *p, bool held)
{
	p->held = held;
	if (!held)
		(void)catch_up(p);
}

void progress_close(struct progress *p)
{
	progress_clear(p);
	if (p->lost > 0)
		str_addf(&p->late, "(%u lines left out)\n", p->lost);
	(void)fd_write_all(p->fd, p->late.p, p->late.len);
	str_release(&p->late);
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

	if (!p->terminal || p->drawn == 0)
		return;
	add_erase(p, &out);
	put(p, &out);
	str_release(&out);
}

/* The length of the well-formed UTF-8 sequence that begins here, 0 where there is none. */
static size_t utf8_length(const unsigned char *c, size_t left)
{
	size_t n = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;

	if (n == 0 || n > left || c[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

/*
 * One character of what a task or a server wrote: nothing of it may move the
 * cursor, colour the rest or end the line. Its length.
 */
static size_t neutralise(const struct progress *p, struct str *text, size_t at)
{
	unsigned char *c = (unsigned char *)text->p + at;
	size_t n = utf8_length(c, text->len - at);

	if (n == 1 && (*c >= ' ' || *c == '\t') && *c != 0x7f)
		return 1;
	/* C1 controls are U+0080 to U+009F; one byte each to a terminal that knows no UTF-8. */
	if (n > 1 && !(c[0] == 0xc2 && c[1] < 0xa0) && (p->unicode || !p->terminal))
		return n;
	if (*c == '\n')
		*c = ' ';
	else
		memset(c, '?', n > 0 ? n : 1);
	return n > 0 ? n : 1;
}

void progress_say(struct progress *p, const char *fmt, ...)
{
	struct str out = STR_INIT;
	size_t start;
	va_list ap;

	if (p->late.len > LATE_MAX) {
		p->lost++;
		return;
	}
	if (p->terminal)
		add_erase(p, &out);
	if (p->asked)
		str_addc(&out, '\n');
	p->asked = false;
	start = out.len;
	va_start(ap, fmt);
	str_vaddf(&out, fmt, ap);
	va_end(ap);
	for (size_t i = start; i < out.len;)
		i += neutralise(p, &out, i);
	str_addc(&out, '\n');
	put(p, &out);
	str_release(&out);
}

void progress_ask(struct progress *p, const char *prompt)
{
	struct str out = STR_INIT;

	str_adds(&out, prompt);
	for (size_t i = 0; i < out.len;)
		i += neutralise(p, &out, i);
	put(p, &out);
	p->asked = true;
	str_release(&out);
}

static void add_bar(const struct progress *p, const struct step_view *s, struct str *out)
{
	int64_t done = s->succeeded + s->reused;
	int cells = p->width < NARROW ? BAR_CELLS_NARROW : BAR_CELLS;
	int full = s->total > 0 ? (int)(done * cells / s->total) : 0;

	if (p->color)
		str_adds(out, s->failed ? "\033[31m" : done == s->total ? "\033[32m" : "\033[36m");
	for (int i = 0; i < cells; i++) {
		if (p->unicode)
			str_adds(out, i < full ? "\xe2\x96\x88" : "\xe2\x96\x91");
		else
			str_addc(out, i < full ? '#' : '.');
	}
	if (p->color)
		str_adds(out, "\033[0m");
}

void step_view_note(struct step_view *s)
{
	if (s->began_ns != 0 || s->running == 0)
		return;
	s->began_ns = clock_monotonic_ns();
	s->ended_before = s->succeeded + s->failed;
}

/* How long the rest takes at the pace of what was seen to end. */
static void add_rest(const struct step_view *s, struct str *out)
{
	int64_t ended = s->succeeded + s->failed - s->ended_before;
	int64_t left = s->total - s->reused - s->succeeded - s->failed, ns;
	double rest;
	char text[24];

	if (s->began_ns == 0 || s->running == 0 || ended < LEAST_ENDED)
		return;
	rest = (double)(clock_monotonic_ns() - s->began_ns) / (double)ended * (double)left;
	if (rest > REST_MOST_NS)
		return;
	ns = (int64_t)rest;
	duration_text(ns, text);
	/* Tenths of a second are not known. */
	if (ns < MINUTE_NS)
		snprintf(text, sizeof(text), "%llds", (long long)(ns / SECOND_NS + 1));
	str_addf(out, "  ETA %s", text);
}

static void add_state(const struct step_view *s, struct str *out)
{
	size_t before = out->len;

	if (s->running > 0)
		str_addf(out, "  %lld run", (long long)s->running);
	if (s->pending > 0)
		str_addf(out, "  %lld ready", (long long)s->pending);
	if (s->debug > 0)
		str_addf(out, "  %lld in debug", (long long)s->debug);
	if (s->failed > 0)
		str_addf(out, "  %lld failed", (long long)s->failed);
	if (s->waiting > 0 && s->waits_for != NULL)
		str_addf(out, "  %lld wait for %s", (long long)s->waiting, s->waits_for);
	if (s->reused > 0)
		str_addf(out, "  %lld reused", (long long)s->reused);
	if (out->len == before && s->total > 0 && s->succeeded == s->total)
		str_adds(out, "  done");
	add_rest(s, out);
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

/* Steps in which something happens, then those that wait, then those that are done. */
static int rank_of(const struct step_view *s)
{
	if (s->running + s->pending + s->failed > 0)
		return 0;
	return s->waiting > 0 ? 1 : 2;
}

/* Which steps have a place among `room` lines: the least rank, and how many of the next one. */
static int choose_rank(const struct run_view *v, size_t room, size_t *of_last)
{
	size_t of_rank[3] = {0};

	for (size_t i = 0; i < v->nsteps; i++)
		of_rank[rank_of(&v->steps[i])]++;
	for (int rank = 0; rank < 2; rank++) {
		if (of_rank[rank] > room) {
			*of_last = room;
			return rank;
		}
		room -= of_rank[rank];
	}
	*of_last = room;
	return 2;
}

static void add_step(const struct progress *p, const struct step_view *s, int name_width,
                     struct str *out)
{
	struct str line = STR_INIT;

	str_addf(&line, "%-*.*s  ", name_width, name_width, s->name);
	add_bar(p, s, &line);
	str_addf(&line, "  %lld/%lld", (long long)(s->succeeded + s->reused), (long long)s->total);
	add_state(s, &line);
	add_cut(&line, p->width - 1, out);
	str_addc(out, '\n');
	str_release(&line);
}

/* The cursor cannot be moved back above the top of the screen: the block is lower than that. */
static void draw_block(struct progress *p, const struct run_view *v)
{
	struct str out = STR_INIT, line = STR_INIT;
	size_t name_width = 0, most, room = v->nsteps, shown = 0, of_last = v->nsteps;
	char elapsed[24];
	int last = 2;

	if (p->height > 0 && v->nsteps + 2 > p->height) {
		room = p->height > 3 ? p->height - 3 : 0;
		last = choose_rank(v, room, &of_last);
	}
	for (size_t i = 0; i < v->nsteps; i++) {
		size_t n = strlen(v->steps[i].name);

		name_width = n > name_width ? n : name_width;
	}
	most = p->width < NARROW ? p->width / 3 : 24;
	name_width = name_width > most ? most : name_width;
	add_erase(p, &out);
	duration_text(clock_monotonic_ns() - p->started_ns, elapsed);
	str_addf(&line, "%s  run %lld  %s  %lld worker%s  %s", v->workflow, (long long)v->run_id,
	         v->url, (long long)v->workers, v->workers == 1 ? "" : "s", elapsed);
	add_cut(&line, p->width - 1, &out);
	str_addc(&out, '\n');
	for (size_t i = 0; i < v->nsteps; i++) {
		int rank = rank_of(&v->steps[i]);

		if (rank > last || (rank == last && of_last == 0))
			continue;
		of_last -= rank == last;
		shown++;
		add_step(p, &v->steps[i], (int)name_width, &out);
	}
	p->drawn = (unsigned)shown + 1;
	if (shown < v->nsteps) {
		str_reset(&line);
		str_addf(&line, "and %zu more steps", v->nsteps - shown);
		add_cut(&line, p->width - 1, &out);
		str_addc(&out, '\n');
		p->drawn++;
	}
	put(p, &out);
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
	if (!catch_up(p))
		return;
	if (p->terminal && takes_more(p))
		draw_block(p, v);
	else if (!p->terminal && clock_monotonic_ns() - p->printed_ns >= SUMMARY_NS)
		print_summary(p, v);
}
