/*
 * What a call tells the server about executions, and what its answer says of
 * them: log bytes by offset, events by number. An event leaves the agent's memory
 * only when the server has answered for it.
 */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include "worker/agent.h"

/* What a call that has no answer yet told. By id: an execution may be forgotten meanwhile. */
struct flight {
	struct flight_events {
		struct flight_event {
			int64_t id;
			enum event_bit bit;
		} * v;
		size_t n, cap;
	} events;
	struct flight_logs {
		struct flight_log {
			int64_t id;
			enum stream_index stream;
			uint64_t offset; /* of its first byte */
			uint64_t stored; /* at the server, by what was known when it was sent */
		} * v;
		size_t n, cap;
	} logs;
};

void flight_release(struct flight *f);

/* Add "logs" and "events" of what is due to the body. False where there was nothing. */
bool report_build(struct agent *a, struct flight *f, json_t *body);
/*
 * Output that is long goes as it is, in a call of its own: the body of one that appends at most n
 * bytes to a log, and its path. Several may be on their way, also of one log. False where there is
 * nothing for one.
 */
bool report_build_log(struct agent *a, struct flight *f, size_t n, struct str *body,
                      struct str *path);
/* That call is over: as the answer to one of "logs", NULL where there was none. */
void report_log_answer(struct agent *a, const struct flight *f, const json_t *result);
/* The answer, where it is one; else what was told is due again. */
void report_answer(struct agent *a, const struct flight *f, json_t *reply);
void report_failed(struct agent *a, const struct flight *f);
/* The executions that are held, without those whose end is in a call on its way. */
json_t *report_have(const struct agent *a);

#endif
