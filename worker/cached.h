/*
 * The result of an identical earlier task in place of running one that says use_cache: what the
 * task is known by, and bringing what that other one published. Threads of the pool do both.
 */
#ifndef WORKER_CACHED_H
#define WORKER_CACHED_H

#include "model/digest.h"
#include "stage/stage.h"

#include <jansson.h>

/* What decides a task's result; NULL where it has none of it. */
struct cached_task {
	const char *command, *script, *container, *container_options, *input, *resource;
};

/*
 * The identity of the task and, as JSON text, of its parts: inputs count by the names and bytes of
 * local files, others by their address, sizes and dates.
 */
enum stage_result cached_identity(struct stage *s, const struct cached_task *task,
                                  char text[DIGEST_TEXT_SIZE], struct str *parts,
                                  struct str *error);

/*
 * `found` is what the server told of the other task: task_id, output, outputs. What it published
 * is verified. Then *in_place says that it lies at the URI `output`, where it did already or one
 * storage had it from the other; else it was brought into the directory, which is
 * empty, to be published. On failure the directory is empty again.
 */
enum stage_result cached_take(struct stage *s, const json_t *found, const char *output,
                              const char *yields, const char *directory, bool *in_place,
                              struct str *error);

#endif
