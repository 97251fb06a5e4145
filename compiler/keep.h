/*
 * `keep = until_consumed`: what a task of the step wrote is deleted when all tasks that take from
 * it have succeeded, by a task of the step NAME_remove. It is no step of the program: it takes part
 * in nothing but the submission, behind all other tasks.
 */
#ifndef COMPILER_KEEP_H
#define COMPILER_KEEP_H

#include "compiler/compilation.h"

/* Find the removals, once all edges are there. */
void plan_keep(struct compilation *c);
void plan_keep_release(struct plan *plan);
/* How many steps NAME_remove there are. */
size_t keep_steps(const struct compilation *c);
/* Their rows behind the s->step_count first ones of `steps`, and a recruiter for each. */
void emit_keep(struct compilation *c, struct submission *s, struct submission_step *steps,
               struct recruiter *recruiters);
/* A removal as a task; for the callback of the submission, whose environments stand wherever. */
void emit_removal(struct compilation *c, uint32_t number, struct arena *arena,
                  struct submission_task *out);
/* Its limits alone, the same for all. */
void removal_limits(struct task *row);

#endif
