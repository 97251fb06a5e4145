#include "worker/room.h"

#include "base/alloc.h"
#include "base/engine.h"
#include "base/fd.h"
#include "worker/cgroup.h"
#include "worker/cgroup_mounts.h"
#include "worker/command.h"
#include "worker/container.h"
#include "worker/execution.h"
#include "worker/held.h"
#include "worker/machine.h"
#include "worker/pool.h"
#include "worker/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAVE_MS 5000
#define LEAVE_STEP_MS 20
/* What a shell ends with where a command cannot be executed. */
#define EXIT_NOT_FOUND 127

struct room {
	char *work; /* absolute, without links; all of the room lies below */
	struct log log;
	struct engine engine;
	struct machine machine;
	struct places places;
	struct resources *resources;
	struct execution *execution;
	enum shield_kind shield;
	struct cgroups groups;
	struct cgroup *group; /* NULL: none can be had, or the engine has its own */
	bool limits_memory;   /* the group does */
	char **environment;   /* ours, without what a task has of its own */
	struct arena arena;
	struct command command; /* that of the task: words, variables, where it runs */
	sigset_t mask_before;
	int signals; /* signalfd of those that are blocked */
};

static bool fail(struct str *error, const char *what, int err)
{
	str_addf(error, "%s: %s", what, strerror(-err));
	return false;
}

static bool is_contained(const struct room *r)
{
	return r->execution->container != NULL;
}

static bool hear_signals(struct room *r)
{
	static const int heard[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++)
		sigaddset(&set, heard[i]);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return false;
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals >= 0;
}

/* The signal that came, 0: none did. */
static int next_signal(const struct room *r)
{
	struct signalfd_siginfo info;

	return fd_read(r->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)
	               ? (int)info.ssi_signo
	               : 0;
}

static bool enter_group(struct room *r, struct str *error)
{
	struct cgroup_limits limits = {.memory = (uint64_t)execution_memory(r->execution),
	                               .cpus = isnan(r->execution->cpu) ? r->machine.cpus
	                                                                : r->execution->cpu};
	struct str told = STR_INIT;
	int err = 0;

	cgroups_open(&r->groups, &told);
	str_release(&told);
	r->group = cgroup_take(&r->groups, &limits, &err);
	for (size_t i = 0; i < r->groups.n && r->group != NULL; i++)
		r->limits_memory |= (r->groups.hierarchies[i].controllers & CGROUP_MEMORY) != 0;
	return err == 0 || fail(error, "cannot make a control group", err);
}

static bool prepare(struct room *r, json_t *grant, struct str *error)
{
	struct problem problem = {0};
	struct str why = STR_INIT;
	struct place *place;
	int err;

	/* Before a thread is made. */
	r->shield = shield_probe(r->work, &why);
	str_release(&why);
	if (!hear_signals(r))
		return fail(error, "cannot hear signals", -errno);
	machine_read(&r->machine, 0); /* whose GPUs are free is known to workers alone */
	r->environment = held_environment(environ);
	if (!engine_init(&r->engine, error))
		return false;
	r->execution = execution_new(grant, &problem);
	if (r->execution == NULL) {
		str_addf(error, "the task cannot be read: %s", problem.message);
		return false;
	}
	if (is_contained(r) && r->engine.program.len == 0) {
		str_addf(error, "this machine runs no containers: %s", r->engine.missing.p);
		return false;
	}
	err = places_init(&r->places, r->work);
	if (err == 0)
		err = resources_open(&r->resources, r->work, &r->log);
	place = err == 0 ? places_take(&r->places, &err) : NULL;
	if (place == NULL)
		return fail(error, r->work, err);
	execution_settle(r->execution, place, 0);
	return is_contained(r) || enter_group(r, error);
}

struct room *room_open(const char *work, json_t *grant, struct str *error)
{
	struct room *r = xcalloc(1, sizeof(*r));

