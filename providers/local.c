/*
 * Workers as processes of the server's own host. Its one region is local; its flavors are parts
 * of the machine, local-N with N of its cpus and as much of its memory.
 *
 * A worker is a directory DIRECTORY/TAG with what it runs on, `process` says which process it
 * is. That is written by the process itself before it becomes the worker, under a lock that is
 * let go then, so that a program that was killed leaves nothing that is not known.
 */
#include "base/fd.h"
#include "base/gpus.h"
#include "base/str.h"
#include "providers/speak.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define REGION "local"
#define FLAVOR "local-"
#define MARK "SCITQ_WORKER_TAG="
/* For the worker to stop its tasks and to say so. */
#define STOP_MS 20000
#define KILL_MS 5000

static long cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? n : 1;
}

/* N of local-N, 0: it is none of this machine. */
static long cpus_of(const char *flavor)
{
	char *end = NULL;
	long n = 0;

	if (flavor != NULL && strncmp(flavor, FLAVOR, strlen(FLAVOR)) == 0)
		n = strtol(flavor + strlen(FLAVOR), &end, 10);
	return end != NULL && *end == '\0' && n >= 1 && n <= cpus() ? n : 0;
}

static void add_path(struct str *path, const struct request *request, const char *tag,
                     const char *file)
{
	str_reset(path);
	str_addf(path, "%s/%s%s%s", request->directory, tag, file ? "/" : "", file ? file : "");
}

/* When the process began, in ticks since the machine's start; 0: there is none. */
static unsigned long long started(pid_t pid)
{
	struct str path = STR_INIT, stat = STR_INIT;
	unsigned long long ticks = 0;
	const char *p;

	str_addf(&path, "/proc/%d/stat", (int)pid);
	p = file_read(path.p, &stat) == 0 ? strrchr(stat.p, ')') : NULL;
	/* Its state is the 3rd field, its start the 22nd. */
	if (p != NULL && p[1] != '\0' && p[2] != 'Z') {
		for (int i = 2; p != NULL && i < 22; i++)
			p = strchr(p + 1, ' ');
		ticks = p ? strtoull(p, NULL, 10) : 0;
	}
	str_release(&path);
	str_release(&stat);
	return ticks;
}

/* The process of the worker, 0: it does not run. */
static pid_t process_of(const struct request *request, const char *tag)
{
	struct str path = STR_INIT, text = STR_INIT;
	unsigned long long ticks = 0;
	int pid = 0;

	add_path(&path, request, tag, "process");
	if (file_read(path.p, &text) != 0 || sscanf(text.p, "%d %llu", &pid, &ticks) != 2 ||
	    pid <= 0 || started(pid) != ticks)
		pid = 0;
	str_release(&path);
	str_release(&text);
	return pid;
}

