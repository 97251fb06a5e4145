/*
 * The resources: one list of fields each, from which the struct below it and
 * the descriptor in model/table.c are made. See model/field.h.
 */
#ifndef MODEL_RESOURCES_H
#define MODEL_RESOURCES_H

#include "model/field.h"
#include "model/status.h"

/* clang-format off */

#define V1 FIELD_V1 /* short in the rows below */
#define ATTEMPT FIELD_ATTEMPT

#define TASK_FIELDS(F) \
F(INT,  task_id,           FIELD_KEY | V1, "null", "number of the task") \
F(TEXT, name,              FIELD_OPTION | FIELD_NAME | V1, "null", "name of the task, unique or not; a workflow's is step:key") \
F(TASK_STATUS, status,     FIELD_SET | V1, "\"pending\"", "where the task stands") \
F(TEXT, command,           FIELD_SET | FIELD_REQUIRED | V1, "null", "the command line, split by POSIX quoting and executed without a shell") \
F(DATE, creation_date,     V1, "null", "when it was created") \
F(DATE, modification_date, V1, "null", "when it was last changed") \
F(DATE, status_date,       V1, "null", "when its status last changed") \
F(TEXT, batch,             FIELD_SET | V1, "\"Default\"", "group that workers serve; holds no /") \
F(TEXT, input,             FIELD_OPTION | V1, "null", "URIs staged into $INPUT, separated by blanks") \
F(TEXT, output,            FIELD_OPTION | V1, "null", "URI of the folder that receives $OUTPUT") \
F(TEXT, container,         FIELD_OPTION | V1 | ATTEMPT, "null", "image to run the command in") \
F(TEXT, container_options, FIELD_OPTION | V1 | ATTEMPT, "null", "options for the container engine") \
F(TEXT, resource,          FIELD_OPTION | V1, "null", "URIs staged once per worker into $RESOURCE") \
F(INTS, required_task_ids, FIELD_OPTION | FIELD_VIRTUAL | V1, "null", "tasks that must succeed before this one") \
F(INT,  retry,             FIELD_SET | FIELD_NATURAL | V1, "0", "attempts allowed after the first failure") \
F(INT,  download_timeout,  FIELD_OPTION | FIELD_NATURAL | V1 | ATTEMPT, "null", "seconds that staging in may take") \
F(INT,  run_timeout,       FIELD_OPTION | FIELD_NATURAL | V1 | ATTEMPT, "null", "seconds that the command may take") \
F(BOOL, use_cache,         FIELD_SET | V1, "false", "reuse the output of an identical task") \
F(INT,  upload_timeout,    FIELD_OPTION | FIELD_NATURAL | ATTEMPT, "null", "seconds that staging out may take") \
F(INT,  priority,          FIELD_SET, "0", "higher goes first, among equals the deeper step") \
F(INT,  epoch,             FIELD_NATURAL, "0", "number of the current assignment; a stale one is fenced") \
F(BOOL, accept_failure,    FIELD_SET, "false", "starts also when a requirement failed") \
F(INT,  run_id,            FIELD_OPTION, "null", "run that submitted it") \
F(REAL, cpu,               FIELD_OPTION | FIELD_NATURAL | ATTEMPT, "null", "cpus that it takes") \
F(INT,  memory,            FIELD_OPTION | FIELD_NATURAL | ATTEMPT, "null", "bytes of memory that it takes") \
F(INT,  gpu,               FIELD_OPTION | FIELD_NATURAL | ATTEMPT, "null", "GPUs that it takes") \
F(TEXT, attempt_settings,  FIELD_OPTION, "null", "JSON text: array with an object per attempt, of the fields that differ in it; the last holds for later ones") \
F(TEXT, script,            FIELD_OPTION, "null", "text written to a file whose path becomes the command's last word") \
F(INT,  attempts,          FIELD_NATURAL, "0", "failures so far since the last relaunch") \
F(INT,  losses,            FIELD_NATURAL, "0", "executions lost with their worker since the last relaunch") \
F(INT,  evictions,         FIELD_NATURAL, "0", "executions that ended because their machine was taken away, since the last relaunch") \
F(TEXT, reason,            FIELD_NULL, "null", "why it failed or waits: a word") \
F(TASK_STATUS, resume_status, FIELD_NULL, "null", "where a pause came from") \
F(BOOL, partial,           0, "false", "its result lacks what tasks that failed would have given, to it or to one before it; it is not reused") \
F(TEXT, identity,          FIELD_OPTION, "null", "digest of everything that decides the result") \
F(TEXT, identity_parts,    FIELD_OPTION, "null", "JSON object: digest by part of the identity") \
F(TEXT, source,            FIELD_OPTION, "null", "FILE:LINE of the step in the .scitq file") \
F(TEXT, yields,            FIELD_OPTION, "null", "JSON array: name, pattern, source of each file that it promises to write")

