/* What session.c, which makes the calls, and session_answer.c share. */
#ifndef WORKER_SESSION_INSIDE_H
#define WORKER_SESSION_INSIDE_H

#include "worker/agent.h"
#include "worker/report.h"

#define BACKOFF_FIRST_NS (50 * MS_NS)
/* Bytes of a log in one call; a server that refuses such bodies gets less at a time. */
#define LOG_CALL_MOST ((size_t)4 << 20)
#define LOG_CALL_LEAST ((size_t)256 << 10)

enum call_kind { CALL_REGISTER, CALL_POLL, CALL_REPORT, CALL_LOG };

struct call {
	struct agent *agent;
	enum call_kind kind;
	uint64_t number; /* of net/ */
	int64_t sent_ns, sent_boot_ns;
	struct str body;
	struct flight flight;
	struct ints_list acks; /* that it carries */
	struct call *next;
};

void session_call_free(struct call *c);
/* A call is over: an http_done with the call as context. Frees it. */
void session_answered(void *context, enum http_error error, struct http_response *response);

#endif
