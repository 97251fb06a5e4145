/*
 * Long pieces of logs on their way past the database (store_log_put()): a thread writes and syncs
 * them in the order in which they came, so that the core does not wait for the disk, and takes the
 * next one meanwhile. The core then appends them, in a group, and answers.
 */
#ifndef SERVER_LOG_PUT_H
#define SERVER_LOG_PUT_H

#include "server/core_inside.h"

struct log_puts;

/* With its thread, where the database has files for it; NULL with *problem set. */
struct log_puts *log_puts_new(struct core *core, struct problem *problem);
/* Its end: what it had to write is written, the core has been told. */
void log_puts_stop(struct log_puts *puts);
/* Calls that wait for those before them are among the answers of the group, which fails. */
void log_puts_refuse_early(struct core *core);
/* Stopped, and nothing is under way. NULL is nothing. */
void log_puts_free(struct log_puts *puts);

#endif
