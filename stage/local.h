/* Files of this machine that a URI names. Private to stage/. */
#ifndef STAGE_LOCAL_H
#define STAGE_LOCAL_H

#include "base/arena.h"
#include "base/vec.h"
#include "stage/stage.h"
#include "stage/uri.h"

#include <dirent.h>
#include <sys/stat.h>

/* Files in the making by stage_put, and what else no listing shows. */
#define PART_PREFIX ".scitq-part-"
/*
 * Object stores know no empty folder. One that was published has this in it, a file without
 * bytes, by which it can be told from one that is not there. ftp needs no such thing.
 */
#define EMPTY_MARK PART_PREFIX "empty"

struct local_file {
	const char *name; /* relative to where the glob begins; the last component without one */
	const char *path; /* absolute */
	struct stat st;   /* of what a link leads to */
};

struct local_files {
	VEC(struct local_file) list;
};

/*
 * The files of a URI without a trailing '/': one, or every match of a glob (regular
 * files only). Names and paths live in the arena; the caller releases the list.
 */
enum stage_result local_match(struct stage *s, const struct uri *uri, struct arena *arena,
                              struct local_files *files, struct str *error);

/* The path itself, or with the current directory before it. */
const char *local_absolute(struct arena *arena, const char *path);

/* The next name that is not "." or "..", NULL at the end or with errno. */
struct dirent *next_name(DIR *d);

#endif
