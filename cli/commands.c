/*
 * Every command of `scitq`.
 *
 * To add one: a row here, its function in the file of its noun and in that file's header. Options
 * that several commands share are groups of their own. A noun has a row in command_nouns;
 * help lists commands below it in the order of the rows.
 */
#include "cli/access.h"
#include "cli/call.h"
#include "cli/completion.h"
#include "cli/doctor.h"
#include "cli/edit.h"
#include "cli/export.h"
#include "cli/fetch.h"
#include "cli/init.h"
#include "cli/launch.h"
#include "cli/list.h"
#include "cli/logs.h"
#include "cli/manage.h"
#include "cli/manual.h"
#include "cli/report.h"
#include "cli/shell.h"
#include "cli/steer.h"
#include "cli/top.h"

#define END                                                                                        \
	{                                                                                          \
		0, NULL, NULL, NULL                                                                \
	}

static const struct command_option layout[] = {
        {'L', "long", NULL, "also size and date"},
        END,
};

static const struct command_option details[] = {
        {0, "md5", NULL, "also the MD5, where the storage has it"},
        {0, "json", NULL, "one JSON object per line"},
        END,
};

static const struct command_option depth[] = {
        {0, "not-recursive", NULL, "leave out what sub-folders hold"},
        END,
};

static const struct command_option browsing[] = {
        {0, "run", NULL, "show it in ncdu at once"},
        END,
};

static const struct command_option selection[] = {
        {0, "include", "PATTERN", "only files so named, or at such a path below; may be repeated"},
        END,
};

static const struct command_option mirror[] = {
        {0, "delete", NULL, "delete what DESTINATION has and SOURCE has not"},
        END,
};

/* ---- a server ---- */

static const struct command_option view[] = {
        {'L', "long", NULL, "more columns, and none of them cut"},
        {'H', "no-header", NULL, "without the line of names"},
        {0, "json", NULL, "one JSON object per line"},
        END,
};

static const struct command_option watching[] = {
        {'w', "watch", "[SECONDS]",
         "go on, and print it anew when it has changed, once in SECONDS at most (1)"},
        END,
};

static const struct command_option as_json[] = {
        {0, "json", NULL, "as one JSON object"},
        END,
};

static const struct command_option which[] = {
        {'i', "id", "NUMBER", "the one of this number"},
        {'n', "name", "NAME", "the one of this name"},
        END,
};

/* Of verbs to which a number is that of a run. */
static const struct command_option task_which[] = {
        {'i', "id", "NUMBER", "the task of this number"},
        {'n', "name", "NAME", "the task of this name"},
        END,
};

static const struct command_option nothing[] = {END};

static const struct command_option task_filters[] = {
        {'S', "status", "STATUS", "in this status only"},
        {'b', "batch", "BATCH", "of this batch only"},
        {'r', "run", "RUN", "of this run only, by its number or name"},
        END,
};

static const struct command_option task_fields[] = {
        {'N', "new-name", "NAME", "another name"},
        {'c', "command", "COMMAND", "another command"},
        {'S', "status", "STATUS", "another status: pending runs it again, paused"},
        {'b', "batch", "BATCH", "another batch"},
        {'d', "docker", "IMAGE", "another container"},
        {'O', "option", "OPTIONS", "other options of the container"},
        {'j', "input", "URIS", "another input"},
        {'o', "output", "URI", "another output"},
        {'R', "requirements", "NUMBERS", "other tasks that must succeed before"},
        {0, "retry", "NUMBER", "attempts after the first failure"},
        {0, "priority", "NUMBER", "higher goes first"},
        END,
};

static const struct command_option launch_fields[] = {
        {'d', "docker", "IMAGE", "in this container"},
        {'O', "option", "OPTIONS", "options of the container"},
        {'n', "name", "NAME", "name of the task"},
        {'b', "batch", "BATCH", "batch of the task (Default)"},
        {'i', "input", "URIS", "what is placed in $INPUT; also several times"},
        {'o', "output", "URI", "folder that receives $OUTPUT"},
        {'r', "resource", "URIS", "what is placed in $RESOURCE, once per worker"},
        {'R', "requirements", "NUMBERS", "tasks that must succeed before"},
        {0, "retry", "NUMBER", "attempts after the first failure (0)"},
        {0, "run-timeout", "SECONDS", "how long the command may take"},
        {0, "download-timeout", "SECONDS", "how long staging in may take"},
        {0, "use-cache", NULL, "take the result of an identical task"},
        END,
};

