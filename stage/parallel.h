/* Fetching several remote URIs of a task at once; files of this machine are linked one by one
 * anyway. */
#ifndef STAGE_PARALLEL_H
#define STAGE_PARALLEL_H

#include "stage/get.h"

/*
 * Fetch those of the n URIs that are not of this machine and not done yet into dest_dir, a few at a
 * time, each as stage_get_text does; done[i] is set for each that arrived. The first failure stops
 * the others from beginning, and is the result. The calling thread waits.
 */
enum stage_result stage_get_remotes(struct stage *s, char *const *uris, size_t n,
                                    const char *dest_dir, enum stage_mode mode, bool *done,
                                    struct str *error);

#endif
