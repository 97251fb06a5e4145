#include "worker/supervisor.h"

#include "base/clock.h"
#include "base/fd.h"
#include "model/digest.h"
#include "worker/boot.h"
#include "worker/supervisor_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Without a word from any agent, before the first lease is known. */
#define FIRST_AGENT_NS (60 * SECOND_NS)
/* While something is left to be killed, how often it is looked for. */
#define CLEAR_STEP_NS (5 * INT64_C(1000000))

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
			supervisor_stop_task(s, h, SIGTERM, STOP_TIMEOUT, h->grace_ns);
		}
		if (h->kill_at_ns != 0 && h->kill_at_ns <= now) {
			supervisor_signal_task(s, h, SIGKILL);
			h->kill_at_ns = now + SECOND_NS;
		}
		if (h->sample_at_ns != 0 && h->sample_at_ns <= now)
			held_sample(h, &s->groups, now);
		if (h->sample_at_ns != 0 && h->sample_at_ns < next)
			next = h->sample_at_ns;
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
			supervisor_stop_all(s, STOP_LEASE,
			                    left > SECOND_NS / 10 ? left : SECOND_NS / 10);
		if (left <= 0 && s->alone_since_ns != 0 && s->running.n == 0)
			s->ending = true;
		left = left > grace && s->running.n > 0 ? left - grace : left;
		if (left > 0 && now + left < next)
			next = now + left;
	}
	return next == INT64_MAX ? -1 : next > now ? next - now : 0;
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
		supervisor_reap(s);
	}
	if (fds[2].revents & (POLLIN | POLLHUP | POLLERR))
		supervisor_hear(s);
	if (fds[2].revents & POLLOUT)
		supervisor_flush_within(s, 0);
	if (fds[1].revents != 0)
		supervisor_accept(s);
	supervisor_settle(s);
	supervisor_refill(s);
	supervisor_flush(s);
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
	str_release(&s->gpus);
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
	str_init(&s.gpus);
	random_hex(s.instance, INSTANCE_DIGITS);
	s.environment = held_environment(environ);
	cgroups_open(&s.groups, &told);
	log_info(&s.log, "%s", told.p);
	str_release(&told);
	s.alone_since_ns = clock_boot_ns();
	while (!s.ending)
		turn(&s);
	supervisor_end_containers(&s);
	supervisor_kill_all(&s);
	close_groups(&s);
	release(&s);
	return 0;
}
