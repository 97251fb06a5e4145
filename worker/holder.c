#include "worker/holder.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "worker/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_NAME "supervisor.sock"
#define ANSWER_MS 20000
#define END_MS 15000
#define LATER_MAX 4096
#define SECONDS_MAX INT64_C(1000000000)
#define SECOND_NS INT64_C(1000000000)

void holder_init(struct holder *h)
{
	channel_init(&h->channel);
	str_init(&h->instance);
	str_init(&h->later);
	h->child = 0;
}

void holder_release(struct holder *h)
{
	channel_release(&h->channel);
	str_release(&h->instance);
	str_release(&h->later);
}

/* Nothing lasts longer than thirty years. */
static uint64_t in_ns(int64_t seconds)
{
	return (uint64_t)(seconds < SECONDS_MAX ? seconds : SECONDS_MAX) * (uint64_t)SECOND_NS;
}

/* By the descriptor of the directory, because the path may be longer than an address. */
static bool address_of(const char *work, struct sockaddr_un *address, int *dir)
{
	*dir = open(work, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return false;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/" SOCKET_NAME,
	         *dir);
	return true;
}

/* A connected socket or -errno. */
static int connect_to(const char *work)
{
	struct sockaddr_un address;
	int dir, fd, err = 0;

	if (!address_of(work, &address, &dir))
		return -errno;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		err = -errno;
		if (fd >= 0)
			close(fd);
	}
	close(dir);
	return err != 0 ? err : fd;
}

static int listen_at(const char *work)
{
	struct sockaddr_un address;
	int dir, fd, err = 0;

	if (!address_of(work, &address, &dir))
		return -errno;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)unlink(address.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(address.sun_path, 0600) != 0 || listen(fd, 4) != 0) {
		err = -errno;
		if (fd >= 0)
			close(fd);
	}
	close(dir);
	return err != 0 ? err : fd;
}

/* Our environment without the token; the array is the caller's. */
static char **environment_without_token(void)
{
	size_t n = 0, kept = 0;
	char **list;

	while (environ[n] != NULL)
		n++;
	list = xreallocarray(NULL, n + 1, sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		if (strncmp(environ[i], "SCITQ_TOKEN=", 12) != 0)
			list[kept++] = environ[i];
	}
	list[kept] = NULL;
	return list;
}

/* A process id or -errno. */
static pid_t start_supervisor(const char *work, int listener)
{
	char program[] = "scitq-worker", argument[] = SUPERVISOR_ARGUMENT;
	char *directory = xstrdup(work);
	char *argv[] = {program, argument, directory, NULL};
	char **environment = environment_without_token();
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	struct str log = STR_INIT;
	sigset_t none;
	pid_t pid;
	int err;

	str_addf(&log, "%s/supervisor.log", work);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, listener, SUPERVISOR_SOCKET_FD);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, log.p, O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	posix_spawn_file_actions_addchdir_np(&files, work);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	err = posix_spawn(&pid, "/proc/self/exe", &files, &attr, argv, environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	str_release(&log);
	free(environment);
	free(directory);
	return err != 0 ? -err : pid;
}

/* Wait for a frame: as channel_take, 0 where the other end closed, -2 where it says nothing. */
static int await(struct channel *c, struct message *m)
{
	int64_t deadline = clock_monotonic_ns() + ANSWER_MS * INT64_C(1000000);
	int got, alive = 1;

	while ((got = channel_take(c, m)) == 0 && alive > 0) {
		struct pollfd fd = {c->fd, POLLIN, 0};
		int64_t left = (deadline - clock_monotonic_ns()) / 1000000;

		if (left <= 0)
			return -2;
		if (poll(&fd, 1, (int)left) < 0 && errno != EINTR)
			return -2;
		alive = channel_fill(c);
	}
	return got;
}

/* 1 where it welcomed us, 0 where it closed the connection, negative where it must not be used. */
static int greet(struct holder *h, int fd, const struct holder_setup *setup, const struct log *log,
                 holder_task_fn *each, void *ctx)
{
	struct message m;
	uint64_t version, n;
	size_t begun;
	int got;

	channel_open(&h->channel, fd);
	str_reset(&h->later);
	begun = message_begin(&h->channel.out, MESSAGE_HELLO);
	message_add_number(&h->channel.out, MESSAGE_VERSION);
	message_add_number(&h->channel.out, in_ns(setup->agentless_s));
	message_add_text(&h->channel.out, setup->gpus);
	message_end(&h->channel.out, begun);
	if (channel_flush(&h->channel) < 0)
		return 0;
	got = await(&h->channel, &m);
	if (got == -2)
		log_error(log, "the supervisor does not answer");
	if (got <= 0)
		return got;
	version = message_number(&m);
	if (m.type != MESSAGE_WELCOME || version != MESSAGE_VERSION) {
		log_error(log, "tasks of another version of scitq-worker run here; start that one, "
		               "or wait until they end");
		return -1;
	}
	str_reset(&h->instance);
	str_adds(&h->instance, message_text(&m));
	n = message_number(&m);
	for (uint64_t i = 0; i < n; i++) {
		struct holder_task task;

		got = await(&h->channel, &m);
		if (got <= 0 || m.type != MESSAGE_TASK)
			return got <= 0 ? got : -1;
		task.id = message_number(&m);
		task.state = (enum held_state)message_number(&m);
		task.note = message_bytes(&m, &task.note_len);
		task.pid = (pid_t)message_number(&m);
		message_ending(&m, &task.ending);
		each(ctx, &task);
	}
	return 1;
}

