/*
 * Who may call: the token of the state directory (role admin), the tokens of
 * the database, and under --open anybody on this machine. Tokens are known by
 * their SHA-256 only. HTTP threads ask; the core has the list read anew when it
 * has changed, so that a token made or revoked counts from the answer on.
 */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "model/digest.h"
#include "model/problem.h"
#include "server/call.h"

#include <stdbool.h>
#include <stddef.h>

#define TOKEN_DIGITS 48

struct auth;
struct token;
struct store_reader;

/* What is known of who calls; texts in the arena that was given. */
struct caller {
	enum role role;     /* ROLE_NONE: the token is not known, or has expired */
	const char *name;   /* of the token, "" where it is not known */
	const char *worker; /* of a worker's token: the name or pattern that it is for; else NULL */
	const char *digest; /* of the token, for auth_admits(); NULL: it is not known */
	bool joins;         /* it is a worker's, to register once and for nothing else */
};

/* open: every call is an admin's. */
struct auth *auth_new(bool open);
void auth_free(struct auth *auth);
bool auth_is_open(const struct auth *auth);

/*
 * Read STATE/token, or make it (mode 0600) where it is missing; it admits an
 * admin. Once, before the others are read. False with *problem set where it cannot be
 * read or made, is empty, or others can read it.
 */
bool auth_state_token(struct auth *auth, const char *state, struct problem *problem);
/*
 * Read the tokens of the database in place of those that were read before; on the
 * thread of the reader. False, with *problem set and the old ones in force, where they
 * cannot be read. A row whose role is no word, or that has no digest, admits nobody.
 */
bool auth_load(struct auth *auth, struct store_reader *reader, struct problem *problem);

/*
 * Who has this token at this moment. Any thread. The time taken does not depend on
 * how much of a token is right.
 */
void auth_check(struct auth *auth, const char *token, int64_t now_us, struct arena *arena,
                struct caller *caller);
/*
 * A token was refused: true where that is to be said in the log, once a second at most, with
 * *more refused since it was said last. Any thread.
 */
bool auth_refused(struct auth *auth, int64_t now_ns, unsigned *more);
/* Whether the token with this digest is in force. Any thread. */
bool auth_admits(struct auth *auth, const char *digest, int64_t now_us);
/*
 * A word for a statement that only servers with the same first token can give, and that the token
 * cannot be learnt from; auth_state_token() was called. Any thread.
 */
void auth_vouch(const struct auth *auth, const char *statement, char word[DIGEST_TEXT_SIZE]);
bool auth_vouched(const struct auth *auth, const char *statement, const char *word);
/* "viewer"... */
const char *role_word(enum role role);
/* ROLE_NONE where it is no role that a token can have. */
enum role role_parse(const char *word);

#endif
