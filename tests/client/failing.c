/*
 * Every call of libscitq with its allocations failing: the k-th alone, or the k-th and all behind
 * it, for every k until none is left to fail. failing SERVER: each must end by itself, in success
 * or in SCITQ_MEMORY, and the same call must succeed where nothing fails. Allocations are those of
 * the library (by the linker's --wrap), of jansson and of libcurl (by their hooks); on the thread
 * of the call, and where `threads` on those of the library.
 */
#include "client/scitq.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);

/* jansson does not survive that its buffer of a word cannot grow while it parses, so that the
 * library looks for that room before: it has 32 bytes, 64, 128... */
static _Thread_local bool parsing;

static bool is_growth(size_t size)
{
	return parsing && size >= 32 && (size & (size - 1)) == 0;
}

json_t *__real_json_load_callback(json_load_callback_t callback, void *data, size_t flags,
                                  json_error_t *error);
json_t *__wrap_json_load_callback(json_load_callback_t callback, void *data, size_t flags,
                                  json_error_t *error);

json_t *__wrap_json_load_callback(json_load_callback_t callback, void *data, size_t flags,
                                  json_error_t *error)
{
	json_t *value;

	parsing = true;
	value = __real_json_load_callback(callback, data, flags, error);
	parsing = false;
	return value;
}

static struct {
	atomic_bool armed, hit;
	atomic_bool foreign; /* one of libcurl or jansson, which may call it something else */
	atomic_long left;    /* allocations until the one that fails */
	bool rest;           /* and all behind it */
	bool threads;
	pthread_t caller;
} plan;

