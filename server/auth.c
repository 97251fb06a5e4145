#include "server/auth.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/digest.h"
#include "model/join.h"
#include "model/resources.h"
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define REFUSAL_NS INT64_C(1000000000)

struct known {
	char digest[DIGEST_TEXT_SIZE];
	enum role role;
	char *name, *worker; /* worker may be NULL */
	int64_t expiry_us;   /* DATE_NULL: never */
	bool joins;
};

struct known_list {
	VEC(struct known) rows;
};

struct auth {
	bool open;
	pthread_rwlock_t lock;
	struct known_list own;    /* of the state directory */
	struct known_list stored; /* under the lock */
	atomic_llong told_ns;     /* when a refusal was said last, */
	atomic_uint refused;      /* and how many were not since */
};

static const char *const role_words[] = {
        [ROLE_NONE] = "nobody",         [ROLE_VIEWER] = "viewer",     [ROLE_WORKER] = "worker",
        [ROLE_SUBMITTER] = "submitter", [ROLE_OPERATOR] = "operator", [ROLE_ADMIN] = "admin",
};

const char *role_word(enum role role)
{
	return role_words[role];
}

enum role role_parse(const char *word)
{
	for (int i = ROLE_VIEWER; i <= ROLE_ADMIN; i++) {
		if (strcmp(role_words[i], word) == 0)
			return (enum role)i;
	}
	return ROLE_NONE;
}

struct auth *auth_new(bool open)
{
	struct auth *auth = xcalloc(1, sizeof(*auth));

	auth->open = open;
	pthread_rwlock_init(&auth->lock, NULL);
	return auth;
}

static void release(struct known_list *list)
{
	for (size_t i = 0; i < list->rows.n; i++) {
		free(list->rows.v[i].name);
		free(list->rows.v[i].worker);
	}
	vec_release(&list->rows);
}

void auth_free(struct auth *auth)
{
	if (auth == NULL)
		return;
	release(&auth->own);
	release(&auth->stored);
	pthread_rwlock_destroy(&auth->lock);
	free(auth);
}

bool auth_is_open(const struct auth *auth)
{
	return auth->open;
}

static bool add_row(void *context, const void *row)
{
	const struct token *token = row;
	struct known_list *list = context;
	struct known known = {.expiry_us = token->expiry_date};
	const char *worker = token->worker ? token->worker : token->name;

	known.role = role_parse(token->role ? token->role : "");
	known.joins = token->role != NULL && strcmp(token->role, JOIN_ROLE) == 0;
	if (known.joins)
		known.role = ROLE_WORKER;
	if (known.role == ROLE_NONE || token->hash == NULL || token->name == NULL ||
	    strlen(token->hash) != DIGEST_TEXT_SIZE - 1)
		return true;
	memcpy(known.digest, token->hash, DIGEST_TEXT_SIZE);
	known.name = xstrdup(token->name);
	if (known.role == ROLE_WORKER)
		known.worker = xstrdup(worker);
	vec_push(&list->rows, known);
	return true;
}

bool auth_load(struct auth *auth, struct store_reader *reader, struct problem *problem)
{
	const struct store_query query = {.table = TABLE_TOKEN};
	struct known_list fresh = {0}, old;

	if (store_select(reader, &query, add_row, &fresh) != STORE_OK) {
		release(&fresh);
		return problem_set(problem, PROBLEM_UNAVAILABLE, "cannot read the tokens: %s",
		                   store_reader_error(reader));
	}
	pthread_rwlock_wrlock(&auth->lock);
	old = auth->stored;
	auth->stored = fresh;
	pthread_rwlock_unlock(&auth->lock);
	release(&old);
	return true;
}

static bool make_token(const char *path, struct str *text, struct problem *problem)
{
	char token[TOKEN_DIGITS + 1];
	int err;

	random_hex(token, TOKEN_DIGITS);
	str_adds(text, token);
	str_addc(text, '\n');
	err = file_replace(path, text->p, text->len, 0600);
	if (err < 0)
		return problem_set(problem, PROBLEM_INTERNAL, "cannot write %s: %s", path,
		                   strerror(-err));
	return true;
}

