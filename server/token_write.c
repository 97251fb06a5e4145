#include "server/token.h"

#include "model/digest.h"
#include "model/json.h"
#include "server/handlers.h"
#include "server/record.h"
#include "server/reply.h"
#include "store/store.h"

#include <string.h>

#define NAME_MAX_LEN 200
/* No token that somebody makes has a / in its name. */
#define ISSUED "deployed/"

static bool note(void *context, const void *row)
{
	(void)row;
	*(bool *)context = true;
	return false;
}

/* Whether a token has this name already; the group may fail. */
static bool is_taken(struct core *core, const char *name)
{
	const struct store_filter filter = {.field = TOKEN_COL_name, .op = STORE_EQ, .text = name};
	const struct store_query query = {.table = TABLE_TOKEN, .filters = &filter, .nfilters = 1};
	bool taken = false;

	if (store_select(store_own(core->store), &query, note, &taken) != STORE_OK)
		core_failed(core, "the tokens cannot be read");
	return taken;
}

/* The row of a new token; its text is nowhere else. */
static bool insert(struct core *core, struct token *token, char text[TOKEN_DIGITS + 1])
{
	char *digest = arena_array(&core->arena, char, DIGEST_TEXT_SIZE);

	random_hex(text, TOKEN_DIGITS);
	digest_bytes(text, TOKEN_DIGITS, digest);
	token->token_id = ++core->state.last_token;
	token->hash = digest;
	token->creation_date = core->now_us;
	core->tokens_changed = true;
	return record_insert(core, TABLE_TOKEN, token);
}

bool token_issue(struct core *core, const char *worker, char text[TOKEN_DIGITS + 1])
{
	struct token token = {.name = arena_printf(&core->arena, ISSUED "%s", worker),
	                      .role = role_word(ROLE_WORKER),
	                      .worker = worker,
	                      .expiry_date = DATE_NULL};

	return insert(core, &token, text);
}

struct issued {
	VEC(int64_t) ids;
};

static bool add_id(void *context, const void *row)
{
	struct issued *issued = context;

	vec_push(&issued->ids, ((const struct token *)row)->token_id);
	return true;
}

bool token_revoke(struct core *core, const char *worker)
{
	const struct store_filter filter = {
	        .field = TOKEN_COL_name,
	        .op = STORE_EQ,
	        .text = arena_printf(&core->arena, ISSUED "%s", worker)};
	const struct store_query query = {.table = TABLE_TOKEN, .filters = &filter, .nfilters = 1};
	struct issued issued = {0};
	bool ok = store_select(store_own(core->store), &query, add_id, &issued) == STORE_OK ||
	          core_failed(core, "the tokens cannot be read");

	for (size_t i = 0; ok && i < issued.ids.n; i++)
		ok = record_delete(core, TABLE_TOKEN, &(struct token){.token_id = issued.ids.v[i]});
	core->tokens_changed |= issued.ids.n > 0;
	vec_release(&issued.ids);
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
	if (is_taken(core, token.name)) {
		core_refuse(core, call, PROBLEM_CONFLICT,
		            "there is a token %.80s: revoke it first, or choose another name",
		            token.name);
		return;
	}
	if (!insert(core, &token, text))
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
