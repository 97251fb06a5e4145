/*
 * Tokens: made for whoever asks (handlers.h), and for the workers that providers make. Listing
 * them is a reader's.
 */
#ifndef SERVER_TOKEN_H
#define SERVER_TOKEN_H

#include "server/auth.h"
#include "server/core_inside.h"

/* A token for a worker that is to be made: it speaks for that name alone, until it is revoked. The
   database keeps its digest, the text is in `text` only. False: the group failed. */
bool token_issue(struct core *core, const char *worker, char text[TOKEN_DIGITS + 1]);
/* All that were issued for the worker. */
bool token_revoke(struct core *core, const char *worker);

#endif
