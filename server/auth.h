/*
 * Who may call: the token of the state directory (role admin), the tokens of
 * the database, and under --open anybody on this machine. Tokens are known by
 * their SHA-256 only. Filled before the HTTP side starts and read-only then, so
 * that its threads need no lock.
 */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "base/log.h"
#include "model/digest.h"
#include "model/problem.h"
#include "server/call.h"

#include <stdbool.h>
#include <stddef.h>

#define TOKEN_DIGITS 48

struct auth;

/* open: every call is an admin's. */
struct auth *auth_new(bool open);
void auth_free(struct auth *auth);
bool auth_is_open(const struct auth *auth);

/*
 * Read STATE/token, or make it (mode 0600) where it is missing; it admits an
 * admin. False with *problem set where it cannot be read or made, is empty, or
 * others can read it.
 */
bool auth_state_token(struct auth *auth, const char *state, struct problem *problem);
/* A token by the digest of its text; `name` is copied. False where the role is not a word. */
bool auth_add(struct auth *auth, const char *name, const char *role, const char *digest);

/*
 * The role that the token's text gives, ROLE_NONE for none; *user gets its name
 * (as long as auth lives). The time taken does not depend on how much of a
 * token is right.
 */
enum role auth_check(const struct auth *auth, const char *token, const char **user);
/* "viewer"... */
const char *role_word(enum role role);

#endif
