/* Shapes that many replies of the core share. */
#ifndef SERVER_REPLY_H
#define SERVER_REPLY_H

#include "server/core_inside.h"

/* INT_NULL is null. */
json_t *reply_integer(int64_t value);
/* The row as its reader knows it: v1's fields, or all of them for a client of ours. */
void reply_row(struct core *core, struct call *call, int status, enum table_id table,
               const void *row);
/* The task's row as the changes so far leave it. */
void reply_task(struct core *core, struct call *call, int status, uint32_t id);
/* {"result": word} */
void reply_result(struct core *core, struct call *call, const char *word);
/* 404: "there is no WHAT ID". */
void reply_missing(struct core *core, struct call *call, const char *what, int64_t id);

#endif