	r->signals = -1;
	str_init(&r->machine.gpus);
	str_init(&r->engine.program);
	str_init(&r->engine.missing);
	str_init(&r->engine.allow);
	log_init(&r->log, "shell", LOG_LEVEL_ERROR, STDERR_FILENO);
	arena_init(&r->arena);
	pthread_sigmask(SIG_BLOCK, NULL, &r->mask_before);
	r->work = realpath(work, NULL);
	if (r->work == NULL)
		fail(error, work, -errno);
	else if (prepare(r, grant, error))
		return r;
	(void)room_close(r, true);
	return NULL;
}

/* ---- what the task is given ---- */

struct arrival {
	bool over;
};

static void arrived(struct job *job, void *ctx)
{
	struct arrival *arrival = ctx;

	(void)job;
	arrival->over = true;
}

static bool wait_for(struct room *r, struct pool *pool, struct staging *s,
                     void (*told)(const char *line))
{
	struct arrival arrival = {false};
	bool interrupted = false;

	while (!arrival.over) {
		struct pollfd fds[] = {{pool_fd(pool), POLLIN, 0}, {r->signals, POLLIN, 0}};
		char *line;
		int sig;

		if (poll(fds, 2, -1) < 0)
			continue;
		sig = next_signal(r);
		/* What brings it has children. */
		if (sig != 0 && sig != SIGCHLD) {
			interrupted = true;
			atomic_store(&s->job.cancelled, true);
		}
		line = job_take_told(&s->job);
		if (line != NULL && told != NULL)
			told(line);
		free(line);
		pool_collect(pool, &arrival);
	}
	return !interrupted;
}

static bool bring(struct room *r, void (*told)(const char *line), struct str *error)
{
	struct execution *e = r->execution;
	struct staging *s =
	        staging_in_new(e, r->resources, r->shield, r->engine.program.p, arrived);
	struct pool *pool = pool_new(1);
	bool ok = false;

	if (pool == NULL || !pool_add(pool, &s->job)) {
		str_adds(error, "no thread can be started");
	} else if (wait_for(r, pool, s, told)) {
		ok = s->result == STAGE_OK;
		if (!ok)
			str_adds(error,
			         s->error.len > 0 ? s->error.p : stage_result_text(s->result));
	}
	staging_in_give(s, e);
	pool_free(pool, staging_drop);
	staging_free(s);
	return ok;
}

