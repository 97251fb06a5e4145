/*
 * The audit log: who steered what, when and from where. The core calls it for
 * every call that it answers with success; a row is written, in the same
 * transaction, where the route is one that steers (ROUTE_AUDIT).
 */
#ifndef SERVER_AUDIT_H
#define SERVER_AUDIT_H

#include "server/core_inside.h"

void audit_write(struct core *core, struct call *call);
/* What was refused, and is to be known all the same: `what` is the detail. */
void audit_refused(struct core *core, struct call *call, const char *what);

#endif
