/*
 * A run in which nothing moves though workers are there: after a while the server
 * is asked why, of the first task that could go next, and its sentence is shown,
 * once until something moves again. follow.c calls it each time round.
 */
#ifndef RUNTIME_STANDSTILL_H
#define RUNTIME_STANDSTILL_H

#include "runtime/progress.h"
#include "runtime/session.h"

struct standstill {
	int64_t event;    /* of the run when it was last looked at */
	int64_t since_ns; /* monotonic; since when nothing runs and nothing happens; 0: something
	                     does */
	bool told;
};

/* What goes wrong in asking is nobody's concern. */
void standstill_look(struct standstill *s, struct session *session, const struct run_view *view,
                     int64_t event);
/* Milliseconds until it wants to be called again though nothing happens; -1: not at all. */
int standstill_wait_ms(const struct standstill *s);

#endif