static bool write_script(struct room *r, struct str *error)
{
	const struct execution *e = r->execution;
	int fd, err;

	if (r->command.script == NULL)
		return true;
	fd = open(r->command.script, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	err = fd < 0 ? -errno : fd_write_all(fd, e->script, strlen(e->script));
	if (fd >= 0 && close(fd) != 0 && err == 0)
		err = -errno;
	return err == 0 || fail(error, r->command.script, err);
}

bool room_furnish(struct room *r, void (*told)(const char *line), struct str *error)
{
	struct execution *e = r->execution;
	struct command_input in = execution_command(e, r->machine.cpus, false);
	int err = 0;

	if (is_contained(r)) {
		err = containers_begin(r->work);
		if (err == 0)
			err = place_open_up(e->place);
	}
	if (err != 0)
		return fail(error, e->place->path, err);
	if (!command_build(&in, &r->arena, &r->command, error) || !write_script(r, error))
		return false;
	return (e->container == NULL && e->input == NULL && e->resource == NULL) ||
	       bring(r, told, error);
}

int room_lay(const struct room *r, const char *name, const char *text, size_t n, mode_t mode)
{
	struct str path = STR_INIT;
	int fd, err;

	str_addf(&path, "%s/tmp/%s", r->execution->place->path, name);
	fd = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	err = fd < 0 ? -errno : fd_write_all(fd, text, n);
	/* Whoever is in a container may be another user. */
	if (err == 0 && fchmod(fd, mode) != 0)
		err = -errno;
	if (fd >= 0 && close(fd) != 0 && err == 0)
		err = -errno;
	str_release(&path);
	return err;
}

const char *room_path(struct room *r, const char *name)
{
	return arena_printf(&r->arena, "%s/tmp/%s",
	                    is_contained(r) ? "" : r->execution->place->path, name);
}

const char *room_script(const struct room *r)
{
	const struct command *c = &r->command;

	return c->script != NULL ? c->words[c->nwords - 1] : NULL;
}

int64_t room_memory_each(const struct room *r)
{
	return is_contained(r) || r->limits_memory ? 0 : execution_memory(r->execution);
}

/* ---- what runs in it ---- */

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

/* Two lists, one behind the other, ended by NULL. */
static char **joined(struct arena *arena, char *const *a, size_t na, char *const *b, size_t nb)
{
	char **list = arena_array(arena, char *, na + nb + 1);

	if (na > 0)
		memcpy(list, a, na * sizeof(*list));
	if (nb > 0)
		memcpy(list + na, b, nb * sizeof(*list));
	return list;
}

/* The environment with what the variables say instead. */
static char **overlaid(struct arena *arena, char *const *environment, char *const *variables,
                       size_t n)
{
	char **list = arena_array(arena, char *, count(environment) + n + 1);
	size_t kept = 0;

	for (; *environment != NULL; environment++) {
		size_t name = strcspn(*environment, "="), i = 0;

		while (i < n && (strncmp(variables[i], *environment, name) != 0 ||
		                 variables[i][name] != '='))
			i++;
		if (i == n)
			list[kept++] = *environment;
	}
	memcpy(list + kept, variables, n * sizeof(*list));
	return list;
}

/* The command that runs: the task's own but for its words. */
static bool make_command(struct room *r, char *const *words, char *const *variables,
                         struct arena *arena, struct command *c, struct str *error)
{
	static const char *const with_terminal[] = {"--interactive", "--tty", NULL};
	static const char *const without[] = {"--interactive", NULL};
	const struct execution *e = r->execution;
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	struct container_input box = {&r->engine,
	                              e->container,
	                              e->container_options,
	                              r->work,
	                              &e->mounts,
	                              execution_memory(e),
	                              terminal ? with_terminal : without};

	*c = r->command;
	c->nwords = count(words);
	c->words = joined(arena, words, c->nwords, NULL, 0);
	c->variables = joined(arena, c->variables, c->nvariables, variables, count(variables));
	c->nvariables = count(c->variables);
	return !is_contained(r) || container_wrap(&box, e->place->path, e->id, arena, c, error);
}

/* In the child; returns where something failed, with what. */
static const char *become(const struct room *r, const struct shield *shield,
                          const struct command *c, char *const *environment)
{
	const rlim_t each = (rlim_t)room_memory_each(r);
	const struct rlimit limit = {each, each};

	for (size_t i = 0; i < r->groups.n && r->group != NULL; i++) {
		if (write(r->group->entries[i], "0", 1) != 1)
			return "cannot enter its control group";
	}
	errno = -shield_raise(shield);
	if (errno != 0)
		return "cannot make its inputs read-only";
	if (prctl(PR_SET_PDEATHSIG, SIGHUP) != 0 ||
	    (!is_contained(r) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0))
		return "cannot prepare the process";
	/* What a group would count for all is counted for each. */
	if (each > 0 && setrlimit(RLIMIT_DATA, &limit) != 0)
		return "cannot limit its memory";
	if (chdir(c->directory) != 0)
		return c->directory;
	if (pthread_sigmask(SIG_SETMASK, &r->mask_before, NULL) != 0)
		return "cannot prepare the process";
	execvpe(c->words[0], c->words, environment);
	return c->words[0];
}

/* A shell with job control had the terminal. */
static void take_terminal(void)
{
	sigset_t stop, before;

	if (!isatty(STDIN_FILENO))
		return;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &stop, &before);
	(void)tcsetpgrp(STDIN_FILENO, getpgrp());
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* End what was left running. 0 or -errno. */
static int clear(struct room *r)
{
	struct str marker = STR_INIT;
	struct tree_seed seed = {0};
	ssize_t left = 0;

	if (is_contained(r)) {
		struct str name = STR_INIT;
		const char *names[1];
		int err;

		container_name(&name, r->work, r->execution->id);
		names[0] = name.p;
		err = container_remove(r->engine.program.p, names, 1);
		str_release(&name);
		return err;
	}
	for (int ms = 0; r->group != NULL && ms < LEAVE_MS; ms += LEAVE_STEP_MS) {
		left = cgroup_signal(&r->groups, r->group, SIGKILL);
		if (left == 0)
			return 0;
		poll(NULL, 0, LEAVE_STEP_MS);
	}
	if (r->group == NULL) {
		str_addf(&marker, TREE_MARKER_NAME "=%s", r->execution->place->path);
		seed.marker = marker.p;
		left = tree_kill(&seed, LEAVE_MS);
		str_release(&marker);
	}
	return left < 0 ? (int)left : left > 0 ? -EBUSY : 0;
}

/*
 * Signals of a terminal reach its foreground by themselves. A wish that all ends is handed on as a
 * terminal does that goes away; the second is not asked twice.
 */
static int wait_for_end(struct room *r, pid_t pid)
{
	struct pollfd fd = {r->signals, POLLIN, 0};
	unsigned wishes = 0;
	int status, sig;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		(void)poll(&fd, 1, -1);
		sig = next_signal(r);
		if (sig != SIGTERM && sig != SIGHUP)
			continue;
		if (is_contained(r))
			(void)clear(r);
		(void)kill(pid, wishes++ == 0 ? SIGHUP : SIGKILL);
		(void)kill(pid, SIGCONT);
	}
	return status;
}

