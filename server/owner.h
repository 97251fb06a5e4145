/*
 * A worker's token speaks for its worker alone: whatever names a worker or an
 * execution, in the path or the body, must name its own. The core asks before it
 * runs a handler.
 */
#ifndef SERVER_OWNER_H
#define SERVER_OWNER_H

#include "server/core_inside.h"

/* False with call->problem set where the call is a worker's and about another's. What is not
   there is left to the handler, which says so. */
bool owner_allows(struct core *core, struct call *call);
/* Whether the table below knows a call that needs the role worker; for a test. */
bool owner_knows(const char *method, const char *pattern);

#endif
