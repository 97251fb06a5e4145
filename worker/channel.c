#include "worker/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536

void channel_init(struct channel *c)
{
	memset(c, 0, sizeof(*c));
	c->fd = -1;
	str_init(&c->in);
	str_init(&c->out);
}

void channel_close(struct channel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void channel_release(struct channel *c)
{
	channel_close(c);
	str_release(&c->in);
	str_release(&c->out);
}

void channel_open(struct channel *c, int fd)
{
	channel_close(c);
	c->fd = fd;
	str_reset(&c->in);
	str_reset(&c->out);
	c->in_used = c->out_sent = 0;
}

int channel_flush(struct channel *c)
{
	while (c->out_sent < c->out.len) {
		ssize_t n =
		        send(c->fd, c->out.p + c->out_sent, c->out.len - c->out_sent, MSG_NOSIGNAL);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return errno == EAGAIN ? 1 : -errno;
		}
		c->out_sent += (size_t)n;
	}
	str_reset(&c->out);
	c->out_sent = 0;
	return 0;
}

int channel_fill(struct channel *c)
{
	if (c->in_used > 0) {
		memmove(c->in.p, c->in.p + c->in_used, c->in.len - c->in_used + 1);
		c->in.len -= c->in_used;
		c->in_used = 0;
	}
	for (;;) {
		ssize_t n;

		str_reserve(&c->in, CHUNK);
		n = recv(c->fd, c->in.p + c->in.len, CHUNK, 0);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return errno == EAGAIN ? 1 : -errno;
		}
		if (n == 0)
			return 0;
		c->in.len += (size_t)n;
		c->in.p[c->in.len] = '\0';
		if (n < CHUNK)
			return 1;
	}
}

int channel_take(struct channel *c, struct message *m)
{
	return message_take(&c->in, &c->in_used, m);
}
