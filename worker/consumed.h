/*
 * Deleting what a task published once nobody needs it any more: the files that it is known to have
 * written, and nothing else that lies beside them.
 */
#ifndef WORKER_CONSUMED_H
#define WORKER_CONSUMED_H

#include "stage/stage.h"

#include <jansson.h>

/*
 * `found` is what the server told of the task: output, outputs. What is gone already is no error;
 * on this machine a file that is another than it was stays, and folders that are empty now go. On
 * failure `error` says why the first file could not be deleted; others may have been. *deleted is
 * how many files went.
 */
enum stage_result consumed_remove(struct stage *s, const json_t *found, size_t *deleted,
                                  struct str *error);

#endif
