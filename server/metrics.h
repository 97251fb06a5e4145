/*
 * GET /metrics: what the server counts, in Prometheus' text format. The core
 * counts in struct core_counts, without locks; requests are counted on the HTTP
 * threads. Everything else is read off the state when somebody asks.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "server/call.h"

/* Requests by route and status. */
struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);
/* A request is answered; from any thread. `route` NULL: it has none. */
void metrics_request(struct metrics *metrics, const struct route *route, int status);

#endif
