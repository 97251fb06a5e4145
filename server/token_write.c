#include "server/token.h"

#include "model/digest.h"
#include "model/json.h"
#include "server/audit.h"
#include "server/handlers.h"
#include "server/record.h"
#include "server/reply.h"
#include "store/store.h"

#include <string.h>

#define NAME_MAX_LEN 200
/* No token that somebody makes has a / in its name. */
#define ISSUED "deployed/"

/* The row of a new token whose digest is known. */
static bool insert_row(struct core *core, struct token *token, const char *digest)
{
	token->token_id = ++core->state.last_token;
	token->hash = digest;
	token->creation_date = core->now_us;
	core->tokens_changed = true;
	return record_insert(core, TABLE_TOKEN, token);
}

/* The row of a new token; its text begins so, and is nowhere else. */
static bool insert(struct core *core, struct token *token, const char *prefix, char *text)
{
	char *digest = arena_array(&core->arena, char, DIGEST_TEXT_SIZE);
	size_t n = strlen(prefix);

	memcpy(text, prefix, n);
	random_hex(text + n, TOKEN_DIGITS);
	digest_bytes(text, n + TOKEN_DIGITS, digest);
	return insert_row(core, token, digest);
}

/* Tokens of workers that providers make. */

static const char *issued_name(struct core *core, const char *worker)
{
	return arena_printf(&core->arena, ISSUED "%s", worker);
}

bool token_issue(struct core *core, const char *worker, char text[TOKEN_JOIN_SIZE])
{
	struct token token = {.name = issued_name(core, worker),
	                      .role = JOIN_ROLE,
	                      .worker = worker,
	                      .expiry_date = DATE_NULL};

	return insert(core, &token, JOIN_PREFIX, text);
}

struct issued {
	struct core *core;
	VEC(struct token) rows; /* number, hash and exchanged, in the group's arena */
};

static bool add_issued(void *context, const void *row_p)
{
	struct issued *issued = context;
	const struct token *row = row_p;
	struct arena *arena = &issued->core->arena;
	struct token kept = {.token_id = row->token_id,
	                     .hash = arena_strdup(arena, row->hash ? row->hash : ""),
	                     .exchanged =
	                             row->exchanged ? arena_strdup(arena, row->exchanged) : NULL};

	vec_push(&issued->rows, kept);
	return true;
}

/* All rows with that text in a column; false: the group failed. */
static bool find_rows(struct core *core, enum token_column column, const char *text,
                      struct issued *found)
{
	const struct store_filter filter = {.field = column, .op = STORE_EQ, .text = text};
	const struct store_query query = {.table = TABLE_TOKEN, .filters = &filter, .nfilters = 1};

	*found = (struct issued){.core = core};
	return store_select(store_own(core->store), &query, add_issued, found) == STORE_OK ||
	       core_failed(core, "the tokens cannot be read");
}

/* Whether a token has this text there already; false also where the group failed. */
static bool is_taken(struct core *core, enum token_column column, const char *text)
{
	struct issued found;
	bool taken = find_rows(core, column, text, &found) && found.rows.n > 0;

	vec_release(&found.rows);
	return taken;
}

bool token_revoke(struct core *core, const char *worker)
{
	struct issued issued;
	bool ok = find_rows(core, TOKEN_COL_name, issued_name(core, worker), &issued);

	for (size_t i = 0; ok && i < issued.rows.n; i++)
		ok = record_delete(core, TABLE_TOKEN, &issued.rows.v[i]);
	core->tokens_changed |= issued.rows.n > 0;
	vec_release(&issued.rows);
	return ok;
}

static bool is_digest(const char *text)
{
	return text != NULL && strlen(text) == DIGEST_TEXT_SIZE - 1 &&
	       strspn(text, "0123456789abcdef") == DIGEST_TEXT_SIZE - 1;
}

/* The first use of the token `joining`: it is marked, others like it go, the worker's own one
   comes. */
static bool exchange(struct core *core, const char *worker, const struct issued *issued,
                     const struct token *joining, const char *own)
{
	struct token token = {.name = issued_name(core, worker),
	                      .role = role_word(ROLE_WORKER),
	                      .worker = worker,
	                      .expiry_date = DATE_NULL},
	             marked = {.token_id = joining->token_id, .exchanged = own};
	bool ok = record_update(core, TABLE_TOKEN, &marked, BIT(TOKEN_COL_exchanged));

	for (size_t i = 0; ok && i < issued->rows.n; i++) {
		if (issued->rows.v[i].token_id != joining->token_id)
			ok = record_delete(core, TABLE_TOKEN, &issued->rows.v[i]);
	}
	return ok && insert_row(core, &token, own);
}

