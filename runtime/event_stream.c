#include "runtime/event_stream.h"

#include "base/clock.h"

#define SECOND_NS INT64_C(1000000000)
/* The server sends something at least every ten seconds. */
#define SILENCE_NS (30 * SECOND_NS)
/* One that was away, or has no stream to spare, is asked again. */
#define AGAIN_NS SECOND_NS

void event_stream_init(struct event_stream *s, struct client *client, struct http_multi *multi,
                       bool (*each)(void *context, const char *kind, const struct str *data),
                       void (*ended)(void *context, enum http_error error,
                                     struct http_response *response),
                       void *context)
{
	*s = (struct event_stream){.client = client, .multi = multi, .ended = ended};
	events_init(&s->events, each, context);
}

static void cancel(struct event_stream *s)
{
	if (s->call != 0)
		http_multi_cancel(s->multi, s->call);
	s->call = 0;
}

void event_stream_release(struct event_stream *s)
{
	cancel(s);
	events_release(&s->events);
}

static bool take_piece(void *context, const char *type, const char *data, size_t n)
{
	struct event_stream *s = context;

	(void)type;
	s->heard_ns = clock_monotonic_ns();
	return n == 0 || events_read(&s->events, data, n);
}

static void take_end(void *context, enum http_error error, struct http_response *response)
{
	struct event_stream *s = context;

	s->call = 0;
	s->again_ns = clock_monotonic_ns() + AGAIN_NS;
	s->ended(s->events.context, error, response);
}

static void begin(struct event_stream *s)
{
	struct http_request request;
	struct str url = STR_INIT;

	events_reset(&s->events);
	s->heard_ns = clock_monotonic_ns();
	client_request(s->client, "GET", s->path, NULL, 0, &url, &request);
	s->call = http_multi_follow(s->multi, &request, take_piece, take_end, s);
	str_release(&url);
}

void event_stream_tend(struct event_stream *s)
{
	int64_t now = clock_monotonic_ns();

	/* A connection on which nothing comes is none. */
	if (s->call != 0 && now - s->heard_ns > SILENCE_NS) {
		cancel(s);
		s->again_ns = now;
	}
	if (s->call == 0 && now >= s->again_ns)
		begin(s);
}

int64_t event_stream_due(const struct event_stream *s)
{
	return s->call != 0 ? s->heard_ns + SILENCE_NS : s->again_ns;
}