struct task { TASK_FIELDS(FIELD_MEMBER) };

#define WORKER_FIELDS(F) \
F(INT,  worker_id,         FIELD_KEY | V1, "null", "number of the worker") \
F(TEXT, name,              FIELD_SET | FIELD_REQUIRED | FIELD_NAME | V1, "null", "name of the worker") \
F(INT,  concurrency,       FIELD_SET | FIELD_REQUIRED | FIELD_NATURAL | V1, "null", "tasks at a time") \
F(INT,  prefetch,          FIELD_SET | FIELD_NATURAL | V1, "0", "tasks staged beyond those that run") \
F(TEXT, hostname,          FIELD_OPTION | V1, "null", "name of its machine") \
F(WORKER_STATUS, status,   FIELD_SET | V1, "\"paused\"", "paused, running, offline, failed or evicted") \
F(TEXT, load,              FIELD_OPTION | V1, "null", "load as the worker prints it") \
F(REAL, memory,            FIELD_OPTION | V1, "null", "percent of memory in use") \
F(TEXT, stats,             FIELD_OPTION | V1, "null", "JSON text of load, disk and network") \
F(TEXT, task_properties,   FIELD_SET | V1, "\"{}\"", "JSON text of the weights of its batches") \
F(DATE, creation_date,     V1, "null", "when it was created") \
F(DATE, modification_date, V1, "null", "when it was last changed") \
F(DATE, last_contact_date, V1, "null", "when it last spoke") \
F(TEXT, batch,             FIELD_OPTION | FIELD_NAME | V1, "\"Default\"", "batch that it serves, or a pattern with *") \
F(BOOL, permanent,         FIELD_SET | V1, "true", "never destroyed when idle") \
F(TEXT, flavor,            FIELD_OPTION | V1, "null", "flavor of its machine") \
F(TEXT, region,            FIELD_OPTION | V1, "null", "region of its machine") \
F(TEXT, provider,          FIELD_OPTION | V1, "null", "provider of its machine") \
F(INT,  epoch,             FIELD_NATURAL, "0", "session number; an older session is fenced") \
F(TEXT, boot_id,           FIELD_OPTION, "null", "kernel boot id of its machine") \
F(TEXT, instance,          FIELD_OPTION, "null", "id of the supervisor process that holds its tasks") \
F(REAL, cpus,              FIELD_OPTION, "null", "cpus of its machine") \
F(INT,  ram,               FIELD_OPTION, "null", "bytes of memory of its machine") \
F(INT,  gpus,              FIELD_CREATE | FIELD_NULL | FIELD_NATURAL, "null", "GPUs that it gives to tasks") \
F(BOOL, leases,            0, "false", "speaks the lease protocol rather than v1's polling") \
F(TEXT, life,              0, "\"alive\"", "alive, failed or evicted") \
F(BOOL, admin_paused,      0, "false", "an operator paused it") \
F(DATE, charged_date,      FIELD_NULL, "null", "up to when its cost is charged to the run that it serves") \
F(DATE, end_date,          FIELD_OPTION, "null", "when its machine ends: it gets no task that could last longer; null where nobody says") \
F(TEXT, home,              FIELD_NULL, "null", "JSON object: batch, concurrency and prefetch that a permanent worker goes back to when the run that took it over has ended")

