/*
 * The logs of executions, in the log file of the store: bytes at their offset,
 * each stored once however often it is sent.
 */
#ifndef SERVER_LOGS_H
#define SERVER_LOGS_H

#include "server/core_inside.h"

enum log_append { LOG_STORED, LOG_GAP, LOG_DIFFERENT, LOG_GROUP_FAILED };

/* Bytes stored; -1: the group failed. `execution` may be NULL for one that is not live. */
int64_t log_length(struct core *core, struct execution_node *execution, int64_t id, bool is_error);
/*
 * Bytes below what is stored are compared and skipped. *length gets what is
 * stored afterwards.
 */
enum log_append log_append(struct core *core, struct execution_node *execution, int64_t id,
                           bool is_error, int64_t offset, const char *data, size_t len,
                           int64_t *length);

#endif
