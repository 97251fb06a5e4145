/* Jobs: what providers are to do for the server. Rows only. */
#ifndef SERVER_JOB_H
#define SERVER_JOB_H

#include "server/core_inside.h"

/* Queue the end of a deployed worker's machine. */
bool job_destroy(struct core *core, const struct worker *worker);
/* A worker and all that memory and database know of it go. */
void worker_drop(struct core *core, struct worker_node *worker);

#endif
