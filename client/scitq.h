/*
 * libscitq: a scitq server from C.
 *
 *	struct scitq *s = scitq_open("127.0.0.1", NULL);
 *	struct scitq_new_task hello = {.command = "echo hello"};
 *	struct scitq_answer *task = scitq_task_create(s, &hello);
 *	struct scitq_answer *done = scitq_join(s, &task, 1, NULL);
 *
 *	if (scitq_result(done) != SCITQ_OK)
 *		fprintf(stderr, "%s\n", scitq_error(done));
 *	scitq_free(done);
 *	scitq_free(task);
 *	scitq_close(s, -1);
 *
 * Every function that asks the server gives an answer, never NULL, which is the caller's to
 * scitq_free(). What went wrong stands in it. An answer can be read in two styles: as JSON
 * (scitq_json), or as typed rows with their dates parsed (scitq_task and its kin).
 *
 * Reading (a GET) waits for the server for as long as it takes. Writing is synchronous while
 * the server answers. When it has not answered for put_timeout, or refuses the connection, the
 * write and those after it are queued and sent by a thread, in the order of the calls: the
 *functions then return at once and their answers are lazy, which means that whoever reads one waits
 *until it is there. A read waits until what was written before it has been sent. A write that is
 *sent again has its key with it, by which the server knows it: nothing is done twice.
 *
 * All functions may be called from several threads, but for scitq_close() and scitq_free(), after
 * which nobody may use what they got. A server belongs to the process that opened it: in a child
 * that fork() made a call is SCITQ_FORKED, and scitq_close() does nothing. Open another one there.
 * The library's own thread takes no signals.
 *
 * When memory runs out a function says so and the process goes on: the answer is SCITQ_MEMORY, a
 * typed row is NULL, scitq_open() gives NULL with ENOMEM. Nothing is leaked, nothing incomplete is
 * sent, and the next call begins anew; a write whose answer could not be kept may have been done. A
 * write that is queued waits for memory as it waits for the server.
 *
 * Texts given are borrowed for the call only and are UTF-8. `json_t *` arguments are stolen, also
 * where the call fails, so that json_pack() can stand in their place; NULL is none. The library
 * makes a copy: one of which the caller keeps a share is not changed. Texts and rows obtained
 *belong to the answer. A pointer must not be NULL but where that is said to mean something.
 */
#ifndef SCITQ_H
#define SCITQ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "client/scitq_rows.h" /* struct scitq_task and the other rows */

/* A server. */

struct scitq;

enum scitq_result {
	SCITQ_OK,
	SCITQ_USAGE,       /* the arguments are wrong; nothing was sent */
	SCITQ_UNREACHABLE, /* no answer, with asynchronous off; of a write: it may have been done */
	SCITQ_UNAUTHORIZED, /* the token is not valid, or its role is not enough */
	SCITQ_REFUSED,      /* the server says no: the same call would be refused again */
	SCITQ_BROKEN,       /* the server failed, or it is none of scitq */
	SCITQ_CLOSED,       /* the server was closed before it answered the write */
	SCITQ_INTERRUPTED,  /* by options.interrupted, or progress; of a write: it may be done */
	SCITQ_FAILED,       /* scitq_join with check: tasks have failed */
	SCITQ_MEMORY,       /* memory ran out; of a write: it may have been done */
	SCITQ_FORKED,       /* in a child of the process that opened the server; nothing was sent */
};

struct scitq_options {
	size_t size; /* set by SCITQ_OPTIONS_INIT */
	/* NULL: the one in NAME:TOKEN@HOST, else SCITQ_TOKEN, else that of this user's own server
	 * here. */
	const char *token;
	const char *
	        ca; /* file that its certificate is checked with; NULL: SCITQ_CA, or the system's */
	double put_timeout; /* seconds until writes are queued, and between attempts at most: 30 */
	double get_timeout; /* seconds that an answer may take before it is asked for again: 150 */
	bool asynchronous;  /* true. false: every call is tried once, within its timeout */
	/*
	 * File that queued writes are kept in until they are sent; NULL: memory alone. What a
	 * process before this one left there is sent first, in time: a server knows a write that is
	 * sent again for seven days. It belongs to one open server at a time, to this user, and is
	 * readable by nobody else.
	 */
	const char *spool;
	/* Told what a person may want to know: a line without a newline; from any thread, so that
	 * it must not wait for the server. NULL: nobody. */
	void (*log)(void *context, const char *message);
	/* Asked a few times a second while a call waits for an absent server; true ends the wait.
	 */
	bool (*interrupted)(void *context);
	void *context;
	/* Writes that may be queued, so that memory does not grow for as long as the server is
	 * away: the next one waits until there is room. 0: 100,000. */
	size_t queued_most;
};

