#include "worker/supervisor.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "model/digest.h"
#include "worker/boot.h"
#include "worker/channel.h"
#include "worker/held.h"
#include "worker/runner.h"
#include "worker/slots.h"
#include "worker/spawn.h"
#include "worker/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)
/* Without a word from any agent, before the first lease is known. */
#define FIRST_AGENT_NS (60 * SECOND_NS)
/* Killed processes that do not die for this long (in the kernel) are left alone. */
#define CLEAR_NS (10 * SECOND_NS)
#define CLEAR_STEP_NS (5 * INT64_C(1000000))
#define INSTANCE_DIGITS 32
/* A start is told with the end that may follow at once. */
#define START_COLLECT_NS (3 * INT64_C(1000000))
/* While so many other tasks wait that the agent need not hear of any one. */
#define BUSY_COLLECT_NS (10 * INT64_C(1000000))

struct supervisor {
	struct log log;
	char instance[INSTANCE_DIGITS + 1];
	int signals, listener, null, children;
	struct channel agent;
	bool welcomed; /* the agent was told of all tasks: from here on of what changes */
	struct held_list waiting, running, ended; /* running: also while leftovers are killed */
	struct cgroups groups;
	char **environment;     /* what every task gets beside its own */
	struct arena scratch;   /* of one start */
	struct pids pids;       /* scratch */
	int64_t expires_ns;     /* end of the lease, boot time; 0: not told yet */
	int64_t lease_ns;       /* its length */
	int64_t agentless_ns;   /* survived without an agent; 0: up to the lease */
	int64_t alone_since_ns; /* boot time; 0: an agent is there */
	int64_t flush_at_ns;    /* when to send what was said; 0: nothing was */
	bool ending;
};

/* What was said is to be sent within so long. */
static void flush_within(struct supervisor *s, int64_t ns)
{
	int64_t at = clock_monotonic_ns() + ns;

	if (s->flush_at_ns == 0 || at < s->flush_at_ns)
		s->flush_at_ns = at;
}

static bool is_busy(const struct supervisor *s)
{
	return s->waiting.n >= 2 * s->running.n + 2;
}

static void say_started(struct supervisor *s, const struct held *h)
{
	size_t m;

	if (s->agent.fd < 0 || !s->welcomed)
		return;
	m = message_begin(&s->agent.out, MESSAGE_STARTED);
	message_add_number(&s->agent.out, h->id);
	message_add_number(&s->agent.out, (uint64_t)h->pid);
	message_end(&s->agent.out, m);
	flush_within(s, is_busy(s) ? BUSY_COLLECT_NS : START_COLLECT_NS);
}

static void say_exited(struct supervisor *s, const struct held *h)
{
	size_t m;

	if (s->agent.fd < 0 || !s->welcomed)
		return;
	m = message_begin(&s->agent.out, MESSAGE_EXITED);
	message_add_number(&s->agent.out, h->id);
	message_add_ending(&s->agent.out, &h->ending);
	message_end(&s->agent.out, m);
	flush_within(s, is_busy(s) ? BUSY_COLLECT_NS : 0);
}

/* Move a task of `from` to those that ended, and tell the agent. */
static void end_task(struct supervisor *s, struct held_list *from, struct held *h)
{
	held_leave_group(h, &s->groups);
	held_list_remove(from, h);
	held_end(h);
	if (h->forgotten) {
		held_free(h);
		return;
	}
	vec_push(&s->ended, h);
	say_exited(s, h);
}

static void start_task(struct supervisor *s, struct held *h)
{
	struct spawn spawn;
	const char *failed;
	pid_t pid;

	arena_clear(&s->scratch);
	held_spawn(h, s->environment, &s->scratch, &spawn);
	spawn.null = s->null;
	if (!held_enter_group(h, &s->groups, &spawn)) {
		end_task(s, &s->waiting, h);
		return;
	}
	h->started_ns = clock_monotonic_ns();
	pid = spawn_start(&spawn, &failed);
	if (pid < 0) {
		h->ending.start_errno = -pid;
		h->ending.failed = failed;
		end_task(s, &s->waiting, h);
		return;
	}
	held_list_remove(&s->waiting, h);
	vec_push(&s->running, h);
	h->state = HELD_RUNNING;
	h->pid = pid;
	h->ending.started = true;
	if (h->timeout_ns > 0)
		h->term_at_ns = h->started_ns + h->timeout_ns;
	say_started(s, h);
}

