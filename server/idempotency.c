#include "server/idempotency.h"

#include "model/json.h"
#include "server/record.h"
#include "server/reply.h"
#include "server/route.h"
#include "store/store.h"

#include <string.h>

#define KEPT_US (7 * 24 * 3600 * INT64_C(1000000))
/* All keys are looked at while half as many come. */
#define KEPT_BETWEEN 100
#define LOOKED_AT 200

/* jansson prints in small pieces. */
struct gather {
	struct digest *digest;
	size_t n;
	char bytes[4096];
};

static int add_chunk(const char *data, size_t len, void *context)
{
	struct gather *g = context;

	if (g->n + len > sizeof(g->bytes)) {
		digest_add(g->digest, g->bytes, g->n);
		g->n = 0;
	}
	if (len > sizeof(g->bytes)) {
		digest_add(g->digest, data, len);
	} else {
		memcpy(g->bytes + g->n, data, len);
		g->n += len;
	}
	return 0;
}

void request_digest(const struct call *call, char digest[DIGEST_TEXT_SIZE])
{
	struct gather g = {.digest = digest_new()};

	if (call->key != NULL) {
		digest_add(g.digest, call->route->method, strlen(call->route->method) + 1);
		digest_add(g.digest, call->path, strlen(call->path) + 1);
	}
	/* Members in the order in which they came: a repetition is the same bytes. */
	json_dump_callback(call->body, add_chunk, &g, JSON_COMPACT);
	digest_add(g.digest, g.bytes, g.n);
	digest_finish(g.digest, digest);
}

enum key_found idempotency_find(struct core *core, const char *key, const char *digest,
                                struct idempotency *row)
{
	row->key = key;
	if (!record_find(core, TABLE_IDEMPOTENCY, row))
		return core->group_failed ? KEY_FAILED : KEY_NEW;
	return strcmp(row->digest, digest) == 0 ? KEY_SAME : KEY_OTHER;
}

bool idempotency_keep(struct core *core, const char *key, const char *digest, const json_t *reply)
{
	struct idempotency row = {
	        .key = key, .digest = digest, .creation_date = core->now_us, .task_id = INT_NULL};
	struct str text = STR_INIT;
	bool ok;

	json_print(reply, &text);
	row.reply = text.p;
	ok = record_insert(core, TABLE_IDEMPOTENCY, &row);
	str_release(&text);
	return ok;
}

static void answer_task(struct core *core, struct call *call, int status, int64_t id)
{
	if (core_task(core, id) != NULL)
		reply_task(core, call, status, (uint32_t)id);
	else if (!core->group_failed)
		core_refuse(core, call, PROBLEM_NOT_FOUND,
		            "task %lld, which this request created before, was deleted",
		            (long long)id);
}

bool idempotency_answer(struct core *core, struct call *call, const char *key, const char *digest,
                        int status)
{
	struct idempotency row;

	switch (idempotency_find(core, key, digest, &row)) {
	case KEY_NEW:
	case KEY_FAILED:
		return false;
	case KEY_OTHER:
		core_refuse(core, call, PROBLEM_CONFLICT,
		            "key \"%.80s\" was used for another request", key);
		return true;
	case KEY_SAME:
		break;
	}
	call->repeated = true;
	if (row.task_id != INT_NULL) {
		answer_task(core, call, status, row.task_id);
		return true;
	}
	str_reset(&call->reply);
	str_adds(&call->reply, row.reply);
	core_reply_bytes(core, call, status, "application/json");
	return true;
}

bool idempotency_repeat(struct core *core, struct call *call)
{
	char digest[DIGEST_TEXT_SIZE];

	if (call->key == NULL)
		return false;
	/* The handler may change the body: also of a call that waited in it and comes again. */
	if (call->key_digest == NULL) {
		request_digest(call, digest);
		call->key_digest = arena_strdup(&call->arena, digest);
	}
	/* Most keys are new and written next: one transaction has both. */
	return core_write(core) && idempotency_answer(core, call, call->key, call->key_digest,
	                                              call->route->flags & ROUTE_MAKES ? 201 : 200);
}

void idempotency_note(struct core *core, const struct call *call)
{
	const struct idempotency row = {.key = call->key,
	                                .digest = call->key_digest,
	                                .creation_date = core->now_us,
	                                .reply = call->made_task ? NULL : call->reply.p,
	                                .task_id = call->made_task ? call->made_task : INT_NULL};

	if (record_insert(core, TABLE_IDEMPOTENCY, &row) && ++core->keys % KEPT_BETWEEN == 0)
		idempotency_prune(core);
}

void idempotency_prune(struct core *core)
{
	if (core_write(core) && store_prune_keys(core->store, core->now_us - KEPT_US, LOOKED_AT,
	                                         &core->key_seen) != STORE_OK)
		core_failed(core, "old keys cannot be deleted");
}
