/*
 * The work that blocks, as jobs for the pool: bringing inputs, listing outputs
 * with their digests, publishing them, removing what a task left.
 */
#ifndef WORKER_STAGING_H
#define WORKER_STAGING_H

#include "base/str.h"
#include "stage/stage.h"
#include "worker/cached.h"
#include "worker/mounts.h"
#include "worker/pool.h"
#include "worker/resource.h"
#include "worker/shield.h"

#include <jansson.h>

/* Copies of inputs above this are worth a word. */
#define STAGING_COPIES_TOLD ((uint64_t)1 << 30)
/* Larger files are told by size and date alone. */
#define STAGING_DIGEST_MAX ((uint64_t)256 << 20)

enum staging_kind {
	STAGING_IDENTIFY,
	STAGING_TAKE,
	STAGING_REMOVE,
	STAGING_IN,
	STAGING_LIST,
	STAGING_OUT
};

struct execution;

struct staging {
	struct job job;
	enum staging_kind kind;
	struct execution *execution; /* for the loop; threads do not look at it */
	char *directory;             /* of the task */
	struct cached_task task; /* STAGING_IDENTIFY: texts of the execution, which outlives it */
	char identity[DIGEST_TEXT_SIZE];
	struct str identity_parts;   /* STAGING_IDENTIFY: what it gave, as the one before */
	json_t *found;               /* STAGING_TAKE, _REMOVE: the other task, of the server */
	size_t deleted;              /* STAGING_REMOVE: files; `error`: what was not, and why */
	bool in_place;               /* STAGING_TAKE: its files lie where this task's belong */
	char *input, *resource;      /* URI lists, NULL: none; STAGING_IN */
	bool copies;                 /* STAGING_IN: no link to anybody's file */
	struct lent lent;            /* STAGING_IN: what links lead to */
	struct resources *resources; /* STAGING_IN: where those of `resource` come from */
	struct resource_list taken;  /* STAGING_IN: from there; the execution is to release them */
	char *output;                /* folder URI; STAGING_TAKE, STAGING_OUT */
	char *engine, *image;        /* STAGING_IN of a task in a container, else NULL */
	struct mounts mounts;        /* then made: what its links lead to */
	int64_t told_ns;             /* monotonic: when it told of its progress; 0: never */
	bool pulled;                 /* its image is there: what failed is something else */
	/* STAGING_LIST makes it: path, size, mtime_ns, digest of each file below $OUTPUT.
	   STAGING_OUT takes it and leaves what was published. */
	json_t *outputs;
	char *yields;      /* STAGING_TAKE, _LIST: what the task promised, NULL: nothing */
	struct str broken; /* STAGING_LIST: what it did not keep of that */
	bool resumed;      /* STAGING_OUT: some may have been published by an earlier agent */
	enum stage_result result;
	struct str error, warnings;
};

/* Texts are copied. `done` gets the job on the loop, which frees it. */
struct staging *staging_new(enum staging_kind kind, struct execution *e,
                            void (*done)(struct job *job, void *ctx));
/*
 * STAGING_IN of what the execution is given. In a container of this engine, whose image is there
 * first, where it names one; else by links, or by copies where there is no shield around them.
 */
struct staging *staging_in_new(struct execution *e, struct resources *resources,
                               enum shield_kind shield, const char *engine,
                               void (*done)(struct job *job, void *ctx));
/* The execution has what its links lead to. */
void staging_in_give(struct staging *s, struct execution *e);
void staging_free(struct staging *s);

/*
 * Removing a tree, for which nobody waits, and before it the container that may still write to
 * it; `done` frees the job by removal_free().
 */
struct removal {
	struct job job;
	char *path;
	char *engine;    /* NULL: the tree is of no container, and its files are ours */
	char *container; /* its name; NULL: it is gone */
	int err;
};

struct removal *removal_new(const char *path, void (*done)(struct job *job, void *ctx));
void removal_free(struct removal *r);

/* Either of both, for pool_free(). */
void staging_drop(struct job *job);

#endif
