/* What a task of a debugged run writes: what there is of it, or as it comes. */
#include "base/clock.h"
#include "runtime/debug_inside.h"

#include <string.h>

#define TAIL_BYTES 20000
#define TAIL_MS 30000
/* A line that does not end is told in parts. */
#define LINE_MOST 4000
/* One that was cut off is asked for again. */
#define AGAIN_NS INT64_C(1000000000)

static const struct {
	const char *name, *mark; /* before each of its lines */
} streams[] = {{"stdout", "  out| "}, {"stderr", "  err| "}};

#define STREAMS (sizeof(streams) / sizeof(streams[0]))

/* ---- what there is ---- */

static void show_tail(struct debug *d, int64_t execution, size_t stream)
{
	struct str path = STR_INIT, bytes = STR_INIT;
	const char *line;

	str_addf(&path, "/executions/%lld/log/%s?tail=%d", (long long)execution,
	         streams[stream].name, TAIL_BYTES);
	if (client_get_bytes(&d->session->client, path.p, TAIL_MS, &bytes) != CLIENT_OK)
		progress_say(d->out, "no %s: %s", streams[stream].name, d->session->client.error.p);
	for (line = bytes.len > 0 ? bytes.p : ""; *line != '\0';) {
		size_t n = strcspn(line, "\n");

		progress_say(d->out, "%s%.*s", streams[stream].mark, (int)n, line);
		line += n + (line[n] == '\n');
	}
	str_release(&path);
	str_release(&bytes);
}

void debug_log(struct debug *d, const json_t *task)
{
	json_t *execution = debug_execution(d, member_int(task, "task_id"));
	struct str name = STR_INIT;

	debug_name(task, &name);
	for (size_t i = 0; execution != NULL && i < STREAMS; i++)
		show_tail(d, member_int(execution, "execution_id"), i);
	if (execution == NULL && !d->broken)
		progress_say(d->out, "%s has not run yet", name.p);
	str_release(&name);
	json_decref(execution);
}

/* ---- as it comes ---- */

void debug_logs_init(struct debug_logs *l, struct debug *d, bool *look)
{
	*l = (struct debug_logs){.d = d, .look = look};
	for (size_t i = 0; i < STREAMS; i++)
		l->taps[i] = (struct debug_tap){.logs = l, .stream = i, .line = STR_INIT};
}

void debug_logs_clear(struct debug_logs *l)
{
	for (size_t i = 0; i < STREAMS; i++) {
		struct debug_tap *tap = &l->taps[i];

		if (tap->call != 0)
			http_multi_cancel(l->d->poll.multi, tap->call);
		tap->call = 0;
		tap->offset = tap->again_ns = 0;
		tap->ended = tap->cr = false;
		str_reset(&tap->line);
	}
}

void debug_logs_release(struct debug_logs *l)
{
	debug_logs_clear(l);
	for (size_t i = 0; i < STREAMS; i++)
		str_release(&l->taps[i].line);
}

static void say_line(struct debug_tap *tap)
{
	progress_say(tap->logs->d->out, "%s%s", streams[tap->stream].mark, tap->line.p);
	str_reset(&tap->line);
}

static bool take_piece(void *context, const char *type, const char *data, size_t n)
{
	struct debug_tap *tap = context;

	(void)type;
	tap->offset += (int64_t)n;
	for (size_t i = 0; i < n; i++) {
		/* Bars that are drawn over and over are lines, too. */
		bool end = data[i] == '\n' || data[i] == '\r';

		if ((end && !(data[i] == '\n' && tap->cr && tap->line.len == 0)) ||
		    tap->line.len >= LINE_MOST)
			say_line(tap);
		if (!end)
			str_addc(&tap->line, data[i]);
		tap->cr = data[i] == '\r';
	}
	return true;
}

static void take_end(void *context, enum http_error error, struct http_response *response)
{
	struct debug_tap *tap = context;

	tap->call = 0;
	tap->again_ns = clock_monotonic_ns() + AGAIN_NS;
	/* Else it was cut off, and goes on where that was. */
	tap->ended = error == HTTP_OK && !http_status_retriable(response->status);
	if (tap->ended && tap->line.len > 0)
		say_line(tap);
	*tap->logs->look = true;
}

static void begin(struct debug_tap *tap, int64_t execution)
{
	struct debug *d = tap->logs->d;
	struct str url = STR_INIT, path = STR_INIT;
	struct http_request request;

	str_addf(&path, "/executions/%lld/log/%s?follow=true&offset=%lld", (long long)execution,
	         streams[tap->stream].name, (long long)tap->offset);
	client_request(&d->session->client, "GET", path.p, NULL, 0, &url, &request);
	tap->call = http_multi_follow(d->poll.multi, &request, take_piece, take_end, tap);
	str_release(&url);
	str_release(&path);
}

void debug_logs_tend(struct debug_logs *l, int64_t execution)
{
	for (size_t i = 0; i < STREAMS; i++) {
		struct debug_tap *tap = &l->taps[i];

		if (!tap->ended && tap->call == 0 && clock_monotonic_ns() >= tap->again_ns)
			begin(tap, execution);
	}
}

bool debug_logs_ended(const struct debug_logs *l)
{
	return l->taps[0].ended && l->taps[1].ended;
}
