/*
 * The reader threads: they answer the calls of QUEUE_READ from read-only
 * connections of their own, and so see what is committed and never hold up the
 * core. The handlers below stand in read_*.c by noun; each answers its call
 * exactly once.
 *
 * Lists are printed row by row into the reply: no list of rows is ever held.
 *
 * To add a handler: declare it here, define it in the file of its noun, add its
 * row in routes.def with READ.
 */
#ifndef SERVER_READER_H
#define SERVER_READER_H

#include "server/call.h"

#include "model/json.h"

#include <stdbool.h>

struct readers;
struct store_reader;

/* One thread. */
struct reader {
	struct store_reader *store;
	struct server *server;
};

/* Start the threads; at most `waiting` calls wait for one. NULL with *problem set where a
   connection or a thread cannot be had. The server's store and log are borrowed until
   readers_free(). */
struct readers *readers_new(struct server *server, unsigned threads, unsigned waiting,
                            struct problem *problem);
/* Any thread. Answered busy where too many wait, unavailable after readers_stop(). */
void readers_submit(struct readers *readers, struct call *call);
/* Whether the server stops: what takes long gives up then. Any thread. */
bool readers_stopping(struct readers *readers);
/* Finish what is being read, refuse what waits, end the threads. */
void readers_stop(struct readers *readers);
void readers_free(struct readers *readers);

/*
 * Whether what is known of memory (known.h) counts: of a database that is shared it does while
 * nobody else leads, since what another server had committed before this question would be
 * missing.
 */
bool reader_knows(struct reader *reader);

/* Something to be read for nobody's call; never refused: what asks is few. `run` gets NULL where
   the readers stop. The job is its owner's. */
struct reader_job {
	struct reader_job *next;
	void (*run)(struct reader *reader, struct reader_job *job);
};
void readers_do(struct readers *readers, struct reader_job *job);
/* Calls that wait. */
unsigned readers_waiting(struct readers *readers);

/* read_task.c */
read_handler read_tasks; /* GET /tasks/ */
read_handler read_task;  /* GET /tasks/{id} */

/* task_status.c */
read_handler read_task_status; /* GET /tasks/status */

/* read_execution.c */
read_handler read_executions; /* GET /executions/ */
read_handler read_execution;  /* GET /executions/{id} */
read_handler read_output;     /* GET /executions/{id}/output */
read_handler read_log;        /* GET /executions/{id}/log/{stream} */

/* read_rows.c */
read_handler read_workers;      /* GET /workers/ */
read_handler read_worker;       /* GET /workers/{id} */
read_handler read_requirements; /* GET /requirement/ */
read_handler read_recruiters;   /* GET /recruiter/ */
read_handler read_recruiter;    /* GET /recruiter/{batch}/{rank} */
read_handler read_jobs;         /* GET /jobs/ */
read_handler read_job;          /* GET /jobs/{id} */
read_handler read_ready;        /* GET /readyz */

/* read_backup.c */
read_handler read_backup; /* POST /backup */

/* read_access.c */
read_handler read_tokens; /* GET /tokens/ */
read_handler read_audit;  /* GET /audit/ */

/* read_config.c */
read_handler read_config_rclone; /* GET /config/rclone */
read_handler read_config_remote; /* GET /config/remote */

/* page.c */
read_handler read_page;      /* GET / */
read_handler read_page_file; /* GET /swagger-ui/{file} */

/* read_flavor.c */
read_handler read_flavors; /* GET /flavor/ */

/* read_run.c */
read_handler read_runs;              /* GET /runs/ */
read_handler read_run_identities;    /* GET /runs/{id}/identities */
read_handler read_identities_find;   /* POST /identities/find */
read_handler read_identities_latest; /* POST /identities/latest */

#endif
