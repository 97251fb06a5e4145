#include "runtime/session.h"

#include "base/clock.h"
#include "model/digest.h"
#include "model/member.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define CALL_TIMEOUT_MS 60000
#define PAGE 1000 /* rows of a list that are asked for at a time */
#define LONGEST_WAIT_MS 10000
#define RESTARTS 20 /* of the private server in one call */
#define WORKER_FAILURES 10
/* Until a server that nobody is attached to has ended. */
#define UNFIT_NS (INT64_C(5) * 1000000000)
#define UNFIT_LOOK_MS 50

bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	s->exit_code = (int)code;
	str_reset(&s->error);
	va_start(ap, fmt);
	str_vaddf(&s->error, fmt, ap);
	va_end(ap);
	return false;
}

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

#define ENDS (sizeof(ends) / sizeof(ends[0]))

static void interrupted_early(int signal)
{
	(void)signal;
	_exit(EXIT_CODE_INTERRUPTED);
}

/* nohup and `command &` in a script ignore signals for us: that stays so. */
static bool is_ignored(int signal)
{
	struct sigaction now;

	return sigaction(signal, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* Before anything is submitted there is nothing to put in order: the process just ends. */
static void end_on_signals(void)
{
	struct sigaction end = {.sa_handler = interrupted_early};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	for (size_t i = 0; i < ENDS; i++) {
		if (!is_ignored(ends[i]))
			sigaction(ends[i], &end, NULL);
	}
	/* A reader of our output that went away is an error of the write. */
	sigaction(SIGPIPE, &ignore, NULL);
}

bool session_watch(struct session *s)
{
	sigemptyset(&s->heard);
	for (size_t i = 0; i < ENDS; i++) {
		if (!is_ignored(ends[i]))
			sigaddset(&s->heard, ends[i]);
	}
	sigaddset(&s->heard, SIGWINCH);
	if (sigprocmask(SIG_BLOCK, &s->heard, &s->mask_before) != 0 ||
	    (s->signals = signalfd(-1, &s->heard, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return session_fail(s, EXIT_CODE_INFRASTRUCTURE, "signalfd: %s", strerror(errno));
	return true;
}

void session_hear_interrupt(struct session *s, bool heard)
{
	sigset_t interrupt, others = s->heard;

	if (!sigismember(&s->heard, SIGINT))
		return;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigdelset(&others, SIGINT);
	/* One that is blocked would wait, though it is ignored. */
	sigprocmask(heard ? SIG_BLOCK : SIG_UNBLOCK, &interrupt, NULL);
	(void)signalfd(s->signals, heard ? &s->heard : &others, 0);
}

static bool start_workers(struct session *s)
{
	int each = s->workers > 0 ? s->cpus / s->workers : 0;
	struct str why = STR_INIT;
	bool ok = true;

	for (int i = 0; i < s->workers && ok; i++)
		ok = local_worker(&s->local, i, each > 0 ? each : 1, &why);
	if (!ok)
		session_fail(s, EXIT_CODE_INFRASTRUCTURE, "%s", why.p);
	str_release(&why);
	return ok;
}

/* One that nobody is attached to ends when it is left; true where it has. */
static bool leave_unfit(struct session *s)
{
	const struct server_access access = {.server = s->local.url.p, .token = s->local.token.p};
	const int64_t until = clock_monotonic_ns() + UNFIT_NS;
	struct client client;
	bool left;

	client_init(&client, &access);
	left = client_call(&client, "POST", "/private/leave", NULL, CALL_TIMEOUT_MS, NULL) ==
	       CLIENT_OK;
	client_release(&client);
	while (left && local_server_runs(&s->local) && clock_monotonic_ns() < until)
		(void)poll(NULL, 0, UNFIT_LOOK_MS);
	return left && !local_server_runs(&s->local);
}

/* That one server is gone is told once. */
static void tell_gone(struct session *s, const char *how)
{
	progress_say(s->progress, "! the private server %s; starting it again", how);
	s->answered = 0;
}

bool session_restore(struct session *s)
{
	struct str why = STR_INIT;
	bool ok = local_server(&s->local, &why) ||
	          (s->local.unfit && leave_unfit(s) && local_server(&s->local, &why));

	if (ok) {
		/* When it was looked at it held its lock still, though it answered no more. */
		if (s->answered != 0 && s->answered != s->local.pid)
			tell_gone(s, "is gone");
		client_release(&s->client);
		client_init(&s->client, &(struct server_access){.server = s->local.url.p,
		                                                .token = s->local.token.p});
		ok = start_workers(s);
	} else {
		session_fail(s, EXIT_CODE_INFRASTRUCTURE, "%s", why.p);
	}
	str_release(&why);
	return ok;
}

bool session_open(struct session *s, const struct server_access *team,
                  const struct session_private *own, struct progress *progress)
{
	const struct server_access nobody = {.server = "127.0.0.1"};
	struct str why = STR_INIT;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	bool ok;

	memset(s, 0, sizeof(*s));
	str_init(&s->error);
	s->progress = progress;
	s->signals = -1;
	random_hex(s->who, sizeof(s->who) - 1);
	s->cpus = cpus > 0 ? (int)cpus : 1;
	s->private_server = team->server == NULL;
	if (s->private_server)
		s->workers = own->workers >= 0 ? own->workers : own->recruit == NULL;
	client_init(&s->client, s->private_server ? &nobody : team);
	if (!local_init(&s->local, own->state, &why)) {
		session_fail(s, EXIT_CODE_INFRASTRUCTURE, "%s", why.p);
		str_release(&why);
		return false;
	}
	s->local.providers = own->recruit;
	s->local.advertise = own->advertise;
	str_release(&why);
	end_on_signals();
	if (s->private_server)
		return session_restore(s);
	/* A team's server that does not answer now is told at once, not waited for. */
	switch (client_call(&s->client, "GET", "/runs/?limit=1", NULL, CALL_TIMEOUT_MS, NULL)) {
	case CLIENT_OK:
		ok = true;
		break;
	case CLIENT_UNAUTHORIZED:
		ok = session_fail(s, EXIT_CODE_SERVER, "%s; set SCITQ_TOKEN", s->client.error.p);
		break;
	default:
		ok = session_fail(s, EXIT_CODE_SERVER, "%s", s->client.error.p);
	}
	return ok;
}

void session_close(struct session *s)
{
	/* Nobody answers: then there is nobody to tell. */
	if (s->private_server && s->local.url.len > 0)
		(void)client_call(&s->client, "POST", "/private/leave", NULL, 5000, NULL);
	client_release(&s->client);
	local_release(&s->local);
	if (s->signals >= 0) {
		/* Nothing is left to put in order: a signal may end us. */
		sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
		close(s->signals);
	}
	str_release(&s->error);
}

int session_wait(struct session *s, const int *fds, size_t nfds, int timeout_ms)
{
	struct pollfd polled[LOCAL_WORKERS + 8];
	struct signalfd_siginfo info;
	size_t n = 0;

	polled[n++] = (struct pollfd){s->signals, POLLIN, 0};
	polled[n++] = (struct pollfd){s->local.server.pidfd, POLLIN, 0};
	for (int i = 0; i < LOCAL_WORKERS; i++) {
		if (s->local.workers[i].pidfd >= 0)
			polled[n++] = (struct pollfd){s->local.workers[i].pidfd, POLLIN, 0};
	}
	for (size_t i = 0; i < nfds && n < sizeof(polled) / sizeof(polled[0]); i++)
		polled[n++] = (struct pollfd){fds[i], POLLIN, 0};
	if (poll(polled, n, timeout_ms) <= 0)
		return 0;
	if ((polled[0].revents & POLLIN) == 0 ||
	    read(s->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	if (info.ssi_signo != SIGWINCH)
		s->interrupted = true;
	return (int)info.ssi_signo;
}

static bool has_ended(const struct companion *c)
{
	struct pollfd p = {c->pidfd, POLLIN, 0};

	return c->pid != 0 && poll(&p, 1, 0) == 1;
}

/* One that another run started in the same moment is as good as ours. */
static bool tend_worker(struct session *s, int i, struct str *how)
{
	struct companion *worker = &s->local.workers[i];

	if (!has_ended(worker))
		return true;
	str_reset(how);
	companion_reap(worker, how);
	if (local_worker_runs(&s->local, i))
		return true;
	if (worker->failures >= WORKER_FAILURES) {
		str_addf(how, " %u times soon after its start", worker->failures);
		local_add_last_line(&s->local, "worker.log", how);
		return session_fail(s, EXIT_CODE_INFRASTRUCTURE, "local worker %d %s", i + 1,
		                    how->p);
	}
	progress_say(s->progress, "! local worker %d %s; starting it again", i + 1, how->p);
	return true;
}

bool session_tend(struct session *s)
{
	struct str how = STR_INIT;
	bool server_ended = has_ended(&s->local.server), ok = true;

	if (server_ended) {
		companion_reap(&s->local.server, &how);
		/* Ours may have come second to another's, which it left the place to. */
		server_ended = !local_server_runs(&s->local);
	}
	if (server_ended)
		tell_gone(s, how.p);
	for (int i = 0; ok && i < s->workers; i++)
		ok = tend_worker(s, i, &how);
	str_release(&how);
	if (!ok)
		return false;
	/* A worker that another run had started may be gone as well: its lock tells. */
	return server_ended ? session_restore(s) : start_workers(s);
}

/* After a call that found nobody: true when it is worth another one. */
static bool recover(struct session *s, int attempt)
{
	int wait_ms = attempt < 6 ? 100 << attempt : LONGEST_WAIT_MS;
	int signal;

	if (s->private_server) {
		if (attempt >= RESTARTS)
			return session_fail(s, EXIT_CODE_INFRASTRUCTURE,
			                    "the private server keeps ending; see %s/server.log",
			                    s->local.state);
		if (!session_tend(s))
			return false;
		/* One that another run had started: its end reaches nobody but whoever calls. */
		if (!local_server_runs(&s->local))
			tell_gone(s, "is gone");
		if (!session_restore(s))
			return false;
		wait_ms = attempt > 0 ? 50 << (attempt < 6 ? attempt : 6) : 0;
	} else if (attempt == 0) {
		progress_say(s->progress, "! %s; trying again", s->client.error.p);
	}
	signal = session_wait(s, NULL, 0, wait_ms);
	if (signal != 0 && signal != SIGWINCH)
		return session_fail(s, EXIT_CODE_INTERRUPTED,
		                    "interrupted while the server was away");
	return true;
}

bool session_call(struct session *s, const char *method, const char *path, const json_t *body,
                  json_t **reply)
{
	for (int attempt = 0;; attempt++) {
		switch (client_call(&s->client, method, path, body, CALL_TIMEOUT_MS, reply)) {
		case CLIENT_OK:
			s->answered = s->local.pid;
			return true;
		case CLIENT_UNREACHABLE:
			if (!recover(s, attempt))
				return false;
			break;
		case CLIENT_UNAUTHORIZED:
		case CLIENT_REFUSED:
		case CLIENT_BROKEN:
			return session_fail(s, EXIT_CODE_SERVER, "%s %s: %s", method, path,
			                    s->client.error.p);
		}
	}
}

bool session_rows(struct session *s, const char *path, const char *key, json_t *filter,
                  void (*each)(void *context, json_t *row), void *context)
{
	int64_t after = 0;
	size_t n;
	bool ok;

	json_object_set_new(filter, "limit", json_integer(PAGE));
	do {
		json_t *rows = NULL, *row;
		size_t i;

		json_object_set_new(filter, "after", json_integer(after));
		ok = session_call(s, "GET", path, filter, &rows);
		n = json_array_size(rows);
		json_array_foreach(rows, i, row)
		{
			each(context, row);
			after = member_int(row, key);
		}
		json_decref(rows);
	} while (ok && n == PAGE);
	json_decref(filter);
	return ok;
}

void session_forgive(struct session *s)
{
	s->exit_code = EXIT_CODE_OK;
	str_reset(&s->error);
}

/* PUT of a run whose end is no failure; *reply is then NULL. */
static bool put_run(struct session *s, int64_t run_id, const json_t *body, json_t **reply)
{
	char path[64];
	bool ok;

	snprintf(path, sizeof(path), "/runs/%lld", (long long)run_id);
	ok = session_call(s, "PUT", path, body, reply);
	if (!ok && s->client.status == 409) {
		session_forgive(s);
		ok = true;
	}
	return ok;
}

bool session_set_run(struct session *s, int64_t run_id, json_t *body)
{
	bool ok = put_run(s, run_id, body, NULL);

	json_decref(body);
	return ok;
}

bool session_detach(struct session *s, int64_t run_id)
{
	return session_set_run(s, run_id, json_pack("{s:b, s:s}", "detached", 1, "left", s->who));
}

bool session_leave(struct session *s, int64_t run_id, int64_t *others)
{
	json_t *body = json_pack("{s:s}", "left", s->who), *reply = NULL;
	bool ok = put_run(s, run_id, body, &reply);
	const char *status;

	status = json_string_value(json_object_get(reply, "status"));
	*others = status != NULL && (strcmp(status, "running") == 0 ||
	                             strcmp(status, "submitting") == 0)
	                  ? json_integer_value(json_object_get(reply, "followers"))
	                  : 0;
	json_decref(body);
	json_decref(reply);
	return ok;
}
