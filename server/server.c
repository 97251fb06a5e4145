/*
 * The server as a process: options, state directory, the order in which the
 * parts start and stop. Called by main.c and by scitq-run (server_main.h).
 *
 * Stopping: no new call is taken, the core answers what waits for it, then the
 * readers do, then the last replies leave and the sockets close. Only then do
 * the parts go away that calls could have pointed to.
 */
#include "server/server.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "server/advertise.h"
#include "server/auth.h"
#include "server/core.h"
#include "server/drain.h"
#include "server/feed.h"
#include "server/flow.h"
#include "server/http.h"
#include "server/link.h"
#include "server/log_board.h"
#include "server/metrics.h"
#include "server/notify.h"
#include "server/private.h"
#include "server/provider/runner.h"
#include "server/reader.h"
#include "server/relay.h"
#include "server/route.h"
#include "server/settings.h"
#include "server/server_main.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define HTTP_THREADS 2
#define READER_THREADS 2
#define TELLER_THREADS 1
#define MAX_CONNECTIONS 32768u
/* Descriptors that are not connections. */
#define OTHER_FDS 128u
/* Of 40 bytes each. */
#define FEED_EVENTS 32768
#define LOCK_TRIES 10
#define LOCK_PAUSE_MS 30

void show_health(struct server *server, struct call *call)
{
	json_t *object = json_object();

	(void)server;
	json_object_set_new(object, "status", json_string("ok"));
	json_object_set_new(object, "version", json_string(SCITQ_VERSION));
	call_reply(call, 200, object);
}

void show_caller(struct server *server, struct call *call)
{
	json_t *object = json_object();

	(void)server;
	json_object_set_new(object, "name", json_text(call->user));
	json_object_set_new(object, "role", json_string(role_word(call->role)));
	json_object_set_new(object, "worker", json_text(call->worker));
	call_reply(call, 200, object);
}

/* On the core thread. */
static void may_end(void *context)
{
	struct server *server = context;
	uint64_t one = 1;

	if (write(server->wake, &one, sizeof(one)) != sizeof(one))
		log_error(&server->log, "cannot wake the main thread: %s", strerror(errno));
}

/* On the core thread. */
static void published(void *context)
{
	struct server *server = context;

	flows_wake(server->flows);
}

/* On the core thread. */
static bool hung_up(void *context, const struct call *call)
{
	(void)context;
	return link_hung_up(call->connection);
}

/* On the core thread. */
static bool admitted(void *context, const struct call *call)
{
	const struct server *server = context;

	return call->digest == NULL || auth_admits(server->auth, call->digest, clock_date_us());
}

static bool leads(struct server *server)
{
	return server->relay == NULL || core_leads(server->core);
}

/* Without a change of thread. Where several servers have the database it says who leads, and a
   commit takes a journey. */
static bool answer_here(struct server *server, struct call *call)
{
	const struct route *route = call->route;

	if (call->passage != NULL || server->tellers != NULL)
		return false;
	if (route->known != NULL)
		return route->known(core_known(server->core), call);
	return call->alone && (route->flags & ROUTE_SHORT) &&
	       core_run_here(server->core, call, route->handler.core);
}

static void dispatch(struct server *server, struct call *call)
{
	if (call->passage != NULL)
		relay_submit(server->relay, call);
	/* Whether it still leads the database says. */
	else if (call->route->known != NULL && server->tellers != NULL)
		readers_submit(server->tellers, call);
	else if (call->route->queue == QUEUE_CORE)
		core_submit(server->core, call, call->route->handler.core);
	else
		readers_submit(server->readers, call);
}

/* Signals are read from a descriptor: blocked in every thread that is made from here on. */
static int open_signals(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t set;
	int err;

	sigaction(SIGPIPE, &ignore, NULL);
	/* Beyond a limit of file sizes a write fails, as on a full disk. */
	sigaction(SIGXFSZ, &ignore, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	err = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (err != 0) {
		errno = err;
		return -1;
	}
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static unsigned possible_connections(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 512;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_cur > MAX_CONNECTIONS + OTHER_FDS)
		limit.rlim_cur = MAX_CONNECTIONS + OTHER_FDS;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 && getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 512;
	return limit.rlim_cur > 2 * OTHER_FDS ? (unsigned)limit.rlim_cur - OTHER_FDS : OTHER_FDS;
}

/* As many connections as descriptors allow, and no more than were asked for (0: all). */
static unsigned connection_limit(int64_t asked)
{
	const unsigned possible = possible_connections();

	return asked > 0 && asked < possible ? (unsigned)asked : possible;
}

static int open_file(const char *path, struct problem *problem)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		problem_set(problem, PROBLEM_INTERNAL, "cannot open %s: %s", path, strerror(errno));
	return fd;
}

