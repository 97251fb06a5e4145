#include "server/relay_stream.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/str.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct relay_stream {
	struct flow flow;
	int stir;
	atomic_bool there; /* bytes, or the end */

	pthread_mutex_t lock; /* of what follows */
	struct str bytes;
	size_t taken; /* of them */
	bool full;    /* some were refused since there was room */
	bool room;    /* there is again */
	bool ended;   /* the relay has let go */
	bool whole;
	bool gone; /* the flow has let go */
};

static void free_stream(struct relay_stream *s)
{
	pthread_mutex_destroy(&s->lock);
	str_release(&s->bytes);
	free(s);
}

static void stir(const struct relay_stream *s)
{
	uint64_t one = 1;
	int err = fd_write_all(s->stir, &one, sizeof(one));

	/* An eventfd takes a one whenever it is not near its limit of 2^64. */
	assert(err == 0);
	(void)err;
}

static bool ready(const struct flow *flow)
{
	return atomic_load(&((const struct relay_stream *)flow)->there);
}

static ssize_t fill(struct flow *flow, char *to, size_t max)
{
	struct relay_stream *s = (struct relay_stream *)flow;
	bool room = false;
	size_t left;
	ssize_t n;

	pthread_mutex_lock(&s->lock);
	left = s->bytes.len - s->taken;
	n = (ssize_t)(left < max ? left : max);
	memcpy(to, s->bytes.p + s->taken, (size_t)n);
	s->taken += (size_t)n;
	left -= (size_t)n;
	if (left == 0) {
		str_release(&s->bytes);
		s->taken = 0;
	}
	if (s->full && left < RELAY_STREAM_MOST / 2) {
		s->full = false;
		s->room = room = true;
	}
	if (n == 0 && s->ended)
		n = s->whole ? FLOW_END : FLOW_BROKEN;
	atomic_store(&s->there, left > 0 || s->ended);
	if (room && !s->ended)
		stir(s);
	pthread_mutex_unlock(&s->lock);
	return n;
}

static void release(struct flow *flow)
{
	struct relay_stream *s = (struct relay_stream *)flow;
	bool ended;

	flow_end(flow);
	pthread_mutex_lock(&s->lock);
	s->gone = true;
	ended = s->ended;
	if (!ended)
		stir(s);
	pthread_mutex_unlock(&s->lock);
	if (ended)
		free_stream(s);
}

struct relay_stream *relay_stream_new(struct flows *flows, int stir)
{
	struct relay_stream *s = xcalloc(1, sizeof(*s));

	s->flow.fill = fill;
	s->flow.release = release;
	s->flow.ready = ready;
	s->flow.flows = flows;
	s->stir = stir;
	pthread_mutex_init(&s->lock, NULL);
	str_init(&s->bytes);
	return s;
}

struct flow *relay_stream_flow(struct relay_stream *s)
{
	return &s->flow;
}

/* Under the lock. */
static void tell(struct relay_stream *s)
{
	atomic_store(&s->there, true);
	flow_wake(&s->flow);
}

bool relay_stream_put(struct relay_stream *s, const char *bytes, size_t n)
{
	bool took = true;

	pthread_mutex_lock(&s->lock);
	if (s->gone) {
		/* The relay is about to hear of it. */
	} else if (s->bytes.len - s->taken >= RELAY_STREAM_MOST) {
		s->full = true;
		took = false;
	} else if (n > 0) {
		s->bytes.len -= s->taken;
		memmove(s->bytes.p, s->bytes.p + s->taken, s->bytes.len);
		s->taken = 0;
		str_add(&s->bytes, bytes, n);
		tell(s);
	}
	pthread_mutex_unlock(&s->lock);
	return took;
}

bool relay_stream_has_room(struct relay_stream *s)
{
	bool room;

	pthread_mutex_lock(&s->lock);
	room = s->room;
	s->room = false;
	pthread_mutex_unlock(&s->lock);
	return room;
}

bool relay_stream_gone(struct relay_stream *s)
{
	bool gone;

	pthread_mutex_lock(&s->lock);
	gone = s->gone;
	pthread_mutex_unlock(&s->lock);
	return gone;
}

void relay_stream_end(struct relay_stream *s, bool whole)
{
	bool gone;

	pthread_mutex_lock(&s->lock);
	s->ended = true;
	s->whole = whole;
	gone = s->gone;
	if (!gone)
		tell(s);
	pthread_mutex_unlock(&s->lock);
	if (gone)
		free_stream(s);
}
