/*
 * Workers that have nothing to do. One that was deployed is given back when it has
 * been idle for some minutes after it worked, or for longer where it has had no task
 * yet; one that is silent, failed or evicted too, once it holds nothing. A permanent one
 * only forgets what it did for others.
 */
#ifndef SERVER_RECRUIT_IDLE_H
#define SERVER_RECRUIT_IDLE_H

#include "server/core_inside.h"

/* Give back those whose time is over; *again_ns is made the moment of the next one, where that is
   before. */
void idle_look(struct core *core, int64_t *again_ns);

#endif
