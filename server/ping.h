/* What a worker tells of its machine: by v1's ping, or within a lease call. */
#ifndef SERVER_PING_H
#define SERVER_PING_H

#include "server/core_inside.h"

/* load, memory and stats of an object; absent where `body` is NULL or null. The texts are the
   call's. */
bool ping_read(struct call *call, json_t *body, struct worker *row);
/* Into the worker's row, as of now. False where the group failed. */
bool ping_record(struct core *core, struct worker_node *worker, struct worker *row);

#endif