static const struct command_option launch_how[] = {
        {'u', "uid", "UID", "as this user: -u of the container, or sudo outside one"},
        {'g', "gid", "GID", "as this group"},
        {'t', "test", NULL, "print the task, send nothing"},
        END,
};

static const struct command_option log_which[] = {
        {'o', "output", NULL, "only what went to standard output"},
        {'e', "error", NULL, "only what went to standard error"},
        {'f', "follow", NULL, "go on while the task writes"},
        {0, "tail", "BYTES", "the last so many bytes"},
        END,
};

static const struct command_option worker_filters[] = {
        {'b', "batch", "BATCH", "serving this batch only"},
        {'S', "status", "STATUS", "in this status only"},
        END,
};

static const struct command_option worker_fields[] = {
        {'S', "status", "STATUS", "another status: paused takes no task, running"},
        {'b', "batch", "BATCH", "another batch"},
        {'C', "concurrency", "NUMBER", "tasks at a time"},
        {'p', "prefetch", "NUMBER", "tasks staged beyond those"},
        {'f', "flavor", "FLAVOR", "flavor of its machine"},
        {0, "permanent", "yes|no", "never destroyed when idle"},
        END,
};

static const struct command_option deploy_fields[] = {
        {'f', "flavor", "FLAVOR", "flavor of the machine, or auto:CONDITIONS (needed)"},
        {'r', "region", "REGION", "region of the provider"},
        {'P', "provider", "PROVIDER", "who provides it"},
        {'N', "number", "NUMBER", "how many (1)"},
        {'b', "batch", "BATCH", "batch that it serves (Default)"},
        {'C', "concurrency", "NUMBER", "tasks at a time (1)"},
        {'p', "prefetch", "NUMBER", "tasks staged beyond those (0)"},
        END,
};

static const struct command_option batch_which[] = {
        {'n', "name", "BATCH", "this batch; also several times"},
        END,
};

static const struct command_option stop_how[] = {
        {'N', "number", "SIGNAL", "send this signal to what runs"},
        {0, "term", NULL, "let what runs end: SIGTERM"},
        {0, "kill", NULL, "end what runs: SIGKILL"},
        {0, "pause", NULL, "pause what runs: SIGTSTP"},
        END,
};

static const struct command_option go_how[] = {
        {'N', "number", "SIGNAL", "send this signal to what was paused"},
        {0, "cont", NULL, "let what was paused go on: SIGCONT"},
        END,
};

static const struct command_option execution_filters[] = {
        {'S', "status", "STATUS", "in this status only"},
        {'b', "batch", "BATCH", "of tasks of this batch only"},
        {'r', "run", "RUN", "of tasks of this run only, by its number or name"},
        {0, "task-id", "NUMBER", "of this task only"},
        {0, "task-name", "NAME", "of tasks of this name only"},
        {0, "latest", NULL, "the last of each task only"},
        {0, "reverse", NULL, "newest first"},
        {0, "limit", "NUMBER", "at most so many"},
        END,
};

static const struct command_option recruiter_filters[] = {
        {'b', "batch", "BATCH", "of this batch only"},
        END,
};

static const struct command_option recruiter_fields[] = {
        {'b', "batch", "BATCH", "batch that it recruits for (needed)"},
        {'n', "rank", "RANK", "its place among those of the batch (1)"},
        {'f', "flavor", "FLAVOR", "flavor of the workers, or auto:CONDITIONS"},
        {'r', "region", "REGION", "region to deploy in; none: recycle only"},
        {'P', "provider", "PROVIDER", "provider to deploy with; none: recycle only"},
        {'C', "concurrency", "NUMBER", "tasks at a time of a worker"},
        {'p', "prefetch", "NUMBER", "tasks staged beyond those"},
        {'T', "tasks-per-worker", "NUMBER", "tasks that call for one worker"},
        {'m', "minimum-tasks", "NUMBER", "tasks before it recruits at all"},
        {'W', "maximum-workers", "NUMBER", "workers at most"},
        END,
};

static const struct command_option recruiter_which[] = {
        {'b', "batch", "BATCH", "batch that it recruits for (needed)"},
        {'n', "rank", "RANK", "its place among those of the batch (1)"},
        END,
};

