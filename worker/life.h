/*
 * An execution from its grant to its acknowledged end:
 *
 *   grant -> [staging] -> held -> [output -> upload] -> done -> gone
 *
 * Each function is called by what happened; all on the loop.
 */
#ifndef WORKER_LIFE_H
#define WORKER_LIFE_H

#include "worker/agent.h"

/* A grant of a lease reply. False where it is ignored: known already, or not readable. */
bool life_grant(struct agent *a, json_t *grant);
/* A task that the supervisor holds since an earlier agent. */
void life_adopt(struct agent *a, const struct holder_task *task);
/* The supervisor says so. */
void life_started(struct agent *a, uint64_t id, pid_t pid);
void life_exited(struct agent *a, uint64_t id, const struct ending *ending);
/* The supervisor died, and with it what it held. */
void life_lose_held(struct agent *a);
/* A signal of the server for an execution. */
void life_signal(struct agent *a, int64_t id, int sig);
/* A resource that is asked for from now on is fetched anew. */
void life_forget_resources(struct agent *a);
/* What nobody uses goes from the disk: resources, and directories kept for further tasks. */
void life_clean(struct agent *a);
/* The server does not count on it any more: stop it and say nothing. */
void life_forget(struct agent *a, struct execution *e);
/* The server says what it has of an identical task; NULL: nothing. */
void life_identified(struct agent *a, struct execution *e, json_t *found);
/* The server took the event. */
void life_acknowledged(struct agent *a, struct execution *e, enum event_bit bit);
/* Stop every task; they are reported lost. */
void life_stop_all(struct agent *a);
/* There is something to tell of it. */
void life_tell(struct agent *a, struct execution *e);
/* What jobs told of their progress. */
void life_listen(struct agent *a);
/* Deadlines of staging; the next one, 0: none. */
int64_t life_keep_time(struct agent *a);

#endif
