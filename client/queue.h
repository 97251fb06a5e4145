/*
 * Writes that wait to be sent, in the order of their calls, and the thread that sends them. The
 * thread is started with the first of them and lives until queue_stop(). A write leaves the queue
 * when the server has said something about it, be it no.
 */
#ifndef CLIENT_QUEUE_H
#define CLIENT_QUEUE_H

#include "client/send.h"
#include "client/spool.h"
#include "client/voice.h"

struct pending {
	struct pending *next;
	struct request request;
	struct scitq_answer *answer; /* a reference */
};

struct queue {
	struct sender *sender;
	double interval; /* seconds that an attempt may take, and between attempts at most */
	struct voice voice;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct pending *first, **last;
	size_t n;
	size_t most;       /* that may be queued by calls: the next one waits */
	uint64_t numbered; /* number of the last write */
	bool started, stopping;
	bool full; /* it was told that a call waits, and not yet that all is sent */
	pthread_t thread;
	struct spool spool;
};

/*
 * most: writes that calls may queue. spool: path of the file, or NULL. What it holds is queued.
 * False, with errno, where it cannot be used, ESTALE where that is too old; queue_stop() follows in
 * any case.
 */
bool queue_init(struct queue *q, struct sender *sender, double interval, size_t most,
                const char *spool);
/* Give up the thread and what is queued: its answers are SCITQ_CLOSED. How many there were. */
size_t queue_stop(struct queue *q);

size_t queue_count(struct queue *q);
enum queued {
	QUEUE_TAKEN,
	QUEUE_EMPTY,     /* nothing is queued, and it was not added */
	QUEUE_NO_MEMORY, /* for one more */
	QUEUE_STOPPED,   /* by the watch, while there was no room */
};

/*
 * Is something queued, or `anyway`? Then add the request, whose contents are taken, and its answer,
 * once there is room.
 */
enum queued queue_add(struct queue *q, struct request *request, struct scitq_answer *answer,
                      bool anyway, struct watch watch);
/*
 * Wait until nothing is queued, or what is queued now is sent, for so many seconds at most (below
 * 0: for ever), or until the watch stops it. False where it is not.
 */
bool queue_drain(struct queue *q, double seconds, struct watch watch);
#endif
