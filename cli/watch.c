#include "cli/watch.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/terminal.h"
#include "cli/table.h"
#include "runtime/event_stream.h"
#include "runtime/session.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)
/* Readings have an end; a day is none. */
#define SECONDS_MOST 86400.0

bool watch_wanted(struct call *call, double *seconds)
{
	const char *text = command_value(call->command, "watch");
	char *end;

	*seconds = text != NULL ? 1 : 0;
	if (text == NULL || *text == '\0')
		return true;
	errno = 0;
	*seconds = strtod(text, &end);
	if (errno == 0 && end != text && *end == '\0' && *seconds > 0 && *seconds <= SECONDS_MOST)
		return true;
	return call_fail(call, EXIT_CODE_USAGE, NULL, "--watch is '%s', not a number of seconds",
	                 text);
}

/* ---- the screen ---- */

void screen_init(struct screen *s)
{
	*s = (struct screen){.terminal = terminal_draws(STDOUT_FILENO), .last = STR_INIT};
}

void screen_release(struct screen *s)
{
	str_release(&s->last);
}

/* What nobody reads any more is no failure, and the end of it. */
bool screen_add(struct screen *s, struct call *call, const struct str *text)
{
	int err = text->len > 0 ? fd_write_all(STDOUT_FILENO, text->p, text->len) : 0;

	s->begun = true;
	if (err == 0)
		return true;
	call->code = EXIT_CODE_OK;
	if (err != -EPIPE)
		call_fail(call, EXIT_CODE_INFRASTRUCTURE, NULL, "cannot write: %s", strerror(-err));
	return false;
}

static size_t lines_in(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* The text as lines of the terminal, as many as it has room for. */
static unsigned lay_out(const struct str *text, struct str *out)
{
	const char *line = text->len > 0 ? text->p : "";
	const struct terminal_size size = terminal_size(STDOUT_FILENO);
	unsigned n = 0;

	while (*line != '\0') {
		size_t length = strcspn(line, "\n");
		bool last = line[length] == '\0' || line[length + 1] == '\0';

		/* The line below them is the cursor's. */
		if (size.lines > 2 && n + 2 >= size.lines && !last) {
			str_addf(out, "... %zu more\033[K\n", lines_in(line));
			return n + 1;
		}
		/* One that goes on below would not be drawn over. */
		str_add(out, line,
		        size.columns > 0 ? table_bytes_of(line, length, size.columns) : length);
		str_adds(out, "\033[K\n");
		n++;
		line += length + (line[length] == '\n');
	}
	return n;
}

static bool same(const struct str *a, const struct str *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

bool screen_show(struct screen *s, struct call *call, const struct str *text)
{
	struct str shown = STR_INIT, out = STR_INIT;
	unsigned lines = 0;
	bool ok = true;

	if (s->terminal)
		lines = lay_out(text, &shown);
	else
		str_add(&shown, text->p, text->len);
	if (!s->begun || !same(&shown, &s->last)) {
		if (s->terminal && s->drawn > 0)
			str_addf(&out, "\033[%uA\r", s->drawn);
		else if (!s->terminal && s->begun)
			str_addc(&out, '\n');
		str_add(&out, shown.p, shown.len);
		if (s->terminal)
			str_adds(&out, "\033[J");
		ok = screen_add(s, call, &out);
		s->drawn = lines;
		str_release(&s->last);
		s->last = shown;
		str_init(&shown);
	}
	str_release(&shown);
	str_release(&out);
	return ok;
}

/* ---- following ---- */

struct following {
	const struct watch *watch;
	struct http_multi *multi;
	struct event_stream events;
	bool changed; /* since the last showing */
	bool over;    /* a private server has gone */
	bool refused; /* the server has said no */
};

static bool each_event(void *context, const char *kind, const struct str *data)
{
	struct following *f = context;

	(void)kind;
	(void)data;
	f->changed = true;
	return true;
}

static void take_end(void *context, enum http_error error, struct http_response *response)
{
	struct following *f = context;
	struct client *client = &f->watch->call->reach.client;
	enum client_result result = client_answer(client, error, response, NULL);

	f->refused = result == CLIENT_UNAUTHORIZED || result == CLIENT_REFUSED;
	/* Nothing happens where it is not needed any more, and it is not started to tell that. */
	f->over = call_private(f->watch->call);
}

static int until_ms(int64_t then_ns)
{
	int64_t ms = (then_ns - clock_monotonic_ns()) / 1000000 + 1;

	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static int wait_ms(const struct following *f, int64_t next_ns)
{
	int64_t then = event_stream_due(&f->events);

	return until_ms(f->changed && next_ns < then ? next_ns : then);
}

/* False: nobody reads what is printed. */
static bool await(struct following *f, int resized, int64_t next_ns)
{
	struct signalfd_siginfo info;
	struct pollfd fds[] = {
	        {http_multi_fd(f->multi), POLLIN, 0}, {resized, POLLIN, 0}, {STDOUT_FILENO, 0, 0}};

	if (poll(fds, 3, wait_ms(f, next_ns)) < 0)
		return errno == EINTR;
	http_multi_run(f->multi);
	if ((fds[1].revents & POLLIN) && read(resized, &info, sizeof(info)) > 0)
		f->changed = true;
	return (fds[2].revents & POLLERR) == 0;
}

/* Show it; where the server is away, it is asked again once its stream is there. */
static bool show(struct following *f, bool first)
{
	struct call *call = f->watch->call;
	bool ok;

	f->changed = false;
	call->patient = !first;
	ok = f->watch->show(f->watch->context);
	call->patient = false;
	if (ok || call->code != CALL_AWAY)
		return ok;
	call->code = EXIT_CODE_OK;
	f->changed = true;
	return true;
}

void watch_follow(const struct watch *w)
{
	struct following f = {.watch = w, .multi = http_multi_new(), .changed = true};
	int64_t next_ns = 0;
	int resized;
	sigset_t set;
	bool first = true, ok = true;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	resized = signalfd(-1, &set, SFD_CLOEXEC);
	if (resized < 0) {
		call_fail(w->call, EXIT_CODE_INFRASTRUCTURE, NULL, "no signalfd: %s",
		          strerror(errno));
		ok = false;
	}
	event_stream_init(&f.events, &w->call->reach.client, f.multi, each_event, take_end, &f);
	f.events.path = w->events;
	while (ok) {
		event_stream_tend(&f.events);
		ok = await(&f, resized, next_ns);
		if (ok && f.refused)
			ok = call_fail(w->call, EXIT_CODE_SERVER, NULL, "%s",
			               w->call->reach.client.error.p);
		if (ok && f.over) {
			/* How it ended; the server comes back for that as for any command. */
			if (f.changed && !show(&f, false))
				break;
			fprintf(stderr, "%s: the private server has gone, with its last run\n",
			        w->call->command->program);
			break;
		}
		if (ok && f.changed && clock_monotonic_ns() >= next_ns) {
			ok = show(&f, first);
			first = false;
			next_ns = clock_monotonic_ns() + (int64_t)(w->seconds * (double)SECOND_NS);
		}
	}
	if (resized >= 0)
		close(resized);
	event_stream_release(&f.events);
	http_multi_free(f.multi);
}
