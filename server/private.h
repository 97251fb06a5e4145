/*
 * The state directory of a server: made where missing (0700), claimed by one
 * server at a time, and described in server.json for those who look for its
 * server. server.c is its user.
 *
 * The claim is the lock server.lock. The store holds the file of that name
 * beside its database, with this process's pid in it; where that is here too,
 * its lock is the claim, else it is taken here.
 */
#ifndef SERVER_PRIVATE_H
#define SERVER_PRIVATE_H

#include "base/str.h"
#include "model/problem.h"

#include <stdbool.h>

struct state_dir {
	struct str path; /* absolute once opened */
	int lock;        /* -1: not taken here */
	bool described;
};

void state_dir_init(struct state_dir *dir);
/* `path` NULL: $XDG_STATE_HOME/scitq, else ~/.local/state/scitq. */
bool state_dir_open(struct state_dir *dir, const char *path, struct problem *problem);
/* PATH/NAME, appended to out. */
void state_dir_file(const struct state_dir *dir, const char *name, struct str *out);
/*
 * Make sure that no other server works on the directory, and remove the
 * server.json that a killed one left. The store is open by now. PROBLEM_CONFLICT
 * where there is another.
 */
bool state_dir_claim(struct state_dir *dir, struct problem *problem);
/* Write server.json: url, pid, boot id, names of providers (NULL: none). The claim is held. */
bool state_dir_describe(struct state_dir *dir, const char *url, const char *providers,
                        struct problem *problem);
/* Remove server.json where this process wrote it; to be called before the store closes. */
void state_dir_forget(struct state_dir *dir);
/* Give up the claim and the memory. */
void state_dir_release(struct state_dir *dir);

#endif
