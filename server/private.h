/*
 * The state directory of a server: made where missing (0700), held by a lock so
 * that one server works on it, and described in server.json for those who look
 * for its server. server.c is its user.
 */
#ifndef SERVER_PRIVATE_H
#define SERVER_PRIVATE_H

#include "base/str.h"
#include "model/problem.h"

#include <stdbool.h>

struct state_dir {
	struct str path;
	int lock; /* -1: not held */
	bool described;
};

enum state_dir_result { STATE_DIR_OK, STATE_DIR_HELD, STATE_DIR_FAILED };

/*
 * `path` NULL: $XDG_STATE_HOME/scitq, else ~/.local/state/scitq. Other than OK:
 * *problem says why, and the path is still set where it is known.
 */
enum state_dir_result state_dir_open(struct state_dir *dir, const char *path,
                                     struct problem *problem);
/* PATH/NAME, appended to out. */
void state_dir_file(const struct state_dir *dir, const char *name, struct str *out);
/* Write server.json: url, pid, boot id. */
bool state_dir_describe(struct state_dir *dir, const char *url, struct problem *problem);
/* Remove server.json where this process wrote it, then give up the lock. */
void state_dir_release(struct state_dir *dir);

#endif