/* Start what fits. */
static void refill(struct supervisor *s)
{
	while (!s->ending && s->waiting.n > 0) {
		ptrdiff_t next = held_list_pick(&s->waiting, &s->running);

		if (next < 0)
			return;
		start_task(s, s->waiting.v[next]);
	}
}

static struct tree_seed seed_of(const struct held *h)
{
	return (struct tree_seed){h->pid, h->marker, getpid(), !h->reaped};
}

static void signal_task(struct supervisor *s, struct held *h, int sig)
{
	struct tree_seed seed = seed_of(h);
	ssize_t n;

	/* What it started is its own to signal. */
	if (h->contained && !h->reaped) {
		(void)kill(h->pid, runner_signal(sig));
		return;
	}
	if (h->group != NULL && (sig == SIGSTOP || sig == SIGCONT) &&
	    cgroup_freeze(&s->groups, h->group, sig == SIGSTOP) == 0)
		return;
	n = h->group != NULL ? cgroup_signal(&s->groups, h->group, sig) : tree_signal(&seed, sig);
	if (n < 0)
		log_error(&s->log, "cannot find the processes of execution %llu: %s",
		          (unsigned long long)h->id, strerror((int)-n));
}

/* A signal from the agent, a timeout or the end of the lease. */
static void stop_task(struct supervisor *s, struct held *h, int sig, enum stop_cause cause,
                      int64_t grace_ns)
{
	if (h->state == HELD_ENDED)
		return;
	if (cause != STOP_NONE && h->ending.cause == STOP_NONE)
		h->ending.cause = cause;
	if (h->state == HELD_WAITING) {
		if (cause != STOP_NONE)
			end_task(s, &s->waiting, h);
		else if (sig == SIGSTOP || sig == SIGCONT)
			h->claim.frozen = sig == SIGSTOP;
		return;
	}
	signal_task(s, h, sig);
	if (grace_ns > 0) {
		int64_t kill_at = clock_monotonic_ns() + grace_ns;

		if (h->kill_at_ns == 0 || kill_at < h->kill_at_ns)
			h->kill_at_ns = kill_at;
	}
}

static void stop_all(struct supervisor *s, enum stop_cause cause, int64_t grace_ns)
{
	while (s->waiting.n > 0)
		stop_task(s, s->waiting.v[s->waiting.n - 1], SIGTERM, cause, 0);
	for (size_t i = 0; i < s->running.n; i++) {
		if (s->running.v[i]->ending.cause == STOP_NONE)
			stop_task(s, s->running.v[i], SIGTERM, cause, grace_ns);
	}
}

/* The children that are no task's first process: adopted orphans. False where there are none. */
static bool find_orphans(struct supervisor *s)
{
	size_t kept = 0;
	int err;

	s->pids.n = 0;
	err = tree_children(s->children, &s->pids);
	if (err != 0)
		log_error(&s->log, "cannot list children: %s", strerror(-err));
	for (size_t i = 0; i < s->pids.n; i++) {
		if (!held_list_has_pid(&s->running, s->pids.v[i]))
			s->pids.v[kept++] = s->pids.v[i];
	}
	s->pids.n = kept;
	return kept > 0;
}

/*
 * The first process of the task was reaped: true where nothing of it lives.
 * What lives is killed; this is asked again until it is gone.
 */
static bool is_clear(struct supervisor *s, struct held *h)
{
	struct tree_seed seed = seed_of(h);
	ssize_t left;

	if (h->group == NULL && !find_orphans(s))
		return true;
	left = h->group != NULL ? cgroup_signal(&s->groups, h->group, SIGKILL)
	                        : tree_signal(&seed, SIGKILL);
	if (h->group != NULL && left == 0)
		return true;
	if (left == 0) {
		/* Orphans without session and marker of a task: with no other task, they are its.
		 */
		for (size_t i = 0; i < s->running.n; i++) {
			if (s->running.v[i] != h) {
				h->ending.strays = true;
				return true;
			}
		}
		for (size_t i = 0; i < s->pids.n; i++)
			(void)kill(s->pids.v[i], SIGKILL);
	}
	if (clock_monotonic_ns() < h->clear_by_ns)
		return false;
	log_error(&s->log, "processes of execution %llu do not die", (unsigned long long)h->id);
	h->ending.strays = true;
	return true;
}

static void settle(struct supervisor *s)
{
	for (size_t i = s->running.n; i-- > 0;) {
		struct held *h = s->running.v[i];

		if (h->reaped && is_clear(s, h))
			end_task(s, &s->running, h);
	}
}

