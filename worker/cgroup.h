/*
 * Control groups of tasks, where they may be made: of version 2, or of version 1 (one hierarchy
 * per controller, as hybrid machines have them). A group limits memory and processes, shares the
 * cpu, freezes and finds every process of its task, whatever that did to slip away, and
 * tells their cpu time and whether the kernel killed one for lack of memory. Where none can be had,
 * tree.h finds processes and nothing is limited.
 *
 * Making and removing a group costs as much as a short command, so that one that its
 * task hardly used serves the next. The supervisor has them.
 */
#ifndef WORKER_CGROUP_H
#define WORKER_CGROUP_H

#include "base/str.h"
#include "worker/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGROUP_HIERARCHIES 4

struct cgroup_limits {
	uint64_t memory; /* bytes, 0: none */
	double cpus;     /* share of the machine's */
};

struct cgroup {
	unsigned number;
	int entries[CGROUP_HIERARCHIES]; /* a process with one thread that writes "0" enters */
	struct cgroup_limits limits;
	uint64_t cpu_us, oom_kills; /* of the tasks before */
};

struct cgroups {
	struct cgroup_hierarchy {
		char *base; /* directory of our groups */
		unsigned controllers;
		bool unified; /* version 2 */
	} hierarchies[CGROUP_HIERARCHIES];
	size_t n; /* 0: no groups here */
	unsigned next;
	VEC(struct cgroup *) idle;
};

/* What a task used, as far as its group tells: 0 where it does not. */
struct cgroup_usage {
	uint64_t cpu_us;
	bool oom; /* the kernel killed a process of it for lack of memory */
};

/* Look for what may be used; `told` gets a line that says what that is, or why nothing. */
void cgroups_open(struct cgroups *c, struct str *told);
/* Remove all groups; their processes are gone. */
void cgroups_close(struct cgroups *c);

/* What supervisors that were killed left: thawed, so that what they held hears of its end, and
   removed once it is empty. The agent may call it too. */
void cgroups_sweep(void);

/*
 * A group without processes under these limits; NULL where there are none, or -errno in *err. Made
 * anew where somebody else removed them: an empty group is anybody's to sweep away.
 */
struct cgroup *cgroup_take(struct cgroups *c, const struct cgroup_limits *limits, int *err);
/* Its task has ended; empty: with all its processes. Those that do not die keep the directory. */
void cgroup_give_back(struct cgroups *c, struct cgroup *g, bool empty);

/* Append its processes. 0 or -errno. */
int cgroup_find(const struct cgroups *c, const struct cgroup *g, struct pids *found);
/* To each of them; they go on where they are frozen and are to end. Their number or -errno. */
ssize_t cgroup_signal(const struct cgroups *c, const struct cgroup *g, int sig);
/* -EOPNOTSUPP where nothing here can freeze. */
int cgroup_freeze(const struct cgroups *c, const struct cgroup *g, bool frozen);
/* Bytes that its processes hold now, 0 where it does not say. */
uint64_t cgroup_memory(const struct cgroups *c, const struct cgroup *g);
/* Since this was asked last, or the group was made. */
void cgroup_usage(const struct cgroups *c, struct cgroup *g, struct cgroup_usage *usage);

#endif
