/*
 * Starting the process of a task: vfork, so that the size of the caller does not
 * matter, then a session of its own, death with its parent, no new privileges,
 * standard input from /dev/null, output appended to two files.
 *
 * The caller has one thread and all its signals blocked; their dispositions are the default
 * ones, which the child inherits; the child unblocks them. Descriptors of the caller are
 * close-on-exec.
 */
#ifndef WORKER_SPAWN_H
#define WORKER_SPAWN_H

#include "worker/shield.h"

#include <stdbool.h>
#include <sys/types.h>

struct spawn {
	char *const *argv; /* argv[0] without a slash is sought in PATH of envp */
	char *const *envp;
	/* Executed where argv cannot be: the shell that argv was meant for. NULL: none. */
	char *const *fallback;
	/* The program, where it is not argv[0] that names it; NULL: argv[0]. */
	const char *file;
	bool privileges; /* it may gain some: a container engine's helpers are set-user-id */
	struct shield shield;
	const int *entries; /* of control groups: "0" is written to each; NULL: none */
	size_t nentries;
	const char *directory; /* to run in */
	const char *out, *err; /* files, made where missing */
	int null;              /* /dev/null */
};

/* A process id, or -errno; *failed is then the step: "open stdout", "execute" and the like. */
pid_t spawn_start(const struct spawn *s, const char **failed);

#endif