static void reap(struct supervisor *s)
{
	struct rusage usage, self;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		struct held *h = held_list_find_pid(&s->running, pid);

		if (h == NULL)
			continue;
		h->reaped = true;
		h->ending.status = status;
		h->ending.duration_ns = (uint64_t)(clock_monotonic_ns() - h->started_ns);
		h->ending.cpu_us =
		        (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
		        (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
		/* Until it executed, the child counted our own memory as its. */
		if (getrusage(RUSAGE_SELF, &self) == 0 && usage.ru_maxrss > self.ru_maxrss)
			h->ending.peak_memory = (uint64_t)usage.ru_maxrss * 1024;
		h->clear_by_ns = clock_monotonic_ns() + CLEAR_NS;
		h->term_at_ns = h->kill_at_ns = 0;
	}
}

/* Have every container removed, and wait until those who do it have ended. */
static void end_containers(struct supervisor *s)
{
	int64_t until = clock_monotonic_ns() + CLEAR_NS;
	bool any = true;

	for (size_t i = 0; i < s->running.n; i++) {
		if (s->running.v[i]->contained)
			signal_task(s, s->running.v[i], SIGKILL);
	}
	while (any && clock_monotonic_ns() < until) {
		reap(s);
		any = false;
		for (size_t i = 0; i < s->running.n; i++)
			any = any || (s->running.v[i]->contained && !s->running.v[i]->reaped);
		if (any)
			poll(NULL, 0, 5);
	}
}

/* Kill every process below this one; for the end only. */
static void kill_everything(struct supervisor *s)
{
	int64_t until = clock_monotonic_ns() + CLEAR_NS;

	for (;;) {
		pid_t pid;

		s->pids.n = 0;
		if (tree_children(s->children, &s->pids) != 0)
			s->pids.n = 0;
		for (size_t i = 0; i < s->pids.n; i++) {
			struct tree_seed seed = {s->pids.v[i], NULL, getpid(), false};

			(void)kill(s->pids.v[i], SIGKILL);
			(void)tree_signal(&seed, SIGKILL);
		}
		do
			pid = waitpid(-1, NULL, WNOHANG);
		while (pid > 0);
		if ((pid < 0 && errno == ECHILD) || clock_monotonic_ns() > until)
			return;
		poll(NULL, 0, 5);
	}
}

static struct held *find(struct supervisor *s, uint64_t id)
{
	struct held *h = held_list_find(&s->running, id);

	if (h == NULL)
		h = held_list_find(&s->waiting, id);
	return h != NULL ? h : held_list_find(&s->ended, id);
}

static void say_welcome(struct supervisor *s)
{
	struct held_list *lists[] = {&s->waiting, &s->running, &s->ended};
	struct str *out = &s->agent.out;
	size_t m = message_begin(out, MESSAGE_WELCOME);

	message_add_number(out, MESSAGE_VERSION);
	message_add_text(out, s->instance);
	message_add_number(out, s->waiting.n + s->running.n + s->ended.n);
	message_end(out, m);
	for (size_t l = 0; l < 3; l++) {
		for (size_t i = 0; i < lists[l]->n; i++) {
			const struct held *h = lists[l]->v[i];

			m = message_begin(out, MESSAGE_TASK);
			message_add_number(out, h->id);
			message_add_number(out, (uint64_t)h->state);
			message_add_bytes(out, h->note.p, h->note.len);
			message_add_number(out, (uint64_t)h->pid);
			message_add_ending(out, &h->ending);
			message_end(out, m);
		}
	}
	s->welcomed = true;
	flush_within(s, 0);
}

static void forget(struct supervisor *s, struct held *h)
{
	switch (h->state) {
	case HELD_WAITING:
		held_list_remove(&s->waiting, h);
		held_free(h);
		break;
	case HELD_RUNNING:
		h->forgotten = true;
		signal_task(s, h, SIGKILL);
		break;
	case HELD_ENDED:
		held_list_remove(&s->ended, h);
		held_free(h);
		break;
	}
}

/* False where the frame is not one that an agent sends. */
static bool obey(struct supervisor *s, struct message *m)
{
	struct held *h;
	uint64_t number;

	if (m->type == MESSAGE_START) {
		h = held_new(m);
		if (h == NULL)
			return false;
		vec_push(&s->waiting, h);
		return true;
	}
	if (m->type == MESSAGE_END) {
		s->ending = true;
		return true;
	}
	number = message_number(m);
	switch (m->type) {
	case MESSAGE_HELLO:
		s->agentless_ns = (int64_t)message_number(m);
		say_welcome(s);
		return number == MESSAGE_VERSION && !m->broken;
	case MESSAGE_LEASE:
		s->expires_ns = (int64_t)number;
		s->lease_ns = (int64_t)message_number(m);
		return !m->broken;
	case MESSAGE_SIGNAL: {
		int sig = (int)message_number(m);
		enum stop_cause cause = (enum stop_cause)message_number(m);
		int64_t grace_ns = (int64_t)message_number(m);

		h = find(s, number);
		if (!m->broken && h != NULL)
			stop_task(s, h, sig, cause, grace_ns);
		return !m->broken;
	}
	case MESSAGE_NOTE: {
		size_t n;
		const char *note = message_bytes(m, &n);

		h = find(s, number);
		if (!m->broken && h != NULL) {
			str_reset(&h->note);
			str_add(&h->note, note, n);
		}
		return !m->broken;
	}
	case MESSAGE_FORGET:
		h = find(s, number);
		if (h != NULL)
			forget(s, h);
		return !m->broken;
	default:
		return false;
	}
}

static void lose_agent(struct supervisor *s)
{
	channel_close(&s->agent);
	s->flush_at_ns = 0;
	s->alone_since_ns = clock_boot_ns();
}

static void hear_agent(struct supervisor *s)
{
	int alive = channel_fill(&s->agent), got;
	struct message m;

	while ((got = channel_take(&s->agent, &m)) > 0) {
		if (!obey(s, &m)) {
			got = -1;
			break;
		}
	}
	if (got < 0) {
		log_error(&s->log, "the agent says what this version does not understand");
		(void)channel_flush(&s->agent);
	}
	if (got < 0 || alive <= 0)
		lose_agent(s);
}

static void accept_agent(struct supervisor *s)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || peer.uid != geteuid()) {
		close(fd);
		return;
	}
	/* Agents hold a lock: an older one that is still connected is gone or stuck. */
	channel_open(&s->agent, fd);
	s->welcomed = false;
	s->alone_since_ns = 0;
}

