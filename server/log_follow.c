/*
 * GET /executions/{id}/log/{stream}?follow: the bytes of a log as they come,
 * until the execution has ended. A follower holds one piece at most; a reader
 * thread fetches the next when that was sent and the board says that there is
 * more. An early end (the server stops, the database cannot be read) is an
 * unfinished body, so that nobody takes it for the whole.
 */
#include "server/log_follow.h"

#include "base/alloc.h"
#include "server/core.h"
#include "server/flow.h"
#include "server/log_board.h"
#include "server/server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)64 << 10)

struct log_flow {
	struct flow flow;
	struct reader_job job;
	struct server *server;
	struct log_watch *watch;
	enum store_stream stream;
	atomic_int_least64_t offset; /* of the next byte to be fetched */
	atomic_bool fetching;        /* the job is with the readers */

	pthread_mutex_t lock; /* of what follows */
	struct str piece;
	size_t sent; /* of it */
	bool failed;
	bool released; /* its connection is gone: the job frees it */
};

static void free_flow(struct log_flow *l)
{
	log_unwatch(l->server->board, l->watch);
	pthread_mutex_destroy(&l->lock);
	str_release(&l->piece);
	free(l);
}

/* On a reader thread; reader NULL: the readers stop. */
static void fetch(struct reader *reader, struct reader_job *job)
{
	struct log_flow *l = (struct log_flow *)((char *)job - offsetof(struct log_flow, job));
	enum store_result result = STORE_IO;
	struct str piece = STR_INIT;
	bool released;

	if (reader != NULL)
		result = store_log_read(reader->store, l->watch->execution, l->stream,
		                        atomic_load(&l->offset), PIECE, &piece);
	pthread_mutex_lock(&l->lock);
	/* What is known to be there must be there. */
	l->failed = result != STORE_OK || piece.len == 0;
	l->piece = piece;
	l->sent = 0;
	atomic_fetch_add(&l->offset, (int64_t)piece.len);
	atomic_store(&l->fetching, false);
	released = l->released;
	if (!released)
		flow_wake(&l->flow);
	pthread_mutex_unlock(&l->lock);
	if (released)
		free_flow(l);
}

static bool has_more(const struct log_flow *l)
{
	return atomic_load(&l->offset) < atomic_load(&l->watch->length[l->stream]);
}

/* Is there a reason to resume it? By the thread of the flows. */
static bool ready(const struct flow *flow)
{
	const struct log_flow *l = (const struct log_flow *)flow;

	return !atomic_load(&l->fetching) &&
	       (has_more(l) || atomic_load(&l->watch->ended) || !core_leads(l->server->core));
}

static ssize_t fill(struct flow *flow, char *to, size_t max)
{
	struct log_flow *l = (struct log_flow *)flow;
	bool ended = atomic_load(&l->watch->ended), fetch_more = false;
	ssize_t n = 0;

	pthread_mutex_lock(&l->lock);
	if (l->sent < l->piece.len) {
		size_t left = l->piece.len - l->sent;

		left = left < max ? left : max;
		memcpy(to, l->piece.p + l->sent, left);
		l->sent += left;
		if (l->sent == l->piece.len) {
			str_release(&l->piece);
			l->sent = 0;
		}
		n = (ssize_t)left;
	} else if (l->failed || !core_leads(l->server->core)) {
		/* Nobody tells us how it grows where another server leads. */
		n = FLOW_BROKEN;
	} else if (!atomic_load(&l->fetching)) {
		fetch_more = has_more(l);
		/* Looked at before the length: the last bytes were noted before the end. */
		if (!fetch_more && ended)
			n = FLOW_END;
		atomic_store(&l->fetching, fetch_more);
	}
	pthread_mutex_unlock(&l->lock);
	if (fetch_more)
		readers_do(l->server->readers, &l->job);
	return n;
}

static void release(struct flow *flow)
{
	struct log_flow *l = (struct log_flow *)flow;
	bool fetching;

	flow_end(flow);
	pthread_mutex_lock(&l->lock);
	l->released = true;
	fetching = atomic_load(&l->fetching);
	pthread_mutex_unlock(&l->lock);
	if (!fetching)
		free_flow(l);
}

struct log_watch *log_follow_begin(struct call *call)
{
	return log_watch(call->server->board, (uint32_t)call->ids[0]);
}

void log_follow_forget(struct call *call, struct log_watch *watch)
{
	log_unwatch(call->server->board, watch);
}

void log_follow(struct call *call, struct log_watch *watch, enum store_stream stream,
                int64_t offset)
{
	struct log_flow *l;

	if (!flows_admit(call->server->flows, &call->problem)) {
		log_follow_forget(call, watch);
		call_problem(call);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->flow.fill = fill;
	l->flow.release = release;
	l->flow.ready = ready;
	l->flow.flows = call->server->flows;
	l->job.run = fetch;
	l->server = call->server;
	l->watch = watch;
	l->stream = stream;
	atomic_store(&l->offset, offset);
	pthread_mutex_init(&l->lock, NULL);
	str_init(&l->piece);
	call_reply_flow(call, 200, "application/octet-stream", &l->flow);
}
