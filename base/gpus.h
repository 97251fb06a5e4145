/*
 * The GPUs of this machine, by the names that CUDA_VISIBLE_DEVICES has for them: their numbers,
 * or what it names itself. A list is a text with commas between the names, "" where there is none.
 */
#ifndef BASE_GPUS_H
#define BASE_GPUS_H

#include "base/str.h"

#include <stdbool.h>

/*
 * Those that this process may use: what CUDA_VISIBLE_DEVICES of its environment names, up to the
 * first that names none, as CUDA reads it; else /dev/nvidia0 and the like; else those of the
 * driver's list in /proc. The number of them; their names go to the end of `list`.
 */
size_t gpus_find(struct str *list);
/* The first n numbers. */
void gpus_first(size_t n, struct str *list);
void gpus_add(struct str *list, const char *name, size_t len);
size_t gpus_count(const char *list);
/* The first name of *list, of *len bytes, which goes on behind it; NULL: there is none. */
const char *gpus_next(const char **list, size_t *len);
/* How many of the first are in the second. */
size_t gpus_common(const char *list, const char *other);
/* Is the name, of so many bytes, one of the list? */
bool gpus_have(const char *list, const char *name, size_t len);

#endif
