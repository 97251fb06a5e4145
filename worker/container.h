/*
 * Running a task's command in a container: the words for the engine, the container's name, and
 * how containers are removed that nobody holds any more.
 *
 * In the container /input, /output, /resource (read-only) and /tmp are the directories of the
 * task, and $INPUT and so on say so. A link of the task's input to a file of this machine leads
 * below /scitq/in, where the directory of that file is mounted read-only.
 */
#ifndef WORKER_CONTAINER_H
#define WORKER_CONTAINER_H

#include "base/arena.h"
#include "base/engine.h"
#include "stage/stage.h"
#include "worker/command.h"
#include "worker/mounts.h"

#include <stdint.h>

struct container_input {
	const struct engine *engine;
	const char *image, *options; /* options NULL: none */
	const char *work;            /* directory of the worker */
	const struct mounts *mounts;
	int64_t memory; /* bytes that it may take, where its options say nothing; 0: no limit */
	/* The engine itself is run, whose standard files the container's are, with these options
	   of `run` too, ended by NULL; NULL: it is run by worker/runner.h. */
	const char *const *attach;
};

/*
 * Make of the words and variables of a command that is to run in the container those that start
 * it there. False with a sentence in `error` where an option is refused.
 */
bool container_wrap(const struct container_input *in, const char *directory, int64_t execution_id,
                    struct arena *arena, struct command *command, struct str *error);

/* The name of the container of an execution of this worker, unique on this machine. */
void container_name(struct str *name, const char *work, int64_t execution_id);

/* Kill and remove the named containers; those that are gone already are fine. 0 or -errno. */
int container_remove(const char *engine, const char *const *names, size_t n);
/*
 * Remove a tree in which a container of a user without privileges left files: podman's users are
 * numbers of ours that only it may act for. 0 or -errno.
 */
int container_remove_tree(const char *engine, const char *path);
/*
 * Remove every container that this worker ever made. Nothing is done where it never ran one. 0 or
 * -errno.
 */
int containers_reap(const struct engine *engine, const char *work);
/* To be called before the first one is run, so that containers_reap() looks. 0 or -errno. */
int containers_begin(const char *work);

/*
 * Make sure that the image is here, pulling it where it is not; `told` gets a line now and then.
 * STAGE_OK, STAGE_NETWORK or STAGE_CANCELLED; `error` then has a sentence. The engine's own
 * configuration says which registries there are and how to log in.
 */
enum stage_result container_pull(struct stage *s, const char *engine, const char *image,
                                 void (*told)(void *ctx, const char *line), void *ctx,
                                 struct str *error);

#endif
