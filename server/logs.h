/*
 * The logs of executions, in the log file of the store: bytes at their offset,
 * each stored once however often it is sent.
 */
#ifndef SERVER_LOGS_H
#define SERVER_LOGS_H

#include "server/core_inside.h"

enum log_append { LOG_STORED, LOG_GAP, LOG_DIFFERENT, LOG_GROUP_FAILED };

/* False with *problem set where the word is no name of a log. */
bool log_stream(const char *word, bool *is_error, struct problem *problem);
/* Bytes stored; -1: the group failed. `execution` may be NULL for one that is not live. */
int64_t log_length(struct core *core, struct execution_node *execution, int64_t id, bool is_error);
/*
 * Bytes below what is stored are compared and skipped. *length gets what is
 * stored afterwards.
 */
enum log_append log_append(struct core *core, struct execution_node *execution, int64_t id,
                           bool is_error, int64_t offset, const char *data, size_t len,
                           int64_t *length);
/* The same of bytes that store_log_put() took. LOG_DIFFERENT where there are others by now. */
enum log_append log_append_put(struct core *core, struct execution_node *execution, int64_t id,
                               bool is_error, int64_t offset, size_t len, int64_t *length);

#endif
