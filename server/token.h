/*
 * Tokens: made for whoever asks (handlers.h), and for the workers that providers make. Listing
 * them is a reader's.
 */
#ifndef SERVER_TOKEN_H
#define SERVER_TOKEN_H

#include "model/join.h"
#include "server/auth.h"
#include "server/core_inside.h"

#define TOKEN_JOIN_SIZE (sizeof(JOIN_PREFIX) + TOKEN_DIGITS)

/* A token for joining (model/join.h) as a worker that is to be made, for that name alone, until it
   is revoked. The database keeps its digest, the text is in `text` only. False: the group failed.
 */
bool token_issue(struct core *core, const char *worker, char text[TOKEN_JOIN_SIZE]);
/*
 * Whoever calls registers as the worker with a token for joining, and from then on speaks with
 * the one of which `own` is the digest. Other tokens for joining as that worker end. False: it
 * was answered, or the group failed; that somebody tries it with a token which another has used is
 * in the audit log.
 */
bool token_exchange(struct core *core, struct call *call, const char *worker, const char *own);
/* All that were issued for the worker, or exchanged. */
bool token_revoke(struct core *core, const char *worker);

#endif
