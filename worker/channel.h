/*
 * A connected stream socket with its two buffers: frames (message.h) that came
 * and were not read yet, frames to go out. Agent and supervisor have one each.
 */
#ifndef WORKER_CHANNEL_H
#define WORKER_CHANNEL_H

#include "worker/message.h"

struct channel {
	int fd; /* -1: not connected */
	struct str in, out;
	size_t in_used, out_sent;
};

void channel_init(struct channel *c);
/* Closes the socket. */
void channel_release(struct channel *c);
/* Takes over a non-blocking socket; the buffers are emptied. */
void channel_open(struct channel *c, int fd);
/* Closes the socket; what came before can still be taken. */
void channel_close(struct channel *c);

/* Write what can be written: 0 where all of it went, 1 where some is left, or -errno. */
int channel_flush(struct channel *c);
/* Read what is there: 1 where the other end is alive, 0 where it closed, or -errno. */
int channel_fill(struct channel *c);
/* As message_take; the frame is valid until the next channel_fill. */
int channel_take(struct channel *c, struct message *m);

#endif
