/*
 * The core without HTTP and without its thread: a test is the core thread. It
 * sends calls, turns the loop once, and looks at replies and at memory. Time
 * stands still unless the test moves it, and the database can be told to fail. With
 * SCITQ_TEST_DATABASE=postgres in the environment that is a PostgreSQL cluster of the
 * program's own, else a SQLite file.
 */
#ifndef TESTS_SERVER_CORE_H
#define TESTS_SERVER_CORE_H

#include "server/core_inside.h"
#include "store/store.h"

#include <jansson.h>

struct bench {
	char dir[64];
	struct str uri;
	struct store *store;
	struct core *core;
	struct log log;
	struct core_options options;
	int64_t now_ns;
	enum store_step fail_step; /* where `failing` strikes */
	int failing;               /* that step fails when this has counted down to 0; -1: never */
	unsigned failed;           /* how often it struck */
	void (*at_commit)(struct bench *b); /* before each COMMIT; or NULL */
	bool away;                          /* every step fails */
	bool unchecked;                     /* memory is not compared after every group */
	bool may_end;
	unsigned tokens_read;     /* how often the core had them read */
	bool tokens_away;         /* they cannot be */
	VEC(struct call *) calls; /* sent and not released */
};

struct bench *bench_open(const struct core_options *options);
void bench_close(struct bench *b);
/* kill -9 of the server, and a start: everything that was committed is there. */
void bench_restart(struct bench *b);
void bench_advance(struct bench *b, double seconds);

/* Send a call and turn the loop. The body is stolen; NULL is {}. The call stays the bench's. */
struct call *bench_send(struct bench *b, call_handler *handler, int64_t id, const char *name,
                        json_t *body);
struct call *bench_queue(struct bench *b, call_handler *handler, int64_t id, const char *name,
                         json_t *body);
void bench_step(struct bench *b);
static inline bool call_waits(const struct call *call)
{
	return call->status == 0;
}
/* What it was answered; borrowed. */
json_t *call_answer(const struct call *call);
/* Send, and expect this status; the answer, borrowed. */
json_t *bench_call(struct bench *b, int status, call_handler *handler, int64_t id, const char *name,
                   json_t *body);
/* Members of an answer. */
int64_t get_int(json_t *object, const char *name);
const char *get_text(json_t *object, const char *name);
/* The status word of a task's row. */
const char *task_word(struct bench *b, uint32_t id);
struct task bench_task(struct bench *b, uint32_t id);

/* A task from JSON text with ' for ", its id. */
uint32_t bench_new_task(struct bench *b, const char *fields);
json_t *json_of(const char *text);

#endif
