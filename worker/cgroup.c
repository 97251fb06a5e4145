#include "worker/cgroup.h"

#include "base/fd.h"
#include "worker/cgroup_file.h"
#include "worker/cgroup_mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A task that makes more processes and threads is a fork bomb. */
#define PIDS_MOST "16384"
/* A group that holds more when its task has ended is of no use to the next one. */
#define REUSE_MOST ((uint64_t)16 << 20)
#define IDLE_MOST 64

static void add_path(struct str *path, const struct cgroup_hierarchy *h, const struct cgroup *g)
{
	str_reset(path);
	str_addf(path, "%s/%u", h->base, g->number);
}

/* ---- where groups may be made ---- */

/* The groups in one directory of a supervisor that was killed, and that directory. */
static void remove_groups(const char *base)
{
	struct str path = STR_INIT;
	DIR *d = opendir(base);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		str_reset(&path);
		str_addf(&path, "%s/%s", base, e->d_name);
		/* What was frozen when the supervisor died was killed as well, but does not know.
		 */
		(void)cgroup_write_file(path.p, "freezer.state", "THAWED");
		(void)rmdir(path.p);
	}
	if (d != NULL)
		closedir(d);
	(void)rmdir(base);
	str_release(&path);
}

/* Also one that was killed and not waited for yet is gone. */
static bool is_there(long pid)
{
	struct str path = STR_INIT, text = STR_INIT;
	const char *name_end = NULL;
	int err;

	str_addf(&path, "/proc/%ld/stat", pid);
	err = file_read(path.p, &text);
	if (err == 0)
		name_end = strrchr(text.p, ')');
	str_release(&path);
	/* "PID (NAME) STATE ..." */
	if (name_end != NULL && name_end[1] == ' ' && (name_end[2] == 'Z' || name_end[2] == 'X'))
		err = -ENOENT;
	str_release(&text);
	return err != -ENOENT && err != -ESRCH;
}

/*
 * "scitq-4026531836-": what the directories of our supervisors begin with, before a pid. Containers
 * may share a hierarchy, and a pid says who is there only in its own namespace, which the number
 * names.
 */
static void add_prefix(struct str *out)
{
	struct stat space;

	if (stat("/proc/self/ns/pid", &space) != 0)
		space.st_ino = 0;
	str_addf(out, "scitq-%ju-", (uintmax_t)space.st_ino);
}

/* Groups of supervisors that are gone: their tasks died with them. */
static void sweep(const char *dir)
{
	DIR *d = opendir(dir);
	struct str path = STR_INIT, prefix = STR_INIT;
	struct dirent *e;

	add_prefix(&prefix);
	while (d != NULL && (e = readdir(d)) != NULL) {
		long pid = strncmp(e->d_name, prefix.p, prefix.len) == 0
		                   ? strtol(e->d_name + prefix.len, NULL, 10)
		                   : 0;

		if (pid <= 0 || is_there(pid))
			continue;
		str_reset(&path);
		str_addf(&path, "%s/%s", dir, e->d_name);
		remove_groups(path.p);
	}
	if (d != NULL)
		closedir(d);
	str_release(&path);
	str_release(&prefix);
}

/* Hand the controllers of version 2 down to the groups below; what is refused is not had. */
static unsigned hand_down(const char *dir)
{
	struct str text = STR_INIT;
	unsigned bits = 0;

	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		str_reset(&text);
		str_addf(&text, "+%s", cgroup_controller_words[i]);
		(void)cgroup_write_file(dir, "cgroup.subtree_control", text.p);
	}
	if (cgroup_read_text(dir, "cgroup.subtree_control", &text))
		bits = cgroup_controllers_of(text.p);
	str_release(&text);
	return bits;
}

/*
 * A process with one thread that writes "0" here enters. In version 1 by the file of threads:
 * unlike cgroup.procs that takes no lock that waits for every cpu.
 */
static const char *entry_of(bool unified)
{
	return unified ? "cgroup.procs" : "tasks";
}

