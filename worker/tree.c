#include "worker/tree.h"

#include "base/clock.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct process {
	pid_t pid, parent, group, session;
	char state;
	bool below; /* a descendant of the adopter */
	bool found;
};

struct table {
	struct process *v;
	size_t n, cap;
};

/* One line of /proc/PID/stat; the name in it may hold blanks and parentheses. */
static bool read_process(int proc, const char *name, struct process *p)
{
	char path[32], text[512];
	const char *after;
	int parent, group, session;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%.16s/stat", name);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = fd_read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	after = strrchr(text, ')');
	if (after == NULL ||
	    sscanf(after + 1, " %c %d %d %d", &p->state, &parent, &group, &session) != 4)
		return false;
	p->pid = (pid_t)strtol(name, NULL, 10);
	p->parent = parent;
	p->group = group;
	p->session = session;
	p->below = p->found = false;
	return true;
}

static int compare_processes(const void *a, const void *b)
{
	pid_t x = ((const struct process *)a)->pid, y = ((const struct process *)b)->pid;

	return (x > y) - (x < y);
}

static int read_table(struct table *table)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	struct process p;

	if (dir == NULL)
		return -errno;
	while ((errno = 0, entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    read_process(dirfd(dir), entry->d_name, &p))
			vec_push(table, p);
	}
	if (errno != 0) {
		int err = -errno;

		closedir(dir);
		return err;
	}
	closedir(dir);
	if (table->n > 0)
		qsort(table->v, table->n, sizeof(*table->v), compare_processes);
	return 0;
}

static struct process *lookup(const struct table *table, pid_t pid)
{
	struct process key = {.pid = pid};

	return table->n == 0 ? NULL
	                     : bsearch(&key, table->v, table->n, sizeof(key), compare_processes);
}

static bool has_marker(pid_t pid, const char *marker)
{
	struct str text = STR_INIT;
	size_t len = strlen(marker);
	bool prefix = marker[len - 1] == '/', is = false;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	/* Gone meanwhile, or somebody else's: not of a task of ours. */
	if (file_read(path, &text) == 0) {
		for (const char *p = text.p; !is && p < text.p + text.len; p += strlen(p) + 1)
			is = prefix ? strncmp(p, marker, len) == 0 : strcmp(p, marker) == 0;
	}
	str_release(&text);
	return is;
}

/* Set the flag in all whose parent has it, however deep. */
static void inherit(struct table *table, bool found)
{
	bool again;

	do {
		again = false;
		for (size_t i = 0; i < table->n; i++) {
			struct process *p = &table->v[i], *parent;
			bool *flag = found ? &p->found : &p->below;

			if (*flag)
				continue;
			parent = lookup(table, p->parent);
			if (parent != NULL && (found ? parent->found : parent->below))
				*flag = again = true;
		}
	} while (again);
}

static bool is_seed(const struct tree_seed *seed, const struct process *p)
{
	if (seed->adopter != 0 && !p->below)
		return false;
	/* It leads its session as long as it lives, and the session keeps its number in use. */
	if (seed->root != 0 && p->session == seed->root)
		return true;
	if (seed->marker == NULL || (seed->adopter != 0 && p->parent != seed->adopter))
		return false;
	return has_marker(p->pid, seed->marker);
}

/* Read the table and set `found` in what belongs to the seed. */
static int find(const struct tree_seed *seed, struct table *table)
{
	struct process *self;
	int err = read_table(table);

	if (err != 0)
		return err;
	if (seed->adopter != 0) {
		for (size_t i = 0; i < table->n; i++)
			table->v[i].below = table->v[i].parent == seed->adopter;
		inherit(table, false);
	}
	for (size_t i = 0; i < table->n; i++)
		table->v[i].found = is_seed(seed, &table->v[i]);
	/* A worker that was started by a task of another worker has that task's marker. */
	self = lookup(table, getpid());
	if (self != NULL)
		self->found = false;
	inherit(table, true);
	for (size_t i = 0; i < table->n; i++) {
		struct process *p = &table->v[i];

		if (p->state == 'Z' || p->state == 'X' || p->pid == getpid())
			p->found = false;
	}
	return 0;
}

int tree_find(const struct tree_seed *seed, struct pids *found)
{
	struct table table = {0};
	int err = find(seed, &table);

	for (size_t i = 0; i < table.n; i++) {
		if (table.v[i].found)
			vec_push(found, table.v[i].pid);
	}
	vec_release(&table);
	return err;
}

static void send_signal(pid_t pid, int sig)
{
	/* It may have ended since it was found. */
	(void)kill(pid, sig);
	if (sig == SIGTERM || sig == SIGKILL)
		(void)kill(pid, SIGCONT);
}

ssize_t tree_signal(const struct tree_seed *seed, int sig)
{
	bool group = seed->root_lives && seed->root > 1;
	struct table table = {0};
	ssize_t n = 0;
	int err;

	if (group)
		send_signal(-seed->root, sig);
	err = find(seed, &table);
	for (size_t i = 0; err == 0 && i < table.n; i++) {
		const struct process *p = &table.v[i];

		if (!p->found)
			continue;
		n++;
		if (!group || p->group != seed->root)
			send_signal(p->pid, sig);
	}
	vec_release(&table);
	return err != 0 ? err : n;
}

ssize_t tree_kill(const struct tree_seed *seed, int timeout_ms)
{
	int64_t deadline = clock_monotonic_ns() + (int64_t)timeout_ms * 1000000;
	ssize_t left;

	while ((left = tree_signal(seed, SIGKILL)) > 0 && clock_monotonic_ns() < deadline)
		poll(NULL, 0, 5);
	return left;
}

int tree_children_open(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)gettid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int tree_children(int fd, struct pids *children)
{
	struct str text = STR_INIT;
	char chunk[1024];
	ssize_t n;
	off_t at = 0;

	do {
		do
			n = pread(fd, chunk, sizeof(chunk), at);
		while (n < 0 && errno == EINTR);
		if (n > 0)
			str_add(&text, chunk, (size_t)n);
		at += n;
	} while (n == (ssize_t)sizeof(chunk));
	for (char *p = text.p; n >= 0 && *p != '\0';) {
		char *end;
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		vec_push(children, (pid_t)pid);
		p = end + (*end == ' ');
	}
	str_release(&text);
	return n < 0 ? -errno : 0;
}