/* Boot time after which no task may run; INT64_MAX where that is not known. */
static int64_t expiry(const struct supervisor *s)
{
	int64_t at = s->expires_ns > 0 ? s->expires_ns : INT64_MAX;

	if (s->alone_since_ns != 0) {
		int64_t survive = s->agentless_ns > 0 ? s->agentless_ns : FIRST_AGENT_NS;

		if ((s->agentless_ns > 0 || s->expires_ns == 0) && s->alone_since_ns + survive < at)
			at = s->alone_since_ns + survive;
	}
	return at;
}

/* Tasks get this long to end by themselves before the expiry. */
static int64_t expiry_grace(const struct supervisor *s)
{
	int64_t grace = 10 * SECOND_NS;

	if (s->lease_ns > 0 && s->lease_ns / 4 < grace)
		grace = s->lease_ns / 4;
	for (size_t i = 0; i < s->running.n; i++) {
		if (s->running.v[i]->grace_ns < grace)
			grace = s->running.v[i]->grace_ns;
	}
	return grace;
}

/* Do what time demands; nanoseconds until it is to be called again, -1: never. */
static int64_t keep_time(struct supervisor *s)
{
	int64_t now = clock_monotonic_ns(), at = expiry(s);
	int64_t next = s->flush_at_ns != 0 ? s->flush_at_ns : INT64_MAX;

	for (size_t i = 0; i < s->running.n; i++) {
		struct held *h = s->running.v[i];

		if (h->term_at_ns != 0 && h->term_at_ns <= now) {
			h->term_at_ns = 0;
			stop_task(s, h, SIGTERM, STOP_TIMEOUT, h->grace_ns);
		}
		if (h->kill_at_ns != 0 && h->kill_at_ns <= now) {
			signal_task(s, h, SIGKILL);
			h->kill_at_ns = now + SECOND_NS;
		}
		if (h->reaped && now + CLEAR_STEP_NS < next)
			next = now + CLEAR_STEP_NS;
		if (h->term_at_ns != 0 && h->term_at_ns < next)
			next = h->term_at_ns;
		if (h->kill_at_ns != 0 && h->kill_at_ns < next)
			next = h->kill_at_ns;
	}
	if (at != INT64_MAX) {
		int64_t boot = clock_boot_ns(), left = at - boot;
		int64_t grace = expiry_grace(s);

		if (left <= grace && s->running.n + s->waiting.n > 0)
			stop_all(s, STOP_LEASE, left > SECOND_NS / 10 ? left : SECOND_NS / 10);
		if (left <= 0 && s->alone_since_ns != 0 && s->running.n == 0)
			s->ending = true;
		left = left > grace && s->running.n > 0 ? left - grace : left;
		if (left > 0 && now + left < next)
			next = now + left;
	}
	return next == INT64_MAX ? -1 : next > now ? next - now : 0;
}

