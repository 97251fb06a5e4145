#include "runtime/local.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/state_dir.h"
#include "client/state_server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)
/* Until a server holds its lock, and until it has read its database. */
#define START_TIMEOUT_NS (30 * SECOND_NS)
#define LOAD_TIMEOUT_NS (600 * SECOND_NS)
#define START_TRIES 5
#define FEW_BLOCKS 16 /* less than a database begins with */
#define START_PAUSE_MS 50
/* One that ends sooner has failed to start. */
#define SOON_NS (5 * SECOND_NS)

extern char **environ;

static bool fail(struct str *error, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool fail(struct str *error, const char *fmt, ...)
{
	va_list ap;

	str_reset(error);
	va_start(ap, fmt);
	str_vaddf(error, fmt, ap);
	va_end(ap);
	return false;
}

bool local_init(struct local *l, const char *state, struct str *error)
{
	struct str path = STR_INIT;
	int err;

	memset(l, 0, sizeof(*l));
	str_init(&l->url);
	str_init(&l->token);
	l->server.pidfd = -1;
	l->run_lock = -1;
	for (int i = 0; i < LOCAL_WORKERS; i++)
		l->workers[i].pidfd = -1;
	if (state != NULL)
		str_adds(&path, state);
	else if (!state_dir_default(&path))
		return fail(error, "neither XDG_STATE_HOME nor HOME is set; give --state DIR");
	err = dir_make(path.p, 0700);
	if (err == 0 && (l->state = realpath(path.p, NULL)) == NULL)
		err = -errno;
	if (err != 0)
		fail(error, "cannot make the state directory %s: %s", path.p, strerror(-err));
	str_release(&path);
	return err == 0;
}

static void forget(struct companion *c)
{
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pid = 0;
	c->pidfd = -1;
}

void local_release(struct local *l)
{
	forget(&l->server);
	for (int i = 0; i < LOCAL_WORKERS; i++)
		forget(&l->workers[i]);
	if (l->run_lock >= 0)
		close(l->run_lock);
	free(l->state);
	str_release(&l->url);
	str_release(&l->token);
}

void companion_reap(struct companion *c, struct str *how)
{
	int status = 0;
	pid_t got;

	do
		got = waitpid(c->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		str_addf(how, "vanished: %s", strerror(errno));
	else if (WIFSIGNALED(status))
		str_addf(how, "was killed by signal %d", WTERMSIG(status));
	else
		str_addf(how, "ended with exit code %d", WEXITSTATUS(status));
	c->failures = clock_monotonic_ns() - c->started_ns < SOON_NS ? c->failures + 1 : 0;
	forget(c);
}

int local_spawn(char *const argv[], const char *log, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attr, &none);
	sigfillset(&all);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
	                                        POSIX_SPAWN_SETSIGDEF);
	err = posix_spawn(pid, "/proc/self/exe", &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

/* Run our own binary under another name, to be watched. */
static bool start(struct local *l, struct companion *c, char *const argv[], const char *log,
                  struct str *error)
{
	struct str path = STR_INIT;
	int err;

	str_addf(&path, "%s/%s", l->state, log);
	err = local_spawn(argv, path.p, &c->pid);
	str_release(&path);
	if (err != 0) {
		c->pid = 0;
		return fail(error, "cannot start %s: %s", argv[0], strerror(err));
	}
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd < 0)
		return fail(error, "cannot watch %s: %s", argv[0], strerror(errno));
	c->started_ns = clock_monotonic_ns();
	return true;
}

/* True where another process holds the flock on this file of the state directory. */
static bool lock_is_held(const struct local *l, const char *name)
{
	struct str path = STR_INIT;
	bool held = false;
	int fd;

	str_addf(&path, "%s/%s", l->state, name);
	fd = open(path.p, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		held = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
		close(fd);
	}
	str_release(&path);
	return held;
}

static int open_run_lock(const struct local *l, const char *name, int flags)
{
	struct str path = STR_INIT;
	int fd, err;

	str_addf(&path, "%s/run", l->state);
	err = dir_make(path.p, 0700);
	str_addf(&path, "/%s.lock", name);
	fd = err == 0 ? open(path.p, flags | O_CLOEXEC, 0600) : -1;
	if (err == 0 && fd < 0)
		err = -errno;
	str_release(&path);
	return err == 0 ? fd : err;
}

int local_hold(struct local *l, const char *name)
{
	int fd = open_run_lock(l, name, O_RDWR | O_CREAT), err = 0;

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_SH) != 0 && err == 0)
		err = errno == EINTR ? 0 : -errno;
	if (err != 0) {
		close(fd);
		return err;
	}
	if (l->run_lock >= 0)
		close(l->run_lock);
	l->run_lock = fd;
	return 0;
}

