/*
 * What keeps a task from changing files that it was only lent: inputs and results of
 * other tasks that $INPUT and $RESOURCE link to, resources that tasks share. Each task with
 * such links gets a mount namespace in which the files that they lead to are mounted
 * read-only upon themselves, so that their paths stay what they are. Without privileges
 * that takes a user namespace. Where neither may be had inputs must be copied.
 *
 * The agent probes once and collects paths while staging; the supervisor's child raises
 * the shield before it executes the command.
 */
#ifndef WORKER_SHIELD_H
#define WORKER_SHIELD_H

#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>

enum shield_kind {
	SHIELD_NONE,  /* not possible here */
	SHIELD_MOUNT, /* we may make a mount namespace */
	SHIELD_USER,  /* within a user namespace, in which we keep our ids */
};

/* What can be had for files below the directory, tried in a process of its own; SHIELD_NONE: *why
   says what failed. Only while SIGCHLD is not ignored. */
enum shield_kind shield_probe(const char *directory, struct str *why);

/* Paths that are lent to a task: real ones, each once. */
struct lent {
	struct map known;
	VEC(char *) paths;
};

void lent_init(struct lent *l);
void lent_release(struct lent *l);
/*
 * A file, or a folder with all below it; what symbolic links in it lead to is lent as
 * well. What cannot be resolved is no path that a task can write to.
 */
void lent_add(struct lent *l, const char *path);

/* What a child needs to raise the shield, made before it is. */
struct shield {
	enum shield_kind kind;
	char *const *paths;
	size_t npaths;
	const char *own; /* directory that stays writable though it lies below a path; NULL: none
	                    does */
	char uid_map[40], gid_map[40];
};

/* `own` and the paths are borrowed; npaths 0: there is nothing to raise. */
void shield_prepare(struct shield *s, enum shield_kind kind, char *const *paths, size_t npaths,
                    const char *own);
/* By system calls alone, in a process with one thread. 0 or -errno. */
int shield_raise(const struct shield *s);

#endif
