/*
 * What is told of memory without asking the core: the statuses of tasks that are not
 * done, batches with their counts, workers with theirs. It stands as of the last
 * COMMIT: the core publishes what a group changed once that is kept and before it
 * answers. So whoever was answered sees what it did, nobody sees what may yet be taken
 * back, and nobody waits for the group at hand.
 *
 * The core writes it, any thread reads it. One lock, held while something is copied,
 * never while anything is printed.
 *
 * known_show.c and task_status.c answer from it.
 */
#ifndef SERVER_KNOWN_H
#define SERVER_KNOWN_H

#include "model/problem.h"
#include "server/state.h"

struct known;

struct known *known_new(void);
void known_free(struct known *known);

/* On the core thread. */

/* Memory goes: nothing is known until the next known_publish(). */
void known_forget(struct known *known);
/*
 * What changed since the last time (state.changed), which was committed. `term` is that of the
 * leader (store_term()).
 */
void known_publish(struct known *known, struct state *state, int64_t term);
/* For tests: is it what memory says? False with *problem set. */
bool known_check(struct known *known, const struct state *state, struct problem *problem);

/* Any thread. Texts are copied into the arena. */

struct known_batch {
	const char *name;
	uint32_t counts[TASK_STATUS_COUNT];
	bool stored, paused;
	bool served;  /* there are workers whose pattern matches */
	uint32_t run; /* 0: none */
	int64_t concurrency, lease_seconds;
};

struct known_worker {
	uint32_t id; /* 0: there is none */
	const char *name;
	const char *pattern;                     /* of batches that it serves; NULL: none */
	uint32_t counts[EXECUTION_STATUS_COUNT]; /* latest executions */
};

struct known_lists {
	struct known_batch *batches; /* in no order */
	size_t nbatches;
	struct known_worker *workers; /* by id */
	size_t nworkers;
};

/* False: nothing is known, or what is done is not counted yet (tally.h). */
bool known_batches(struct known *known, struct arena *arena, struct known_lists *lists);
/* The same; of the lists only the workers, of them only id and counts. */
bool known_workers(struct known *known, struct arena *arena, struct known_lists *lists);

/* For each id the task's status, or KNOWN_NOT where it is done or there is none; how many of
   those. Where nothing is known it is all of them. */
#define KNOWN_NOT (-1)
size_t known_statuses(struct known *known, const int64_t *ids, size_t n, signed char *statuses);

/* Where tasks in a status are, by their numbers, upwards. `at` is where it goes on; 0: that was
 * all.
 */
struct known_scan {
	enum task_status status;
	int64_t at;
};
/* Behind the number `after`, INT_NULL or 0: from the start. False: nothing is known. */
bool known_scan_begin(struct known *known, struct known_scan *scan, enum task_status status,
                      int64_t after);
/* Whether fewer tasks are in that status, of all batches, than there are in the batch. */
bool known_is_rarer(struct known *known, enum task_status status, const char *batch);
/* Of a status in which a task is not done: those that are in it. It may be none and yet have to
   go on, since the lock is held for a moment only. */
size_t known_scan_ids(struct known *known, struct known_scan *scan, int64_t *ids, size_t most);
/* Of another one: numbers from *first to *last, between which tasks may be in it. False: there are
   no more. */
bool known_scan_range(struct known *known, struct known_scan *scan, int64_t *first, int64_t *last);

/* As published last; -1 where nothing is known. */
int64_t known_term(struct known *known);

#endif