static const struct command_option flavor_filters[] = {
        {0, "min-cpu", "NUMBER", "cpus at least"},
        {0, "min-ram", "GB", "memory at least"},
        {0, "min-disk", "GB", "disk at least"},
        {0, "max-eviction", "PERCENT", "evicted at most (5)"},
        {0, "limit", "NUMBER", "at most so many (10)"},
        {'P', "provider", "PROVIDER", "of this provider"},
        {'r', "region", "REGION", "in this region"},
        {0, "protofilters", "CONDITIONS", "such as cpu>=10:ram>=64"},
        END,
};

static const struct command_option status_filter[] = {
        {'S', "status", "STATUS", "in this status only"},
        END,
};

static const struct command_option run_filters[] = {
        {'S', "status", "STATUS", "in this status only"},
        {'n', "name", "NAME", "of this workflow only"},
        END,
};

static const struct command_option retry_how[] = {
        {0, "failed", NULL, "the tasks of the run that failed"},
        {0, "set", "KEY=VALUE", "with this field, such as memory=64GB; also several times"},
        {0, "detach", NULL, "on a private server: do not stay until they are done"},
        END,
};

static const struct command_option resume_how[] = {
        {0, "detach", NULL, "on a private server: do not stay until the run has ended"},
        END,
};

static const struct command_option shell_how[] = {
        {0, "no-inputs", NULL, "without its inputs and resources"},
        {0, "dir", "DIR", "make its directory in this one (TMPDIR, or /tmp)"},
        {0, "keep", NULL, "leave the directory there at the end"},
        END,
};

static const struct command_option export_how[] = {
        {0, "trace", "FORMAT", "tsv: a line per execution, or ro-crate: JSON-LD metadata (tsv)"},
        END,
};

static const struct command_option report_how[] = {
        {'o', "output", "FILE", "where it is written; - is standard output (WORKFLOW-RUN.html)"},
        END,
};

static const struct command_option user_fields[] = {
        {0, "role", "ROLE", "viewer, submitter, operator or admin (submitter)"},
        {0, "expires", "WHEN", "a time from now (90d, 12h, 30m) or a date (never)"},
        END,
};

static const struct command_option token_fields[] = {
        {0, "role", "ROLE", "viewer, worker, submitter, operator or admin (needed)"},
        {0, "worker", "NAME", "of a worker's token: its worker, or a pattern (the token's name)"},
        {0, "expires", "WHEN", "a time from now (90d, 12h, 30m) or a date (never)"},
        END,
};

static const struct command_option init_how[] = {
        {0, "token-file", "FILE", "where the token stands; - is standard input"},
        {0, "force", NULL, "write what is there already anew"},
        END,
};

/* The groups of a command about a server. */
#define SERVER call_options, call_patience

