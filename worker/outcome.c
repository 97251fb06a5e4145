#include "worker/outcome.h"

#include "base/fd.h"
#include "base/words.h"
#include "worker/container_usage.h"
#include "worker/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* With less left, a command that failed is taken for a victim of the full disk. */
#define DISK_FULL ((uint64_t)1 << 20)
#define MESSAGE_BYTES 4000

void outcome_init(struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	o->return_code = o->signal = o->failed_line = o->peak_memory = INT_NULL;
	o->cpu_seconds = NAN;
}

void outcome_release(struct outcome *o)
{
	free(o->message);
	json_decref(o->outputs);
}

void outcome_fail(struct outcome *o, int64_t code, const char *reason, const char *fmt, va_list ap)
{
	struct str text = STR_INIT;

	o->succeeded = false;
	o->return_code = code;
	o->reason = reason;
	if (fmt == NULL)
		return;
	str_vaddf(&text, fmt, ap);
	while (text.len > 0 && text.p[text.len - 1] == '\n')
		text.p[--text.len] = '\0';
	if (text.len > MESSAGE_BYTES) {
		text.len = MESSAGE_BYTES;
		str_adds(&text, "...");
	}
	free(o->message);
	o->message = str_detach(&text);
}

static void fail(struct outcome *o, int64_t code, const char *reason, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

static void fail(struct outcome *o, int64_t code, const char *reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	outcome_fail(o, code, reason, fmt, ap);
	va_end(ap);
}

void outcome_cancel(struct outcome *o, int sig)
{
	if (sig != 0)
		o->signal = sig;
	fail(o, sig != 0 ? 128 + sig : INT_NULL, "cancelled", NULL);
}

const char *outcome_reason(int error, const char *otherwise)
{
	return error == ENOSPC || error == EDQUOT ? "disk" : otherwise;
}

/*
 * The file that a shell's trap wrote: the line of the script that failed. The task may have put
 * anything in its place.
 */
static void read_failed_line(struct outcome *o, const char *directory)
{
	struct str path = STR_INIT;
	struct stat st;
	char text[32], *stop;
	ssize_t n = 0;
	int fd;

	str_addf(&path, "%s/line", directory);
	fd = open(path.p, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = fd_read(fd, text, sizeof(text) - 1);
	if (n > 0) {
		long long line;

		text[n] = '\0';
		line = strtoll(text, &stop, 10);
		if (stop != text && line > 0)
			o->failed_line = line;
	}
	if (fd >= 0)
		close(fd);
	str_release(&path);
}

static bool disk_is_full(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) == 0 && ((uint64_t)fs.f_bavail * fs.f_frsize < DISK_FULL ||
	                                   (fs.f_files > 0 && fs.f_favail == 0));
}

static void could_not_start(struct outcome *o, const struct ending *ending, const char *command)
{
	int err = ending->start_errno;
	int64_t code = err == ENOENT ? CODE_NO_PROGRAM : CODE_NO_EXECUTION;
	const char *program = "";
	struct arena arena;
	char **words;
	size_t n;

	if (strcmp(ending->failed, "execute") != 0) {
		fail(o, CODE_NO_EXECUTION, outcome_reason(err, "start"), "cannot %s: %s",
		     ending->failed, strerror(err));
		return;
	}
	arena_init(&arena);
	if (words_split(command, &arena, &words, &n) == WORDS_OK && n > 0)
		program = words[0];
	if (err == ENOENT && strchr(program, '/') != NULL && access(program, F_OK) == 0)
		fail(o, code, "start", "exec: %s: its interpreter is missing", program);
	else if (err == ENOENT)
		fail(o, code, "start", "exec: %s: no such program", program);
	else if (err == ENOEXEC)
		fail(o, code, "start", "exec: %s: neither a program nor a script with #!", program);
	else
		fail(o, code, "start", "exec: %s: %s", program, strerror(err));
	arena_release(&arena);
}

/* Who takes a machine away has its worker stopped first. */
static void fail_stopped(struct outcome *o, int64_t code, const struct outcome_task *task)
{
	fail(o, code, task->revocable ? "evicted" : "lost", "the worker was stopped");
}

static void did_not_start(struct outcome *o, const struct ending *ending,
                          const struct outcome_task *task)
{
	if (ending->start_errno != 0)
		could_not_start(o, ending, task->command);
	else if (ending->cause == STOP_CANCEL)
		outcome_cancel(o, task->stop_signal);
	else
		fail_stopped(o, INT_NULL, task);
}

/* What the runner of its container noted at the end; "" where it ran in none. */
static void read_container_end(const struct outcome_task *task, struct str *word)
{
	struct str path = STR_INIT;

	str_addf(&path, "%s/" RUNNER_END_FILE, task->directory);
	if (!task->contained || file_read(path.p, word) != 0)
		str_reset(word);
	str_release(&path);
}

/* The engine made no container; its last words are on the task's stderr. */
static void fail_engine(struct outcome *o, const char *directory)
{
	struct str path = STR_INIT, said = STR_INIT;
	char *line;

	str_addf(&path, "%s/stderr", directory);
	if (file_read(path.p, &said) != 0)
		str_reset(&said);
	while (said.len > 0 && said.p[said.len - 1] == '\n')
		said.p[--said.len] = '\0';
	line = strstr(said.p, "Error: ");
	fail(o, CODE_NO_EXECUTION, "container", "the container engine failed: %s",
	     line != NULL ? line + 7 : said.p);
	str_release(&path);
	str_release(&said);
}

/* The kernel killed a process of it: at its own limit, or because the machine had none left. */
static void fail_memory(struct outcome *o, int64_t code, const struct outcome_task *task)
{
	if (task->memory != INT_NULL && task->memory > 0)
		fail(o, code, "memory", "out of memory: it may take %.2f GB",
		     (double)task->memory / 1e9);
	else
		fail(o, code, "memory", "killed by the kernel: out of memory");
}

static void fail_by_itself(struct outcome *o, int64_t code, bool by_signal, bool oom,
                           const struct outcome_task *task)
{
	struct str end = STR_INIT;

	read_container_end(task, &end);
	if (strcmp(end.p, RUNNER_END_ENGINE) == 0)
		fail_engine(o, task->directory);
	else if (oom || strcmp(end.p, RUNNER_END_MEMORY) == 0)
		fail_memory(o, code, task);
	else if (disk_is_full(task->directory))
		fail(o, code, "disk", "no space left in %s", task->work);
	else
		fail(o, code, by_signal ? "signal" : "exit", NULL);
	str_release(&end);
}

static void did_not_succeed(struct outcome *o, const struct ending *ending,
                            const struct outcome_task *task)
{
	bool by_signal = WIFSIGNALED(ending->status);
	int64_t code = by_signal ? 128 + WTERMSIG(ending->status) : WEXITSTATUS(ending->status);

	if (by_signal)
		o->signal = WTERMSIG(ending->status);
	read_failed_line(o, task->directory);
	switch (ending->cause) {
	case STOP_TIMEOUT:
		if (task->run_timeout != INT_NULL)
			fail(o, code, "timeout", "stopped: it ran longer than %" PRId64 " s",
			     task->run_timeout);
		else
			fail(o, code, "timeout", "stopped: it ran longer than its run timeout");
		return;
	case STOP_CANCEL:
		fail(o, code, "cancelled", NULL);
		return;
	case STOP_LEASE:
		fail(o, code, "lost", "stopped: the worker had no contact with the server");
		return;
	case STOP_SHUTDOWN:
		fail_stopped(o, code, task);
		return;
	case STOP_NONE:
		break;
	}
	/* Also where a shell told of its command's end. */
	if (task->revocable && code == 128 + SIGTERM)
		fail(o, code, "evicted", "its machine is being taken away");
	else
		fail_by_itself(o, code, by_signal, ending->oom, task);
}

/* What it used: in a container not what was waited for, which is its engine's client. */
static void read_usage(struct outcome *o, const struct ending *ending,
                       const struct outcome_task *task)
{
	struct container_usage used;

	if (!task->contained || !container_usage_read(&used, task->directory)) {
		used.cpu_known = true;
		used.cpu_us = ending->cpu_us;
		used.peak_memory = ending->peak_memory;
	}
	if (used.cpu_known)
		o->cpu_seconds = (double)used.cpu_us / 1e6;
	if (used.peak_memory > 0)
		o->peak_memory = (int64_t)used.peak_memory;
}

bool outcome_of_ending(struct outcome *o, const struct ending *ending,
                       const struct outcome_task *task)
{
	if (!ending->started) {
		did_not_start(o, ending, task);
		return false;
	}
	read_usage(o, ending, task);
	if (ending->cause != STOP_NONE || !WIFEXITED(ending->status) ||
	    WEXITSTATUS(ending->status) != 0) {
		did_not_succeed(o, ending, task);
		return false;
	}
	o->return_code = 0;
	return true;
}