static void become_worker(const struct request *request, const struct wanted *worker,
                          const char *path)
{
	struct str process = STR_INIT, work = STR_INIT, log = STR_INIT, ca = STR_INIT;
	struct str text = STR_INIT;
	char count[24], prefetch[24];
	const char *argv[] = {request->worker,
	                      request->server,
	                      count,
	                      "-n",
	                      worker->name,
	                      "--prefetch",
	                      prefetch,
	                      "--state",
	                      path,
	                      "--work",
	                      NULL,
	                      "--log",
	                      NULL,
	                      NULL,
	                      NULL,
	                      NULL};
	int null = open("/dev/null", O_RDWR);

	str_addf(&process, "%s/process", path);
	str_addf(&work, "%s/work", path);
	str_addf(&log, "%s/log", path);
	str_addf(&ca, "%s/ca.pem", path);
	str_addf(&text, "%d %llu\n", (int)getpid(), started(getpid()));
	snprintf(count, sizeof(count), "%" PRId64, worker->concurrency);
	snprintf(prefetch, sizeof(prefetch), "%" PRId64, worker->prefetch);
	argv[10] = work.p;
	argv[12] = log.p;
	if (request->ca != NULL) {
		argv[13] = "--ca";
		argv[14] = ca.p;
	}
	if (null < 0 || setenv("SCITQ_WORKER_TAG", worker->tag, 1) != 0 ||
	    file_replace(process.p, text.p, text.len, 0600) != 0 || dup2(null, 0) < 0 ||
	    dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(1);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	execv(request->worker, (char *const *)argv);
	_exit(1);
}

/*
 * Hold the lock of all workers, until the descriptor and its copies are closed: one is made at a
 * time, and whoever looks sees it made. -1 with errno.
 */
static int take_lock(const struct request *request)
{
	struct str path = STR_INIT;
	int fd;

	str_addf(&path, "%s/.lock", request->directory);
	fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	str_release(&path);
	while (fd >= 0 && flock(fd, LOCK_EX) != 0) {
		if (errno != EINTR) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

/* In a session of its own, and nobody's child. False: the error was written. */
static bool spawn(const struct request *request, const struct wanted *worker, const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setsid() < 0)
			_exit(1);
		pid = fork();
		if (pid == 0)
			become_worker(request, worker, path);
		_exit(pid < 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		say_error(worker->tag, false, "no process can be made: %s", strerror(errno));
		return false;
	}
	return true;
}

/* How many cpus its workers have. */
static long cpus_taken(const struct request *request)
{
	DIR *dir = opendir(request->directory);
	const struct dirent *entry;
	struct str path = STR_INIT, flavor = STR_INIT;
	long n = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || process_of(request, entry->d_name) == 0)
			continue;
		add_path(&path, request, entry->d_name, "flavor");
		str_reset(&flavor);
		if (file_read(path.p, &flavor) == 0)
			n += cpus_of(flavor.p);
	}
	if (dir != NULL)
		closedir(dir);
	str_release(&path);
	str_release(&flavor);
	return n;
}

/* The lock is held. */
static void create_locked(const struct request *request, const struct wanted *worker,
                          const char *path)
{
	struct str file = STR_INIT;
	long wanted = cpus_of(request->flavor), taken;

	if (process_of(request, worker->tag) != 0) {
		say_result(worker->tag, NULL);
		return;
	}
	if (wanted == 0) {
		say_error(worker->tag, true,
		          "there is no flavor %s here, but " FLAVOR "1 to " FLAVOR "%ld",
		          request->flavor ? request->flavor : "(none)", cpus());
		return;
	}
	taken = cpus_taken(request);
	if (taken + wanted > cpus()) {
		say_error(worker->tag, false, "%ld of %ld cpus are taken, flavor %s needs %ld",
		          taken, cpus(), request->flavor, wanted);
		return;
	}
	str_addf(&file, "%s/flavor", path);
	if (worker_files(request, worker, path)) {
		int err = file_replace(file.p, request->flavor, strlen(request->flavor), 0600);

		if (err != 0)
			say_error(worker->tag, false, "%s: %s", file.p, strerror(-err));
		else if (spawn(request, worker, path))
			say_result(worker->tag, NULL);
	}
	str_release(&file);
}

static void create(const struct request *request, const struct wanted *worker)
{
	struct str path = STR_INIT;
	int fd = take_lock(request);

	add_path(&path, request, worker->tag, NULL);
	if (fd < 0)
		say_error(worker->tag, false, "%s: %s", request->directory, strerror(errno));
	else if (request->worker == NULL || access(request->worker, X_OK) != 0)
		say_error(worker->tag, true, "there is no program for workers at %s",
		          request->worker ? request->worker : "(not told)");
	else
		create_locked(request, worker, path.p);
	if (fd >= 0)
		close(fd);
	str_release(&path);
}