/* Whether a process can enter a group of this hierarchy. */
static int try_entering(const char *dir, const char *entry)
{
	pid_t pid = fork(), got;
	int status = 0;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(-cgroup_write_file(dir, entry, "0"));
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	return got == pid && WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

/* The directory of our groups; *bits gains the controllers that those of version 2 have. 0 or
 * -errno.
 */
static int make_base(const char *base, bool unified, unsigned *bits)
{
	if (mkdir(base, 0755) != 0 && errno != EEXIST)
		return -errno;
	if (unified)
		*bits |= hand_down(base);
	return 0;
}

/* Make groups in this directory of a hierarchy. 0 or -errno. */
static int add_hierarchy(struct cgroups *c, const char *dir, bool unified, unsigned bits)
{
	struct cgroup_hierarchy *h = &c->hierarchies[c->n];
	struct str base = STR_INIT, probe = STR_INIT;
	int err;

	str_addf(&base, "%s/", dir);
	add_prefix(&base);
	str_addf(&base, "%d", (int)getpid());
	str_addf(&probe, "%s/probe", base.p);
	if (unified) {
		(void)hand_down(dir);
		/* Freezing takes no controller in version 2. */
		bits = CGROUP_FREEZER;
	}
	err = make_base(base.p, unified, &bits);
	if (err == 0 && mkdir(probe.p, 0755) != 0)
		err = -errno;
	if (err == 0) {
		err = try_entering(probe.p, entry_of(unified));
		(void)rmdir(probe.p);
	}
	if (err == 0) {
		*h = (struct cgroup_hierarchy){str_detach(&base), bits, unified};
		c->n++;
	} else {
		(void)rmdir(base.p);
	}
	str_release(&base);
	str_release(&probe);
	return err;
}

void cgroups_sweep(void)
{
	struct cgroup_mounts mounts;

	cgroup_mounts_read(&mounts);
	for (size_t i = 0; i < mounts.n; i++)
		sweep(mounts.v[i].directory);
	cgroup_mounts_release(&mounts);
}

/* Hierarchies of one version, as far as they have something that is not had yet. */
static void add_version(struct cgroups *c, const struct cgroup_mounts *mounts, bool unified,
                        struct str *why)
{
	for (size_t i = 0; i < mounts->n && c->n < CGROUP_HIERARCHIES; i++) {
		const struct cgroup_mount *m = &mounts->v[i];
		unsigned had = 0;
		int err;

		for (size_t k = 0; k < c->n; k++)
			had |= c->hierarchies[k].controllers;
		if (m->unified != unified || (unified ? c->n > 0 : (m->controllers & ~had) == 0))
			continue;
		err = add_hierarchy(c, m->directory, unified, m->controllers);
		if (err != 0)
			str_addf(why, "%s%s: %s", why->len > 0 ? ", " : "", m->directory,
			         strerror(-err));
	}
}

void cgroups_open(struct cgroups *c, struct str *told)
{
	struct cgroup_mounts mounts;
	struct str why = STR_INIT;
	unsigned bits = 0;

	*c = (struct cgroups){0};
	cgroups_sweep();
	cgroup_mounts_read(&mounts);
	add_version(c, &mounts, false, &why);
	/* On a hybrid machine the unified hierarchy has nothing that version 1 has not. */
	if (c->n == 0)
		add_version(c, &mounts, true, &why);
	cgroup_mounts_release(&mounts);
	for (size_t i = 0; i < c->n; i++)
		bits |= c->hierarchies[i].controllers;
	str_addf(told, "control groups%s:",
	         c->n == 0                   ? ""
	         : c->hierarchies[0].unified ? " of version 2"
	                                     : " of version 1");
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (bits & 1U << i)
			str_addf(told, " %s", cgroup_controller_words[i]);
	}
	if (c->n == 0)
		str_addf(told, " none, tasks are not limited (%s)",
		         why.len > 0 ? why.p : "no hierarchy is mounted");
	str_release(&why);
}

/* ---- groups ---- */

static const char *directory_with(const struct cgroups *c, const struct cgroup *g, unsigned bit,
                                  struct str *path, bool *unified)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->hierarchies[i].controllers & bit) {
			add_path(path, &c->hierarchies[i], g);
			*unified = c->hierarchies[i].unified;
			return path->p;
		}
	}
	return NULL;
}

static int limit_memory(const char *dir, bool unified, uint64_t bytes)
{
	int err;

	if (unified) {
		err = bytes > 0 ? cgroup_write_number(dir, "memory.max", bytes)
		                : cgroup_write_file(dir, "memory.max", "max");
		/* Kernels without swap accounting have no such file, older ones no group kill. */
		(void)cgroup_write_file(dir, "memory.swap.max", bytes > 0 ? "0" : "max");
		(void)cgroup_write_file(dir, "memory.oom.group", "1");
		return err;
	}
	/* The limit with swap may not be below the one without: it goes first up, last down. */
	(void)cgroup_write_file(dir, "memory.memsw.limit_in_bytes", "-1");
	err = bytes > 0 ? cgroup_write_number(dir, "memory.limit_in_bytes", bytes)
	                : cgroup_write_file(dir, "memory.limit_in_bytes", "-1");
	if (err == 0 && bytes > 0)
		(void)cgroup_write_number(dir, "memory.memsw.limit_in_bytes", bytes);
	return err;
}

