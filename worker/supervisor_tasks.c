/* The supervisor's processes: started, signalled, reaped, and killed where they are left over. */
#include "worker/supervisor_inside.h"

#include "base/clock.h"
#include "base/gpus.h"
#include "worker/cgroup_file.h"
#include "worker/runner.h"
#include "worker/spawn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Killed processes that do not die for this long (in the kernel) are left alone. */
#define CLEAR_NS (10 * SECOND_NS)

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
	supervisor_say_exited(s, h);
}

static void start_task(struct supervisor *s, struct held *h)
{
	struct spawn spawn;
	const char *failed;
	pid_t pid;

	if (!held_take_gpus(h, s->gpus.p, &s->running)) {
		h->ending.start_errno = ENODEV;
		h->ending.failed = "give it its GPUs";
		end_task(s, &s->waiting, h);
		return;
	}
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
	if (h->group != NULL)
		h->sample_at_ns = cgroup_sample_next(h->started_ns, h->started_ns);
	if (h->timeout_ns > 0)
		h->term_at_ns = h->started_ns + h->timeout_ns;
	supervisor_say_started(s, h);
}

/* An agent that came back with fewer GPUs: they would wait for ever, and others behind them. */
static void fail_unable(struct supervisor *s)
{
	size_t most = gpus_count(s->gpus.p);

	for (size_t i = s->waiting.n; i-- > 0;) {
		struct held *h = s->waiting.v[i];

		if (h->claim.gpus > most)
			start_task(s, h);
	}
}

/* Start what fits. */
void supervisor_refill(struct supervisor *s)
{
	fail_unable(s);
	while (!s->ending && s->waiting.n > 0) {
		ptrdiff_t next = held_list_pick(&s->waiting, &s->running, s->gpus.p);

		if (next < 0)
			return;
		start_task(s, s->waiting.v[next]);
	}
}

static struct tree_seed seed_of(const struct held *h)
{
	return (struct tree_seed){h->pid, h->marker, getpid(), !h->reaped};
}

void supervisor_signal_task(struct supervisor *s, struct held *h, int sig)
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
void supervisor_stop_task(struct supervisor *s, struct held *h, int sig, enum stop_cause cause,
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
	supervisor_signal_task(s, h, sig);
	if (grace_ns > 0) {
		int64_t kill_at = clock_monotonic_ns() + grace_ns;

		if (h->kill_at_ns == 0 || kill_at < h->kill_at_ns)
			h->kill_at_ns = kill_at;
	}
}

void supervisor_stop_all(struct supervisor *s, enum stop_cause cause, int64_t grace_ns)
{
	while (s->waiting.n > 0)
		supervisor_stop_task(s, s->waiting.v[s->waiting.n - 1], SIGTERM, cause, 0);
	for (size_t i = 0; i < s->running.n; i++) {
		if (s->running.v[i]->ending.cause == STOP_NONE)
			supervisor_stop_task(s, s->running.v[i], SIGTERM, cause, grace_ns);
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

void supervisor_settle(struct supervisor *s)
{
	for (size_t i = s->running.n; i-- > 0;) {
		struct held *h = s->running.v[i];

		if (h->reaped && is_clear(s, h))
			end_task(s, &s->running, h);
	}
}

void supervisor_reap(struct supervisor *s)
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
		h->term_at_ns = h->kill_at_ns = h->sample_at_ns = 0;
	}
}

/* Have every container removed, and wait until those who do it have ended. */
void supervisor_end_containers(struct supervisor *s)
{
	int64_t until = clock_monotonic_ns() + CLEAR_NS;
	bool any = true;

	for (size_t i = 0; i < s->running.n; i++) {
		if (s->running.v[i]->contained)
			supervisor_signal_task(s, s->running.v[i], SIGKILL);
	}
	while (any && clock_monotonic_ns() < until) {
		supervisor_reap(s);
		any = false;
		for (size_t i = 0; i < s->running.n; i++)
			any = any || (s->running.v[i]->contained && !s->running.v[i]->reaped);
		if (any)
			poll(NULL, 0, 5);
	}
}

/* Kill every process below this one; for the end only. */
void supervisor_kill_all(struct supervisor *s)
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