static bool open_log(struct server *server, const struct settings *settings,
                     const struct state_dir *dir, struct problem *problem)
{
	struct str path = STR_INIT;
	int fd = STDERR_FILENO;

	if (settings->log != NULL)
		str_adds(&path, settings->log);
	else if (settings->private_mode)
		state_dir_file(dir, "server.log", &path);
	if (path.len > 0)
		fd = open_file(path.p, problem);
	if (fd >= 0)
		server->log.fd = fd;
	str_release(&path);
	return fd >= 0;
}

/*
 * Somebody moved the file away and wants a new one. The descriptor keeps its number,
 * so that threads that write at this moment write into the old file or the new one.
 */
static void reopen_log(struct server *server, const struct settings *settings)
{
	struct problem problem = {0};
	int fd = open_file(settings->log, &problem);

	if (fd < 0 || dup3(fd, server->log.fd, O_CLOEXEC) < 0)
		log_error(&server->log, "the log file stays: %s",
		          fd < 0 ? problem.message : strerror(errno));
	else
		log_info(&server->log, "the log file was opened anew");
	if (fd >= 0)
		close(fd);
}

/*
 * The database, then the state directory, each held by this process alone. Who
 * looks for a server takes the lock for a moment to see whether it is free; a
 * server that starts at that moment tries again.
 */
static bool open_store(struct server *server, const struct settings *settings,
                       struct state_dir *dir, struct problem *problem)
{
	const struct store_options follower = {.follow = true};
	struct str uri = STR_INIT;
	bool ok = false;

	if (settings->database != NULL)
		str_adds(&uri, settings->database);
	else
		str_addf(&uri, "sqlite:///%s/scitq.db", dir->path.p);
	for (int tries = 0; !ok && tries < LOCK_TRIES; tries++) {
		if (tries > 0)
			(void)poll(NULL, 0, LOCK_PAUSE_MS);
		if (server->store == NULL)
			server->store = store_open(uri.p, &follower, problem);
		ok = server->store != NULL && state_dir_claim(dir, problem);
		if (!ok && problem->code != PROBLEM_CONFLICT)
			break;
	}
	str_release(&uri);
	return ok;
}

/* On the core thread. */
static bool tokens_changed(void *context)
{
	struct server *server = context;
	struct problem problem = {0};

	if (auth_load(server->auth, store_own(server->store), &problem))
		return true;
	log_error(&server->log, "%s: the old ones stay in force", problem.message);
	return false;
}

/* The files that it gives out. */
static void set_places(struct server *server, const struct settings *settings)
{
	char program[4096];
	ssize_t len;

	server->ca = settings->ca;
	server->rclone = settings->rclone;
	server->remote = settings->remote ? settings->remote : "";
	if (settings->swagger_ui != NULL) {
		str_adds(&server->swagger_ui, settings->swagger_ui);
		return;
	}
	/* Where it cannot be told, the page is the plain one. */
	len = readlink("/proc/self/exe", program, sizeof(program));
	while (len > 0 && program[len - 1] != '/')
		len--;
	if (len > 0)
		str_add(&server->swagger_ui, program, (size_t)len);
	str_adds(&server->swagger_ui, "../share/scitq/swagger-ui");
}

static bool open_http(struct server *server, const struct settings *settings,
                      const struct state_dir *dir, struct http_options *http,
                      struct problem *problem)
{
	server->advertised = xcalloc(1, sizeof(*server->advertised));
	if (!advertise_begin(server->advertised, settings, dir, http, problem))
		return false;
	do
		server->http = http_server_new(http, server, server->auth, dispatch, &server->log,
		                               problem);
	while (server->http == NULL && advertise_move(server->advertised, settings, http));
	return server->http != NULL;
}