static int share_cpu(const char *dir, bool unified, double cpus)
{
	double share = unified ? cpus * 100 : cpus * 1024, most = unified ? 10000 : 262144;

	share = share < 2 ? 2 : share > most ? most : share;
	return cgroup_write_number(dir, unified ? "cpu.weight" : "cpu.shares", (uint64_t)share);
}

static int set_limits(const struct cgroups *c, struct cgroup *g, const struct cgroup_limits *want,
                      bool fresh)
{
	struct str path = STR_INIT;
	const char *dir;
	bool unified;
	int err = 0;

	dir = directory_with(c, g, CGROUP_MEMORY, &path, &unified);
	if (dir != NULL && want->memory != g->limits.memory)
		err = limit_memory(dir, unified, want->memory);
	dir = directory_with(c, g, CGROUP_CPU, &path, &unified);
	if (dir != NULL && err == 0 && want->cpus != g->limits.cpus)
		err = share_cpu(dir, unified, want->cpus);
	dir = directory_with(c, g, CGROUP_PIDS, &path, &unified);
	if (dir != NULL && err == 0 && fresh)
		err = cgroup_write_file(dir, "pids.max", PIDS_MOST);
	g->limits = *want;
	str_release(&path);
	return err;
}

/* A number of the memory controller, by the names of both versions; 0 where there is none. */
static uint64_t read_memory(const struct cgroups *c, const struct cgroup *g, const char *one,
                            const char *two, const char *key)
{
	struct str path = STR_INIT;
	bool unified;
	const char *dir = directory_with(c, g, CGROUP_MEMORY, &path, &unified);
	uint64_t value = dir != NULL ? cgroup_read_number(dir, unified ? two : one, key) : 0;

	str_release(&path);
	return value;
}

static uint64_t oom_kills(const struct cgroups *c, const struct cgroup *g)
{
	return read_memory(c, g, "memory.oom_control", "memory.events", "oom_kill");
}

uint64_t cgroup_memory(const struct cgroups *c, const struct cgroup *g)
{
	struct str path = STR_INIT;
	bool unified;
	const char *dir = directory_with(c, g, CGROUP_MEMORY, &path, &unified);
	uint64_t value = dir != NULL ? cgroup_read_held(dir, unified) : 0;

	str_release(&path);
	return value;
}

static uint64_t read_cpu(const struct cgroups *c, const struct cgroup *g)
{
	struct str path = STR_INIT;
	uint64_t us = 0;

	for (size_t i = 0; i < c->n && us == 0; i++) {
		add_path(&path, &c->hierarchies[i], g);
		if (c->hierarchies[i].unified)
			us = cgroup_read_number(path.p, "cpu.stat", "usage_usec");
		else if (c->hierarchies[i].controllers & CGROUP_CPU)
			us = cgroup_read_number(path.p, "cpuacct.usage", NULL) / 1000;
	}
	str_release(&path);
	return us;
}

/* False where a directory is in use. */
static bool remove_group(const struct cgroups *c, struct cgroup *g)
{
	struct str path = STR_INIT;
	bool gone = true;

	for (size_t i = 0; i < c->n; i++) {
		if (g->entries[i] >= 0)
			close(g->entries[i]);
		add_path(&path, &c->hierarchies[i], g);
		gone = (rmdir(path.p) == 0 || errno == ENOENT) && gone;
	}
	str_release(&path);
	free(g);
	return gone;
}

