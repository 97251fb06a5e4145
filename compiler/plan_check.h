/*
 * Tasks against each other: names that occur twice, two tasks that would write
 * one file, inputs that would overwrite each other, `$INPUT/x` that nothing puts
 * there, recruiters that cannot come to act.
 */
#ifndef COMPILER_PLAN_CHECK_H
#define COMPILER_PLAN_CHECK_H

struct compilation;

void plan_check(struct compilation *c);

#endif
