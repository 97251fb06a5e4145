/*
 * Those who follow runs: long polls that answer when something happened, ten
 * times a second at most, and at once when the run has ended. And what their
 * absence means to a private server: it ends.
 */
#ifndef SERVER_FOLLOW_H
#define SERVER_FOLLOW_H

#include "server/run.h"

/* End of the group: answer the followers of runs that changed. */
void follow_finish(struct core *core);
/* Every follower is put among the answers, without one. */
void follow_take_all(struct core *core);
/* A call came: a private server stays a while for whoever calls it, workers apart. */
void follow_heard(struct core *core, const struct call *call);
/* After the group: is anybody attached to this private server, and until when? */
void follow_attention(struct core *core);

#endif