struct worker { WORKER_FIELDS(FIELD_MEMBER) };

#define EXECUTION_FIELDS(F) \
F(INT,  execution_id,      FIELD_KEY | V1, "null", "number of the execution") \
F(INT,  worker_id,         FIELD_CREATE | FIELD_REQUIRED | FIELD_NULL | V1, "null", "worker that runs it") \
F(INT,  task_id,           FIELD_CREATE | FIELD_REQUIRED | V1, "null", "task that it executes") \
F(EXECUTION_STATUS, status, FIELD_SET | V1, "\"pending\"", "where the execution stands") \
F(INT,  return_code,       FIELD_OPTION | V1, "null", "exit code; minus the signal's number; -1000 upload, -1001 download failed") \
F(TEXT, pid,               FIELD_OPTION | V1, "null", "process or container id") \
F(DATE, creation_date,     V1, "null", "when it was offered or granted") \
F(DATE, modification_date, V1, "null", "when it was last changed") \
F(TEXT, output,            FIELD_OPTION | FIELD_VIRTUAL | V1, "null", "standard output") \
F(TEXT, error,             FIELD_OPTION | FIELD_VIRTUAL | V1, "null", "standard error") \
F(TEXT, output_files,      FIELD_OPTION | V1, "null", "names of the files written, separated by blanks") \
F(TEXT, command,           FIELD_OPTION | V1, "null", "the command as it was when granted") \
F(BOOL, freeze,            FIELD_OPTION | FIELD_VIRTUAL | V1, "null", "in a PUT: compute the hash of the outputs") \
F(BOOL, latest,            FIELD_SET | V1, "true", "the last execution of its task") \
F(INT,  epoch,             FIELD_NATURAL, "0", "the task's epoch at the grant") \
F(INT,  signal,            FIELD_NULL, "null", "signal that ended the command") \
F(TEXT, reason,            FIELD_NULL, "null", "why it failed: a word") \
F(TEXT, message,           FIELD_NULL, "null", "why it failed: a sentence; before its start what is being done") \
F(TEXT, outputs,           FIELD_NULL, "null", "JSON array: path, size, mtime_ns, digest of each file written") \
F(INT,  failed_line,       FIELD_NULL, "null", "line of the .scitq file whose command failed") \
F(REAL, cpu_seconds,       FIELD_NULL, "null", "cpu time used") \
F(INT,  peak_memory,       FIELD_NULL, "null", "largest resident memory, bytes") \
F(DATE, start_date,        FIELD_NULL, "null", "when the command started") \
F(DATE, end_date,          FIELD_NULL, "null", "when it ended") \
F(TEXT, container,         FIELD_NULL, "null", "frozen with the command") \
F(TEXT, container_options, FIELD_NULL, "null", "frozen with the command") \
F(TEXT, input,             FIELD_NULL, "null", "frozen with the command") \
F(TEXT, output_uri,        FIELD_NULL, "null", "the task's output, frozen with the command") \
F(TEXT, resource,          FIELD_NULL, "null", "frozen with the command")

struct execution { EXECUTION_FIELDS(FIELD_MEMBER) };

#define SIGNAL_FIELDS(F) \
F(INT,  signal_id,         FIELD_KEY, "null", "number of the signal") \
F(INT,  execution_id,      FIELD_CREATE | FIELD_NULL | V1, "null", "execution that it is for; null for the worker") \
F(INT,  worker_id,         FIELD_CREATE | FIELD_NULL | V1, "null", "worker that delivers it") \
F(INT,  signal,            FIELD_CREATE | FIELD_REQUIRED | V1, "null", "Unix number; -1 clean, -2 restart, -3 forget resources") \
F(DATE, creation_date,     0, "null", "when it was asked for") \
F(DATE, delivered_date,    FIELD_NULL, "null", "when it was last handed over")

