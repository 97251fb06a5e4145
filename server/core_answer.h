/*
 * What the calls of a group are answered: kept until it is committed, then sent; or
 * refused with it. For core.c; handlers answer with the functions of core_inside.h.
 */
#ifndef SERVER_CORE_ANSWER_H
#define SERVER_CORE_ANSWER_H

#include "server/core_inside.h"

/* Without value, status and problem: of a group that failed, all are refused. */
void answer_push(struct core *core, struct core_answer answer);
void answers_send(struct core *core);
/* Whatever they were to be told did not happen. */
void answers_refuse(struct core *core, const char *why);
/* The same when their group failed: what the database said is why. */
void answers_take_back(struct core *core);
/* At once. */
void answer_unavailable(struct call *call, const char *why);

#endif
