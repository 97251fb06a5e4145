/*
 * GET /tasks/status, what clients ask while they wait for many tasks. The server that
 * leads has the tasks that are not done in memory: there the core answers what it
 * knows, and only the rest is read, so that the call takes no longer because of the
 * number of tasks in the database. Any other server reads all of them.
 */
#ifndef SERVER_TASK_STATUS_H
#define SERVER_TASK_STATUS_H

#include "server/call.h"

/* On the core thread: answers, or hands the call on to a reader (core_options.read). */
call_handler task_status_ask;

#endif
