/*
 * Directories below a root that are reached component by component, without
 * following symbolic links on the way where the content is not trusted. Private
 * to stage/.
 */
#ifndef STAGE_BELOW_H
#define STAGE_BELOW_H

#include "base/str.h"

#include <stdbool.h>

struct below {
	int root;       /* owned */
	bool follow;    /* links on the way are the user's own */
	int fd;         /* the directory used last, or -1 */
	struct str dir; /* its path below the root */
};

/* 0 or -errno. The root itself may be reached through links. */
int below_init(struct below *b, const char *root, bool follow);
/* The same of an open directory, which is then b's. */
void below_init_fd(struct below *b, int root, bool follow);
void below_release(struct below *b);

/*
 * The directory in which the last component of `path` lives, and where that begins.
 * `path` is relative without "..". With `make`, missing directories are made. The
 * descriptor is b's and valid until the next call; or -errno: ELOOP where a link
 * stands in the way, ENOTDIR a file.
 */
int below_parent(struct below *b, const char *path, bool make, const char **last);

/* Whether a component of the path is "..". */
bool below_climbs(const char *path);

#endif