/* In the order of the members, for C++ too. */
#define SCITQ_OPTIONS_INIT                                                                         \
	{                                                                                          \
		sizeof(struct scitq_options), NULL, NULL, 30, 150, true, NULL, NULL, NULL, NULL, 0 \
	}

/*
 * server: HOST, HOST:PORT, NAME:TOKEN@HOST or a URL; the port is 5000 unless given. NULL is what
 * SCITQ_SERVER says, in the environment or in scitq.conf, else the server that this user runs on
 * this machine, else 127.0.0.1. options may be NULL. Nothing is sent yet. Where it fails NULL, and
 * errno is EINVAL because the name or the options are none; ENOMEM; or what the spool said:
 * EWOULDBLOCK where it is in use, EPERM where it is another user's, EBADMSG where it holds what
 * this version does not know, ESTALE where it holds writes and is six days old, so that the server
 * may have forgotten that it has done one. It is left as it is.
 */
struct scitq *scitq_open(const char *server, const struct scitq_options *options);
/* Writes that are queued and not sent yet. */
size_t scitq_pending(struct scitq *s);
/* Wait until nothing is queued, for so many seconds at most; below 0: for ever. What is left. */
size_t scitq_flush(struct scitq *s, double seconds);
/*
 * Flush and free. Gives the number of writes that were not sent: they are kept in the spool where
 * there is one, lost otherwise. Answers stay valid; those that were still to come are SCITQ_CLOSED.
 * NULL is allowed.
 */
size_t scitq_close(struct scitq *s, double seconds);

/* Answers. */

struct scitq_answer;

/* Give it up; a write that is queued is sent nevertheless. NULL is allowed. */
void scitq_free(struct scitq_answer *answer);
/* False while it is lazy. */
bool scitq_ready(struct scitq_answer *answer);
/* Wait for it so many seconds at most, below 0 for ever: whether it is there. */
bool scitq_wait(struct scitq_answer *answer, double seconds);

/* These wait until the answer is there. */

enum scitq_result scitq_result(struct scitq_answer *answer);
/* One sentence; "" where nothing went wrong. */
const char *scitq_error(struct scitq_answer *answer);
/* What may help, or "". */
const char *scitq_hint(struct scitq_answer *answer);
/* The server's permanent word for what went wrong (docs/rest.md), or "". */
const char *scitq_code(struct scitq_answer *answer);
/* What the server answered: an object or an array; NULL where it failed. Not to be changed. */
const json_t *scitq_json(struct scitq_answer *answer);
/* Rows: 1 for a call that gives one, those of a list, 0 where it failed. */
size_t scitq_count(struct scitq_answer *answer);
/* Number of the row, such as task_id; SCITQ_INT_NULL where it failed or has none. */
int64_t scitq_id(struct scitq_answer *answer);
/*
 * Row i in its typed form; NULL where there is none, or the answer has rows of another kind, or
 * there is no memory for them now. One that this version cannot read has every field absent. New
 * fields are only ever added behind the others: read rows where they stand, do not copy them by
 * value.
 */
const struct scitq_task *scitq_task(struct scitq_answer *answer, size_t i);
const struct scitq_worker *scitq_worker(struct scitq_answer *answer, size_t i);
const struct scitq_execution *scitq_execution(struct scitq_answer *answer, size_t i);
const struct scitq_requirement *scitq_requirement(struct scitq_answer *answer, size_t i);
const struct scitq_recruiter *scitq_recruiter(struct scitq_answer *answer, size_t i);
const struct scitq_job *scitq_job(struct scitq_answer *answer, size_t i);
const struct scitq_run *scitq_run(struct scitq_answer *answer, size_t i);
const struct scitq_batch_counts *scitq_batch_counts(struct scitq_answer *answer, size_t i);
const struct scitq_worker_tasks *scitq_worker_tasks(struct scitq_answer *answer, size_t i);
const struct scitq_worker_execution *scitq_worker_execution(struct scitq_answer *answer, size_t i);
const struct scitq_flavor_offer *scitq_flavor_offer(struct scitq_answer *answer, size_t i);

