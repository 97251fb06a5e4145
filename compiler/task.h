/*
 * One task of a step: which of its settings hold, what it is called, where it
 * writes. `env` stands at the task (task_enter).
 */
#ifndef COMPILER_TASK_H
#define COMPILER_TASK_H

#include "compiler/compilation.h"
#include "compiler/node.h"

void task_enter(struct env *env, const struct step *step, uint32_t tuple);

/* The setting that holds for the task, of the step alone; NULL where none does. */
const struct setting *task_own_setting(struct env *env, const struct step *step,
                                       enum setting_key key);
/* The same of a list of settings: of an attempt. */
const struct setting *own_setting(struct env *env, const struct settings *s, enum setting_key key);
/* The same, else that of the workflow. */
const struct setting *task_setting(struct env *env, const struct step *step, enum setting_key key);
/* What a setting that holds says; NONE for NULL, BAD after an error. */
struct value setting_value(struct env *env, const struct setting *set);
/* The same of task_setting(). */
struct value task_value(struct env *env, const struct step *step, enum setting_key key);

/* "fastp:S1", or what `name` says. In env->arena. */
const char *task_name(struct env *env, const struct step *step, uint32_t tuple);
/* URI of the folder that it writes, "/" at the end; NULL after an error. In env->arena. */
const char *task_output(struct env *env, const struct step *step, uint32_t tuple);
/* The pattern of one of its yields; NULL where this task has none of the name. */
const char *task_yield(struct env *env, const struct step *step, const char *name);

/* Relative, not empty, no "..", no line break: a path below $OUTPUT. */
bool good_yield(const char *pattern);

#endif
