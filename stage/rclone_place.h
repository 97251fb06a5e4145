/*
 * Where a URI leads in rclone's words: a remote of its configuration, an ftp server, or this
 * machine. Private to stage/.
 */
#ifndef STAGE_RCLONE_PLACE_H
#define STAGE_RCLONE_PLACE_H

#include "base/arena.h"
#include "stage/stage.h"
#include "stage/uri.h"

struct rclone_place {
	const struct uri *uri;
	const char *base;         /* "azure:"; "" for this machine */
	const char *path;         /* behind it, no '/' at the end; of a glob where it begins */
	const char *pattern;      /* what follows that, for fnmatch(3); NULL: no glob */
	const char *const *extra; /* of the environment; NULL: nothing */
	const char *root;         /* of URIs of what lies there: "azure://", "ftp://host" */
};

/* The texts live in the arena, and *uri as long as the place is used. */
enum stage_result rclone_place_find(struct stage *s, const struct uri *uri, struct arena *arena,
                                    struct rclone_place *r, struct str *error);
/* What rclone calls the file of that name below the place; "": the place itself. */
const char *rclone_place_spec(const struct rclone_place *r, const char *name, struct arena *arena);
/* One run of rclone that concerns the place; as rclone_run(). */
enum stage_result rclone_place_run(struct stage *s, const struct rclone_place *r,
                                   const char *const *words, const char *input, struct str *out,
                                   struct str *error);

#endif
