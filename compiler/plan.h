/*
 * The plan: tasks as numbers, their requirements as one array (compressed sparse
 * rows), nothing else. What a task is called, runs and writes is computed when
 * it is asked for. Tasks of a step have consecutive numbers, a requirement has a
 * smaller number than the task that waits.
 */
#ifndef COMPILER_PLAN_H
#define COMPILER_PLAN_H

#include "base/vec.h"
#include "compiler/env.h"
#include "compiler/program.h"

#include <stdbool.h>
#include <stdint.h>

/* A task that deletes the output of another; its requirements are that one and those that take from
   it. */
struct removal {
	uint32_t task;
	size_t edges; /* where they begin in plan.removal_edges; up to the next one's */
};

struct plan {
	uint32_t task_count;
	uint32_t *edge_start; /* task_count + 1 places in edges */
	uint32_t *edges;      /* ascending for each task */
	size_t edge_count;
	struct env other; /* to stand at another task while env stands at one */
	bool made;
	/* Numbered behind the tasks, in the order of what they delete; keep.c. */
	VEC(struct removal) removals;
	VEC(uint32_t) removal_edges;
};

void plan_release(struct plan *plan);
/* The step of a task; *tuple gets the instance. */
struct step *plan_step(const struct compilation *c, uint32_t task, uint32_t *tuple);

#endif
