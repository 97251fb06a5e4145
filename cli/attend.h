/*
 * Work that a command gave to a private server. It has workers only while somebody is attached, so
 * that whoever makes tasks pending again stays until they are done, or says what would run them. A
 * team's server has workers of its own: nothing happens here.
 */
#ifndef CLI_ATTEND_H
#define CLI_ATTEND_H

#include "base/vec.h"
#include "cli/call.h"

struct attend {
	VEC(int64_t) runs; /* each once */
	bool loose;        /* a task that belongs to none */
};

void attend_release(struct attend *a);
/* This run goes on. */
void attend_run(struct attend *a, int64_t run_id);
/* A task, as its row says, is pending again. */
void attend_task(struct attend *a, const json_t *task);
/*
 * Closes the call, and where nothing has failed follows the runs to their end, or leaves them to
 * the server where `detach`. An exit code.
 */
int attend_carry(struct attend *a, struct call *c, bool detach);
/* Say on standard error what it takes until the work is done; nothing where somebody is there. */
void attend_tell(struct attend *a, struct call *c);

#endif
