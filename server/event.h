/*
 * What workers report: chunks of logs and events of executions, as in
 * docs/protocol.md. Reports are idempotent by (execution, epoch, seq), so that a
 * worker repeats one until it is answered.
 */
#ifndef SERVER_EVENT_H
#define SERVER_EVENT_H

#include "server/core_inside.h"

struct event_log {
	int64_t execution, epoch, offset;
	bool is_error; /* stderr */
	const char *data;
	size_t len;
};

enum event_type {
	EVENT_STARTED,
	EVENT_UPLOADING,
	EVENT_FINISHED,
	EVENT_REFUSED,
	EVENT_PROGRESS,   /* has no seq: it says how things stand, the last one counts */
	EVENT_IDENTIFIED, /* nor has this one: it asks for the result of an identical task */
	EVENT_TYPES
};

struct event {
	int64_t execution, epoch, seq;
	enum event_type type;
	struct execution row; /* what it says about the execution */
	uint64_t mask;
	bool succeeded;
	enum reason reason;
	int64_t stdout_length, stderr_length; /* of finished */
	const char *identity, *parts;         /* of identified; parts NULL: the task has it */
	const char *output;                   /* of identified; NULL: wherever */
};

struct event_report {
	struct event_log *logs;
	struct event *events;
	size_t nlogs, nevents;
};

/* Check and read `logs` and `events` of the call's body, before anything is changed. False with
   call->problem set. */
bool event_report_read(struct call *call, struct event_report *report);
/* Append and apply; sets "logs" and "results" of `reply` where there were any. False: the group
   failed. */
bool event_report_apply(struct core *core, struct worker_node *worker,
                        const struct event_report *report, json_t *reply);

/* Does it say that this execution has ended? */
bool event_report_ends(const struct event_report *report, int64_t execution);

#endif