/* Whatever has the mark of the tag in its environment. */
static bool kill_marked(const char *tag)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	struct str mark = STR_INIT, path = STR_INIT, text = STR_INIT;
	bool any = false;

	str_adds(&mark, MARK);
	str_adds(&mark, tag);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		long pid = strtol(entry->d_name, NULL, 10);

		str_reset(&path);
		str_reset(&text);
		str_addf(&path, "/proc/%ld/environ", pid);
		if (pid > 0 && started((pid_t)pid) != 0 && file_read(path.p, &text) == 0 &&
		    memmem(text.p, text.len, mark.p, mark.len + 1) != NULL)
			any = kill((pid_t)pid, SIGKILL) == 0 || any;
	}
	if (dir != NULL)
		closedir(dir);
	str_release(&mark);
	str_release(&path);
	str_release(&text);
	return any;
}

static void destroy(const struct request *request, const struct wanted *worker)
{
	struct str path = STR_INIT;
	pid_t pid = process_of(request, worker->tag);
	int fd = pid != 0 ? pidfd_open(pid, 0) : -1, err;

	if (fd >= 0) {
		struct pollfd end = {fd, POLLIN, 0};

		say_progress(worker->tag, 10, "its tasks are stopped");
		if (kill(pid, SIGINT) == 0)
			(void)poll(&end, 1, STOP_MS);
		close(fd);
	}
	for (int waited = 0; kill_marked(worker->tag) && waited < KILL_MS; waited += 50)
		(void)poll(NULL, 0, 50);
	add_path(&path, request, worker->tag, NULL);
	err = tree_remove(path.p);
	if (err != 0)
		say_error(worker->tag, false, "%s: %s", path.p, strerror(-err));
	else
		say_result(worker->tag, NULL);
	str_release(&path);
}

static void list(const struct request *request)
{
	int fd = take_lock(request);
	DIR *dir = opendir(request->directory);
	json_t *workers = json_array();
	const struct dirent *entry;

	if (fd < 0 || dir == NULL) {
		say_error(NULL, false, "%s: %s", request->directory, strerror(errno));
		return;
	}

	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, request->owner, strlen(request->owner)) == 0)
			json_array_append_new(workers,
			                      json_pack("{s:s, s:s}", "tag", entry->d_name, "state",
			                                process_of(request, entry->d_name) != 0
			                                        ? "running"
			                                        : "ended"));
	}
	closedir(dir);
	close(fd);
	say_result(NULL, json_pack("{s:o}", "workers", workers));
}

/* Its workers find all GPUs of the machine: only one that has all of it may give them out. */
static long gpus_of(long n)
{
	struct str list = STR_INIT;
	size_t found = n == cpus() ? gpus_find(&list) : 0;

	str_release(&list);
	return (long)found;
}

static void add_flavor(json_t *flavors, json_t *metrics, long n, long free_cpus)
{
	double ram = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 1e9;
	char name[32];

	snprintf(name, sizeof(name), FLAVOR "%ld", n);
	json_array_append_new(flavors,
	                      json_pack("{s:s, s:I, s:f, s:I}", "name", name, "cpu", (json_int_t)n,
	                                "ram", ram * (double)n / (double)cpus(), "gpus",
	                                (json_int_t)gpus_of(n)));
	json_array_append_new(metrics,
	                      json_pack("{s:s, s:s, s:I, s:f, s:i, s:s}", "flavor", name, "region",
	                                REGION, "available", (json_int_t)(free_cpus / n), "cost",
	                                0.0, "eviction", 0, "pool", "cpus"));
}

static void flavors(const struct request *request)
{
	json_t *names = json_array(), *metrics = json_array();
	long free_cpus = cpus() - cpus_taken(request);

	for (long n = 1; n < cpus(); n *= 2)
		add_flavor(names, metrics, n, free_cpus);
	add_flavor(names, metrics, cpus(), free_cpus);
	say_result(NULL, json_pack("{s:[{s:s}], s:o, s:o}", "regions", "name", REGION, "flavors",
	                           names, "metrics", metrics));
}

int main(void)
{
	static const struct verb verbs[] = {{"create", NULL, create},
	                                    {"destroy", NULL, destroy},
	                                    {"list", list, NULL},
	                                    {"flavors", flavors, NULL}};

	return provider_main(verbs, sizeof(verbs) / sizeof(verbs[0]));
}