bool local_is_left(const struct local *l, const char *name)
{
	int fd = open_run_lock(l, name, O_RDWR | O_CREAT);
	bool left = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

	if (fd >= 0)
		close(fd);
	return left;
}

bool local_is_full(const struct local *l)
{
	struct statvfs disk;

	return statvfs(l->state, &disk) == 0 && disk.f_bavail < FEW_BLOCKS;
}

void local_add_last_line(const struct local *l, const char *name, struct str *out)
{
	struct str path = STR_INIT, text = STR_INIT;
	const char *line;

	str_addf(&path, "%s/%s", l->state, name);
	if (file_read(path.p, &text) == 0) {
		while (text.len > 0 && text.p[text.len - 1] == '\n')
			text.p[--text.len] = '\0';
		line = strrchr(text.p, '\n');
		if (text.len > 0)
			str_addf(out, "; last line of %s: %s", path.p, line ? line + 1 : text.p);
	}
	/* A log on a full disk says nothing. */
	if (local_is_full(l))
		str_addf(out, "; no space is left in %s", l->state);
	str_release(&path);
	str_release(&text);
}

/* Read server.json; true where it names the process that holds the lock now. */
static bool read_server_file(struct local *l)
{
	return state_server(l->state, &l->url, &l->token, &l->pid) && l->pid > 0 &&
	       (kill((pid_t)l->pid, 0) == 0 || errno == EPERM);
}

static bool drain_events(int fd)
{
	char events[4096];
	ssize_t n;

	do
		n = fd_read(fd, events, sizeof(events));
	while (n > 0);
	return n == 0 || n == -EAGAIN;
}

enum waited { SERVER_READY, SERVER_ENDED, SERVER_FAILED };

static bool server_answers(struct local *l, bool *held)
{
	*held = lock_is_held(l, "server.lock");
	return *held && read_server_file(l);
}

/*
 * Wait until server.json names a living server. A server removes the file that a
 * killed one left as soon as it holds the lock, so what is read under a held lock
 * is its own. SERVER_ENDED: ours did, or somebody else's; `error` says how.
 */
static enum waited wait_for_server(struct local *l, int watch, struct str *error)
{
	int64_t began = clock_monotonic_ns();
	bool held;

	while (!server_answers(l, &held)) {
		struct pollfd fds[2] = {{watch, POLLIN, 0}, {l->server.pidfd, POLLIN, 0}};
		int64_t deadline = began + (held ? LOAD_TIMEOUT_NS : START_TIMEOUT_NS);
		int64_t left = (deadline - clock_monotonic_ns()) / 1000000;

		/* The one that held the lock went away, and nobody has started another. */
		if (!held && l->server.pid == 0) {
			fail(error, "the private server in %s ended", l->state);
			return SERVER_ENDED;
		}
		if (left <= 0) {
			fail(error, "the private server in %s does not answer", l->state);
			return SERVER_FAILED;
		}
		/* That a lock is let go is written nowhere that we could watch. */
		if (poll(fds, 2, left < 1000 ? (int)left : 1000) < 0 && errno != EINTR) {
			fail(error, "poll: %s", strerror(errno));
			return SERVER_FAILED;
		}
		if (!drain_events(watch)) {
			fail(error, "cannot watch %s", l->state);
			return SERVER_FAILED;
		}
		if (fds[1].revents != 0) {
			struct str how = STR_INIT;

			companion_reap(&l->server, &how);
			fail(error, "the private server %s", how.p);
			local_add_last_line(l, "server.log", error);
			str_release(&how);
			/* Somebody else was quicker and holds the lock: join that one. */
			if (!lock_is_held(l, "server.lock"))
				return SERVER_ENDED;
		}
	}
	return SERVER_READY;
}

