/*
 * Between the core and whoever speaks to providers: orders go one way, reports come back as
 * messages. runner.c takes orders in the real server; a simulation takes them itself.
 */
#ifndef SERVER_PROVIDER_ORDER_H
#define SERVER_PROVIDER_ORDER_H

#include "base/vec.h"
#include "server/core.h"

#include <jansson.h>

enum order_verb { ORDER_CREATE, ORDER_DESTROY, ORDER_LIST, ORDER_OFFERS, ORDER_VERB_COUNT };
/* "create"... of docs/providers.md */
extern const char *const order_verb_words[ORDER_VERB_COUNT];

struct order_job {
	uint32_t id;
	char *tag; /* by which the provider knows the worker */
};

/* One call of a provider: a verb for the workers of some jobs, or for none. */
struct order {
	struct order *next; /* for whoever holds it */
	uint64_t number;
	enum order_verb verb;
	char *provider;
	json_t *request; /* an object: what the provider is told */
	VEC(struct order_job) jobs;
};

void order_free(struct order *order);

enum report_kind {
	REPORT_PROGRESS, /* of a job: percent, and maybe a text that says what it waits for */
	REPORT_LOG,      /* of a job: text to append */
	REPORT_DONE,     /* of a job; of an order without jobs: value */
	REPORT_FAILED,   /* the same: text says why; final: trying again is of no use */
	REPORT_END       /* of the order: nothing more comes */
};

struct report {
	struct core_message message;
	struct core *core;
	enum report_kind kind;
	uint64_t order;
	uint32_t job; /* 0: the order has none */
	int64_t percent;
	bool final;
	char *text;    /* NULL: none */
	json_t *value; /* NULL: none */
};

/* Hand it to the core, which owns text and value from then on. Any thread. */
void report_send(const struct report *report);

/* Who takes orders. */
struct provider {
	/* The i-th provider, NULL behind the last; they stay the same. */
	const char *(*name)(void *context, size_t i);
	/* Takes the order over; reports follow, the last of them REPORT_END. */
	void (*take)(void *context, struct core *core, struct order *order);
	/* This server leads no more: what is under way ends soon. */
	void (*cancel)(void *context);
	void *context;
};

#endif