static bool read_token(const char *path, struct str *text, struct problem *problem)
{
	struct stat st;
	int err = file_read(path, text);

	if (err == -ENOENT)
		return make_token(path, text, problem);
	if (err < 0)
		return problem_set(problem, PROBLEM_INTERNAL, "cannot read %s: %s", path,
		                   strerror(-err));
	if (stat(path, &st) < 0)
		return problem_set(problem, PROBLEM_INTERNAL, "cannot look at %s: %s", path,
		                   strerror(errno));
	if (st.st_mode & 077)
		return problem_set(problem, PROBLEM_INTERNAL,
		                   "%s can be read by others (mode %03o): chmod 600 it, or delete "
		                   "it for a new one",
		                   path, (unsigned)st.st_mode & 0777);
	return true;
}

bool auth_state_token(struct auth *auth, const char *state, struct problem *problem)
{
	struct str path = STR_INIT, text = STR_INIT;
	char digest[DIGEST_TEXT_SIZE];
	bool ok;

	str_addf(&path, "%s/token", state);
	ok = read_token(path.p, &text, problem);
	if (ok) {
		text.len = strcspn(text.p, "\r\n");
		if (text.len < 16)
			ok = problem_set(problem, PROBLEM_INTERNAL,
			                 "%s holds no token: delete it for a new one", path.p);
	}
	if (ok) {
		digest_bytes(text.p, text.len, digest);
		add_row(&auth->own, &(struct token){.name = "first token",
		                                    .role = "admin",
		                                    .hash = digest,
		                                    .expiry_date = DATE_NULL});
	}
	str_release(&path);
	str_release(&text);
	return ok;
}

/* In a time that does not depend on where they differ. */
static bool same_digest(const char *a, const char *b)
{
	unsigned char differs = 0;

	for (size_t k = 0; k < DIGEST_TEXT_SIZE; k++)
		differs |= (unsigned char)(a[k] ^ b[k]);
	return differs == 0;
}

/* Every row is compared. */
static const struct known *find(const struct known_list *list, const char *digest)
{
	const struct known *found = NULL;

	for (size_t i = 0; i < list->rows.n; i++) {
		if (same_digest(digest, list->rows.v[i].digest))
			found = &list->rows.v[i];
	}
	return found;
}

/* What is in force of both lists; under the lock. */
static const struct known *find_valid(const struct auth *auth, const char *digest, int64_t now_us)
{
	const struct known *own = find(&auth->own, digest), *stored = find(&auth->stored, digest);

	if (own == NULL)
		own = stored;
	return own != NULL && (own->expiry_us == DATE_NULL || now_us < own->expiry_us) ? own : NULL;
}

void auth_check(struct auth *auth, const char *token, int64_t now_us, struct arena *arena,
                struct caller *caller)
{
	char digest[DIGEST_TEXT_SIZE];
	const struct known *known;

	*caller = (struct caller){ROLE_NONE, "", NULL, NULL, false};
	digest_bytes(token, strlen(token), digest);
	pthread_rwlock_rdlock(&auth->lock);
	known = find_valid(auth, digest, now_us);
	if (known != NULL) {
		caller->role = known->role;
		caller->joins = known->joins;
		caller->name = arena_strdup(arena, known->name);
		caller->digest = arena_strdup(arena, digest);
		if (known->worker != NULL)
			caller->worker = arena_strdup(arena, known->worker);
	}
	pthread_rwlock_unlock(&auth->lock);
}

bool auth_refused(struct auth *auth, int64_t now_ns, unsigned *more)
{
	long long told = atomic_load(&auth->told_ns);

	/* Of two threads in the same moment one says it. */
	if ((told != 0 && now_ns - told < REFUSAL_NS) ||
	    !atomic_compare_exchange_strong(&auth->told_ns, &told, now_ns)) {
		atomic_fetch_add(&auth->refused, 1);
		return false;
	}
	*more = atomic_exchange(&auth->refused, 0);
	return true;
}

bool auth_admits(struct auth *auth, const char *digest, int64_t now_us)
{
	bool admits;

	pthread_rwlock_rdlock(&auth->lock);
	admits = find_valid(auth, digest, now_us) != NULL;
	pthread_rwlock_unlock(&auth->lock);
	return admits;
}

void auth_vouch(const struct auth *auth, const char *statement, char word[DIGEST_TEXT_SIZE])
{
	digest_keyed(auth->own.rows.v[0].digest, statement, word);
}

bool auth_vouched(const struct auth *auth, const char *statement, const char *word)
{
	char right[DIGEST_TEXT_SIZE];

	auth_vouch(auth, statement, right);
	return strlen(word) == DIGEST_TEXT_SIZE - 1 && same_digest(word, right);
}
