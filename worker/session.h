/*
 * The agent's calls to the server. At most one call reports at a time; beside it
 * one waits for work. A call that fails is repeated after a wait that grows;
 * what it told is told again.
 */
#ifndef WORKER_SESSION_H
#define WORKER_SESSION_H

#include "worker/agent.h"

void session_init(struct agent *a);
void session_release(struct agent *a);
/* Something is to be reported at this monotonic time, or before. */
void session_urge(struct agent *a, int64_t at_ns);
/* Start the calls that are due; once a turn. */
void session_step(struct agent *a);
/* When session_step() has something to do that nothing else announces; 0: never. */
int64_t session_next(const struct agent *a);
/* Begin a new session, with another supervisor, once everything of the old one is reported. */
void session_move(struct agent *a);

#endif
