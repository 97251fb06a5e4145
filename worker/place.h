/*
 * The directories that tasks run in: WORK/task/N with input, output, resource,
 * tmp, stdout and stderr. A place that a task left as it found it (but for a
 * short output) serves the next task, because making and removing six inodes costs more
 * than a short command. Only the agent's loop uses these.
 */
#ifndef WORKER_PLACE_H
#define WORKER_PLACE_H

#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum place_part { PLACE_ROOT, PLACE_INPUT, PLACE_OUTPUT, PLACE_RESOURCE, PLACE_TEMP, PLACE_PARTS };

struct place {
	unsigned number;
	char *path;
	struct timespec changed[PLACE_PARTS]; /* ctime of each directory when it was empty */
	int64_t settled_ns;                   /* monotonic: when that was read; 0: never */
	int64_t taken_ns;                     /* monotonic: when it was given to its task */
};

struct places {
	char *root; /* WORK/task */
	unsigned next;
	VEC(struct place *) idle;
};

/* The directory is made. 0 or -errno. */
int places_init(struct places *p, const char *work);
/* Those that are out stay their users'. */
void places_release(struct places *p);

/* A clean place, or NULL and *err = -errno. */
struct place *places_take(struct places *p, int *err);
/* The place with this number as a task of an earlier agent left it. */
struct place *places_adopt(struct places *p, unsigned number);
/*
 * Give it back, to be taken again: true. False where the task left something:
 * the caller removes the tree, then calls place_free().
 */
bool places_give_back(struct places *p, struct place *place);
void place_free(struct place *place);
/* Remove those that nobody uses. */
void places_trim(struct places *p);
/* Whether anything is there on disk. */
bool places_any(const struct places *p);
/* Remove what is on disk but in none of these. */
void places_sweep(struct places *p, struct place *const *known, size_t n);

/*
 * Let every user of a container read and write: outside of one nobody else gets below the place. 0
 * or -errno.
 */
int place_open_up(const struct place *place);

/* 1 where nothing lies in $OUTPUT, 0 where something does, or -errno. */
int place_output_is_empty(const struct place *place);
/* Where the command has removed it: $OUTPUT, empty. 0 or -errno. */
int place_make_output(const struct place *place);

#endif
