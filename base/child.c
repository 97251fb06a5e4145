#include "base/child.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define LOOK_MS 100
#define MS_NS INT64_C(1000000)
/* Between TERM and KILL. */
#define GRACE_NS (2000 * MS_NS)

/* How the child is to be; `err` is written by it and read after vfork() returned twice. */
struct beginning {
	const struct child *c;
	char *const *environ;
	int in, out, err_out;
	pid_t parent;
	volatile int err;
};

/* A running child. */
struct running {
	const struct child *c;
	pid_t pid;
	int pidfd, fds[2]; /* fds: its stdout and stderr, -1 once at their end */
	int64_t stop_at_ns, kill_at_ns;
	int result; /* -errno of what ended it, 0: itself */
};

/* In the child, on the parent's memory: system calls only. */
static void become(struct beginning *b)
{
	sigset_t none;

	sigemptyset(&none);
	(void)setsid();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == b->parent &&
	    dup2(b->in, 0) >= 0 && dup2(b->out, 1) >= 0 && dup2(b->err_out, 2) >= 0 &&
	    /* libcurl wakes itself by sockets without FD_CLOEXEC. */
	    close_range(3, ~0U, 0) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0)
		execve(b->c->argv[0], b->c->argv, b->environ);
	b->err = errno;
}

/* A process id or -errno. The ends of the pipes that are the child's are closed. */
static pid_t start(const struct child *c, int null, int out[2], int err[2])
{
	struct beginning b = {.c = c,
	                      .environ = c->environ != NULL ? c->environ : environ,
	                      .in = c->input > 0 ? c->input : null,
	                      .out = out[1],
	                      .err_out = err[1],
	                      .parent = getpid(),
	                      .err = 0};
	sigset_t all, before;
	pid_t pid;

	/* No handler of ours may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = vfork();
	if (pid == 0) {
		become(&b);
		_exit(127);
	}
	if (pid < 0) {
		pid = -errno;
	} else if (b.err != 0) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		pid = -b.err;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(out[1]);
	close(err[1]);
	return pid;
}

/* Hand on what is there; at the end of it, or an error, the descriptor is closed. */
static void take(struct running *r, int i)
{
	child_output_fn *to = i == 0 ? r->c->out : r->c->err;
	char data[16384];
	ssize_t n = fd_read(r->fds[i], data, sizeof(data));

	if (n > 0 && to != NULL)
		to(r->c->output_ctx, data, (size_t)n);
	if (n <= 0 && n != -EAGAIN) {
		close(r->fds[i]);
		r->fds[i] = -1;
	}
}

static void stop(struct running *r, int result, int64_t now)
{
	if (r->result != 0)
		return;
	r->result = result;
	(void)kill(-r->pid, SIGTERM);
	r->kill_at_ns = now + GRACE_NS;
}

/* Wait for something; true once the child ended. */
static bool turn(struct running *r)
{
	struct pollfd fds[3] = {
	        {r->pidfd, POLLIN, 0}, {r->fds[0], POLLIN, 0}, {r->fds[1], POLLIN, 0}};
	int64_t now;

	if (poll(fds, 3, LOOK_MS) < 0)
		fds[0].revents = fds[1].revents = fds[2].revents = 0;
	for (int i = 0; i < 2; i++) {
		if (fds[i + 1].revents != 0)
			take(r, i);
	}
	now = clock_monotonic_ns();
	if (r->c->cancelled != NULL && r->c->cancelled(r->c->cancel_ctx))
		stop(r, -ECANCELED, now);
	if (r->stop_at_ns != 0 && r->stop_at_ns <= now)
		stop(r, -ETIMEDOUT, now);
	if (r->kill_at_ns != 0 && r->kill_at_ns <= now)
		(void)kill(-r->pid, SIGKILL);
	return fds[0].revents != 0;
}

/* What is left in the pipes; a process that left its session may hold them open for ever. */
static void drain(struct running *r)
{
	for (int i = 0; i < 2; i++) {
		struct pollfd fd = {r->fds[i], POLLIN, 0};

		while (r->fds[i] >= 0 && poll(&fd, 1, 0) > 0) {
			take(r, i);
			fd.fd = r->fds[i];
		}
		if (r->fds[i] >= 0)
			close(r->fds[i]);
	}
}

static int follow(const struct child *c, pid_t pid, int out, int err, int *status)
{
	int64_t now = clock_monotonic_ns();
	struct running r = {.c = c, .pid = pid, .fds = {out, err}};

	if (c->timeout_ms > 0)
		r.stop_at_ns = now + c->timeout_ms * MS_NS;
	r.pidfd = pidfd_open(pid, 0);
	if (r.pidfd < 0) {
		r.result = -errno;
		(void)kill(-pid, SIGKILL);
	} else {
		(void)fcntl(out, F_SETFL, O_NONBLOCK);
		(void)fcntl(err, F_SETFL, O_NONBLOCK);
		while (!turn(&r))
			;
		close(r.pidfd);
	}
	drain(&r);
	/* Before its number is free for another. */
	(void)kill(-pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0) {
		if (errno != EINTR)
			return r.result != 0 ? r.result : -errno;
	}
	return r.result;
}

int child_run(const struct child *c, int *status)
{
	int out[2] = {-1, -1}, err[2] = {-1, -1}, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int result = 0;
	pid_t pid;

	*status = 0;
	if (null < 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
		result = -errno;
		for (int i = 0; i < 2; i++) {
			if (out[i] >= 0)
				close(out[i]);
		}
	} else {
		pid = start(c, null, out, err);
		if (pid < 0) {
			close(out[0]);
			close(err[0]);
			result = pid;
		} else {
			result = follow(c, pid, out[0], err[0], status);
		}
	}
	if (null >= 0)
		close(null);
	return result;
}

int child_input(const char *data, size_t n)
{
	int fd = memfd_create("input", MFD_CLOEXEC), err = fd < 0 ? -errno : 0;

	if (err == 0)
		err = fd_write_all(fd, data, n);
	if (err == 0 && lseek(fd, 0, SEEK_SET) != 0)
		err = -errno;
	if (err == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}

bool child_find(const char *name, struct str *path)
{
	const char *dirs = getenv("PATH");

	if (strchr(name, '/') != NULL) {
		str_adds(path, name);
		return access(name, X_OK) == 0;
	}
	if (dirs == NULL || *dirs == '\0')
		dirs = DEFAULT_PATH;
	for (;;) {
		size_t n = strcspn(dirs, ":");

		str_reset(path);
		str_addf(path, "%.*s/%s", n > 0 ? (int)n : 1, n > 0 ? dirs : ".", name);
		if (access(path->p, X_OK) == 0)
			return true;
		if (dirs[n] == '\0')
			break;
		dirs += n + 1;
	}
	str_reset(path);
	return false;
}

void child_keep(void *ctx, const char *data, size_t n)
{
	str_add(ctx, data, n);
}
