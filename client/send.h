/*
 * One attempt at a call, on a connection that no other thread uses meanwhile. Connections are kept
 * for the next attempt.
 */
#ifndef CLIENT_SEND_H
#define CLIENT_SEND_H

#include "base/vec.h"
#include "client/client.h"
#include "client/request.h"

#include <pthread.h>

struct sender {
	struct server_access access; /* its texts are the sender's */
	pthread_mutex_t lock;
	VEC(struct client *) idle;
};

/* False where the server's name is none; sender_release() follows in any case. */
bool sender_init(struct sender *sender, const struct server_access *access);
void sender_release(struct sender *sender);

/* What came of an attempt. */
struct sent {
	enum scitq_result result; /* SCITQ_UNREACHABLE: worth another attempt */
	json_t *json;             /* of SCITQ_OK */
	struct str error, code;
};

void sent_init(struct sent *outcome);
void sent_release(struct sent *outcome);
/* Its json, now the caller's: jansson's count is not for two threads that give it up. */
json_t *sent_detach(struct sent *outcome);

/* Whether an attempt goes on, asked now and then. */
struct watch {
	bool (*stops)(void *context); /* NULL: nothing stops it */
	void *context;
	int64_t asked_ns; /* last */
};

/*
 * The request must be resolved. Waits `seconds` for the answer. SCITQ_INTERRUPTED where the watch
 * stops it: the server may have done it.
 */
void sender_try(struct sender *sender, struct request *request, double seconds, struct watch watch,
                struct sent *outcome);
/* A client that is nobody else's until it is given back; NULL where there is no memory. */
struct client *sender_take(struct sender *sender);
void sender_give(struct sender *sender, struct client *client);

#endif