struct signal_row { SIGNAL_FIELDS(FIELD_MEMBER) };

#define REQUIREMENT_FIELDS(F) \
F(INT,  requirement_id,    FIELD_KEY | V1, "null", "number of the requirement") \
F(INT,  task_id,           FIELD_CREATE | FIELD_REQUIRED | V1, "null", "task that waits") \
F(INT,  other_task_id,     FIELD_CREATE | FIELD_REQUIRED | V1, "null", "task that it waits for") \
F(INT,  gather,            FIELD_CREATE | FIELD_NULL | FIELD_NATURAL, "null", "number of the gather that it belongs to, among those of the task that waits; with may_fail") \
F(INT,  may_fail,          FIELD_CREATE | FIELD_NULL | FIELD_NATURAL, "null", "how many of that gather may fail; beyond, and without a gather, the task that waits fails too") \
F(TEXT, input,             FIELD_CREATE | FIELD_NULL, "null", "URIs that the task which waits does without, in input and resource, where this one failed")

struct requirement { REQUIREMENT_FIELDS(FIELD_MEMBER) };

#define JOB_FIELDS(F) \
F(INT,  job_id,            FIELD_KEY | V1, "null", "number of the job") \
F(TEXT, target,            V1, "null", "name of the worker that it is about") \
F(TEXT, action,            V1, "null", "worker_create, worker_deploy or worker_destroy") \
F(TEXT, args,              FIELD_NULL | V1, "null", "JSON text of its arguments") \
F(JOB_STATUS, status,      V1, "\"pending\"", "where the job stands") \
F(INT,  retry,             FIELD_NATURAL | V1, "0", "attempts left") \
F(INT,  progress,          FIELD_NATURAL | V1, "0", "percent") \
F(TEXT, log,               FIELD_NULL | V1, "null", "what its provider printed") \
F(DATE, creation_date,     V1, "null", "when it was queued") \
F(DATE, modification_date, V1, "null", "when it was last changed") \
F(TEXT, reason,            FIELD_NULL | V1, "null", "why it waits or failed")

struct job { JOB_FIELDS(FIELD_MEMBER) };

#define RECRUITER_FIELDS(F) \
F(TEXT, batch,             FIELD_KEY | FIELD_CREATE | FIELD_REQUIRED | V1, "null", "batch that it recruits for") \
F(INT,  rank,              FIELD_KEY | FIELD_CREATE | V1, "1", "place in the order of the batch's recruiters, from 1") \
F(INT,  tasks_per_worker,  FIELD_SET | FIELD_REQUIRED | FIELD_NATURAL | V1, "null", "pending tasks that call for one worker") \
F(TEXT, worker_flavor,     FIELD_SET | FIELD_REQUIRED | V1, "null", "flavor, or auto: with conditions") \
F(TEXT, worker_provider,   FIELD_OPTION | V1, "null", "provider to deploy with; without it recycle only") \
F(TEXT, worker_region,     FIELD_OPTION | V1, "null", "region to deploy in; without it recycle only") \
F(INT,  worker_concurrency, FIELD_SET | FIELD_REQUIRED | FIELD_NATURAL | V1, "null", "concurrency of a recruited worker") \
F(INT,  worker_prefetch,   FIELD_SET | FIELD_NATURAL | V1, "0", "prefetch of a recruited worker") \
F(INT,  minimum_tasks,     FIELD_OPTION | FIELD_NATURAL | V1, "null", "pending tasks that trigger it") \
F(INT,  maximum_workers,   FIELD_OPTION | FIELD_NATURAL | V1, "null", "workers of the batch that stop it")

struct recruiter { RECRUITER_FIELDS(FIELD_MEMBER) };

