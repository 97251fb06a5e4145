/*
 * Gathers with a minimum: `gather call.vcf min 90%`. Which of the tasks that a task
 * waits for may fail, and how many of them.
 */
#ifndef COMPILER_QUORUM_H
#define COMPILER_QUORUM_H

#include "compiler/compilation.h"
#include "compiler/node.h"

#define QUORUM_NONE UINT32_MAX

/* What one task waits for, beside its requirements in the plan. */
struct quorum {
	uint32_t *gathers;  /* of each requirement: place in may_fail; QUORUM_NONE: must succeed */
	uint32_t *may_fail; /* of each gathered step */
	size_t n;
};

/* Does a setting of the step gather with a minimum? */
bool quorum_asked(const struct step *step);
/*
 * For one task of such a step, whose requirements are task numbers, ascending. In
 * the arena of `env`. False after an error: a minimum that cannot be.
 */
bool quorum_of(struct env *env, struct env *other, const struct step *step, uint32_t tuple,
               const uint32_t *requires, size_t nrequires, struct quorum *out);

#endif