/* clang-format off */
const struct command commands[] = {
        {"fetch list",
         "URI",
         1,
         1,
         "the files below a folder, those of a glob, or one, as URIs",
         fetch_list,
         {depth, layout, details}},
        {"fetch nlist",
         "URI",
         1,
         1,
         "the same without what sub-folders hold, folders named",
         fetch_nlist,
         {layout, details}},
        {"fetch nrlist",
         "URI",
         1,
         1,
         "the same again, by names relative to the folder",
         fetch_nrlist,
         {layout, details}},
        {"fetch info", "URI", 1, 1, "what is known of one file", fetch_info, {details}},
        {"fetch ncdu", "URI", 1, 1, "what a folder takes, for ncdu -f", fetch_ncdu, {browsing}},
        {"fetch copy",
         "SOURCE [DESTINATION]",
         1,
         2,
         "copy a file, a glob or a folder's content, also between storages (to here)",
         fetch_copy,
         {NULL}},
        {"fetch sync",
         "SOURCE DESTINATION",
         2,
         2,
         "bring a folder up to date with another: what is new or changed",
         fetch_sync,
         {selection, mirror}},
        {"fetch delete",
         "URI",
         1,
         1,
         "delete a file, the matches of a glob, or all of a folder",
         fetch_delete,
         {selection}},
        {"task list", "", 0, 0, "tasks", list_objects, {task_filters, view, watching, SERVER}},
        {"task get", "TASK...", 0, COMMAND_ANY, "all that is known of a task", manage_get, {as_json, which, SERVER}},
        {"task output", "TASK", 0, 1, "what it wrote: scitq logs", logs, {log_which, which, SERVER}},
        {"task relaunch", "TASK...", 0, COMMAND_ANY, "run it again", task_relaunch, {nothing, which, SERVER}},
        {"task update", "TASK...", 0, COMMAND_ANY, "change it", manage_update, {task_fields, which, SERVER}},
        {"task delete", "TASK...", 0, COMMAND_ANY, "delete it with its executions", manage_delete, {nothing, which, SERVER}},
        {"worker list", "", 0, 0, "workers", list_objects, {worker_filters, view, watching, SERVER}},
        {"worker get", "WORKER...", 0, COMMAND_ANY, "all that is known of a worker", manage_get, {as_json, which, SERVER}},
        {"worker deploy", "", 0, 0, "hire workers", worker_deploy, {deploy_fields, SERVER}},
        {"worker update", "WORKER...", 0, COMMAND_ANY, "change it", manage_update, {worker_fields, which, SERVER}},
        {"worker delete", "WORKER...", 0, COMMAND_ANY, "delete it; a deployed one is destroyed", manage_delete, {nothing, which, SERVER}},
        {"batch list", "", 0, 0, "batches, with counts of their tasks", list_objects, {nothing, view, watching, SERVER}},
        {"batch stop", "BATCH...", 0, COMMAND_ANY, "grant nothing of it, and pause its workers", batch_stop, {stop_how, batch_which, SERVER}},
        {"batch go", "BATCH...", 0, COMMAND_ANY, "let it go on", batch_go, {go_how, batch_which, SERVER}},
        {"batch delete", "BATCH...", 0, COMMAND_ANY, "delete it with all that belongs to it", manage_delete, {nothing, batch_which, SERVER}},
        {"execution list", "", 0, 0, "executions of tasks", list_objects, {execution_filters, view, watching, SERVER}},
        {"execution get", "EXECUTION...", 1, COMMAND_ANY, "all that is known of an execution", manage_get, {as_json, SERVER}},
        {"recruiter list", "", 0, 0, "recruiters", list_objects, {recruiter_filters, view, watching, SERVER}},
        {"recruiter create", "", 0, 0, "set the recruiter of a rank", recruiter_create, {recruiter_fields, SERVER}},
        {"recruiter update", "", 0, 0, "change one", recruiter_change, {recruiter_fields, SERVER}},
        {"recruiter delete", "", 0, 0, "delete one", recruiter_delete, {recruiter_which, SERVER}},
        {"flavor list", "", 0, 0, "machines that providers offer, cheapest first", list_objects, {flavor_filters, view, SERVER}},
        {"job list", "", 0, 0, "deploying and destroying of workers", list_objects, {status_filter, view, watching, SERVER}},
        {"job get", "JOB...", 1, COMMAND_ANY, "all that is known of a job", manage_get, {as_json, SERVER}},
        {"run list", "", 0, 0, "runs of workflows, newest first", list_objects, {run_filters, view, watching, SERVER}},
        {"run get", "RUN...", 1, COMMAND_ANY, "all that is known of a run", manage_get, {as_json, SERVER}},
        {"launch", "COMMAND [ARGUMENT]...", 1, COMMAND_ANY, "queue one command as a task", launch, {launch_fields, launch_how, call_options}},
        {"top", "", 0, 0, "runs, workers and failures, on the whole terminal", top, {nothing, SERVER}},
        {"logs", "[RUN] TASK | RUN", 0, 2, "what a task wrote, or writes; of a run all of them", logs, {log_which, task_which, SERVER}},
        {"why", "TASK... | RUN TASK...", 0, COMMAND_ANY, "why it waits, failed, or was reused: one sentence", steer_why, {as_json, task_which, SERVER}},
        {"shell", "[RUN] TASK [-- COMMAND...]", 0, 2, "a shell where the task would run: its inputs, variables, container, limits", shell, {shell_how, task_which, SERVER}},
        {"edit", "TASK | RUN TASK | RUN STEP", 0, 2, "another text for tasks that do not run yet, and for their .scitq file", edit, {edit_how, task_which, SERVER}},
        {"retry", "TASK... | RUN TASK... | RUN --failed", 0, COMMAND_ANY, "run tasks again, changed where asked", steer_retry, {retry_how, task_which, SERVER}},
        {"pause", "RUN...", 1, COMMAND_ANY, "grant nothing more of a run; what runs goes on", steer_pause, {nothing, SERVER}},
        {"resume", "RUN...", 1, COMMAND_ANY, "let a paused run go on", steer_resume, {resume_how, SERVER}},
        {"cancel", "RUN...", 1, COMMAND_ANY, "end a run and what runs of it", steer_cancel, {nothing, SERVER}},
        {"report", "RUN", 1, 1, "an HTML file that tells of a run", report, {report_how, SERVER}},
        {"export", "RUN", 1, 1, "what happened in a run, for other programs", export_run, {export_how, SERVER}},
        {"doctor", "", 0, 0, "what hinders work here, and what to do about it", doctor, {nothing, SERVER}},
        {"init", "[DIR]", 0, 1, "settings of this user, and a first workflow in DIR", init, {init_how, call_options}},
        {"user list", "", 0, 0, "who may call the server", access_users, {view, SERVER}},
        {"user create", "NAME", 1, 1, "admit somebody: print a token, once", access_create, {user_fields, as_json, SERVER}},
        {"user delete", "NAME...", 1, COMMAND_ANY, "admit somebody no more", access_revoke, {nothing, SERVER}},
        {"user me", "", 0, 0, "as whom the server knows you", access_mine, {as_json, SERVER}},
        {"token list", "", 0, 0, "tokens of users and workers, without their text", list_objects, {nothing, view, SERVER}},
        {"token create", "NAME", 1, 1, "make a token and print it, once", access_create, {token_fields, as_json, SERVER}},
        {"token revoke", "NAME...", 1, COMMAND_ANY, "a token admits nobody any more", access_revoke, {nothing, SERVER}},
        {"completion", "bash|zsh|fish", 1, 1, "completion of command lines, for that shell", completion, {NULL}},
        {"manual", "[NAME]", 0, 1, "a manual page, for scdoc", manual, {NULL}},
        {NULL, NULL, 0, 0, NULL, NULL, {NULL}},
};

