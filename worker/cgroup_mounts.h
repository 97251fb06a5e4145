/*
 * Where this process stands in the hierarchies of control groups that are mounted, and so where
 * groups may be made: below its own directory. In version 2 one with processes in it has no
 * controllers for those below, so that there the directory above comes first. For cgroup.c.
 */
#ifndef WORKER_CGROUP_MOUNTS_H
#define WORKER_CGROUP_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

/* The controllers that we use; of version 1 each has its hierarchy, or several share one. */
enum cgroup_controller {
	CGROUP_MEMORY = 1 << 0,
	CGROUP_PIDS = 1 << 1,
	CGROUP_CPU = 1 << 2,
	CGROUP_FREEZER = 1 << 3,
};

/* Word i is of bit 1 << i. */
#define CGROUP_CONTROLLERS 4
extern const char *const cgroup_controller_words[CGROUP_CONTROLLERS];
/* The bits of the words in a list, separated by commas or blanks. */
unsigned cgroup_controllers_of(const char *list);

struct cgroup_mount {
	char *directory;
	unsigned controllers; /* of version 1; 0 in version 2 */
	bool unified;         /* version 2 */
};

struct cgroup_mounts {
	struct cgroup_mount *v;
	size_t n, cap;
};

void cgroup_mounts_read(struct cgroup_mounts *mounts);
void cgroup_mounts_release(struct cgroup_mounts *mounts);

#endif
