/* Recruiters: the rules by which a batch gets workers. Their rows; recruit/ does what they say. */
#ifndef SERVER_RECRUITER_H
#define SERVER_RECRUITER_H

#include "server/core_inside.h"

/* Read one that a client sent whole. False with call->problem set. */
bool recruiter_read(struct call *call, json_t *object, struct recruiter *row);
/* Create it, or replace the one of its batch and rank. */
bool recruiter_put(struct core *core, const struct recruiter *row);
/* A batch name: not empty, without a slash. */
bool batch_name_read(struct call *call, const char *name);

#endif
