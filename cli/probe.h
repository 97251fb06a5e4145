/*
 * plan --probe: whether what a workflow takes from elsewhere is there: addresses of inputs
 * and resources, and images.
 */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

#include "model/submission.h"

/*
 * Asks for each address and image once, and says what is not there on standard error. An
 * exit code: EXIT_CODE_COMPILE where something is missing.
 */
int probe(const struct submission *s);

#endif
