/* GPUs of the tasks of a step: how many, and whether those that are to be hired can have them. */
#ifndef COMPILER_GPUS_H
#define COMPILER_GPUS_H

#include "compiler/compilation.h"
#include "compiler/node.h"

/* Sets step->gpus, and tells of conditions of its recruiters that leave too few. */
void plan_gpus(struct compilation *c, struct step *step);

#endif
