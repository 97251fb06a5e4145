/*
 * Resources: what tasks of a worker share, fetched and unpacked once whatever the concurrency. Each
 * is known by its URI with the actions, remembered over restarts, fetched anew where its source has
 * another size or date, and given up, least recently used first, where the disk is full. Tasks
 * get links; shield.h and container engines keep them from writing there.
 *
 * A resource is a directory WORK/resource/DIGEST-N with `content` and `info`, renamed to that when
 * complete. Threads of the pool take, the agent's loop releases; a lock is inside.
 */
#ifndef WORKER_RESOURCE_H
#define WORKER_RESOURCE_H

#include "base/log.h"
#include "base/vec.h"
#include "stage/stage.h"

#include <stdbool.h>

struct resource;
struct resources;

/* Those that one task holds. */
struct resource_list {
	struct resource **v;
	size_t n, cap;
};

/* Reads what is remembered below the directory. 0 or -errno. */
int resources_open(struct resources **r, const char *work, const struct log *log);
/* What is on disk stays. */
void resources_close(struct resources *r);

/* False for what is on this machine's disk as it is: that is linked to by each task. */
bool resource_is_shared(const char *uri);
/*
 * The resource of the URI, fetched where it is not there, or awaited where another
 * thread fetches it. It stays until it is released. NULL where *result is not STAGE_OK.
 */
struct resource *resources_take(struct resources *r, struct stage *stage, const char *uri,
                                enum stage_result *result, struct str *error);
/* The folder with what the URI gave. */
const char *resource_content(const struct resource *resource);
/* By which a later agent finds it again; NULL there: it is gone. */
const char *resource_name(const struct resource *resource);
struct resource *resources_adopt(struct resources *r, const char *name);

/* Of each one that is needed no more the path is appended to `gone`: the caller removes the tree
   and frees the text. */
struct paths {
	char **v;
	size_t n, cap;
};

void resources_release(struct resources *r, struct resource *resource, struct paths *gone);
/* None is given to a task any more. */
void resources_forget(struct resources *r, struct paths *gone);
/* Give up the one that nobody uses and that was used least recently. False where there is none. */
bool resources_evict(struct resources *r);

#endif
