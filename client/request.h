/*
 * A call on its way to the server: which function, its arguments, those of them that are answers
 * still to come, and the key by which the server knows it when it is sent again.
 */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include "base/vec.h"
#include "client/answer.h"
#include "client/calls.h"

#define KEY_SIZE 64

struct request_lazy {
	char *argument;
	size_t index;                /* of the argument where that is an array */
	struct scitq_answer *answer; /* a reference */
};

struct request {
	const struct call_row *row;
	json_t *arguments;
	VEC(struct request_lazy) lazy;
	char key[KEY_SIZE]; /* "": reads need none */
};

/*
 * Take what scitq_call() says; `arguments` is stolen in any case. Answers that are there already
 * are put in at once, the others are kept. False, with a sentence in `error`, where something is
 * wrong; request_release() follows in any case.
 */
bool request_init(struct request *r, const struct call_row *row, json_t *arguments,
                  const struct scitq_lazy *lazy, size_t nlazy, struct str *error);
void request_release(struct request *r);
/* Put in those that are there and did not fail; the others stay. */
void request_put_ready(struct request *r);
/* One more of them. */
bool request_add_lazy(struct request *r, const struct scitq_lazy *lazy, struct str *error);
/*
 * Put in the answers, waiting for them where they are not there. False, with a sentence in `error`,
 * where one of them failed, so that there is nothing to name.
 */
bool request_resolve(struct request *r, struct str *error);

#endif