/* One rule for all that steer. */
#define OF_A_TASK                                                                                  \
	"RUN is a run's number or its name, and a number is always a run; TASK is STEP:KEY, the "  \
	"name of a task. A task of which only the number is known is given by --id. "
#define OF_A_RUN "RUN is a run's number or its name. "

const struct command_noun command_nouns[] = {
        {"fetch", "files and folders, on this machine and on every storage:",
         "A URI is a path, file://, http://, https://, ftp://, or REMOTE://PATH with a remote of rclone's configuration, as tasks name "
         "their inputs. A folder ends with /; the last part of a URI may be a glob.",
         "scitq fetch sync results/ s3://bucket/results/"},
        {"task", "tasks:", "A task is named by its number or by its name, where no other has that.",
         "scitq task list --run 41 --status failed"},
        {"worker", "workers:", "A worker is named by its number or its name.", "scitq worker update node3 --status paused"},
        {"batch", "batches:",
         "Tasks of a batch go to the workers that serve it; a step of a workflow is the batch WORKFLOW.STEP.",
         "scitq batch stop qc.align --term"},
        {"execution", "executions:", "Each attempt at a task is an execution of its own.",
         "scitq execution list --task-name align:S3"},
        {"recruiter", "recruiters:",
         "A recruiter brings workers to a batch: it takes idle ones over, and hires new ones where it has a provider and a region. Those "
         "of a lower rank go first.",
         "scitq recruiter create -b qc.align -f 'auto:cpu>=8' -C 4 -T 8"},
        {"flavor", "flavors:", "What the providers offer, and what it costs.", "scitq flavor list --min-cpu 16 --limit 5"},
        {"job", "jobs:", "What the server does to hire workers and to give them back.", "scitq job list"},
        {"run", "runs:", "A run is a workflow that scitq-run submitted. It is named by its number, or its name.", "scitq run list"},
        {"launch", "watch and steer:",
         "Its options are those of scitq-launch of scitq v1. A COMMAND of one word is taken as it is written; of several each reaches the "
         "program as it is.",
         "scitq launch -r s3://bucket/genome.tgz\\|untar -- bash -c 'ls $RESOURCE'"},
        {"top", NULL,
         "Shows the newest runs, the steps of the chosen one, the workers and the last failures, anew every two seconds. The arrow keys choose "
         "a run; p pauses it, g lets it go on, c cancels it. q leaves, with exit code 0, and so does Ctrl-C, with 130.",
         "scitq top"},
        {"logs", NULL,
         OF_A_TASK "Standard output of the task goes to standard output, its standard error to standard error. Of a run's number alone it is that of "
         "all its tasks, each line behind the name of its task. With --follow it ends with the task, or the run.",
         "scitq logs 41 align:S3 -f"},
        {"why", NULL, OF_A_TASK "What a task waits for, in the end; why it failed; or which part of its identity changed, so that it was not reused.",
         "scitq why align:S3"},
        {"shell", NULL,
         OF_A_TASK "Makes here what a worker would make for the task: its directory with $INPUT, $RESOURCE, $OUTPUT and $TEMP, its container, "
         "its limits, and the values that its text names as variables. ./command.sh is its command, to be run whole or line by line. With "
         "a COMMAND that runs instead of a shell, and its exit code is ours. Nothing is published, and the task stays as it is. GPUs are those that this machine shows to everybody: in a container none.",
         "scitq shell 41 align:S3"},
        {"edit", NULL,
         OF_A_TASK "Opens the text of the step in an editor, checks it as scitq-run check does, and gives it to the tasks that neither run nor have succeeded: to one, "
         "or to all of a step. Each keeps the values that the text names. The change of the .scitq file is printed as a patch; with --apply it is made, and a later "
         "scitq-run of the file finds what the tasks then wrote. The words of exec are edited as the list that they are in the file. A text that stands in a module is changed "
         "there, and all steps of the run that use it get it. A worker that holds such a task without having begun gives it back.",
         "scitq edit 41 align --apply --retry"},
        {"retry", NULL,
         OF_A_TASK "Each gets its attempts afresh, and tasks that wait for it come back with it. --set changes fields before: cpu, memory, "
         "container, command, run_timeout and the others that a task may change. A private server works only while somebody is there: on one "
         "the command stays, shows how far the run is, and ends with it, 1 where tasks failed again. With --detach it leaves at once, and "
         "the server goes on until the run has ended.",
         "scitq retry 41 --failed --set memory=64GB"},
        {"pause", NULL, OF_A_RUN "Nothing more of the run is granted, and what runs goes on.", "scitq pause 41"},
        {"resume", NULL,
         OF_A_RUN "The opposite of pause. On a private server whose scitq-run has gone the command stays until the run has ended, as retry does.",
         "scitq resume 41"},
        {"cancel", NULL, OF_A_RUN "What waits never runs, and what runs is told to end. Results stay.", "scitq cancel 41"},
        {"report",
         "look back:",
         "Steps with their times, the graph, what ran when on which worker, and each failure with the end of its standard error. The file "
         "needs nothing outside it.",
         "scitq report 41"},
        {"export", NULL,
         "As tsv a line per execution: when it was granted, started and ended, what it took, and its command. As ro-crate the metadata "
         "file of a Process Run Crate, which names programs, files and times.",
         "scitq export 41 --trace ro-crate > ro-crate-metadata.json"},
        {"doctor", "set up:",
         "Looks at what is usually wrong: settings, the server and its token, workers, the container engine, disk space. "
         "A line each; the exit code is 0 where nothing hinders work.",
         "scitq doctor"},
        {"init", NULL,
         "With a server (-s, or asked for on a terminal) and its token: tries both, and writes them to scitq/scitq.conf among the user's "
         "settings, readable by nobody else. The token is asked for, or comes from --token-file or SCITQ_TOKEN. With DIR: puts a first workflow "
         "there, hello.scitq, and a .gitignore. What is there already stays, unless --force. Then it says what was found here, as doctor does.",
         "scitq init -s https://scitq.example.org:5000"},
        {"user", NULL,
         "A user is whoever has a token; there are no accounts or passwords beside. Its name is in the audit log with all that was steered by "
         "it. These commands are for admins, but for me.",
         "scitq user create ann --role operator --expires 90d"},
        {"token", NULL,
         "Users have tokens, and so have workers: a worker's token is good for the workers that its name or pattern names. Only its digest "
         "is kept: the text is told once. These commands are for admins.",
         "scitq token create nodes --role worker --worker 'node-*'"},
        {"completion", NULL, "Prints the completion of one shell.", "source <(scitq completion bash)"},
        {"manual", NULL, "Prints a manual page as scdoc source, made of the same table as --help. NAME is the page's, without `scitq-`.",
         "scitq manual task | scdoc | man -l -"},
        {NULL, NULL, NULL, NULL},
};

const struct command_alias command_aliases[] = {
        {"scitq-fetch", "fetch"},
        {"scitq-launch", "launch"},
        {"scitq-manage", ""},
        {NULL, NULL},
};

const struct command_option *const command_leading[] = {call_options, call_patience, NULL};
