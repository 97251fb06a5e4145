/*
 * One task's environment outside of an agent, for a person: directory, inputs, variables, control
 * group, shield and container are those that an agent would make, by the same code. What runs in
 * it has our standard files; nothing is published, and no server is told.
 *
 *	room_open, room_furnish, room_run once, room_close.
 *
 * SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGCHLD are blocked from room_open() to room_close().
 */
#ifndef WORKER_ROOM_H
#define WORKER_ROOM_H

#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct room;

/*
 * A room for the grant, which is as the protocol has it, in a directory that is there and empty.
 * NULL with a sentence in `error`; the directory may then hold something.
 */
struct room *room_open(const char *work, json_t *grant, struct str *error);
/*
 * Bring what the task is given. `told` gets a line now and then; NULL: nobody asks. False with
 * what is wrong in `error`; "" where a signal interrupted it.
 */
bool room_furnish(struct room *r, void (*told)(const char *line), struct str *error);

/* The file of that name in $TEMP as those in the room name it; freed with the room. */
const char *room_path(struct room *r, const char *name);
/* Make that file. 0 or -errno. */
int room_lay(const struct room *r, const char *name, const char *text, size_t n, mode_t mode);
/* Where the task's script is for those in the room, after room_furnish(); NULL: it has none. */
const char *room_script(const struct room *r);
/* Bytes that each process may have, where no control group limits them together; 0: no limit. */
int64_t room_memory_each(const struct room *r);

/*
 * Run the words, sought in PATH, with further variables "NAME=value", both ended by NULL, and wait.
 * What they leave running ends with them. 0 and *status of wait(2), or -errno with a sentence in
 * `error`.
 */
int room_run(struct room *r, char *const *words, char *const *variables, int *status,
             struct str *error);
/* The directory goes too, but for `keep`. 0 or -errno: something of it is left. */
int room_close(struct room *r, bool keep);

#endif
