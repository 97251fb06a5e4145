/*
 * GET /events: the feed as server-sent events (the WHATWG's HTML standard, 9.2).
 * A client that comes back says the number of the last event that it saw and
 * gets what followed; where that is not kept any more, it gets the event
 * `reset` and reads anew what it shows.
 */
#include "base/alloc.h"
#include "server/core.h"
#include "server/feed.h"
#include "server/request.h"
#include "server/server.h"
#include "server/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Printed at a time; a flow that waits holds none of it. */
#define PRINTED ((size_t)8 << 10)
#define RETRY_MS 1000

struct feed_flow {
	struct flow flow;
	struct server *server;
	struct feed_filter filter;
	uint64_t since;
	struct str text; /* printed and not taken yet */
	size_t taken;
};

static ssize_t fill(struct flow *flow, char *to, size_t max)
{
	struct feed_flow *f = (struct feed_flow *)flow;
	size_t n;

	/* Another server has what happens now: who asks again is sent there, and told to read anew.
	 */
	if (!core_leads(f->server->core))
		return FLOW_END;
	if (f->taken == f->text.len) {
		str_reset(&f->text);
		f->taken = 0;
		if (!feed_print(f->server->feed, &f->filter, &f->since, PRINTED, &f->text))
			str_addf(&f->text,
			         "event: reset\nid: %llu\ndata: {\"message\":\"events are missing: "
			         "read anew\"}\n\n",
			         (unsigned long long)f->since);
		else if (f->text.len == 0 && flow->quiet)
			/* A comment: its failure tells that the peer is gone. */
			str_adds(&f->text, ":\n\n");
	}
	n = f->text.len - f->taken;
	if (n == 0) {
		str_release(&f->text);
		return 0;
	}
	n = n < max ? n : max;
	memcpy(to, f->text.p + f->taken, n);
	f->taken += n;
	return (ssize_t)n;
}

static void release(struct flow *flow)
{
	struct feed_flow *f = (struct feed_flow *)flow;

	flow_end(flow);
	str_release(&f->text);
	free((char *)f->filter.batch);
	free(f);
}

static bool read_kinds(struct call *call, unsigned *kinds)
{
	const char *text = json_string_value(json_object_get(call->body, "kind"));

	*kinds = text ? 0 : ~0u;
	while (text != NULL) {
		size_t len = strcspn(text, ",");
		int k = 0;

		while (k < FEED_KIND_COUNT && (strlen(feed_kind_words[k]) != len ||
		                               memcmp(feed_kind_words[k], text, len) != 0))
			k++;
		if (k == FEED_KIND_COUNT)
			return problem_set(&call->problem, PROBLEM_BAD_VALUE,
			                   "kind is \"%.40s\": there are task, execution, worker, "
			                   "batch, job, recruiter and run",
			                   text);
		*kinds |= 1u << k;
		text = text[len] == ',' ? text + len + 1 : NULL;
	}
	return true;
}

/* Where to begin: behind what the client saw, else with what happens from now on. */
static bool read_since(struct server *server, struct call *call, uint64_t *since)
{
	const char *header = request_header(call, "Last-Event-ID");
	const json_t *member = json_object_get(call->body, "since");
	char *end;

	*since = feed_last(server->feed);
	if (header != NULL && header[0] != '\0') {
		errno = 0;
		*since = strtoull(header, &end, 10);
		if (errno != 0 || *end != '\0' || header[0] == '-')
			return problem_set(&call->problem, PROBLEM_BAD_VALUE,
			                   "Last-Event-ID is \"%.40s\", not a number", header);
	} else if (json_is_integer(member)) {
		*since = (uint64_t)json_integer_value(member);
	}
	return true;
}

void show_events(struct server *server, struct call *call)
{
	const json_t *run = json_object_get(call->body, "run_id");
	const char *batch = json_string_value(json_object_get(call->body, "batch"));
	struct feed_filter filter = {0};
	struct feed_flow *f;
	uint64_t since;

	if (json_is_integer(run) &&
	    (json_integer_value(run) == 0 || json_integer_value(run) > UINT32_MAX))
		problem_set(&call->problem, PROBLEM_NOT_FOUND, "there is no run %lld",
		            (long long)json_integer_value(run));
	else if (json_is_integer(run))
		filter.run = (uint32_t)json_integer_value(run);
	if (call->problem.code != PROBLEM_NONE || !read_kinds(call, &filter.kinds) ||
	    !read_since(server, call, &since) || !flows_admit(server->flows, &call->problem)) {
		call_problem(call);
		return;
	}
	f = xcalloc(1, sizeof(*f));
	f->flow.fill = fill;
	f->flow.release = release;
	f->flow.flows = server->flows;
	f->server = server;
	f->filter = filter;
	f->filter.batch = batch ? xstrdup(batch) : NULL;
	f->since = since;
	str_init(&f->text);
	/* So that a client has a number to come back with before anything happens. */
	str_addf(&f->text, "retry: %d\nevent: ready\nid: %llu\ndata: {}\n\n", RETRY_MS,
	         (unsigned long long)since);
	call_reply_flow(call, 200, "text/event-stream", &f->flow);
}