/*
 * A row named to a function: by its number, or by an answer, lazy or not, that has the number which
 * is wanted: a task's is in an execution too. A lazy one is resolved when its turn comes in the
 * queue.
 */
struct scitq_ref {
	int64_t id;
	struct scitq_answer *answer; /* borrowed; NULL: id counts */
};

static inline struct scitq_ref scitq_ref(int64_t id)
{
	struct scitq_ref ref = {id, NULL};
	return ref;
}

static inline struct scitq_ref scitq_of(struct scitq_answer *answer)
{
	struct scitq_ref ref = {0, answer};
	return ref;
}

/*
 * What lists are narrowed to; NULL: nothing. 0 and NULL mean not given. A function whose list
 * cannot be narrowed to what is given says SCITQ_USAGE; scitq_argument() tells what it takes.
 */
enum scitq_choice { SCITQ_ANY, SCITQ_YES, SCITQ_NO };

struct scitq_filter {
	const int64_t *ids; /* of tasks, or of the workers of scitq_workers(); nids of them */
	size_t nids;
	const char *batch, *status, *name, *hostname, *flavor, *region, *provider;
	int64_t task_id, other_task_id, run_id, rank;
	int64_t limit; /* rows at most; all where not given */
	int64_t after; /* go on behind this number */
	enum scitq_choice permanent, latest;
	bool reverse;   /* newest first */
	bool no_output; /* leave output and error out */
	int64_t trunc;  /* the last characters of output and error only */
	bool full;      /* all fields, not only those of v1 */
};

struct scitq_flavor_filter {
	double min_cpu, min_ram, min_disk; /* ram and disk in GB */
	double max_eviction;               /* percent; 5 where not given */
	int64_t limit;                     /* 10 where not given */
	const char *provider, *region;
	const char *protofilters; /* conditions such as cpu>=2:ram>4 */
};

/* Tasks. */

/* 0 and NULL mean not given, but for retry. */
struct scitq_new_task {
	const char *command; /* needed */
	/*
	 * NULL: the command is split by POSIX quoting and executed without a shell. "sh" or another
	 * name: it is the text of a script of that shell, whatever quotes and lines it has.
	 */
	const char *shell;
	const char *name, *batch;
	const char *const *input;    /* URIs, ended by NULL */
	const char *const *resource; /* the same */
	const char *output;          /* URI of a folder */
	const char *container, *container_options;
	const struct scitq_ref *required; /* tasks that must succeed before; nrequired of them */
	size_t nrequired;
	int64_t retry; /* attempts after the first failure */
	int64_t download_timeout, run_timeout, upload_timeout; /* seconds */
	bool use_cache;
	const char *status; /* such as "paused" */
	json_t *more;       /* other fields of a task (docs/rest.md); stolen */
};

struct scitq_answer *scitq_tasks(struct scitq *s, const struct scitq_filter *filter);
/* Numbers of the statuses (enum scitq_task_status) of filter->ids, in that order: JSON array. */
struct scitq_answer *scitq_tasks_status(struct scitq *s, const struct scitq_filter *filter);
struct scitq_answer *scitq_task_get(struct scitq *s, struct scitq_ref task);
struct scitq_answer *scitq_task_create(struct scitq *s, const struct scitq_new_task *task);
/* fields: of a task, as docs/rest.md has them; a status runs the state machine. */
struct scitq_answer *scitq_task_update(struct scitq *s, struct scitq_ref task, json_t *fields);
struct scitq_answer *scitq_task_delete(struct scitq *s, struct scitq_ref task);
struct scitq_answer *scitq_task_why(struct scitq *s, struct scitq_ref task);
/* Change the task of an execution. */
struct scitq_answer *scitq_task_freeze(struct scitq *s, struct scitq_ref task, int64_t execution_id,
                                       json_t *fields);