static bool start_parts(struct server *server, const struct settings *settings,
                        struct state_dir *dir, struct problem *problem)
{
	const struct runner_options runner = {.names = settings->providers ? settings->providers
	                                                                   : "",
	                                      .directory = settings->provider_dir,
	                                      .state = dir->path.p,
	                                      .seconds = settings->job_seconds};
	struct core_options core = {.private_mode = settings->private_mode,
	                            .worker_idle_seconds = settings->worker_idle_seconds,
	                            .worker_new_seconds = settings->worker_new_seconds,
	                            .eviction_margin = settings->eviction_margin,
	                            .may_end = may_end,
	                            .look_seconds = settings->look_seconds,
	                            .join_seconds = settings->join_seconds,
	                            .published = published,
	                            .tokens_changed = tokens_changed,
	                            .hung_up = hung_up,
	                            .admitted = admitted,
	                            .context = server};
	const char *listen = settings->private_mode ? "127.0.0.1:0" : "127.0.0.1:5000";
	struct http_options http = {
	        .address = settings->listen ? settings->listen : listen,
	        .cert = settings->tls_cert,
	        .key = settings->tls_key,
	        .plain_address = settings->plain_listen,
	        .plain = settings->plain,
	        .leads = leads,
	        .here = answer_here,
	        .threads = HTTP_THREADS,
	        .connections = connection_limit(settings->connections),
	        .per_address = (unsigned)settings->per_address,
	        .head_seconds = settings->head_seconds,
	        .body_seconds = settings->body_seconds,
	        .idle_seconds = settings->idle_seconds,
	        .body_bytes = (size_t)settings->body_mib << 20,
	};

	set_places(server, settings);
	server->auth = auth_new(settings->open);
	if (!open_store(server, settings, dir, problem) ||
	    !auth_state_token(server->auth, dir->path.p, problem) ||
	    !auth_load(server->auth, store_own(server->store), problem))
		return false;
	server->feed = core.feed = feed_new(FEED_EVENTS);
	server->board = core.board = log_board_new();
	server->metrics = metrics_new();
	server->flows = flows_new(problem);
	if (server->flows == NULL)
		return false;
	server->runner = runner_new(&runner, &server->log, problem);
	if (server->runner == NULL)
		return false;
	core.provider = runner_provider(server->runner);
	server->core = core_new(server->store, &core, &server->log);
	if (!core_start(server->core, problem))
		return false;
	server->readers =
	        readers_new(server, READER_THREADS, (unsigned)settings->waiting_reads, problem);
	if (server->readers == NULL)
		return false;
	if (store_shared(server->store)) {
		server->tellers = readers_new(server, TELLER_THREADS,
		                              (unsigned)settings->waiting_reads, problem);
		if (server->tellers == NULL)
			return false;
		server->relay = relay_new(server, problem);
		if (server->relay == NULL)
			return false;
	}
	if (!open_http(server, settings, dir, &http, problem) ||
	    !advertise_end(server->advertised, settings, dir, http_url(server->http), problem))
		return false;
	core_announce(server->core, server->advertised->url.p);
	if (!runner_start(server->runner, server->advertised->url.p,
	                  settings->ca          ? settings->ca
	                  : settings->advertise ? http.cert
	                                        : NULL,
	                  problem))
		return false;
	return state_dir_describe(dir, http_local_url(server->http), settings->providers, problem);
}

/* Any of them may be missing. */
static void stop_parts(struct server *server, struct state_dir *dir)
{
	state_dir_forget(dir);
	if (server->http != NULL)
		http_refuse(server->http);
	if (server->core != NULL)
		core_stop(server->core);
	if (server->runner != NULL)
		runner_stop(server->runner);
	if (server->readers != NULL)
		readers_stop(server->readers);
	if (server->tellers != NULL)
		readers_stop(server->tellers);
	relay_stop(server->relay);
	flows_stop(server->flows);
	http_server_free(server->http);
	readers_free(server->readers);
	readers_free(server->tellers);
	relay_free(server->relay);
	if (server->core != NULL)
		core_free(server->core);
	runner_free(server->runner);
	if (server->advertised != NULL)
		advertise_release(server->advertised);
	free(server->advertised);
	flows_free(server->flows);
	feed_free(server->feed);
	log_board_free(server->board);
	metrics_free(server->metrics);
	if (server->store != NULL)
		store_close(server->store);
	auth_free(server->auth);
}

/* False: it is time to end. */
static bool take_signal(struct server *server, const struct settings *settings, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return true;
	if (info.ssi_signo == SIGHUP && settings->log != NULL) {
		reopen_log(server, settings);
		return true;
	}
	log_info(&server->log, "signal %u", info.ssi_signo);
	return false;
}

