#include "worker/runner.h"

#include "base/arena.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/engine.h"
#include "base/fd.h"
#include "base/gpus.h"
#include "worker/container.h"
#include "worker/container_usage.h"
#include "worker/held.h"
#include "worker/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What cannot be caught has another that can. */
#define KILL_SIGNAL SIGRTMIN
#define PAUSE_SIGNAL SIGTSTP
#define ENGINE_MS 20000
/* The engine's processes end a little after the container. */
#define SETTLE_NS (5 * INT64_C(1000000000))
#define SETTLE_STEP_NS INT64_C(20000000)
#define MAKING_NS (10 * INT64_C(1000000000))
#define SIGNALS 64
#define REMOVE_TRIES 5
#define REMOVE_WAIT_MS 200
#define RECORD 8192 /* of the kernel's log, at most */
#define CODE_ENGINE 125

struct runner {
	const char *engine, *name, *directory;
	pid_t client; /* the engine's run command */
	bool ended;   /* it was reaped */
	int status;
	bool paused, killed;
	bool by_hand;   /* paused by signals: the engine could not */
	bool signalled; /* a signal was handed on: the client may have ended in the middle of things
	                 */
	bool left;      /* the container could not be removed */
	bool made;      /* the engine told its number */
	struct str id;  /* then */
	struct container_usage usage;
	int waiting; /* a signal that waits until it is made; 0: none */
	int64_t wait_until_ns;
};

int runner_signal(int sig)
{
	return sig == SIGKILL ? KILL_SIGNAL : sig == SIGSTOP ? PAUSE_SIGNAL : sig;
}

/* ENGINE COMMAND... NAME; what it printed, on either side. False where it failed. */
static bool ask_engine(const struct runner *r, const char *command, const char *option,
                       struct str *said)
{
	char *const argv[] = {(char *)r->engine, (char *)command,
	                      (char *)(option != NULL ? option : r->name),
	                      option != NULL ? (char *)r->name : NULL, NULL};
	struct child c = {.argv = argv,
	                  .out = child_keep,
	                  .err = child_keep,
	                  .output_ctx = said,
	                  .timeout_ms = ENGINE_MS};
	int status, err = child_run(&c, &status);

	if (err != 0)
		str_addf(said, "%s: %s\n", r->engine, strerror(-err));
	return err == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* To each process of the container, which is there as a descendant of its first. */
static bool signal_by_hand(const struct runner *r, int sig)
{
	struct str said = STR_INIT;
	struct tree_seed seed = {0};

	if (ask_engine(r, "inspect", "--format={{.State.Pid}}", &said))
		seed.root = (pid_t)strtol(said.p, NULL, 10);
	str_release(&said);
	return seed.root > 1 && tree_signal(&seed, sig) > 0;
}

/* Without privileges and version 2 of control groups podman cannot. What goes wrong is said where
   the task's errors go. */
static void pause_container(struct runner *r)
{
	struct str said = STR_INIT;

	r->by_hand = !ask_engine(r, "pause", NULL, &said);
	if (r->by_hand && !signal_by_hand(r, SIGSTOP))
		(void)fd_write_all(2, said.p, said.len);
	r->paused = true;
	str_release(&said);
}

static void resume(struct runner *r)
{
	struct str said = STR_INIT;

	if (r->paused &&
	    !(r->by_hand ? signal_by_hand(r, SIGCONT) : ask_engine(r, "unpause", NULL, &said)))
		(void)fd_write_all(2, said.p, said.len);
	r->paused = false;
	str_release(&said);
}

/* Whatever of it there is. Another process of the engine may be in the way for a moment. */
static void remove_container(struct runner *r)
{
	int err = -EAGAIN;

	for (int tries = 0; err != 0 && tries < REMOVE_TRIES; tries++) {
		if (tries > 0)
			poll(NULL, 0, REMOVE_WAIT_MS);
		err = container_remove(r->engine, &r->name, 1);
	}
	r->left = err != 0;
}

static void kill_container(struct runner *r)
{
	r->killed = true;
	/* First, so that it makes none after we looked. */
	if (!r->ended)
		(void)kill(r->client, SIGKILL);
	remove_container(r);
}

static void reap(struct runner *r)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == r->client) {
			r->ended = true;
			r->status = status;
		}
	}
}