/* Workers. */

struct scitq_new_workers {
	int64_t number; /* 1 where not given */
	const char *batch, *region, *provider;
	const char *flavor; /* needed */
	int64_t concurrency, prefetch;
};

struct scitq_answer *scitq_workers(struct scitq *s, const struct scitq_filter *filter);
struct scitq_answer *scitq_worker_get(struct scitq *s, struct scitq_ref worker);
/* Low level: scitq_worker_deploy() is what you want. */
struct scitq_answer *scitq_worker_create(struct scitq *s, json_t *fields);
struct scitq_answer *scitq_worker_update(struct scitq *s, struct scitq_ref worker, json_t *fields);
struct scitq_answer *scitq_worker_delete(struct scitq *s, struct scitq_ref worker);
struct scitq_answer *scitq_worker_deploy(struct scitq *s, const struct scitq_new_workers *workers);
/* A Unix number; -1 clean, -2 restart, -3 forget resources. execution_id 0: for the worker itself.
 */
struct scitq_answer *scitq_worker_create_signal(struct scitq *s, struct scitq_ref worker,
                                                int64_t execution_id, int signal);
/* status NULL: those that are live. */
struct scitq_answer *scitq_worker_executions(struct scitq *s, struct scitq_ref worker,
                                             const char *status);
/* fields: load, memory (percent), stats. */
struct scitq_answer *scitq_worker_ping(struct scitq *s, struct scitq_ref worker, json_t *fields);
/* message: "idle". */
struct scitq_answer *scitq_worker_callback(struct scitq *s, struct scitq_ref worker,
                                           const char *message);
struct scitq_answer *scitq_workers_tasks(struct scitq *s);

/* Executions. */

struct scitq_answer *scitq_executions(struct scitq *s, const struct scitq_filter *filter);
struct scitq_answer *scitq_execution_get(struct scitq *s, struct scitq_ref execution);
struct scitq_answer *scitq_execution_create(struct scitq *s, struct scitq_ref worker,
                                            struct scitq_ref task);
struct scitq_answer *scitq_execution_update(struct scitq *s, struct scitq_ref execution,
                                            json_t *fields);
struct scitq_answer *scitq_execution_delete(struct scitq *s, struct scitq_ref execution);
/* From characters on, counted from 1; 0: from the start. What is written is taken for Latin-1 where
 * it is not UTF-8. */
struct scitq_answer *scitq_execution_output(struct scitq *s, struct scitq_ref execution,
                                            int64_t output_position, int64_t error_position);
struct scitq_answer *scitq_execution_output_write(struct scitq *s, struct scitq_ref execution,
                                                  const char *text);
struct scitq_answer *scitq_execution_error_write(struct scitq *s, struct scitq_ref execution,
                                                 const char *text);
struct scitq_answer *scitq_execution_output_files(struct scitq *s, struct scitq_ref execution,
                                                  const char *names);

/* Batches. signal 0: none for what runs. */

struct scitq_answer *scitq_batches(struct scitq *s);
struct scitq_answer *scitq_batch_stop(struct scitq *s, const char *batch, int signal);
struct scitq_answer *scitq_batch_go(struct scitq *s, const char *batch, int signal);
struct scitq_answer *scitq_batch_delete(struct scitq *s, const char *batch);

/* Requirements. */

struct scitq_answer *scitq_requirements(struct scitq *s, const struct scitq_filter *filter);
struct scitq_answer *scitq_requirement_create(struct scitq *s, struct scitq_ref task,
                                              struct scitq_ref other);
struct scitq_answer *scitq_requirement_delete(struct scitq *s, struct scitq_ref requirement);

/* Recruiters. rank is from 1; fields as struct scitq_recruiter names them. */

struct scitq_answer *scitq_recruiters(struct scitq *s, const struct scitq_filter *filter);
struct scitq_answer *scitq_recruiter_get(struct scitq *s, const char *batch, int64_t rank);
struct scitq_answer *scitq_recruiter_create(struct scitq *s, const char *batch, int64_t rank,
                                            json_t *fields);
struct scitq_answer *scitq_recruiter_update(struct scitq *s, const char *batch, int64_t rank,
                                            json_t *fields);
