#include "worker/agent.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/vec.h"
#include "worker/boot.h"
#include "worker/container.h"
#include "worker/join.h"
#include "worker/life.h"
#include "worker/session.h"
#include "worker/staging.h"
#include "worker/tree.h"
#include "worker/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* A private server that is away for so long is gone; so is an agent, for the supervisor. */
#define PRIVATE_AWAY_S 60
/* One that ended by itself needs no worker; who ended it by hand may start it again at once. */
#define PRIVATE_LEFT_NS (2 * SECOND_NS)
#define STOP_NS (8 * SECOND_NS)
/* One that leaves waits that long for answers, where those are all there is to wait for. */
#define LEAVE_NS SECOND_NS
#define POOL_THREADS_MAX 16
#define STRAYS_MS 5000
#define STRAYS_STEP_MS 100

enum source { SOURCE_HTTP, SOURCE_V1, SOURCE_HOLDER, SOURCE_POOL, SOURCE_INOTIFY, SOURCE_SIGNALS };

void recent_add(struct recent *r, int64_t id)
{
	r->ids[r->next] = id;
	r->next = (r->next + 1) % RECENT;
}

bool recent_has(const struct recent *r, int64_t id)
{
	for (unsigned i = 0; i < RECENT; i++) {
		if (r->ids[i] == id)
			return true;
	}
	return false;
}

void agent_end(struct agent *a, enum agent_end end, int exit_code)
{
	if (end <= a->end)
		return;
	a->end = end;
	a->exit_code = exit_code;
	a->end_by_ns = a->now_ns + (end == AGENT_STOPS ? STOP_NS : LEAVE_NS);
	if (end == AGENT_STOPS)
		life_stop_all(a);
}

/* Whether an end that was begun is reached. */
static bool is_over(struct agent *a)
{
	bool busy = false;

	if (a->end == AGENT_RUNS)
		return false;
	for (size_t i = 0; i < a->executions.n; i++)
		busy = busy || a->executions.v[i]->phase != PHASE_DONE;
	if (a->executions.n == 0 || a->end_by_ns <= a->now_ns)
		return true;
	/* Nothing can be told, or those who come after tell it. */
	return a->end == AGENT_STOPS ? !busy && !a->session.registered : busy;
}

static void adopt(void *ctx, const struct holder_task *task)
{
	life_adopt(ctx, task);
}

/* Containers of tasks that nobody holds. */
static void reap_containers(struct agent *a)
{
	int err = containers_reap(&a->engine, a->options->work.p);

	if (err != 0)
		log_error(a->log, "containers of former tasks cannot be removed: %s",
		          a->engine.missing.len > 0 ? a->engine.missing.p : strerror(-err));
}

/* Processes of tasks whose supervisor is gone. */
static void kill_strays(struct agent *a)
{
	struct str marker = STR_INIT;
	int64_t until = clock_monotonic_ns() + STRAYS_MS * MS_NS;
	struct tree_seed seed = {0};
	ssize_t left;

	str_addf(&marker, TREE_MARKER_NAME "=%s/", a->places.root);
	seed.marker = marker.p;
	/* Its control groups may be thawed once it has quite gone. */
	do {
		cgroups_sweep();
		left = tree_kill(&seed, STRAYS_STEP_MS);
	} while (left > 0 && clock_monotonic_ns() < until);
	if (left != 0)
		log_error(a->log, "processes of former tasks do not die");
	for (size_t i = 0; i < a->executions.n; i++) {
		struct execution *e = a->executions.v[i];
		struct tree_seed session = {.root = e->pid};

		/* What cleared its environment has the session still. */
		if (e->phase == PHASE_HELD && e->pid != 0)
			(void)tree_kill(&session, STRAYS_MS);
	}
	str_release(&marker);
	reap_containers(a);
}

static bool watch_holder(struct agent *a)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = SOURCE_HOLDER};

	return epoll_ctl(a->epoll, EPOLL_CTL_ADD, a->holder.channel.fd, &event) == 0;
}

static bool open_holder(struct agent *a, bool *fresh)
{
	const struct holder_setup setup = {
	        .work = a->options->work.p,
	        .agentless_s = a->options->private_mode ? PRIVATE_AWAY_S : 0,
	        .gpus = a->machine.gpus.p,
	};

	return holder_open(&a->holder, &setup, a->log, adopt, a, fresh) && watch_holder(a);
}

void agent_replace_supervisor(struct agent *a)
{
	bool fresh;

	log_error(a->log, "the supervisor died, and with it the tasks that it held");
	channel_close(&a->holder.channel);
	kill_strays(a);
	life_lose_held(a);
	if (a->end != AGENT_RUNS)
		return;
	if (!open_holder(a, &fresh)) {
		agent_end(a, AGENT_STOPS, 1);
		return;
	}
	session_move(a);
}

