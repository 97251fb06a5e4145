/* A worker of the lease protocol, as far as a test needs one. */
#ifndef TESTS_SERVER_WORKER_H
#define TESTS_SERVER_WORKER_H

#include "tests/unit/server_core.h"

#include "server/handlers.h"
#include "server/provider/order.h"

/* The provider p, which takes orders and says nothing. */
extern const struct provider provider_silent;

struct tworker {
	int64_t id, epoch;
};

/* `fields` beside name, boot_id and instance, in single quotes without braces: "'batch': 'x'". */
struct tworker tworker_new(struct bench *b, const char *name, const char *instance,
                           const char *fields);
/* A lease call: have is a list of ids "1, 2", events a JSON array or NULL (stolen). */
struct call *tworker_lease(struct bench *b, const struct tworker *w, const char *have,
                           json_t *events, double wait);
/* The answer to one that does not wait. */
json_t *tworker_ask(struct bench *b, const struct tworker *w, const char *have, json_t *events);
/* The nth grant of an answer. */
json_t *grant_of(json_t *answer, size_t n);
size_t grants_in(json_t *answer);
json_t *started(json_t *grant);
/* status "succeeded", or a reason of failure. */
json_t *finished(json_t *grant, const char *how);
/* [a] or [a, b]; steals. */
json_t *both(json_t *a, json_t *b);
/* The nth result of an answer: a word. */
const char *result_of(json_t *answer, size_t n);

#endif