/* A supervisor of ours that ended is no process any more. */
static void reap(struct holder *h)
{
	if (h->child > 0 && waitpid(h->child, NULL, WNOHANG) != 0)
		h->child = 0;
}

bool holder_open(struct holder *h, const struct holder_setup *setup, const struct log *log,
                 holder_task_fn *each, void *ctx, bool *fresh)
{
	const char *work = setup->work;
	int fd = connect_to(work), got = 0, listener;

	*fresh = false;
	if (fd >= 0)
		got = greet(h, fd, setup, log, each, ctx);
	if (got != 0)
		return got > 0;
	*fresh = true;
	listener = listen_at(work);
	if (listener < 0) {
		log_error(log, "cannot listen in %s: %s", work, strerror(-listener));
		return false;
	}
	reap(h);
	h->child = start_supervisor(work, listener);
	close(listener);
	if (h->child < 0) {
		log_error(log, "cannot start the supervisor: %s", strerror(-h->child));
		return false;
	}
	fd = connect_to(work);
	got = fd < 0 ? 0 : greet(h, fd, setup, log, each, ctx);
	if (got == 0)
		log_error(log, "the supervisor ended at once; see supervisor.log in %s", work);
	return got > 0;
}

void holder_end(struct holder *h, const char *work)
{
	int64_t deadline = clock_monotonic_ns() + END_MS * INT64_C(1000000);
	struct sockaddr_un address;
	int dir, alive = 1;

	if (h->channel.fd < 0)
		return;
	message_end(&h->channel.out, message_begin(&h->channel.out, MESSAGE_END));
	while (alive > 0) {
		int full = channel_flush(&h->channel);
		struct pollfd fd = {h->channel.fd, POLLIN, 0};
		int64_t left = (deadline - clock_monotonic_ns()) / 1000000;

		if (full < 0 || left <= 0)
			break;
		if (full > 0)
			fd.events |= POLLOUT;
		if (poll(&fd, 1, (int)left) < 0 && errno != EINTR)
			break;
		if (fd.revents & (POLLIN | POLLHUP | POLLERR))
			alive = channel_fill(&h->channel);
	}
	channel_close(&h->channel);
	reap(h);
	if (address_of(work, &address, &dir)) {
		(void)unlink(address.sun_path);
		close(dir);
	}
}

void holder_start(struct holder *h, const struct holder_start *start)
{
	const struct command *command = start->command;
	struct str *out = &h->channel.out;
	size_t m = message_begin(out, MESSAGE_START);

	message_add_number(out, start->id);
	message_add_real(out, start->weight);
	message_add_number(out, start->gpus);
	message_add_number(out, in_ns(start->timeout_s));
	message_add_number(out, in_ns(start->grace_s));
	message_add_number(out, start->limits.memory);
	message_add_real(out, start->limits.cpus);
	message_add_text(out, start->directory);
	message_add_text(out, command->directory);
	message_add_number(out, command->contained);
	message_add_number(out, (uint64_t)start->shield);
	message_add_texts(out, start->lent->paths.v, start->lent->paths.n);
	message_add_texts(out, command->words, command->nwords);
	message_add_texts(out, command->fallback, command->nfallback);
	message_add_texts(out, command->variables, command->nvariables);
	message_add_bytes(out, start->note->p, start->note->len);
	message_end(out, m);
}

void holder_signal(struct holder *h, uint64_t id, int sig, enum stop_cause cause, int64_t grace_s)
{
	struct str *out = &h->channel.out;
	size_t m = message_begin(out, MESSAGE_SIGNAL);

	message_add_number(out, id);
	message_add_number(out, (uint64_t)sig);
	message_add_number(out, (uint64_t)cause);
	message_add_number(out, in_ns(grace_s));
	message_end(out, m);
}

void holder_note(struct holder *h, uint64_t id, const struct str *note)
{
	struct str *out = &h->channel.out;
	size_t m = message_begin(out, MESSAGE_NOTE);

	message_add_number(out, id);
	message_add_bytes(out, note->p, note->len);
	message_end(out, m);
}

void holder_forget(struct holder *h, uint64_t id)
{
	size_t m = message_begin(&h->later, MESSAGE_FORGET);

	message_add_number(&h->later, id);
	message_end(&h->later, m);
}

void holder_lease(struct holder *h, int64_t until_boot_ns, int64_t lease_ns)
{
	size_t m = message_begin(&h->channel.out, MESSAGE_LEASE);

	message_add_number(&h->channel.out, (uint64_t)until_boot_ns);
	message_add_number(&h->channel.out, (uint64_t)lease_ns);
	message_end(&h->channel.out, m);
}

int holder_flush(struct holder *h, bool all)
{
	if (h->later.len > 0 && (all || h->channel.out.len > 0 || h->later.len > LATER_MAX)) {
		str_add(&h->channel.out, h->later.p, h->later.len);
		str_reset(&h->later);
	}
	return h->channel.out.len == 0 ? 0 : channel_flush(&h->channel);
}