/* The service manager is told that all is well unless the core has been at one group for as long
   as it may be silent. */
static void tell_alive(const struct server *server, const struct notify *notify)
{
	if (notify->watchdog_ns > 0 && core_busy_ns(server->core) < notify->watchdog_ns)
		notify_send(notify, "WATCHDOG=1");
}

static void wait_for_end(struct server *server, const struct settings *settings, int signals,
                         const struct notify *notify)
{
	struct pollfd fds[2] = {{signals, POLLIN, 0}, {server->wake, POLLIN, 0}};
	const int64_t sweep_ms = settings->head_seconds * 500;
	const int64_t alive_ms = notify->watchdog_ns / 3000000;
	const int pause_ms = (int)(alive_ms > 0 && alive_ms < sweep_ms ? alive_ms : sweep_ms);

	for (;;) {
		if (poll(fds, 2, pause_ms) < 0) {
			if (errno == EINTR)
				continue;
			log_error(&server->log, "poll: %s", strerror(errno));
			return;
		}
		if (fds[1].revents != 0) {
			log_info(&server->log, "nobody is attached any more");
			return;
		}
		if (fds[0].revents != 0 && !take_signal(server, settings, signals))
			return;
		http_sweep(server->http);
		tell_alive(server, notify);
	}
}

/* The state directory is held. */
static int serve(struct server *server, const struct settings *settings, struct state_dir *dir,
                 const struct notify *notify, struct problem *problem)
{
	int signals = open_signals();
	struct drain drain;
	bool ok;

	server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ok = signals >= 0 && server->wake >= 0;
	if (!ok)
		problem_set(problem, PROBLEM_INTERNAL, "cannot wait for signals: %s",
		            strerror(errno));
	ok = ok && open_log(server, settings, dir, problem) &&
	     start_parts(server, settings, dir, problem);
	if (ok) {
		log_info(&server->log, "scitq-server %s on %s, state in %s%s", SCITQ_VERSION,
		         http_url(server->http), dir->path.p,
		         settings->open ? ", open to everybody on this machine" : "");
		notify_send(notify, "READY=1\nSTATUS=serves");
		wait_for_end(server, settings, signals, notify);
		notify_send(notify, "STOPPING=1\nSTATUS=answers what it took");
	} else if (server->log.fd != STDERR_FILENO) {
		log_error(&server->log, "%s", problem->message);
	}
	drain_begin(&drain, settings->drain_seconds, SERVER_EXIT_FAILED, &server->log);
	stop_parts(server, dir);
	drain_end(&drain);
	if (ok)
		log_info(&server->log, "stopped");
	if (signals >= 0)
		close(signals);
	if (server->wake >= 0)
		close(server->wake);
	return ok ? SERVER_EXIT_OK : SERVER_EXIT_FAILED;
}

int server_main(int argc, char **argv)
{
	struct settings settings;
	struct problem problem = {0};
	struct server server = {.wake = -1, .swagger_ui = STR_INIT};
	struct notify notify;
	struct state_dir dir;
	enum log_level level = LOG_LEVEL_INFO;
	int code = settings_read(&settings, argc, argv);

	if (code < 0 && !log_level_parse(settings.log_level, &level)) {
		fprintf(stderr, "%s: log-level is \"%.80s\", not error, warn, info or debug\n",
		        argv[0], settings.log_level);
		code = SERVER_EXIT_USAGE;
	}
	if (code >= 0) {
		settings_release(&settings);
		return code;
	}
	log_init(&server.log, "server", level, STDERR_FILENO);
	notify_init(&notify, &server.log);
	umask(077);
	/* Seeded before there are threads. */
	json_object_seed(0);
	state_dir_init(&dir);
	code = SERVER_EXIT_FAILED;
	if (state_dir_open(&dir, settings.state, &problem))
		code = serve(&server, &settings, &dir, &notify, &problem);
	if (code != SERVER_EXIT_OK)
		fprintf(stderr, "%s: %s\n", argv[0], problem.message);
	state_dir_release(&dir);
	str_release(&server.swagger_ui);
	notify_release(&notify);
	if (server.log.fd != STDERR_FILENO)
		close(server.log.fd);
	settings_release(&settings);
	return code;
}
