/*
 * Requests that are sent again because their answer was lost: the first reply
 * is kept under the key that the client chose, with a digest of the request.
 */
#ifndef SERVER_IDEMPOTENCY_H
#define SERVER_IDEMPOTENCY_H

#include "model/digest.h"
#include "server/core_inside.h"

enum key_found { KEY_NEW, KEY_SAME, KEY_OTHER, KEY_FAILED };

/* Of the body as it was sent, and of the path of a call with a key in its header; to be taken
 * before the handler changes it. */
void request_digest(const struct call *call, char digest[DIGEST_TEXT_SIZE]);
/* *row gets what is kept, with the first reply where the request is the same. */
enum key_found idempotency_find(struct core *core, const char *key, const char *digest,
                                struct idempotency *row);
bool idempotency_keep(struct core *core, const char *key, const char *digest, const json_t *reply);
/*
 * Answer with the first reply under the key, or with the task that was created as it is now, or
 * refuse where the key was another request's. True where the call was answered; false where it is
 * new, or the group failed.
 */
bool idempotency_answer(struct core *core, struct call *call, const char *key, const char *digest,
                        int status);
/* The same of call->key, as the core meets the call. */
bool idempotency_repeat(struct core *core, struct call *call);
/* Keep call->reply under call->key, or call->made_task where there is one. */
void idempotency_note(struct core *core, const struct call *call);
/* Look at some of the keys, in turn, and forget those of long ago. */
void idempotency_prune(struct core *core);

#endif
