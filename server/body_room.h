/*
 * Room in memory for bodies that are long and come from many peers at once: pieces of logs. One for
 * which there is none waits with its connection suspended, before a byte of it was taken, so that
 * the peer stands still. Who came first is first.
 */
#ifndef SERVER_BODY_ROOM_H
#define SERVER_BODY_ROOM_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct body_room_claim {
	TAILQ_ENTRY(body_room_claim) link; /* while it waits */
	struct MHD_Connection *connection;
	size_t bytes; /* that it has, or waits for; 0: neither */
};

struct body_room {
	pthread_mutex_t lock; /* of what follows, and of claims that wait */
	size_t taken, most;
	bool closed; /* nobody waits any more */
	TAILQ_HEAD(body_room_claims, body_room_claim) waiting;
};

void body_room_init(struct body_room *r, size_t bytes);
/* Nobody waits. */
void body_room_release(struct body_room *r);
/*
 * Ask for so many bytes, at least 1; a claim that has room keeps it until body_room_give_back().
 * One alone gets what it asks for, however much. False: the connection is suspended until there is
 * room, which the claim has then; by the thread that serves the connection.
 */
bool body_room_ask(struct body_room *r, struct body_room_claim *claim,
                   struct MHD_Connection *connection, size_t bytes);
/* Any thread. Nothing where it has none. */
void body_room_give_back(struct body_room *r, struct body_room_claim *claim);
/* Who waits goes on, and so do others: they are refused. */
void body_room_close(struct body_room *r);

#endif
