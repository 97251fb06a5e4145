/*
 * What the tasks of one step have in common, kept once: at a million queued
 * tasks every byte of a task counts. Classes are counted by their users and go
 * with the last one.
 */
#ifndef SERVER_TASK_CLASS_H
#define SERVER_TASK_CLASS_H

#include "base/map.h"
#include "base/vec.h"

#include <stdint.h>

/* Compared by its bytes: no padding, one NaN only. */
struct task_class {
	double cpu;     /* NaN: not given */
	int64_t memory; /* INT_NULL: not given */
	int64_t gpu;    /* 0: none */
	int64_t need;   /* seconds that it may take on a worker; 0: nobody knows (deadline.h) */
	uint32_t batch; /* index into state.batches */
	uint32_t run;   /* run_id, 0: none */
	int32_t priority;
	uint16_t retry;
	uint8_t accepts_failure;
	uint8_t varies; /* the first four are those of the current attempt: attempt_settings */
};

struct task_class_entry;

struct task_classes {
	VEC(struct task_class_entry *) entries;
	struct map map;
	uint32_t free; /* first free entry + 1, 0: none */
	uint32_t last; /* taken last: tasks of a step come together */
};

/* The number of that class, with one user more. */
uint32_t task_class_take(struct task_classes *classes, const struct task_class *wanted);
void task_class_drop(struct task_classes *classes, uint32_t class);
/* Valid until the next take. */
const struct task_class *task_class_get(const struct task_classes *classes, uint32_t class);
void task_classes_release(struct task_classes *classes);

#endif
