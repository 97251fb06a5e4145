/*
 * The promise of a task, column `yields`: names of files and folders that its command is to write
 * below $OUTPUT. A command that exits well without them has failed: what waits for
 * them must not start.
 */
#ifndef WORKER_PROMISE_H
#define WORKER_PROMISE_H

#include "base/str.h"
#include "stage/list.h"

#include <stdbool.h>

/*
 * `yields` is a JSON array of {"name", "pattern", "source"}. False with one line per pattern that
 * no file of the listing matches, or where the column cannot be read.
 */
bool promise_kept(const char *yields, const struct stage_listing *listing, struct str *why);

/* Whether the output folder is to be published even if nothing is in it. NULL: no. */
bool promise_of_whole(const char *yields);

#endif
