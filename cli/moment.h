/* Moments as people write them on a command line. */
#ifndef CLI_MOMENT_H
#define CLI_MOMENT_H

#include "base/clock.h"

#include <stdbool.h>

/*
 * "90d", "12h", "30m" from now on (direction 1) or ago (-1), or a date, as the server takes dates.
 * False where it is neither.
 */
bool moment_read(const char *text, int direction, char date[DATE_TEXT_SIZE]);

#endif
