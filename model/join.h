/*
 * Tokens for joining. Whoever makes a machine is given one for the worker that is to run on it. It
 * is good for one thing, once: the worker registers with it and says the digest of a token that it
 * has made for itself, with which it speaks from then on. The same worker may register so again,
 * since an answer can be lost; anybody else is refused.
 */
#ifndef MODEL_JOIN_H
#define MODEL_JOIN_H

#include <stdbool.h>
#include <string.h>

/* How their text begins. */
#define JOIN_PREFIX "join-"
/* The role that their rows have. */
#define JOIN_ROLE "join"
/* The member of a registration with the digest of the worker's own token. */
#define JOIN_OWN "own_token"

static inline bool token_is_for_joining(const char *token)
{
	return strncmp(token, JOIN_PREFIX, strlen(JOIN_PREFIX)) == 0;
}

#endif
