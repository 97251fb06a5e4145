/* What a listing takes, folder by folder, as ncdu(1) reads it: its export format 1.1. */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include "stage/list.h"

#include <jansson.h>

/*
 * A new reference; of a listing that is recursive and names no folders. `root` is what the folder
 * is called, `date_s` when it was listed; the arena is for names while it is made.
 */
json_t *usage_export(const struct stage_listing *listing, const char *root, int64_t date_s,
                     struct arena *arena);

#endif
