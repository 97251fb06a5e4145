/*
 * Settings of the command line, --set [TARGET.]KEY=VALUE, and the list that tells
 * where each setting of each step comes from.
 *
 * They win over what the file says. Without a target: `maximum_workers` and other
 * settings that only the workflow has are its own, the rest are those of every step.
 * A target is a step, a recruiter or `workflow`, whose settings are the defaults of
 * steps; a step's own --set wins over one for all of them. What an attempt of `retry`
 * says for itself stays.
 */
#ifndef COMPILER_OVERRIDE_H
#define COMPILER_OVERRIDE_H

#include "compiler/compilation.h"

/* Put the settings of the options into the program; at the beginning of check. */
void override_settings(struct compilation *c);

#endif
