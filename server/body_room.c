#include "server/body_room.h"

void body_room_init(struct body_room *r, size_t bytes)
{
	pthread_mutex_init(&r->lock, NULL);
	r->taken = 0;
	r->most = bytes;
	r->closed = false;
	TAILQ_INIT(&r->waiting);
}

void body_room_release(struct body_room *r)
{
	pthread_mutex_destroy(&r->lock);
}

/* Under the lock. */
static bool has_room(const struct body_room *r, size_t bytes)
{
	return r->closed || r->taken == 0 || (r->taken <= r->most && bytes <= r->most - r->taken);
}

bool body_room_ask(struct body_room *r, struct body_room_claim *claim,
                   struct MHD_Connection *connection, size_t bytes)
{
	bool has;

	pthread_mutex_lock(&r->lock);
	has = TAILQ_EMPTY(&r->waiting) && has_room(r, bytes);
	claim->bytes = bytes;
	if (has) {
		r->taken += bytes;
	} else {
		claim->connection = connection;
		MHD_suspend_connection(connection);
		TAILQ_INSERT_TAIL(&r->waiting, claim, link);
	}
	pthread_mutex_unlock(&r->lock);
	return has;
}

/* Under the lock. */
static void admit(struct body_room *r)
{
	struct body_room_claim *claim;

	while ((claim = TAILQ_FIRST(&r->waiting)) != NULL && has_room(r, claim->bytes)) {
		TAILQ_REMOVE(&r->waiting, claim, link);
		r->taken += claim->bytes;
		MHD_resume_connection(claim->connection);
	}
}

void body_room_give_back(struct body_room *r, struct body_room_claim *claim)
{
	if (claim->bytes == 0)
		return;
	pthread_mutex_lock(&r->lock);
	r->taken -= claim->bytes;
	claim->bytes = 0;
	admit(r);
	pthread_mutex_unlock(&r->lock);
}

void body_room_close(struct body_room *r)
{
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	admit(r);
	pthread_mutex_unlock(&r->lock);
}
