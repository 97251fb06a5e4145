/*
 * Noticing that running tasks write: their output files are looked at once they have run for a
 * moment, then when the kernel tells of a change, a little later, so that a task that writes
 * all the time is not looked at all the time.
 */
#ifndef WORKER_WATCH_H
#define WORKER_WATCH_H

#include "worker/agent.h"

/* A task has started. */
void watch_begin(struct agent *a);
/* It has ended, or is nobody's any more. */
void watch_end(struct agent *a, struct execution *e);
/* See what running tasks wrote; what there is is told soon. */
void watch_look(struct agent *a);
/* The kernel says that some did: they are looked at soon. */
void watch_changed(struct agent *a);

#endif
