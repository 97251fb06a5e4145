/*
 * Logs that somebody follows, and how far they have grown: the core notes what a
 * group appended and which executions ended, after COMMIT; those who follow look
 * here, without the database, whether there is more to read.
 *
 * Nothing is kept for a log that nobody follows.
 */
#ifndef SERVER_LOG_BOARD_H
#define SERVER_LOG_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct log_board;

/* One execution that is followed. */
struct log_watch {
	uint32_t execution;
	unsigned users;                 /* under the board's lock */
	atomic_int_least64_t length[2]; /* by enum store_stream; bytes known to be stored */
	atomic_bool ended;              /* nothing will be appended any more */
};

struct log_board *log_board_new(void);
/* Nobody may follow any more. */
void log_board_free(struct log_board *board);

/* Until log_unwatch(); from any thread. */
struct log_watch *log_watch(struct log_board *board, uint32_t execution);
void log_unwatch(struct log_board *board, struct log_watch *watch);
/* It has at least this length. */
void log_watch_length(struct log_watch *watch, int stream, int64_t length);

/* Is anything followed? Cheap. */
bool log_board_used(struct log_board *board);
/* False: nobody follows it. */
bool log_board_grown(struct log_board *board, uint32_t execution, int stream, int64_t length);
bool log_board_ended(struct log_board *board, uint32_t execution);

#endif