/* The engine's number of the container, "" where none was made. */
static void read_id(const struct runner *r, struct str *id)
{
	struct str path = STR_INIT;

	str_reset(id);
	str_addf(&path, "%s/" RUNNER_ID_FILE, r->directory);
	if (file_read(path.p, id) != 0)
		str_reset(id);
	while (id->len > 0 && (unsigned char)id->p[id->len - 1] <= ' ')
		id->p[--id->len] = '\0';
	str_release(&path);
}

/* The client hands signals on, but for podman's without privileges, which ends at them itself. */
static bool hand_on(const struct runner *r, int sig)
{
	struct str said = STR_INIT, option = STR_INIT;
	bool ok = false;

	if (geteuid() != 0 && !engine_is_docker(r->engine)) {
		str_addf(&option, "--signal=%d", sig);
		ok = ask_engine(r, "kill", option.p, &said);
	}
	str_release(&option);
	str_release(&said);
	return ok;
}

static void deliver(struct runner *r, int sig)
{
	if (sig == KILL_SIGNAL) {
		if (!r->killed)
			kill_container(r);
	} else if (sig == PAUSE_SIGNAL) {
		if (!r->paused)
			pause_container(r);
	} else if (sig == SIGCONT) {
		resume(r);
	} else if (!r->ended) {
		/* What is paused hears it when it goes on. */
		if (!hand_on(r, sig)) {
			r->signalled = true;
			(void)kill(r->client, sig);
		}
		if (sig == SIGTERM)
			resume(r);
	}
}

/*
 * A client that is interrupted while a daemon makes its container leaves one that nobody can
 * name yet: until there is a number, signals wait.
 */
static void hear(struct runner *r, int sig)
{
	if (sig == SIGCHLD) {
		reap(r);
	} else if (r->made) {
		deliver(r, sig);
	} else if (r->waiting == 0) {
		r->waiting = sig;
		r->wait_until_ns = clock_monotonic_ns() + MAKING_NS;
	} else if (r->waiting != KILL_SIGNAL) {
		r->waiting = sig;
	}
}

static void look_for_id(struct runner *r)
{
	int sig = r->waiting;

	read_id(r, &r->id);
	r->made = r->id.len > 0;
	if (sig != 0 && (r->made || r->wait_until_ns <= clock_monotonic_ns())) {
		r->made = true;
		r->waiting = 0;
		deliver(r, sig);
	}
}

/* ENGINE run WORD... with the GPUs that the task was given, which the engine shows it alone. */
static char **show_gpus(char **argv, int argc, const char *engine, struct arena *arena)
{
	const char *gpus = getenv(HELD_GPUS);
	const size_t n = gpus != NULL ? gpus_count(gpus) : 0;
	char **words = arena_array(arena, char *, (size_t)argc + n + 3);
	const char *name;
	size_t k = 0, len;

	words[k++] = *argv++;
	words[k++] = *argv++;
	if (n > 0)
		words[k++] = arena_strdup(arena, "--env=" HELD_GPUS);
	/* The quotes are for a reader of comma-separated values. */
	if (n > 0 && engine_is_docker(engine))
		words[k++] = arena_printf(arena, "--gpus=\"device=%s\"", gpus);
	while (n > 0 && !engine_is_docker(engine) && (name = gpus_next(&gpus, &len)) != NULL)
		words[k++] = arena_printf(arena, "--device=nvidia.com/gpu=%.*s", (int)len, name);
	memcpy(words + k, argv, ((size_t)argc - 2 + 1) * sizeof(*argv));
	return words;
}

/* The engine's command with the signals that we block let through; a process id or -errno. */
static pid_t start(char **argv)
{
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int err;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	err = posix_spawn(&pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return err != 0 ? -err : pid;
}

/* The processes that the engine left behind us end by themselves; those that do not are left. */
static void settle(const sigset_t *all)
{
	int64_t until = clock_monotonic_ns() + SETTLE_NS;
	struct timespec step = {0, SETTLE_STEP_NS};
	pid_t pid;

	do {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0)
			return;
		(void)sigtimedwait(all, NULL, &step);
	} while (clock_monotonic_ns() < until);
}

/*
 * Whether the kernel killed a process in the control group of this container for lack of memory.
 * The group is gone by now and engines forget it too, but the kernel's log names it.
 */
static bool ran_out_of_memory(const char *id)
{
	char record[RECORD + 1];
	bool found = false;
	ssize_t n;
	int fd;

	if (*id == '\0')
		return false;
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (!found) {
		n = fd_read(fd, record, RECORD);
		if (n == -EPIPE) /* overwritten while we read: the next one */
			continue;
		if (n <= 0)
			break;
		record[n] = '\0';
		found = strstr(record, "oom-kill:") != NULL && strstr(record, id) != NULL;
	}
	close(fd);
	return found;
}

