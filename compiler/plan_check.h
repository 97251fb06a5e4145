/*
 * Tasks against each other: names that occur twice, two tasks that would write
 * one file (plan_check.c), inputs that would overwrite each other, `$INPUT/x` that
 * nothing puts there (plan_stage.c), recruiters that cannot come to act.
 */
#ifndef COMPILER_PLAN_CHECK_H
#define COMPILER_PLAN_CHECK_H

#include "base/map.h"
#include "compiler/compilation.h"
#include "compiler/node.h"

/* Tasks of one step whose texts are compared with what comes in; the rest is alike. */
#define TEXT_TASKS 20000u

struct judge {
	struct compilation *c;
	struct arena arena; /* of keys kept in the maps */
	struct map files;   /* "output file" -> task that writes it + 1 */
	struct map names;   /* custom name -> task + 1 */
	const struct step *step;
	uint32_t tuple;
};

void plan_check(struct compilation *c);

/* A yield that holds nothing but constants and keys: it is a good name for every task. */
bool plan_plain_name(const struct node *n);

/* Every setting of the key brings a single thing, or things whose names differ. */
bool plan_stages_single(const struct step *step, enum setting_key key);
/* The text names files below the root of the key, KEY_input or KEY_resource. */
bool plan_names_paths(const struct script *script, enum setting_key key);
/* The judge's task; `single` as plan_stages_single said. False after an error. */
bool plan_check_staging(struct judge *j, enum setting_key key, bool single);

#endif
