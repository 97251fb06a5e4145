/*
 * The files of this machine that a task's inputs link to, for a task in a container: which
 * directories are to be mounted there, and the links led through them. Only the staging thread of
 * the task uses it.
 */
#ifndef WORKER_MOUNTS_H
#define WORKER_MOUNTS_H

#include <stddef.h>

/* Mount i of the list is this in the container, with i behind it. */
#define MOUNTS_PLACE "/scitq/in/"

struct mounts {
	char **v; /* absolute paths without links */
	size_t n, cap;
};

void mounts_release(struct mounts *m);
/*
 * Lead the symbolic links to absolute paths that lie in the directory, and below it, through
 * mounts. A link that leads to nothing stays. 0, -errno, or -E2BIG where so many directories are
 * meant that an engine cannot be asked for all: then some links are as they were, and the
 * caller copies the files instead.
 */
int mounts_take(struct mounts *m, const char *directory);

#endif
