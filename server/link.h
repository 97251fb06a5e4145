/*
 * The connections of the HTTP side, and how long each may take for what it is at:
 * sending the head of a request, sending its body, or nothing. libmicrohttpd only
 * knows how long a peer was silent, which one that sends a byte a minute never is.
 *
 * HTTP threads tell what a connection does; whoever calls links_sweep() ends those
 * that are over time.
 */
#ifndef SERVER_LINK_H
#define SERVER_LINK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct MHD_Connection;

enum link_state {
	LINK_HEAD, /* a connection is new, or a request line came: until its head is complete */
	LINK_BODY, /* until the body is complete */
	LINK_IDLE, /* between two requests */
	LINK_STATES,
	LINK_SERVED = LINK_STATES /* our turn: without a limit */
};

struct link {
	int fd;
	enum link_state state;
	int64_t due_ns;
	TAILQ_ENTRY(link) place;
};

TAILQ_HEAD(link_list, link);

struct links {
	pthread_mutex_t lock;
	int64_t limit_ns[LINK_STATES];
	/* By the moment that they are due: all of a list have the same time to go. */
	struct link_list lists[LINK_STATES];
};

/* Limits in seconds, by state. */
void links_init(struct links *links, const int64_t limits[LINK_STATES]);
/* Every link must have been closed. */
void links_release(struct links *links);

/* A connection was accepted; it is at LINK_HEAD. The descriptor is used until link_close(). */
struct link *link_open(struct links *links, int fd, int64_t now_ns);
void link_set(struct links *links, struct link *link, enum link_state state, int64_t now_ns);
/* It is about to be closed; frees the link. */
void link_close(struct links *links, struct link *link);

/* Shut down the connections that are over time; their threads then see them end. The number of
   them. */
unsigned links_sweep(struct links *links, int64_t now_ns);

/* Whether the peer closed a connection that is suspended, which libmicrohttpd does not look at;
   from the thread that may resume it. */
bool link_hung_up(struct MHD_Connection *connection);
/*
 * A reply is about to be cut off: the peer sees so at once. libmicrohttpd (0.9.75) ends a
 * connection that was suspended before only when something else happens on it. On its HTTP thread.
 */
void link_cut(struct MHD_Connection *connection);

#endif