/* Send what was said, once it is time; the rest of it when the socket has room. */
static void flush(struct supervisor *s)
{
	if (s->agent.fd < 0 || s->flush_at_ns == 0 || s->flush_at_ns > clock_monotonic_ns())
		return;
	s->flush_at_ns = 0;
	if (channel_flush(&s->agent) < 0)
		lose_agent(s);
}

static void turn(struct supervisor *s)
{
	struct pollfd fds[3] = {
	        {s->signals, POLLIN, 0}, {s->listener, POLLIN, 0}, {s->agent.fd, POLLIN, 0}};
	int64_t wait = keep_time(s);
	struct timespec timeout = {wait / SECOND_NS, wait % SECOND_NS};
	struct signalfd_siginfo info;

	if (s->ending)
		return;
	/* It was full. */
	if (s->agent.fd >= 0 && s->agent.out.len > 0 && s->flush_at_ns == 0)
		fds[2].events |= POLLOUT;
	if (ppoll(fds, 3, wait < 0 ? NULL : &timeout, NULL) < 0) {
		if (errno != EINTR)
			log_error(&s->log, "poll: %s", strerror(errno));
		return;
	}
	if (fds[0].revents != 0) {
		while (fd_read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
			if (info.ssi_signo == SIGTERM)
				s->ending = true;
		}
		reap(s);
	}
	if (fds[2].revents & (POLLIN | POLLHUP | POLLERR))
		hear_agent(s);
	if (fds[2].revents & POLLOUT)
		flush_within(s, 0);
	if (fds[1].revents != 0)
		accept_agent(s);
	settle(s);
	refill(s);
	flush(s);
}

static bool prepare(struct supervisor *s)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t all, watched;

	/* What the tasks inherit: no descriptor, no ignored signal. */
	if (close_range(SUPERVISOR_SOCKET_FD + 1, ~0U, 0) != 0)
		return false;
	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &usual, NULL);
	sigfillset(&all);
	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGTERM);
	if (sigprocmask(SIG_SETMASK, &all, NULL) != 0)
		return false;
	s->signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
	s->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	s->listener = SUPERVISOR_SOCKET_FD;
	if (s->signals < 0 || s->null < 0 || fcntl(s->listener, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(s->listener, F_SETFL, O_NONBLOCK) != 0)
		return false;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		return false;
	s->children = tree_children_open();
	if (s->children < 0) {
		errno = -s->children;
		return false;
	}
	return true;
}

static void release(struct supervisor *s)
{
	struct held_list *lists[] = {&s->waiting, &s->running, &s->ended};

	for (size_t l = 0; l < 3; l++) {
		for (size_t i = 0; i < lists[l]->n; i++)
			held_free(lists[l]->v[i]);
		vec_release(lists[l]);
	}
	channel_release(&s->agent);
	vec_release(&s->pids);
	arena_release(&s->scratch);
	free(s->environment);
	close(s->listener);
	close(s->signals);
	close(s->null);
	close(s->children);
}

static void close_groups(struct supervisor *s)
{
	for (size_t i = 0; i < s->running.n; i++)
		held_leave_group(s->running.v[i], &s->groups);
	cgroups_close(&s->groups);
}

int supervisor_main(int argc, char **argv)
{
	struct supervisor s = {.agent = {.fd = -1}};
	struct str told = STR_INIT;

	log_init(&s.log, "supervisor", LOG_LEVEL_INFO, 2);
	if (argc != 3) {
		log_error(&s.log, "%s is for scitq-worker alone", argv[1]);
		return 2;
	}
	if (!prepare(&s)) {
		log_error(&s.log, "cannot start: %s", strerror(errno));
		return 1;
	}
	channel_init(&s.agent);
	arena_init(&s.scratch);
	random_hex(s.instance, INSTANCE_DIGITS);
	s.environment = held_environment(environ);
	cgroups_open(&s.groups, &told);
	log_info(&s.log, "%s", told.p);
	str_release(&told);
	s.alone_since_ns = clock_boot_ns();
	while (!s.ending)
		turn(&s);
	end_containers(&s);
	kill_everything(&s);
	close_groups(&s);
	release(&s);
	return 0;
}
