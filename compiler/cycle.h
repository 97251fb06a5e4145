/*
 * Whether steps wait for each other in a circle.
 */
#ifndef COMPILER_CYCLE_H
#define COMPILER_CYCLE_H

#include "compiler/program.h"

struct compilation;

/*
 * A step names, at `use`, the one that is declared at `declared`, further down. Where that waits
 * for the first one, by whatever steps between, the first one; *last then takes from it. Else NULL.
 */
const struct step *cycle_find(const struct compilation *c, struct span use, struct span declared,
                              const struct step **last);

#endif