static void hear_holder(struct agent *a)
{
	struct channel *c = &a->holder.channel;
	int alive = channel_fill(c), got;
	struct ending ending;
	struct message m;
	uint64_t id;

	while ((got = channel_take(c, &m)) > 0) {
		id = message_number(&m);
		if (m.type == MESSAGE_STARTED) {
			life_started(a, id, (pid_t)message_number(&m));
		} else if (m.type == MESSAGE_EXITED) {
			message_ending(&m, &ending);
			life_exited(a, id, &ending);
		} else {
			got = -1;
			break;
		}
	}
	if (got < 0 || alive <= 0)
		agent_replace_supervisor(a);
}

static void hear_signals(struct agent *a)
{
	struct signalfd_siginfo info;

	while (fd_read(a->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		bool stop = info.ssi_signo != SIGTERM || a->options->private_mode;

		log_info(a->log, "signal %u: %s", info.ssi_signo,
		         stop ? "stopping the tasks" : "leaving what runs to the supervisor");
		agent_end(a, stop ? AGENT_STOPS : AGENT_LEAVES, 0);
	}
}

static void pause_inotify(struct agent *a, bool pause)
{
	struct epoll_event event = {.events = pause ? 0 : EPOLLIN, .data.u32 = SOURCE_INOTIFY};

	if (a->inotify_paused != pause &&
	    epoll_ctl(a->epoll, EPOLL_CTL_MOD, a->inotify, &event) == 0)
		a->inotify_paused = pause;
}

/* Milliseconds until something is to be done that no descriptor announces; -1: never. */
static int wait_ms(struct agent *a, int64_t next)
{
	int64_t left;

	next = earlier(next, session_next(a));
	next = earlier(next, a->look_at_ns);
	next = earlier(next, a->trim_at_ns);
	next = earlier(next, a->end_by_ns);
	if (next == 0)
		return -1;
	left = next - clock_monotonic_ns();
	return left <= 0                 ? 0
	       : left > 3600 * SECOND_NS ? 3600 * 1000
	                                 : (int)((left + MS_NS - 1) / MS_NS);
}

/* When a private server has been away for so long that it does not come back; 0: never. */
static int64_t private_deadline(const struct agent *a)
{
	const struct session *s = &a->session;
	int64_t since =
	        (s->contact_boot_ns != 0 ? s->contact_boot_ns : s->begun_boot_ns) - clock_boot_ns();

	/* Polls are answered late: only calls that fail count. */
	if (!a->options->private_mode || !s->lost || a->end != AGENT_RUNS)
		return 0;
	if (s->left_ns != 0 && a->executions.n == 0)
		return s->left_ns + PRIVATE_LEFT_NS;
	return a->now_ns + since + PRIVATE_AWAY_S * SECOND_NS;
}

/* What time demands; when it demands more, 0: never. */
static int64_t keep_time(struct agent *a)
{
	int64_t next = life_keep_time(a), gone = private_deadline(a);

	if (a->look_at_ns != 0 && a->look_at_ns <= a->now_ns) {
		watch_look(a);
		pause_inotify(a, false);
	}
	if (a->trim_at_ns != 0 && a->trim_at_ns <= a->now_ns) {
		a->trim_at_ns = 0;
		(void)holder_flush(&a->holder, true);
		if (a->executions.n == 0)
			places_trim(&a->places);
	}
	if (gone != 0 && gone <= a->now_ns) {
		log_warn(a->log, "the private server is gone");
		agent_end(a, AGENT_STOPS, 0);
		gone = 0;
	}
	a->over = a->over || is_over(a);
	return earlier(next, gone);
}

static void turn(struct agent *a)
{
	struct epoll_event events[8];
	int64_t next = keep_time(a);
	int n;

	session_step(a);
	if (holder_flush(&a->holder, false) < 0 && a->holder.channel.fd >= 0)
		agent_replace_supervisor(a);
	if (a->over)
		return;
	n = epoll_wait(a->epoll, events, 8, wait_ms(a, next));
	if (n < 0 && errno != EINTR)
		log_error(a->log, "epoll_wait: %s", strerror(errno));
	a->now_ns = clock_monotonic_ns();
	for (int i = 0; i < n; i++) {
		switch ((enum source)events[i].data.u32) {
		case SOURCE_HTTP:
			http_multi_run(a->http);
			break;
		case SOURCE_V1:
			v1_collect(a->v1);
			break;
		case SOURCE_HOLDER:
			if (a->holder.channel.fd >= 0)
				hear_holder(a);
			break;
		case SOURCE_POOL:
			pool_collect(a->pool, a);
			life_listen(a);
			break;
		case SOURCE_INOTIFY:
			pause_inotify(a, true);
			watch_changed(a);
			break;
		case SOURCE_SIGNALS:
			hear_signals(a);
			break;
		}
	}
}

static bool add_source(struct agent *a, int fd, enum source source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)source};

	return fd >= 0 && epoll_ctl(a->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* The calls go to a thread that polls a server of v1. */
static bool speak_v1(struct agent *a)
{
	a->v1 = v1_new(a->options, a->log);
	return a->v1 != NULL && add_source(a, v1_fd(a->v1), SOURCE_V1);
}

/* One agent for a directory; -1 with a line in the log where another has it. */
static int lock_directory(const struct options *o, const struct log *log)
{
	struct str path = STR_INIT;
	int fd;

	str_addf(&path, "%s/agent.lock", o->work.p);
	fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		log_error(log, "cannot open %s: %s", path.p, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		log_error(log, "another scitq-worker runs in %s", o->work.p);
		close(fd);
		fd = -1;
	}
	str_release(&path);
	return fd;
}

/* Before any thread is made and SIGCHLD is ignored. */
static void probe(struct agent *a)
{
	struct str why = STR_INIT;

	a->shield = shield_probe(a->options->work.p, &why);
	if (a->shield == SHIELD_NONE)
		log_warn(a->log, "local inputs are copied, they cannot be made read-only here (%s)",
		         why.p);
	str_release(&why);
}

static bool prepare(struct agent *a)
{
	int64_t threads = a->options->concurrency + a->options->prefetch + 2;
	struct str why = STR_INIT;
	sigset_t watched;
	bool fresh;
	int err;

	probe(a);
	sigemptyset(&watched);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGHUP);
	/* Blocked before the first thread is made; the status of helpers is not thrown away. */
	if (pthread_sigmask(SIG_BLOCK, &watched, NULL) != 0 ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return false;
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	a->signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
	a->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	a->http = http_multi_new();
	a->pool = pool_new((unsigned)(threads < POOL_THREADS_MAX ? threads : POOL_THREADS_MAX));
	err = places_init(&a->places, a->options->work.p);
	if (a->epoll < 0 || a->pool == NULL || !add_source(a, a->signals, SOURCE_SIGNALS) ||
	    !add_source(a, a->inotify, SOURCE_INOTIFY) ||
	    !add_source(a, http_multi_fd(a->http), SOURCE_HTTP) ||
	    !add_source(a, pool_fd(a->pool), SOURCE_POOL) || (a->options->v1 && !speak_v1(a))) {
		log_error(a->log, "cannot start: %s", strerror(errno));
		return false;
	}
	if (err != 0) {
		log_error(a->log, "cannot make %s: %s", a->places.root, strerror(-err));
		return false;
	}
	if (!engine_init(&a->engine, &why)) {
		log_error(a->log, "%s", why.p);
		str_release(&why);
		return false;
	}
	err = resources_open(&a->resources, a->options->work.p, a->log);
	if (err != 0) {
		log_error(a->log, "cannot read %s/resource: %s", a->options->work.p,
		          strerror(-err));
		return false;
	}
	machine_read(&a->machine, a->options->gpus);
	a->plain_shell = command_shell_is_plain(environ);
	session_init(a);
	a->now_ns = clock_monotonic_ns();
	return open_holder(a, &fresh);
}

/* What a former worker of this directory left: processes, and the directories of its tasks. */
static void clean_up(struct agent *a)
{
	VEC(struct place *) known = {0};

	if (a->executions.n == 0 && places_any(&a->places))
		kill_strays(a);
	for (size_t i = 0; i < a->executions.n; i++) {
		if (a->executions.v[i]->place != NULL)
			vec_push(&known, a->executions.v[i]->place);
	}
	places_sweep(&a->places, known.v, known.n);
	vec_release(&known);
}

static void release(struct agent *a)
{
	pool_free(a->pool, staging_drop);
	http_multi_free(a->http);
	v1_free(a->v1);
	session_release(a);
	for (size_t i = 0; i < a->executions.n; i++) {
		a->executions.v[i]->job = NULL;
		execution_free(a->executions.v[i]);
	}
	vec_release(&a->executions);
	vec_release(&a->due);
	places_release(&a->places);
	holder_release(&a->holder);
	resources_close(a->resources);
	engine_release(&a->engine);
	machine_release(&a->machine);
	close(a->inotify);
	close(a->signals);
	close(a->epoll);
}

/* Without symbolic links, as paths that are lent to tasks are. */
static bool resolve(struct str *path)
{
	char *real = realpath(path->p, NULL);

	if (real == NULL)
		return false;
	str_reset(path);
	str_adds(path, real);
	free(real);
	return true;
}

int agent_run(struct options *options, const struct log *log)
{
	struct agent *a = xcalloc(1, sizeof(*a));
	int lock, err = dir_make(options->work.p, 0700), code;

	if (err != 0) {
		log_error(log, "cannot make %s: %s", options->work.p, strerror(-err));
		free(a);
		return 1;
	}
	if (!resolve(&options->work)) {
		log_error(log, "cannot find %s: %s", options->work.p, strerror(errno));
		free(a);
		return 1;
	}
	lock = lock_directory(options, log);
	if (lock < 0 || !join_prepare(options, log)) {
		if (lock >= 0)
			close(lock);
		free(a);
		return 1;
	}
	a->options = options;
	a->log = log;
	a->epoll = a->signals = a->inotify = -1;
	holder_init(&a->holder);
	a->exit_code = 1;
	if (prepare(a)) {
		clean_up(a);
		a->exit_code = 0;
		while (!a->over)
			turn(a);
		if (a->end == AGENT_STOPS || a->executions.n == 0) {
			holder_end(&a->holder, options->work.p);
			reap_containers(a);
			places_sweep(&a->places, NULL, 0);
		}
	}
	release(a);
	code = a->exit_code;
	free(a);
	close(lock);
	return code;
}
