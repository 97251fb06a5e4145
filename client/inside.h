/* The inside of struct scitq, for the functions of scitq.h. */
#ifndef CLIENT_INSIDE_H
#define CLIENT_INSIDE_H

#include "base/vec.h"
#include "client/queue.h"
#include "client/task_arguments.h"
#include "client/wait.h"

#include <stdatomic.h>

#define SESSION_SIZE 33

struct scitq {
	struct scitq_options options; /* its texts are not kept */
	struct sender sender;
	struct queue queue;
	pid_t process; /* that opened it: in a fork, threads and connections are not its own */
	char session[SESSION_SIZE]; /* random: keys of this process begin with it */
	atomic_ullong writes;       /* keys end with their number */
	pthread_mutex_t lock;
	VEC(char *) warned; /* under lock: what was warned of once is not again */
};

bool is_forked(const struct scitq *s);
/* scitq_call() of a row. */
struct scitq_answer *make_row_call(struct scitq *s, const struct call_row *row, json_t *arguments,
                                   const struct scitq_lazy *lazy, size_t nlazy);
/* The same with a key of the caller's, where it is a write ("": one of its own), and with another
 * watch than options.interrupted. */
struct scitq_answer *make_watched_call(struct scitq *s, const struct call_row *row,
                                       json_t *arguments, const struct scitq_lazy *lazy,
                                       size_t nlazy, const char *key, struct watch watch);
/* Pause after an attempt that failed, `most` seconds at most. False where the watch stops it. */
bool read_pause(struct scitq *s, struct pace *pace, double most, struct watch watch);
/* Wait until the answer is there. False where the watch stops it. */
bool watched_wait(struct scitq_answer *answer, struct watch watch);

#endif
