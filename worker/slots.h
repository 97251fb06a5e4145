/*
 * Which task may start, and how many to ask for beyond those that run. Pure
 * arithmetic; the supervisor asks slots_pick(), the agent slots_extra().
 */
#ifndef WORKER_SLOTS_H
#define WORKER_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A task that waits for its turn, oldest first. */
struct slot_claim {
	double weight;
	unsigned gpus;   /* of its own */
	bool frozen;     /* was told to stop before it began */
	unsigned passed; /* younger ones that began before it */
};

/*
 * The place of the task to start next where tasks of weight `used` run and so many GPUs are free,
 * or -1. The oldest that fits; but where one was passed SLOTS_PASSED_MAX times nothing behind it
 * starts, so that a task as large as the worker gets its turn. Counts the passing in `claims`.
 */
#define SLOTS_PASSED_MAX 16
ptrdiff_t slots_pick(struct slot_claim *const *claims, size_t n, double used, size_t gpus);

/* A moving mean of how long tasks take. */
struct slots_pace {
	double mean_ns; /* 0: nothing known */
};

void slots_pace_add(struct slots_pace *pace, uint64_t duration_ns);
/*
 * Tasks to hold ready for `running` places: as many as end while a report
 * travels, at most SLOTS_EXTRA_MAX; 0 where tasks are so long that it does not matter.
 */
#define SLOTS_EXTRA_MAX 64
unsigned slots_extra(const struct slots_pace *pace, unsigned running);
/* Whether tasks are so short that reports are worth collecting. */
bool slots_are_short(const struct slots_pace *pace);

#endif
