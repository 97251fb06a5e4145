/*
 * The handlers of the core thread, for the table of routes. Each answers its
 * call exactly once (core_reply and its kin), at once or, for those that wait,
 * when what they wait for happens. Path numbers are call->ids, path words
 * call->names, in the order of the path.
 *
 * To add one: declare it here, define it in the file of its noun, add its row
 * in routes.def with QUEUE_CORE.
 */
#ifndef SERVER_HANDLERS_H
#define SERVER_HANDLERS_H

#include "server/call.h"

/* task_write.c */
call_handler handle_task_create;        /* POST /tasks/ */
call_handler handle_task_update;        /* PUT /tasks/{id} */
call_handler handle_task_delete;        /* DELETE /tasks/{id} */
call_handler handle_task_freeze;        /* GET /tasks/{id}/freeze/{id} */
call_handler handle_task_frozen_update; /* PUT /tasks/{id}/freeze/{id} */
call_handler handle_task_frozen_delete; /* DELETE /tasks/{id}/freeze/{id} */
call_handler handle_task_why;           /* GET /tasks/{id}/why */

/* bulk.c */
call_handler handle_task_bulk; /* POST /tasks/bulk */

/* worker_write.c */
call_handler handle_worker_create;     /* POST /workers/ */
call_handler handle_worker_update;     /* PUT /workers/{id} */
call_handler handle_worker_delete;     /* DELETE /workers/{id} */
call_handler handle_worker_ping;       /* PUT /workers/{id}/ping */
call_handler handle_worker_callback;   /* PUT /workers/{id}/callback */
call_handler handle_worker_deploy;     /* PUT /workers/deploy */
call_handler handle_worker_executions; /* GET /workers/{id}/executions[/{status}] */
call_handler handle_workers_tasks;     /* GET /workers/tasks */

/* signal_write.c */
call_handler handle_signals_take;  /* GET /workers/{id}/signals: hands them over */
call_handler handle_signal_create; /* POST /workers/{id}/signals */

/* execution_write.c */
call_handler handle_execution_create;       /* POST /executions/ */
call_handler handle_execution_update;       /* PUT /executions/{id} */
call_handler handle_execution_delete;       /* PUT /executions/{id}/delete */
call_handler handle_execution_output;       /* PUT /executions/{id}/output */
call_handler handle_execution_error;        /* PUT /executions/{id}/error */
call_handler handle_execution_output_files; /* PUT /executions/{id}/output_files */

/* requirement_write.c */
call_handler handle_requirement_create; /* POST /requirement/ */
call_handler handle_requirement_delete; /* DELETE /requirement/{id} */

/* recruiter_write.c */
call_handler handle_recruiter_create; /* POST /recruiter/ */
call_handler handle_recruiter_update; /* PUT /recruiter/{batch}/{rank} */
call_handler handle_recruiter_delete; /* DELETE /recruiter/{batch}/{rank} */
call_handler handle_recruiter_why;    /* GET /recruiter/{batch}/{rank}/why: why_rows.c */
call_handler handle_recruiter_match;  /* GET /recruiter/match */

/* prune.c */
call_handler handle_prune; /* POST /prune; waits */

/* token_write.c */
call_handler handle_token_create; /* POST /tokens/ */
call_handler handle_token_delete; /* DELETE /tokens/{id} */

/* batch_write.c */
call_handler handle_batch_list;   /* GET /batch/ */
call_handler handle_batch_stop;   /* PUT /batch/{name}/stop */
call_handler handle_batch_go;     /* PUT /batch/{name}/go */
call_handler handle_batch_delete; /* DELETE /batch/{name} */

/* lease.c */
call_handler handle_worker_register; /* POST /workers/register */
call_handler handle_worker_lease;    /* POST /workers/{id}/lease; waits */

/* event.c */
call_handler handle_execution_events; /* POST /executions/events */

/* log_put.c */
call_handler handle_log_append; /* PUT /executions/{id}/log/{stream}; call->raw, body has
                                   offset and epoch */

/* run.c */
call_handler handle_run_create; /* POST /runs/ */
call_handler handle_run_update; /* PUT /runs/{id} */
call_handler handle_run_get;    /* GET /runs/{id}: fields and counts of its steps */

/* metrics.c */
call_handler handle_metrics; /* GET /metrics */

/* follow.c */
call_handler handle_run_follow;    /* GET /runs/{id}/follow; waits */
call_handler handle_private_leave; /* POST /private/leave */

#endif
