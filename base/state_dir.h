/* Where the programs of a user keep what they must find again. */
#ifndef BASE_STATE_DIR_H
#define BASE_STATE_DIR_H

#include "base/str.h"

#include <stdbool.h>

/*
 * Append $XDG_STATE_HOME/scitq, or ~/.local/state/scitq where that is not set. Source: the
 * XDG Base Directory Specification. False, with nothing appended, where neither
 * XDG_STATE_HOME nor HOME holds an absolute path.
 */
bool state_dir_default(struct str *path);

#endif
