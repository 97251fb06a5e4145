/*
 * Replies that go on: connections to which bytes are sent as they come into
 * being. While there is nothing to send a connection is suspended and costs
 * neither a thread nor a poll; one thread, the only one here, resumes those that
 * wait when something was published, when they have been quiet for long, and
 * when the server stops.
 *
 * A suspended connection notices nothing, not even that its peer has hung up:
 * therefore every flow is looked at again after FLOW_QUIET_NS. It must not
 * be freed while it is suspended: only libmicrohttpd frees a flow, with the
 * response.
 *
 * Who makes one embeds struct flow, fills in its two functions, and hands it
 * to call_reply_flow().
 */
#ifndef SERVER_FLOW_H
#define SERVER_FLOW_H

#include "model/digest.h"
#include "model/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#define FLOW_QUIET_NS (INT64_C(10) * 1000000000)
/* At a time; each may hold the 32 KiB that a connection has. */
#define FLOWS_MOST 2048

struct flows;
struct flow;

/* Put at most `max` bytes at `to`; 0: none are there yet, FLOW_END: none will come. On an HTTP
   thread, never on two at once. */
typedef ssize_t flow_fill(struct flow *flow, char *to, size_t max);
#define FLOW_END ((ssize_t)-1)
#define FLOW_BROKEN ((ssize_t)-2) /* there is more, but it cannot be had: the reply is cut off */
typedef void flow_free(struct flow *flow);

/* Whether fill would give something, looked at before it is resumed; must not lock. */
typedef bool flow_ready(const struct flow *flow);

struct auth;

struct flow {
	flow_fill *fill;
	flow_free *release; /* the whole of it */
	flow_ready *ready;  /* NULL: it looks whenever something was published, and may end at any
	                       moment; else an end that is not its own breaks the reply */
	struct flows *flows;

	/* Set by response.c: who looks on, looked at again while they do. */
	struct auth *auth; /* NULL: anybody may */
	char digest[DIGEST_TEXT_SIZE];

	/* The rest is of flow.c. */
	void *connection; /* struct MHD_Connection */
	TAILQ_ENTRY(flow) place;
	bool waiting; /* suspended, and in the list */
	bool poked;   /* flow_wake() since it looked */
	bool quiet; /* nothing was sent for long: set before fill, which may send a sign of life */
	bool gone;  /* its peer has hung up */
	int64_t since_ns;    /* it is suspended */
	int64_t sent_ns;     /* something was sent last; 0: nothing yet */
	int64_t admitted_ns; /* when it was looked at last whether the token is in force */
};

/* Start the thread. NULL with *problem set where it cannot be had. */
struct flows *flows_new(struct problem *problem);
/* Something was published: every flow that waits looks for it. Cheap; from any thread. */
void flows_wake(struct flows *flows);
/* This one flow is to look. */
void flow_wake(struct flow *flow);
/* One more? False, with *problem set, where there are too many or the server is stopping. Given
   back by flow_end(). */
bool flows_admit(struct flows *flows, struct problem *problem);
/* From `release`: the flow is gone. */
void flow_end(struct flow *flow);
unsigned flows_count(struct flows *flows);
/* End them all, and the thread; from then on none is admitted. Replies under way end with the bytes
   that they have. */
void flows_stop(struct flows *flows);
void flows_free(struct flows *flows);

/* For response.c: the reader of a response whose connection is flow->connection. */
ssize_t flow_read(void *flow, uint64_t position, char *to, size_t max);
void flow_read_end(void *flow);

#endif
