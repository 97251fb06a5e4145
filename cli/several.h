/*
 * One call after the other for each of many things, several of them at a time: the server writes
 * down together what comes together, and nobody waits for the way there and back of each.
 */
#ifndef CLI_SEVERAL_H
#define CLI_SEVERAL_H

#include "cli/call.h"

/* Number i, by a call that no other thread has. False with its code set: no more are begun. */
typedef bool several_one(void *context, struct call *c, size_t i);

/*
 * Numbers 0 to n - 1, begun in that order, each to the server of the call. False with its code set,
 * that of the first that failed; those that were under way were done.
 */
bool several(struct call *c, size_t n, several_one *one, void *context);

#endif
