/*
 * Whether what a task published still stands where it did, so that it can serve in place of running
 * the task again. Its files are told as the column `outputs` of an execution has them: an array of
 * path, size, mtime_ns and, of most, digest.
 */
#ifndef STAGE_STANDING_H
#define STAGE_STANDING_H

#include "stage/list.h"

#include <jansson.h>

/* One of them, below a folder of this machine: the same size, and the same date or else the same
   bytes. */
bool standing_file(const char *folder, const json_t *file);
/*
 * All of them, below the folder URI `output`: STAGE_OK, and where each lies, in the arena.
 * STAGE_NOT_FOUND where one is gone or another than it was; elsewhere than on this machine its size
 * has to tell.
 */
enum stage_result standing_outputs(struct stage *s, const char *output, const json_t *files,
                                   struct arena *arena, struct stage_listing *listing,
                                   struct str *error);

#endif