static void refuse_second(struct core *core, struct call *call, const char *worker)
{
	log_warn(core->log, "somebody at %s would join as worker %s with a token that was used",
	         call->address ? call->address : "(unknown)", worker);
	audit_refused(core, call,
	              arena_printf(&core->arena,
	                           "refused: the token for joining as %s was used before", worker));
	core_refuse(core, call, PROBLEM_UNAUTHORIZED,
	            "the token for joining as worker %.200s was used by another one before: it is "
	            "good for one worker, once",
	            worker);
}

bool token_exchange(struct core *core, struct call *call, const char *worker, const char *own)
{
	struct issued issued;
	const struct token *joining = NULL;
	bool ok;

	if (!is_digest(own)) {
		core_refuse(core, call, own ? PROBLEM_BAD_VALUE : PROBLEM_MISSING_FIELD,
		            "who registers with a token for joining needs " JOIN_OWN
		            ", the SHA-256 of a token of its own as 64 hex digits");
		return false;
	}
	ok = find_rows(core, TOKEN_COL_name, issued_name(core, worker), &issued);
	for (size_t i = 0; ok && i < issued.rows.n; i++) {
		if (strcmp(issued.rows.v[i].hash, call->digest) == 0)
			joining = &issued.rows.v[i];
	}
	if (ok && joining == NULL) {
		core_refuse(core, call, PROBLEM_UNAUTHORIZED, "the token is not valid any more");
		ok = false;
	} else if (ok && joining->exchanged != NULL) {
		ok = strcmp(joining->exchanged, own) == 0;
		if (!ok)
			refuse_second(core, call, worker);
	} else if (ok && is_taken(core, TOKEN_COL_hash, own)) {
		core_refuse(core, call, PROBLEM_CONFLICT, JOIN_OWN " is another token's");
		ok = false;
	} else {
		ok = ok && exchange(core, worker, &issued, joining, own);
	}
	vec_release(&issued.rows);
	return ok;
}

static bool check(struct core *core, struct token *token, struct problem *problem)
{
	enum role role = role_parse(token->role);

	if (*token->name == '\0' || strlen(token->name) > NAME_MAX_LEN ||
	    strpbrk(token->name, ":@/\n") != NULL)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "name is \"%.80s\", not 1 to %d characters without : @ /",
		                   token->name, NAME_MAX_LEN);
	if (role == ROLE_NONE)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "role is \"%.80s\", not one of viewer, submitter, operator, "
		                   "admin, worker",
		                   token->role);
	if (role != ROLE_WORKER && token->worker != NULL)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "worker is for a token of role worker, not %s", token->role);
	if (token->expiry_date != DATE_NULL && token->expiry_date <= core->now_us)
		return problem_set(problem, PROBLEM_BAD_VALUE, "expiry_date has passed");
	if (role == ROLE_WORKER && token->worker == NULL)
		token->worker = token->name;
	return true;
}

void handle_token_create(struct core *core, struct call *call)
{
	const struct table *table = table_get(TABLE_TOKEN);
	char text[TOKEN_DIGITS + 1];
	struct token token;
	uint64_t set;
	json_t *reply;

	if (!row_from_json(table, call->body, ROW_CREATE, &token, &set, &call->arena,
	                   &call->problem) ||
	    !check(core, &token, &call->problem)) {
		core_problem(core, call);
		return;
	}
	if (is_taken(core, TOKEN_COL_name, token.name)) {
		core_refuse(core, call, PROBLEM_CONFLICT,
		            "there is a token %.80s: revoke it first, or choose another name",
		            token.name);
		return;
	}
	if (!insert(core, &token, "", text))
		return;
	reply = row_to_json(table, &token, VIEW_FULL);
	json_object_set_new(reply, "token", json_string(text));
	core_reply(core, call, 201, reply);
}

void handle_token_delete(struct core *core, struct call *call)
{
	struct token token = {.token_id = call->ids[0]};

	if (!record_find(core, TABLE_TOKEN, &token)) {
		reply_missing(core, call, "token", call->ids[0]);
		return;
	}
	if (!record_delete(core, TABLE_TOKEN, &token))
		return;
	core->tokens_changed = true;
	core_reply(core, call, 200, row_to_json(table_get(TABLE_TOKEN), &token, VIEW_FULL));
}