struct scitq_answer *scitq_recruiter_delete(struct scitq *s, const char *batch, int64_t rank);
struct scitq_answer *scitq_recruiter_why(struct scitq *s, const char *batch, int64_t rank);
/* Workers that match the recruiters of the batch; NULL: of all. */
struct scitq_answer *scitq_recruiters_match(struct scitq *s, const char *batch);

/* Flavors, settings, jobs, runs. */

struct scitq_answer *scitq_flavors(struct scitq *s, const char *provider, const char *region,
                                   int64_t limit);
/* filter may be NULL. */
struct scitq_answer *scitq_flavor_find(struct scitq *s, const struct scitq_flavor_filter *filter);
struct scitq_answer *scitq_config_rclone(struct scitq *s);
struct scitq_answer *scitq_config_remote(struct scitq *s);
struct scitq_answer *scitq_jobs(struct scitq *s, const struct scitq_filter *filter);
struct scitq_answer *scitq_job_get(struct scitq *s, struct scitq_ref job);
struct scitq_answer *scitq_runs(struct scitq *s, const struct scitq_filter *filter);
struct scitq_answer *scitq_run_get(struct scitq *s, struct scitq_ref run);
struct scitq_answer *scitq_run_update(struct scitq *s, struct scitq_ref run, json_t *fields);

/* Any of the functions above by its name without scitq_, for bindings and programs. */

/* An argument that is an answer: it replaces the argument, or element `index` of it where that is
 * an array. */
struct scitq_lazy {
	const char *argument;
	size_t index;
	struct scitq_answer *answer; /* borrowed */
};

/* arguments: an object, by the names that scitq_argument() gives. */
struct scitq_answer *scitq_call(struct scitq *s, const char *function, json_t *arguments,
                                const struct scitq_lazy *lazy, size_t nlazy);
/* Function i, 0, 1...: its name, and where `help` is not NULL what it does; NULL behind the last.
 */
const char *scitq_function(size_t i, const char **help);
/*
 * Write the name of argument i of the function into `name`; *needed tells whether it must be given.
 * False behind the last, and where there is no such function.
 */
#define SCITQ_NAME_SIZE 64
bool scitq_argument(const char *function, size_t i, char name[SCITQ_NAME_SIZE], bool *needed);
/* Whether that field of the function's rows is a date. */
bool scitq_is_date(struct scitq_answer *answer, const char *field);
/* Microseconds since 1970 of a date as JSON has it; false where it is none. */
bool scitq_date(const char *text, int64_t *date_us);

/* Waiting for tasks. */

struct scitq_counts {
	/* Tasks that are done, and those that are not; their sum is the number of tasks. */
	size_t succeeded, failed, waiting, pending, running, paused;
	size_t relaunched; /* how often a task was relaunched */
	size_t gone;       /* tasks that were deleted meanwhile */
};

struct scitq_join_options {
	size_t retry; /* relaunches of each task that failed, beside its own attempts */
	bool check;   /* SCITQ_FAILED where a task has failed in the end */
	/* Told when something changed and about once a second; false ends the wait. NULL: nobody.
	 */
	bool (*progress)(void *context, const struct scitq_counts *counts);
	void *context;
};

/*
 * Wait, by the server's events, until every one of the tasks has succeeded or failed for good; a
 * task that waits is not done. A task that failed is relaunched up to retry times, each time with
 * its own attempts afresh; one that failed only because a task that it requires did comes back with
 * that one. Tasks may be lazy. The server may be away meanwhile. options may be NULL. The answer is
 * complete when the function returns: its JSON is the counts by their names.
 */
struct scitq_answer *scitq_join(struct scitq *s, struct scitq_answer *const *tasks, size_t n,
                                const struct scitq_join_options *options);
/* The same of tasks by their numbers. */
struct scitq_answer *scitq_join_ids(struct scitq *s, const int64_t *tasks, size_t n,
                                    const struct scitq_join_options *options);
/* The counts of a join; false where it has none because it failed before. */
bool scitq_counts(struct scitq_answer *join, struct scitq_counts *counts);

#ifdef __cplusplus
}
#endif

#endif
