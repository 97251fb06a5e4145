/*
 * The file of writes that are queued: one JSON object a line. {"n":N,"call":...} is a write, the
 * others tell what became of it; a write that another one names keeps its number. The file is
 * emptied when nothing is queued. Each line is on disk before the call that made it returns.
 *
 * The lock on it is the file's own (flock), so that two processes do not send the same. It ends
 * with the process that took it: a child that fork() makes gives up what it got of the file.
 */
#ifndef CLIENT_SPOOL_H
#define CLIENT_SPOOL_H

#include "base/str.h"
#include "client/request.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct spool {
	int fd;             /* -1: none */
	struct spool *next; /* of those that are open in this process */
	int64_t written_us; /* date of the last line that it had when it was opened */
	off_t len;          /* of the lines that are whole */
	bool torn;          /* there is a part of another behind them */
};

/* Of one line of the file, in its order; `line` is borrowed, NULL where it is no JSON. False: it is
 * none that this version knows. */
typedef bool spool_line(void *context, json_t *line);

/*
 * False with errno: EWOULDBLOCK where somebody else has it, EPERM where another user owns it,
 * EBADMSG where a line of it is unknown, so that nothing of it is lost. A last line that is cut off
 * goes with the next that is written.
 */
bool spool_open(struct spool *spool, const char *path, spool_line *each, void *context);
void spool_close(struct spool *spool);
/* False where it cannot be written, with errno. */
bool spool_add(struct spool *spool, uint64_t number, const struct request *request);
bool spool_done(struct spool *spool, uint64_t number, const struct scitq_answer *answer);
bool spool_empty(struct spool *spool);
enum spooled {
	SPOOLED_CALL,
	SPOOLED_ORPHAN, /* what it names is not in the spool, which could not be written then */
	SPOOLED_UNKNOWN,
};
/*
 * A line that spool_add() wrote, as a call again, and its number; its lazy ones are found by
 * number. request_release() follows in any case.
 */
typedef struct scitq_answer *spool_find(void *context, uint64_t number);
enum spooled spool_read(json_t *line, spool_find *find, void *context, struct request *request,
                        uint64_t *number);

#endif