/* Somebody else may have removed the directory of our groups meanwhile. */
static int make_directory(const struct cgroup_hierarchy *h, const char *path)
{
	unsigned bits = h->controllers;
	int err;

	if (mkdir(path, 0755) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	err = make_base(h->base, h->unified, &bits);
	return err != 0 ? err : mkdir(path, 0755) != 0 ? -errno : 0;
}

static struct cgroup *make_group(struct cgroups *c, int *err)
{
	struct cgroup *g = xcalloc(1, sizeof(*g));
	struct str path = STR_INIT;

	g->number = c->next++;
	*err = 0;
	for (size_t i = 0; i < CGROUP_HIERARCHIES; i++)
		g->entries[i] = -1;
	for (size_t i = 0; i < c->n && *err == 0; i++) {
		add_path(&path, &c->hierarchies[i], g);
		*err = make_directory(&c->hierarchies[i], path.p);
		str_addf(&path, "/%s", entry_of(c->hierarchies[i].unified));
		if (*err == 0) {
			g->entries[i] = open(path.p, O_WRONLY | O_CLOEXEC);
			*err = g->entries[i] < 0 ? -errno : 0;
		}
	}
	str_release(&path);
	if (*err != 0) {
		remove_group(c, g);
		return NULL;
	}
	return g;
}

static bool is_whole(const struct cgroups *c, const struct cgroup *g)
{
	struct str path = STR_INIT;
	bool whole = true;

	for (size_t i = 0; i < c->n && whole; i++) {
		add_path(&path, &c->hierarchies[i], g);
		whole = access(path.p, F_OK) == 0;
	}
	str_release(&path);
	return whole;
}

/* NULL: none. Those that somebody else removed are of no use. */
static struct cgroup *idle_group(struct cgroups *c)
{
	while (c->idle.n > 0) {
		struct cgroup *g = c->idle.v[--c->idle.n];

		if (is_whole(c, g))
			return g;
		(void)remove_group(c, g);
	}
	return NULL;
}

struct cgroup *cgroup_take(struct cgroups *c, const struct cgroup_limits *limits, int *err)
{
	struct cgroup *g = idle_group(c);
	bool fresh = g == NULL;

	*err = 0;
	if (c->n == 0)
		return NULL;
	if (fresh)
		g = make_group(c, err);
	if (g == NULL)
		return NULL;
	*err = set_limits(c, g, limits, fresh);
	if (*err != 0) {
		remove_group(c, g);
		return NULL;
	}
	return g;
}

void cgroup_give_back(struct cgroups *c, struct cgroup *g, bool empty)
{
	if (empty && c->idle.n < IDLE_MOST &&
	    read_memory(c, g, "memory.usage_in_bytes", "memory.current", NULL) < REUSE_MOST)
		vec_push(&c->idle, g);
	else
		(void)remove_group(c, g);
}

void cgroups_close(struct cgroups *c)
{
	while (c->idle.n > 0)
		(void)remove_group(c, c->idle.v[--c->idle.n]);
	vec_release(&c->idle);
	for (size_t i = 0; i < c->n; i++) {
		(void)rmdir(c->hierarchies[i].base);
		free(c->hierarchies[i].base);
	}
	c->n = 0;
}

/* ---- the processes of a group ---- */

int cgroup_find(const struct cgroups *c, const struct cgroup *g, struct pids *found)
{
	struct str path = STR_INIT, text = STR_INIT;
	int err;

	add_path(&path, &c->hierarchies[0], g);
	str_adds(&path, "/cgroup.procs");
	err = file_read(path.p, &text);
	for (char *p = text.p, *end; err == 0 && *p != '\0'; p = end + (*end == '\n')) {
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		if (pid > 0)
			vec_push(found, (pid_t)pid);
	}
	str_release(&path);
	str_release(&text);
	return err;
}

ssize_t cgroup_signal(const struct cgroups *c, const struct cgroup *g, int sig)
{
	struct pids found = {0};
	int err = cgroup_find(c, g, &found);
	ssize_t n = (ssize_t)found.n;

	for (size_t i = 0; i < found.n; i++) {
		(void)kill(found.v[i], sig);
		if (sig == SIGTERM || sig == SIGKILL)
			(void)kill(found.v[i], SIGCONT);
	}
	if (n > 0 && (sig == SIGTERM || sig == SIGKILL))
		(void)cgroup_freeze(c, g, false);
	vec_release(&found);
	return err != 0 ? err : n;
}

int cgroup_freeze(const struct cgroups *c, const struct cgroup *g, bool frozen)
{
	struct str path = STR_INIT;
	bool unified;
	const char *dir = directory_with(c, g, CGROUP_FREEZER, &path, &unified);
	int err = -EOPNOTSUPP;

	if (dir != NULL && unified)
		err = cgroup_write_file(dir, "cgroup.freeze", frozen ? "1" : "0");
	else if (dir != NULL)
		err = cgroup_write_file(dir, "freezer.state", frozen ? "FROZEN" : "THAWED");
	str_release(&path);
	return err;
}

void cgroup_usage(const struct cgroups *c, struct cgroup *g, struct cgroup_usage *usage)
{
	uint64_t cpu_us = read_cpu(c, g), kills = oom_kills(c, g);

	usage->cpu_us = cpu_us > g->cpu_us ? cpu_us - g->cpu_us : 0;
	usage->oom = kills > g->oom_kills;
	g->cpu_us = cpu_us;
	g->oom_kills = kills;
}