bool local_server_runs(const struct local *l)
{
	return lock_is_held(l, "server.lock");
}

bool local_server(struct local *l, struct str *error)
{
	char server[] = "scitq-server", private_[] = "--private", state[] = "--state";
	char providers[] = "--providers", advertise[] = "--advertise";
	char *argv[9] = {server, private_, state, l->state};
	int argc = 4;
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	enum waited waited = SERVER_ENDED;

	if (l->providers != NULL) {
		argv[argc++] = providers;
		argv[argc++] = (char *)(uintptr_t)l->providers;
	}
	if (l->advertise != NULL) {
		argv[argc++] = advertise;
		argv[argc++] = (char *)(uintptr_t)l->advertise;
	}
	if (watch < 0 || inotify_add_watch(watch, l->state, IN_MOVED_TO | IN_CLOSE_WRITE) < 0) {
		fail(error, "cannot watch %s: %s", l->state, strerror(errno));
		if (watch >= 0)
			close(watch);
		return false;
	}
	/*
	 * Of several that start at one moment one gets the database and a little later
	 * server.lock; who looks in between finds neither a server nor a place for one.
	 */
	for (int tries = 0; waited == SERVER_ENDED && tries < START_TRIES; tries++) {
		struct pollfd event = {watch, POLLIN, 0};

		if (tries > 0)
			(void)poll(&event, 1, START_PAUSE_MS << tries);
		if (l->server.pid == 0 && !lock_is_held(l, "server.lock") &&
		    !start(l, &l->server, argv, "server.log", error))
			break;
		waited = wait_for_server(l, watch, error);
	}
	close(watch);
	l->unfit = waited == SERVER_READY && l->providers != NULL &&
	           !state_server_provides(l->state, l->providers);
	if (l->unfit)
		return fail(error,
		            "the private server in %s runs already, without provider %s: let its "
		            "runs end first, or give this one another directory, --state DIR",
		            l->state, l->providers);
	return waited == SERVER_READY;
}

static void worker_name(int i, char name[24])
{
	assert(i >= 0 && i < LOCAL_WORKERS);
	if (i == 0)
		snprintf(name, 24, "local");
	else
		snprintf(name, 24, "local-%d", i + 1);
}

bool local_worker_runs(const struct local *l, int i)
{
	char name[24], lock[64];

	worker_name(i, name);
	snprintf(lock, sizeof(lock), "worker/%s/agent.lock", name);
	return l->workers[i].pid != 0 || lock_is_held(l, lock);
}

bool local_worker(struct local *l, int i, int concurrency, struct str *error)
{
	char worker[] = "scitq-worker", private_[] = "--private", state[] = "--state";
	char name_option[] = "-n", batch_option[] = "-b", batch[] = "*";
	char gpus_option[] = "--gpus", none[] = "0";
	char name[24], count[16];
	/* Who is there already gives out all GPUs, however many are to join him. */
	char *argv[] = {worker,
	                l->url.p,
	                count,
	                batch_option,
	                batch,
	                name_option,
	                name,
	                private_,
	                state,
	                l->state,
	                i > 0 ? gpus_option : NULL,
	                none,
	                NULL};

	worker_name(i, name);
	snprintf(count, sizeof(count), "%d", concurrency);
	return local_worker_runs(l, i) || start(l, &l->workers[i], argv, "worker.log", error);
}
