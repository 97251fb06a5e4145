/*
 * struct scitq_answer of scitq.h: what a call gave, or will give. It is counted: one reference is
 * the caller's, another the queue's while the call stands there. Its maker finishes it once; from
 * then on it does not change but for its typed rows, which are made when somebody wants them.
 */
#ifndef CLIENT_ANSWER_H
#define CLIENT_ANSWER_H

#include "base/arena.h"
#include "base/str.h"
#include "client/calls.h"
#include "client/scitq.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

struct scitq_answer {
	const struct call_row *row; /* NULL: of a join, or of a function that there is not */
	atomic_uint references;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pid_t process; /* whose lock that is; 0: of an answer that never changes */
	bool done;
	enum scitq_result result;
	json_t *json;
	struct str error, code;
	const char *hint;
	/* Under lock: the typed rows, once they are wanted. */
	void *rows;
	size_t nrows;
	bool typed;
	struct arena arena;
	/* Of a write, before anybody else has it: the server, and the number that the queue and its
	   spool know it by. */
	const struct scitq *owner;
	uint64_t number;
};

/* NULL where there is no memory. */
struct scitq_answer *answer_new(const struct call_row *row);
/* SCITQ_MEMORY, in place of one that could not be made. */
struct scitq_answer *answer_no_memory(void);
struct scitq_answer *answer_keep(struct scitq_answer *answer);
/* Take what the three say; `json` is stolen, `error` and `code` are borrowed and may be NULL. */
void answer_finish(struct scitq_answer *answer, enum scitq_result result, json_t *json,
                   const char *error, const char *code);
/* The number of its row that an argument of this name wants, such as task_id, which an execution
 * has too; SCITQ_INT_NULL where it has none. Waits for it. */
int64_t answer_number(struct scitq_answer *answer, const char *argument);
/* SCITQ_FORKED. */
struct scitq_answer *answer_forked(const struct call_row *row);
/* One that is done already. */
struct scitq_answer *answer_failed(const struct call_row *row, enum scitq_result result,
                                   const char *error);

#endif