#define FLAVOR_FIELDS(F) \
F(TEXT, name,              FIELD_KEY | V1, "null", "name that the provider gives it") \
F(TEXT, provider,          FIELD_KEY | V1, "null", "provider that offers it") \
F(INT,  cpu,               FIELD_NULL | V1, "null", "cpus") \
F(REAL, ram,               FIELD_NULL | V1, "null", "GB of memory") \
F(REAL, disk,              FIELD_NULL | V1, "null", "GB of disk") \
F(TEXT, tags,              FIELD_NULL | V1, "null", "letters that classify it") \
F(TEXT, gpu,               FIELD_NULL | V1, "null", "kind of GPU") \
F(REAL, gpumem,            FIELD_NULL | V1, "null", "GB of GPU memory") \
F(INT,  gpus,              FIELD_NULL | FIELD_NATURAL, "null", "GPUs")

struct flavor { FLAVOR_FIELDS(FIELD_MEMBER) };

#define REGION_FIELDS(F) \
F(TEXT, name,              FIELD_KEY | V1, "null", "name of the region") \
F(TEXT, provider,          FIELD_KEY | V1, "null", "provider that has it") \
F(BOOL, preferred,         V1, "false", "taken before others")

struct region { REGION_FIELDS(FIELD_MEMBER) };

#define FLAVOR_METRICS_FIELDS(F) \
F(TEXT, flavor_name,       FIELD_KEY | V1, "null", "flavor") \
F(TEXT, provider,          FIELD_KEY | V1, "null", "provider") \
F(TEXT, region_name,       FIELD_KEY | V1, "null", "region") \
F(INT,  available,         FIELD_NULL | V1, "null", "machines that the quota still allows") \
F(REAL, cost,              FIELD_NULL | V1, "null", "price of an hour") \
F(INT,  eviction,          FIELD_NULL | V1, "null", "percent of machines evicted") \
F(INT,  walltime,          FIELD_NULL | FIELD_NATURAL, "null", "seconds after which a machine ends; null where nobody says") \
F(TEXT, pool,              FIELD_NULL, "null", "stock of cpus that it shares with other flavors of the region; null: none")

struct flavor_metrics { FLAVOR_METRICS_FIELDS(FIELD_MEMBER) };

#define RUN_FIELDS(F) \
F(INT,  run_id,            FIELD_KEY, "null", "number of the run") \
F(TEXT, name,              FIELD_CREATE | FIELD_REQUIRED | FIELD_NAME, "null", "name of the workflow") \
F(TEXT, digest,            FIELD_CREATE | FIELD_REQUIRED, "null", "digest of the plan") \
F(RUN_STATUS, status,      0, "\"submitting\"", "submitting, running, succeeded, failed or cancelled") \
F(INT,  maximum_workers,   FIELD_OPTION | FIELD_NATURAL, "null", "workers hired at a time for all its batches") \
F(REAL, max_cost,          FIELD_OPTION | FIELD_NATURAL, "null", "spending that stops hiring") \
F(REAL, cost,              0, "0.0", "what its workers cost, as far as it was charged: when they go, and when the run ends") \
F(TEXT, owner,             FIELD_CREATE | FIELD_NULL, "null", "who submitted it") \
F(INT,  task_count,        FIELD_CREATE | FIELD_NATURAL, "0", "tasks submitted") \
F(INT,  reused_count,      FIELD_CREATE | FIELD_NATURAL, "0", "tasks whose earlier result is reused") \
F(TEXT, source,            FIELD_CREATE | FIELD_NULL, "null", "path of the .scitq file") \
F(BOOL, detached,          FIELD_SET, "false", "goes on with nobody attached") \
F(BOOL, debug,             FIELD_SET, "false", "its tasks wait in status debug, each for somebody who sets it to pending; it does not end while one has failed") \
F(INT,  debug_from,        FIELD_NULL, "null", "task from which on those that are to wait in status debug may not do so yet; null: they all do") \
F(TEXT, arguments,         FIELD_CREATE | FIELD_NULL, "null", "JSON text: directory in which scitq-run was called, and its params, set and profile") \
F(TEXT, on_success,        FIELD_CREATE | FIELD_NULL, "null", "JSON text of a task that is made when the run succeeded") \
F(TEXT, on_failure,        FIELD_CREATE | FIELD_NULL, "null", "JSON text of a task that is made when the run failed") \
F(DATE, creation_date,     0, "null", "when it was created") \
F(DATE, end_date,          FIELD_NULL, "null", "when its last task ended")