static bool fails(void)
{
	long left;

	if (!plan.armed || (!plan.threads && !pthread_equal(plan.caller, pthread_self())))
		return false;
	left = atomic_fetch_sub(&plan.left, 1);
	if (left > 1 || (left < 1 && !plan.rest))
		return false;
	plan.hit = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static bool fails_abroad(void)
{
	bool failed = fails();

	plan.foreign = plan.foreign || failed;
	return failed;
}

static void *foreign_malloc(size_t size)
{
	return !is_growth(size) && fails_abroad() ? NULL : __real_malloc(size);
}

static void *foreign_calloc(size_t n, size_t size)
{
	return fails_abroad() ? NULL : __real_calloc(n, size);
}

static void *foreign_realloc(void *p, size_t size)
{
	return fails_abroad() ? NULL : __real_realloc(p, size);
}

static char *foreign_strdup(const char *text)
{
	return fails_abroad() ? NULL : __real_strdup(text);
}

/* What a call is given. */
struct scene {
	const char *server;
	struct scitq *s; /* asynchronous is off but where a call opens its own */
	struct scitq_answer *task;
	int64_t worker, execution, requirement;
	const char *spool;
};

static void die(const char *call, const char *why, const char *more)
{
	fprintf(stderr, "%s: %s%s\n", call, why, more);
	_exit(1);
}

static void die_of(const char *call, const char *why, struct scitq_answer *answer)
{
	fprintf(stderr, "%s: %s: %d, %s\n", call, why, (int)scitq_result(answer),
	        scitq_error(answer));
	_exit(1);
}

/* Of a lack of memory, as far as it is known to be one. */
static bool is_told(enum scitq_result result)
{
	return result == SCITQ_MEMORY ||
	       (plan.foreign && (result == SCITQ_UNREACHABLE || result == SCITQ_BROKEN));
}

/* ---- calls: true where it succeeded, false where it said SCITQ_MEMORY ---- */

static bool judge(const char *name, struct scitq_answer *answer)
{
	enum scitq_result result = scitq_result(answer);
	bool ok = result == SCITQ_OK;

	if (!ok && !is_told(result))
		die_of(name, "neither success nor SCITQ_MEMORY", answer);
	if (result == SCITQ_MEMORY &&
	    (strcmp(scitq_error(answer), "memory ran out") != 0 || scitq_json(answer) != NULL ||
	     scitq_count(answer) != 0 || scitq_id(answer) != SCITQ_INT_NULL))
		die_of(name, "an answer without memory is not like one", answer);
	scitq_free(answer);
	return ok;
}

static bool any_status(const char *name, struct scitq_answer *answer)
{
	enum scitq_result result = scitq_result(answer);

	if (result != SCITQ_OK && result != SCITQ_REFUSED && !is_told(result))
		die_of(name, "no answer of a server", answer);
	scitq_free(answer);
	return result == SCITQ_OK || result == SCITQ_REFUSED;
}

/* One that the server grants. */
#define CALL(name, expression)                                                                     \
	static bool call_##name(struct scene *c)                                                   \
	{                                                                                          \
		return judge(#name, expression);                                                   \
	}
/* One that it may refuse here: what matters is that it is asked, or that memory is said to be
 * missing. */
#define ASK(name, expression)                                                                      \
	static bool call_##name(struct scene *c)                                                   \
	{                                                                                          \
		return any_status(#name, expression);                                              \
	}

static const int64_t two[] = {1, 2};
static const char *const uris[] = {"file:///a", "file:///b c", NULL};
static const struct scitq_filter some = {
        .ids = two, .nids = 2, .batch = "b", .status = "pending", .name = "n"};
static const struct scitq_filter full = {.full = true, .limit = 20000};

static json_t *worker(void)
{
	bool armed = plan.armed;
	json_t *object;

	plan.armed = false;
	object = json_pack("{s:s, s:i}", "name", "w", "concurrency", 1);
	plan.armed = armed;
	return object;
}

static json_t *recruiter(void)
{
	bool armed = plan.armed;
	json_t *object;

	plan.armed = false;
	object = json_pack("{s:s, s:i, s:i}", "worker_flavor", "f", "tasks_per_worker", 1,
	                   "worker_concurrency", 1);
	plan.armed = armed;
	return object;
}

static json_t *fields(const char *name, const char *value)
{
	bool armed = plan.armed;
	json_t *object;

	/* The caller's own, which is no business of the library's. */
	plan.armed = false;
	object = json_pack("{s:s}", name, value);
	plan.armed = armed;
	return object;
}

CALL(tasks, scitq_tasks(c->s, NULL))
CALL(tasks_filter, scitq_tasks(c->s, &some))
CALL(tasks_pages, scitq_tasks(c->s, &full))
CALL(tasks_status, scitq_tasks_status(c->s, &(struct scitq_filter){.ids = two, .nids = 1}))
CALL(task_get, scitq_task_get(c->s, scitq_of(c->task)))
CALL(task_update, scitq_task_update(c->s, scitq_of(c->task), fields("name", "another")))
CALL(task_why, scitq_task_why(c->s, scitq_ref(1)))
ASK(task_delete, scitq_task_delete(c->s, scitq_ref(99)))
ASK(task_freeze, scitq_task_freeze(c->s, scitq_ref(1), c->execution, fields("name", "x")))
CALL(workers, scitq_workers(c->s, NULL))
CALL(worker_get, scitq_worker_get(c->s, scitq_ref(c->worker)))
ASK(worker_create, scitq_worker_create(c->s, worker()))
CALL(worker_update, scitq_worker_update(c->s, scitq_ref(c->worker), fields("flavor", "f")))
ASK(worker_delete, scitq_worker_delete(c->s, scitq_ref(99)))
ASK(worker_deploy, scitq_worker_deploy(c->s, &(struct scitq_new_workers){.number = 1,
                                                                         .batch = "d",
                                                                         .region = "r",
                                                                         .provider = "p",
                                                                         .flavor = "f"}))
ASK(worker_signal, scitq_worker_create_signal(c->s, scitq_ref(c->worker), 0, -1))
CALL(worker_executions, scitq_worker_executions(c->s, scitq_ref(c->worker), "pending"))
ASK(worker_ping, scitq_worker_ping(c->s, scitq_ref(c->worker), fields("load", "1")))
ASK(worker_callback, scitq_worker_callback(c->s, scitq_ref(c->worker), "idle"))
CALL(workers_tasks, scitq_workers_tasks(c->s))
CALL(executions,
     scitq_executions(c->s, &(struct scitq_filter){.latest = SCITQ_YES, .reverse = true}))
CALL(execution_get, scitq_execution_get(c->s, scitq_ref(c->execution)))
ASK(execution_create, scitq_execution_create(c->s, scitq_ref(c->worker), scitq_of(c->task)))
ASK(execution_update, scitq_execution_update(c->s, scitq_ref(c->execution), fields("pid", "3")))
ASK(execution_delete, scitq_execution_delete(c->s, scitq_ref(99)))
CALL(execution_output, scitq_execution_output(c->s, scitq_ref(c->execution), 1, 1))
ASK(output_write, scitq_execution_output_write(c->s, scitq_ref(c->execution), "text"))
ASK(error_write, scitq_execution_error_write(c->s, scitq_ref(c->execution), "text"))
ASK(output_files, scitq_execution_output_files(c->s, scitq_ref(c->execution), "a b"))
CALL(batches, scitq_batches(c->s))
CALL(batch_stop, scitq_batch_stop(c->s, "b", 15))
CALL(batch_go, scitq_batch_go(c->s, "b", 0))
CALL(batch_delete, scitq_batch_delete(c->s, "none"))
CALL(requirements, scitq_requirements(c->s, &(struct scitq_filter){.task_id = 2}))
ASK(requirement_create, scitq_requirement_create(c->s, scitq_ref(2), scitq_of(c->task)))
ASK(requirement_delete, scitq_requirement_delete(c->s, scitq_ref(99)))
CALL(recruiters, scitq_recruiters(c->s, NULL))
CALL(recruiter_create, scitq_recruiter_create(c->s, "b", 1, recruiter()))
CALL(recruiter_get, scitq_recruiter_get(c->s, "b", 1))
CALL(recruiter_update, scitq_recruiter_update(c->s, "b", 1, fields("worker_region", "r")))
ASK(recruiter_delete, scitq_recruiter_delete(c->s, "b", 9))
CALL(recruiter_why, scitq_recruiter_why(c->s, "b", 1))
CALL(recruiters_match, scitq_recruiters_match(c->s, "b"))
CALL(flavors, scitq_flavors(c->s, "p", "r", 3))
CALL(flavor_find,
     scitq_flavor_find(c->s, &(struct scitq_flavor_filter){.min_cpu = 2, .region = "r"}))
ASK(config_rclone, scitq_config_rclone(c->s))
CALL(config_remote, scitq_config_remote(c->s))
CALL(jobs, scitq_jobs(c->s, NULL))
ASK(job_get, scitq_job_get(c->s, scitq_ref(1)))
CALL(runs, scitq_runs(c->s, NULL))
ASK(run_get, scitq_run_get(c->s, scitq_ref(1)))
ASK(run_update, scitq_run_update(c->s, scitq_ref(1), fields("status", "cancelled")))
CALL(by_name, scitq_call(c->s, "task_get", NULL,
                         &(struct scitq_lazy){.argument = "task_id", .answer = c->task}, 1))

static bool call_task_create(struct scene *c)
{
	const struct scitq_ref required[] = {scitq_of(c->task), scitq_ref(1)};
	const struct scitq_new_task task = {.command = "it's \"here\"\n",
	                                    .shell = "bash",
	                                    .name = "n",
	                                    .batch = "b",
	                                    .input = uris,
	                                    .resource = uris,
	                                    .container = "image",
	                                    .required = required,
	                                    .nrequired = 2,
	                                    .status = "paused",
	                                    .more = fields("output", "file:///c")};

	return judge("task_create", scitq_task_create(c->s, &task));
}

static bool call_unknown(struct scene *c)
{
	struct scitq_answer *answer = scitq_call(c->s, "nothing", NULL, NULL, 0);
	enum scitq_result result = scitq_result(answer);

	scitq_free(answer);
	if (result != SCITQ_USAGE && result != SCITQ_MEMORY)
		die("unknown", "not refused", "");
	return result == SCITQ_USAGE;
}

/* Typed rows are made when they are wanted: they are there, or asked for again. */
static bool call_rows(struct scene *c)
{
	struct scitq_answer *answer;
	const struct scitq_task *row;
	bool armed = plan.armed;

	plan.armed = false;
	answer = scitq_tasks(c->s, &(struct scitq_filter){.full = true, .limit = 2});
	plan.armed = armed;
	row = scitq_task(answer, 0);
	plan.armed = false;
	if (scitq_result(answer) != SCITQ_OK || scitq_task(answer, 0) == NULL ||
	    scitq_task(answer, 0)->task_id != 1 ||
	    strcmp(scitq_task(answer, 1)->command, "true") != 0)
		die("rows", "they are not there later", "");
	plan.armed = armed;
	scitq_free(answer);
	return row != NULL;
}

static bool call_open(struct scene *c)
{
	struct scitq *s = scitq_open(c->server, NULL);

	if (s == NULL && errno != ENOMEM)
		die("open", "another error: ", strerror(errno));
	if (s != NULL && scitq_close(s, -1) != 0)
		die("close", "something is left", "");
	return s != NULL;
}

static bool call_join(struct scene *c)
{
	struct scitq_answer *const tasks[] = {c->task};
	struct scitq_counts counts = {0};
	struct scitq_answer *answer = scitq_join(c->s, tasks, 1, NULL);
	enum scitq_result result = scitq_result(answer);

	if (result == SCITQ_OK && (!scitq_counts(answer, &counts) || counts.failed != 1))
		die("join", "other counts", "");
	if (result != SCITQ_OK && !is_told(result))
		die_of("join", "neither success nor SCITQ_MEMORY", answer);
	scitq_free(answer);
	return result == SCITQ_OK;
}

/* What cannot be said is not said. */
static void hear(void *context, const char *message)
{
	(void)context;
	if (*message == '\0')
		die("log", "an empty line", "");
}

/*
 * The server is away: writes are queued with a spool, one names another that is lazy, and are found
 * again by who opens the spool.
 */
static bool call_queue(struct scene *c)
{
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	struct scitq_answer *first, *second;
	struct scitq_ref required;
	struct scitq *s;
	bool ok;

	unlink(c->spool);
	options.spool = c->spool;
	options.put_timeout = 0.02;
	options.log = hear;
	s = scitq_open("127.0.0.1:1", &options);
	if (s == NULL && errno != ENOMEM)
		die("queue", "another error: ", strerror(errno));
	if (s == NULL)
		return false;
	first = scitq_task_create(s, &(struct scitq_new_task){.command = "a"});
	required = scitq_of(first);
	second = scitq_task_create(
	        s, &(struct scitq_new_task){.command = "b", .required = &required, .nrequired = 1});
	ok = !scitq_ready(first) && !scitq_ready(second);
	if (scitq_ready(first) && scitq_result(first) != SCITQ_MEMORY)
		die_of("queue", "the first", first);
	if (scitq_ready(second) && scitq_result(second) != SCITQ_MEMORY &&
	    scitq_result(second) != SCITQ_USAGE)
		die_of("queue", "the second", second);
	scitq_close(s, 0);
	scitq_free(first);
	scitq_free(second);
	if (!ok)
		return false;
	s = scitq_open("127.0.0.1:1", &options);
	if (s == NULL && errno != ENOMEM)
		die("queue", "the spool: ", strerror(errno));
	ok = s != NULL;
	/* A line that there was no memory for is told of, and not in the spool. */
	if (ok && scitq_pending(s) != 2 && !plan.hit)
		die("queue", "not both are in the spool", "");
	scitq_close(s, 0);
	return ok;
}

/* Queued writes are sent by a thread, which waits for memory. */
static bool call_thread(struct scene *c)
{
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	struct scitq_answer *answer;
	struct scitq *s;
	bool ok;

	options.put_timeout = 0.02;
	options.log = hear;
	s = scitq_open(c->server, &options);
	if (s == NULL)
		return false;
	answer = scitq_task_create(s,
	                           &(struct scitq_new_task){.command = "true", .status = "paused"});
	if (plan.rest)
		plan.armed = false; /* there is some again */
	ok = scitq_result(answer) == SCITQ_OK;
	if (!ok && !is_told(scitq_result(answer)))
		die_of("thread", "neither success nor SCITQ_MEMORY", answer);
	scitq_free(answer);
	if (scitq_close(s, -1) != 0)
		die("thread", "something is left", "");
	return ok;
}

#define ROW(name)                                                                                  \
	{                                                                                          \
#name, call_##name, false                                                          \
	}

static const struct {
	const char *name;
	bool (*call)(struct scene *c);
	bool threads;
} calls[] = {
        ROW(open),
        ROW(tasks),
        ROW(tasks_filter),
        ROW(tasks_pages),
        ROW(tasks_status),
        ROW(task_get),
        ROW(task_create),
        ROW(task_update),
        ROW(task_why),
        ROW(task_delete),
        ROW(task_freeze),
        ROW(workers),
        ROW(worker_get),
        ROW(worker_create),
        ROW(worker_update),
        ROW(worker_delete),
        ROW(worker_deploy),
        ROW(worker_signal),
        ROW(worker_executions),
        ROW(worker_ping),
        ROW(worker_callback),
        ROW(workers_tasks),
        ROW(executions),
        ROW(execution_get),
        ROW(execution_create),
        ROW(execution_update),
        ROW(execution_delete),
        ROW(execution_output),
        ROW(output_write),
        ROW(error_write),
        ROW(output_files),
        ROW(batches),
        ROW(batch_stop),
        ROW(batch_go),
        ROW(batch_delete),
        ROW(requirements),
        ROW(requirement_create),
        ROW(requirement_delete),
        ROW(recruiters),
        ROW(recruiter_create),
        ROW(recruiter_get),
        ROW(recruiter_update),
        ROW(recruiter_delete),
        ROW(recruiter_why),
        ROW(recruiters_match),
        ROW(flavors),
        ROW(flavor_find),
        ROW(config_rclone),
        ROW(config_remote),
        ROW(jobs),
        ROW(job_get),
        ROW(runs),
        ROW(run_get),
        ROW(run_update),
        ROW(by_name),
        ROW(unknown),
        ROW(rows),
        ROW(join),
        {"queue", call_queue, true},
        {"thread", call_thread, true},
};

/* Every allocation of the call fails once: how many there were. */
static long try_all(struct scene *c, size_t i, bool rest)
{
	long k = 0, failed = 0;

	do {
		bool ok;

		k++;
		plan.left = k;
		plan.rest = rest;
		plan.threads = calls[i].threads;
		plan.caller = pthread_self();
		plan.hit = plan.foreign = false;
		plan.armed = true;
		ok = calls[i].call(c);
		plan.armed = false;
		failed += !ok;
		if (!ok && !plan.hit)
			die(calls[i].name, "fails though nothing else did", "");
		if (k > 5000)
			die(calls[i].name, "does not come to its end", "");
	} while (plan.hit);
	if (failed == 0 && k > 2)
		die(calls[i].name, "is never told that memory runs out", "");
	return k - 1;
}

static int64_t id_of(struct scitq_answer *answer)
{
	int64_t id = scitq_id(answer);

	if (scitq_result(answer) != SCITQ_OK)
		die("setting up", "", scitq_error(answer));
	scitq_free(answer);
	return id;
}

int main(int argc, char **argv)
{
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	struct scitq_answer *offered;
	struct scene c = {.server = argc > 2 ? argv[1] : NULL, .spool = argc > 2 ? argv[2] : NULL};

	if (argc != 3)
		return 2;
	json_set_alloc_funcs(foreign_malloc, free);
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, foreign_malloc, free, foreign_realloc,
	                     foreign_strdup, foreign_calloc);
	options.asynchronous = false;
	c.s = scitq_open(c.server, &options);
	if (c.s == NULL)
		die("setting up", "no server", "");
	c.task = scitq_task_create(c.s, &(struct scitq_new_task){.command = "false", .batch = "b"});
	id_of(scitq_task_create(c.s, &(struct scitq_new_task){.command = "true", .batch = "b"}));
	c.worker = id_of(scitq_worker_create(c.s, json_pack("{s:s, s:i, s:s, s:s}", "name", "w1",
	                                                    "concurrency", 1, "batch", "b",
	                                                    "status", "running")));
	/* It is offered to the worker at once. */
	offered = scitq_executions(c.s, NULL);
	if (scitq_execution(offered, 0) == NULL)
		die("setting up", "no execution", "");
	c.execution = scitq_execution(offered, 0)->execution_id;
	scitq_free(offered);
	for (size_t k = 0; k < 2; k++)
		id_of(scitq_execution_update(c.s, scitq_ref(c.execution),
		                             fields("status", k == 0 ? "accepted" : "running")));
	id_of(scitq_execution_update(c.s, scitq_ref(c.execution), fields("status", "failed")));
	id_of(scitq_recruiter_create(c.s, "b", 1, recruiter()));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		long once = try_all(&c, i, false), rest = try_all(&c, i, true);

		printf("%s %ld %ld\n", calls[i].name, once, rest);
		fflush(stdout);
	}
	scitq_free(c.task);
	if (scitq_close(c.s, -1) != 0)
		die("close", "something is left", "");
	curl_global_cleanup();
	return 0;
}
