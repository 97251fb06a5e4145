#include "server/link.h"

#include "base/alloc.h"

#include <assert.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

void links_init(struct links *links, const int64_t limits[LINK_STATES])
{
	pthread_mutex_init(&links->lock, NULL);
	for (int i = 0; i < LINK_STATES; i++) {
		links->limit_ns[i] = limits[i] * 1000000000;
		TAILQ_INIT(&links->lists[i]);
	}
}

void links_release(struct links *links)
{
	for (int i = 0; i < LINK_STATES; i++)
		assert(TAILQ_EMPTY(&links->lists[i]));
	pthread_mutex_destroy(&links->lock);
}

/* Under the lock, as the next. */
static void leave(struct links *links, struct link *link)
{
	if (link->state != LINK_SERVED)
		TAILQ_REMOVE(&links->lists[link->state], link, place);
	link->state = LINK_SERVED;
}

static void enter(struct links *links, struct link *link, enum link_state state, int64_t now_ns)
{
	link->state = state;
	if (state == LINK_SERVED)
		return;
	link->due_ns = now_ns + links->limit_ns[state];
	TAILQ_INSERT_TAIL(&links->lists[state], link, place);
}

struct link *link_open(struct links *links, int fd, int64_t now_ns)
{
	struct link *link = xcalloc(1, sizeof(*link));

	link->fd = fd;
	pthread_mutex_lock(&links->lock);
	enter(links, link, LINK_HEAD, now_ns);
	pthread_mutex_unlock(&links->lock);
	return link;
}

void link_set(struct links *links, struct link *link, enum link_state state, int64_t now_ns)
{
	pthread_mutex_lock(&links->lock);
	leave(links, link);
	enter(links, link, state, now_ns);
	pthread_mutex_unlock(&links->lock);
}

void link_close(struct links *links, struct link *link)
{
	pthread_mutex_lock(&links->lock);
	leave(links, link);
	pthread_mutex_unlock(&links->lock);
	free(link);
}

unsigned links_sweep(struct links *links, int64_t now_ns)
{
	unsigned n = 0;

	pthread_mutex_lock(&links->lock);
	for (int i = 0; i < LINK_STATES; i++) {
		struct link *link;

		while ((link = TAILQ_FIRST(&links->lists[i])) != NULL && link->due_ns <= now_ns) {
			leave(links, link);
			/* Fails where the peer has gone already. The descriptor is still this
			   connection's: link_close() comes before its close and waits for us. */
			(void)shutdown(link->fd, SHUT_RDWR);
			n++;
		}
	}
	pthread_mutex_unlock(&links->lock);
	return n;
}

/* -1: it is not known. */
static int fd_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info != NULL ? info->connect_fd : -1;
}

bool link_hung_up(struct MHD_Connection *connection)
{
	struct pollfd p = {.fd = fd_of(connection), .events = POLLRDHUP};

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void link_cut(struct MHD_Connection *connection)
{
	/* Fails where the peer has gone already. */
	(void)shutdown(fd_of(connection), SHUT_RDWR);
}
