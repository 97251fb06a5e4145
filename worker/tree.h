/*
 * The processes that belong to a task: its first process, what that started, and
 * what slipped away by another session or by being adopted. Read from /proc when
 * somebody is to be signalled; nothing is remembered, so nothing is stale.
 *
 * A process belongs to a task when it has the task's session, when the marker
 * stands in its environment, or when an ancestor of it belongs.
 */
#ifndef WORKER_TREE_H
#define WORKER_TREE_H

#include "base/vec.h"

#include <stdbool.h>
#include <sys/types.h>

/* Every task has its directory in its environment under this name. */
#define TREE_MARKER_NAME "SCITQ_TASK_DIR"

struct tree_seed {
	/* Its first process, which leads its session; 0: not known. */
	pid_t root;
	/* "SCITQ_TASK_DIR=/path/of/the/task". One that ends in '/' means every task below it. */
	const char *marker;
	/* The supervisor: only its descendants are looked at, and of them only those that it
	   adopted are asked for the marker. 0: every process that we may look at. */
	pid_t adopter;
	/* The root was not reaped yet: its process group is certainly its own. */
	bool root_lives;
};

struct pids {
	pid_t *v;
	size_t n, cap;
};

/* Append the living processes of the task, zombies left out. 0 or -errno. */
int tree_find(const struct tree_seed *seed, struct pids *found);
/* Send the signal once to each, to the root's group at one stroke; the number found, or -errno.
   SIGCONT follows SIGTERM and SIGKILL, since a stopped process dies only when it goes on. */
ssize_t tree_signal(const struct tree_seed *seed, int sig);
/* Kill them until none is left, for at most timeout_ms. The number left, or -errno. */
ssize_t tree_kill(const struct tree_seed *seed, int timeout_ms);
/* Append the children of this thread; fd is of tree_children_open(). 0 or -errno. */
int tree_children(int fd, struct pids *children);
/* -errno where the kernel does not list children. */
int tree_children_open(void);

#endif
