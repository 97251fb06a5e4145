/*
 * Calls that are answered from what is known of memory (known.h), on whatever thread:
 * the HTTP thread that read them, mostly. Where it is not enough the handler of their
 * route has them.
 *
 * To add one: here, and as the second handler of its row in routes.def.
 */
#ifndef SERVER_KNOWN_SHOW_H
#define SERVER_KNOWN_SHOW_H

#include "server/call.h"

known_answer known_batch_list;    /* GET /batch/ */
known_answer known_workers_tasks; /* GET /workers/tasks */
known_answer known_task_status;   /* GET /tasks/status; task_status.c */

#endif
