#include "server/auth.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/vec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct known {
	char digest[DIGEST_TEXT_SIZE];
	enum role role;
	char *name;
};

struct auth {
	bool open;
	VEC(struct known) known;
};

static const char *const role_words[] = {
        [ROLE_NONE] = "nobody",         [ROLE_VIEWER] = "viewer",     [ROLE_WORKER] = "worker",
        [ROLE_SUBMITTER] = "submitter", [ROLE_OPERATOR] = "operator", [ROLE_ADMIN] = "admin",
};

const char *role_word(enum role role)
{
	return role_words[role];
}

struct auth *auth_new(bool open)
{
	struct auth *auth = xcalloc(1, sizeof(*auth));

	auth->open = open;
	return auth;
}

void auth_free(struct auth *auth)
{
	if (auth == NULL)
		return;
	for (size_t i = 0; i < auth->known.n; i++)
		free(auth->known.v[i].name);
	vec_release(&auth->known);
	free(auth);
}

bool auth_is_open(const struct auth *auth)
{
	return auth->open;
}

bool auth_add(struct auth *auth, const char *name, const char *role, const char *digest)
{
	struct known known = {.role = ROLE_NONE};

	for (int i = ROLE_VIEWER; i <= ROLE_ADMIN; i++) {
		if (strcmp(role_words[i], role) == 0)
			known.role = (enum role)i;
	}
	if (known.role == ROLE_NONE || strlen(digest) != DIGEST_TEXT_SIZE - 1)
		return false;
	memcpy(known.digest, digest, DIGEST_TEXT_SIZE);
	known.name = xstrdup(name);
	vec_push(&auth->known, known);
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
		ok = auth_add(auth, "state", "admin", digest);
	}
	str_release(&path);
	str_release(&text);
	return ok;
}

enum role auth_check(const struct auth *auth, const char *token, const char **user)
{
	char digest[DIGEST_TEXT_SIZE];
	enum role role = ROLE_NONE;

	*user = "";
	digest_bytes(token, strlen(token), digest);
	for (size_t i = 0; i < auth->known.n; i++) {
		const struct known *known = &auth->known.v[i];
		unsigned char differs = 0;

		for (size_t k = 0; k < DIGEST_TEXT_SIZE; k++)
			differs |= (unsigned char)(digest[k] ^ known->digest[k]);
		if (differs == 0) {
			role = known->role;
			*user = known->name;
		}
	}
	return role;
}