int room_run(struct room *r, char *const *words, char *const *variables, int *status,
             struct str *error)
{
	struct shield shield;
	struct command c;
	struct arena arena;
	char **environment;
	pid_t pid;
	int err = 0;

	arena_init(&arena);
	if (!make_command(r, words, variables, &arena, &c, error)) {
		arena_release(&arena);
		return -EINVAL;
	}
	environment = overlaid(&arena, r->environment, c.variables, c.nvariables);
	shield_prepare(&shield, r->shield, r->execution->lent.paths.v, r->execution->lent.paths.n,
	               r->execution->place->path);
	pid = fork();
	if (pid == 0) {
		const char *failed = become(r, &shield, &c, environment);

		dprintf(STDERR_FILENO, "%s: %s\n", failed, strerror(errno));
		_exit(EXIT_NOT_FOUND);
	}
	if (pid < 0) {
		err = -errno;
		fail(error, "cannot make a process", err);
	} else {
		*status = wait_for_end(r, pid);
		take_terminal();
		err = clear(r);
		if (err != 0)
			fail(error, "what it left running does not end", err);
	}
	arena_release(&arena);
	return err;
}

/* ---- its end ---- */

static int remove_tree(const struct room *r, const char *path)
{
	int err = tree_remove(path);

	return (err == -EACCES || err == -EPERM) && r->engine.program.len > 0
	               ? container_remove_tree(r->engine.program.p, path)
	               : err;
}

int room_close(struct room *r, bool keep)
{
	int err = 0;

	if (r->group != NULL)
		cgroup_give_back(&r->groups, r->group, true);
	cgroups_close(&r->groups);
	if (r->resources != NULL)
		resources_close(r->resources);
	if (!keep)
		err = remove_tree(r, r->work);
	execution_free(r->execution);
	if (r->places.root != NULL)
		places_release(&r->places);
	engine_release(&r->engine);
	machine_release(&r->machine);
	free(r->environment);
	free(r->work);
	arena_release(&r->arena);
	if (r->signals >= 0)
		close(r->signals);
	pthread_sigmask(SIG_SETMASK, &r->mask_before, NULL);
	free(r);
	return err;
}
