/*
 * Putting things under their final names in a directory of ours. Nothing is ever
 * written through a symbolic link: one that stands for a folder of the user is
 * first replaced by a directory with links to what the folder holds. Private to
 * stage/.
 */
#ifndef STAGE_PLACE_H
#define STAGE_PLACE_H

#include "base/arena.h"
#include "stage/get.h"
#include "stage/stage.h"

#include <sys/stat.h>

struct place {
	struct stage *s;
	enum stage_mode mode;
	const char *subject; /* the URI, for messages */
	struct stat root;    /* of the destination, which is never copied into itself */
	struct arena *arena;
	struct str *error;
};

/*
 * The directory in which the last component of the relative path `name` belongs,
 * made where missing: its descriptor is the caller's. *last is that component.
 */
enum stage_result place_parent(struct place *p, int root, const char *name, int *fd,
                               const char **last);
/* Link or copy the user's file or folder at the absolute `path`. */
enum stage_result place_source(struct place *p, int at, const char *name, const char *path);
/* Move our own file or tree; directories are merged. */
enum stage_result place_move(struct place *p, int at, const char *name, const char *path);

#endif
