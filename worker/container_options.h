/*
 * Which options of the container engine a task may ask for. What keeps a task within its container
 * is free; what reaches the machine (its paths, devices, processes, privileges) is refused
 * unless the operator opened it; what the worker itself needs to find and remove the container is
 * refused always.
 *
 * The operator's list holds words as
 *
 *	--privileged            the option, with any value
 *	--volume=/scratch       only with a value that begins so, as "/scratch/a:/a"
 */
#ifndef WORKER_CONTAINER_OPTIONS_H
#define WORKER_CONTAINER_OPTIONS_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Split the text as a shell would and check each option. True with the words in the arena, in
 * the form "--option=value" or "--option"; false with a sentence in `error`. NULL is no option.
 */
bool container_options_read(const char *text, const char *allow, struct arena *arena, char ***words,
                            size_t *n, struct str *error);

#endif
