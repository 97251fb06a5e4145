/*
 * shellcheck over the shell texts of a compilation, where it is installed: its
 * findings become warnings of the compilation.
 */
#ifndef CLI_SHELLCHECK_H
#define CLI_SHELLCHECK_H

#include "compiler/compile.h"

/*
 * True also where there is nothing to check or no shellcheck; false, and said on
 * standard error, where it could not be run or answered otherwise than it does.
 */
bool shellcheck_run(struct compilation *c);

#endif
