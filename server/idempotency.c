#include "server/idempotency.h"

#include "model/json.h"
#include "server/record.h"
#include "store/store.h"

#include <string.h>

#define KEPT_US (7 * 24 * 3600 * INT64_C(1000000))
#define PRUNED_AT_ONCE 100

static int add_chunk(const char *data, size_t len, void *digest)
{
	digest_add(digest, data, len);
	return 0;
}

void request_digest(const struct call *call, char digest[DIGEST_TEXT_SIZE])
{
	struct digest *d = digest_new();

	if (call->raw.len > 0)
		digest_add(d, call->raw.p, call->raw.len);
	else
		json_dump_callback(call->body, add_chunk, d, JSON_COMPACT | JSON_SORT_KEYS);
	digest_finish(d, digest);
}

enum key_found idempotency_find(struct core *core, const char *key, const char *digest,
                                const char **reply)
{
	struct idempotency row = {.key = key};

	if (!record_find(core, TABLE_IDEMPOTENCY, &row))
		return core->group_failed ? KEY_FAILED : KEY_NEW;
	*reply = row.reply;
	return strcmp(row.digest, digest) == 0 ? KEY_SAME : KEY_OTHER;
}

bool idempotency_keep(struct core *core, const char *key, const char *digest, const json_t *reply)
{
	struct str text = STR_INIT;
	struct idempotency row = {.key = key, .digest = digest, .creation_date = core->now_us};
	bool ok;

	json_print(reply, &text);
	row.reply = text.p;
	ok = record_insert(core, TABLE_IDEMPOTENCY, &row);
	str_release(&text);
	return ok;
}

void idempotency_prune(struct core *core)
{
	if (core_write(core) &&
	    store_prune_keys(core->store, core->now_us - KEPT_US, PRUNED_AT_ONCE) != STORE_OK)
		core_failed(core, "old keys cannot be deleted");
}
