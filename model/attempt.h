/*
 * Settings of single attempts: the attempt_settings of a task, a JSON array with
 * one object per attempt, of the task's own fields as they are in it. The first
 * object is for the first attempt, the last one also for those beyond it. The
 * fields that may differ are marked FIELD_ATTEMPT in model/resources.h.
 *
 * The compiler writes the text, the server checks it when it comes in and lays
 * it over the row whenever it grants the task or weighs it.
 */
#ifndef MODEL_ATTEMPT_H
#define MODEL_ATTEMPT_H

#include "base/arena.h"
#include "model/problem.h"
#include "model/resources.h"

#include <stdbool.h>

/* Is it such an array, of at least one object? False with the problem set. NULL is right. */
bool attempt_settings_check(const char *text, struct problem *problem);
/*
 * Lay the settings of attempt `number`, counted from 0, over the row. Texts are
 * copied into the arena. False with the problem set and the row as it was where
 * row->attempt_settings is no such array (a hand changed it).
 */
bool attempt_settings_apply(struct task *row, unsigned number, struct arena *arena,
                            struct problem *problem);

#endif
