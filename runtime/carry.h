/*
 * Runs of a private server that go on again, because tasks of theirs were made pending or let go:
 * somebody has to be there, and a worker. What `scitq retry` and `scitq resume` do beyond their
 * call.
 */
#ifndef RUNTIME_CARRY_H
#define RUNTIME_CARRY_H

#include "runtime/session.h"

struct carry_options {
	const char *program; /* for messages */
	const char *state;   /* the state directory; NULL: the default */
	bool detach;         /* leave them to the server and its worker */
};

/*
 * Follow each of the runs to its end, one after the other, with their progress on standard error,
 * as scitq-run does; those that have ended, that are detached, or that a scitq-run is attached to
 * are passed over. An exit code.
 */
enum exit_code carry_runs(const struct carry_options *options, const int64_t *runs, size_t n);

#endif
