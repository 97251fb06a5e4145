/*
 * Recruiters of a step with their refinements applied: what check_recruiter.c
 * judges and emit turns into rows.
 */
#ifndef COMPILER_RECRUIT_H
#define COMPILER_RECRUIT_H

#include "compiler/compilation.h"
#include "compiler/node.h"

/* The entries of `recruiters`, of the step or else of the workflow; *n 0: none given. */
const struct hire *step_hires(struct compilation *c, const struct step *step, size_t *n);
/* The setting of a key for one entry: of its refinement, else of the recruiter; or NULL. */
const struct setting *hire_setting(const struct hire *h, enum setting_key key);
/* Its integer; INT_NULL where it is not set. */
int64_t hire_int(const struct hire *h, enum setting_key key);
/* Its text, or NULL. */
const char *hire_text(const struct hire *h, enum setting_key key);
/* The largest number that the conditions of its flavor allow for the key, and by which of them;
   infinite where they say nothing. */
double hire_most(const struct hire *h, const char *key, const struct constraint **which);
/* The smallest one; 0 where they say nothing. */
double hire_least(const struct hire *h, const char *key);
/* The column worker_flavor: a name, or auto:cpu>=32:... of workers with at least so many GPUs.
   `h` NULL: nothing else is asked of them. In the arena. */
const char *hire_flavor(const struct hire *h, int64_t gpus, struct arena *arena);

/* A setting of the step that is one for all of its tasks; of the workflow where the step has none.
 */
const struct setting *step_setting(struct compilation *c, const struct step *step,
                                   enum setting_key key);
/* The integer of such a setting; INT_NULL where it is not set. */
int64_t step_int(struct compilation *c, const struct step *step, enum setting_key key);

#endif