struct run { RUN_FIELDS(FIELD_MEMBER) };

#define BATCH_FIELDS(F) \
F(TEXT, batch,             FIELD_KEY | FIELD_CREATE | FIELD_REQUIRED, "null", "name of the batch") \
F(INT,  run_id,            FIELD_CREATE | FIELD_NULL, "null", "run that made it") \
F(INT,  concurrency,       FIELD_OPTION | FIELD_NATURAL, "null", "tasks of it that fill one worker") \
F(INT,  lease_seconds,     FIELD_OPTION | FIELD_NATURAL, "null", "lease of its executions; null for the server's") \
F(BOOL, paused,            FIELD_SET, "false", "nothing of it is granted") \
F(INT,  depth,             FIELD_CREATE | FIELD_NATURAL, "0", "longest chain of steps before it; deeper is granted first") \
F(BOOL, hook,              0, "false", "its tasks are hooks of a run: they do not count for its outcome")

struct batch { BATCH_FIELDS(FIELD_MEMBER) };

#define TOKEN_FIELDS(F) \
F(INT,  token_id,          FIELD_KEY, "null", "number of the token") \
F(TEXT, name,              FIELD_CREATE | FIELD_REQUIRED, "null", "who it was given to") \
F(TEXT, role,              FIELD_CREATE | FIELD_REQUIRED, "null", "viewer, submitter, operator, admin or worker; join: only to register as its worker, once") \
F(TEXT, hash,              FIELD_SECRET, "null", "digest of the token") \
F(DATE, creation_date,     0, "null", "when it was made") \
F(TEXT, worker,            FIELD_CREATE | FIELD_NULL, "null", "of a worker's token: the worker that it speaks for, or a pattern of names; the token's name where not given") \
F(DATE, expiry_date,       FIELD_CREATE | FIELD_NULL, "null", "when it stops being valid; null for never") \
F(TEXT, exchanged,         FIELD_SECRET | FIELD_NULL, "null", "digest of the token that was given for it, which was for joining")

struct token { TOKEN_FIELDS(FIELD_MEMBER) };

#define AUDIT_FIELDS(F) \
F(INT,  audit_id,          FIELD_KEY, "null", "number of the entry") \
F(DATE, date,              0, "null", "when it was done") \
F(TEXT, token,             0, "null", "name of the token that did it; empty under --open") \
F(TEXT, role,              0, "null", "its role") \
F(TEXT, address,           0, "null", "where the call came from") \
F(TEXT, method,            0, "null", "verb of the call") \
F(TEXT, path,              0, "null", "path of the call, which names the object") \
F(TEXT, detail,            FIELD_NULL, "null", "beginning of its body")

struct audit { AUDIT_FIELDS(FIELD_MEMBER) };

#define IDEMPOTENCY_FIELDS(F) \
F(TEXT, key,               FIELD_KEY, "null", "what the client sent") \
F(TEXT, digest,            0, "null", "digest of the request; another request under the key is refused") \
F(TEXT, reply,             FIELD_NULL, "null", "JSON text of the reply; null: the task is the reply") \
F(DATE, creation_date,     0, "null", "when it was first used") \
F(INT,  task_id,           FIELD_NULL, "null", "the one task that the request created")

struct idempotency { IDEMPOTENCY_FIELDS(FIELD_MEMBER) };

/* clang-format on */

#endif
