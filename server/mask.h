/*
 * The header X-Fields of v1: which fields of the rows in a reply are wanted,
 * "task_id,status" or "{task_id,status}"; * stands for all others. The HTTP side
 * reads it into the call, what prints rows applies it.
 */
#ifndef SERVER_MASK_H
#define SERVER_MASK_H

#include "server/call.h"

/* Read `text` into call->mask; false with the problem set where it cannot be read. */
bool mask_read(struct call *call, const char *text);
/* What is wanted of a row, or of each row of an array; the value itself where nothing was said.
   Steals the value. A wanted field that there is not is null. */
json_t *mask_apply(const struct call *call, json_t *value);
/* The same as the text of a reply, in call->reply; an error is printed whole. Steals the value. */
void mask_print(struct call *call, int status, json_t *value);

#endif