static void note_end(const struct runner *r, const char *word)
{
	struct str path = STR_INIT;
	int fd;

	str_addf(&path, "%s/" RUNNER_END_FILE, r->directory);
	fd = open(path.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0) {
		(void)fd_write_all(fd, word, strlen(word));
		close(fd);
	}
	str_release(&path);
}

/* End as something did that this signal ended; returns where the signal ends nothing. */
static void die_by(int sig)
{
	const struct rlimit no_core = {0, 0};
	sigset_t only;

	sigemptyset(&only);
	sigaddset(&only, sig);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)signal(sig, SIG_DFL); /* sanitizers have theirs */
	(void)raise(sig);
	(void)sigprocmask(SIG_UNBLOCK, &only, NULL);
}

static bool ends_a_process(int sig)
{
	return sig != SIGCHLD && sig != SIGCONT && sig != SIGURG && sig != SIGWINCH &&
	       sig != SIGSTOP && sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU;
}

/* What the client's end says of the container's. */
static int finish(struct runner *r)
{
	const char *word = RUNNER_END_GONE;
	int code = 0, sig = 0;

	read_id(r, &r->id);
	/* Left to itself the client removes the container. */
	if (!r->killed &&
	    (WIFSIGNALED(r->status) || r->signalled || WEXITSTATUS(r->status) == CODE_ENGINE))
		remove_container(r);
	if (WIFSIGNALED(r->status)) {
		sig = r->killed ? SIGKILL : WTERMSIG(r->status);
	} else {
		code = WEXITSTATUS(r->status);
		/* As a shell says it: the engine has no other way. */
		if (r->killed || (code > 128 && code <= 128 + SIGNALS))
			sig = r->killed ? SIGKILL : code - 128;
		if (code == CODE_ENGINE && r->id.len == 0)
			word = RUNNER_END_ENGINE;
		else if (code != 0 && !r->killed && ran_out_of_memory(r->id.p))
			word = RUNNER_END_MEMORY;
	}
	/* Without a note whoever cleans up looks for it. */
	if (!r->left)
		note_end(r, word);
	(void)container_usage_write(&r->usage, r->directory);
	container_usage_release(&r->usage);
	str_release(&r->id);
	if (sig != 0 && ends_a_process(sig))
		die_by(sig);
	return code;
}

/* Until something is to be done that no signal announces. */
static struct timespec time_to_wait(const struct runner *r)
{
	int64_t ns = r->usage.next_ns - clock_monotonic_ns();

	if (r->waiting != 0 && ns > SETTLE_STEP_NS)
		ns = SETTLE_STEP_NS;
	if (ns < 0)
		ns = 0;
	return (struct timespec){ns / INT64_C(1000000000), ns % INT64_C(1000000000)};
}

int runner_main(int argc, char **argv)
{
	struct runner r = {0};
	struct arena arena;
	sigset_t all;
	pid_t supervisor = getppid();

	if (argc < 6) {
		fprintf(stderr, "scitq-worker: " RUNNER_ARGUMENT " is for scitq-worker alone\n");
		return 2;
	}
	r.engine = argv[2];
	r.name = argv[3];
	r.directory = argv[4];
	str_init(&r.id);
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ||
	    prctl(PR_SET_PDEATHSIG, KILL_SIGNAL) != 0 || getppid() != supervisor) {
		fprintf(stderr, "scitq-worker: cannot prepare a container: %s\n", strerror(errno));
		return CODE_ENGINE;
	}
	argv[4] = argv[2]; /* the engine's words begin with its name */
	arena_init(&arena);
	r.client = start(show_gpus(argv + 4, argc - 4, r.engine, &arena));
	arena_release(&arena);
	if (r.client < 0) {
		fprintf(stderr, "%s: %s\n", r.engine, strerror(-r.client));
		note_end(&r, RUNNER_END_ENGINE);
		return CODE_ENGINE;
	}
	while (!r.ended) {
		const struct timespec step = time_to_wait(&r);
		int sig = sigtimedwait(&all, NULL, &step);

		if (!r.made)
			look_for_id(&r);
		if (clock_monotonic_ns() >= r.usage.next_ns)
			container_usage_look(&r.usage, r.id.p, clock_monotonic_ns());
		if (sig > 0)
			hear(&r, sig);
	}
	settle(&all);
	return finish(&r);
}
